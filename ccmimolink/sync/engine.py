"""A whole run: taking over and giving back.

Owns the order of things: the lock, the look, the plan, the memory on the disk, the edit, what goes with it.
What is to be done is the planners' to say, how both stores change together the commit's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from ccmimolink.sync.alone import has_other_providers, may_have_catalog, plan_alone
from ccmimolink.sync.commit import PATIENCE, commit
from ccmimolink.sync.database import Contents, opened, read_contents
from ccmimolink.sync.edits import Edit
from ccmimolink.sync.errors import ChangedMeanwhile, SyncError
from ccmimolink.sync.files import (
    Step,
    check_writable,
    locked,
    no_step,
    read_file,
    remove_file,
    write_file,
)
from ccmimolink.sync.finder import survey
from ccmimolink.sync.places import Places, Wanted, find_places
from ccmimolink.sync.report import RESTART_CODEX, Report
from ccmimolink.sync.restore import RestorePlan, plan_restore
from ccmimolink.sync.rules import (
    GIVEN_BACK,
    abouts_of,
    checked_about,
    has_left,
    is_alone,
    is_another_takeover,
    is_only_provider,
    places_of_takeover,
    upstream_with_cc_switch,
)
from ccmimolink.sync.state import Memory, State, load, save
from ccmimolink.sync.succession import next_wish, plan_succession
from ccmimolink.sync.takeover import Wish, candidate_for, plan_takeover
from ccmimolink.sync.urls import is_loopback, shown
from ccmimolink.sync.world import World, look
from ccmimolink.terminal import Waiting, silently

_ATTEMPTS = 3
"""How often to look anew when cc switch was writing at the same moment."""

_FOR_CC_SWITCH = "Waiting for cc switch, which holds its database"

MakeCatalog = Callable[[bool], bytes | None]
"""Given whether MiMo is the user's only provider, the model catalog, or None where one would do harm."""


def _utc_stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@dataclass(frozen=True, kw_only=True)
class Synchroniser:
    """Does one run after another. The methods raise ``SyncError`` where nothing could be done.

    :ivar model: what Codex is to ask for without cc switch.
    :ivar stamp: the time for a backup's name.
    :ivar step: told of each step before it is made.
    :ivar patience: seconds to wait for cc switch, and for another run.
    :ivar waiting: shows a person what is waited for.
    """

    wanted: Wanted
    make_catalog: MakeCatalog
    model: str
    stamp: Callable[[], str] = field(default=_utc_stamp)
    step: Step = no_step
    patience: float = PATIENCE
    waiting: Waiting = silently

    @property
    def state_file(self) -> Path:
        return self.wanted.state / "state.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = locked(self.wanted.state / "lock", self.patience)
        with ExitStack() as held:
            with self.waiting("Waiting for another ccmimolink, which is syncing"):
                held.enter_context(lock)
            yield

    def take_over(
        self, wish: Wish, *, alone: bool = False, at_start: bool = False, catalog: bool | None = None
    ) -> Report:
        """Point cc switch's provider and Codex at the proxy.

        :param alone: without cc switch, in Codex's configuration only.
        :param at_start: the proxy starts; what the user gave back stays given back.
        :param catalog: whether a model catalog is wanted from now on; None: as it was.
        """
        with self._locked():
            places, state = find_places(self.wanted), load(self.state_file)
            alone = alone or is_alone(places, state)
            about = checked_about(places, alone)
            if at_start and state.memory(about).given_back:
                report = Report()
                report.say(GIVEN_BACK)
                return report
            if alone:
                return self._with_attempts(
                    lambda: self._alone(places, self._state(about, catalog), wish, at_start)
                )
            return self._with_attempts(lambda: self._row(places, self._state(about, catalog), wish))

    def _state(self, about: Path, catalog: bool | None) -> State:
        state = load(self.state_file)
        if catalog is None:
            return state
        return state.remembering(about, replace(state.memory(about), wants_catalog=catalog))

    def _with_attempts(self, attempt: Callable[[], Report]) -> Report:
        for _ in range(_ATTEMPTS - 1):
            try:
                return attempt()
            except ChangedMeanwhile:
                continue
        return attempt()

    # -- with cc switch -----------------------------------------------------------------------------------

    def _row(self, places: Places, state: State, wish: Wish) -> Report:
        report = Report()
        try:
            self._take_row(places, state, wish, report)
        except ChangedMeanwhile:
            raise
        except SyncError as error:
            if not report.lines:
                raise
            # Something was given back before, which is to be told too.
            report.fail(str(error))
        return report

    def _take_row(self, places: Places, state: State, wish: Wish, report: Report) -> None:
        memory = state.memory(places.database)
        world = self._look(places)
        if has_left(world, memory):
            state, _ = self._give_back(places, state, places.database, report)
            memory, world = state.memory(places.database), self._look(places)
        candidate = candidate_for(world, memory, wish)
        if is_another_takeover(memory, candidate.row.id, places):
            wish = next_wish(wish, candidate.row.id)
            succession = plan_succession(world, memory, places, self._look)
            plan_takeover(succession.world, succession.memory, wish, places, None)
            state, _ = self._give_back(places, state, places.database, report)
            memory, world = state.memory(places.database), self._look(places)
        plan = plan_takeover(world, memory, wish, places, None)
        content = self._catalog(world, plan.may_have_catalog, candidate.row.id)
        if content is not None:
            plan = plan_takeover(world, memory, wish, places, str(places.catalog))
        self._apply(places, state, places.database, plan.memory, plan.edit, world, content)
        row = plan.candidate.row
        report.say(*places.notes)
        if plan.edit.row is not None:
            report.done(f"The provider {row.name!r} in cc switch leads to {wish.local_url} now.")
        self._report_live(plan.edit, places, wish, report)
        report.say(*plan.notes)
        if not plan.edit and plan.reaches_codex:
            report.say(f"cc switch and Codex lead to {wish.local_url} already ({row.name!r}).")
        report.warn(*plan.warnings)
        report.then(*plan.next_steps)
        takeover = plan.memory.takeover
        report.facts = {"provider": row.id, "upstream": takeover.upstream if takeover is not None else None}

    def _look(self, places: Places, *, database: bool = True) -> World:
        return look(places, self._contents(places) if database else None)

    def _contents(self, places: Places) -> Contents:
        with self.waiting(_FOR_CC_SWITCH), opened(places.database, self.patience) as connection:
            return read_contents(connection)

    def _made_catalog(self, only_provider: bool) -> bytes | None:
        with self.waiting("Asking the installed Codex for its models"):
            return self.make_catalog(only_provider)

    def _catalog(self, world: World, may_have: bool, provider_id: str) -> bytes | None:
        return self._made_catalog(is_only_provider(world, provider_id)) if may_have else None

    # -- without cc switch --------------------------------------------------------------------------------

    def _alone(self, places: Places, state: State, wish: Wish, at_start: bool) -> Report:
        report = Report()
        about = places.codex_config
        memory = state.memory(about)
        world = self._look(places, database=False)
        content = None
        if may_have_catalog(world, memory, places):
            content = self._made_catalog(not has_other_providers(world, places))
        plan = plan_alone(
            world,
            memory,
            wish,
            places,
            model=self.model,
            catalog=str(places.catalog) if content is not None else None,
            at_start=at_start,
            earlier=upstream_with_cc_switch(state, places),
        )
        report.say(*plan.notes)
        report.warn(*plan.warnings)
        if plan.notes:
            return report
        takeover = plan.memory.takeover
        report.facts = {"provider": None, "upstream": takeover.upstream if takeover is not None else None}
        self._apply(places, state, about, plan.memory, plan.edit, world, content)
        self._report_live(plan.edit, places, wish, report)
        if not plan.edit:
            report.say(f"{places.codex_config} leads to {wish.local_url} already.")
        return report

    # -- both ---------------------------------------------------------------------------------------------

    def _apply(
        self,
        places: Places,
        state: State,
        about: Path,
        memory: Memory,
        edit: Edit,
        world: World,
        catalog: bytes | None,
    ) -> None:
        if edit.live is not None:
            check_writable(edit.live.path)
        self.step("remember")
        save(self.state_file, state.remembering(about, memory))
        if catalog is not None and read_file(places.catalog).content != catalog:
            # Before it is named: Codex does not start while its catalog is missing.
            self.step("write catalog")
            write_file(places.catalog, catalog)
        try:
            if edit:
                self._commit(edit, world, places)
        except SyncError:
            if catalog is not None:
                self._drop_catalog(places, lambda: world)
            raise
        if catalog is None:
            self._drop_catalog(places, lambda: self._look(places, database=world.contents is not None))

    def _commit(self, edit: Edit, world: World, places: Places) -> None:
        with self.waiting(_FOR_CC_SWITCH):
            commit(edit, world, places, step=self.step, stamp=self.stamp, patience=self.patience)

    def _drop_catalog(self, places: Places, looking: Callable[[], World]) -> None:
        """Take our catalog away, unless something still names it."""
        if not places.catalog.exists():
            return
        world = looking()
        texts = [row.settings for row in world.rows]
        texts.append((world.live.content or b"").decode(errors="replace"))
        # By its name alone: a path may be written with escapes. While cc switch's routing is on, the live
        # configuration is kept aside, and may name it.
        if not world.is_routed and not any(places.catalog.name in text for text in texts):
            self.step("remove catalog")
            remove_file(places.catalog)

    def _report_live(self, edit: Edit, places: Places, wish: Wish, report: Report) -> None:
        live = edit.live
        if live is None:
            return
        if live.changes_content:
            report.done(f"Codex's configuration {places.codex_config} leads to {wish.local_url} now.")
            if live.needs_backup:
                report.say(f"Its former content is kept as {places.codex_config.name}.ccmimolink-….bak.")
            report.then(RESTART_CODEX)
        else:
            report.done(f"{places.codex_config} holds a key, and only you can read it now (mode 600).")
        if places.codex_config.is_symlink():
            report.warn(
                f"{places.codex_config} is a link: the key now is in {places.codex_config.resolve()}. Take "
                "care that it is not published with the files around it."
            )

    # -- giving back --------------------------------------------------------------------------------------

    def give_back(self, *, remember: bool = True) -> Report:
        """Undo the takeover.

        :param remember: the next start is not to take over again.
        """
        with self._locked():
            return self._with_attempts(lambda: self._restored(remember))

    def _restored(self, remember: bool) -> Report:
        report = Report()
        places, state = find_places(self.wanted), load(self.state_file)
        abouts = [about for about in abouts_of(places) if state.memory(about).takeover is not None]
        if not abouts:
            report.say("No route is taken over, as far as ccmimolink remembers.")
            self._tell_what_is_left(places, state, report)
            self._drop_catalog(places, lambda: self._look(places, database=places.has_cc_switch))
            about = places.database if places.has_cc_switch else places.codex_config
            if remember:
                given_back = replace(state.memory(about), given_back=True)
                save(self.state_file, state.remembering(about, given_back))
        for about in abouts:
            if remember:
                state = state.remembering(about, replace(state.memory(about), given_back=True))
            state, changed_live = self._give_back(places, state, about, report)
            if changed_live:
                report.then(RESTART_CODEX)
        return report

    def _tell_what_is_left(self, places: Places, state: State, report: Report) -> None:
        """What a person might have meant."""
        for about, memory in state.memories.items():
            if memory.takeover is not None:
                report.warn(
                    f"One is remembered for {about}. To give that back, set CC_SWITCH_DB_PATH or "
                    "CODEX_CONFIG_PATH to it."
                )
        rows = self._look(places).rows if places.has_cc_switch else ()
        for candidate in survey(rows, (), None).candidates:
            route = candidate.provider.route
            if is_loopback(route.base_url) and route.headers:
                report.warn(
                    f"The provider {candidate.row.name!r} leads to {shown(route.base_url)}, and nothing is "
                    "remembered of it. Run ccmimolink-sync, which finds its upstream, and then --restore."
                )

    def _give_back(self, places: Places, state: State, about: Path, report: Report) -> tuple[State, bool]:
        """:returns: the state afterwards, and whether the live configuration was changed.
        :raises SyncError: it could not be done.
        """
        memory = state.memory(about)
        places = places_of_takeover(memory, places)
        world = self._look(places, database=places.has_cc_switch and about == places.database)
        plan = plan_restore(world, memory, places)
        if plan.edit.live is not None:
            check_writable(plan.edit.live.path)
        self.step("remember")
        save(self.state_file, state)
        if plan.edit:
            self._commit(plan.edit, world, places)
        if plan.complete:
            self._drop_catalog(places, lambda: self._look(places, database=world.contents is not None))
            state = state.remembering(about, replace(memory, takeover=None))
            self.step("forget")
            save(self.state_file, state)
        _report_restored(plan, memory, report)
        return state, plan.edit.live is not None


def _report_restored(plan: RestorePlan, memory: Memory, report: Report) -> None:
    for note in plan.notes:
        report.done(note) if plan.edit else report.say(note)
    report.warn(*plan.warnings)
    if not plan.edit and not plan.warnings:
        report.say("Nothing of ccmimolink's is left in cc switch and Codex.")
    if not plan.complete:
        report.fail("Not everything could be given back.")
    report.facts = {"provider": memory.takeover.provider_id if memory.takeover is not None else None}
