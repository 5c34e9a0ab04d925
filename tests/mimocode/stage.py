"""A stage for setups: a home with an installed ``mimo``, a catalog, and somebody who answers.

Owns one run of the whole setup in this process, with the real files and the installed program, and the law
that holds after each of them: the key is in its one file and nowhere else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.choices import Asked, Scope
from ccmimolink.mimocode.errors import SetupError
from ccmimolink.mimocode.flow import World, set_up
from ccmimolink.mimocode.journal import Step, no_step
from ccmimolink.mimocode.provider import GONKAGATE, Provider
from ccmimolink.mimocode.result import Result
from ccmimolink.mimocode.settings import Settings
from ccmimolink.mimocode.terminal import Terminal
from tests.mimocode.mimo_home import MimoHome

KEY = "gp-fake-0123456789abcdef"
OTHER_KEY = "gp-fake-fedcba9876543210"
KIMI = CatalogModel("moonshotai/kimi-k2.6", 262_144)
MINIMAX = CatalogModel("minimaxai/minimax-m2.7", None)
QWEN = CatalogModel("qwen/qwen3-235b-a22b-instruct-2507-fp8", None)
MODELS = (QWEN, KIMI, MINIMAX)
"""In the gateway's order; the validated one is not the first."""
KIMI_REFERENCE = "gonkagate/moonshotai/kimi-k2.6"
QWEN_REFERENCE = "gonkagate/qwen/qwen3-235b-a22b-instruct-2507-fp8"
REFERENCE = "{file:~/.gonkagate/mimo-code/api-key}"
SCHEMA = "https://opencode.ai/config.json"
START = datetime(2026, 1, 31, 23, 59, 59, 123_000, tzinfo=UTC)


class FakeCatalog:
    """Answers with models, or with an error; remembers the keys that it was asked with."""

    def __init__(self, models: Sequence[CatalogModel] = MODELS, error: SetupError | None = None) -> None:
        self.models, self.error = tuple(models), error
        self.keys: list[str] = []

    async def fetch(self, _provider: Provider, key: str) -> tuple[CatalogModel, ...]:
        self.keys.append(key)
        if self.error is not None:
            raise self.error
        return self.models


class Screen(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, text: str = "", *, tty: bool = True) -> None:
        super().__init__(text)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@dataclass
class Person:
    """Who sits at the terminal.

    :ivar answers: lines that are typed.
    :ivar key: what is typed where nothing is shown.
    :ivar tty: False where nobody is there, and ``answers`` is what is piped in.
    """

    answers: str = ""
    key: str = KEY
    tty: bool = True
    screen: Screen = field(default_factory=Screen)

    def terminal(self) -> Terminal:
        self.screen = Screen(tty=self.tty)
        return Terminal(Screen(self.answers, tty=self.tty), self.screen, self._hidden)

    def _hidden(self, question: str, stream: Any) -> str:
        stream.write(question)
        return self.key


NOBODY = Person(tty=False)


@dataclass
class Stage(MimoHome):
    """:ivar catalog: what the gateway offers."""

    catalog: FakeCatalog = field(default_factory=FakeCatalog)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ours = self.home / ".gonkagate" / "mimo-code"
        self.secret = self.ours / "api-key"
        self.state_file = self.ours / "install-state.json"
        self.project_file = self.project / ".mimocode" / "mimocode.json"
        self._minutes = count()

    async def set_up(
        self,
        scope: str | None = None,
        model: str | None = None,
        *,
        yes: bool = True,
        key: str | None = KEY,
        from_stdin: bool = False,
        person: Person | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        step: Step = no_step,
        may_hold_key: Sequence[Path] = (),
    ) -> Result:
        """One setup, in the project unless it is told where.

        :param key: in the environment.
        :param env: more of the environment.
        :param may_hold_key: files of the user's in which the key was before.
        """
        from twisted.internet import reactor

        environ = self.environ(**(env or {}), **({} if key is None else {GONKAGATE.key_variable: key}))
        result = await set_up(
            World(
                reactor=reactor,
                provider=GONKAGATE,
                settings=Settings.from_environ(GONKAGATE, environ),
                terminal=(person or Person(tty=False)).terminal(),
                directory=(cwd or self.project).resolve(),
                catalog=self.catalog,
                now=self._now,
                step=step,
            ),
            Asked(None if scope is None else Scope(scope), model, yes, from_stdin),
        )
        self.check_secrecy(result, may_hold_key)
        return result

    def _now(self) -> datetime:
        return START + timedelta(minutes=next(self._minutes))

    def check_secrecy(self, result: Result, may_hold_key: Sequence[Path] = ()) -> None:
        """The law of every run: no key but in its file, and none that is shown."""
        for key in (KEY, OTHER_KEY):
            self.check_files(key, may_hold_key)
            assert key not in result.as_json()
            assert key not in result.as_text()
            assert key not in repr(result)
            for call in self.calls():
                assert key not in " ".join([*call.argv, *call.environ.values()])

    def check_files(self, key: str, may_hold_key: Sequence[Path] = ()) -> None:
        expected = {str(self.secret), *map(str, may_hold_key)}
        holding = {path for path, entry in self.tree().items() if key.encode() in entry.content}
        assert holding <= expected

    def config(self, name: str = "mimocode.jsonc") -> Any:
        """The user's configuration as it is written, if it is plain JSON."""
        return json.loads((self.config_dir / name).read_bytes())

    def project_config(self) -> Any:
        return json.loads(self.project_file.read_bytes())

    def state(self) -> Any:
        return json.loads(self.state_file.read_bytes())

    def backups(self) -> list[str]:
        root = self.ours / "backups"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def codes(result: Result) -> list[str]:
    return [blocker.code for blocker in result.blockers]


def stepper(stop_at: Callable[[str], bool], error: BaseException) -> Step:
    """A step that raises where it is told to."""

    def step(name: str) -> None:
        if stop_at(name):
            raise error

    return step
