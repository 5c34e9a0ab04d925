"""What MiMoCode's parser takes is read, what it refuses is refused; no message repeats what a file holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ccmimolink.mimocode.jsonc_edit import new_text, with_value
from ccmimolink.mimocode.jsonc_text import (
    MAX_DEPTH,
    JsoncError,
    Member,
    Node,
    read_document,
    read_jsonc,
    read_object,
    same,
)

BOM = "\ufeff"
REFERENCE = "{file:~/.gonkagate/mimo-code/api-key}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, [], {}]", [1, [], {}]),
        ("null", None),
        ("[true, false]", [True, False]),
        ("[0, -0, 10, -12]", [0, 0, 10, -12]),
        ("[0.5, 1e3, 1E-2, 1e+2, -0.25]", [0.5, 1000.0, 0.01, 100.0, -0.25]),
        (r'"\" \\ \/ \b \f \n \r \t \u00e9"', '" \\ / \b \f \n \r \t é'),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\ud83d"', "\ud83d"),
        ('"\x7f\u2028\U0001f600"', "\x7f\u2028\U0001f600"),
        ('{"": {"": 1}}', {"": {"": 1}}),
    ],
)
def test_json_is_read(text: str, value: Any) -> None:
    assert same(read_jsonc(text), value)


@pytest.mark.parametrize(
    "text",
    [
        '// one\n{"a": 1}',
        '{"a": 1} // at the end of the text',
        '// ended by a carriage return\r{"a": 1}',
        '/* one */ {"a" /* two */ : /* three\n * } */ 1 /**/ /* / */}',
        '{"a": // {"\r\n1}',
        '{"a": 1,}',
        '{"a": 1 /* one */ , // two\n}',
        '{"a": 2, "a": 1}',
        r'{"a": 2, "\u0061": 1}',
        ' \t\r\n{\t"a"\r\n:\n1 } \n',
        BOM + '{"a": 1}',
        BOM + '// one\n{"a": 1}',
    ],
)
def test_comments_trailing_commas_duplicates_and_blanks_are_read(text: str) -> None:
    assert read_jsonc(text) == {"a": 1}


@pytest.mark.parametrize(("text", "value"), [("[1, 2,]", [1, 2]), ("[1 /* one */, // two\n]", [1])])
def test_a_list_has_a_trailing_comma(text: str, value: Any) -> None:
    assert read_jsonc(text) == value


@pytest.mark.parametrize("text", ["", " \r\n\t", BOM, BOM + "\n"])
def test_a_blank_text_is_an_empty_object(text: str) -> None:
    assert read_jsonc(text) == {}
    assert read_object(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "[",
        '{"a"',
        '{"a":',
        '{"a": 1',
        '{"a": 1,',
        '{"a": }',
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        '{"a": 1,, "b": 2}',
        "{,}",
        "[,]",
        "[1,,2]",
        "[1,,]",
        "[1 2]",
        "[1}",
        '{"a": 1]',
        "{a: 1}",
        "{'a': 1}",
        "['a']",
        "{1: 1}",
        "{null: 1}",
        "01",
        "+1",
        "-",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "\u0661",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "True",
        "truey",
        "nul",
        "1 2",
        "{} {}",
        "{}}",
        '"a',
        '"a\n"',
        '"a\t"',
        '"\x00"',
        r'"\x41"',
        r'"\u12"',
        r'"\u00g0"',
        r'"\u+123"',
        '"\\',
        "// only a comment",
        "/* only a comment */",
        "{} /* no end",
        "{} /*/",
        "{} / /",
        "# one\n{}",
        "\xa0{}",
        "\xa0",
        "\x0c",
        "\x0b{}",
        "{\u2028}",
        BOM + BOM + "{}",
        "{} " + BOM,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(JsoncError, match=r"^is not valid JSONC: .* at line \d+$"):
        read_jsonc(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [('{"a": 1\n"b": 2}', 2), ("{\r\n\r\n1}", 3), ("{\r\r1}", 3), ("{\n // one\n /* two\n */ 1}", 4)],
)
def test_the_message_names_the_line(text: str, line: int) -> None:
    with pytest.raises(JsoncError, match=f"at line {line}$"):
        read_jsonc(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{} /* no end", "a comment has no end"),
        ("{a: 1}", "a key in double quotes is missing"),
        ('{"a" 1}', "a colon is missing"),
        ('{"a": }', "a value is missing"),
        ("[1 2]", "a comma or a closing bracket is missing"),
        ('"a', "a string is not well-formed"),
        ("{} {}", "there is more behind its end"),
    ],
)
def test_the_message_says_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(JsoncError, match=f"^is not valid JSONC: {what} at line 1$"):
        read_jsonc(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"gp-secret": "gp-secret" gp-secret}',
        '{"gp-secret": "gp-secret',
        '{"gp-secret": gp-secret}',
        '{"gp-secret" // gp-secret\n}',
        '["gp-secret"]',
        '{"__proto__": "gp-secret"}',
        '"gp-secret\\x"',
    ],
)
def test_no_message_repeats_what_the_file_holds(text: str) -> None:
    with pytest.raises(JsoncError) as caught:
        read_object(text)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("text", ["[]", '"a"', "1", "null", BOM + "[1]"])
def test_a_root_that_is_no_object_is_refused_as_one(text: str) -> None:
    with pytest.raises(JsoncError, match=r"^is not an object$"):
        read_object(text)


@pytest.mark.parametrize("text", ['{"__proto__": 1}', r'{"a": [{"\u005f_proto__": {"b": 1}}]}'])
def test_a_key_that_javascript_takes_for_no_key_is_refused(text: str) -> None:
    with pytest.raises(JsoncError, match="JavaScript at line 1"):
        read_jsonc(text)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(JsoncError, match=r"^is not valid UTF-8$"):
        read_jsonc('"\udc80"')


def test_a_number_that_python_does_not_take_is_refused() -> None:
    with pytest.raises(JsoncError, match="a number is too long at line 2"):
        read_jsonc("[\n" + "1" * 5000 + "]")


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_ends_somewhere(brackets: str) -> None:
    def nested(depth: int) -> str:
        opening = "[" if brackets == "[]" else '{"a":'
        return opening * (depth - 1) + brackets + brackets[1] * (depth - 1)

    read_jsonc(nested(MAX_DEPTH))

    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(JsoncError, match="nested too deeply"):
            read_jsonc(nested(depth))


@pytest.mark.parametrize(
    "use",
    [lambda text, _: read_jsonc(text), lambda _, value: new_text({"a": value})],
    ids=["reading", "writing"],
)
def test_who_is_deep_in_the_stack_already_is_told_so(use: Callable[[str, Any], Any]) -> None:
    text = "[" * 150 + "]" * 150
    value = read_jsonc(text)
    caught: list[Exception] = []

    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
            return
        try:
            use(text, value)
        except JsoncError as error:
            caught.append(error)

    thread = threading.Thread(target=deep, args=(800,))
    thread.start()
    thread.join()

    assert len(caught) == 1
    assert str(caught[0]).endswith("nested too deeply")


def test_the_places_of_everything() -> None:
    text = '{"a": [1], /* one */ "b": {"c": 2} ,} // two'

    document = read_document(text)

    inner = Node(26, 34, {"c": 2}, (Member("c", 27, Node(32, 33, 2), None),))
    assert document.root.members == (Member("a", 1, Node(6, 9, [1]), 9), Member("b", 21, inner, 35))
    assert (document.root.start, document.root.end) == (0, 37)
    assert [text[start:end] for start, end in document.comments] == ["/* one */", "// two"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        (None, False),
        ("1", 1),
        ([], {}),
        ({"a": 1}, {"a": 1.0}),
        ([1], [1, 1]),
    ],
)
def test_values_of_different_kinds_are_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same({"a": [one]}, {"a": [other]})


def test_the_order_of_keys_makes_no_difference() -> None:
    assert same({"a": 1, "b": [None, "c"]}, {"b": [None, "c"], "a": 1})


# -- writing ------------------------------------------------------------------------------------------------


def test_a_new_file_is_laid_out_as_usual() -> None:
    value = {"$schema": "u", "a": {"b": [1, {"c": None}], "d": {}, "e": []}, "é": "小米"}

    assert new_text(value) == json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    assert new_text({}) == "{}\n"


@pytest.mark.parametrize("text", ["", "{}", '{\n "b": 1\n}'])
@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("é 小米 \U0001f600 / <", '"é 小米 \U0001f600 / <"'),
        ('" \\ \n \x00 \x1f', r'"\" \\ \n \u0000 \u001f"'),
        ("\x7f\x80\x9f", r'"\u007f\u0080\u009f"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ("\ud83d \udc80", r'"\ud83d \udc80"'),
    ],
)
def test_characters_that_are_no_text_are_escaped(text: str, value: str, written: str) -> None:
    result = with_value(text, ["a"], value)

    assert f'"a": {written}' in result
    assert read_object(result)["a"] == value
    assert f"{written}: 1" in with_value(text, [value], 1)


@pytest.mark.parametrize("text", ["", "{}", '{"a": 1}', '{\n "b": 1\n}'])
@pytest.mark.parametrize(
    "value", ["{env:HOME}", REFERENCE, "x {file:/etc/passwd} {env:A}", "{{env:A}env:B}", "\\{env:A}"]
)
def test_nothing_that_is_written_becomes_a_reference(text: str, value: str) -> None:
    result = with_value(text, ["a"], {"name": value, value: [value]})

    assert "{env:" not in result
    assert "{file:" not in result
    assert read_object(result)["a"] == {"name": value, value: [value]}


@pytest.mark.parametrize("text", ["", "{}", '{"a": 1}', '{\n "b": 1\n}'])
def test_a_reference_that_is_meant_is_written_as_one(text: str) -> None:
    value = {"key": REFERENCE, "name": f"{REFERENCE} and more", REFERENCE: 1, "other": "{env:HOME}"}

    result = with_value(text, ["a"], value, literal=frozenset({REFERENCE}))

    assert f'"key": "{REFERENCE}"' in result
    assert result.count("{file:") == 1
    assert "{env:" not in result
    assert read_object(result)["a"] == value


def test_a_reference_that_is_meant_is_written_as_one_in_a_new_file() -> None:
    assert new_text({"key": REFERENCE}) == '{\n  "key": "\\u007b' + REFERENCE[1:] + '"\n}\n'
    assert new_text({"key": REFERENCE}, literal=frozenset({REFERENCE})) == f'{{\n  "key": "{REFERENCE}"\n}}\n'


def test_other_braces_are_written_as_they_are() -> None:
    assert with_value("{}", ["a"], "{} {ENV:A} {envy} ${x}") == '{"a": "{} {ENV:A} {envy} ${x}"}'
