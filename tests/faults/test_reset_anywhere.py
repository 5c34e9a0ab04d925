"""A reset at any byte of an answer: the further it has come, the better the end."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from itertools import groupby

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.catalogue import Phase, Scene, answered
from tests.faults.outcomes import BROKEN, COMPLETED, CUT, DOWN, Client, Seen, fits, seen
from tests.faults.script import Reset, Send, Wait
from tests.faults.stage import Stage
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk

ANSWER = STREAM_HEAD + b"".join(map(chunk, Phase.DONE.begun.splitlines(keepends=True))) + LAST_CHUNK
STEP = 41
"""Bytes. Not a divisor of anything in the answer."""


async def outcome_of_a_reset_at(place: int, client: Client) -> Seen:
    from twisted.internet import reactor

    fault = answered(f"reset at {place}", Send(ANSWER[:place]), Wait(0), Wait(0), Reset())
    stage = Stage(reactor, fault)
    await stage.start(lambda _, __: fault.plan(Scene()))
    try:
        found = seen(await stage.reply(await stage.ask(client)))
        assert await stage.until(stage.at_rest), place
        await stage.assert_connections(kept=False)
        assert len(stage.upstream.requests) == 1
        return found
    finally:
        await stage.stop()


@pytest.mark.parametrize("client", Client, ids=[client.value for client in Client])
@pytest_twisted.ensureDeferred
async def test_a_reset_at_any_byte_of_the_answer_has_the_outcome_of_what_has_come(client: Client) -> None:
    found = [await outcome_of_a_reset_at(place, client) for place in range(0, len(ANSWER), STEP)]
    in_order = [outcome.of(client) for outcome in (DOWN, BROKEN, CUT, COMPLETED)]
    stages = [next((each for each in in_order if fits(one, each)), one) for one in found]
    expected = [key for key, _ in groupby(in_order)]
    assert [key for key, _ in groupby(stages)] == expected
