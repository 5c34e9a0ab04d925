"""One string in a JSON text is changed, and every byte around it stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.sync.json_text import JsonError, read_json, with_string

Draw = Callable[[st.SearchStrategy[Any]], Any]

_BLANKS = st.sampled_from(["", "", " ", "\n", "\r\n\t", "  "])
_NUMBERS = ["null", "true", "1", "-0.0", "1e400", "12345678901234567890123", "0.10000000000000000001", "1E+2"]
_STRINGS = [
    '""',
    '"config"',
    r'"\u0063onfig"',
    r'"\ud83d"',
    r'"\ud83d\ude00 \/ \u00e9"',
    '"小米 }],{"',
    r'"\\\""',
]
_SCALARS = st.sampled_from(_NUMBERS) | st.sampled_from(_STRINGS)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def _json(draw: Draw, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["scalar", "object", "array"] if depth else ["scalar"]))
    if kind == "scalar":
        return str(draw(_SCALARS))
    values = draw(st.lists(_json(depth - 1), max_size=3))
    if kind == "array":
        return f"[{draw(_BLANKS)}{f'{draw(_BLANKS)},{draw(_BLANKS)}'.join(values)}{draw(_BLANKS)}]"
    return _object(draw, [(draw(st.sampled_from(['"config"', '"a"', '""'])), value) for value in values])


def _object(draw: Draw, members: list[tuple[str, str]]) -> str:
    body = ",".join(
        f"{draw(_BLANKS)}{key}{draw(_BLANKS)}:{draw(_BLANKS)}{value}{draw(_BLANKS)}" for key, value in members
    )
    return f"{{{body or draw(_BLANKS)}}}"


@st.composite
def _texts(draw: Draw) -> tuple[str, str, str]:
    """An object, cut at the value of its last ``config``, in either spelling of that key."""
    others = st.tuples(st.sampled_from(['"auth"', '"confi"', '"CONFIG"', '"modelCatalog"']), _json())
    before = draw(st.lists(others | st.tuples(st.just('"config"'), _json()), max_size=3))
    behind = draw(st.lists(others, max_size=3))
    value = draw(_json())
    key = draw(st.sampled_from(['"config"', r'"\u0063onfig"']))
    cut = "\x00"
    text = draw(_BLANKS) + _object(draw, [*before, (key, cut), *behind]) + draw(_BLANKS)
    head, tail = text.split(cut)
    return head, value, tail


@settings(deadline=None)
@given(_texts(), _TEXT)
def test_only_the_bytes_of_that_value_change(text: tuple[str, str, str], value: str) -> None:
    head, former, tail = text

    after = with_string(head + former + tail, "config", value)

    assert after.startswith(head)
    assert after.endswith(tail)
    assert json.loads(after[len(head) : len(after) - len(tail)]) == value


@settings(deadline=None)
@given(_texts(), _TEXT)
def test_a_second_time_changes_nothing(text: tuple[str, str, str], value: str) -> None:
    once = with_string("".join(text), "config", value)

    assert with_string(once, "config", value) == once


@given(st.text(max_size=20))
def test_a_text_of_any_kind_is_refused_without_repeating_it(text: str) -> None:
    secret = "sk-fake-secret-value"
    with pytest.raises(JsonError) as caught:
        with_string(f'[ "{secret}", {text}', "config", "x")
    assert secret not in str(caught.value)


class TestWrittenAsItWas:
    def test_characters_that_are_not_ascii_are_not_escaped(self) -> None:
        assert with_string('{"config":""}', "config", "小米") == '{"config":"小米"}'

    def test_other_numbers_and_escapes_are_not_written_anew(self) -> None:
        text = r'{ "a": 1.50, "b" : 1e2, "config":"x", "c":"\u5c0f\/" }'

        assert with_string(text, "config", "y") == text.replace('"x"', '"y"')

    def test_of_a_key_that_is_there_twice_the_last_counts(self) -> None:
        """As for cc switch and every other reader."""
        text = '{"config":"a","config":"b","x":{"config":"c"}}'

        assert with_string(text, "config", "d") == '{"config":"a","config":"d","x":{"config":"c"}}'

    def test_a_key_of_an_inner_object_is_another(self) -> None:
        with pytest.raises(JsonError, match="has no config"):
            with_string('{"a":{"config":"b"}}', "config", "c")

    def test_half_a_surrogate_pair_elsewhere_stays(self) -> None:
        text = r'{"a":"\ud83d","config":"b"}'

        assert with_string(text, "config", "c") == r'{"a":"\ud83d","config":"c"}'


class TestRefusals:
    @pytest.mark.parametrize(
        "text", ["", "{", '{"config":"a"} x', "{'config':'a'}", "\ufeff{}", "[" * 100_000]
    )
    def test_a_text_that_is_no_json(self, text: str) -> None:
        with pytest.raises(JsonError, match="is not valid JSON"):
            read_json(text)

    @pytest.mark.parametrize("text", ["null", "[]", '"config"', "1"])
    def test_a_text_that_is_no_object(self, text: str) -> None:
        with pytest.raises(JsonError, match="is not a JSON object"):
            with_string(text, "config", "x")

    def test_a_string_that_no_file_can_hold(self) -> None:
        with pytest.raises(JsonError, match="is not valid UTF-8"):
            with_string('{"config":""}', "config", "a\ud83d")

    def test_an_object_without_the_key(self) -> None:
        with pytest.raises(JsonError, match="has no config"):
            with_string("{ }", "config", "x")
