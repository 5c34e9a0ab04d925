"""Whatever a configuration looks like, changing the route in it changes the route and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.sync.toml_text import Change, TomlError, changed, lookup, read_toml
from tests.sync.toml_texts import BOM, HEADER, KEY, LOCAL, Text, lines_without, notes, values

Draw = Callable[[st.SearchStrategy[Any]], Any]

_LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
_WORDS = st.text(st.sampled_from("ab=#.,'\"[]{}\\ é小") | _LETTERS, max_size=8)
_NAMES = st.sampled_from(
    ["custom", "mimo_x", "a.b c", "小米", 'q"x', "1.5", "base_url", "x-y"]
) | _WORDS.filter(lambda word: word not in ("other", "mimo"))
_URLS = st.sampled_from(["https://api.xiaomimimo.com/v1", "https://h/v1?a=b#c", "http://127.0.0.1:1/v1", ""])
_BLANKS = st.sampled_from(["", " ", "  ", "\t"])
_HEADERS = st.sampled_from([HEADER, HEADER.lower(), HEADER.upper()])
_MULTILINE = (
    'prompt = """\n[model_providers.custom]\nbase_url = "no"\n# no\n\\""" it said"""',
    "prompt = '''\nwire_api = 'chat' # no\n[x\n'''",
    "notify = [\n  'a', # note x\n  \"b]\",\n]",
)
_SECTIONS = (
    "[mcp_servers.{n}]\ncommand = 'npx'\nenv = {{ TOKEN = 't', base_url = 'x' }}",
    "[mcp_servers.{n}]\nargs = ['a',\n  'b']\n\n[mcp_servers.{n}.env]\nTOKEN = 't'",
    '[projects."/home/{n}/a.b"]\ntrust_level = "trusted"',
    "[[hooks]]\nname = '{n}'\n[hooks.inner]\nwire_api = 'q'",
    "[profiles.{n}]\nmodel = 'gpt'\nmodel_provider = 'other'",
    "['x y'.model_providers.p{n}]\nbase_url = 'q'\n  http_headers = {{ A = '{n}' }}",
)


def _quoted(draw: Draw, value: str) -> str:
    """In either kind of quotes, without escapes that are not needed."""
    basic: str = tomlkit.string(value).as_string()
    return draw(st.sampled_from([basic, f"'{value}'"])) if "'" not in value else basic


def _key(draw: Draw, name: str) -> str:
    is_bare = name.isascii() and name.replace("-", "_").isidentifier()
    return draw(st.sampled_from([name, f'"{name}"'])) if is_bare else _quoted(draw, name)


def _equals(draw: Draw) -> str:
    return f"{draw(_BLANKS)}={draw(_BLANKS)}"


def _table(draw: Draw, provider: str, header: str | None, others: list[str]) -> tuple[list[str], list[str]]:
    """The provider's table in any of the manners, as lines for the top and lines for a section.

    :param header: of the key, if it is there already.
    """
    name = _key(draw, provider)
    members = [f"base_url{_equals(draw)}{_quoted(draw, draw(_URLS))}"]
    if draw(st.booleans()):
        members.append(
            f"wire_api{_equals(draw)}{_quoted(draw, draw(st.sampled_from(['chat', 'responses'])))}"
        )
    if draw(st.booleans()):
        members.insert(0, f"name = {_quoted(draw, draw(_WORDS))}")
    entries = [f"{_key(draw, 'A')} = 'b'"] if draw(st.booleans()) else []
    if header is not None:
        entries.append(f"{_key(draw, header)}{_equals(draw)}{_quoted(draw, 'sk-fake-old')}")
    inline = "{" + draw(_BLANKS) + ", ".join(entries) + draw(_BLANKS) + "}"
    headers = draw(st.sampled_from(["none", "inline", "dotted", "below", "above"]))
    if header is not None and headers == "none":
        headers = "inline"
    manner = draw(st.sampled_from(["section", "section", "top", "tables", "member", "whole", "value"]))
    if headers == "inline" or (manner in ("member", "whole", "value") and headers != "none"):
        members.insert(draw(st.integers(0, len(members))), f"http_headers = {inline}")
    elif headers == "dotted":
        members += [f"http_headers.{entry}" for entry in entries]
    section = [f"[model_providers.{name}.http_headers]", *entries]
    below = section if headers == "below" and manner not in ("member", "whole", "value") else []
    above = section if headers == "above" and manner not in ("member", "whole", "value") else []
    if manner == "section":
        gap = draw(_BLANKS)
        return [], [
            *above,
            f"{gap}[{gap}model_providers{gap}.{gap}{name} ]",
            *(gap + one for one in members),
            *below,
        ]
    if manner == "top":
        return [f"model_providers.{name}.{one}" for one in members], [*above, *below]
    others.clear()
    if manner == "tables":
        return [], ["[model_providers]", *(f"{name} . {one}" for one in members), "other.a = 1", *below]
    value = "{ " + ", ".join(members) + draw(_BLANKS) + "}"
    if manner == "member":
        return [], ["[model_providers]", f"{name} = {value}"]
    if manner == "value":
        return [f"model_providers . {name} = {value}"], []
    return [f"model_providers = {{ other = {{}}, {name} = {value} }}"], []


@st.composite
def texts(draw: Draw) -> Text:
    provider = draw(_NAMES)
    header = draw(st.none() | _HEADERS)
    others = ["[model_providers.other]\nbase_url = 'z'\n\n[model_providers.other.http_headers]"]
    top_of_table, section = _table(draw, provider, header, others)
    top = [f"model_provider{_equals(draw)}{_quoted(draw, provider)}", *top_of_table]
    top += draw(st.sampled_from([[], ["model = 'mimo-v2.5-pro'"], ["x = nan", "d = 1979-05-27 07:32:00"]]))
    top += [part for part in _MULTILINE[:: draw(st.sampled_from([2, -2]))] if draw(st.booleans())][:1]
    sections = ["\n".join(section), *(part for part in others if draw(st.booleans()))]
    for number, part in enumerate(draw(st.lists(st.sampled_from(_SECTIONS), max_size=3, unique=True))):
        sections.append(part.format(n=f"s{number}"))
    parts = [*draw(st.permutations(top)), *draw(st.permutations([part for part in sections if part]))]
    lines: list[str] = []
    for number, part in enumerate(parts):
        lines += [""] * draw(st.integers(0, 2))
        if draw(st.booleans()):
            lines.append(f"{draw(_BLANKS)}# note {number} {draw(_WORDS)}")
        lines.append(part)
        if draw(st.booleans()):
            lines[-1] += f"{draw(_BLANKS)}# note {number} behind {draw(_WORDS)}"
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n", "\n# note last", "\n# note last\n\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return Text("", draw(st.sampled_from(["", BOM])) + text, provider, header or HEADER)


_VALUES = st.sampled_from([LOCAL, KEY, "", "it's", 'a"b\\c', "小米 # x"]) | st.text(
    st.characters(exclude_categories=["Cs"])
)


@st.composite
def changes(draw: Draw) -> list[str]:
    kinds = ["base_url", "header", "wire_api", "catalog", "model", "model_provider", "table"]
    chosen: list[str] = draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True))
    return chosen


def _change(kind: str, text: Text) -> Change:
    table = ("model_providers", text.provider)
    return {
        "base_url": Change((*table, "base_url"), LOCAL),
        "header": Change((*table, "http_headers", text.header), KEY),
        "wire_api": Change((*table, "wire_api"), "responses"),
        "catalog": Change(("model_catalog_json",), "C:\\a\\models.json"),
        "model": Change(("model",), "mimo-v2.5"),
        "model_provider": Change(("model_provider",), "mimo"),
        "table": Change(
            ("model_providers", "mimo"),
            {"name": "MiMo", "base_url": LOCAL, "wire_api": "responses", "http_headers": {HEADER: KEY}},
        ),
    }[kind]


_MARKS = {
    "base_url": ("base_url",),
    "header": ("http_headers", HEADER, HEADER.lower(), HEADER.upper()),
    "wire_api": ("wire_api",),
    "catalog": ("model_catalog_json",),
    "model": ("model =",),
    "model_provider": ("model_provider ", "model_provider=", "model_provider\t"),
    "table": ("[model_providers.mimo]", "mimo = {", "name =", "base_url", "wire_api", "http_headers"),
}


def _plain(value: Any) -> Any:
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else ("str", value)


@settings(deadline=None)
@given(texts(), changes())
def test_the_values_that_were_meant_are_changed_and_no_others(text: Text, kinds: list[str]) -> None:
    made = [_change(kind, text) for kind in kinds]

    after = changed(text.text, made)

    expected = values(text.text)
    for change in made:
        table = expected
        for key in change.path[:-1]:
            table = table.setdefault(key, {})
        table[change.path[-1]] = _plain(change.value)
    assert values(after) == expected


@settings(deadline=None)
@given(texts(), changes())
def test_lines_of_other_keys_and_all_comments_stay_to_the_byte(text: Text, kinds: list[str]) -> None:
    after = changed(text.text, [_change(kind, text) for kind in kinds])

    marks = tuple(mark for kind in kinds for mark in _MARKS[kind])
    if " = { " in text.text:  # the provider's whole table is in one line with its address
        marks += ("base_url",)
    assert lines_without(after, marks) == lines_without(text.text, marks)
    assert notes(after) == notes(text.text)
    assert after.startswith(BOM) == text.text.startswith(BOM)
    assert ("\r\n" in after, "\n" in after.replace("\r\n", "")) == (
        ("\r\n" in text.text),
        "\n" in text.text.replace("\r\n", "") or ("\n" not in text.text and "\n" in after),
    )


@settings(deadline=None)
@given(texts(), changes())
def test_a_second_time_changes_nothing(text: Text, kinds: list[str]) -> None:
    made = [_change(kind, text) for kind in kinds]
    after = changed(text.text, made)

    assert changed(after, made) == after


@settings(deadline=None)
@given(texts(), changes())
def test_taken_back_the_text_is_the_former_to_the_byte(text: Text, kinds: list[str]) -> None:
    made = [_change(kind, text) for kind in kinds]
    former = read_toml(text.text)

    back = changed(text.text, made)
    back = changed(back, [Change(change.path, lookup(former, change.path)) for change in made])
    headers = ("model_providers", text.provider, "http_headers")
    if "header" in kinds and lookup(former, headers) is None:
        back = changed(back, [Change(headers, None)])

    assert back == text.text


@settings(deadline=None)
@given(texts(), _VALUES)
def test_any_string_can_stand_in_a_value_and_the_former_can_come_back(text: Text, value: str) -> None:
    path = ("model_providers", text.provider, "base_url")
    former = lookup(read_toml(text.text), path)

    after = changed(text.text, [Change(path, value)])

    assert lookup(tomllib.loads(after.removeprefix(BOM)), path) == value
    assert values(changed(after, [Change(path, former)])) == values(text.text)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab='\"\\#.[]{}, \n\r1é\ufeff") | _LETTERS, max_size=30), _VALUES)
def test_a_text_of_any_kind_is_changed_as_meant_or_refused(text: str, value: str) -> None:
    try:
        after = changed(text, [Change(("a",), value)])
    except TomlError:
        return
    assert read_toml(after) == read_toml(text) | {"a": value}
