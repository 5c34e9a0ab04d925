"""What is told of a request once it is over: a line of the log, and a value for who wants to look.

Owns its words. No content and no key is in either; what clients and MiMo said is clipped to one line, and
stands in the log alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.logger import Logger
from twisted.web.http_headers import Headers

from ccmimolink.activity.values import Finished, Tokens
from ccmimolink.core.context import TurnKind
from ccmimolink.core.errors import Failure, http_answer
from ccmimolink.core.models import ModelTable
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
    """What is told beside the journey.

    :ivar at: when its body had come, in seconds since the epoch.
    :ivar client: who asked, by its own word.
    :ivar asked: the model that the request named.
    :ivar used: the model that it was sent to.
    :ivar outcome: how it ended.
    :ivar failure: what ended it, if that was a failure.
    """

    request_id: str
    at: float
    client: str
    turn: TurnKind
    asked: str = "-"
    used: str = "-"
    outcome: str = "client left"
    failure: Failure | None = None

    def responded(self, stream: ResponseStream) -> None:
        """There is a response, complete or not."""
        self.outcome, self.failure = stream.response.status, stream.failure

    def failed(self, failure: Failure) -> None:
        """There is none."""
        self.outcome, self.failure = failure.kind.value, failure

    def write(self, log: Logger, journey: Journey, status: int | None, stream: ResponseStream | None) -> None:
        """:param status: what the client was answered with, or None if nothing was."""
        # One field, not one for each word: the logger's formatting would take as long as a short answer.
        log.info("{line}", line=self._line(journey, status, stream))

    def _line(self, journey: Journey, status: int | None, stream: ResponseStream | None) -> str:
        usage = stream.response.usage if stream is not None else None
        tokens = f"{usage.input_tokens} in {usage.output_tokens}" if usage else "? in ?"
        recovered, ghosts = (stream.recovered, stream.ghosts) if stream else (0, 0)
        outcome = self.outcome if self.failure is None else f"{self.outcome} ({self.failure.message})"
        return (
            f"{self.request_id} {clipped(self.client, 40)} {self.turn.value} "
            f"{clipped(self.asked)} -> {clipped(self.used)}: {clipped(outcome, 300)}; "
            f"status {'-' if status is None else status}, phase {journey.phase.value}; {journey.times()}; "
            f"tokens {tokens} out; {journey.retries} retries, {journey.amendments} amendments, "
            f"{recovered} calls recovered, {ghosts} dropped"
        )

    def finished(
        self, journey: Journey, status: int | None, stream: ResponseStream | None, models: ModelTable
    ) -> Finished:
        """:param models: know the prices."""
        tokens = _tokens(stream)
        return Finished(
            id=self.request_id,
            at=self.at,
            client=clipped(self.client, 40),
            kind=self.turn.value,
            asked=clipped(self.asked),
            used=clipped(self.used),
            status=status,
            outcome=self.outcome,
            failure=None if self.failure is None else self.failure.kind.value,
            queued=journey.waited,
            first_token=journey.until_streamed,
            total=journey.elapsed,
            tokens=tokens,
            retries=journey.retries,
            amendments=journey.amendments,
            recovered=0 if stream is None else stream.recovered,
            cost={} if tokens is None else _cost(tokens, self.used, models),
        )


_MOST_TOKENS = 2**53
"""No answer has so many, and a number that is no larger can be added up and divided."""


def _tokens(stream: ResponseStream | None) -> Tokens | None:
    usage = stream.response.usage if stream is not None else None
    if usage is None:
        return None
    counts = (
        usage.input_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens,
        usage.output_tokens_details.reasoning_tokens,
    )
    # The client is told whatever MiMo says; sums and prices are made of counts alone.
    return Tokens(*counts) if all(0 <= count <= _MOST_TOKENS for count in counts) else None


def _cost(tokens: Tokens, model: str, models: ModelTable) -> dict[str, float]:
    known = models.get(model)
    if known is None:
        return {}
    return {price.currency: price.of(tokens.input, tokens.cached, tokens.output) for price in known.prices}
