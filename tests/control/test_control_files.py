"""The files of ``ccmimolink-model``: for their user alone, whole, and gone when the proxy is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ccmimolink.control.files import (
    BrokenFile,
    Found,
    Places,
    announce,
    fresh_token,
    is_running,
    places_of,
    read_found,
    url_of,
    withdraw,
)
from ccmimolink.control.memory import ModelMemory
from ccmimolink.listen import ListenAddress, TCPAddress, UnixAddress

FOUND = Found("http://127.0.0.1:9876", "fake-control-token", 4711)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_of_one_run_and_cannot_be_guessed() -> None:
    assert fresh_token() != fresh_token()
    assert len(fresh_token()) >= 43


def test_the_control_file_and_its_directory_are_for_their_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "control-9876.json"
    announce(path, FOUND)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert read_found(path) == FOUND


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "control-9876.json"
    path.write_text("{}")
    path.chmod(0o666)
    announce(path, FOUND)
    assert mode(path) == 0o600


def test_the_token_is_in_no_picture_of_the_file() -> None:
    assert FOUND.token not in repr(FOUND) + str(FOUND)


def test_a_run_takes_only_its_own_file_away(tmp_path: Path) -> None:
    path = tmp_path / "control-9876.json"
    announce(path, FOUND)
    withdraw(path, "token-of-an-earlier-run")
    assert read_found(path) == FOUND
    withdraw(path, FOUND.token)
    assert read_found(path) is None
    withdraw(path, FOUND.token)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"url": 3, "token": "x", "pid": 1}',
        b'{"url": "http://127.0.0.1:1", "pid": 1}',
        b'{"url": "ftp://127.0.0.1:1", "token": "x", "pid": 1}',
        b'{"url": "http://127.0.0.1:1", "token": "x", "pid": 0}',
    ],
)
def test_a_broken_control_file_is_named_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "control-9876.json"
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match=r"control-9876\.json .*Delete it\."):
        read_found(path)
    withdraw(path, "x")
    assert path.read_bytes() == content


def test_two_ports_and_two_sockets_have_files_of_their_own(tmp_path: Path) -> None:
    addresses: list[ListenAddress] = [
        TCPAddress("127.0.0.1", 1),
        TCPAddress("", 2),
        UnixAddress("/run/a"),
        UnixAddress("/run/b"),
    ]
    places = [places_of(tmp_path, address) for address in addresses]
    assert len({place.control for place in places} | {place.memory for place in places}) == 8


def test_the_port_that_was_taken_names_the_file(tmp_path: Path) -> None:
    assert places_of(tmp_path, TCPAddress("127.0.0.1", 0), 4000).control.name == "control-4000.json"


def test_a_socket_is_the_same_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert places_of(tmp_path, UnixAddress("sock")) == places_of(tmp_path, UnixAddress(f"{tmp_path}/./sock"))


def test_other_proxies_are_known_by_their_ports(tmp_path: Path) -> None:
    for name in ("9876", "9877", "unix-0123"):
        announce(Places(tmp_path, name).control, FOUND)
    assert Places(tmp_path, "9876").others() == ["9877"]
    assert Places(tmp_path / "gone", "9876").others() == []


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (TCPAddress("127.0.0.1", 9876), "http://127.0.0.1:9876"),
        (TCPAddress("localhost", 9876), "http://127.0.0.1:9876"),
        (TCPAddress("", 9876), "http://127.0.0.1:9876"),
        (TCPAddress("::", 9876), "http://[::1]:9876"),
        (TCPAddress("192.0.2.1", 9876), "http://192.0.2.1:9876"),
        (UnixAddress("/run/sock"), "unix:/run/sock"),
    ],
)
def test_a_listener_is_reached_from_this_machine(address: ListenAddress, url: str) -> None:
    assert url_of(address) == url


def test_a_process_runs_or_not() -> None:
    assert is_running(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert not is_running(child.pid)


# -- what is remembered -------------------------------------------------------------------------------------


def test_a_choice_is_remembered_for_its_user_alone_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "state" / "model-9876.json"
    memory = ModelMemory(path)
    assert (memory.model, memory.complaint) == (None, "")
    assert memory.remember("mimo-v2.5-pro") == ""
    assert (memory.model, ModelMemory(path).model, mode(path)) == ("mimo-v2.5-pro", "mimo-v2.5-pro", 0o600)
    assert memory.remember(None) == ""
    assert (memory.model, ModelMemory(path).model, path.exists()) == (None, None, False)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b'{"model": 3}', b'{"model": ""}', b'{"model": "tp-fake-key"}', b'{"x": 1}', b"\xff"],
)
def test_a_broken_memory_is_told_of_and_passed_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model-9876.json"
    path.write_bytes(content)
    memory = ModelMemory(path)
    assert memory.model is None
    assert str(path) in memory.complaint
    assert "elete it" in memory.complaint
    assert "fake-key" not in memory.complaint
    assert memory.remember("mimo-v2.5") == ""
    assert ModelMemory(path).model == "mimo-v2.5"


def test_a_memory_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "model-9876.json").mkdir()
    assert "cannot be read" in ModelMemory(tmp_path / "model-9876.json").complaint


def test_a_memory_that_cannot_be_written_says_why_and_keeps_what_it_had() -> None:
    memory = ModelMemory(Path("/dev/null/model-9876.json"))
    assert "MIMO_PROXY_STATE_DIR" in memory.remember("mimo-v2.5")
    assert memory.model is None


def test_where_nothing_is_to_be_remembered_nothing_is() -> None:
    memory = ModelMemory(None, "why not")
    assert memory.remember("mimo-v2.5") == ""
    assert (memory.model, memory.forgets) == (None, "why not")
