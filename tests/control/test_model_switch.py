"""``ccmimolink-model`` and a proxy that runs, over real sockets and through the real files."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import os
import re
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from ccmimolink.control.files import Found, announce, read_found
from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings
from tests.control.model_call import Call, Ended
from tests.e2e.processes import CHECKOUT, free_port
from tests.http_wire import UNTIL_CLOSE_HEAD, answer, body_of, hello, request
from tests.memory_proxy import SETTINGS
from tests.scripted_upstream import ScriptedUpstream, connect, until

NOBODY = 2**22 + 1
"""Beyond the highest number that a process has."""


class House:
    """Services in this process, their upstream, and the command."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self.reactor, self.directory = reactor, directory
        self.upstream = ScriptedUpstream(reactor)
        self._upstream_port: int | None = None
        self._running: list[ProxyService] = []

    async def start(self, port: int | None = None, **settings: str) -> Call:
        """A proxy, and the command that is meant for it."""
        if self._upstream_port is None:
            self._upstream_port = await self.upstream.listen()
        call = Call(self.directory, port or free_port())
        environ = SETTINGS | {
            "MIMO_BASE_URL": f"http://127.0.0.1:{self._upstream_port}/v1",
            "MIMO_PROXY_LOG": str(self.directory / "proxy.log"),
            **call.environ,
            **settings,
        }
        service = ProxyService(
            Settings.from_environ(environ), PluginSet.load(third_party=False), self.reactor
        )
        service.startService()
        self._running.append(service)
        return call

    async def stop(self) -> None:
        """End all proxies that run."""
        running, self._running = self._running, []
        for service in running:
            await service.stopService()

    async def run(self, call: Call, *arguments: str) -> Ended:
        """In a thread: the proxy that is asked lives in this one."""
        ended: Ended = await deferToThread(call, *arguments)
        return ended

    async def asked_model(self, call: Call) -> str:
        """The model that MiMo is asked for by the next request."""
        place = len(self.upstream.connections)
        client = await connect(self.reactor, call.port)
        client.send(request("POST", "/v1/responses", body_of()))
        upstream = await self.upstream.request(place)
        upstream.send(UNTIL_CLOSE_HEAD + hello())
        upstream.close()
        await until(self.reactor, lambda: client.received and client.reply.complete)
        client.reset()
        model: str = json.loads(upstream.received.partition(b"\r\n\r\n")[2])["model"]
        return model

    def log(self) -> str:
        return (self.directory / "proxy.log").read_text()


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    from twisted.internet import reactor

    house = House(reactor, tmp_path)
    yield house
    await house.stop()
    await house.upstream.stop()


@pytest_twisted.ensureDeferred
async def test_a_choice_is_in_force_at_once_and_after_the_next_start(house: House) -> None:
    call = await house.start()
    assert await house.asked_model(call) == "mimo-v2.5"
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert (ended.status, ended.err) == (0, "")
    assert "mimo-v2.5-pro answers every text request from now on" in ended.out
    assert f"mimo-v2.5-pro is remembered for the next start (port {call.port})." in ended.out
    assert await house.asked_model(call) == "mimo-v2.5-pro"
    await house.stop()
    await house.start(call.port)
    assert await house.asked_model(call) == "mimo-v2.5-pro"


@pytest_twisted.ensureDeferred
async def test_the_readme_shows_what_is_really_said(house: House) -> None:
    call = await house.start()
    readme = (CHECKOUT / "README.md").read_text()
    shown = re.search(
        r"<!-- model-set -->\n```console\n\$ \S+/ccmimolink-model (.*)\n((?:.+\n)+?)```", readme
    )
    assert shown is not None
    ended = await house.run(call, *shown[1].split())
    assert ended.out.replace(str(call.port), "9876") == shown[2]


@pytest_twisted.ensureDeferred
async def test_reset_goes_back_for_good(house: House) -> None:
    call = await house.start()
    await house.run(call, "set", "mimo-v2.5-pro")
    assert (await house.run(call, "reset")).status == 0
    assert await house.asked_model(call) == "mimo-v2.5"
    assert not call.memory.exists()


@pytest_twisted.ensureDeferred
async def test_a_start_with_a_variable_wins_and_the_command_says_so(house: House) -> None:
    call = await house.start(MIMO_MODEL="mimo-v2.6-pro")
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert (
        "! This proxy was started with MIMO_MODEL (mimo-v2.6-pro), which wins at its next start" in ended.out
    )
    assert await house.asked_model(call) == "mimo-v2.5-pro"
    await house.stop()
    await house.start(call.port, MIMO_MODEL="mimo-v2.6-pro")
    assert await house.asked_model(call) == "mimo-v2.6-pro"
    assert "ccmimolink-model had chosen mimo-v2.5-pro" in house.log()


@pytest_twisted.ensureDeferred
async def test_status_tells_the_model_and_the_proxy(house: House) -> None:
    call = await house.start()
    ended = await house.run(call, "status")
    assert ended.status == 0
    assert "mimo-v2.5 if it asks for none" in ended.out
    assert f"The proxy runs at http://127.0.0.1:{call.port} (process {os.getpid()})." in ended.out


@pytest_twisted.ensureDeferred
async def test_list_and_set_go_by_mimos_own_list_too(house: House) -> None:
    call = await house.start()
    running = [house.run(call, "list"), house.run(call, "set", "mimo-v9"), house.run(call, "set", "mimo-v8")]
    ended = []
    for place, each in enumerate(running):
        waiting = Deferred.fromCoroutine(each)
        upstream = await house.upstream.request(place)
        upstream.send(answer(200, {"data": [{"id": "mimo-v2.5"}, {"id": "mimo-v9"}]}, connection="close"))
        upstream.close()
        ended.append(await waiting)
    listed, taken, refused = ended
    assert "in MiMo's list only" in listed.out
    assert "not in MiMo's list" in listed.out
    assert taken.status == 0
    assert refused.status == 1
    assert "mimo-v9" in refused.out


@pytest_twisted.ensureDeferred
async def test_the_control_file_is_there_while_the_proxy_runs_for_its_user_alone(house: House) -> None:
    call = await house.start()
    found = read_found(call.control)
    assert found is not None
    assert (found.url, found.pid) == (f"http://127.0.0.1:{call.port}", os.getpid())
    assert stat.S_IMODE(call.control.stat().st_mode) == 0o600
    assert stat.S_IMODE(call.directory.stat().st_mode) == 0o700
    await house.stop()
    assert not call.control.exists()
    assert found.token not in house.log()


@pytest_twisted.ensureDeferred
async def test_each_start_has_a_token_of_its_own(house: House) -> None:
    call = await house.start()
    first = read_found(call.control)
    await house.stop()
    await house.start(call.port)
    second = read_found(call.control)
    assert first is not None
    assert second is not None
    assert first.token != second.token


@pytest_twisted.ensureDeferred
async def test_a_proxy_leaves_the_file_of_another_alone_when_it_ends(house: House) -> None:
    call = await house.start()
    other = Found("http://127.0.0.1:1", "fake-token-of-another", 1)
    announce(call.control, other)
    await house.stop()
    assert read_found(call.control) == other


@pytest_twisted.ensureDeferred
async def test_two_proxies_on_two_ports_do_not_disturb_each_other(house: House) -> None:
    one, other = await house.start(), await house.start()
    await house.run(one, "set", "mimo-v2.5-pro")
    await house.run(other, "set", "mimo-v2.6-pro")
    assert await house.asked_model(one) == "mimo-v2.5-pro"
    assert await house.asked_model(other) == "mimo-v2.6-pro"


@pytest_twisted.ensureDeferred
async def test_of_two_commands_at_a_time_one_wins_in_the_proxy_and_in_the_file(house: House) -> None:
    call = await house.start()
    names = ["mimo-v2.5-pro", "mimo-v2.6-pro", "mimo-v2.6-flash"]
    ended = await gatherResults([Deferred.fromCoroutine(house.run(call, "set", name)) for name in names * 3])
    assert [each.status for each in ended] == [0] * 9
    assert json.loads(call.memory.read_text())["model"] == await house.asked_model(call)
    assert {path.name for path in call.directory.iterdir()} == {call.memory.name, call.control.name}


@pytest_twisted.ensureDeferred
async def test_the_command_reaches_a_proxy_on_a_socket(house: House, tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'sock'}"
    call = await house.start(MIMO_PROXY_LISTEN=endpoint)
    ended = await house.run(call, "set", "mimo-v2.5-pro", "--listen", endpoint)
    assert ended.status == 0
    status = await house.run(call, "status", "--listen", endpoint)
    assert "mimo-v2.5-pro answers every text request (chosen with ccmimolink-model)." in status.out
    assert f"The proxy runs at {endpoint}" in status.out


@pytest_twisted.ensureDeferred
async def test_the_command_needs_no_token_of_the_clients_and_no_proxy_of_the_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    call = await house.start(MIMO_PROXY_TOKEN="fake-client-token")
    assert (await house.run(call, "set", "mimo-v2.5-pro")).status == 0


@pytest_twisted.ensureDeferred
async def test_a_free_port_has_a_command_but_no_memory(house: House) -> None:
    call = await house.start(MIMO_PROXY_PORT="0")
    (control,) = call.directory.glob("control-*.json")
    port = control.stem.removeprefix("control-")
    ended = await house.run(call, "set", "mimo-v2.5-pro", "--port", port)
    assert ended.status == 0
    assert "What is chosen ends with this run: this proxy took any free port (0)" in ended.out
    assert list(call.directory.glob("model-*.json")) == []


@pytest_twisted.ensureDeferred
async def test_the_simulated_mimo_is_switched_and_remembers_nothing(house: House) -> None:
    call = await house.start(MIMO_PROXY_DEMO="true")
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert ended.status == 0
    assert "the simulated MiMo remembers nothing" in ended.out
    assert call.directory.is_dir()
    assert not call.memory.exists()


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_cannot_write_its_file_serves_and_says_so(house: House) -> None:
    call = await house.start(MIMO_PROXY_STATE_DIR="/dev/null/state")
    assert await house.asked_model(call) == "mimo-v2.5"
    assert "ccmimolink-model does not find this proxy" in house.log()
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert "Somebody listens" in ended.out


@pytest_twisted.ensureDeferred
async def test_a_choice_that_cannot_be_remembered_is_in_force_but_not_done(house: House) -> None:
    call = await house.start()
    call.memory.mkdir()
    (call.memory / "x").touch()
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert "It could not be remembered for the next start." in ended.out
    assert await house.asked_model(call) == "mimo-v2.5-pro"


# -- who is there instead -----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_token_of_another_run_is_told_apart(house: House) -> None:
    call = await house.start()
    announce(call.control, Found(f"http://127.0.0.1:{call.port}", "fake-token-of-another", os.getpid()))
    ended = await house.run(call, "set", "mimo-v2.5-pro")
    assert ended.status == 1
    assert "does not know the token" in ended.out
    assert "MIMO_PROXY_STATE_DIR" in ended.out
    assert await house.asked_model(call) == "mimo-v2.5"
    assert "fake-token-of-another" not in house.log() + ended.out


class Stranger(BaseHTTPRequestHandler):
    """Answers everything, and not as we do."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"model": "evil\\u001b[31m"}')

    do_PUT = do_GET

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@contextmanager
def stranger(port: int) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", port), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("pid", "said"), [(NOBODY, "Another program answers at"), (os.getpid(), "does not know the token of")]
)
def test_another_program_on_the_port_is_told_apart(tmp_path: Path, pid: int, said: str) -> None:
    call = Call(tmp_path, free_port())
    announce(call.control, Found(f"http://127.0.0.1:{call.port}", "fake-token", pid))
    with stranger(call.port):
        ended = [call("set", "mimo-v2.5-pro"), call("status"), call("list"), call("reset")]
    assert {each.status for each in ended} == {1}
    for each in ended:
        assert said in each.out
        assert str(call.control) in each.out
        assert "evil" not in each.out
    assert not call.memory.exists()
