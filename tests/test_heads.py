"""The heads of upstream answers: however they are cut, they end or are too large."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.heads import MAX_HEAD, MAX_INTERIM, HeadMeter
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, hello, text
from tests.memory_proxy import MemoryProxy

FINAL = b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"


def fits(data: bytes, sizes: list[int]) -> bool:
    meter, place = HeadMeter(), 0
    meter.start()
    while place < len(data):
        size = sizes.pop(0) if sizes else len(data)
        if not meter.receive(data[place : place + size]):
            return False
        place += size
    return True


splits = st.lists(st.integers(1, 40), max_size=30)


@given(splits, st.integers(0, 3), st.sampled_from([FINAL, FINAL.replace(b"\r\n", b"\n")]))
def test_a_body_of_any_length_may_follow_a_head(sizes: list[int], interim: int, final: bytes) -> None:
    assert fits(INTERIM * interim + final + b"z" * MAX_HEAD, sizes)


@given(splits, st.integers(0, 3))
def test_a_head_without_end_is_too_large(sizes: list[int], interim: int) -> None:
    assert not fits(INTERIM * interim + FINAL[:-2] + b"x: y\r\n" * (MAX_HEAD // 6 + 1), sizes)


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 101 X", b"HTTP/1.1 0100 X", b"HTTP/1.1 +100 X", b"HTTP/12.1 100", b"ICY/1.1 100 X"]
)
def test_what_twisted_takes_for_interim_does_not_end_the_bound(line: bytes) -> None:
    assert not fits(line + b"\r\n\r\n" + FINAL[:-2] + b"x: y\r\n" * (MAX_HEAD // 6 + 1), [1000] * 400)


@pytest.mark.parametrize("line", [b"HTTP/1.1", b"garbage", b"", b"HTTP/1.1 abc"])
def test_a_head_without_a_number_is_final(line: bytes) -> None:
    assert fits(line + b"\r\n\r\n" + b"z" * MAX_HEAD, [])


def test_interim_answers_without_end_are_too_many() -> None:
    assert fits(INTERIM * MAX_INTERIM + FINAL, [])
    assert not fits(INTERIM * (MAX_INTERIM + 1), [])
    assert not fits(INTERIM * (MAX_INTERIM + 1) + FINAL, [1] * 3000)


def test_each_request_has_the_whole_bound() -> None:
    meter = HeadMeter()
    for _ in range(3):
        meter.start()
        assert meter.receive(FINAL[:-2] + b"x" * (MAX_HEAD - 100) + b"\r\n\r\n")


@pytest.mark.parametrize(
    "endless", [b"x: y\r\n", b" folded\r\n", INTERIM], ids=["fields", "folded", "interim"]
)
def test_the_connection_is_dropped_and_the_client_told(make_proxy: Any, endless: bytes) -> None:
    proxy: MemoryProxy = make_proxy({"MIMO_PROXY_RETRIES": "0"})
    client = proxy.post()
    proxy.upstream[0].send(FINAL[:-2] if endless is not INTERIM else b"")
    for _ in range(20):
        proxy.upstream[0].send(endless * (20_000 // len(endless)))
        proxy.settle()
    assert (client.reply.status, client.reply.error()["code"]) == (502, "upstream_unavailable")
    assert proxy.upstream[0].dropped


def test_a_kept_connection_serves_one_answer_after_another(proxy: MemoryProxy) -> None:
    for _ in range(3):
        client = proxy.post()
        proxy.upstream[0].send(
            INTERIM + STREAM_HEAD + chunk(text("x" * 300_000)) + chunk(hello()) + LAST_CHUNK
        )
        proxy.settle()
        assert client.reply.complete
    assert len(proxy.upstream) == 1


@pytest.fixture
def make_proxy() -> Any:
    from tests.memory_proxy import made_proxies

    with made_proxies() as make:
        yield make


@pytest.fixture
def proxy(make_proxy: Any) -> Any:
    return make_proxy()
