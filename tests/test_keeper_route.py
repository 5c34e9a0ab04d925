"""What the running proxy knows of its route once files come and go, and what it says of it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.sync.setup import synchroniser, wish_of
from tests.keeper_home import NEW_KEY, OLD_KEY, Home, held

PAY_AS_YOU_GO = "https://api.xiaomimimo.com/v1"
DEFAULT = "https://token-plan-cn.xiaomimimo.com/v1"
SKIP = {"MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true"}


@pytest_twisted.async_yield_fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    from twisted.internet import reactor

    made = Home(reactor, tmp_path)
    yield made
    await made.clean_up()


def take_over(home: Home) -> None:
    """As an earlier proxy did."""
    settings = home.settings()
    synchroniser(settings).take_over(wish_of(settings, "http://127.0.0.1:9876/v1"))


def lose_the_database_and_the_state(home: Home) -> None:
    home.app.database_path.rename(home.directory / "elsewhere.db")
    (home.directory / "state" / "state.json").unlink()


def give_back(home: Home) -> None:
    synchroniser(home.settings()).give_back()


@pytest.mark.parametrize("lose", [lose_the_database_and_the_state, give_back])
@pytest_twisted.ensureDeferred
async def test_a_route_that_was_taken_never_becomes_the_default_again(
    home: Home, lose: Callable[[Home], None]
) -> None:
    service = home.start()
    assert (await home.route(service)).base_url == PAY_AS_YOU_GO
    lose(home)
    route = await home.route(service)
    assert (route.base_url, route.key) == (PAY_AS_YOU_GO, "")
    assert route.was_written(OLD_KEY)
    assert not route.was_written(NEW_KEY)


@pytest_twisted.ensureDeferred
async def test_an_earlier_takeover_gives_the_host_also_while_its_key_cannot_be_read(home: Home) -> None:
    take_over(home)
    with held(home):
        service = home.start(**SKIP)
        assert (await home.route(service)).base_url == PAY_AS_YOU_GO
        assert "the route could not be read" in home.log.read_text()
    home.change_key(NEW_KEY)
    assert (await home.route(service)).key == NEW_KEY


@pytest_twisted.ensureDeferred
async def test_a_state_that_cannot_be_understood_leaves_the_settings_address(home: Home) -> None:
    take_over(home)
    (home.directory / "state" / "state.json").write_text("no state")
    assert (await home.route(home.start(**SKIP))).base_url == DEFAULT


@pytest_twisted.ensureDeferred
async def test_an_address_of_the_settings_own_stays_while_nothing_can_be_read(home: Home) -> None:
    take_over(home)
    with held(home):
        service = home.start(MIMO_BASE_URL="https://token-plan-sgp.xiaomimimo.com/v1", **SKIP)
        assert (await home.route(service)).base_url == "https://token-plan-sgp.xiaomimimo.com/v1"


@pytest_twisted.ensureDeferred
async def test_the_upstream_is_named_once_it_is_known_and_not_before(home: Home) -> None:
    service = home.start()
    assert "listens on" in home.log.read_text()
    assert "upstream" not in home.log.read_text()
    await home.route(service)
    log = home.log.read_text()
    assert f"upstream {PAY_AS_YOU_GO} (the provider in cc switch)" in log
    assert DEFAULT not in log


async def said_of_the_key(home: Home, **environ: str) -> bool:
    service = home.start(**environ)
    await home.route(service)
    await service.stopService()
    return "each request must bring its key" in home.log.read_text()


@pytest_twisted.ensureDeferred
async def test_where_nobody_has_a_key_each_request_must_bring_it(home: Home) -> None:
    assert await said_of_the_key(home, CC_SWITCH_DB_PATH=str(home.directory / "nowhere.db"))


@pytest_twisted.ensureDeferred
async def test_a_key_in_cc_switch_is_one(home: Home) -> None:
    assert not await said_of_the_key(home)


@pytest_twisted.ensureDeferred
async def test_a_key_that_codex_was_given_without_cc_switch_is_one(home: Home) -> None:
    for path in (home.app.database_path, home.app.settings_path, home.app.config_path):
        path.unlink()
    settings = home.settings(MIMO_API_KEY=OLD_KEY)
    synchroniser(settings).take_over(wish_of(settings, "http://127.0.0.1:9876/v1"), alone=True)
    assert not await said_of_the_key(home)
