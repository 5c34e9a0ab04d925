"""The log's one line about a request, whatever became of it.

Owns its words. No content and no key is in it; what clients and MiMo said is clipped to one line.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.logger import Logger
from twisted.web.http_headers import Headers

from ccmimolink.core.context import TurnKind
from ccmimolink.core.errors import Failure, http_answer
from ccmimolink.core.stream import ResponseStream
from ccmimolink.journey import Journey
from ccmimolink.web.client import name_of, profile_of
from ccmimolink.web.log_text import clipped


def log_refusal(log: Logger, headers: Headers, failure: Failure) -> None:
    """The line about a request that was refused before it was read."""
    status = http_answer(failure, profile_of(headers)).status
    log.info(
        "{client} was refused with {status}: {reason}",
        client=clipped(name_of(headers), 40),
        status=status,
        reason=failure.message,
    )


@dataclass(slots=True)
class Record:
    """What the line tells beside the journey.

    :ivar client: who asked, by its own word.
    :ivar asked: the model that the request named.
    :ivar used: the model that it was sent to.
    :ivar outcome: how it ended, with the upstream's reason where it failed.
    """

    request_id: str
    client: str
    turn: TurnKind
    asked: str = "-"
    used: str = "-"
    outcome: str = "client left"

    def write(self, log: Logger, journey: Journey, status: int | None, stream: ResponseStream | None) -> None:
        """:param status: what the client was answered with, or None if nothing was."""
        # One field, not one for each word: the logger's formatting would take as long as a short answer.
        log.info("{line}", line=self._line(journey, status, stream))

    def _line(self, journey: Journey, status: int | None, stream: ResponseStream | None) -> str:
        usage = stream.response.usage if stream is not None else None
        tokens = f"{usage.input_tokens} in {usage.output_tokens}" if usage else "? in ?"
        recovered, ghosts = (stream.recovered, stream.ghosts) if stream else (0, 0)
        return (
            f"{self.request_id} {clipped(self.client, 40)} {self.turn.value} "
            f"{clipped(self.asked)} -> {clipped(self.used)}: {clipped(self.outcome, 300)}; "
            f"status {'-' if status is None else status}, phase {journey.phase.value}; {journey.times()}; "
            f"tokens {tokens} out; {journey.retries} retries, {journey.amendments} amendments, "
            f"{recovered} calls recovered, {ghosts} dropped"
        )
