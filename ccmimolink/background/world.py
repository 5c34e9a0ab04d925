"""All that a run of the command works with.

Owns nothing; it holds the doors to the outside together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccmimolink.background.clock import Clock
from ccmimolink.background.commands import Runner
from ccmimolink.background.health import Health
from ccmimolink.background.manager import Manager
from ccmimolink.background.plan import Shell
from ccmimolink.listen import ListenAddress
from ccmimolink.terminal import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """:ivar health: asks at an address, with the token that is demanded there.
    :ivar waiting: shows what is waited for.
    """

    shell: Shell
    manager: Manager
    runner: Runner
    clock: Clock
    health: Callable[[ListenAddress, str], Health]
    waiting: Waiting
