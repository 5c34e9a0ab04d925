"""The end of a proxy that takes the route over, or gives it back: what it waits for, and what it leaves."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred

from ccmimolink import keeper
from ccmimolink.service import ProxyService
from ccmimolink.sync import commit
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Report
from ccmimolink.sync.setup import synchroniser, wish_of
from tests.conftest import LoggedFailures
from tests.e2e.processes import free_port
from tests.http_wire import request
from tests.keeper_home import Home, held, port_of
from tests.scripted_upstream import connect, until
from tests.sync.cc_switch_presets import MIMO_ID

ROOT = Path(__file__).resolve().parent.parent
RESTORE = {"MIMO_PROXY_RESTORE_ON_STOP": "true"}


@pytest_twisted.async_yield_fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    from twisted.internet import reactor

    made = Home(reactor, tmp_path)
    yield made
    await made.clean_up()


def both_sides(home: Home) -> tuple[str, str]:
    return home.app.live_text(), home.app.row_text(MIMO_ID)


# -- a takeover that is under way -------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_takeover_that_waits_for_cc_switch_breaks_off_with_the_proxy(home: Home) -> None:
    before = both_sides(home)
    with held(home):
        service = home.start(**RESTORE)
        started = time.monotonic()
        await service.stopService()
        assert time.monotonic() - started < 2 * keeper.SLICE + keeper.STOP_PATIENCE
    await deferred_threads(home)
    assert both_sides(home) == before
    log = home.log.read_text()
    assert "waiting up to 2 s for the takeover" in log
    assert "were left as they are. The proxy is stopping; nothing was changed." in log
    assert "given back" not in log
    assert log.splitlines()[-1].endswith("ccmimolink has stopped")


async def deferred_threads(home: Home) -> None:
    await until(home.reactor, lambda: all(one.name != "takeover" for one in threading.enumerate()))


@pytest.mark.parametrize("name", ["remember", "begin", "update row", "back up", "write live", "commit"])
@pytest_twisted.ensureDeferred
async def test_a_stop_before_a_step_leaves_both_sides_as_they_are(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = both_sides(home)
    reached, stopped = threading.Event(), threading.Event()
    guarded = keeper.RouteKeeper._cancellable

    def pausing(self: keeper.RouteKeeper, run: Synchroniser) -> Synchroniser:
        cancellable = guarded(self, run)

        def step(present: str) -> None:
            if present == name:
                reached.set()
                assert stopped.wait(5)
            cancellable.step(present)

        return replace(cancellable, step=step)

    monkeypatch.setattr(keeper.RouteKeeper, "_cancellable", pausing)
    service = home.start()
    await until(home.reactor, reached.is_set)
    ending = service.stopService()
    stopped.set()
    await ending
    assert both_sides(home) == before


@pytest_twisted.ensureDeferred
async def test_what_is_done_when_the_stop_comes_is_finished(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = commit._finish
    services: list[ProxyService] = []

    def stopping(*arguments: Any) -> None:
        finish(*arguments)
        taking = services[0]._keeper
        assert taking is not None
        taking.cancel()

    monkeypatch.setattr(commit, "_finish", stopping)
    services.append(home.start())
    await home.route(services[0])
    assert str(port_of(services[0])) in home.app.live_text()
    assert "were left as they are" not in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_takeover_that_does_not_break_off_is_not_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    def stuck(*_: object, **__: object) -> Report:
        let_go.wait(10)
        raise SyncError("late")

    monkeypatch.setattr(Synchroniser, "take_over", stuck)
    monkeypatch.setattr(keeper, "STOP_PATIENCE", 0.1)
    service = home.start(**RESTORE)
    started = time.monotonic()
    await service.stopService()
    assert time.monotonic() - started < 2
    assert "The takeover did not break off." in home.log.read_text()
    let_go.set()
    await deferred_threads(home)


@pytest_twisted.ensureDeferred
async def test_requests_that_wait_for_the_route_are_served_after_the_takeover_broke_off(home: Home) -> None:
    url = await home.mimo()
    with held(home):
        service = home.start(MIMO_BASE_URL=url)
        Deferred.fromCoroutine(home.post(service))
        await until(
            home.reactor, lambda: home.clients and service._graph and len(service._graph.services.live)
        )
        ending = service.stopService()
        upstream = await home.upstream.request(0)
        upstream.reset()
        home.clients[0].reset()
        await ending


# -- giving back ------------------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_route_that_another_proxy_took_since_is_left_to_it(home: Home) -> None:
    first = await home.started(**RESTORE)
    second = await home.started()
    taken = both_sides(home)
    assert str(port_of(second)) in taken[0]
    url = f"http://127.0.0.1:{port_of(second)}/v1"
    await first.stopService()
    assert both_sides(home) == taken
    assert f"The route leads to {url} by now, and was left as it is." in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_route_that_another_proxy_takes_at_the_same_moment_is_left_to_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await home.started(**RESTORE)
    give_back = Synchroniser.give_back

    def late(self: Synchroniser, *, remember: bool = True) -> Report:
        settings = home.settings()
        synchroniser(settings).take_over(wish_of(settings, "http://127.0.0.1:4/v1"))
        return give_back(self, remember=remember)

    monkeypatch.setattr(Synchroniser, "give_back", late)
    await service.stopService()
    assert "http://127.0.0.1:4/v1" in home.app.live_text()
    assert "could not be given back. It was changed at the same moment" in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_took_nothing_over_gives_nothing_back(home: Home) -> None:
    await home.started()
    taken = both_sides(home)
    second = await home.started(MIMO_PROXY_SKIP_CC_SWITCH_SYNC="true", **RESTORE)
    await second.stopService()
    assert both_sides(home) == taken


@pytest_twisted.ensureDeferred
async def test_what_was_given_back_meanwhile_is_not_spoken_of(home: Home) -> None:
    service = await home.started(**RESTORE)
    synchroniser(home.settings()).give_back()
    await service.stopService()
    log = home.log.read_text()
    assert "giving the route back" not in log
    assert "given back" not in log


@pytest_twisted.ensureDeferred
async def test_cc_switch_that_holds_its_database_does_not_hold_up_the_end(home: Home) -> None:
    service = await home.started(**RESTORE)
    taken = both_sides(home)
    with held(home):
        started = time.monotonic()
        await service.stopService()
        assert time.monotonic() - started < 2 * keeper.STOP_PATIENCE
    assert both_sides(home) == taken
    assert "could not be given back. cc switch holds its database" in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_fault_in_giving_back_is_logged_and_the_rest_ends(
    home: Home, monkeypatch: pytest.MonkeyPatch, logged_failures: LoggedFailures
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Synchroniser, "give_back", broken)
    service = await home.started(**RESTORE)
    await service.stopService()
    assert logged_failures.take(ZeroDivisionError)
    assert home.log.read_text().splitlines()[-1].endswith("ccmimolink has stopped")
    assert service._log_file is not None
    assert service._log_file.closed


@pytest_twisted.ensureDeferred
async def test_a_fault_in_one_part_of_the_end_leaves_the_other_parts(
    home: Home, monkeypatch: pytest.MonkeyPatch, logged_failures: LoggedFailures
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    live = both_sides(home)
    service = await home.started(**RESTORE)
    closed = service._closed
    monkeypatch.setattr(service, "_closed", broken)
    before = signal.getsignal(signal.SIGTERM)
    await service.stopService()
    assert signal.getsignal(signal.SIGTERM) is before
    assert logged_failures.take(ZeroDivisionError)
    assert both_sides(home) == live
    assert home.log.read_text().splitlines()[-1].endswith("ccmimolink has stopped")
    assert service._graph is not None
    await closed(service._graph)


# -- the program ------------------------------------------------------------------------------------------


async def answers(home: Home, port: int) -> None:
    """Wait until the program does. Before its reactor runs, a signal ends it as it does any program."""
    await until(home.reactor, lambda: home.log.exists() and "listens on" in home.log.read_text())
    client = await connect(home.reactor, port)
    client.send(request("GET", "/health"))
    await until(home.reactor, lambda: client.received)
    client.reset()


def program(home: Home, output: Path, port: int) -> subprocess.Popen[bytes]:
    """``twistd -n ccmimolink --restore-on-stop`` in that home."""
    places = {
        "CC_SWITCH_SETTINGS_PATH": str(home.app.settings_path),
        "CC_SWITCH_DB_PATH": str(home.app.database_path),
        "CODEX_CONFIG_PATH": str(home.app.config_path),
        "MIMO_PROXY_STATE_DIR": str(home.directory / "state"),
    }
    options = ("--restore-on-stop", f"--port={port}", f"--log={home.log}")
    with output.open("wb") as file:
        return subprocess.Popen(
            [Path(sys.executable).with_name("twistd"), "-n", "--pidfile=", "ccmimolink", *options],
            cwd=home.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), **places},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


@pytest_twisted.ensureDeferred
async def test_a_program_that_waits_for_cc_switch_ends_soon_after_signals_and_logs_no_error(
    home: Home,
) -> None:
    before = both_sides(home)
    output = home.directory / "output"
    with held(home):
        port = free_port()
        process = program(home, output, port)
        try:
            await answers(home, port)
            process.send_signal(signal.SIGTERM)
            await until(home.reactor, lambda: "waiting up to" in home.log.read_text())
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            # Far sooner than cc switch would be waited for.
            await until(home.reactor, lambda: process.poll() is not None)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == -signal.SIGTERM
    said = output.read_text() + home.log.read_text()
    assert "Traceback" not in said
    assert "NotRunning" not in said
    assert "Unhandled" not in said
    assert both_sides(home) == before
