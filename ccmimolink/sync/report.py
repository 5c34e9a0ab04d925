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

RESTART_CODEX = "Restart Codex, so that it reads its configuration anew."


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
    """

    outcome: Outcome = Outcome.NOTHING
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    diff: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED

    def say(self, *lines: str) -> None:
        self.lines += map(printable, lines)

    def done(self, line: str) -> None:
        """Something was changed."""
        self.say(line)
        self.outcome = Outcome.DONE

    def warn(self, *warnings: str) -> None:
        self.warnings += [one for one in map(printable, warnings) if one not in self.warnings]

    def then(self, *steps: str) -> None:
        self.next_steps += [step for step in map(printable, steps) if step not in self.next_steps]

    def fail(self, message: str) -> None:
        self.warnings.append(printable(message))
        self.outcome = Outcome.FAILED

    def as_text(self) -> str:
        return "\n".join(self._paragraphs()) + "\n"

    def _paragraphs(self) -> Iterable[str]:
        yield from self.lines
        if self.diff:
            yield printable_lines(self.diff.rstrip("\n"))
        yield from (f"! {warning}" for warning in self.warnings)
        if self.outcome is Outcome.NOTHING and not self.lines and not self.warnings:
            yield "Nothing to do."
        yield from (f"-> {step}" for step in self.next_steps)

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
