"""Real Codex sessions through the proxy while a real browser shows its status page, and what is seen there.

Owns the run: one for all tests, since it takes seconds. It must not judge what is seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.devtools import Browser, Tab
from tests.browser.slow_mimo import slow_mimo
from tests.e2e.codex_cli import Codex, Run, config_for, find_codex
from tests.e2e.proxy import FAKE_KEY, Proxy

BACK_OFF = 5
"""Seconds."""

_LOOK = """(() => {
  const rows = (id) => [...document.querySelectorAll(`#${id} tbody tr`)].map((row) => ({
    id: row.dataset.id,
    ...Object.fromEntries([...row.cells].map((cell) => [cell.dataset.column, cell.textContent])),
  }));
  const text = (id) => document.getElementById(id).textContent;
  return {
    running: rows("running"),
    recent: rows("recent"),
    backOff: document.getElementById("back-off").hidden ? null : text("back-off-left"),
    inFlight: text("figure-in_flight"),
    news: text("news"),
    nothing: !document.getElementById("running-none").hidden,
  };
})()"""


@dataclass
class Seen:
    """:ivar looks: what stood on the page, look after look.
    :ivar during_back_off: what the accessibility checker found while the back-off was counted down.
    """

    base: str
    tab: Tab
    browser: Browser
    looks: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    during_back_off: list[str] = field(default_factory=list)

    def rows(self, table: str) -> list[dict[str, str]]:
        """Every row of every look."""
        return [row for look in self.looks for row in look[table]]


def accessibility_script() -> str:
    """The source of axe-core, which ``AXE_JS`` names."""
    file = Path(os.environ.get("AXE_JS", ""))
    if not file.is_file():
        pytest.fail(
            f"no axe-core ({file}). Install it with “npm install axe-core@4” and set AXE_JS to "
            "node_modules/axe-core/axe.min.js.",
            pytrace=False,
        )
    return file.read_text()


def findings(tab: Tab) -> list[str]:
    """What is serious or critical to a person who cannot see, or has no mouse."""
    if not tab.run("typeof axe === 'object'"):
        tab.run(accessibility_script() + ";0")
    found = tab.run(
        "axe.run().then((result) => JSON.stringify(result.violations.map((one) => [one.impact, one.id, "
        "one.nodes.map((node) => node.html.slice(0, 150) + ' ' + node.failureSummary)])))"
    )
    return [str(one) for one in json.loads(found) if one[0] in ("serious", "critical")]


def pictured(tab: Tab, name: str) -> None:
    """For the eye, where a directory is named for it."""
    if directory := os.environ.get("STATUS_PAGE_PICTURES"):
        tab.picture(Path(directory) / f"{name}.png")


@contextmanager
def status_run(directory: Path) -> Iterator[Seen]:
    """Two users at work, the second of whom meets a rate limit."""
    with ExitStack() as at_the_end:
        mimo = at_the_end.enter_context(slow_mimo(directory, 0.09, "none", "none", "429"))
        place = directory / "proxy"
        place.mkdir()
        proxy = Proxy.start(
            place,
            "--skip-sync",
            MIMO_BASE_URL=mimo.base_url,
            MIMO_API_KEY=FAKE_KEY,
            MIMO_PROXY_429_BACKOFF_MS=str(BACK_OFF * 1000),
        )
        at_the_end.callback(proxy.stop)
        browser = Browser(directory)
        at_the_end.callback(browser.end)
        tab = browser.tab()
        seen = Seen(f"http://127.0.0.1:{proxy.port}", tab, browser)
        tab.open(f"{seen.base}/")
        tab.until("document.getElementById('running-none').hidden === false", "the page")
        users = [Codex(find_codex(), directory / name, config_for(proxy)) for name in ("one", "two")]
        for user in users:
            at_the_end.callback(user.end)
        running = [user.begin(f"create {number}.txt with hello") for number, user in enumerate(users)]
        while any(each.process.poll() is None for each in running) or seen.looks[-1]["running"]:
            _look(seen)
        _look(seen)
        seen.runs = [each.result() for each in running]
        yield seen


def _look(seen: Seen) -> None:
    tab = seen.tab
    seen.looks.append(tab.run(_LOOK))
    if seen.looks[-1]["backOff"] and len([look for look in seen.looks if look["backOff"]]) == 1:
        for dark in (False, True):
            tab.look(1280, 900, dark=dark)
            seen.during_back_off += findings(tab)
            pictured(tab, f"back-off-{'dark' if dark else 'light'}")
        tab.look(1280, 900)
    seen.browser.listen(0.1)
