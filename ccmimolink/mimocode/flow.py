"""One setup from beginning to end.

Owns the order of its steps, and the law that nothing stays half done: before the first write it only refuses,
and after it everything is put back unless MiMoCode was shown to resolve what was written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import CancelledError

from ccmimolink import __version__
from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.checks import check_hidden, check_legacy, check_project, check_secrets
from ccmimolink.mimocode.choices import Asked, Scope, check_answerable, choose_model, choose_scope
from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.journal import Step, no_step
from ccmimolink.mimocode.key import take_key
from ccmimolink.mimocode.layers import GLOBAL_NAMES, Kind, Where, read_layers, repository_around
from ccmimolink.mimocode.mimo import Mimo, find_mimo
from ccmimolink.mimocode.plan import Plan, make_plan
from ccmimolink.mimocode.proof import Proof, check_session
from ccmimolink.mimocode.provider import AUDITED, Audited, Provider
from ccmimolink.mimocode.result import Result, Targets
from ccmimolink.mimocode.settings import Settings
from ccmimolink.mimocode.state import Installed, State, StateError, read_state, state_file
from ccmimolink.mimocode.storage import (
    check_places,
    locked,
    new_journal,
    places_of,
    read_secret,
    recover,
    was_killed,
)
from ccmimolink.mimocode.terminal import Terminal, interrupted
from ccmimolink.mimocode.wanted import Wanted
from ccmimolink.mimocode.writing import Writer, what_remains
from ccmimolink.private_files import read_file
from ccmimolink.terminal import Waiting, silently


class Catalog(Protocol):
    """Where the models come from."""

    async def fetch(self, provider: Provider, key: str) -> tuple[CatalogModel, ...]:
        """:raises SetupError: they cannot be had."""


@dataclass(frozen=True, slots=True)
class World:
    """What a setup works with.

    :ivar directory: where the user will start ``mimo``; absolute, no link in it.
    :ivar now: the time, in UTC.
    :ivar waiting: shows a person what is waited for.
    """

    reactor: Any
    provider: Provider
    settings: Settings
    terminal: Terminal
    directory: Path
    catalog: Catalog
    now: Callable[[], datetime]
    audited: Audited = AUDITED
    step: Step = no_step
    waiting: Waiting = silently


async def set_up(world: World, asked: Asked) -> Result:
    """Set the provider up. Whatever happens, what happened is in the result."""
    setup = _Setup(world, asked)
    try:
        await setup.run()
    except SetupError as error:
        setup.fail(error)
    except CancelledError:
        setup.fail(interrupted())
    except Exception as error:
        # Its message may quote anything, so only its kind is told.
        kind = type(error).__name__
        setup.fail(
            blocked(
                Code.UNEXPECTED_ERROR,
                Source.CLI,
                f"Something unforeseen went wrong ({kind}). Please report it as a bug of mimo-code-setup.",
                kind,
            )
        )
    return setup.result


class _Setup:
    def __init__(self, world: World, asked: Asked) -> None:
        self._world, self._asked = world, asked
        self._places = places_of(world.provider, world.settings.home)
        self._done = False
        self.result = Result(world.provider, world.audited)

    def fail(self, error: SetupError) -> None:
        undone = self.result.wrote and not self._done
        self.result.end_with(error, failed=undone or error.blockers[0].code in _FAILURES)

    async def run(self) -> None:
        world = self._world
        check_places(self._places, world.settings.home)
        self._recover()
        mimo = Mimo(world.reactor, find_mimo(world.settings, world.audited), world.directory)
        with self._waiting_for_mimo("which one it is"):
            self.result.version = await mimo.version(world.audited, world.settings)
            where = await self._where(mimo)
        check_legacy(where)
        check_answerable(self._asked, world.terminal)
        wanted, scope = await self._choices(where)
        self._remember(where, wanted, scope)
        proof = Proof(mimo, wanted, where, scope, where.global_target())
        check_project(where, self._places, scope)
        with locked(self._places, world.step):
            if self._places.journal.exists():  # another run was killed while this one was asking
                self._undo_killed()
            await self._install(proof)
            self._done = True
        try:
            with self._waiting_for_mimo("what this shell changes"):
                await check_session(proof, world.settings, self.result.verification)
        except CancelledError:
            raise interrupted("The setup is done; only the check of this shell was ended early.") from None

    def _waiting_for_mimo(self, what: str) -> AbstractContextManager[object]:
        return self._world.waiting(f"Asking {self._world.audited.command} {what}")

    def _recover(self) -> None:
        if not was_killed(self._places):
            return
        with locked(self._places, self._world.step):
            self._undo_killed()

    def _undo_killed(self) -> None:
        """With the lock held."""
        undone = recover(self._places, self._world.provider, self._world.step)
        if not undone.tried:
            return  # it had not begun to write
        if undone.failed:
            raise SetupError(*what_remains(undone))
        self.result.notes.append("An earlier run was ended in the middle; what it had written was put back.")
        self.result.warnings += [blocker.message for blocker in what_remains(undone)]

    async def _where(self, mimo: Mimo) -> Where:
        settings = self._world.settings
        return Where(
            config_directory=await mimo.config_directory(settings),
            directory=self._world.directory,
            repository=repository_around(self._world.directory),
            home=settings.home,
            managed_directory=settings.managed_directory(),
        )

    async def _choices(self, where: Where) -> tuple[Wanted, Scope]:
        world, asked = self._world, self._asked
        key = take_key(world.provider, world.settings, world.terminal, from_stdin=asked.key_from_stdin)
        self.result.secrets.add(key)
        with world.waiting(f"Fetching the models of {world.provider.name}"):
            catalog = await world.catalog.fetch(world.provider, key)
        model = choose_model(world.provider, catalog, asked, world.terminal)
        scope, reason = choose_scope(where, self._places, asked, world.terminal)
        if reason is not None:
            self.result.notes.append(f"The {scope} scope was chosen because {reason}.")
        return Wanted(world.provider, catalog, model, key), scope

    def _remember(self, where: Where, wanted: Wanted, scope: Scope) -> None:
        self.result.model, self.result.scope = wanted.model, scope
        self.result.targets = Targets(
            global_config=where.global_target(),
            global_candidates=tuple(where.config_directory / name for name in GLOBAL_NAMES),
            secret=self._places.secret,
            state=self._places.state,
            project_config=where.project_file if scope is Scope.PROJECT else None,
        )

    async def _install(self, proof: Proof) -> None:
        """Under the lock: what is read now is what is written on."""
        world = self._world
        self._know_former_secret()
        state = self._state()
        contents = read_layers(proof.where.layers())
        check_secrets(contents, proof.wanted)
        plan = make_plan(proof.where, contents, proof.wanted, proof.scope, state)
        check_hidden(plan.contents, proof.wanted, proof.scope)
        journal = new_journal(self._places, world.provider, world.step)
        writer = Writer(self._places, proof.where, proof.wanted, journal, world.now)
        try:
            writer.watch()
            self.result.wrote = True
            writer.write(plan.changes)
            with self._waiting_for_mimo("what it makes of the configuration"):
                warnings = await proof.durable(world.settings.durable_environ(), self.result.verification)
            writer.write_state(self._state_file(proof, state, plan))
            journal.put_back_what_is_not_ours()
            writer.end()
        except BaseException as error:
            remains = what_remains(journal.undo())
            if remains and isinstance(error, CancelledError):
                error = interrupted("Ended before it was done.")
            if remains and isinstance(error, SetupError):
                raise SetupError(*error.blockers, *remains) from None
            self.result.warnings += [blocker.message for blocker in remains]
            raise
        self.result.warnings += warnings
        self._advise(proof, plan)

    def _know_former_secret(self) -> None:
        former = (read_secret(self._places).content or b"").decode("utf-8", "replace").strip()
        if self._world.provider.key_pattern.fullmatch(former):
            self.result.secrets.add(former)

    def _state(self) -> State:
        try:
            return read_state(read_file(self._places.state).content)
        except (OSError, StateError):
            self.result.warnings.append(
                f"{self._places.state} cannot be understood, and is made anew. A model that an earlier setup "
                "chose in another scope stays chosen there."
            )
            return State()

    def _state_file(self, proof: Proof, state: State, plan: Plan) -> bytes:
        installed = Installed(
            installer=__version__,
            at=self._world.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            mimocode=self.result.version or "",
            scope=proof.scope,
            model=proof.wanted.model,
            global_target=proof.target,
            project_target=proof.where.project_file if proof.scope is Scope.PROJECT else None,
        )
        return state_file(installed, state, plan.activations, self._world.provider, self._world.audited)

    def _advise(self, proof: Proof, plan: Plan) -> None:
        """What a person should know of a setup that was done."""
        provider, wanted, result = self._world.provider, proof.wanted, self.result
        unknown = sum(model.context_length is None for model in wanted.catalog)
        if unknown:
            result.warnings.append(
                f"{provider.name} publishes no context length for {unknown} of {len(wanted.catalog)} models. "
                "MiMoCode does not compact a conversation by itself with those."
            )
        if wanted.model not in provider.validated:
            result.warnings.append(f"The work with {wanted.model} in MiMoCode has not been validated.")
        if proof.where.repository and self._places.root.resolve().is_relative_to(proof.where.repository):
            result.warnings.append(
                f"The git repository in {proof.where.repository} holds your home directory: never add "
                f"{self._places.root} to it."
            )
        for content in plan.contents:
            if wanted.key in content.text and content.layer.kind is not Kind.PROJECT:
                result.warnings.append(f"{content.layer.path} holds the key in clear. Take it out there.")
        result.notes += [f"The model that was chosen in {path} was taken out." for path in plan.stripped]


_FAILURES = frozenset({Code.UNEXPECTED_ERROR, Code.ROLLBACK_FAILED, Code.INTERRUPTED})
