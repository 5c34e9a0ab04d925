"""Values as text, in the language of the page.

Owns how a number, a time and a request read where the server renders them. ``assets/format.js`` writes the
same with the browser's own formats once it runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from ccmimolink.activity.values import Finished, Running
from ccmimolink.page.language import CHINESE
from ccmimolink.page.snapshot import State
from ccmimolink.page.summary import has_failed
from ccmimolink.page.words import words

_COUNTS = ("input", "cached", "output", "reasoning")
_SIGNS = {"USD": "$", "CNY": "¥"}


class Texts:
    """:ivar language: a tag, as HTML has it."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.words: Mapping[str, str] = words(language)

    def say(self, key: str, **values: object) -> str:
        """:raises KeyError: there is no such word."""
        text = self.words[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def known(self, key: str, otherwise: str) -> str:
        """For what may come without a word of its own."""
        return self.words.get(key, otherwise)

    def count(self, number: float | None) -> str:
        return self.say("none") if number is None else f"{number:,}"

    def rate(self, number: float | None) -> str:
        return self.say("none") if number is None else f"{number:,.1f}"

    def share(self, number: float | None) -> str:
        return self.say("none") if number is None else self.say("unit.percent", percent=round(100 * number))

    def duration(self, seconds: float | None) -> str:
        if seconds is None:
            return self.say("none")
        if seconds < 59.95:
            return self.say("unit.seconds", seconds=f"{seconds:.1f}")
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return self.say("unit.minutes", minutes=minutes, seconds=rest)
        hours, minutes = divmod(minutes, 60)
        if hours < 48:
            return self.say("unit.hours", hours=hours, minutes=minutes)
        return self.say("unit.days", days=hours // 24, hours=hours % 24)

    def lasting(self, seconds: float) -> str:
        """As a duration, to the second."""
        whole = round(seconds)
        return self.say("unit.seconds", seconds=whole) if whole < 60 else self.duration(whole)

    def step(self, seconds: int) -> str:
        """The width of a step of the charts, which is whole in one of the units."""
        if seconds < 60:
            return self.say("unit.seconds", seconds=seconds)
        if seconds < 3600:
            return self.say("unit.whole_minutes", minutes=seconds // 60)
        return self.say("unit.whole_hours", hours=seconds // 3600)

    def clock(self, seconds: float) -> str:
        """The time of day, on the clock of this machine, which the reader's browser runs on as well."""
        return time.strftime("%H:%M:%S", time.localtime(seconds))

    def moment(self, seconds: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))

    def money(self, cost: Mapping[str, float]) -> str:
        """In the currency of who reads this language."""
        currency = "CNY" if self.language == CHINESE else "USD"
        if currency not in cost:
            return self.say("none")
        return f"{_SIGNS[currency]}{cost[currency]:,.{2 if cost[currency] >= 10 else 4}f}"

    def model_line(self, state: State) -> str:
        key = "page.model_chosen" if state.model_is_chosen else "page.model"
        return self.say(key, model=state.model)

    # -- requests -------------------------------------------------------------------------------------------

    def model(self, one: Running | Finished) -> str:
        if one.asked in (one.used, "-"):
            return one.used
        return one.asked if one.used == "-" else self.say("model.changed", asked=one.asked, used=one.used)

    def kind(self, one: Running | Finished) -> str:
        return self.known(f"kind.{one.kind}", one.kind)

    def place(self, one: Running) -> str:
        if one.position is None:
            return self.say("none")
        if not one.starts_in:
            return self.say("waits.place", position=one.position)
        return self.say("waits.starts", position=one.position, time=self.duration(one.starts_in))

    def outcome(self, one: Finished) -> str:
        key, reason = f"outcome.{one.outcome}", one.failure or one.outcome
        if one.failure is not None or key not in self.words:
            key = f"failure.{reason}"
        text = self.known(key, reason)
        if one.status is not None and one.status >= 400:
            return self.say("outcome.status", outcome=text, status=one.status)
        return text

    def notes(self, one: Finished) -> str:
        counts = {"retries": one.retries, "amendments": one.amendments, "recovered": one.recovered}
        said = [self.say(f"notes.{name}", count=count) for name, count in counts.items() if count]
        return ", ".join(said) or self.say("none")

    def running(self, one: Running) -> dict[str, str]:
        """One row of the table, by column."""
        return {
            "client": one.client,
            "kind": self.kind(one),
            "model": self.model(one),
            "phase": self.known(f"phase.{one.phase}", one.phase),
            "elapsed": self.duration(one.elapsed),
            "received": self.say("received.about", count=self.count(one.received)),
            "waits": self.place(one),
            "retries": self.count(one.retries),
        }

    def finished(self, one: Finished) -> dict[str, str]:
        """One row of the table, by column."""
        tokens = one.tokens
        counts = msgspec.structs.asdict(tokens) if tokens is not None else dict.fromkeys(_COUNTS)
        return {
            "at": self.clock(one.at),
            "client": one.client,
            "kind": self.kind(one),
            "model": self.model(one),
            "outcome": self.outcome(one),
            "queued": self.duration(one.queued),
            "first_token": self.duration(one.first_token),
            "total": self.duration(one.total),
            **{name: self.count(count) for name, count in counts.items()},
            "speed": self.rate(one.tokens_per_second),
            "notes": self.notes(one),
            "cost": self.money(one.cost),
        }

    def mood(self, one: Finished) -> str:
        """How a row is marked: ``good``, ``fair`` or ``bad``."""
        if has_failed(one):
            return "bad"
        return "good" if one.outcome == "completed" else "fair"
