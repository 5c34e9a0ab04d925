"""Each cell of the second table: a fault so many times, then a good answer."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.outcomes import Client, fits, seen
from tests.faults.retry_table import RETRY_CELLS, SETTINGS, RetryCell
from tests.faults.stage import Stage

pytestmark = pytest.mark.usefixtures("trusted", "quick_retries")


@pytest.mark.parametrize("cell", RETRY_CELLS, ids=[cell.name for cell in RETRY_CELLS])
@pytest_twisted.ensureDeferred
async def test_how_often_the_upstream_is_asked(cell: RetryCell, impatient: Callable[[], None]) -> None:
    from twisted.internet import reactor

    impatient()
    row = cell.row
    stage = Stage(reactor, row.fault)
    await stage.start(lambda number, _: row.plan_for(number), SETTINGS)
    try:
        wire = await stage.ask(cell.client)
        if not row.fault.listens:
            await stage.answer_from_now_on()
        reply = await stage.reply(wire, b"" if cell.client is Client.WHOLE else row.phase.shown_by)
        found, expected = seen(reply), row.outcome.of(cell.client)
        assert fits(found, expected), f"{found} in place of {expected}: {reply.body[-400:]!r}"
        assert await stage.until(stage.at_rest), "something is held for the request"
        await stage.assert_connections(kept=None)
        assert stage.requests_fit(row.requests)
        assert row.connections in (None, len(stage.upstream.connections))
    finally:
        await stage.stop()
