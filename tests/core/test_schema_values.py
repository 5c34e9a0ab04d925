"""Typing of text values: the table of what a parameter's schema makes of what the model wrote."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.schema_values import coerce

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
OBJECT = {"type": "object"}
ARRAY = {"type": "array"}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("null", STRING, "null"),
        ("true", STRING, "true"),
        ("None", STRING, "None"),
        ('{"a":1}', STRING, '{"a":1}'),
        ("&lt;b&gt; ", STRING, "&lt;b&gt; "),
        ("5", INTEGER, 5),
        (" -7\n", INTEGER, -7),
        ("+7", INTEGER, 7),
        ("5.0", INTEGER, 5),
        ("5.5", INTEGER, "5.5"),
        ("1_000", INTEGER, "1_000"),
        ("٣", INTEGER, "٣"),
        ("five", INTEGER, "five"),
        ("9" * 5000, INTEGER, "9" * 5000),
        ("5", NUMBER, 5),
        ("0.25", NUMBER, 0.25),
        ("-1e3", NUMBER, -1000.0),
        ("1e999", NUMBER, "1e999"),
        ("nan", NUMBER, "nan"),
        ("true", BOOLEAN, True),
        ("False\n", BOOLEAN, False),
        ("TRUE", BOOLEAN, True),
        ("yes", BOOLEAN, "yes"),
        ("1", BOOLEAN, "1"),
        ('{"a": [1, null]}', OBJECT, {"a": [1, None]}),
        ("{'a': True, 'b': None}", OBJECT, {"a": True, "b": None}),
        ("[1, 2]", OBJECT, "[1, 2]"),
        ('{"a": ', OBJECT, '{"a": '),
        ('"{\\"a\\": 1}"', OBJECT, {"a": 1}),
        ("['x', ('y',)]", ARRAY, ["x", ["y"]]),
        ("[{1, 2}]", ARRAY, "[{1, 2}]"),
        ("[b'x']", ARRAY, "[b'x']"),
        ("[1e999]", ARRAY, "[1e999]"),
        (r"['\d']", ARRAY, ["\\d"]),
        ("['\\ud800']", ARRAY, "['\\ud800']"),
        ("[" * 100_000, ARRAY, "[" * 100_000),
        ("[__import__('os')]", ARRAY, "[__import__('os')]"),
        ("5", {"type": ["integer", "null"]}, 5),
        ("null", {"type": ["integer", "null"]}, None),
        ("None", {"type": "integer", "nullable": True}, None),
        ("null", {"type": "integer"}, "null"),
        ("null", {"anyOf": [STRING, {"type": "null"}]}, None),
        ("None", {"anyOf": [STRING, {"type": "null"}]}, "None"),
        ("5", {"anyOf": [STRING, INTEGER]}, 5),
        ("007", {"anyOf": [STRING, INTEGER]}, "007"),
        ("True", {"oneOf": [STRING, BOOLEAN]}, "True"),
        ('["a"]', {"oneOf": [STRING, {"type": "array", "items": STRING}]}, ["a"]),
        ("[draft]", {"oneOf": [STRING, ARRAY]}, "[draft]"),
        ("2", {"allOf": [INTEGER, {"minimum": 1}]}, 2),
        ('{"a":1}', {"properties": {"a": INTEGER}}, {"a": 1}),
        ("[1]", {"items": INTEGER}, [1]),
        ("7", {"const": 7}, 7),
        ("fast", {"enum": ["fast", "slow"]}, "fast"),
        ("\nfast \n", {"type": "string", "enum": ["fast", "slow"]}, "fast"),
        ("other", {"enum": ["fast"]}, "other"),
        ("2", {"enum": [1, 2]}, 2),
        ("true", {"enum": [True, "auto"]}, True),
        ("1", {"enum": [True]}, "1"),
        ("null", {"enum": ["a", None]}, None),
        ("null", {"enum": ["a", "null", None]}, "null"),
        ("5", {}, "5"),
        ("5", None, "5"),
        ("5", True, "5"),
        ("5", {"type": "unheard-of"}, "5"),
    ],
)
def test_a_value_is_what_the_schema_makes_of_it(text: str, schema: object, value: object) -> None:
    found = coerce(text, schema)
    assert found == value
    assert type(found) is type(value)


def test_a_local_reference_is_followed() -> None:
    root = {
        "$defs": {
            "a/b": {"type": "integer"},
            "Maybe": {"anyOf": [{"$ref": "#/$defs/a~1b"}, {"type": "null"}]},
        }
    }
    assert coerce("5", {"$ref": "#/$defs/Maybe"}, root) == 5
    assert coerce("5", {"$ref": "#/$defs/none"}, root) == "5"
    assert coerce("5", {"$ref": "https://example.org/x"}, root) == "5"


def test_references_in_a_circle_end() -> None:
    root: dict[str, Any] = {
        "$defs": {"a": {"$ref": "#/$defs/a"}, "b": {"anyOf": [{"$ref": "#/$defs/b"}, INTEGER]}}
    }
    assert coerce("5", {"$ref": "#/$defs/a"}, root) == "5"
    assert coerce("5", {"$ref": "#/$defs/b"}, root) == 5


TYPES = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"])
SCHEMAS = st.recursive(
    st.one_of(
        st.builds(lambda name: {"type": name}, TYPES),
        st.builds(lambda names: {"type": names}, st.lists(TYPES)),
        st.just({"enum": [1, "a", None, True, 2.5, {"a": 1}]}),
        st.none() | st.booleans() | st.text(max_size=3),
    ),
    lambda inner: st.builds(
        lambda word, branches: {word: branches}, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner)
    ),
    max_leaves=4,
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="[]{}()'\"\\,:0123456789.eE+-truefalsNn \n", max_size=20),
)


@given(VALUES, SCHEMAS)
def test_any_text_under_any_schema_becomes_a_json_value(text: str, schema: object) -> None:
    value = coerce(text, schema)
    assert msgspec.json.decode(msgspec.json.encode(value)) == value


@given(st.text())
def test_text_for_a_string_is_never_touched(text: str) -> None:
    assert coerce(text, STRING) == text


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5))
)
def test_json_and_python_spellings_of_an_object_mean_the_same(value: dict[str, Any]) -> None:
    assert coerce(json.dumps(value), OBJECT) == value
    assert coerce(repr(value), OBJECT) == value
