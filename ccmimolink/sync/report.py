"""What a run says: lines for a person, and the same as JSON.

Owns the form: whatever is in a name or a path, a line stays one line, and none of it drives a terminal. The
words are those of whoever adds a line; they must hold no key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ccmimolink.printable import printable, printable_json, printable_lines
from ccmimolink.terminal import Paint, Tone, plain

RESTART_CODEX = "Restart Codex, so that it reads its configuration anew."

_TONES_OF_DIFF = {"+": Tone.OK, "-": Tone.FAILED, "@": Tone.QUIET}


class Outcome(Enum):
    DONE = "done"
    NOTHING = "nothing to do"
    WOULD = "would change"
    FAILED = "not done"


@dataclass(slots=True)
class Report:
    """Grows while a run goes on.

    :ivar lines: what was done or found, in order.
    :ivar warnings: what a person should see to.
    :ivar next_steps: what to do now, in order.
    :ivar diff: what a dry run would change, keys masked.
    :ivar facts: for programs.
    :ivar changed: those of the lines that tell of a change.
    """

    outcome: Outcome = Outcome.NOTHING
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    diff: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED

    def say(self, *lines: str) -> None:
        self.lines += map(printable, lines)

    def done(self, line: str) -> None:
        """Something was changed."""
        self.say(line)
        self.changed.add(printable(line))
        self.outcome = Outcome.DONE

    def warn(self, *warnings: str) -> None:
        self.warnings += [one for one in map(printable, warnings) if one not in self.warnings]

    def then(self, *steps: str) -> None:
        self.next_steps += [step for step in map(printable, steps) if step not in self.next_steps]

    def fail(self, message: str) -> None:
        self.warnings.append(printable(message))
        self.outcome = Outcome.FAILED

    def as_text(self, paint: Paint = plain) -> str:
        """:param paint: lays colour over a line; the words are the same without."""
        return "\n".join(self._paragraphs(paint)) + "\n"

    def _paragraphs(self, paint: Paint) -> Iterable[str]:
        yield from (paint(Tone.OK, line) if line in self.changed else line for line in self.lines)
        if self.diff:
            yield from _painted_diff(printable_lines(self.diff.rstrip("\n")), paint)
        tone = Tone.FAILED if self.failed else Tone.WARNING
        yield from (paint(tone, f"! {warning}") for warning in self.warnings)
        if self.outcome is Outcome.NOTHING and not self.lines and not self.warnings:
            yield "Nothing to do."
        yield from (paint(Tone.HEADING, f"-> {step}") for step in self.next_steps)

    def as_json(self) -> str:
        body = {
            "outcome": self.outcome.value,
            "lines": self.lines,
            "warnings": self.warnings,
            "next": self.next_steps,
            **({"diff": self.diff} if self.diff else {}),
            **self.facts,
        }
        return printable_json(json.dumps(body, ensure_ascii=False, indent=2))


def _painted_diff(diff: str, paint: Paint) -> Iterable[str]:
    for line in diff.split("\n"):
        tone = _TONES_OF_DIFF.get(line[:1])
        yield line if tone is None else paint(tone, line)
