"""Runs that are killed: at everything that they do to the disk, at any time, and beside each other.

What must hold after each: every store is wholly as it was or wholly as it is to be, the memory knows where
the route really leads, and whichever run comes next ends as if nothing had happened.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ccmimolink.sync.state import State, load
from ccmimolink.sync.urls import is_loopback
from tests.sync.cc_switch import CcSwitch
from tests.sync.cc_switch_presets import MIMO_ID, MIMO_KEY, OTHER_ID, TOKEN_PLAN_ID, token_plan_row
from tests.sync.killed_run import OTHER_PORT, RANDOM_RUNS, ROUNDS, RUNS
from tests.sync.stage import (
    ALONE_KEY,
    PORT,
    UPSTREAM,
    Stores,
    config_of,
    local,
    readable_by_others,
    stores_of,
    synchroniser,
    with_cc_switch,
    without_cc_switch,
)

ROOT = Path(__file__).resolve().parents[2]
NEW_KEY = "sk-fake-mimo-key-0002"
TOKEN_PLAN = "https://token-plan-cn.xiaomimimo.com/v1"
UPSTREAMS = {MIMO_ID: UPSTREAM, TOKEN_PLAN_ID: TOKEN_PLAN, None: TOKEN_PLAN}
KEYS = (MIMO_KEY, NEW_KEY, ALONE_KEY)


@dataclass(frozen=True)
class Scenario:
    """A run on a home.

    :ivar prepare: makes the home.
    :ivar first: runs before the one that is killed.
    :ivar way_back: the run that undoes it.
    :ivar changed_key: the user entered another one in between.
    :ivar by_way_of_the_original: the run gives one route back before it takes another over.
    """

    prepare: Callable[[Path], object]
    run: str
    way_back: str
    first: tuple[str, ...] = ()
    changed_key: bool = False
    by_way_of_the_original: bool = False


def with_two_of_mimo(home: Path) -> CcSwitch:
    app = with_cc_switch(home)
    app.add(token_plan_row())
    return app


SCENARIOS = {
    "take over": Scenario(with_cc_switch, "take over", "give back"),
    "take over in WAL mode": Scenario(lambda home: with_cc_switch(home, wal=True), "take over", "give back"),
    "take over with a catalog": Scenario(
        lambda home: with_cc_switch(home, catalog=False), "take over", "give back"
    ),
    "take over the row alone": Scenario(
        lambda home: with_cc_switch(home, current=OTHER_ID), "take over", "give back"
    ),
    "take over again": Scenario(
        with_cc_switch, "take over at another port", "give back", ("take over",), changed_key=True
    ),
    "take over another": Scenario(
        with_two_of_mimo, "take over another", "give back", ("take over",), by_way_of_the_original=True
    ),
    "give back": Scenario(
        lambda home: with_cc_switch(home, catalog=False), "give back", "take over", ("take over",)
    ),
    "take over alone": Scenario(without_cc_switch, "take over alone", "give back"),
    "give back alone": Scenario(without_cc_switch, "give back", "take over alone", ("take over alone",)),
}


class Stage:
    """Where one scenario is played."""

    def __init__(self, directory: Path, scenario: Scenario) -> None:
        self.home, self.results, self.scenario = directory / "home", directory / "results", scenario
        self.home.mkdir()
        self.results.mkdir()
        prepared = scenario.prepare(self.home)
        self.untouched = stores_of(self.home)
        for run in scenario.first:
            self.run(run)
        if scenario.changed_key:
            assert isinstance(prepared, CcSwitch)
            prepared.edit_in_dialog(MIMO_ID, lambda row: row | {"auth": {"OPENAI_API_KEY": NEW_KEY}})
        self.before = stores_of(self.home)
        shutil.move(self.home, self.results / "before")

    def run(self, name: str) -> None:
        RUNS[name](synchroniser(self.home))

    def play(self, way: str) -> None:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.sync.killed_run",
                way,
                self.home,
                self.results,
                self.scenario.run,
            ],
            cwd=ROOT,
            check=True,
            timeout=60,
        )
        self.enter("after")
        self.after = stores_of(self.home)

    def enter(self, name: str) -> None:
        """Stand in the home that a run left, or rather in a copy of it."""
        if self.home.exists():
            shutil.rmtree(self.home)
        shutil.copytree(self.results / name, self.home, symlinks=True)

    def state(self) -> State:
        return load(self.home / ".state" / "state.json")

    def results_of_kills(self) -> Iterator[tuple[str, str]]:
        for result in sorted(self.results.glob("[0-9][0-9][0-9]")):
            point = result.with_suffix(".point")
            yield result.name, point.read_text() if point.exists() else "at some time"


def check_each_store_is_whole(stage: Stage, found: Stores) -> None:
    whole = [stage.before, stage.after]
    if stage.scenario.by_way_of_the_original:
        whole.append(stage.untouched)
    assert found.tables in [stores.tables for stores in whole]
    assert (found.live, found.mode) in [(stores.live, stores.mode) for stores in whole]


def check_memory_knows_the_upstream(stage: Stage, found: Stores) -> None:
    state = stage.state()
    ours = [memory.takeover for memory in state.memories.values() if memory.takeover is not None]
    assert not any(is_loopback(takeover.upstream) for takeover in ours)
    if found.leads_to(local(PORT)) or found.leads_to(local(OTHER_PORT)):
        [takeover] = ours
        assert takeover.upstream == UPSTREAMS[takeover.provider_id]
        assert rows_that_lead_to_us(found) <= {takeover.provider_id}


def rows_that_lead_to_us(found: Stores) -> set[str]:
    rows = found.tables["providers"].values() if found.tables is not None else ()
    return {row["id"] for row in rows for port in (PORT, OTHER_PORT) if local(port) in row["settings_config"]}


def check_catalog_is_there_if_it_is_named(stage: Stage, found: Stores) -> None:
    catalog = config_of(stage.home).with_name("ccmimolink-models.json")
    assert catalog.exists() or str(catalog).encode() not in (found.live or b"")


def check_next_run_completes(stage: Stage) -> None:
    stage.run(stage.scenario.run)

    assert stores_of(stage.home) == stage.after
    assert not list(stage.home.rglob("*.tmp"))
    check_memory_knows_the_upstream(stage, stage.after)
    check_catalog_is_there_if_it_is_named(stage, stage.after)


def check_the_way_back_leads_to_the_other_end(stage: Stage) -> None:
    stage.run(stage.scenario.way_back)

    found = stores_of(stage.home)
    if stage.scenario.way_back == "give back":
        assert not found.leads_to(local(PORT))
        assert not found.leads_to(local(OTHER_PORT))
        if not stage.scenario.changed_key:
            assert found == stage.untouched
        assert not list(stage.home.rglob("ccmimolink-models.json"))
    else:
        assert found == stage.before


def check(stage: Stage) -> None:
    for name, point in stage.results_of_kills():
        stage.enter(name)
        found = stores_of(stage.home)
        try:
            check_each_store_is_whole(stage, found)
            check_memory_knows_the_upstream(stage, found)
            check_catalog_is_there_if_it_is_named(stage, found)
            assert not readable_by_others(stage.home, KEYS)
            check_next_run_completes(stage)
            check_the_way_back_leads_to_the_other_end(stage)
            stage.enter(name)
            check_the_way_back_leads_to_the_other_end(stage)
        except AssertionError as error:
            error.add_note(f"killed before: {point}")
            raise


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_that_is_killed_at_any_point_leaves_all_whole_and_the_next_completes_it(
    tmp_path: Path, name: str
) -> None:
    stage = Stage(tmp_path, SCENARIOS[name])

    stage.play("steps")

    assert len(list(stage.results_of_kills())) > 10
    check(stage)


@pytest.mark.parametrize("name", ["take over with a catalog", "give back"])
def test_a_run_that_is_killed_at_any_time_leaves_all_whole_and_the_next_completes_it(
    tmp_path: Path, name: str
) -> None:
    stage = Stage(tmp_path, SCENARIOS[name])

    stage.play("times")

    assert len(list(stage.results_of_kills())) == RANDOM_RUNS
    check(stage)


@pytest.mark.parametrize("name", ["take over with a catalog", "give back", "take over alone"])
def test_two_runs_at_the_same_time_both_end_well_with_the_result_of_one(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, SCENARIOS[name])

    stage.play("together")

    results = list(stage.results_of_kills())
    assert len(results) == ROUNDS
    for result, _ in results:
        stage.enter(result)
        assert stores_of(stage.home) == stage.after
        check_memory_knows_the_upstream(stage, stage.after)
        check_the_way_back_leads_to_the_other_end(stage)
        assert not readable_by_others(stage.home, KEYS)
