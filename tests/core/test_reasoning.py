"""The reasoning carrier: there and back, and whatever else may stand in its place."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.reasoning import MAX_TEXT, PLACEHOLDER, encode_carrier, read_reasoning
from ccmimolink.core.responses import ContentPart, Reasoning


def summary(*texts: str) -> list[ContentPart]:
    return [ContentPart(type="summary_text", text=text) for text in texts]


def content(*texts: str) -> list[ContentPart]:
    return [ContentPart(type="reasoning_text", text=text) for text in texts]


def carrier_of(packed: bytes) -> str:
    return "ccmimo1:zlib:" + base64.urlsafe_b64encode(packed).decode()


_text = st.text(st.characters(codec="utf-8"))


@given(_text.filter(bool))
def test_a_packed_carrier_returns_the_text_whatever_the_summary_says(text: str) -> None:
    item = Reasoning(
        summary=summary("short"),
        content=content("other"),
        encrypted_content=encode_carrier(text, summary_is_complete=False),
    )
    assert read_reasoning(item) == text


@given(st.lists(_text, min_size=1).filter(any))
def test_the_marker_returns_the_summary_to_the_letter(texts: list[str]) -> None:
    carrier = encode_carrier("".join(texts), summary_is_complete=True)
    assert read_reasoning(Reasoning(summary=summary(*texts), encrypted_content=carrier)) == "".join(texts)


def test_a_carrier_says_what_it_is() -> None:
    for complete in (True, False):
        assert encode_carrier("thought", summary_is_complete=complete).startswith("ccmimo1:")


def test_the_same_text_gives_the_same_carrier() -> None:
    assert encode_carrier("a" * 500, summary_is_complete=False) == encode_carrier(
        "a" * 500, summary_is_complete=False
    )


def test_a_long_text_travels_compressed() -> None:
    assert len(encode_carrier("step by step " * 1000, summary_is_complete=False)) < 1000


def test_explicit_content_comes_before_the_summary() -> None:
    assert read_reasoning(Reasoning(summary=summary("s"), content=content("one ", "two"))) == "one two"


def test_the_summary_is_the_last_resort_its_parts_apart() -> None:
    assert read_reasoning(Reasoning(summary=summary("one", "", "two"), content=[])) == "one\n\ntwo"


def test_an_item_that_holds_nothing_yields_nothing() -> None:
    assert read_reasoning(Reasoning()) is None
    assert read_reasoning(Reasoning(summary=summary(""), content=content(""), encrypted_content="")) is None


_packed = encode_carrier("thinking", summary_is_complete=False)


@pytest.mark.parametrize(
    "carrier",
    [
        "gAAAAABforeign",
        "ccmimo1:",
        "ccmimo1:zlib:",
        "ccmimo1:zlib:!!!",
        "ccmimo1:zlib:é",
        "ccmimo2:zlib:AAAA",
        _packed[:-4],
        _packed[:-1],
        _packed + "AAAA"[:1],
        carrier_of(b"not zlib"),
        carrier_of(zlib.compress(b"\xff\xfe")),
    ],
)
def test_a_foreign_or_damaged_carrier_is_passed_over(carrier: str) -> None:
    assert read_reasoning(Reasoning(summary=summary("visible"), encrypted_content=carrier)) == "visible"


@given(st.text() | st.binary().map(carrier_of) | st.text().map("ccmimo1:zlib:".__add__))
def test_no_carrier_is_ever_fatal(carrier: str) -> None:
    read_reasoning(Reasoning(summary=summary("visible"), encrypted_content=carrier))


def test_a_carrier_unpacks_to_the_limit_and_no_further() -> None:
    allowed = carrier_of(zlib.compress(b"a" * MAX_TEXT))
    bomb = carrier_of(zlib.compress(b"a" * (MAX_TEXT + 1)))
    assert len(read_reasoning(Reasoning(encrypted_content=allowed)) or "") == MAX_TEXT
    assert read_reasoning(Reasoning(summary=summary("visible"), encrypted_content=bomb)) == "visible"


def test_the_placeholder_is_not_empty() -> None:
    assert PLACEHOLDER.strip()
