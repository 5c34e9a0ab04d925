"""The README's Chinese half against the English one: it says as much, of the same things."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ccmimolink.setting_rows import SETTINGS
from ccmimolink.sync.errors import HEADINGS
from tests.faults.cell_count import CELL_COUNT
from tests.readme_halves import CHINESE, ENGLISH, README, Section, sections

# What is said in the English half alone: the figures, and all that only a developer of ccmimolink needs.
ENGLISH_ONLY = {"Speed"}
IN_SHORT = {"Development"}

HAN = "[\u4e00-\u9fff]"
ENGLISH_SECTIONS = sections(ENGLISH)
CHINESE_SECTIONS = sections(CHINESE)
PAIRS = list(
    zip((one for one in ENGLISH_SECTIONS if one.title not in ENGLISH_ONLY), CHINESE_SECTIONS, strict=False)
)
FULL_PAIRS = [pytest.param(*pair, id=pair[0].title) for pair in PAIRS if pair[0].title not in IN_SHORT]


def commands(block: str) -> list[str]:
    """The lines of a block, comments aside: those are translated."""
    lines = (re.sub(r"(^|\s)# .*", "", line).strip() for line in block.splitlines())
    return [line for line in lines if line]


def options(half: list[Section]) -> set[str]:
    text = "\n".join(one.prose + "\n".join(one.blocks) for one in half)
    return set(re.findall(r"(?<![\w-])--([a-z][\w.-]*\w)", text))


def targets(half: str) -> list[str]:
    return re.findall(r"\]\(#([^)]*)\)", half)


def running_text() -> str:
    """The Chinese half as it is read: without code, and without the addresses of links."""
    prose = "\n".join(f"{one.title}\n{one.prose}" for one in CHINESE_SECTIONS)
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]+`", "`", prose))


def test_every_section_has_its_counterpart_in_the_same_place() -> None:
    assert [one.level for one in CHINESE_SECTIONS] == [
        one.level for one in ENGLISH_SECTIONS if one.title not in ENGLISH_ONLY
    ]


@pytest.mark.parametrize(("english", "chinese"), FULL_PAIRS)
def test_a_section_names_everything_that_its_counterpart_names(english: Section, chinese: Section) -> None:
    assert english.spans() - chinese.spans() == set()


@pytest.mark.parametrize(("english", "chinese"), FULL_PAIRS)
def test_a_section_shows_the_same_commands_and_files(english: Section, chinese: Section) -> None:
    assert [commands(block) for block in chinese.blocks] == [commands(block) for block in english.blocks]


@pytest.mark.parametrize(("english", "chinese"), FULL_PAIRS)
def test_a_section_has_as_many_rows_and_items(english: Section, chinese: Section) -> None:
    def beginnings(section: Section) -> Counter[str]:
        return Counter(re.findall(r"^(?:\||\*(?= )|\d\.)", section.prose, re.MULTILINE))

    assert beginnings(chinese) == beginnings(english)


def test_nothing_is_named_that_the_english_half_does_not_name() -> None:
    named = set().union(*(one.spans() for one in CHINESE_SECTIONS))
    english = " ".join(ENGLISH.split())
    assert {span for span in named if span not in english} == set()


def test_the_table_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \| (.*?) \| .*?(?:（`--([\w-]+)`）)? \|$", CHINESE, re.MULTILINE)
    assert rows == [
        (setting.name, f"`{setting.default}`" if setting.default else "空", setting.option or "")
        for setting in SETTINGS
    ]


def test_every_option_that_a_user_meets_is_mentioned() -> None:
    user_sections = [one for one in ENGLISH_SECTIONS if one.title not in ENGLISH_ONLY | IN_SHORT]
    assert options(CHINESE_SECTIONS) == options(user_sections)


def test_the_troubleshooting_headings_hold_the_words_that_messages_use() -> None:
    titles = [one.title for one in CHINESE_SECTIONS]
    assert [words for words in HEADINGS if not any(title.endswith(f"（{words}）") for title in titles)] == []


def test_the_number_of_faults_is_that_of_the_tables() -> None:
    assert f"共 {CELL_COUNT:,} 种组合" in CHINESE


def test_the_first_lines_lead_to_both_halves() -> None:
    assert README.startswith("# ccmimolink\n\nEnglish · [简体中文](#ccmimolink中文)\n")
    assert CHINESE.startswith("# ccmimolink（中文）\n\n[English](#ccmimolink) · 简体中文\n")


def test_no_two_headings_have_the_same_anchor() -> None:
    anchors = Counter(one.anchor for one in ENGLISH_SECTIONS + CHINESE_SECTIONS)
    assert [anchor for anchor, count in anchors.items() if count > 1] == []


def test_links_lead_to_headings_of_the_same_half() -> None:
    english, chinese = ({one.anchor for one in half} for half in (ENGLISH_SECTIONS, CHINESE_SECTIONS))
    assert set(targets(ENGLISH)) - english == {"ccmimolink中文"}
    assert set(targets(CHINESE)) - chinese == {"ccmimolink", "development", "speed"}


def test_the_markers_by_which_blocks_are_found_stand_in_the_english_half_alone() -> None:
    assert "<!--" not in CHINESE


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param(rf"{HAN}[`\]*]*[,.;:!?()]", id="half-width punctuation behind Chinese"),
        pytest.param(rf"[,;:!?()]{HAN}", id="half-width punctuation before Chinese"),
        pytest.param(rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9]{HAN}", id="no space between Chinese and Latin"),
        pytest.param(
            r"[^|] [，。；：！？、（）]|[，。；：！？、（）] [^|]", id="a space beside full-width punctuation"
        ),
    ],
)
def test_the_chinese_text_is_set_as_chinese_text_is(slip: str) -> None:
    assert re.findall(rf".{{0,12}}(?:{slip}).{{0,12}}", running_text()) == []
