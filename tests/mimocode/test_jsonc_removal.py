"""Taking single values out of a JSONC text, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ccmimolink.mimocode import jsonc_edit
from ccmimolink.mimocode.jsonc_edit import with_value, without
from ccmimolink.mimocode.jsonc_text import MAX_DEPTH, JsoncError, read_object
from tests.mimocode.test_jsonc_edit import USERS_OWN, lines

BOM = "\ufeff"
# -- removing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"b": 2}', "{}"),
        ('{ "b": 2 }', "{ }"),
        ('{ "b": 2, }', "{ }"),
        ('{"a": 1, "b": 2}', '{"a": 1}'),
        ('{ "a": 1, "b": 2 }', '{ "a": 1 }'),
        ('{ "a": 1, "b": 2, }', '{ "a": 1, }'),
        ('{"b": 2, "a": 1}', '{"a": 1}'),
        ('{"a":1,"b":2,"c":3}', '{"a":1,"c":3}'),
        ('{"a": 1, "b": [2, 3], "c": 3}', '{"a": 1, "c": 3}'),
        ('{"a": 1 , "b": 2}', '{"a": 1}'),
    ],
)
def test_a_member_is_removed_from_a_line(text: str, result: str) -> None:
    assert without(text, ["b"]) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{\n  "b": 2\n}\n', "{\n}\n"),
        ('{\n  "a": 1,\n  "b": 2\n}', '{\n  "a": 1\n}'),
        ('{\n  "a": 1,\n  "b": 2,\n}', '{\n  "a": 1,\n}'),
        ('{\n  "b": 2,\n  "a": 1\n}', '{\n  "a": 1\n}'),
        ('{\r\n  "b": 2,  \r\n  "a": 1\r\n}', '{\r\n  "a": 1\r\n}'),
        ('{\r  "b": 2,\r  "a": 1\r}', '{\r  "a": 1\r}'),
        ('{\n  "a": 1,\n\n  "b": {\n    "c": 2\n  }\n\n}', '{\n  "a": 1\n\n\n}'),
        ('{\n  "a": 1\n  , "b": 2\n}', '{\n  "a": 1\n}'),
        ('{\n  "a": 1, "b": 2\n}', '{\n  "a": 1\n}'),
        ('{\n  "b": 2, "a": 1\n}', '{\n  "a": 1\n}'),
        ('{ "b": 2,\n  "a": 1 }', '{\n  "a": 1 }'),
        ('{ "a": 1,\n  "b": 2 }', '{ "a": 1\n  }'),
    ],
)
def test_a_member_is_removed_with_its_line(text: str, result: str) -> None:
    assert without(text, ["b"]) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{\n  "a": 1, // a\n  // b\n  "b": 2\n}', '{\n  "a": 1 // a\n  // b\n}'),
        ('{\n  "b": 2, // b\n  "a": 1\n}', '{\n  // b\n  "a": 1\n}'),
        ('{\n  "a": 1, /* b */ "b": 2\n}', '{\n  "a": 1 /* b */\n}'),
        ('{"a": 1, /* b */ "b": 2}', '{"a": 1 /* b */}'),
        (
            '{ /* one */ "b" /* two */ : // three\n  2 /* four */ , // five\n}',
            "{ /* one */ /* two */ // three\n  /* four */ // five\n}",
        ),
        ('{\n  "b": // one\n    2\n  ,\n  "a": 1\n}', '{\n  // one\n  "a": 1\n}'),
        ('{\n  "a": 1 // one\n  ,\n  "b": 2\n}', '{\n  "a": 1 // one\n}'),
        ('{"b": [1, /* goes with it */ 2], "a": 1}', '{"a": 1}'),
    ],
)
def test_comments_near_a_member_that_is_removed_stay(text: str, result: str) -> None:
    assert without(text, ["b"]) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"b": 1, "b": 2}', "{}"),
        ('{"b": 1, "a": 1, "b": 2}', '{"a": 1}'),
        ('{\n  "b": 1, "b": 2,\n  "a": 1,\n  "b": 3\n}', '{\n  "a": 1\n}'),
        (r'{"\u0062": 1, "a": 1, "b": 2,}', '{"a": 1,}'),
    ],
)
def test_all_duplicates_are_removed(text: str, result: str) -> None:
    assert without(text, ["b"]) == result


def test_what_is_empty_then_stays() -> None:
    assert without('{"a": {"b": {"c": 1}}}', ["a", "b", "c"]) == '{"a": {"b": {}}}'


@pytest.mark.parametrize(
    "path",
    [["x"], ["model", "x"], ["provider", "mine", "x"], ["x", "y"], ["provider", "mine", "options", "n", "0"]],
)
def test_a_path_that_is_missing_changes_nothing(path: list[str]) -> None:
    assert without(USERS_OWN, path) == USERS_OWN


@pytest.mark.parametrize("text", ["", BOM + " \r\n"])
def test_nothing_is_removed_from_a_blank_text(text: str) -> None:
    assert without(text, ["a"]) == text


def test_a_provider_is_removed_from_a_file_of_the_users_own() -> None:
    before = lines(USERS_OWN)

    assert without(USERS_OWN, ["provider", "mine"]) == "".join([*before[:6], *before[9:]])


# -- refusing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"a": 1', "{'a': 1}", '{"a": 1} x', '{"a": 1,,}', "{ /* }", '{"a" 1}'])
def test_a_text_with_an_error_is_refused(text: str) -> None:
    with pytest.raises(JsoncError, match="is not valid JSONC"):
        with_value(text, ["a"], 2)
    with pytest.raises(JsoncError, match="is not valid JSONC"):
        without(text, ["a"])


@pytest.mark.parametrize("text", ["[]", '"a"', "null", "1"])
def test_a_root_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(JsoncError, match=r"^is not an object$"):
        with_value(text, ["a"], 2)
    with pytest.raises(JsoncError, match=r"^is not an object$"):
        without(text, ["a"])


@pytest.mark.parametrize("value", ["null", "[]", '"gp-secret"', '[{"c": 1}]', "1"])
def test_something_else_where_an_object_belongs_is_refused(value: str) -> None:
    with pytest.raises(JsoncError, match=r"^has no object at a\.b$"):
        with_value(f'{{"a": {{"b": {value}}}}}', ["a", "b", "c", "d"], 2)


def test_of_duplicates_on_the_way_the_last_must_be_an_object() -> None:
    with pytest.raises(JsoncError, match="has no object at a"):
        with_value('{"a": {"b": 1}, "a": 1}', ["a", "b"], 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")], 10**5000], ids="abcd")
def test_a_number_that_cannot_be_written_is_refused(value: Any) -> None:
    with pytest.raises(JsoncError, match="number that cannot be written"):
        with_value("{}", ["a"], value)


@pytest.mark.parametrize("value", [("a",), {"a"}, b"a", object()])
def test_a_value_that_json_does_not_have_is_a_mistake_of_the_caller(value: Any) -> None:
    with pytest.raises(TypeError, match="JSON has no"):
        with_value("{}", ["a"], value)


@pytest.mark.parametrize("text", ["", '{"a": 1}'])
@pytest.mark.parametrize("value", [{"__proto__": 1}, "\ud83d" + "\ude00", {1: 2}])
def test_a_value_that_would_be_read_as_another_is_refused(text: str, value: Any) -> None:
    with pytest.raises(JsoncError):
        with_value(text, ["b"], value)


def test_too_deep_a_value_is_refused() -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(JsoncError, match="nested too deeply"):
        with_value("{}", ["a"], value)
    with pytest.raises(JsoncError, match="nested too deeply"):
        with_value("{}", ["a"] * 100_000, 1)
    with pytest.raises(JsoncError, match="cannot be changed alone"):
        with_value("{}", ["a"] * (MAX_DEPTH + 1), 1)

    assert read_object(with_value("{}", ["a"] * MAX_DEPTH, 1))


@pytest.mark.parametrize(
    "broken",
    [lambda text, _edits: text, lambda text, _edits: text + "}", lambda text, _: text.replace("/* c */", "")],
)
def test_an_edit_that_does_something_else_is_not_given_out(
    monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    text = '{"gp-secret": "gp-secret", /* c */ "b": 1}'
    applied = jsonc_edit._applied
    monkeypatch.setattr(jsonc_edit, "_applied", lambda text, edits: broken(applied(text, edits), edits))
    if broken(text, []) == text:
        monkeypatch.setattr(jsonc_edit, "_applied", broken)

    message = r"^is written in a way in which b cannot be changed alone$"
    with pytest.raises(JsoncError, match=message):
        with_value(text, ["b"], 2)
    with pytest.raises(JsoncError, match=message):
        without(text, ["b"])


def test_references_of_the_user_stay() -> None:
    assert '"apiKey": "{env:KEY}"' in with_value(USERS_OWN, ["model"], "y")


# -- much ----------------------------------------------------------------------------------------------------


def _many(between: str, end: str = "") -> str:
    members = between.join(f'"key-number-{number}": "{"x" * 30}"' for number in range(20_000))
    return f"{{{members}{end}}}"


@pytest.mark.parametrize(
    "text",
    [
        _many(","),
        _many(", // c\n  ", "\n"),
        _many(" /* c */ ,\r\n  ", ",\r\n"),
        "{" + '"a": [' + "[]," * 20_000 + "]}",
        "{" + '"key-number-7": 1 /* c */ , ' * 20_000 + "}",
        "{" + '"a": 1,\n' + "// c\n" * 50_000 + '"key-number-7": 1}',
        "{" + '"a": 1,' + " " * 500_000 + '"key-number-7": 1' + "\n" * 500_000 + "}",
    ],
    ids=["in one line", "in lines", "with comments", "in lists", "duplicates", "many comments", "blanks"],
)
def test_a_large_file_is_edited_at_once(text: str) -> None:
    started = time.process_time()

    with_value(text, ["new", "key"], 1)
    with_value(text, ["new"], 1, first=True)
    with_value(text, ["key-number-7"], [1])
    without(text, ["key-number-7"])

    assert time.process_time() - started < 8, "it takes about one second, and minutes if it were quadratic"
