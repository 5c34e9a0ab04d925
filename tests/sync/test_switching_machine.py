"""Random use of cc switch with our runs in between: whose text is where, and what is known of it.

Single steps have tests of their own in ``test_switching``; here their order is what no one thought of.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Report
from ccmimolink.sync.urls import is_loopback
from tests.sync.cc_switch import Dialog
from tests.sync.cc_switch_presets import (
    AGGREGATOR_ID,
    MIMO_ID,
    MIMO_KEY,
    OFFICIAL_ID,
    OTHER_ID,
    TOKEN_PLAN_ID,
    TOKEN_PLAN_KEY,
    aggregator_row,
    chatgpt_login,
    mimo_row,
    official_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.takeover_home import CATALOG, CATALOG_BYTES, Home

MIMO_IDS = (MIMO_ID, TOKEN_PLAN_ID)
OTHER_IDS = (OTHER_ID, AGGREGATOR_ID, OFFICIAL_ID)
IDS = st.sampled_from([*MIMO_IDS, *OTHER_IDS])
UPSTREAMS = {
    MIMO_ID: "https://api.xiaomimimo.com/v1",
    TOKEN_PLAN_ID: "https://token-plan-cn.xiaomimimo.com/v1",
}
SEVERAL = "There are several Xiaomi MiMo providers"  # and none is current, so that none is taken unasked
NO_ADDRESS = "names no provider with a base_url"
PORTS = ("http://127.0.0.1:9876/v1", "http://127.0.0.1:9999/v1")


class Switching(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="ccmimolink-test-"))
        self.home = Home(self.directory)
        self.home.makes_catalog = CATALOG_BYTES
        self.app = self.home.app
        self.app.set_setting("preserveCodexOfficialAuthOnSwitch", False)
        rows = (
            mimo_row(catalog=False),
            token_plan_row(),
            other_vendor_row(),
            aggregator_row(),
            official_row(auth=chatgpt_login()),
        )
        self.home.with_current(*rows)
        self.edits = 0
        self.dialog: Dialog | None = None
        self.routing = False
        self.routed: str | None = None
        self.auths = self._auths()

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    # --- the user and cc switch ---

    @rule(provider=IDS)
    def switch(self, provider: str) -> None:
        self.app.switch(provider)

    @rule(provider=IDS)
    def edit(self, provider: str) -> None:
        self.edits += 1
        note = f"# edit {self.edits}\n"
        self.app.edit_in_dialog(provider, lambda form: {**form, "config": note + form["config"]})

    @rule(provider=IDS)
    def open_dialog(self, provider: str) -> None:
        self.dialog = self.app.open_dialog(provider)

    @precondition(lambda self: self.dialog is not None)
    @rule()
    def save_dialog(self) -> None:
        assert self.dialog is not None
        self.app.save_dialog(self.dialog)
        self.dialog = None
        if not self.routing and self._names_a_catalog_that_is_missing():
            # What was open during a takeover is brought back after its restore. The next run mends it.
            self._unchanged_auth(self.home.sync)

    @rule()
    def restart(self) -> None:
        self.app.restart()

    @precondition(lambda self: not self.routing)
    @rule()
    def start_local_routing(self) -> None:
        self.app.start_local_routing()
        self.routing, self.routed = True, self.app.current()

    @precondition(lambda self: self.routing)
    @rule(crashed=st.booleans())
    def stop_local_routing(self, crashed: bool) -> None:
        # After a switch during routing, the cleanup would leave the first provider's text to the second.
        if crashed and self.app.current() == self.routed and self.routed in MIMO_IDS:
            self.app.crash_cleanup()
        else:
            self.app.stop_local_routing()
        self.routing = False

    # --- ours ---

    @rule(url=st.sampled_from(PORTS), provider=st.none() | st.sampled_from(MIMO_IDS), catalog=st.booleans())
    def sync(self, url: str, provider: str | None, catalog: bool) -> None:
        self._unchanged_auth(lambda: self.home.sync(url=url, provider=provider, catalog=catalog))
        if not self.routing and self.app.current() in MIMO_IDS and provider in (None, self.app.current()):
            assert self._leads_to_us(self.app.config_text(str(self.app.current())))

    @rule()
    def sync_twice(self) -> None:
        try:
            self.home.sync()
            mtimes = self.home.mtimes()
            self.home.sync()
        except SyncError:
            return
        assert self.home.mtimes() == mtimes

    @rule()
    def restore(self) -> None:
        report = self._unchanged_auth(self.home.restore)
        if self.routing or report is None:
            return
        # A dialog that was open during a takeover may have brought it back since. That is said.
        copies = [i for i in MIMO_IDS if f"{self._name(i)!r} in cc switch has" in report.as_text()]
        lines = report.as_text()
        for provider in MIMO_IDS:
            if provider not in copies and "No route is taken over" not in lines:
                assert not self._leads_to_us(self.app.config_text(provider))
                assert CATALOG not in self.app.row_text(provider)
        if self.app.current() not in copies and "No route is taken over" not in lines:
            assert not self._leads_to_us(self.app.live_text())
            assert CATALOG not in self.app.live_text()

    def _name(self, provider: str) -> str:
        return str(self.app._provider(provider)["name"])

    def _unchanged_auth(self, run: Callable[[], Report]) -> Report | None:
        before = self._auths()
        try:
            report = run()
        except SyncError as error:
            # cc switch's cleanup takes an address away, and what is live then becomes the row's.
            if not self.routing and not any(words in str(error) for words in (SEVERAL, NO_ADDRESS)):
                raise
            report = None
        assert self._auths() == before
        return report

    def _auths(self) -> list[Any]:
        rows = [self.app.row(provider)["auth"] for provider in (*MIMO_IDS, *OTHER_IDS)]
        path = self.app.auth_path
        return [rows, (path.read_bytes(), path.stat().st_mtime_ns) if path.exists() else None]

    # --- what always holds ---

    @staticmethod
    def _leads_to_us(text: str) -> bool:
        return any(url in text for url in PORTS)

    @invariant()
    def no_other_vendors_row_has_anything_of_ours(self) -> None:
        for provider in OTHER_IDS:
            text = self.app.row_text(provider)
            for ours in (*PORTS, MIMO_KEY, TOKEN_PLAN_KEY, CATALOG):
                assert ours not in text, provider

    @invariant()
    def the_true_upstream_of_a_row_that_leads_to_us_is_known(self) -> None:
        for provider in MIMO_IDS:
            if self._leads_to_us(self.app.config_text(provider)):
                memory = self.home.state.memory(self.home.wanted.database)
                assert memory.upstreams[provider] == UPSTREAMS[provider]
        if self.home.takeover is not None:
            known = self.home.known
            assert known.upstream == UPSTREAMS[str(known.provider_id)]
            assert not is_loopback(known.upstream)

    @invariant()
    def what_is_live_can_be_read_and_names_no_catalog_that_is_missing(self) -> None:
        assert self.routing or not self._names_a_catalog_that_is_missing()

    def _names_a_catalog_that_is_missing(self) -> bool:
        named = tomllib.loads(self.app.live_text()).get("model_catalog_json")
        return named == str(self.home.catalog) and not self.home.catalog.exists()

    @invariant()
    def a_live_configuration_that_leads_to_us_has_the_key_of_its_row(self) -> None:
        text = self.app.live_text()
        current = self.app.current()
        if not self.routing and self._leads_to_us(text):
            assert current in MIMO_IDS
            assert (MIMO_KEY if current == MIMO_ID else TOKEN_PLAN_KEY) in text


TestSwitching = Switching.TestCase
# Each step writes to the disk, and making a failing sequence shorter would take minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
TestSwitching.settings = settings(max_examples=20, stateful_step_count=20, deadline=None, phases=PHASES)
