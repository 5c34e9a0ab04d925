"""How a setup ended: for a person, and as JSON for programs.

Owns the form of both. No key leaves here, whatever was put into a message: those that are known are looked
for, and what has the look of one.

Source: the JSON object follows the provider's own setup command, with ``notes`` and ``validation`` beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ccmimolink.mimocode.errors import Blocker, Code, SetupError, Source
from ccmimolink.mimocode.provider import TRANSPORT, Audited, Provider
from ccmimolink.printable import printable, printable_json
from ccmimolink.terminal import Paint, Tone, plain

_KEY_LOOK = re.compile(r"(?<![\w/\\.-])gp-[A-Za-z0-9_-]{8,}")
_HIDDEN = "[redacted]"
PROVED = (
    "the API key works for GET /v1/models",
    "the gateway returned a list of models",
    "MiMoCode's map of models can be built from it",
)
"""What an answer to that request shows: not that a chat can be paid, nor that every model works."""


class Status(StrEnum):
    SUCCESS = "success"
    BLOCKED = "blocked"
    FAILED = "failed"


class Check(StrEnum):
    PASSED = "passed"
    BLOCKED = "blocked"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Verification:
    durable: Check = Check.SKIPPED
    current_session: Check = Check.SKIPPED
    model_visibility: Check = Check.SKIPPED
    provenance: Check = Check.SKIPPED

    def as_json(self) -> dict[str, str]:
        return {
            "durable": self.durable,
            "currentSession": self.current_session,
            "modelVisibility": self.model_visibility,
            "provenance": self.provenance,
        }


@dataclass(frozen=True, slots=True)
class Targets:
    """The files that a setup is about."""

    global_config: Path
    global_candidates: tuple[Path, ...]
    secret: Path
    state: Path
    project_config: Path | None

    def as_json(self) -> dict[str, Any]:
        targets: dict[str, Any] = {
            "globalConfigPath": str(self.global_config),
            "globalConfigCandidates": [str(path) for path in self.global_candidates],
            "managedSecretPath": str(self.secret),
            "statePath": str(self.state),
        }
        if self.project_config is not None:
            targets["projectConfigPath"] = str(self.project_config)
        return targets


@dataclass(slots=True)
class Result:
    """Grows while a setup goes on.

    :ivar wrote: whether anything was written, so that a failure is more than a refusal.
    :ivar secrets: the keys that must not be shown.
    """

    provider: Provider
    audited: Audited
    status: Status = Status.SUCCESS
    blockers: tuple[Blocker, ...] = ()
    version: str | None = None
    model: str | None = None
    scope: str | None = None
    targets: Targets | None = None
    verification: Verification = field(default_factory=Verification)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrote: bool = False
    secrets: set[str] = field(default_factory=set, repr=False)

    @property
    def ok(self) -> bool:
        return self.status is Status.SUCCESS

    def end_with(self, error: SetupError, *, failed: bool) -> None:
        self.status = Status.FAILED if failed else Status.BLOCKED
        self.blockers = error.blockers

    def as_json(self) -> str:
        body = self._success() if self.ok else self._failure()
        safe = _each_string(body, self._safe)
        return printable_json(json.dumps(safe, ensure_ascii=False, indent=2))

    def _success(self) -> dict[str, Any]:
        return {
            "ok": True,
            "status": self.status,
            **self._known(),
            "transport": TRANSPORT,
            "mimoCode": {
                "installedVersion": self.version,
                "auditedBaseline": self.audited.version,
                "packageName": self.audited.package,
                "policy": "audited",
            },
            "validation": {"workflowValidated": self.model in self.provider.validated},
            "proved": list(PROVED),
            "nextCommand": self.audited.command,
            "warnings": self.warnings,
            "notes": self.notes,
        }

    def _failure(self) -> dict[str, Any]:
        return {
            "ok": False,
            "status": self.status,
            "errorCode": self.blockers[0].code,
            "message": self.blockers[0].message,
            "blockers": [_blocker(blocker) for blocker in self.blockers],
            **self._known(),
            "warnings": self.warnings,
            "notes": self.notes,
        }

    def _known(self) -> Mapping[str, Any]:
        known: dict[str, Any] = {"provider": self.provider.id}
        if self.model is not None:
            known |= {"model": self.model, "modelRef": self.provider.model_reference(self.model)}
        if self.scope is not None:
            known["scope"] = self.scope
        if self.targets is not None:
            known |= {
                "configTargets": self.targets.as_json(),
                "verification": self.verification.as_json(),
            }
        return known

    def as_text(self, paint: Paint = plain) -> str:
        """:param paint: lays colour over a line; the words are the same without."""
        told, *more = self._success_lines() if self.ok else self._failure_lines()
        lines: list[tuple[Tone | None, str]] = [(Tone.OK if self.ok else Tone.FAILED, told)]
        lines += [(None, line) for line in more]
        lines += [(Tone.WARNING, f"! {warning}") for warning in self.warnings]
        lines += [(Tone.QUIET, f"({note})") for note in self.notes]
        if self.ok:
            lines.append((Tone.HEADING, f"-> Next: {self.audited.command}"))
        safe = [(tone, printable(self._safe(line))) for tone, line in lines]
        return "".join(f"{line if tone is None else paint(tone, line)}\n" for tone, line in safe)

    def _success_lines(self) -> list[str]:
        assert self.model is not None
        assert self.targets is not None
        lines = [
            f"{self.provider.name} is set up in MiMoCode.",
            f"Model: {self.provider.model_reference(self.model)}",
            f"Scope: {self.scope}",
            f"Global config: {self.targets.global_config}",
        ]
        if self.targets.project_config is not None:
            lines.append(f"Project config: {self.targets.project_config}")
        return [
            *lines,
            f"Proved: {'; '.join(PROVED)}. Not proved: billing, and the work with a model itself.",
        ]

    def _failure_lines(self) -> list[str]:
        heading = f"{self.provider.name} setup for MiMoCode"
        ended = "is blocked" if self.status is Status.BLOCKED else "failed"
        return [
            f"{heading} {ended}.",
            *(f"- {blocker.code}: {blocker.message}" for blocker in self.blockers),
        ]

    def _safe(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return _KEY_LOOK.sub(f"gp-{_HIDDEN}", text)


def usage_result(provider: Provider, audited: Audited, code: Code, message: str) -> Result:
    """Of a call that was wrong, before anything was done."""
    result = Result(provider, audited)
    result.end_with(SetupError(Blocker(code, Source.CLI, message)), failed=False)
    return result


def _blocker(blocker: Blocker) -> dict[str, str]:
    shown: dict[str, str] = {
        "code": blocker.code,
        "message": blocker.message,
        "source": blocker.source,
    }
    if blocker.detail is not None:
        shown["detail"] = blocker.detail
    return shown


def _each_string(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(str(value))
    if isinstance(value, dict):
        return {key: _each_string(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each_string(inner, change) for inner in value]
    return value
