"""The attacks on the framing once more on real sockets, one after the other against one proxy."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.hostile.attacks import Target
from tests.hostile.test_framing import (
    BAD_CHUNKS,
    BAD_LENGTH,
    CHUNKED,
    CHUNKS,
    ENORMOUS,
    LENGTH,
    NO_REQUEST,
    post,
)
from tests.http_wire import chunked, hello

ATTACKS: dict[str, dict[str, bytes]] = {
    "no request": NO_REQUEST,
    "a bad length": {name: post(*lines) for name, lines in BAD_LENGTH.items()},
    "bad lengths and chunks": {name: post(*lines, body=CHUNKS) for name, lines in BAD_LENGTH.items()},
    "bad chunks": {name: post(CHUNKED, body=body) for name, body in BAD_CHUNKS.items()},
    "enormous": ENORMOUS,
}


@pytest.mark.parametrize("attacks", ATTACKS.values(), ids=ATTACKS)
@pytest_twisted.ensureDeferred
async def test_each_costs_its_own_connection(target: Target, attacks: dict[str, bytes]) -> None:
    await target.start()
    for name, data in attacks.items():
        told = await target.reaction(data)
        # What was not read when the connection closed is a reset, which may take the answer with it.
        assert not told or told.split(b" ")[1] in (b"400", b"413", b"431"), name
    assert target.sent_upstream() == b""
    await target.assert_serving()


@pytest_twisted.ensureDeferred
async def test_one_is_served_in_the_middle_of_them_all(target: Target) -> None:
    await target.start()
    everything = [data for attacks in ATTACKS.values() for data in attacks.values()]
    clients = [await target.send(data) for data in everything[::2]]
    working = await target.send(post(LENGTH))
    clients += [await target.send(data) for data in everything[1::2]]
    (await target.upstream.request()).send(chunked(hello()))
    await target.until(lambda: working.received and working.reply.complete)
    assert working.reply.json()["status"] == "completed"
    await target.until(lambda: all(each.lost for each in clients))
    await target.assert_serving(asked_before=1)
