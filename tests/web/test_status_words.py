"""The words of the page: each in both languages, and one for whatever can be shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ccmimolink.page
from ccmimolink.core.errors import FailureKind
from ccmimolink.discovery import INTERFACES
from ccmimolink.journey import Phase
from ccmimolink.page import tables
from ccmimolink.page.language import CHINESE, ENGLISH
from ccmimolink.page.texts import Texts
from ccmimolink.page.words import words

ASSETS = Path(ccmimolink.page.__file__).parent / "assets"
_KEY = re.compile(r'say\(\s*"([^"]+)"')


@pytest.mark.parametrize("key", words(ENGLISH))
def test_a_word_is_there_in_both_languages_with_the_same_things_to_fill_in(key: str) -> None:
    english, chinese = words(ENGLISH)[key], words(CHINESE)[key]
    assert english
    assert chinese
    assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))


@pytest.mark.parametrize(
    "key",
    [
        *(f"phase.{phase.value}" for phase in Phase),
        *(f"failure.{kind.value}" for kind in FailureKind),
        *(f"kind.{kind}" for kind in ("turn", "title", "compaction", "subagent")),
        *(f"outcome.{outcome}" for outcome in ("completed", "incomplete", "failed", "client left")),
        *(f"status.{status}" for status in ("running", "draining", "lost")),
        *(f"plugin.{interface.__name__}" for interface in INTERFACES),
        *(f"column.{name}" for name in (*tables.RUNNING, *tables.RECENT, *tables.PLUGINS, *tables.SETTINGS)),
        *(f"series.{name}" for names in tables.CHARTS.values() for name in ("start", *names)),
        *(f"chart.{name}" for name in tables.CHARTS),
    ],
)
def test_there_is_a_word_for_all_that_can_be_shown(key: str) -> None:
    assert key in words(ENGLISH)


def test_every_word_that_the_scripts_name_is_there() -> None:
    used = {key for file in ASSETS.glob("*.js") for key in _KEY.findall(file.read_text())}
    assert len(used) > 20
    assert used - set(words(ENGLISH)) == set()


def test_no_word_is_there_for_nothing() -> None:
    """A family, such as that of the phases, is named by its first part where it is used."""
    package = Path(ccmimolink.page.__file__).parent
    files = [*package.glob("*.py"), *ASSETS.iterdir()]
    program = "".join(file.read_text() for file in files if file.name != "words.py")
    unused = [
        key
        for key in words(ENGLISH)
        if f'"{key}"' not in program
        and f">{key}<" not in program
        and not re.search(rf"[\"`]{key.partition('.')[0]}\.(?:\{{|\$)", program)
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (None, "–", "–"),
        (0.04, "0.0 s", "0.0 秒"),
        (59.94, "59.9 s", "59.9 秒"),
        (59.96, "1 min 0 s", "1 分 0 秒"),
        (3_599.7, "1 h 0 min", "1 小时 0 分"),
        (200_000, "2 d 7 h", "2 天 7 小时"),
    ],
)
def test_a_duration_is_told_in_the_units_that_fit(seconds: float | None, english: str, chinese: str) -> None:
    assert (Texts(ENGLISH).duration(seconds), Texts(CHINESE).duration(seconds)) == (english, chinese)


def test_a_cost_is_told_in_the_currency_of_the_language() -> None:
    cost = {"USD": 0.01234, "CNY": 12.345}
    assert (Texts(ENGLISH).money(cost), Texts(CHINESE).money(cost)) == ("$0.0123", "¥12.35")
    assert Texts(ENGLISH).money({}) == "–"
