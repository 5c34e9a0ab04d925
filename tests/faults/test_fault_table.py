"""Each cell of the table: one request to an upstream with one fault, and nothing left of it."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults import body_faults, connection_faults, head_faults, status_faults, tls_faults
from tests.faults.catalogue import SAID, Fault, Phase, Scene
from tests.faults.outcomes import CUT_AT_LIMIT, Client, Ends, fits, seen
from tests.faults.stage import Stage
from tests.faults.table import CELLS, ROWS, Cell
from tests.http_wire import Reply

CATALOGUE = (body_faults, connection_faults, head_faults, status_faults, tls_faults)

pytestmark = pytest.mark.usefixtures("trusted")


def _faults_in(found: object) -> Iterator[Fault]:
    if isinstance(found, Fault):
        yield found
    elif isinstance(found, tuple):
        for each in found:
            yield from _faults_in(each)
    elif isinstance(found, dict):
        yield from _faults_in(tuple(found.values()))


@pytest.mark.parametrize("module", CATALOGUE, ids=[module.__name__ for module in CATALOGUE])
def test_every_fault_of_the_catalogue_has_a_row(module: ModuleType) -> None:
    listed = [row.fault.name for row in ROWS]
    assert len(set(listed)) == len(listed)
    assert {fault.name for fault in _faults_in(dict(vars(module)))} <= set(listed)


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
@pytest_twisted.ensureDeferred
async def test_what_the_client_sees(cell: Cell, impatient: Callable[[], None]) -> None:
    from twisted.internet import reactor

    if not cell.row.kept and cell.expected is not CUT_AT_LIMIT:
        impatient()
    stage = Stage(reactor, cell.row.fault)
    await stage.start(lambda _, elsewhere: cell.row.fault.plan(Scene(cell.phase, elsewhere)))
    try:
        wire = await stage.ask(cell.client)
        reply = await stage.reply(wire, b"" if cell.client is Client.WHOLE else cell.phase.shown_by)
        found, expected = seen(reply), cell.expected.of(cell.client)
        assert fits(found, expected), f"{found} in place of {expected}: {reply.body[-400:]!r}"
        assert_nothing_is_lost_or_made_up(reply, cell)
        assert await stage.until(stage.at_rest), "something is held for the request"
        await stage.assert_connections(kept=cell.row.kept)
        assert stage.requests_fit(cell.row.requests)
        assert len(stage.upstream.connections) <= 1
        assert not stage.elsewhere.connections, "the request was led to another host"
    finally:
        await stage.stop()


def assert_nothing_is_lost_or_made_up(reply: Reply, cell: Cell) -> None:
    """What was said is there, and a call is done only if it was whole."""
    expected = cell.expected.of(cell.client)
    if reply.status != 200 or not isinstance(expected, Ends):
        return
    whole = cell.client is Client.WHOLE
    response = reply.json() if whole else reply.last()
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    if expected.status != "completed":
        # A client runs a call at its end. What is streamed is checked against the output by the checker.
        assert (cell.phase is Phase.ENDED) == bool(calls)
        if cell.phase is not Phase.BEFORE and not whole:
            assert reply.output_text().startswith(SAID)
        return
    assert [(call["name"], call["arguments"].startswith('{"path":"a')) for call in calls] == [("read", True)]
    said = "".join(
        part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"]
    )
    assert SAID in said
