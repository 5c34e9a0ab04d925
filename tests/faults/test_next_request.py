"""The request after one whose answer was odd gets its own answer, over a connection that can give one."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.catalogue import Fault
from tests.faults.outcomes import COMPLETED, DOWN, Client, Outcome, fits, seen
from tests.faults.script import Close, Reset, Script, Send, Stall, Wait
from tests.faults.stage import Stage
from tests.faults.upstream import Plan, Received, answers
from tests.http_wire import DONE, Reply, answer, chunked, finish, text

FIRST = chunked(text("first"), finish(), DONE)
SECOND = chunked(text("second"), finish(), DONE)
EVIL = chunked(text("evil"), finish(), DONE)

pytestmark = pytest.mark.usefixtures("quick_retries")

CLIENTS = pytest.mark.parametrize("client", Client, ids=[client.value for client in Client])


class TwoRequests:
    """One request after the other through the same proxy.

    :param first: the answer to the first request, and what follows it uninvited.
    :param second: the answer to the second, where it comes over the same connection.
    :param fresh: the answer to it over another connection.
    """

    def __init__(self, first: Script, second: Script, fresh: Script, settings: dict[str, str]) -> None:
        from twisted.internet import reactor

        self._first, self._second, self._fresh, self._settings = first, second, fresh, settings
        self.stage = Stage(reactor, Fault(name="odd", plan=lambda _: Plan()))

    def _plan(self, number: int, _elsewhere: int) -> Plan:
        def on_the_first_connection(received: Received) -> Script:
            return self._first if received.number == 0 else self._second

        return Plan(answer=on_the_first_connection) if number == 0 else answers(self._fresh)

    async def play(self, client: Client) -> Reply:
        """The second answer, to a request that came when all of the first script had been played."""
        stage = self.stage
        await stage.start(self._plan, self._settings)
        try:
            first = await stage.reply(await stage.ask(client))
            assert fits(seen(first), COMPLETED.of(client))
            await stage.settle()
            second = await stage.reply(await stage.ask(client))
            assert await stage.until(stage.at_rest)
            await stage.assert_connections(kept=None)
            return second
        finally:
            await stage.stop()


UNINVITED: dict[str, Script] = {
    "in the same read": (Send(FIRST + EVIL),),
    "in a read of its own": (Send(FIRST), Wait(0.01), Send(EVIL)),
    "cut in its head": (Send(FIRST + EVIL[:30]), Wait(0.01), Send(EVIL[30:])),
    "cut in its body": (Send(FIRST + EVIL[:-30]), Wait(0.01), Send(EVIL[-30:])),
    "twice": (Send(FIRST + EVIL + EVIL), Wait(0.01), Send(EVIL)),
    "as an error": (Send(FIRST + answer(401, {"error": {"message": "evil"}})),),
    "as garbage": (Send(FIRST + b"\r\n\r\nHTTP/1.1 \x00"), Wait(0.01), Send(b"\xff\xff")),
    "behind a length": (
        Send(answer(200, text("first") + finish() + DONE, content_type="text/event-stream") + EVIL),
    ),
}


@CLIENTS
@pytest.mark.parametrize("first", UNINVITED.values(), ids=UNINVITED.keys())
@pytest_twisted.ensureDeferred
async def test_an_answer_that_nobody_asked_for_is_not_the_next_requests(
    first: Script, client: Client
) -> None:
    reply = await TwoRequests(first, (Send(SECOND),), (Send(SECOND),), {}).play(client)
    assert fits(seen(reply), COMPLETED.of(client))
    assert b"second" in reply.body
    assert b"evil" not in reply.body


GONE: dict[str, Script] = {
    "closed": (Send(FIRST), Close()),
    "closed a little later": (Send(FIRST), Wait(0.01), Close()),
    "reset": (Send(FIRST), Wait(0.01), Reset()),
    "announced as closing": (Send(FIRST.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)), Close()),
    "announced as closing, and left open": (
        Send(FIRST.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)),
        Stall(),
    ),
}


@CLIENTS
@pytest.mark.parametrize("first", GONE.values(), ids=GONE.keys())
@pytest_twisted.ensureDeferred
async def test_a_connection_that_ended_while_idle_is_not_used_again(first: Script, client: Client) -> None:
    """Without a try to spare."""
    proxy = TwoRequests(first, (Stall(),), (Send(SECOND),), {})
    assert b"second" in (await proxy.play(client)).body
    assert len(proxy.stage.upstream.connections) == 2


BREAKS: dict[str, Script] = {
    "reset": (Reset(),),
    "closed": (Close(),),
    "half a head": (Send(SECOND[:20]), Wait(0), Wait(0), Reset()),
}


@CLIENTS
@pytest.mark.parametrize("second", BREAKS.values(), ids=BREAKS.keys())
@pytest.mark.parametrize(("retries", "outcome"), [(0, DOWN), (3, COMPLETED)], ids=["no retry", "retries"])
@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_breaks_under_the_next_request_counts_as_one_try(
    second: Script, retries: int, outcome: Outcome, client: Client
) -> None:
    proxy = TwoRequests((Send(FIRST),), second, (Send(SECOND),), {"MIMO_PROXY_RETRIES": str(retries)})
    reply = await proxy.play(client)
    assert fits(seen(reply), outcome.of(client))
    assert len(proxy.stage.upstream.requests) == (3 if retries else 2)


@CLIENTS
@pytest_twisted.ensureDeferred
async def test_a_good_connection_serves_the_next_request_too(client: Client) -> None:
    proxy = TwoRequests((Send(FIRST),), (Send(SECOND),), (Stall(),), {})
    assert b"second" in (await proxy.play(client)).body
    assert len(proxy.stage.upstream.connections) == 1
