"""Sessions of the real Codex, with MiMo behind a real proxy of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import MakeCodex, StartProxy
from tests.e2e.proxy import RecordingMimo
from tests.process import real_proxies
from tests.process.real_proxies import NAME, PASSWORD

pytestmark = pytest.mark.codex


@pytest.mark.parametrize("name", ["tinyproxy", "microsocks"])
def test_a_session_with_a_tool_is_carried_by_one_tunnel(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo: RecordingMimo, tmp_path: Path, name: str
) -> None:
    between = real_proxies.start(name, tmp_path / name)
    try:
        # In lower case, so that they win over those of the machine.
        proxy = start_proxy(
            MIMO_BASE_URL=f"http://{NAME}:{mimo.port}/v1", http_proxy=between.url(), no_proxy="elsewhere.test"
        )
        codex = make_codex(proxy)
        run = codex.exec("create hello.txt with hello").quiet()
        assert run.message.startswith("Done: I created hello.txt")
        assert (codex.workspace / "hello.txt").read_text().strip() == "hello"
        assert codex.resume("what did I ask first?").quiet().message
        assert len(mimo.requests()) > 2
        assert between.ways(mimo.port) >= 1
        assert f"through the proxy 127.0.0.1:{between.port} (HTTP_PROXY)" in proxy.log_text()
        assert PASSWORD not in proxy.log_text()
    finally:
        between.stop()
