"""A reset at any byte of a request or of an answer: the further that has come, the better the end."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from functools import partial
from itertools import groupby

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.catalogue import Phase, Scene, answered
from tests.faults.outcomes import BROKEN, COMPLETED, CUT, DOWN, Client, Seen, fits, seen
from tests.faults.script import Reset, Send, Wait
from tests.faults.stage import Stage
from tests.faults.upstream import Plan
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


def _always(plan: Plan, *_: object) -> Plan:
    return plan


async def length_of_the_request(client: Client) -> int:
    from twisted.internet import reactor

    stage = Stage(reactor, answered("as it should be", Send(ANSWER)))
    await stage.start(lambda _, __: Plan(answer=lambda _received: (Send(ANSWER),)))
    try:
        await stage.reply(await stage.ask(client))
        (connection,) = stage.upstream.connections
        return len(connection.received)
    finally:
        await stage.stop()


@pytest.mark.parametrize("client", Client, ids=[client.value for client in Client])
@pytest_twisted.ensureDeferred
async def test_a_reset_at_any_byte_of_the_request_is_an_upstream_that_is_down(client: Client) -> None:
    from twisted.internet import reactor

    for place in range(1, await length_of_the_request(client), STEP):
        stage = Stage(reactor, answered(f"reset at byte {place} of the request", Reset()))
        plan = Plan(at_byte=(place, (Reset(),)))
        await stage.start(partial(_always, plan))
        try:
            assert fits(seen(await stage.reply(await stage.ask(client))), DOWN.of(client)), place
            assert await stage.until(stage.at_rest), place
            assert len(stage.upstream.connections) == 1
        finally:
            await stage.stop()
