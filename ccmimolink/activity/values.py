"""One request as it is shown: while it runs, and once it is over.

Owns these two values. Durations are seconds, times seconds since the epoch; what is not known is None.
"""

from __future__ import annotations

from msgspec import Struct


class Tokens(Struct, frozen=True, gc=False):
    """MiMo's own count. ``cached`` is part of ``input``, ``reasoning`` part of ``output``."""

    input: int
    cached: int
    output: int
    reasoning: int


class Running(Struct, frozen=True, kw_only=True):
    """A request in progress.

    :ivar client: who asked, by its own word, clipped.
    :ivar kind: why: ``turn``, ``title``, ``compaction`` or ``subagent``.
    :ivar asked: the model that the request named; a hyphen until it was read, or if it named none.
    :ivar used: the model that it is sent to.
    :ivar phase: one of :class:`ccmimolink.journey.Phase`.
    :ivar elapsed: since its body had come.
    :ivar received: events of MiMo's stream so far. MiMo sends about one for each token, and tells the number
        of tokens at the end only.
    :ivar position: its place in the queue, from 1, if it waits there.
    :ivar starts_in: how long it waits at least for its start, or for its next try.
    :ivar retries: further tries so far.
    """

    id: str
    client: str
    kind: str
    asked: str
    used: str
    phase: str
    elapsed: float
    received: int
    position: int | None
    starts_in: float | None
    retries: int


class Finished(Struct, frozen=True, kw_only=True):
    """A request that is over.

    :ivar at: when its body had come.
    :ivar client: who asked, by its own word, clipped.
    :ivar kind: why: ``turn``, ``title``, ``compaction`` or ``subagent``.
    :ivar asked: the model that the request named; a hyphen if it named none.
    :ivar used: the model that it was sent to last.
    :ivar status: what the client was answered with, if anything.
    :ivar outcome: a response's status (``completed``, ``incomplete``, ``failed``), a value of
        :class:`ccmimolink.core.errors.FailureKind` where there was no response, or ``client left``.
    :ivar failure: the kind of failure that ended it, if one did.
    :ivar queued: the wait for its first start, if it came to wait.
    :ivar first_token: from its arrival to the first event of MiMo's answer.
    :ivar total: from its arrival to its end.
    :ivar retries: further tries, those of an amended request aside.
    :ivar amendments: how often the request was changed and sent again.
    :ivar recovered: calls that the model wrote as text.
    :ivar cost: what the tokens would cost at the prices of pay as you go, by currency, where the model's
        prices are known.
    """

    id: str
    at: float
    client: str
    kind: str
    asked: str
    used: str
    status: int | None
    outcome: str
    failure: str | None
    queued: float | None
    first_token: float | None
    total: float
    tokens: Tokens | None
    retries: int
    amendments: int
    recovered: int
    cost: dict[str, float]

    @property
    def tokens_per_second(self) -> float | None:
        """The speed of the answer, from its first event to its end."""
        if self.tokens is None or self.first_token is None or self.total <= self.first_token:
            return None
        return self.tokens.output / (self.total - self.first_token)
