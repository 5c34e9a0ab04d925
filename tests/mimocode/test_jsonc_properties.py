"""Whatever a JSONC text looks like, an edit changes what it should and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from ccmimolink.mimocode.jsonc_edit import new_text, with_value, without
from ccmimolink.mimocode.jsonc_text import JsoncError, Node, read_document, read_jsonc, read_object, same

Draw = Callable[[st.SearchStrategy[Any]], Any]

BOM = "\ufeff"
EOLS = ["\n", "\r\n", "\r"]
OFTEN = ["a", "b"]
KEYS = [*OFTEN * 4, "model", "", "é 小米", 'q"\\', "{env:A}", "// no", "\U0001f600"]
SPELLED = {"a": [r"\u0061"], "b": [r"\u0062"], "model": [r"m\u006fdel"], "{env:A}": [r"\u007benv:A}"]}
TEXTS = ["", "x", "a // b", "/* c */", '"},{"', "\\", "é\u2028\x7f", "{file:~/k}", "\ud83d", "\t\r\n\x00"]
RAW = ['"é 小米 \U0001f600"', '"\x7f\u2028"', '"//"', '"/*"', '"{\\"a\\": 1,}"', '"{env:A}"', '"\\ud83d"']
NUMBERS = ["0", "-0", "7", "-12", "1.50", "1e400", "-0.0", "1E+2", "12345678901234567890123", "1.0"]
GAPS = [
    "",
    "",
    "",
    " ",
    "\t",
    "\n",
    "\n  ",
    " // a, {\n",
    "/* b } */",
    "/**/ ",
    "\n\t// c {env:A} \n",
    " /*\n * d\n */",
]

WORDS = st.sampled_from(TEXTS) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | WORDS, inner, max_size=3)
    ),
    max_leaves=6,
).filter(lambda value: "__proto__" not in json.dumps(value))
PATHS = st.lists(st.sampled_from([*OFTEN * 4, *KEYS]), min_size=1, max_size=3)


def _key(draw: Draw, key: str) -> str:
    plain = [json.dumps(key), json.dumps(key, ensure_ascii=False)]
    return str(draw(st.sampled_from(plain + [f'"{spelled}"' for spelled in SPELLED.get(key, [])])))


def _scalar(draw: Draw) -> tuple[str, Any]:
    text = draw(
        st.sampled_from([*NUMBERS, "null", "true", "false"]) | WORDS.map(json.dumps) | st.sampled_from(RAW)
    )
    return text, json.loads(text)


def _value(draw: Draw, depth: int) -> tuple[str, Any]:
    kind = draw(st.sampled_from(["scalar", "object", "object", "array"] if depth else ["scalar"]))
    if kind == "scalar":
        return _scalar(draw)
    if kind == "object":
        return _object(draw, depth)
    items = [_value(draw, depth - 1) for _ in range(draw(st.integers(0, 2)))]
    return _bracketed(draw, "[]", [text for text, _ in items]), [value for _, value in items]


def _object(draw: Draw, depth: int) -> tuple[str, Any]:
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=4))
    members = [(key, *_value(draw, depth - 1)) for key in keys]
    gap = st.sampled_from(GAPS)
    texts = [f"{_key(draw, key)}{draw(gap)}:{draw(gap)}{text}" for key, text, _ in members]
    return _bracketed(draw, "{}", texts), {key: value for key, _, value in members}


def _bracketed(draw: Draw, brackets: str, parts: Sequence[str]) -> str:
    gap = st.sampled_from(GAPS)
    comma = "," if parts and draw(st.booleans()) else ""
    inner = ",".join(f"{draw(gap)}{part}{draw(gap)}" for part in parts)
    return f"{brackets[0]}{inner}{comma}{draw(gap)}{brackets[1]}"


@st.composite
def wild(draw: Draw, root: Callable[[Draw, int], tuple[str, Any]] = _object) -> tuple[str, Any]:
    """A text in which anything may stand between any two words, and its value."""
    gap = st.sampled_from(GAPS)
    text, value = root(draw, 3)
    text = draw(gap) + text + draw(gap)
    eol = draw(st.sampled_from(EOLS) | st.none())
    if eol is None:
        text = "".join(draw(st.sampled_from(EOLS)) if char == "\n" else char for char in text)
    else:
        text = text.replace("\n", eol)
    return draw(st.sampled_from(["", BOM])) + text, value


@st.composite
def tidy(draw: Draw) -> str:
    """A text as people write it: a member on each line, with comments above, below and beside it."""
    indent = draw(st.sampled_from(["\t", "  ", "    "]))
    has_trailing = draw(st.booleans())

    def comment() -> str:
        return str(draw(st.sampled_from(["", "", " // e", " /* f */", " /* g */ // h"])))

    def written(depth: int) -> str:
        lines = []
        keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
        for key in keys:
            if draw(st.booleans()):
                lines.append(draw(st.sampled_from(["// c", "/* d */", ""])))
            is_object = depth and draw(st.booleans())
            value = written(depth - 1) if is_object else _scalar(draw)[0]
            comma = "," if has_trailing or key != keys[-1] else ""
            lines.append(f"{_key(draw, key)}: {value}{comma}{comment()}")
        if draw(st.booleans()):
            lines.append("// last")
        inner = "\n".join(lines).replace("\n", f"\n{indent}")
        return f"{{{comment()}\n{indent}{inner}\n}}"

    head, tail = draw(st.sampled_from(["", "// head\n"])), draw(st.sampled_from(["", "\n", " // tail"]))
    text: str = (head + written(2) + tail).replace("\n", draw(st.sampled_from(EOLS)))
    return str(draw(st.sampled_from(["", BOM]))) + text


def merged(document: Any, path: Sequence[str], value: Any, *, first: bool = False) -> Any:
    """What setting a value means. KeyError: there is something else where an object belongs."""
    if not path:
        return value
    if not isinstance(document, dict):
        raise KeyError(path)
    inner = merged(document.get(path[0], {}), path[1:], value, first=first)
    if first and path[0] not in document:
        return {path[0]: inner, **document}
    return {**document, path[0]: inner}


def pruned(document: Any, path: Sequence[str]) -> Any:
    if not isinstance(document, dict) or path[0] not in document:
        return document
    if len(path) == 1:
        return {key: value for key, value in document.items() if key != path[0]}
    return {**document, path[0]: pruned(document[path[0]], path[1:])}


def order(value: Any) -> str:
    return json.dumps(value)


def comments(text: str) -> list[str]:
    return [text[start:end] for start, end in read_document(text).comments]


def solid(text: str) -> str:
    return re.sub(r"[ \t\r\n]", "", text)


def found(text: str, path: Sequence[str]) -> Node | None:
    """Where the value at a path stands."""
    node = read_document(text).root
    for key in path:
        inner = [member.node for member in node.members if member.key == key]
        if not inner:
            return None
        node = inner[-1]
    return node


def changed(text: str, path: Sequence[str], value: Any, *, first: bool = False) -> tuple[str, Any]:
    """An edit and what it should mean; those that must be refused are out of the question."""
    try:
        expected = merged(read_jsonc(text), path, value, first=first)
    except KeyError:
        event("no object on the way")
        try:
            with_value(text, path, value, first=first)
        except JsoncError:
            assume(False)
        raise AssertionError("was not refused") from None
    return with_value(text, path, value, first=first), expected


@given(wild(_value))
@settings(max_examples=150, deadline=None)
def test_a_text_has_the_values_that_were_written(drawn: tuple[str, Any]) -> None:
    text, value = drawn

    assert same(read_jsonc(text), value)
    assert order(read_jsonc(text)) == order(value)


@given(wild(), PATHS, VALUES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_value_is_merged(drawn: tuple[str, Any], path: list[str], value: Any, first: bool) -> None:
    result, expected = changed(drawn[0], path, value, first=first)

    assert same(read_jsonc(result), expected)
    assert order(read_jsonc(result)) == order(expected)
    assert with_value(result, path, value, first=not first) == result


@given(wild(), PATHS, VALUES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_stands_outside_of_a_replaced_value_stays(
    drawn: tuple[str, Any], path: list[str], value: Any, first: bool
) -> None:
    text = drawn[0]
    result, _ = changed(text, path, value, first=first)
    node = found(text, path)

    if node is None:
        event("inserted")
        assert comments(result) == comments(text)
    else:
        event("replaced")
        assert result.startswith(text[: node.start])
        assert result.endswith(text[node.end :])
        assert result[node.start : len(result) - len(text[node.end :])]


@given(wild(), PATHS, VALUES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_was_inserted_can_be_taken_out(
    drawn: tuple[str, Any], path: list[str], value: Any, first: bool
) -> None:
    text = drawn[0]
    result, _ = changed(text, path, value, first=first)
    at = next((depth for depth in range(1, len(path) + 1) if found(text, path[:depth]) is None), 0)
    assume(at)

    assert solid(without(result, path[:at])) == solid(text)


@given(tidy(), PATHS, VALUES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_was_inserted_into_a_tidy_text_can_be_taken_out_to_the_byte(
    text: str, path: list[str], value: Any, first: bool
) -> None:
    result, _ = changed(text, path, value, first=first)
    at = next((depth for depth in range(1, len(path) + 1) if found(text, path[:depth]) is None), 0)
    assume(at)

    assert without(result, path[:at]) == text


@given(tidy(), PATHS, VALUES, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_tidy_text_stays_tidy(text: str, path: list[str], value: Any, first: bool) -> None:
    result, _ = changed(text, path, value, first=first)
    removed = without(text, path)

    for edited in (result, removed):
        assert set(re.findall(r"\r\n?|\n", edited)) == set(re.findall(r"\r\n?|\n", text))
        assert len(re.findall(r"[ \t][\r\n]", edited)) <= len(re.findall(r"[ \t][\r\n]", text))
        members = read_document(edited).root.members
        before = read_document(text).root.members
        assert not members or (members[-1].comma is None) == (before[-1].comma is None)


@given(wild(), PATHS)
@settings(max_examples=150, deadline=None)
def test_a_key_is_removed(drawn: tuple[str, Any], path: list[str]) -> None:
    text, value = drawn

    result = without(text, path)

    assert same(read_jsonc(result), pruned(value, path))
    assert order(read_jsonc(result)) == order(pruned(value, path))
    assert without(result, path) == result
    if found(text, path) is None:
        assert result == text


@given(wild(), PATHS, VALUES)
@settings(max_examples=100, deadline=None)
def test_what_stands_around_the_outermost_object_stays(
    drawn: tuple[str, Any], path: list[str], value: Any
) -> None:
    text = drawn[0]
    root = read_document(text).root

    for result in (changed(text, path, value)[0], without(text, path)):
        after = read_document(result).root
        assert result[: after.start] == text[: root.start]
        assert result[after.end :] == text[root.end :]


@given(wild(), PATHS)
@settings(max_examples=100, deadline=None)
def test_what_is_there_already_is_left_as_it_is(drawn: tuple[str, Any], path: list[str]) -> None:
    text, value = drawn
    for depth, key in enumerate(path, 1):
        if not isinstance(value, dict) or key not in value:
            break
        value = value[key]
        assert with_value(text, path[:depth], value) == text


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_new_file_has_the_values(value: dict[str, Any]) -> None:
    text = new_text(value)

    assert same(json.loads(text), value)
    assert same(read_object(text), value)
    assert not re.search(r"\{(env|file):|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", text)


SOUP = st.lists(
    st.sampled_from(
        [*'{}[],:"/\\ \n\r*', "//", "/*", "*/", '"a"', "1", "-", ".5", "e", "null", "tru", BOM, "\ud800"]
    ),
    max_size=25,
).map("".join)


@st.composite
def broken(draw: Draw) -> str:
    """A text with one thing too many, too few, or in place of another."""
    text = draw(wild())[0]
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 2)))
    return str(
        text[:start] + draw(st.sampled_from(["", *'{}[],:"/\\x0-.*\x01\xa0', "//", "\n"])) + text[end:]
    )


@given(st.text(max_size=30) | SOUP | broken(), PATHS, VALUES)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str, path: list[str], value: Any) -> None:
    try:
        read_jsonc(text)
    except JsoncError:
        event("refused")
        is_refused = True
    else:
        event("read")
        is_refused = False

    for edit in (lambda: with_value(text, path, value), lambda: without(text, path)):
        try:
            read_object(edit())
        except JsoncError:
            continue
        assert not is_refused
