"""The status page in a real Chromium, while real Codex sessions run through the proxy."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ccmimolink.page.viewers import MOST
from tests.browser.devtools import Browser, Tab
from tests.browser.status_run import BACK_OFF, Seen, findings, pictured, status_run
from tests.e2e.processes import CHECKOUT, clean_environ, kill_group, start
from tests.e2e.proxy import Proxy
from tests.http_wire import request as wire_request

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with status_run(tmp_path_factory.mktemp("run")) as run:
        yield run


# -- what is seen of the sessions ---------------------------------------------------------------------------


def test_both_sessions_end_well(seen: Seen) -> None:
    for run in seen.runs:
        assert run.quiet().items("command_execution")


def test_rows_appear_for_requests_that_run(seen: Seen) -> None:
    rows = seen.rows("running")
    assert len({row["id"] for row in rows}) >= 4
    assert {row["client"] for row in rows} == {"codex_exec"}
    assert "mimo-v2.5" in {row["model"] for row in rows}
    assert "1" in {look["inFlight"] for look in seen.looks}


def test_phases_change_and_counters_rise(seen: Seen) -> None:
    phases = {row["phase"] for row in seen.rows("running")}
    assert {"Waits for its turn", "Streaming"} <= phases
    by_id: dict[str, list[int]] = {}
    for row in seen.rows("running"):
        by_id.setdefault(row["id"], []).append(int(row["received"].removeprefix("≈ ")))
    assert all(counts == sorted(counts) for counts in by_id.values())
    assert any(len(set(counts)) > 2 for counts in by_id.values())


def test_a_request_that_is_over_moves_to_the_recent_ones_with_its_tokens(seen: Seen) -> None:
    last = seen.looks[-1]
    assert (last["running"], last["nothing"]) == ([], True)
    assert {row["id"] for row in last["recent"]} >= {row["id"] for row in seen.rows("running")}
    for row in last["recent"]:
        assert row["outcome"] == "Completed"
        assert int(row["input"].replace(",", "")) > 1000
        assert int(row["output"]) > 0
        assert re.fullmatch(r"\$0\.\d{4}", row["cost"])
    for look in seen.looks:
        assert {row["id"] for row in look["running"]} & {row["id"] for row in look["recent"]} == set()


def test_after_a_429_the_back_off_is_shown_and_counted_down(seen: Seen) -> None:
    shown = [int(look["backOff"].removesuffix(" s")) for look in seen.looks if look["backOff"]]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] <= BACK_OFF
    assert len(set(shown)) >= 3
    waiting = [row["waits"] for look in seen.looks if look["backOff"] for row in look["running"]]
    assert any(re.fullmatch(r"no\. 1, in \d\.\d s at the earliest", place) for place in waiting)
    assert any(look["news"].startswith("MiMo asks for a pause.") for look in seen.looks)
    assert seen.looks[-1]["backOff"] is None
    assert "retries: 1" in {row["notes"] for row in seen.looks[-1]["recent"]}


def test_the_charts_are_drawn_and_say_what_they_show(seen: Seen) -> None:
    labels = seen.tab.run("[...document.querySelectorAll('.plot svg[role=img]')].map((one) => one.ariaLabel)")
    assert [label.partition(",")[0] for label in labels][:2] == ["Tokens in", "Tokens out"]
    assert seen.tab.run("document.querySelectorAll('.plot rect, .plot circle').length") > 3


# -- for everybody ------------------------------------------------------------------------------------------


def test_nothing_serious_is_found_while_the_back_off_is_shown(seen: Seen) -> None:
    assert seen.during_back_off == []


@pytest.mark.parametrize(
    ("name", "language", "width", "dark"),
    [
        ("light", "en", 1280, False),
        ("dark", "en", 1280, True),
        ("narrow", "en", 480, False),
        ("narrow-dark", "zh", 480, True),
        ("chinese", "zh", 1280, False),
    ],
)
def test_an_accessibility_checker_finds_nothing_serious(
    seen: Seen, name: str, language: str, width: int, dark: bool
) -> None:
    tab = seen.tab
    tab.look(width, 900, dark=dark)
    opened(tab, f"{seen.base}/?lang={language}")
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert findings(tab) == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    pictured(tab, name)


def test_the_tab_key_reaches_everything_in_the_order_in_which_it_stands(seen: Seen) -> None:
    tab = seen.tab
    tab.look(1280, 900)
    opened(tab, f"{seen.base}/?lang=en")
    expected = tab.run(
        "window.order = [...document.querySelectorAll('a[href], button, summary, [tabindex=\"0\"]')]"
        ".filter((one) => one.checkVisibility() && one.getClientRects().length); order.length"
    )
    reached = []
    for _ in range(expected):
        tab.press("Tab")
        reached.append(tab.run("order.indexOf(document.activeElement)"))
        assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert expected > 10
    assert reached == list(range(expected))


def test_the_language_is_switched_by_keyboard_and_remembered(seen: Seen) -> None:
    tab = seen.tab
    opened(tab, f"{seen.base}/?lang=en")
    tab.run("document.querySelector('a[hreflang=zh-CN]').focus()")
    tab.press("Enter")
    live(tab, "zh-CN")
    tab.open(f"{seen.base}/")
    live(tab, "zh-CN")


def test_a_window_that_nobody_sees_lets_go_of_its_stream(seen: Seen) -> None:
    tab = seen.tab
    opened(tab, f"{seen.base}/?lang=en")
    with tab.hidden(), live_windows(seen.base, MOST) as statuses:
        # Its place is free.
        assert statuses == [200] * MOST
        tab.run("delete document.getElementById('uptime').dataset.live")
    live(tab)


def test_nothing_was_complained_about(seen: Seen) -> None:
    """In all that came before."""
    assert seen.tab.complaints == []


def test_a_window_too_many_is_refreshed_now_and_then(seen: Seen) -> None:
    with live_windows(seen.base, MOST):
        tab = seen.browser.tab()
        tab.open(f"{seen.base}/")
        tab.until("!document.getElementById('crowd').hidden", "that there are too many windows")
        assert tab.run("document.getElementById('lost').hidden")


# -- the proxy comes and goes -------------------------------------------------------------------------------


def test_when_the_proxy_stops_the_page_says_so_and_finds_it_again(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    proxy = Proxy.start(tmp_path, "--demo")
    browser = Browser(tmp_path)
    request.addfinalizer(browser.end)
    tab = browser.tab()
    opened(tab, f"http://127.0.0.1:{proxy.port}/")
    proxy.stop()
    tab.until("document.getElementById('status').textContent === 'Not running'", "that it is gone")
    assert not tab.run("document.getElementById('lost').hidden")
    command = Proxy.command(proxy.port, tmp_path / "again.log", "--demo")
    again = start(command, output=tmp_path / "again.txt", cwd=CHECKOUT, environ=clean_environ(tmp_path))
    request.addfinalizer(lambda: kill_group(again))
    tab.until("document.getElementById('status').textContent === 'Running'", "that it is back")
    assert tab.run("document.getElementById('lost').hidden")
    assert tab.run("document.getElementById('news').textContent") == "The proxy is running again."


def opened(tab: Tab, address: str) -> None:
    tab.open(address)
    live(tab)


def live(tab: Tab, language: str = "") -> None:
    """Wait until the page has its stream."""
    in_it = f"document.documentElement.lang.startsWith('{language}')"
    tab.until(f"{in_it} && document.getElementById('uptime').dataset.live", "the live page")


@contextmanager
def live_windows(base: str, count: int) -> Iterator[list[int]]:
    """So many clients of the stream; gives the statuses that they are answered with."""
    port = int(base.rpartition(":")[2])
    with ExitStack() as at_the_end:
        statuses = []
        for _ in range(count):
            window = at_the_end.enter_context(socket.create_connection(("127.0.0.1", port)))
            window.sendall(wire_request("GET", "/status/events"))
            statuses.append(int(window.recv(12).split()[1]))
        yield statuses
