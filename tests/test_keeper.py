"""The takeover as a part of the running proxy: when it happens, what requests see of it, and how it ends."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectError

from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.setup import synchroniser, wish_of
from tests.conftest import LoggedFailures
from tests.e2e.processes import free_port
from tests.keeper_home import NEW_KEY, OLD_KEY, Home, bearer_of, graph_of, port_of
from tests.scripted_upstream import Wire, connect, until
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID

UNAUTHORISED = b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@pytest_twisted.async_yield_fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    from twisted.internet import reactor

    made = Home(reactor, tmp_path)
    yield made
    await made.clean_up()


@pytest_twisted.ensureDeferred
async def test_both_sides_lead_to_the_port_that_was_really_taken(home: Home) -> None:
    service = await home.started()
    url = f"http://127.0.0.1:{port_of(service)}/v1"
    assert url in home.app.live_text()
    assert url in home.app.config_text(MIMO_ID)


@pytest_twisted.ensureDeferred
async def test_requests_go_to_the_host_that_the_route_led_to(home: Home) -> None:
    route = await home.route(home.start())
    assert (route.base_url, route.key) == ("https://api.xiaomimimo.com/v1", OLD_KEY)


@pytest_twisted.ensureDeferred
async def test_an_address_in_the_environment_wins_over_the_routes(home: Home) -> None:
    route = await home.route(home.start(MIMO_BASE_URL="https://token-plan-sgp.xiaomimimo.com/v1"))
    assert route.base_url == "https://token-plan-sgp.xiaomimimo.com/v1"


@pytest_twisted.ensureDeferred
async def test_a_request_that_comes_during_the_takeover_is_served_after_it(home: Home) -> None:
    url = await home.mimo()
    holder = sqlite3.connect(home.app.database_path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    service = home.start(MIMO_BASE_URL=url)
    waiting: list[Wire] = []
    Deferred.fromCoroutine(home.post(service)).addCallback(waiting.append)
    await until(home.reactor, lambda: waiting and len(graph_of(service).services.live) == 1)
    assert home.upstream.connections == []
    holder.execute("ROLLBACK")
    holder.close()
    upstream = await home.upstream.request(0)
    assert bearer_of(upstream) == OLD_KEY
    assert str(port_of(service)) in home.app.live_text()


@pytest_twisted.ensureDeferred
async def test_a_key_changed_in_cc_switch_counts_for_the_next_request(home: Home) -> None:
    service = await home.started()
    assert await home.key_that_arrives(service) == OLD_KEY
    home.change_key(NEW_KEY)
    assert await home.key_that_arrives(service) == NEW_KEY


@pytest_twisted.ensureDeferred
async def test_after_a_rejection_the_key_is_read_anew_though_nothing_seems_changed(home: Home) -> None:
    service = await home.started()
    before = os.stat(home.app.database_path)
    home.change_key(NEW_KEY)
    os.utime(home.app.database_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    client = await home.post(service)
    upstream = await home.upstream.request(0)
    upstream.send(UNAUTHORISED)
    await until(home.reactor, lambda: client.received)
    assert bearer_of(upstream) == OLD_KEY
    assert await home.key_that_arrives(service) == NEW_KEY


@pytest_twisted.ensureDeferred
async def test_a_key_of_the_clients_own_stays(home: Home) -> None:
    service = await home.started()
    home.change_key(NEW_KEY)
    await home.post(service, "sk-fake-of-the-client")
    assert bearer_of(await home.upstream.request(0)) == "sk-fake-of-the-client"


@pytest_twisted.ensureDeferred
async def test_a_start_that_skips_the_sync_changes_nothing_and_knows_the_earlier_route(home: Home) -> None:
    await home.started()
    for service in home.services:
        await service.stopService()
    live, row = home.app.live_text(), home.app.row_text(MIMO_ID)
    route = await home.route(home.start(MIMO_PROXY_SKIP_CC_SWITCH_SYNC="true"))
    assert (route.base_url, route.key) == ("https://api.xiaomimimo.com/v1", OLD_KEY)
    assert (home.app.live_text(), home.app.row_text(MIMO_ID)) == (live, row)


@pytest_twisted.ensureDeferred
async def test_what_was_given_back_stays_given_back_at_the_next_start(home: Home) -> None:
    settings = home.settings()
    run = synchroniser(settings)
    run.take_over(wish_of(settings, "http://127.0.0.1:9876/v1"))
    run.give_back()
    live = home.app.live_text()
    await home.started()
    assert home.app.live_text() == live
    assert "given back" in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_the_route_is_given_back_when_the_proxy_ends_and_taken_again_when_it_starts(home: Home) -> None:
    live, row = home.app.live_text(), home.app.row_text(MIMO_ID)
    service = await home.started(MIMO_PROXY_RESTORE_ON_STOP="true")
    assert home.app.live_text() != live
    await service.stopService()
    assert (home.app.live_text(), home.app.row_text(MIMO_ID)) == (live, row)
    again = home.start()
    await home.route(again)
    assert str(port_of(again)) in home.app.live_text()


@pytest_twisted.ensureDeferred
async def test_without_cc_switch_the_proxy_serves_and_says_what_to_run(home: Home) -> None:
    service = await home.started(CC_SWITCH_DB_PATH=str(home.directory / "nowhere.db"))
    assert await home.key_that_arrives(service) == OLD_KEY
    [line] = [line for line in home.log.read_text().splitlines() if "cc switch is not installed" in line]
    assert "ccmimolink-sync --codex-only" in line


@pytest_twisted.ensureDeferred
async def test_a_takeover_that_fails_leaves_the_proxy_serving(home: Home) -> None:
    home.app.database_path.write_bytes(b"this is no database")
    service = await home.started()
    assert await home.key_that_arrives(service) == OLD_KEY
    assert "were left as they are. cc switch is not installed or incomplete" in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_a_fault_of_ours_is_logged_and_leaves_the_proxy_serving(
    home: Home, monkeypatch: pytest.MonkeyPatch, logged_failures: LoggedFailures
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Synchroniser, "take_over", broken)
    service = await home.started()
    assert await home.key_that_arrives(service) == OLD_KEY
    assert logged_failures.take(ZeroDivisionError)


@pytest_twisted.ensureDeferred
async def test_a_takeover_that_was_demanded_and_fails_ends_the_start_and_the_listening(home: Home) -> None:
    port = free_port()
    with pytest.raises(SyncError, match="not installed or incomplete"):
        home.start(
            MIMO_PROXY_REQUIRE_SYNC="true",
            MIMO_PROXY_PORT=str(port),
            CC_SWITCH_DB_PATH="/nonexistent/cc-switch.db",
        )
    with pytest.raises(ConnectError):
        await connect(home.reactor, port)


@pytest_twisted.ensureDeferred
async def test_a_takeover_that_was_demanded_is_done_when_the_start_is(home: Home) -> None:
    service = home.start(MIMO_PROXY_REQUIRE_SYNC="true")
    assert str(port_of(service)) in home.app.live_text()


@pytest_twisted.ensureDeferred
async def test_a_route_that_was_given_back_does_not_do_where_one_is_demanded(home: Home) -> None:
    settings = home.settings()
    synchroniser(settings).take_over(wish_of(settings, "http://127.0.0.1:9876/v1"))
    synchroniser(settings).give_back()
    with pytest.raises(SyncError, match="given back"):
        home.start(MIMO_PROXY_REQUIRE_SYNC="true")


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_anothers_is_not_led_to(home: Home) -> None:
    service = await home.started()
    live = home.app.live_text()
    with pytest.raises(CannotListenError):
        home.start(MIMO_PROXY_PORT=str(port_of(service)))
    assert home.app.live_text() == live


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("MIMO_PROXY_TOKEN", "fake-token", "has no place for a token"),
        ("MIMO_PROXY_LISTEN", "unix:{directory}/socket", "calls TCP ports only"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_listener_that_codex_could_not_call_is_not_led_to(
    home: Home, variable: str, value: str, reason: str
) -> None:
    live = home.app.live_text()
    await home.started(**{variable: value.format(directory=home.directory)})
    assert reason in home.log.read_text()
    assert home.app.live_text() == live


@pytest_twisted.ensureDeferred
async def test_no_key_is_in_the_log(home: Home) -> None:
    service = await home.started(MIMO_PROXY_RESTORE_ON_STOP="true")
    home.change_key(NEW_KEY)
    await home.key_that_arrives(service)
    home.app.switch(OTHER_ID)
    await service.stopService()
    log = home.log.read_text()
    assert OLD_KEY not in log
    assert NEW_KEY not in log
