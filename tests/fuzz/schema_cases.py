"""Cases of schemathesis: what it makes of ``GET /openapi.json``, sent to a running proxy.

Owns the programs, the checks and the counting. The proxy and the simulated MiMo behind it are processes of
their own; what is asked comes from the document alone.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.processes import CHECKOUT, clean_environ, free_port, get, listens, start, stop, wait_until
from tests.e2e.proxy import FAKE_KEY, Proxy
from tests.fuzz.described import Described
from tests.fuzz.runs import MOST_PROBLEMS, Problem, Run
from tests.http_wire import CODEX, Reply

CHECKS: list[Any] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TIMEOUT = 60.0
"""Seconds after which an answer hangs."""

CONFIG: dict[str, Any] = {
    # It would leave a stream early.
    "max-stream-events": 1_000_000,
    "output": {"sanitization": {"enabled": False}},
}

BATCH = 200
"""Cases that hypothesis makes in one go: it looks the harder for something else the longer that it runs."""


@contextmanager
def running_proxy() -> Iterator[Proxy]:
    """A proxy with a simulated MiMo, both as programs. In the end its log is looked at.

    :raises AssertionError: something went wrong in it.
    """
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        mimo = start(
            [sys.executable, "-m", "tests.fuzz.simulated_mimo", str(port)],
            output=Path(directory, "mimo-output.txt"),
            cwd=CHECKOUT,
            environ=clean_environ(Path(directory)),
        )
        try:
            wait_until(lambda: listens(port) or None, "the simulated MiMo")
            environ = {
                "MIMO_BASE_URL": f"http://127.0.0.1:{port}/v1",
                "MIMO_API_KEY": FAKE_KEY,
                "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true",
                "MIMO_PROXY_RETRIES": "0",
            }
            proxy = Proxy.start(Path(directory), **environ)
            try:
                yield proxy
                _see_it_at_rest(proxy)
            finally:
                proxy.stop()
        finally:
            stop(mimo)


def _see_it_at_rest(proxy: Proxy) -> None:
    health = json.loads(get(f"http://127.0.0.1:{proxy.port}/health") or b"{}")
    held = {name: health.get(name) for name in ("status", "requests", "in_flight", "waiting")}
    assert held == {"status": "ok", "requests": 0, "in_flight": 0, "waiting": 0}, health


class Asked:
    """Sends the cases of one document and judges the answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self._described = Described()
        self._stored: list[str] = []

    def schema(self) -> Any:
        document = self.session.get(f"{self.url}/openapi.json", timeout=TIMEOUT).json()
        return schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(CONFIG))

    def ask(self, case: Any, headers: dict[str, str]) -> None:
        """:raises AssertionError: the answer is not as the document says."""
        if "response_id" in case.path_parameters and len(self._stored) > 5:
            # The document cannot tell which there are.
            case.path_parameters["response_id"] = self._stored.pop(0)
        response = case.call(
            base_url=self.url,
            session=self.session,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        assert response.status_code != 500, response.text
        case.validate_response(response, checks=CHECKS)
        told = {name.lower(): values[0] for name, values in response.headers.items()}
        reply = Reply(response.status_code, told, response.content, complete=True, rest=b"")
        self._described.check(case.method, case.operation.path.format(response_id="x"), reply)
        if told["content-type"] == "text/event-stream":
            reply.last()
        elif case.method == "POST" and reply.status == 200:
            self._stored = [*self._stored[-200:], reply.json()["id"]]


def run_schema(cases: int, first_seed: int) -> Run:
    """So many cases, in equal parts for each operation and each manner of making them."""
    run = Run("schema")
    began = time.monotonic()
    with running_proxy() as proxy:
        asked = Asked(f"http://127.0.0.1:{proxy.port}")
        operations = [found.ok() for found in asked.schema().get_all_operations()]
        manners = [
            (operation, mode, headers)
            for operation in operations
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
            for headers in ({}, CODEX)
        ]
        for number in itertools.count(first_seed):
            left = cases - run.cases
            if left <= 0 or len(run.problems) >= MOST_PROBLEMS:
                break
            manner = manners[number % len(manners)]
            operation, mode, headers = manner
            share = BATCH if operation.label == "POST /v1/responses" else BATCH // 5
            try:
                _batch(run, asked, operation, mode, headers, min(left, share), number)
            except Unsatisfiable:
                # Nothing can be wrong with what takes nothing.
                manners.remove(manner)
    run.seconds = time.monotonic() - began
    return run


def _batch(
    run: Run, asked: Asked, operation: Any, mode: Any, headers: dict[str, str], cases: int, number: int
) -> None:
    last: list[Any] = []
    made = 0

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        nonlocal made
        made += 1
        last[:] = [case]
        asked.ask(case, headers)

    try:
        each()
    except Unsatisfiable:
        raise
    except Exception as error:
        what = "".join(traceback.format_exception(error))[-3000:]
        curl = last[0].as_curl_command(headers) if last else "nothing was sent"
        run.problems.append(Problem("schema", number, curl, what, []))
    run.cases += made
