"""One value is changed, and every byte around it stays; what cannot be changed alone is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccmimolink.mimocode.jsonc_edit import with_value, without

BOM = "\ufeff"
USERS_OWN = """\
// My configuration.
{
  /* Which model. */
  "model": "x/y", // the best one

  "provider": {
    "mine": {
      "options": {"apiKey": "{env:KEY}",  "n": [1,2 , 3]}, // mine
    },
  },
  // "theme": "dark",
}
// The end.
"""


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


# -- replacing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "value", "result"),
    [
        ('{"a": 1}', ["a"], 2, '{"a": 2}'),
        ('{ "a" : 1 , "b":2 }', ["a"], "x", '{ "a" : "x" , "b":2 }'),
        ('{"a": /* one */ 1 /* two */}', ["a"], None, '{"a": /* one */ null /* two */}'),
        ('{"a": 1} // c', ["a"], 1.5, '{"a": 1.5} // c'),
        ('{"a": [1, {"b": 2}],}', ["a"], "x", '{"a": "x",}'),
        ('{"a": {"b": {"c": 1}}}', ["a", "b", "c"], False, '{"a": {"b": {"c": false}}}'),
        (r'{"\u0061": 1}', ["a"], 2, r'{"\u0061": 2}'),
        ('{"": {"": 1}}', ["", ""], 2, '{"": {"": 2}}'),
    ],
)
def test_a_value_is_replaced_in_its_place(text: str, path: list[str], value: Any, result: str) -> None:
    assert with_value(text, path, value) == result


def test_a_value_is_replaced_in_a_file_of_the_users_own() -> None:
    result = with_value(USERS_OWN, ["model"], "gonkagate/moonshotai/kimi-k2.6")

    assert result == USERS_OWN.replace('"x/y"', '"gonkagate/moonshotai/kimi-k2.6"')


def test_comments_in_a_value_that_is_replaced_go_with_it() -> None:
    text = '{\n  // one\n  "a": { // two\n    "b": 1 /* three */\n  } // four\n}\n'

    assert with_value(text, ["a"], 1) == '{\n  // one\n  "a": 1 // four\n}\n'


def test_an_object_that_replaces_something_is_indented_as_its_line_is() -> None:
    text = '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n'

    result = with_value(text, ["a", "b"], {"c": [1, {}], "d": []})

    assert result == json.dumps({"a": {"b": {"c": [1, {}], "d": []}}}, indent="\t") + "\n"


def test_an_object_that_replaces_something_in_one_line_stays_in_it() -> None:
    assert with_value('{"a": 1, "b": 2}', ["a"], {"c": [1, 2]}) == '{"a": {"c": [1, 2]}, "b": 2}'


def test_of_duplicates_the_last_is_replaced() -> None:
    assert with_value('{"a": 1, "a": 2}', ["a"], 3) == '{"a": 1, "a": 3}'


def test_of_duplicates_on_the_way_the_last_counts() -> None:
    text = '{"a": {"b": 1}, "a": {"b": 1, "c": 2}}'

    assert with_value(text, ["a", "b"], 3) == '{"a": {"b": 1}, "a": {"b": 3, "c": 2}}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":{"b":[1,{ }],"c":null, // c\n}}', {"c": None, "b": [1, {}]}),
        (r'{"a": "\u0078"}', "x"),
        ('{"a": 1.50}', 1.5),
        ('{"a": 2, "a": 1}', 1),
        ('{"a": {}}', {}),
    ],
)
def test_a_value_that_is_equal_already_stays_as_it_is_written(text: str, value: Any) -> None:
    assert with_value(text, ["a"], value) == text


@pytest.mark.parametrize(
    ("old", "new"), [(1, True), (True, 1), (1, 1.0), (1.0, 1), (0, False), ([], {}), ([1], [True]), ("1", 1)]
)
def test_a_value_of_another_kind_is_not_equal(old: Any, new: Any) -> None:
    text = json.dumps({"a": old})

    assert with_value(text, ["a"], new) == json.dumps({"a": new})


# -- adding --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{}", '{"b": 2}'),
        ("{ }", '{ "b": 2 }'),
        ("{/* c */}", '{/* c */ "b": 2}'),
        ("{ /* c */ }", '{ /* c */ "b": 2 }'),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ('{ "a": 1 }', '{ "a": 1, "b": 2 }'),
        ('{"a": 1,}', '{"a": 1, "b": 2,}'),
        ('{ "a": 1 , }', '{ "a": 1 , "b": 2, }'),
        ('{"a": 1 /* c */}', '{"a": 1, /* c */ "b": 2}'),
        ('{"a": 1, /* c */ }', '{"a": 1, /* c */ "b": 2, }'),
        ('{"a": 1} // c\n', '{"a": 1, "b": 2} // c\n'),
    ],
)
def test_a_scalar_is_added_to_a_line(text: str, result: str) -> None:
    assert with_value(text, ["b"], 2) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{}", '{"b": 2}'),
        ('{"a": 1}', '{"b": 2, "a": 1}'),
        ('{ "a": 1, }', '{ "b": 2, "a": 1, }'),
        ('{ /* c */ "a": 1 }', '{ "b": 2, /* c */ "a": 1 }'),
    ],
)
def test_a_scalar_is_put_in_front_of_a_line(text: str, result: str) -> None:
    assert with_value(text, ["b"], 2, first=True) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{}", '{\n  "b": {\n    "c": 2\n  }\n}'),
        ("{ }", '{\n  "b": {\n    "c": 2\n  }\n}'),
        ("{ /* c */ }", '{ /* c */\n  "b": {\n    "c": 2\n  }\n}'),
        ('{"a": 1}', '{"a": 1,\n  "b": {\n    "c": 2\n  }\n}'),
        ('{ "a": 1, }', '{ "a": 1,\n  "b": {\n    "c": 2\n  },\n}'),
        ('{"a": 1 /* c */ }', '{"a": 1, /* c */\n  "b": {\n    "c": 2\n  }\n}'),
    ],
)
def test_an_object_added_to_a_line_gets_lines_of_its_own(text: str, result: str) -> None:
    assert with_value(text, ["b"], {"c": 2}) == result
    assert with_value(text, ["b", "c"], 2) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"a": 1}', '{\n  "b": [\n    2\n  ],\n  "a": 1\n}'),
        ('{ /* c */ "a": 1, }', '{\n  "b": [\n    2\n  ],\n  /* c */ "a": 1,\n}'),
        ('{"a": 1, // c\n  "d": 3}', '{\n  "b": [\n    2\n  ],\n  "a": 1, // c\n  "d": 3}'),
    ],
)
def test_a_list_put_in_front_of_a_line_gets_lines_of_its_own(text: str, result: str) -> None:
    assert with_value(text, ["b"], [2], first=True) == result


def test_an_empty_object_or_list_fits_in_a_line() -> None:
    assert with_value(with_value('{"a": 1}', ["b"], {}), ["c"], []) == '{"a": 1, "b": {}, "c": []}'


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "b": 2\n}\n'),
        ('{\n  "a": 1,\n}\n', '{\n  "a": 1,\n  "b": 2,\n}\n'),
        ('{\n  "a": 1 // c\n}', '{\n  "a": 1, // c\n  "b": 2\n}'),
        ('{\n  "a": 1, // c\n}', '{\n  "a": 1, // c\n  "b": 2,\n}'),
        ('{\n  "a": 1 /* c */ // d\n}', '{\n  "a": 1, /* c */ // d\n  "b": 2\n}'),
        ('{\n  "a": 1 /* c\n  */\n}', '{\n  "a": 1, /* c\n  */\n  "b": 2\n}'),
        ('{\n  "a": 1 // c\n  ,\n}', '{\n  "a": 1 // c\n  ,\n  "b": 2,\n}'),
        ('{\n  "a": 1\n  // c\n}', '{\n  "a": 1,\n  "b": 2\n  // c\n}'),
        ('{\n  "a": 1\n\n}', '{\n  "a": 1,\n  "b": 2\n\n}'),
        ('{\n  "a": {\n  }\n}', '{\n  "a": {\n  },\n  "b": 2\n}'),
        ('{\n  "a": 1 }', '{\n  "a": 1,\n  "b": 2\n}'),
        ('{ "a": 1,\n  "d": 3 }', '{ "a": 1,\n  "d": 3,\n  "b": 2\n}'),
        ('{\n  "a": 1, "d": 3\n}', '{\n  "a": 1, "d": 3,\n  "b": 2\n}'),
        ("{\n}", '{\n  "b": 2\n}'),
        ("{ // c\n}", '{ // c\n  "b": 2\n}'),
        ("{\n  // c\n}", '{\n  // c\n  "b": 2\n}'),
    ],
)
def test_a_member_is_added_behind_the_last_line(text: str, result: str) -> None:
    assert with_value(text, ["b"], 2) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{\n  "a": 1\n}\n', '{\n  "b": 2,\n  "a": 1\n}\n'),
        ('{\n  // about a\n  "a": 1,\n}', '{\n  "b": 2,\n  // about a\n  "a": 1,\n}'),
        ('{ // all of it\n  "a": 1\n}', '{ // all of it\n  "b": 2,\n  "a": 1\n}'),
        ('{ /* about a */ "a": 1\n}', '{\n  "b": 2,\n  /* about a */ "a": 1\n}'),
        ("{\n  // c\n}", '{\n  // c\n  "b": 2\n}'),
    ],
)
def test_a_member_is_put_in_front_of_the_first_line(text: str, result: str) -> None:
    assert with_value(text, ["b"], 2, first=True) == result


def test_a_key_that_is_there_stays_where_it_is() -> None:
    assert with_value('{"a": 1, "b": 2}', ["b"], 3, first=True) == '{"a": 1, "b": 3}'


def test_a_provider_is_added_to_a_file_of_the_users_own() -> None:
    result = with_value(USERS_OWN, ["provider", "gonkagate"], {"options": {"n": 1}})

    added = '    "gonkagate": {\n      "options": {\n        "n": 1\n      }\n    },\n'
    before = lines(USERS_OWN)
    assert result == "".join([*before[:9], added, *before[9:]])


def test_missing_objects_on_the_way_are_made() -> None:
    result = with_value('{\n    "a": {}\n}\n', ["b", "c", "d"], 1)

    assert result == (
        '{\n    "a": {},\n    "b": {\n        "c": {\n            "d": 1\n        }\n    }\n}\n'
    )


@pytest.mark.parametrize("indent", ["\t", " ", "   ", "    ", "        "])
def test_new_lines_are_indented_as_the_others_are(indent: str) -> None:
    text = json.dumps({"a": {"b": 1}}, indent=indent)

    assert with_value(text, ["a", "c"], {"d": 2}) == json.dumps({"a": {"b": 1, "c": {"d": 2}}}, indent=indent)
    assert with_value(text, ["e"], {"d": 2}) == json.dumps({"a": {"b": 1}, "e": {"d": 2}}, indent=indent)


def test_the_object_in_question_shows_its_own_indentation() -> None:
    text = '{\n  "a": {\n      "b": 1\n  }\n}'

    assert with_value(text, ["a", "c"], {"d": 2}) == (
        '{\n  "a": {\n      "b": 1,\n      "c": {\n          "d": 2\n      }\n  }\n}'
    )


def test_an_object_in_one_line_takes_its_indentation_from_those_around_it() -> None:
    text = '{\n\t"a": {"b": 1}\n}'

    assert with_value(text, ["a", "c"], [2]) == '{\n\t"a": {"b": 1,\n\t\t"c": [\n\t\t\t2\n\t\t]\n\t}\n}'


def test_a_new_line_is_indented_as_the_one_beside_it() -> None:
    text = '{\n  "a": 1,\n    "b": 2\n}'

    assert with_value(text, ["c"], 3, first=True) == text.replace('  "a"', '  "c": 3,\n  "a"')
    assert with_value(text, ["c"], 3) == text.replace("2\n", '2,\n    "c": 3\n')


def test_where_nothing_is_indented_only_what_is_new_inside_is() -> None:
    assert with_value('{\n"a": 1\n}', ["b", "c"], 2) == '{\n"a": 1,\n"b": {\n  "c": 2\n}\n}'


@pytest.mark.parametrize(
    ("text", "eol"),
    [
        ('{\r\n  "a": 1\r\n}\r\n', "\r\n"),
        ('{\n  "a": 1\n}\n', "\n"),
        ('{\r  "a": 1\r}\r', "\r"),
        ('{\r\n  "a": 1\n}\r\n', "\r\n"),
        ('{\r\n  "a": 1\n}\n', "\n"),
    ],
)
def test_new_lines_end_as_most_lines_do(text: str, eol: str) -> None:
    result = with_value(text, ["b"], {"c": 2})

    added = f'  "b": {{{eol}    "c": 2{eol}  }}'
    assert result == text.replace('"a": 1', f'"a": 1,{eol}{added}')


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", " // c", "\n// c\n"])
@pytest.mark.parametrize("start", ["", BOM, BOM + "// c\n", "\n"])
def test_what_stands_around_the_object_stays(start: str, end: str) -> None:
    assert with_value(start + '{\n"a": 1\n}' + end, ["b"], 2) == start + '{\n"a": 1,\n"b": 2\n}' + end
    assert without(start + '{\n"a": 1,\n"b": 2\n}' + end, ["b"]) == start + '{\n"a": 1\n}' + end


@pytest.mark.parametrize("blanks", ["", "\n", " \r\n\t"])
@pytest.mark.parametrize("mark", ["", BOM])
def test_a_blank_text_becomes_a_new_file(mark: str, blanks: str) -> None:
    result = with_value(mark + blanks, ["a", "b"], 1)

    assert result == mark + '{\n  "a": {\n    "b": 1\n  }\n}\n'
