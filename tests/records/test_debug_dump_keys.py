"""The debug dump over real sockets: no key is in it."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.http_wire import (
    LAST_CHUNK,
    STREAM_HEAD,
    answer,
    body_of,
    chunk,
    chunked,
    event,
    hello,
    text,
)
from tests.memory_proxy import KEY
from tests.records.dumping import CLIENT_KEY, Dumping, content, head_and_body


def splits(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def whole(body: bytes) -> list[bytes]:
    return [body]


def by_bytes(body: bytes) -> list[bytes]:
    return splits(body, 7)


@pytest.mark.parametrize("split", [whole, by_bytes])
@pytest.mark.parametrize(
    "headers", [{"x_mimo_api_key": CLIENT_KEY}, {"authorization": f"Bearer {CLIENT_KEY}"}]
)
@pytest_twisted.ensureDeferred
async def test_no_key_survives_in_a_dump(
    dumping: Dumping, headers: dict[str, str], split: Callable[[bytes], list[bytes]]
) -> None:
    await dumping.start(MIMO_PROXY_TOKEN="")
    other = "tp-another-fake-key"
    words = f"{CLIENT_KEY} {KEY} {other} {CLIENT_KEY.replace('/', '%2F')}"
    said = b"".join(text(each) for each in (words, *CLIENT_KEY, " ", *other, " ")) + hello()
    upstream_answer = STREAM_HEAD.replace(b"\r\n\r\n", f"\r\nset-cookie: a={CLIENT_KEY}\r\n\r\n".encode())
    await dumping.served(
        body_of(input=f"\n{words}", metadata={"key": words}),
        upstream_answer + b"".join(map(chunk, split(said))) + LAST_CHUNK,
        user_agent=f"x {other}",
        cookie=f"session={CLIENT_KEY}",
        **headers,
    )
    (dump,) = await dumping.dumps()
    written = content(dump)
    for key in (CLIENT_KEY, KEY, other, CLIENT_KEY.replace("/", "%2F"), CLIENT_KEY[3:]):
        assert key.encode() not in written
    told = [
        json.loads(line[5:])["choices"][0]["delta"].get("content", "")
        for line in head_and_body(dump / "upstream-1-answer.http")[2].split(b"\n")
        if line.startswith(b'data: {"id"') and b'"delta"' in line
    ]
    assert "".join(told) == "*** *** *** ****** *** Hello"
    assert json.loads(head_and_body(dump / "client-request.http")[2])["input"] == "\n*** *** *** ***"


@pytest_twisted.ensureDeferred
async def test_the_proxys_token_is_masked(dumping: Dumping) -> None:
    await dumping.start(MIMO_PROXY_TOKEN="fakelistenertoken")
    await dumping.served(
        body_of(input="fakelistenertoken"), chunked(hello()), authorization="Bearer fakelistenertoken"
    )
    (dump,) = await dumping.dumps()
    assert b"fakelistenertoken" not in content(dump)


@pytest_twisted.ensureDeferred
async def test_a_key_in_an_error_of_the_upstream_is_masked(dumping: Dumping) -> None:
    await dumping.start(MIMO_API_KEY=CLIENT_KEY)
    await dumping.served(
        body_of(),
        answer(401, {"error": {"message": f"Invalid key {CLIENT_KEY}", "x": event(CLIENT_KEY).decode()}}),
    )
    (dump,) = await dumping.dumps()
    assert CLIENT_KEY.encode() not in content(dump)
    assert b"Invalid key ***" in head_and_body(dump / "upstream-1-answer.http")[2]
