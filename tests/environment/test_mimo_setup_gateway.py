"""GonkaGate by its own name: the key travels to a proven gateway, and to nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccmimolink import __version__
from tests.e2e.processes import clean_environ
from tests.mimocode import gateway_api as api
from tests.mimocode.gateway_api import DEACTIVATED_KEY, KEY, KIMI, MODELS
from tests.mimocode.gateway_tls import stranger
from tests.mimocode.netns import Behind, Ran, in_namespace, is_possible

pytestmark = pytest.mark.environment

FETCH = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from ccmimolink.mimocode.catalog_request import CatalogClient, https_agent
from ccmimolink.mimocode.provider import GONKAGATE

def told(models):
    print(*(f"{model.id} {model.context_length}" for model in models), sep="\\n")

def failed(reason):
    for blocker in reason.value.blockers:
        print(blocker.code, blocker.detail, blocker.message, sep="|", file=sys.stderr)

client = CatalogClient(reactor, https_agent(reactor))
fetched = Deferred.fromCoroutine(client.fetch(GONKAGATE, sys.stdin.read().strip()))
fetched.addCallbacks(told, failed).addBoth(lambda _: reactor.stop())
reactor.run()
"""


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    assert is_possible(), "these tests need Linux and the right to make namespaces"


def fetch(home: Path, behind: Behind | None = None, key: str = KEY) -> Ran:
    return in_namespace(
        [sys.executable, "-c", FETCH], behind, env=clean_environ(home), cwd=home, stdin=f"{key}\n"
    )


def test_the_catalog_comes_from_the_gateway_by_its_name(tmp_path: Path) -> None:
    ran = fetch(tmp_path)

    assert ran.completed.stderr == ""
    assert ran.completed.stdout.splitlines() == [
        f"{model['id']} {model.get('context_length')}" for model in MODELS
    ]
    (request,) = ran.requests
    assert (request.method, request.path, request.key) == ("GET", "/v1/models", KEY)
    assert request.header("host") == "api.gonkagate.com"
    assert request.header("user-agent") == f"mimo-code-setup/{__version__}"


@pytest.mark.parametrize(
    "behind", [Behind(issuer=stranger()), Behind(host="gonkagate.invalid")], ids=["authority", "name"]
)
def test_a_gateway_that_proves_nothing_is_not_asked(tmp_path: Path, behind: Behind) -> None:
    ran = fetch(tmp_path, behind)

    assert ran.completed.stdout == ""
    code, detail, message = ran.completed.stderr.strip().split("|")
    assert (code, detail) == ("model_catalog_fetch_failed", "reason=certificate")
    assert "certificate" in message
    assert ran.requests == ()


@pytest.mark.parametrize(
    ("behind", "detail"),
    [(Behind(resolves=False), "reason=dns"), (Behind(listens=False), "reason=connect")],
    ids=["dns", "connect"],
)
def test_a_machine_without_a_way_to_the_gateway(tmp_path: Path, behind: Behind, detail: str) -> None:
    ran = fetch(tmp_path, behind)

    assert ran.completed.stderr.split("|")[1] == detail
    assert ran.requests == ()


def test_what_the_gateway_answers_can_be_scripted(tmp_path: Path) -> None:
    answers = [api.error(503, "service_unavailable"), api.catalog({"id": "first/model"})]

    ran = fetch(tmp_path, Behind(answers={"/v1/models": answers}))

    assert ran.completed.stdout == "first/model None\n"
    assert len(ran.requests) == 2


ASK = """
import json, sys, urllib.error, urllib.request

for method, path, key, body in json.load(sys.stdin):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"https://api.gonkagate.com{path}", data, method=method)
    request.add_header("Authorization", f"Bearer {key}")
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    print(json.dumps([answer.status, answer.read().decode()]))
"""


def ask(home: Path, *requests: tuple[str, str, str, Any]) -> list[tuple[int, str]]:
    """What each request is answered, one after the other."""
    argv = [sys.executable, "-c", ASK]
    ran = in_namespace(argv, env=clean_environ(home), cwd=home, stdin=json.dumps(requests))

    assert ran.completed.returncode == 0, ran.completed.stderr
    assert [(each.method, each.path, each.key) for each in ran.requests] == [each[:3] for each in requests]
    return [(status, body) for status, body in map(json.loads, ran.completed.stdout.splitlines())]


def test_the_simulated_gateway_is_strict(tmp_path: Path) -> None:
    chat, message = "/v1/chat/completions", {"role": "user", "content": "Hello"}
    body = {"model": KIMI, "messages": [message]}

    answers = ask(
        tmp_path,
        ("POST", chat, KEY, body),
        ("POST", chat, KEY, {**body, "stream": True, "stream_options": {"include_usage": True}}),
        ("POST", chat, KEY, {**body, "promptCacheKey": "ses_1"}),
        ("POST", chat, KEY, {**body, "model": "kimi-k2.6"}),
        ("POST", chat, "gp-fake-unknown", body),
        ("POST", chat, DEACTIVATED_KEY, body),
        ("POST", "/v1/responses", KEY, body),
        ("GET", chat, KEY, None),
    )

    assert [status for status, _ in answers] == [200, 200, 400, 404, 401, 403, 404, 404]
    assert json.loads(answers[0][1])["choices"][0]["message"]["content"] == api.REPLY
    assert answers[1][1].endswith("data: [DONE]\n\n")
    assert "total_cost_usd" in answers[1][1]
    codes = [json.loads(text)["error"]["code"] for _, text in answers[2:6]]
    assert codes == ["unknown_parameter", "model_not_found", "invalid_api_key", "account_deactivated"]


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    program = "import os, time; os.fork(); os.setsid() if os.getppid() > 1 else 0; time.sleep(600)"

    with pytest.raises(subprocess.TimeoutExpired):
        in_namespace([sys.executable, "-c", program], env=clean_environ(tmp_path), cwd=tmp_path, timeout=3)
