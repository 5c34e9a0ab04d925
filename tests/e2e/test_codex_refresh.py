"""The takeover while time goes by: another key, another provider, another start, another port, the end."""

from __future__ import annotations

import os
import sqlite3
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import calculator_mcp
from tests.e2e.processes import free_port, listens
from tests.e2e.proxy import Proxy, RecordingMimo
from tests.e2e.taken_over import User
from tests.sync.cc_switch_presets import MIMO_ID, OTHER_ID, mimo_row, other_vendor_row

pytestmark = pytest.mark.codex

UPDATE = "UPDATE providers SET settings_config=replace(settings_config, ?, ?) WHERE app_type='codex' AND id=?"


def use_mimo(user: User, *, catalog: bool = True) -> str:
    """The user has the preset, as the current provider. Returns its key."""
    key = user.new_key()
    user.app.add(mimo_row(key=key, catalog=catalog))
    user.app.switch(MIMO_ID)
    return key


def update_key(user: User, former: str, present: str) -> None:
    """Change the key in the row, header included, behind the back of the running app."""
    with closing(sqlite3.connect(user.app.database_path)) as database, database:
        database.execute(UPDATE, (former, present, MIMO_ID))


@contextmanager
def open_reader(user: User) -> Iterator[None]:
    """Somebody else has the database open, so that what is written stays in its log."""
    with closing(sqlite3.connect(user.app.database_path)) as database:
        database.execute("SELECT count(*) FROM providers").fetchone()
        yield


# -- another key ------------------------------------------------------------------------------------------


def test_a_key_changed_in_the_dialog_counts_at_the_next_request(user: User, mimo: RecordingMimo) -> None:
    former, present = use_mimo(user), user.new_key()
    user.start_proxy()
    config = user.config.read_bytes()
    user.exec()
    user.app.edit_in_dialog(MIMO_ID, lambda form: {**form, "auth": {"OPENAI_API_KEY": present}})
    assert user.config.read_bytes() == config
    assert former in config.decode()
    user.exec()
    assert mimo.keys() == [former, present]


def test_a_key_changed_in_a_database_with_a_log_counts_at_the_next_request(
    user: User, mimo: RecordingMimo
) -> None:
    user.install_app(wal=True)
    with open_reader(user):
        former, present = use_mimo(user), user.new_key()
        user.start_proxy()
        user.exec()
        update_key(user, former, present)
        user.exec()
    assert former in user.config.read_text()
    assert mimo.keys() == [former, present]


def test_a_key_changed_unnoticed_counts_once_mimo_rejects_the_former_one(
    user: User, mimo: RecordingMimo
) -> None:
    former, present = use_mimo(user), user.new_key()
    user.start_proxy()
    user.exec()
    database = user.app.database_path
    before = database.stat()
    update_key(user, former, present)
    # As on a file system with a coarse clock.
    os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert database.stat().st_size == before.st_size
    mimo.reject(former)
    [told] = user.codex.exec("how are you?").failures
    assert "key" in told
    user.exec()
    assert mimo.keys() == [former, former, present]


# -- another provider -------------------------------------------------------------------------------------


@pytest.mark.parametrize("catalog", [True, False], ids=["its own catalog", "our catalog"])
def test_back_from_another_vendor_codex_still_goes_through_the_proxy(
    catalog: bool, user: User, mimo: RecordingMimo
) -> None:
    key = use_mimo(user, catalog=catalog)
    user.app.add(other_vendor_row(key=user.new_key()))
    other = user.app.row_text(OTHER_ID)
    proxy = user.start_proxy()
    config = user.config.read_bytes()
    before = user.exec()
    user.app.switch(OTHER_ID)
    assert user.app.row_text(OTHER_ID) == other
    assert user.config.read_text() == user.app.config_text(OTHER_ID)
    user.app.switch(MIMO_ID)
    assert user.config.read_bytes() == config
    back = user.exec()
    user.lead_to(proxy)
    again = user.exec()
    assert {*back.warnings, *again.warnings} <= set(before.warnings)
    assert mimo.keys() == [key] * 3
    assert user.catalog.name not in user.app.row_text(MIMO_ID)
    assert user.catalog_in_config() is not catalog


def test_a_provider_selected_after_the_start_leads_to_the_proxy(user: User, mimo: RecordingMimo) -> None:
    key = user.new_key()
    user.app.add(mimo_row(key=key))
    user.app.add(other_vendor_row(key=user.new_key()))
    user.app.switch(OTHER_ID)
    other = user.config.read_bytes()
    user.start_proxy()
    assert user.config.read_bytes() == other
    user.app.switch(MIMO_ID)
    user.exec()
    assert mimo.keys() == [key]


def test_a_route_given_back_while_another_vendor_is_current_leaves_mimo_as_it_was(user: User) -> None:
    use_mimo(user, catalog=False)
    user.app.add(other_vendor_row(key=user.new_key()))
    original = tomllib.loads(user.config.read_text())
    proxy = user.start_proxy("--restore-on-stop")
    assert user.catalog_in_config()
    user.app.switch(OTHER_ID)
    other = user.config.read_bytes()
    user.stop_proxy(proxy)
    assert user.config.read_bytes() == other
    user.app.switch(MIMO_ID)
    assert tomllib.loads(user.config.read_text()) == original
    assert not user.catalog.exists()
    assert "gpt-5.5" in user.models()


# -- another start ----------------------------------------------------------------------------------------


def test_a_start_on_another_port_moves_the_route(user: User, mimo: RecordingMimo) -> None:
    key = use_mimo(user)
    original = user.config.read_bytes(), user.app.row_text(MIMO_ID)
    first = user.start_proxy()
    user.stop_proxy(first)
    second = user.start_proxy()
    texts = user.config.read_text(), user.app.config_text(MIMO_ID)
    assert [(first.base_url in text, second.base_url in text) for text in texts] == [(False, True)] * 2
    user.exec()
    assert mimo.keys() == [key]
    user.sync("--restore")
    assert (user.config.read_bytes(), user.app.row_text(MIMO_ID)) == original


def test_a_start_on_another_port_moves_a_route_without_cc_switch(user: User, mimo: RecordingMimo) -> None:
    key = user.new_key()
    user.sync("--codex-only", "--api-key-stdin", "--port", str(free_port()), stdin=key)
    proxy = user.start_proxy()
    assert proxy.base_url in user.config.read_text()
    user.exec().quiet()
    assert mimo.keys() == [key]


def test_a_route_that_was_given_back_is_not_taken_over_by_a_start(user: User, mimo: RecordingMimo) -> None:
    key = use_mimo(user)
    original = user.config.read_bytes(), user.app.row_text(MIMO_ID)
    user.stop_proxy(user.start_proxy())
    user.sync("--restore")
    proxy = user.start_proxy()
    assert "given back by ccmimolink-sync --restore" in proxy.log_text()
    assert (user.config.read_bytes(), user.app.row_text(MIMO_ID)) == original
    # Until it is asked for, also while the proxy runs.
    user.lead_to(proxy)
    user.exec()
    assert mimo.keys() == [key]


def test_a_proxy_that_restores_on_stop_gives_back_every_byte_and_takes_over_again(
    user: User, mimo: RecordingMimo
) -> None:
    key = use_mimo(user, catalog=False)
    user.config.chmod(0o644)
    original = state_of(user)
    proxy = user.start_proxy("--restore-on-stop")
    assert state_of(user) != original
    assert user.catalog.exists()
    user.exec()
    user.stop_proxy(proxy)
    assert state_of(user) == original
    assert not user.catalog.exists()
    assert mimo.keys() == [key]
    assert user.start_proxy("--restore-on-stop").base_url in user.config.read_text()


def state_of(user: User) -> tuple[Any, ...]:
    config = user.config
    return config.read_bytes(), oct(config.stat().st_mode), user.app.row_text(MIMO_ID), user.auth.read_bytes()


def test_what_codex_writes_itself_while_taken_over_stays_when_the_route_is_given_back(
    user: User, mimo: RecordingMimo
) -> None:
    key = use_mimo(user, catalog=False)
    original = tomllib.loads(user.config.read_text())
    proxy = user.start_proxy("--restore-on-stop")
    server = [sys.executable, str(Path(calculator_mcp.__file__))]
    user.run_codex("mcp", "add", "calculator", "--", *server)
    run = user.exec('call add {"a": 19, "b": 23}')
    assert [call["status"] for call in run.items("mcp_tool_call")] == ["completed"]
    assert set(mimo.keys()) == {key}
    user.stop_proxy(proxy)
    after = tomllib.loads(user.config.read_text())
    assert after.pop("mcp_servers") == {"calculator": {"command": server[0], "args": server[1:]}}
    assert after == original
    assert "gpt-5.5" in user.models()


# -- a start that fails, or has nothing to do -------------------------------------------------------------


def test_a_required_takeover_is_done_before_the_proxy_is_healthy(user: User, mimo: RecordingMimo) -> None:
    key = use_mimo(user)
    proxy = user.start_proxy("--require-sync", wait=False)
    assert proxy.base_url in user.config.read_text()
    user.exec()
    assert mimo.keys() == [key]


def test_a_required_takeover_that_fails_ends_the_start(user: User) -> None:
    port = free_port()
    done = user.fail_to_start("--require-sync", port=port)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("ccmimolink: cc switch is not installed or incomplete")
    assert "ccmimolink-sync --codex-only" in line
    assert not listens(port)
    assert not user.config.exists()


def test_without_cc_switch_the_proxy_serves_and_says_what_to_run(user: User, mimo: RecordingMimo) -> None:
    proxy = user.start_proxy()
    [told] = [line for line in proxy.log_text().splitlines() if "RouteKeeper" in line]
    assert "cc switch is not installed or incomplete" in told
    assert "ccmimolink-sync --codex-only" in told
    assert not user.config.exists()
    key = user.new_key()
    user.sync("--codex-only", "--api-key-stdin", "--port", str(proxy.port), stdin=key)
    user.exec().quiet()
    assert mimo.keys() == [key]


def test_a_proxy_whose_port_is_taken_leaves_everything_as_it_is(user: User, bystander: Proxy) -> None:
    use_mimo(user)
    original = state_of(user)
    files = {path for path in user.home.rglob("*") if path.is_file()}
    done = user.fail_to_start(port=bystander.port)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert str(bystander.port) in line
    assert state_of(user) == original
    assert {path for path in user.home.rglob("*") if path.is_file()} == files
