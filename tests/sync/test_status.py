"""``--status``: both sides as they are, what differs, what to do, and not one byte written."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccmimolink.sync.command import Listener, listener
from ccmimolink.sync.errors import (
    CODEX_STALE,
    KEY_EMPTY,
    NOT_CURRENT,
    NOT_FOUND,
    NOT_INSTALLED,
    ROUTE_INCORRECT,
)
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, OTHER_ID, mimo_row, token_plan_row
from tests.sync.stage import (
    UPSTREAM,
    Command,
    database_of,
    local,
    snapshot,
    with_cc_switch,
    without_cc_switch,
)

HEALTHY = b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"uptime_seconds":1}'


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A program at a port, which gives every caller the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port: int = server.getsockname()[1]
        try:
            yield port
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(20)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with answering(HEALTHY) as port:
        yield Command(tmp_path, port)


def test_after_a_takeover_all_is_as_it_should_be(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    command()

    ended = command("--status")

    assert ended.status == 0
    ours = local(command.port)
    assert f"cc switch: 'Xiaomi MiMo' leads to {ours}." in ended.out
    assert f"Its upstream is {UPSTREAM}." in ended.out
    assert f"Codex: {app.config_path} leads to {ours}." in ended.out
    assert f"Proxy: answers at {ours}." in ended.out
    assert ended.out.endswith("All is as it should be.\n")


def test_the_json_has_both_sides_and_the_proxy(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    command()

    found = command("--status", "--json").json

    ours = local(command.port)
    assert found["cc_switch"] == {
        "database": str(app.database_path),
        "present": True,
        "providers": [{"id": MIMO_ID, "name": "Xiaomi MiMo"}],
        "provider": {"id": MIMO_ID, "name": "Xiaomi MiMo"},
        "route": ours,
        "key": True,
        "current": True,
        "local_routing": False,
        "upstream": UPSTREAM,
    }
    assert found["codex"] == {"config": str(app.config_path), "route": ours, "key": True}
    assert found["proxy"] == {"url": ours, "listening": True}
    assert found["next"] == []


def test_before_a_takeover_both_sides_differ_and_a_run_is_the_next_step(
    tmp_path: Path, command: Command
) -> None:
    with_cc_switch(tmp_path)

    ended = command("--status")

    assert ended.status == 1
    assert f"! {ROUTE_INCORRECT}: it does not lead to {local(command.port)}." in ended.out
    assert f"! {CODEX_STALE}: its configuration does not lead to {local(command.port)}." in ended.out
    assert ended.out.splitlines()[-1] == "-> Run ccmimolink-sync."


def test_at_another_port_both_sides_differ(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command("--port", "4711")

    found = command("--status", "--json").json

    assert (found["cc_switch"]["route"], found["codex"]["route"]) == (local(4711), local(4711))
    assert found["next"] == ["Run ccmimolink-sync."]


def test_a_key_that_was_changed_in_cc_switch_is_seen_and_nothing_is_to_be_done(
    tmp_path: Path, command: Command
) -> None:
    """The running proxy knows the former key for its own, and sends the present one."""
    app = with_cc_switch(tmp_path)
    command()
    app.edit_in_dialog(MIMO_ID, lambda row: row | {"auth": {"OPENAI_API_KEY": "sk-fake-mimo-key-0002"}})

    ended = command("--status")

    assert ended.status == 0
    assert "It holds the former key; the proxy uses the one in cc switch all the same." in ended.out
    assert "sk-fake" not in ended.out


def test_a_key_that_is_nobodys_is_to_be_replaced(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    command()
    live = app.live_text().replace("sk-fake-mimo-key-0001", "sk-fake-of-somebody")
    app.config_path.write_text(live)

    ended = command("--status")

    assert ended.status == 1
    assert f"! {CODEX_STALE}: the key in its configuration is not the one in cc switch." in ended.out
    assert "sk-fake" not in ended.out


def test_another_provider_is_nobodys_fault(tmp_path: Path, command: Command) -> None:
    """Codex's side is another vendor's then, and is not compared."""
    app = with_cc_switch(tmp_path)
    command()
    app.switch(OTHER_ID)

    ended = command("--status")

    assert ended.status == 0
    assert f"{NOT_CURRENT} ('DeepSeek')." in ended.out
    assert CODEX_STALE not in ended.out


def test_a_key_that_is_missing_is_to_be_entered(tmp_path: Path, command: Command) -> None:
    app = CcSwitch(tmp_path)
    app.add(mimo_row(key=""))
    app.switch(MIMO_ID)

    ended = command("--status")

    assert ended.status == 1
    assert f"! {KEY_EMPTY}." in ended.out
    assert "-> Enter the key of 'Xiaomi MiMo' in cc switch." in ended.out


def test_a_key_from_the_environment_will_do(tmp_path: Path, command: Command) -> None:
    app = CcSwitch(tmp_path)
    app.add(mimo_row(key=""))
    app.switch(MIMO_ID)
    command.environ["MIMO_API_KEY"] = MIMO_KEY
    command()

    ended = command("--status")

    assert (ended.status, KEY_EMPTY in ended.out) == (0, False)


def test_where_nobody_listens_the_proxy_is_to_be_started(tmp_path: Path) -> None:
    with_cc_switch(tmp_path)
    with socket.socket() as bound:  # and not listening, so that nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        command = Command(tmp_path, bound.getsockname()[1])
        command()

        ended = command("--status")

    assert ended.status == 1
    assert f"Proxy: nobody answers at {local(command.port)}." in ended.out
    assert "-> Start the proxy: twistd -n ccmimolink." in ended.out


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x15\x03\x01\x00\x02",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 500 No\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
    ],
    ids=["nothing", "TLS", "another site", "an error", "no HTTP"],
)
def test_a_stranger_at_the_port_is_not_the_proxy(answer: bytes) -> None:
    with answering(answer) as port:
        assert listener(local(port)) is Listener.STRANGER


def test_after_a_restore_it_says_so(tmp_path: Path, command: Command) -> None:
    with_cc_switch(tmp_path)
    command()
    command("--restore")

    ended = command("--status")

    assert "The route was given back (--restore); ccmimolink-sync takes it over again." in ended.out
    assert ended.status == 0
    assert ROUTE_INCORRECT not in ended.out


def test_local_routing_is_said(tmp_path: Path, command: Command) -> None:
    app = with_cc_switch(tmp_path)
    command()
    app.start_local_routing()

    assert command("--status", "--json").json["cc_switch"]["local_routing"] is True


def no_provider(home: Path) -> None:
    CcSwitch(home)


def two_providers(home: Path) -> None:
    with_cc_switch(home, current=OTHER_ID).add(token_plan_row())


def broken_live_file(home: Path) -> None:
    with_cc_switch(home).config_path.write_text("= 'sk-fake-broken-file'")


def no_live_file(home: Path) -> None:
    with_cc_switch(home).config_path.unlink()


def no_database(home: Path) -> None:
    with_cc_switch(home).database_path.write_bytes(b"no database" * 20)


TROUBLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no provider": (no_provider, f"! {NOT_FOUND}"),
    "several": (two_providers, "! There are several Xiaomi MiMo providers in cc switch."),
    "a broken live file": (broken_live_file, "is not valid TOML (line 1"),
    "no live file": (no_live_file, "Codex: there is no "),
    "no database": (no_database, f"! {NOT_INSTALLED}"),
    "no cc switch": (without_cc_switch, f"{NOT_INSTALLED}: there is no "),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_whatever_is_wrong_is_shown_and_something_to_do(tmp_path: Path, command: Command, name: str) -> None:
    prepare, says = TROUBLES[name]
    prepare(tmp_path)
    before = snapshot(tmp_path)

    ended = command("--status")

    assert ended.status == 1
    assert says in ended.out
    assert "sk-fake" not in ended.out
    assert snapshot(tmp_path) == before


def test_codex_alone_is_shown_too(tmp_path: Path, command: Command) -> None:
    without_cc_switch(tmp_path)
    command.environ["MIMO_API_KEY"] = "tp-fake-alone-key-0001"
    command("--codex-only")

    ended = command("--status")

    assert ended.status == 0
    assert f"leads to {local(command.port)}." in ended.out
    assert "Its upstream is https://token-plan-cn.xiaomimimo.com/v1." in ended.out
    assert "not installed" not in ended.out


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "WAL"])
def test_it_works_while_cc_switch_holds_the_database_and_writes_nothing(
    tmp_path: Path, command: Command, wal: bool
) -> None:
    with_cc_switch(tmp_path, wal=wal)
    command()
    with closing(sqlite3.connect(database_of(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE providers SET name = 'never committed'")
        before = snapshot(tmp_path)

        ended = command("--status")

        assert snapshot(tmp_path) == before
    assert (ended.status, "never committed" in ended.out) == (0, False)


def test_it_writes_nothing_where_nothing_is(tmp_path: Path, command: Command) -> None:
    ended = command("--status", "--json")

    assert json.loads(ended.out)["cc_switch"]["present"] is False
    assert not list(tmp_path.iterdir())
