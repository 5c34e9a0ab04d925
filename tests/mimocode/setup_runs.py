"""Setups without a reactor, and the scenarios in which they end in the middle, for ``killed_setup``.

A setup waits for nothing but ``mimo`` and the catalog. Here the one is forked from this process, which has
the stand-in imported, and the other answers at once; so a run takes some milliseconds, and may be forked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ccmimolink.mimocode import mimo
from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.child import Ended
from ccmimolink.mimocode.choices import Asked, Scope
from ccmimolink.mimocode.errors import Code, Source, blocked
from ccmimolink.mimocode.flow import World, set_up
from ccmimolink.mimocode.provider import GONKAGATE, Provider
from ccmimolink.mimocode.result import Result
from ccmimolink.mimocode.settings import Settings
from tests.mimocode.mimo_home import HOOKS_NAME, Hooks, MimoHome, install_mimo
from tests.mimocode.stage import KEY, OTHER_KEY, QWEN, START, FakeCatalog, Person
from tests.mimocode.stand_in_mimo import main as stand_in

CALLS = ("open", "mkdir", "chmod", "fchmod", "fsync", "replace", "rename", "unlink", "rmdir")
"""What ``os`` does to the disk for a setup."""
ORIGINALS = {name: getattr(os, name) for name in CALLS}

Point = Callable[[str], None]
"""Told what a run is about to do."""

_SILENT: Hooks = {"commands": {"models": {"stdout": ""}}}
"""A ``mimo`` with which no setup is proved."""
_DOWN = blocked(Code.CATALOG_FETCH_FAILED, Source.MODEL_REGISTRY, "It is down.")


def nothing(_name: str) -> None:
    """A point where nothing happens."""


class _Catalog(FakeCatalog):
    """A catalog that is a point, too."""

    def __init__(self, point: Point, *, answers: bool) -> None:
        super().__init__(error=None if answers else _DOWN)
        self._point = point

    async def fetch(self, provider: Provider, key: str) -> tuple[CatalogModel, ...]:
        self._point("await the catalog")
        return await super().fetch(provider, key)


@dataclass(frozen=True)
class Run:
    """One call of the command.

    :ivar mimo: its hooks; None where it is not installed.
    :ivar catalog: whether the gateway answers.
    """

    scope: str
    key: str = KEY
    model: str | None = None
    mimo: Hooks | None = field(default_factory=Hooks)
    catalog: bool = True

    def install(self, home: MimoHome) -> None:
        home.program.unlink(missing_ok=True)
        if self.mimo is not None:
            install_mimo(home.bin_dir, **self.mimo)

    def go(self, home: MimoHome, minute: int, point: Point = nothing) -> Result:
        environ = home.environ(**{GONKAGATE.key_variable: self.key})
        mimo.run_child = partial(_forked, point)  # type: ignore[attr-defined]
        world = World(
            reactor=None,
            provider=GONKAGATE,
            settings=Settings.from_environ(GONKAGATE, environ),
            terminal=Person(tty=False).terminal(),
            directory=home.project,
            catalog=_Catalog(point, answers=self.catalog),
            now=lambda: START + timedelta(minutes=minute),
            step=lambda name: point(f"step {name}"),
        )
        results: list[Any] = []
        asked = Asked(Scope(self.scope), self.model, yes=True)
        Deferred.fromCoroutine(set_up(world, asked)).addBoth(results.append)
        result = results[0]
        if not isinstance(result, Result):
            result.raiseException()
        assert isinstance(result, Result)
        return result


def _forked(
    point: Point,
    _reactor: object,
    arguments: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    seconds: float,
) -> Deferred[Ended]:
    """What ``run_child`` does, without a reactor and without starting Python again."""
    del seconds
    point(f"await mimo {' '.join(arguments[1:])}")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            for name, call in ORIGINALS.items():
                setattr(os, name, call)
            os.chdir(directory)
            os.environ.clear()
            os.environ.update(environ)
            os.dup2(writer, 1)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 2)
            sys.argv = list(arguments)
            stand_in(str(Path(arguments[0]).with_name(HOOKS_NAME)))
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        output = stream.read()
    return succeed(Ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output))


@dataclass(frozen=True)
class Scenario:
    """A run on a home.

    :ivar prepare: fills the home.
    :ivar earlier: runs before.
    :ivar killed: a run that was killed before it could end, so that there is something to recover.
    :ivar again: what is run after the one that is killed; the same where nothing is said.
    """

    run: Run
    prepare: Callable[[MimoHome], object] = lambda _: None
    earlier: tuple[Run, ...] = ()
    killed: Run | None = None
    again: Run | None = None


COMMENTED = """\
// what I like
{
  "$schema": "https://opencode.ai/config.json",
  "theme": "night", /* the dark one */
  "model": "xiaomi/mine",
}
"""
PLAIN = '{"share": "disabled"}\n'


def _with_configurations(home: MimoHome) -> None:
    home.write(home.config_dir / "mimocode.jsonc", COMMENTED).chmod(0o640)
    # mimo names the schema in this one whenever it reads it.
    home.write(home.config_dir / "config.json", PLAIN).chmod(0o604)
    home.write(home.project / "mimocode.json", PLAIN).chmod(0o644)


def _with_a_directory_of_mimo(home: MimoHome) -> None:
    home.write(home.project / ".mimocode" / "agent" / "mine.md", "mine")
    home.write(home.home / ".mimocode" / "bin" / "mimo", "another")
    home.write(home.home / ".mimocode" / ".gitignore", "bin\n")


USER, PROJECT = Run("user"), Run("project")
OTHER_USER = replace(USER, key=OTHER_KEY)
SCENARIOS = {
    "user scope": Scenario(USER),
    "project scope": Scenario(PROJECT),
    "not proved": Scenario(replace(USER, mimo=_SILENT), again=USER),
    "another key": Scenario(OTHER_USER, earlier=(USER,)),
    "from user to project": Scenario(replace(PROJECT, model=QWEN.id), _with_configurations, (USER,)),
    "from project to user": Scenario(USER, _with_a_directory_of_mimo, (PROJECT,)),
    "not proved, another key, from project to user": Scenario(
        replace(OTHER_USER, mimo=_SILENT), _with_configurations, (PROJECT,), again=OTHER_USER
    ),
    "recovery of another key, from project to user": Scenario(
        replace(OTHER_USER, mimo=None), _with_configurations, (PROJECT,), OTHER_USER, again=OTHER_USER
    ),
}
NO_MIMO = replace(USER, mimo=None)
