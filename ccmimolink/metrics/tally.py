"""What was counted of the requests that are over.

Owns plain numbers: adding a request costs some microseconds, and nothing is made of them until somebody asks.
It must not know any format.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Iterator

from ccmimolink.activity.values import Finished

OTHER = "other"
"""The label of every model that is not in the table: its name is the client's word, and there is no end of
words."""

NONE = "none"
"""The label where a request named no model, or was over before it was read."""

_QUEUED = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_TOKEN = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_TOTAL = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)


class Durations:
    """How many durations were how long.

    :ivar total: all of them, added.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float | None) -> None:
        """None is a step that was not taken, and is not counted."""
        if seconds is not None:
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self.total += seconds

    def cumulative(self) -> Iterator[tuple[str, float]]:
        """Each bound, as it is written, with how many were no longer."""
        count = 0
        for bound, here in zip((*map(float, self._bounds), "+Inf"), self._counts, strict=True):
            count += here
            yield str(bound), count


class Tally:
    """:param models: the names that a label may have."""

    def __init__(self, models: Container[str]) -> None:
        self._models = models
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.cost: dict[tuple[str, str], float] = {}
        self.retries = self.amendments = self.recovered = 0
        self.queued, self.first_token, self.total = map(Durations, (_QUEUED, _FIRST_TOKEN, _TOTAL))

    def add(self, finished: Finished) -> None:
        model = self._model(finished.used)
        self.requests[finished.kind, model, finished.outcome.replace(" ", "_")] += 1
        self.retries += finished.retries
        self.amendments += finished.amendments
        self.recovered += finished.recovered
        self.queued.add(finished.queued)
        self.first_token.add(finished.first_token)
        self.total.add(finished.total)
        tokens = finished.tokens
        if tokens is not None:
            self.tokens[model, "input"] += tokens.input
            self.tokens[model, "cached"] += tokens.cached
            self.tokens[model, "output"] += tokens.output
            self.tokens[model, "reasoning"] += tokens.reasoning
        for currency, amount in finished.cost.items():
            self.cost[model, currency] = self.cost.get((model, currency), 0.0) + amount

    def _model(self, name: str) -> str:
        if name in self._models:
            return name
        return NONE if name == "-" else OTHER
