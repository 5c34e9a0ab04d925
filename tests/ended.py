"""What a command left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """:ivar err: of a command that is run without it, nothing."""

    status: int
    out: str
    err: str = ""

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document
