"""The parser that MiMoCode reads its configuration with takes what we take, and reads the same values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.mimocode.jsonc_edit import new_text, with_value, without
from ccmimolink.mimocode.jsonc_text import BOM, JsoncError, is_blank, read_jsonc
from tests.e2e.processes import clean_environ
from tests.e2e.test_clients import node
from tests.mimocode.test_jsonc_properties import KEYS, PATHS, SOUP, VALUES, broken, tidy, wild

pytestmark = pytest.mark.clients

REFUSED_BY_US_ALONE = ("nested too deeply", "JavaScript", "number is too long", "UTF-8")


class Parser:
    """jsonc-parser in a process that reads one text after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, text: str) -> Any:
        """What it made of a text, with kinds; None if it found an error."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(text.removeprefix(BOM)) + "\n")  # MiMoCode's file API drops the mark
        stdin.flush()
        line = stdout.readline()
        assert line, "the parser ended"
        return json.loads(line)


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parser]:
    scratch = tmp_path_factory.mktemp("jsonc")
    with subprocess.Popen(
        node("jsonc_parse.mjs", scratch),
        cwd=scratch,
        env=clean_environ(scratch),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        yield Parser(process)


def shown(value: Any) -> Any:
    """A value as the program shows it, with each number as JavaScript has it."""
    if isinstance(value, dict):
        return ["object", {key: shown(inner) for key, inner in value.items()}]
    if isinstance(value, list):
        return ["list", [shown(inner) for inner in value]]
    if isinstance(value, bool | str | None):
        return ["plain", value]
    try:
        return ["number", float(value)]
    except OverflowError:
        return ["number", float("inf") if value > 0 else -float("inf")]


def theirs(answer: Any) -> Any:
    kind, value = answer
    if kind == "object":
        return [kind, {key: theirs(inner) for key, inner in value}]
    if kind == "list":
        return [kind, [theirs(inner) for inner in value]]
    return [kind, float(value)] if kind == "number" else answer


def ours(text: str) -> tuple[Any, str]:
    """What we made of a text, and why we refused it."""
    try:
        return shown(read_jsonc(text)), ""
    except JsoncError as error:
        return None, str(error)


def agree(parser: Parser, text: str) -> bool:
    """Whether we take it. If we do, both read the same; if not, both refuse it, or we know why."""
    answer = parser.read(text)
    value, refusal = ours(text)
    if refusal:
        assert answer is None or any(reason in refusal for reason in REFUSED_BY_US_ALONE)
    elif not is_blank(text):  # MiMoCode does not give that to the parser
        assert answer is not None
        assert theirs(answer) == value
    return not refusal


@given(text=wild().map(lambda drawn: drawn[0]) | tidy())
@settings(max_examples=1000, deadline=None)
def test_both_read_texts_that_people_write(parser: Parser, text: str) -> None:
    assert agree(parser, text)


@given(text=broken() | SOUP | st.text(max_size=20))
@settings(max_examples=3000, deadline=None)
def test_both_refuse_the_same_texts(parser: Parser, text: str) -> None:
    agree(parser, text)


@given(text=wild().map(lambda drawn: drawn[0]) | tidy(), path=PATHS, value=VALUES, first=st.booleans())
@settings(max_examples=1000, deadline=None)
def test_both_read_what_was_edited(
    parser: Parser, text: str, path: list[str], value: Any, first: bool
) -> None:
    try:
        result = with_value(text, path, value, first=first)
    except JsoncError:
        return  # something else stands where an object belongs

    assert agree(parser, result)
    assert agree(parser, without(result, path))


@given(value=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
@settings(max_examples=300, deadline=None)
def test_both_read_what_is_new(parser: Parser, value: dict[str, Any]) -> None:
    assert agree(parser, new_text(value))


@pytest.mark.parametrize(
    "text", ['{"a": {"__proto__": {"b": 1}}}', '{"__proto__": 1}', r'{"\u005f_proto__": null}']
)
def test_javascript_has_a_key_that_is_none(parser: Parser, text: str) -> None:
    assert "__proto__" not in json.dumps(parser.read(text))
    assert not agree(parser, text)


def test_the_parser_does_not_take_a_byte_order_mark_by_itself(parser: Parser) -> None:
    assert parser.read(BOM + "{}") is not None
    assert parser.read(BOM + BOM + "{}") is None
