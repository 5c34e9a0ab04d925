"""Why a sync could not be done.

Owns the words that messages share with the README's troubleshooting headings. It must not decide anything.
"""

from __future__ import annotations

from ccmimolink.printable import printable

NOT_INSTALLED = "cc switch is not installed or incomplete"
NOT_FOUND = "Xiaomi MiMo provider not found"
KEY_EMPTY = "Xiaomi MiMo API key is empty"
NOT_CURRENT = "Current provider is not Xiaomi MiMo"
ROUTE_INCORRECT = "cc switch route still looks incorrect"
CODEX_STALE = "Codex still uses the old route or key"
WHY_RESTART = "Why do I need to restart cc switch and Codex?"

HEADINGS = (
    NOT_INSTALLED,
    NOT_FOUND,
    KEY_EMPTY,
    NOT_CURRENT,
    ROUTE_INCORRECT,
    CODEX_STALE,
    WHY_RESTART,
)


class SyncError(Exception):
    """Nothing was changed, for a reason that a person can mend.

    The message names the reason and the way out, holds no key, and is one line whatever it quotes.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class CcSwitchAbsent(SyncError):
    """There is no cc switch here, as far as its files tell."""

    def __init__(self, missing: object, remedy: str) -> None:
        super().__init__(f"{NOT_INSTALLED}: there is no {missing}. {remedy}")


class Busy(SyncError):
    """Another program holds what is needed."""


class ChangedMeanwhile(SyncError):
    """What was read is no longer what is there."""

    def __init__(self) -> None:
        super().__init__("cc switch changed its configuration at the same moment. Run ccmimolink-sync again.")
