"""The installed command against a gateway behind GonkaGate's own name, and ``mimo`` afterwards."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import CHECKOUT
from tests.mimocode import gateway_api as api
from tests.mimocode.gateway_api import KEY, KIMI
from tests.mimocode.mimo_home import REAL_MIMO, Entry, MimoHome
from tests.mimocode.netns import Behind, Ran, in_namespace, is_possible, namespace

pytestmark = pytest.mark.environment

COMMAND = str(Path(sys.executable).parent / "mimo-code-setup")
README = (CHECKOUT / "README.md").read_text()
README_CALL = re.search(r"printf '%s' .* \| \.venv/bin/mimo-code-setup (.*)\n", README)
UNAVAILABLE = [api.error(503, "service_unavailable")] * 3


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    assert is_possible(), "these tests need Linux and the right to make namespaces"


@pytest.fixture
def home(tmp_path: Path) -> MimoHome:
    return MimoHome(tmp_path)


def readme_options() -> list[str]:
    assert README_CALL is not None
    return README_CALL[1].split()


def set_up(home: MimoHome, *options: str, behind: Behind | None = None, stdin: str = KEY, **env: str) -> Ran:
    return in_namespace([COMMAND, *options], behind, env=home.environ(**env), cwd=home.project, stdin=stdin)


def shown(ran: Ran) -> Any:
    """What the command printed: one JSON object and nothing else."""
    assert ran.completed.stderr == ""
    return json.loads(ran.completed.stdout)


def without_mimos_own(home: MimoHome) -> dict[str, Entry]:
    """All but what ``mimo`` writes whenever it is started, such as its log."""
    own = (str(home.home / ".local"), str(home.home / ".cache"))
    return {path: entry for path, entry in home.tree().items() if not path.startswith(own)}


def holders_of(key: str, home: MimoHome) -> set[str]:
    return {path for path, entry in home.tree().items() if key.encode() in entry.content}


def test_the_readmes_call_sets_up_a_mimo_that_works(home: MimoHome) -> None:
    with namespace() as place:
        ran = place.run([COMMAND, *readme_options()], env=home.environ(), cwd=home.project, stdin=KEY)
        result = shown(ran)
        assert (ran.completed.returncode, result["status"]) == (0, "success"), result
        assert result["verification"] == dict.fromkeys(
            ("durable", "currentSession", "modelVisibility", "provenance"), "passed"
        )

        chat = place.run(
            [str(home.program), "run", "--pure", "--format", "json", "hello"],
            env=home.environ(),
            cwd=home.project,
        )

    (request,) = [one for one in chat.requests if one.method == "POST"]
    assert (request.path, request.key) == ("/v1/chat/completions", KEY)
    assert request.json()["model"] == KIMI
    assert "promptCacheKey" not in request.json()
    events = [json.loads(line)["type"] for line in chat.completed.stdout.splitlines()]
    assert "text" in events
    assert "error" not in events
    assert holders_of(KEY, home) == {str(home.home / ".gonkagate" / "mimo-code" / "api-key")}


def test_the_catalog_is_all_that_is_asked_for(home: MimoHome) -> None:
    ran = set_up(home, "--api-key-stdin", "--yes")

    assert [(one.method, one.path) for one in ran.requests] == [("GET", "/v1/models")]


@pytest.mark.parametrize(
    ("behind", "code"),
    [
        (Behind(answers={"/v1/models": [api.error(401, "invalid_api_key")]}), "invalid_api_key"),
        (Behind(answers={"/v1/models": UNAVAILABLE}), "model_catalog_fetch_failed"),
        (Behind(listens=False), "model_catalog_fetch_failed"),
        (Behind(resolves=False), "model_catalog_fetch_failed"),
        (Behind(models=[]), "model_catalog_empty"),
    ],
    ids=["refused", "unavailable", "down", "unknown", "empty"],
)
def test_without_a_catalog_nothing_is_written(home: MimoHome, behind: Behind, code: str) -> None:
    home.mimo("models")
    before = without_mimos_own(home)

    ran = set_up(home, "--api-key-stdin", "--yes", "--json", behind=behind)

    result = shown(ran)
    assert (ran.completed.returncode, result["status"], result["errorCode"]) == (1, "blocked", code)
    assert without_mimos_own(home) == before


def test_an_override_of_this_shell_is_told_and_the_setup_stays(home: MimoHome) -> None:
    override = json.dumps({"model": "xiaomi/mimo-v2.5"})

    ran = set_up(home, "--api-key-stdin", "--yes", "--json", MIMOCODE_CONFIG_CONTENT=override)

    result = shown(ran)
    assert (ran.completed.returncode, result["errorCode"]) == (1, "runtime_override_conflict")
    assert result["verification"]["durable"] == "passed"
    assert home.resolved()["model"] == f"gonkagate/{KIMI}"


def test_the_key_from_the_environment_reaches_the_gateway_and_no_other_program(home: MimoHome) -> None:
    ran = set_up(home, "--yes", "--scope", "user", stdin="", GONKAGATE_API_KEY=KEY)

    assert ran.completed.returncode == 0, ran.completed.stderr
    assert [one.key for one in ran.requests] == [KEY]
    if not REAL_MIMO:
        assert [call for call in home.calls() if KEY in repr(call)] == []
        assert len(home.calls()) >= 4
