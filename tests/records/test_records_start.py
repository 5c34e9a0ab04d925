"""What a start does for the request log and the dump, and what it says of them."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from ccmimolink.settings import Settings, SettingsError
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, body_of, chunk, chunked, hello, request, text
from tests.memory_proxy import SETTINGS
from tests.scripted_upstream import ScriptedUpstream, Wire, connect, until


class Started:
    """A service in this process with an upstream."""

    def __init__(self, directory: Path) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.directory = directory
        self.log, self.request_log = directory / "proxy.log", directory / "requests.jsonl"
        self.upstream = ScriptedUpstream(reactor)

    async def start(self, **settings: str) -> None:
        port = await self.upstream.listen()
        environ = SETTINGS | {
            "MIMO_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "MIMO_PROXY_PORT": "0",
            "MIMO_PROXY_LOG": str(self.log),
            "MIMO_PROXY_DRAIN_MS": "0",
        }
        self.service = ProxyService(
            Settings.from_environ(environ | settings), PluginSet.load(third_party=False), self.reactor
        )
        self.service.startService()

    async def post(self) -> tuple[Wire, Wire]:
        """A client that has asked, and its upstream."""
        assert self.service._port is not None
        client = await connect(self.reactor, getattr(self.service._port.getHost(), "port", 0))
        client.send(request("POST", "/v1/responses", body_of()))
        return client, await self.upstream.request()

    async def until(self, condition: Any) -> None:
        await until(self.reactor, condition)

    async def stop(self) -> None:
        await self.service.stopService()
        await self.upstream.stop()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.request_log.read_text().splitlines()]


@pytest.fixture
def started(tmp_path: Path) -> Started:
    return Started(tmp_path)


@pytest_twisted.ensureDeferred
async def test_a_request_has_its_line_by_the_time_it_is_answered(started: Started) -> None:
    await started.start(MIMO_PROXY_REQUEST_LOG=str(started.request_log))
    client, upstream = await started.post()
    upstream.send(chunked(hello()))
    await started.until(lambda: client.received and client.reply.complete)
    (line,) = started.lines()
    assert (line["id"], line["outcome"]) == (client.reply.headers["x-request-id"], "completed")
    assert started.request_log.stat().st_mode & 0o777 == 0o600
    await started.stop()


@pytest_twisted.ensureDeferred
async def test_what_the_end_cuts_off_is_recorded_too(started: Started, tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    await started.start(MIMO_PROXY_REQUEST_LOG=str(started.request_log), MIMO_DEBUG_DUMP=str(dumps))
    client, upstream = await started.post()
    upstream.send(STREAM_HEAD + chunk(text("Hel")))
    await started.until(lambda: b"Hel" in client.received)
    await started.stop()
    (line,) = started.lines()
    assert (line["outcome"], line["failure"]) == ("failed", "draining")
    (dump,) = dumps.iterdir()
    assert dump.name.endswith(line["id"])
    assert b"response.failed" in (dump / "client-answer.http").read_bytes()


@pytest_twisted.ensureDeferred
async def test_the_start_names_what_there_is_to_read(started: Started, tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    await started.start(MIMO_PROXY_REQUEST_LOG=str(started.request_log), MIMO_DEBUG_DUMP=str(dumps))
    await started.stop()
    log = started.log.read_text()
    assert f"/metrics; request log: {started.request_log}; debug dump: {dumps}\n" in log
    assert "whatever you and the model say is written" in log
    assert dumps.stat().st_mode & 0o777 == 0o700


@pytest_twisted.ensureDeferred
async def test_without_settings_nothing_is_written(started: Started, tmp_path: Path) -> None:
    await started.start()
    client, upstream = await started.post()
    upstream.send(chunked(hello()))
    await started.until(lambda: client.received and client.reply.complete)
    await started.stop()
    log = started.log.read_text()
    assert "request log: none; debug dump: none" in log
    assert "MIMO_DEBUG_DUMP" not in log
    assert os.listdir(tmp_path) == ["proxy.log"]


@pytest_twisted.ensureDeferred
async def test_a_request_log_on_a_full_disk_ends_no_request(started: Started) -> None:
    await started.start(MIMO_PROXY_REQUEST_LOG="/dev/full")
    client, upstream = await started.post()
    upstream.send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    await started.until(lambda: client.received and client.reply.complete)
    assert client.reply.output_text() == "Hello"
    await started.stop()
    assert started.log.read_text().count("The log file /dev/full cannot be written") == 1


def environ(tmp_path: Path, **settings: str) -> dict[str, str]:
    return SETTINGS | {"MIMO_PROXY_LOG": str(tmp_path / "proxy.log")} | settings


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is a directory"),
        ("nowhere/requests.jsonl", "its directory does not exist"),
        ("proxy.log", "the log is written there"),
        ("./linked/../proxy.log", "the log is written there"),
        ("proxy.log.3", "the log is written there"),
        ("proxy", ""),
        ("proxy.log.jsonl", ""),
    ],
)
def test_a_request_log_that_cannot_be_ends_the_start(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "linked").mkdir()
    chosen = environ(tmp_path, MIMO_PROXY_REQUEST_LOG=os.path.join(tmp_path, name))
    if not reason:
        Settings.from_environ(chosen)
        return
    with pytest.raises(SettingsError, match=f"^MIMO_PROXY_REQUEST_LOG .*: {reason}. Give another file.$"):
        Settings.from_environ(chosen)


def test_the_log_by_another_name_is_the_log(tmp_path: Path) -> None:
    (tmp_path / "proxy.log").write_text("")
    os.link(tmp_path / "proxy.log", tmp_path / "other.log")
    with pytest.raises(SettingsError, match="the log is written there"):
        Settings.from_environ(environ(tmp_path, MIMO_PROXY_REQUEST_LOG=str(tmp_path / "other.log")))


def test_a_log_that_would_be_rotated_over_the_request_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the log is written there"):
        Settings.from_environ(
            environ(
                tmp_path, MIMO_PROXY_LOG=str(tmp_path / "a.1"), MIMO_PROXY_REQUEST_LOG=str(tmp_path / "a")
            )
        )


def test_a_directory_of_others_gets_no_dump(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(SettingsError, match=r"MIMO_DEBUG_DUMP .* others may write there\. Give a directory"):
        Settings.from_environ(environ(tmp_path, MIMO_DEBUG_DUMP=str(tmp_path)))
    tmp_path.chmod(0o700)


@pytest_twisted.ensureDeferred
async def test_a_directory_that_is_gone_since_ends_the_start_with_its_name(
    started: Started, tmp_path: Path
) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    settings = Settings.from_environ(environ(tmp_path, MIMO_PROXY_REQUEST_LOG=str(directory / "requests")))
    directory.rmdir()
    service = ProxyService(settings, PluginSet(), started.reactor)
    with pytest.raises(SettingsError, match=r"MIMO_PROXY_REQUEST_LOG: .*gone/requests cannot be written"):
        service.startService()
    await service.stopService()
