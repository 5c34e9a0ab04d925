"""How findings are told: a line for each to a person, and one document to a program.

Owns the form of both. Whatever was found, a line stays one line, none of it drives a terminal, and no secret
is in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from ccmimolink import __version__
from ccmimolink.doctor.findings import Examined, Status
from ccmimolink.printable import printable, printable_json
from ccmimolink.sync.masking import masked
from ccmimolink.terminal import Paint, Tone, plain

_MARKS = {
    Status.OK: "ok",
    Status.WARNING: "WARNING",
    Status.FAILED: "FAILED",
    Status.NOT_CHECKED: "-",
}
_TONES = {
    Status.OK: Tone.OK,
    Status.WARNING: Tone.WARNING,
    Status.FAILED: Tone.FAILED,
    Status.NOT_CHECKED: Tone.QUIET,
}
_WIDTH = max(map(len, _MARKS.values()))
_ID_WIDTH = 19
_INDENT = " " * (_WIDTH + 2)


def without_secrets(examined: Examined, secrets: Collection[str]) -> Examined:
    finding = examined.finding
    found, fix, command = (
        printable(masked(text, secrets)) for text in (finding.found, finding.fix, finding.command)
    )
    return replace(examined, finding=replace(finding, found=found, fix=fix, command=command))


def as_lines(examined: Examined, paint: Paint = plain) -> str:
    """One finding, with its fix below it."""
    check, finding = examined.check, examined.finding
    mark = paint(_TONES[finding.status], _MARKS[finding.status].ljust(_WIDTH))
    lines = [f"{mark}  {check.id:<{_ID_WIDTH}} {finding.found}"]
    if finding.fix:
        lines.append(f"{_INDENT}-> {finding.fix}")
    if finding.command:
        lines.append(f"{_INDENT}   $ {finding.command}")
    return "\n".join(lines)


def summary(findings: Sequence[Examined]) -> str:
    counts = Counter(one.finding.status for one in findings)
    faults = ", ".join(
        f"{counts[status]} {word}"
        for status, word in (
            (Status.FAILED, "failed"),
            (Status.WARNING, "to be looked at"),
            (Status.NOT_CHECKED, "not checked"),
        )
        if counts[status]
    )
    checks = f"{len(findings)} check{'' if len(findings) == 1 else 's'}"
    return f"{checks}: {faults}." if faults else f"{checks}: all is as it should be."


def outcome(findings: Sequence[Examined]) -> Status:
    """The worst of them."""
    statuses = {one.finding.status for one in findings}
    return next((status for status in (Status.FAILED, Status.WARNING) if status in statuses), Status.OK)


def as_json(findings: Sequence[Examined]) -> str:
    body = {
        "version": 1,
        "ccmimolink": __version__,
        "outcome": outcome(findings).value,
        "checks": [
            {
                "id": one.check.id,
                "title": one.check.title,
                "status": one.finding.status.value,
                "found": one.finding.found,
                "fix": one.finding.fix or None,
                "command": one.finding.command or None,
            }
            for one in findings
        ],
    }
    return printable_json(json.dumps(body, ensure_ascii=False, indent=2))
