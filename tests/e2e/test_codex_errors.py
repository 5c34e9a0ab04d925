"""What a user reads when something is wrong, and that Codex neither hides it nor hammers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeCodex, StartProxy
from tests.e2e.processes import free_port
from tests.e2e.proxy import FAKE_KEY, Proxy, RecordingMimo

pytestmark = pytest.mark.codex

WIRE = 'wire_api = "responses"\n'


def turns(proxy: Proxy) -> list[str]:
    """What became of each request, by the proxy's log."""
    return re.findall(r"req_\w+ \S+ turn .*", proxy.log_text())


def test_a_missing_key_is_told_at_once(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo: RecordingMimo
) -> None:
    proxy = start_proxy(MIMO_API_KEY="")
    run = make_codex(proxy).exec("how are you?")
    [message] = run.failures
    assert message.startswith("No MiMo API key came with the request. Enter it in cc switch")
    assert run.warnings == [message]
    assert mimo.requests() == []
    assert len(turns(proxy)) == 1, proxy.log_text()


def test_the_key_may_come_from_codex(start_proxy: StartProxy, make_codex: MakeCodex) -> None:
    header = 'env_http_headers = { "X-Mimo-Api-Key" = "MIMO_API_KEY" }\n'
    codex = make_codex(start_proxy(MIMO_API_KEY=""), lambda config: config.replace(WIRE, WIRE + header))
    codex.variables["MIMO_API_KEY"] = FAKE_KEY
    assert codex.exec("how are you?").quiet().message.startswith("Hello!")


def test_an_upstream_that_is_down_is_tried_a_few_times(
    start_proxy: StartProxy, make_codex: MakeCodex
) -> None:
    proxy = start_proxy(MIMO_BASE_URL=f"http://127.0.0.1:{free_port()}/v1", MIMO_PROXY_RETRIES="0")
    # Codex tries five times more by default; one time shows as well that it waits and stops.
    codex = make_codex(proxy, lambda config: config.replace(WIRE, f"{WIRE}stream_max_retries = 1\n"))
    run = codex.exec("how are you?")
    [message] = run.failures
    assert "MiMo cannot be reached. Check the network and MiMo's address (MIMO_BASE_URL" in message
    assert re.search(r"try again in \d+s", message), message
    assert run.warnings == [f"Reconnecting... 1/1 ({message})", message]
    assert len(turns(proxy)) == 2, proxy.log_text()


@pytest.fixture
def mimo_without_the_default_model(tmp_path: Path) -> Iterator[RecordingMimo]:
    directory = tmp_path / "mimo"
    directory.mkdir()
    mimo = RecordingMimo.start(directory, "mimo-v2.5")
    yield mimo
    mimo.stop()


def test_a_retired_default_model_goes_on_working(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo_without_the_default_model: RecordingMimo
) -> None:
    mimo = mimo_without_the_default_model
    proxy = start_proxy(MIMO_BASE_URL=mimo.base_url)
    run = make_codex(proxy).exec("create hello.txt with hello").quiet()
    assert run.message.startswith("Done: I created hello.txt")
    # Only the first request had to be sent twice.
    assert [request["model"] for request in mimo.requests()] == [
        "mimo-v2.5",
        "mimo-v2.6-flash",
        "mimo-v2.6-flash",
    ]
    assert "Unsupported model: mimo-v2.5" in proxy.log_text()
    assert len(re.findall("mimo-v2.5 -> mimo-v2.6-flash: completed", proxy.log_text())) == 2


def test_without_a_catalog_codex_warns_of_its_own_metadata_only(demo: Proxy, make_codex: MakeCodex) -> None:
    codex = make_codex(demo, lambda config: re.sub(r"(?m)^model_catalog_json.*\n", "", config))
    run = codex.exec("create hello.txt with hello from MiMo")
    [warning] = run.warnings
    assert warning.startswith("Model metadata for `mimo-v2.5` not found.")
    assert (codex.workspace / "hello.txt").read_text() == "hello from MiMo\n"
    assert run.message == "Done: I created hello.txt, and the text is “hello from MiMo”."
