"""What the log is told of a request beside its one line: whatever was odd about it or about its answer.

Owns the words. No content is in them.
"""

from __future__ import annotations

from twisted.logger import Logger

from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.core.stream import ResponseStream
from ccmimolink.web.log_text import clipped
from ccmimolink.web.passed_over import PassedOver
from ccmimolink.web.relay import Relay
from ccmimolink.web.services import Limits

_log = Logger()


def note_oddities(request_id: str, request: ResponsesRequest, passed_over: PassedOver) -> None:
    """:param passed_over: knows the kinds of items that were logged before."""
    for note in request.notes:
        _log.warn("{id}: {note}", id=request_id, note=clipped(note, 200))
    for kind in passed_over.first_met(request.input):
        _log.warn(
            "{id}: input items of kind '{kind}' are not passed on to MiMo; later ones are not logged",
            id=request_id,
            kind=clipped(kind),
        )


def note_answer(request_id: str, stream: ResponseStream, relay: Relay | None, limits: Limits) -> None:
    if stream.cut_calls:
        _log.warn(
            "{id}: {cut} tool calls beyond the first {limit} were cut off (MIMO_PROXY_MAX_CALLS)",
            id=request_id,
            cut=stream.cut_calls,
            limit=limits.max_calls,
        )
    if stream.ghosts:
        _log.warn(
            "{id}: {ghosts} tool calls without a name were dropped", id=request_id, ghosts=stream.ghosts
        )
    if stream.response.status == "completed" and not stream.response.output:
        _log.warn("{id}: MiMo's answer was empty", id=request_id)
    if relay is not None and relay.was_cut:
        _log.warn(
            "{id}: MiMo's answer was cut at {limit} bytes (MIMO_PROXY_MAX_ANSWER_BYTES)",
            id=request_id,
            limit=limits.max_answer_bytes,
        )
    if stream.promoted:
        _log.info("{id}: the answer was thinking alone, and was given as text too", id=request_id)
