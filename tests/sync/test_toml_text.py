"""A TOML text with a value changed is the same text elsewhere, however it is written, or stays unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from ccmimolink.sync.toml_text import Change, TomlError, changed, lookup, read_toml
from tests.sync.toml_texts import (
    BOM,
    HEADER,
    KEY,
    LOCAL,
    TABLE,
    TEXTS,
    TOP,
    UPSTREAM,
    URL,
    Text,
    lines_without,
    notes,
    values,
)

CATALOG = "/home/a/ccmimolink-models.json"
NEW = ("model_providers", "mimo")
NEW_TABLE = {"name": "MiMo", "base_url": LOCAL, "wire_api": "responses", "http_headers": {HEADER: KEY}}

texts = pytest.mark.parametrize("text", TEXTS, ids=str)


def route(text: Text) -> list[Change]:
    table = ("model_providers", text.provider)
    return [
        Change((*table, "base_url"), LOCAL),
        Change((*table, "http_headers", text.header), KEY),
        Change((*table, "wire_api"), "responses"),
    ]


def top(_text: Text) -> list[Change]:
    return [
        Change(("model_catalog_json",), CATALOG),
        Change(("model",), "mimo-v2.5"),
        Change(("model_provider",), "mimo"),
    ]


def whole(_text: Text) -> list[Change]:
    return [Change(NEW, NEW_TABLE)]


def everything(text: Text) -> list[Change]:
    return route(text) + top(text) + whole(text)


MARKS = {
    route: ("base_url", "wire_api", "http_headers", HEADER),
    top: ("model_catalog_json", "model =", "model_provider =", '"model_provider" ='),
    whole: ("[model_providers.mimo]", "mimo = {", "name =", "base_url", "wire_api", "http_headers"),
}
MARKS[everything] = MARKS[route] + MARKS[top] + MARKS[whole]
"""Of lines that may be changed, or come anew."""

changes_of = pytest.mark.parametrize("changes_of", [route, top, whole, everything])


def taken_back(text: str, changes: list[Change], former: str) -> str:
    """As a restore does it: each value as it was, and the table that came with our header taken out."""
    document = read_toml(former)
    text = changed(text, [Change(change.path, lookup(document, change.path)) for change in changes])
    for change in changes:
        parent = change.path[:-1]
        if lookup(read_toml(text), parent) == {} and lookup(document, parent) is None:
            text = changed(text, [Change(parent, None)])
    return text


class TestEachText:
    @texts
    @changes_of
    def test_has_exactly_the_values_that_were_meant(self, text: Text, changes_of: Any) -> None:
        after = changed(text.text, changes_of(text))

        plain = dict(values(text.text))
        for change in changes_of(text):
            *parents, key = change.path
            table = plain
            for parent in parents:
                table = table.setdefault(parent, {})
            table[key] = values(f"x = {_inline(change.value)}")["x"]
        assert values(after) == plain

    @texts
    @changes_of
    def test_keeps_every_comment_and_line_that_is_not_about_the_values(
        self, text: Text, changes_of: Any
    ) -> None:
        after = changed(text.text, changes_of(text))

        marks = MARKS[changes_of] + text.also
        assert notes(after) == notes(text.text)
        assert lines_without(after, tuple(marks)) == lines_without(text.text, tuple(marks))
        assert after.startswith(BOM) == text.text.startswith(BOM)
        assert after.endswith("\n") == text.text.endswith("\n")

    @texts
    @changes_of
    def test_is_changed_once_only(self, text: Text, changes_of: Any) -> None:
        after = changed(text.text, changes_of(text))

        assert changed(after, changes_of(text)) == after

    @texts
    @changes_of
    def test_comes_back_when_the_changes_are_taken_back(self, text: Text, changes_of: Any) -> None:
        after = changed(text.text, changes_of(text))

        back = taken_back(after, changes_of(text), text.text)

        assert values(back) == values(text.text)
        if text.exact or changes_of is whole:
            assert back == text.text


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{key}' = {_inline(inner)}" for key, inner in value.items()) + "}"
    return f"'{value}'"


class TestReplacedValues:
    def test_keep_the_comment_and_the_blanks_around_them(self) -> None:
        text = f"{TOP}{TABLE}  base_url   =\t'{UPSTREAM}'   # mine\n"

        after = changed(text, [Change(("model_providers", "custom", "base_url"), LOCAL)])

        assert after == f"{TOP}{TABLE}  base_url   =\t'{LOCAL}'   # mine\n"

    def test_are_quoted_as_before_only_if_that_is_possible(self) -> None:
        assert changed("a = 'b'", [Change(("a",), "it's")]) == 'a = "it\'s"'
        assert changed("a = 'b'", [Change(("a",), "c\nd")]) == 'a = "c\\nd"'
        assert changed('a = "b"', [Change(("a",), 'c\\"')]) == 'a = "c\\\\\\""'

    def test_may_have_been_something_else_than_a_string(self) -> None:
        assert changed("a = [1, # b\n]\nc = 2\n", [Change(("c",), "d")]) == 'a = [1, # b\n]\nc = "d"\n'

    def test_are_found_behind_keys_that_look_alike(self) -> None:
        text = "'a.b' = '1'\na.b = '2'\n['a'.c]\nb = '3'\n"

        assert changed(text, [Change(("a", "b"), "4")]) == "'a.b' = '1'\na.b = '4'\n['a'.c]\nb = '3'\n"

    def test_of_an_inline_table_in_an_array_are_not_mistaken(self) -> None:
        text = "x = [{a = '1'}, {a = '2'}]\na = '3'\n"

        assert changed(text, [Change(("a",), "4")]) == "x = [{a = '1'}, {a = '2'}]\na = '4'\n"


class TestNewKeys:
    def test_come_behind_the_address(self) -> None:
        text = f"{TOP}\n{TABLE}{URL}requires_openai_auth = true\n\n# of the next table\n[next]\n"

        after = changed(text, route(Text("", text)))

        assert after == (
            f'{TOP}\n{TABLE}base_url = "{LOCAL}"\nwire_api = "responses"\n'
            f'http_headers = {{ "{HEADER}" = "{KEY}" }}\n'
            "requires_openai_auth = true\n\n# of the next table\n[next]\n"
        )

    def test_come_at_the_very_top_so_that_no_comment_is_parted_from_its_key(self) -> None:
        text = "# the model\nmodel = 'a'\n\n# a table\n[b]\n"

        assert changed(text, [Change(("c",), "d")]) == f'c = "d"\n{text}'

    def test_come_at_the_top_though_all_keys_stand_in_tables(self) -> None:
        assert changed("[a]\nb = 1\n", [Change(("c",), "d")]) == 'c = "d"\n[a]\nb = 1\n'

    def test_of_a_text_with_a_byte_order_mark_come_behind_it(self) -> None:
        assert changed(f"{BOM}a = 1\r\n", [Change(("c",), "d")]) == f'{BOM}c = "d"\r\na = 1\r\n'

    def test_are_dotted_where_their_neighbours_are(self) -> None:
        text = f"[model_providers]\ncustom . base_url = '{UPSTREAM}'\nother.base_url = 'x'\n"

        after = changed(text, [Change(("model_providers", "custom", "wire_api"), "responses")])

        assert after == text.replace("other.", 'custom . wire_api = "responses"\nother.')

    def test_are_dotted_where_only_a_deeper_key_is(self) -> None:
        assert changed("a.b.c = 1\n", [Change(("a", "d"), "e")]) == 'a.b.c = 1\na.d = "e"\n'

    def test_of_an_inline_table_come_last_in_it(self) -> None:
        change = [Change(("a", "c"), "d")]

        assert changed("a = { b = 1 }\n", change) == 'a = { b = 1, c = "d" }\n'
        assert changed("a = {b = {}} # e\n", change) == 'a = {b = {}, c = "d"} # e\n'
        assert changed("a = {}", change) == 'a = {c = "d"}'
        assert changed("a = { }", change) == 'a = { c = "d" }'

    def test_of_an_inline_table_with_a_last_comma_come_before_it(self) -> None:
        """TOML 1.1, which Codex reads."""
        text = "a = {\n  b = 1, # e\n}\n"

        assert changed(text, [Change(("a", "c"), "d")]) == 'a = {\n  b = 1, c = "d", # e\n}\n'

    def test_of_a_table_without_any_come_below_its_header(self) -> None:
        text = "[a] # b\n\n# of c\n[c]\n"

        assert changed(text, [Change(("a", "d"), "e")]) == '[a] # b\nd = "e"\n\n# of c\n[c]\n'

    def test_of_a_table_that_has_only_tables_get_a_header(self) -> None:
        assert changed("[a.b]\nc = 1\n", [Change(("a", "d"), "e")]) == '[a.b]\nc = 1\n\n[a]\nd = "e"\n'

    def test_take_the_line_end_of_their_neighbour(self) -> None:
        text = "a = 1\n[b]\r\nc = 'd'\r\n"

        assert changed(text, [Change(("b", "e"), "f")]) == "a = 1\n[b]\r\nc = 'd'\r\ne = \"f\"\r\n"

    def test_of_an_empty_text_are_its_only_line(self) -> None:
        assert changed("", [Change(("a",), "b")]) == 'a = "b"\n'

    def test_with_marks_in_their_names_are_quoted(self) -> None:
        name = 'a.b "c" #='

        assert read_toml(changed("", [Change(("x", name), "y")])) == {"x": {name: "y"}}


class TestNewTables:
    def test_come_last_with_a_blank_line_above(self) -> None:
        after = changed("# a\nb = 1\n# c\n", [Change(NEW, NEW_TABLE)])

        assert after == (
            "# a\nb = 1\n# c\n\n[model_providers.mimo]\n"
            f'name = "MiMo"\nbase_url = "{LOCAL}"\nwire_api = "responses"\n'
            f'http_headers = {{ "{HEADER}" = "{KEY}" }}\n'
        )

    def test_are_the_whole_of_an_empty_text(self) -> None:
        assert changed("", [Change(("a", "b c"), {"d": "e"})]) == '[a."b c"]\nd = "e"\n'

    def test_of_an_inline_table_come_into_it(self) -> None:
        text = "model_providers = { a = { b = 1 } } # c\nd = 2\n"

        after = changed(text, [Change(NEW, {"name": "MiMo"})])

        assert after == 'model_providers = { a = { b = 1 }, mimo = { name = "MiMo" } } # c\nd = 2\n'

    def test_take_no_key_that_is_already_there(self) -> None:
        text = f"{TOP}[model_providers.mimo]\nname = 'mine'\n"

        with pytest.raises(TomlError, match=r"has model_providers\.mimo already"):
            changed(text, whole(TEXTS[0]))


class TestTakenOut:
    def test_a_key_leaves_its_comment(self) -> None:
        assert changed("a = 'b'\n  c = 'd' # e\nf = 1\n", [Change(("c",), None)]) == "a = 'b'\n  # e\nf = 1\n"

    def test_a_key_with_a_value_of_several_lines_leaves_none_of_them(self) -> None:
        assert changed("a = '''\nb\n'''\nc = 1\n", [Change(("a",), None)]) == "c = 1\n"

    def test_a_member_of_an_inline_table_takes_one_comma_along(self) -> None:
        text = "a = { b = 1, c = 2, d = 3 }\n"

        assert changed(text, [Change(("a", "b"), None)]) == "a = { c = 2, d = 3 }\n"
        assert changed(text, [Change(("a", "c"), None)]) == "a = { b = 1, d = 3 }\n"
        assert changed(text, [Change(("a", "d"), None)]) == "a = { b = 1, c = 2 }\n"
        assert changed("a = { b = 1 }\n", [Change(("a", "b"), None)]) == "a = { }\n"

    def test_the_last_dotted_key_takes_its_tables_along(self) -> None:
        assert changed("a.b.c = 'd'\ne = 1\n", [Change(("a", "b", "c"), None)]) == "e = 1\n"

    def test_a_table_takes_its_tables_along_and_leaves_the_comments(self) -> None:
        text = "x = 1\n\n[a.b] # of b\nc = 1\n[y]\n# of y\nz = 1\n[a.b.d]\ne = 1\n\n# of f\n[f]\n"

        after = changed(text, [Change(("a", "b"), None)])

        assert after == "x = 1\n# of b\n[y]\n# of y\nz = 1\n\n# of f\n[f]\n"

    def test_a_key_that_is_not_there_changes_nothing(self) -> None:
        assert changed("a = 1\n", [Change(("b", "c"), None)]) == "a = 1\n"

    def test_the_last_line_without_an_end_leaves_the_new_last_line_without_one(self) -> None:
        assert changed("a = 1\r\nb = 'c'", [Change(("b",), None)]) == "a = 1"


class TestRefusals:
    SECRET = "sk-fake-secret-value"

    @pytest.mark.parametrize(
        "text",
        [
            f"a = '{SECRET}\n",
            f"a = '{SECRET}'\na = '{SECRET}'\n",
            f"{SECRET}\n",
            f"a = {{ b = '{SECRET}'",
            f"x = '{SECRET}'\ny = " + "[" * 5000,
        ],
    )
    def test_a_text_that_is_no_toml_is_refused_without_repeating_a_value(self, text: str) -> None:
        for act in (read_toml, lambda text: changed(text, [Change(("z",), self.SECRET)])):
            with pytest.raises(TomlError, match="is not valid TOML") as caught:
                act(text)
            assert self.SECRET not in str(caught.value)

    def test_the_place_of_a_fault_is_told(self) -> None:
        with pytest.raises(TomlError, match=r"is not valid TOML \(line 2, column 5\)"):
            read_toml("a = 1\nb = \n")

    @pytest.mark.parametrize(
        "text",
        [
            f"model_providers = '{SECRET}'\n",
            f"model_providers.custom = '{SECRET}'\n",
            f"[[model_providers.custom]]\nbase_url = '{SECRET}'\n",
            f"{TABLE}http_headers = '{SECRET}'\n",
            f"{TABLE}http_headers = ['{SECRET}']\n",
        ],
    )
    def test_a_value_where_a_table_belongs_is_refused(self, text: str) -> None:
        path = ("model_providers", "custom", "http_headers", HEADER)

        with pytest.raises(TomlError, match=r"has no table where model_providers\.custom") as caught:
            changed(text, [Change(path, self.SECRET)])

        assert self.SECRET not in str(caught.value)

    def test_a_table_with_a_header_does_not_become_a_string(self) -> None:
        with pytest.raises(TomlError, match="cannot be changed"):
            changed("[a]\nb = 1\n", [Change(("a",), self.SECRET)])

    def test_a_change_that_would_take_a_comment_along_is_refused(self) -> None:
        text = "a = {\n  b = 1, # of c\n  c = '2'\n}\n"

        with pytest.raises(TomlError, match=r"a\.c cannot be changed without changing more"):
            changed(text, [Change(("a", "c"), None)])

    def test_tables_nested_too_deeply_are_refused(self) -> None:
        text = f"[{'.'.join('a' * 2000)}]\nb = 1\n"

        with pytest.raises(TomlError):
            changed(text, [Change(("c",), "d")])

    def test_a_change_that_is_made_already_is_none(self) -> None:
        assert changed("a = 'b' # c", [Change(("a",), "b")]) == "a = 'b' # c"
