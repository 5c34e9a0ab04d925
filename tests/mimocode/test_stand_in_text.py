"""The stand-in reads a layer's text as MiMoCode does: substitution, comments, schema, and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mimocode.mimo_home import MimoHome
from tests.mimocode.stand_in_jsonc import JsoncError, dumps, parse

KEY = "gp-fake-never-shown"
CONFIG = "home/.config/mimocode/mimocode.json"
WHOLE = st.integers(-(10**14), 10**14)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def home(tmp_path: Path) -> MimoHome:
    home = MimoHome(tmp_path)
    home.write("home/key", f"  {KEY}\n\n")
    return home


def read(home: MimoHome, text: str, **env: str) -> Any:
    home.write(CONFIG, text)
    return home.resolved(**env)


def failed(home: MimoHome, text: str, **env: str) -> str:
    """Standard error of a command that ends for this text, the file being left as it is."""
    file = home.write(CONFIG, text)
    done = home.mimo("--pure", "debug", "config", **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: " in done.stderr
    assert file.read_bytes() == text.encode()
    return done.stderr


ACCEPTED = {
    "line comment": '// one\n{"model": "a/b"} // two',
    "block comment": '/* one\n*/{"model"/**/: /* two */ "a/b"}/* three */',
    "comment in a string": '{"model": "a/b", "username": "// no /* comment */"}',
    "trailing comma": '{"model": "a/b",}',
    "trailing comma in a list": '{"model": "a/b", "instructions": ["x", ],}',
    "byte order mark": '\ufeff{"model": "a/b"}',
    "later member wins": '{"model": "c/d", "model": "a/b"}',
    "escapes": '{"m\\u006fdel": "a\\/b", "username": "\\ud83d\\ude00"}',
    "carriage returns": '{\r\n"model":\t"a/b"\r}',
    "legacy members": '{"model": "a/b", "theme": "x", "keybinds": {}, "tui": 1}',
    "known members": '{"model": "a/b", "share": "auto", "autoupdate": "notify", "lsp": false, "mcp": {}}',
}
REFUSED = {
    "nothing but blanks": (" \n", "ValueExpected"),
    "nothing but a comment": ("// one\n", "ValueExpected"),
    "open object": ('{"model": "a/b"', "CloseBraceExpected"),
    "open list": ('{"instructions": ["a"', "CloseBracketExpected"),
    "open string": ('{"model": "a/b\n}', "UnexpectedEndOfString"),
    "open comment": ('{"model": "a/b"} /*', "UnexpectedEndOfComment"),
    "no comma": ('{"model": "a/b" "small_model": "a/b"}', "CommaExpected"),
    "no colon": ('{"model" "a/b"}', "ColonExpected"),
    "no name": ('{1: "a/b"}', "PropertyNameExpected"),
    "bare name": ('{model: "a/b"}', "InvalidSymbol"),
    "no value": ('{"model": }', "ValueExpected"),
    "comma alone": ('{"instructions": [,]}', "ValueExpected"),
    "two commas": ('{"instructions": ["a",,"b"]}', "ValueExpected"),
    "single quotes": ("{'model': 'a/b'}", "InvalidSymbol"),
    "bare word": ('{"snapshot": yes}', "InvalidSymbol"),
    "bad escape": ('{"model": "a\\xb"}', "InvalidEscapeCharacter"),
    "something behind": ('{"model": "a/b"} {}', "EndOfFileExpected"),
}
INVALID = {
    "list": ("[]", "expected object, received array"),
    "string": ('"a/b"', "expected object, received string"),
    "null": ("null", "expected object, received null"),
    "unknown member": ('{"foo": 1}', 'Unrecognized key: "foo"'),
    "unknown members": ('{"foo": 1, "model": "a/b", "bar": {}}', 'Unrecognized keys: "foo", "bar"'),
    "model of a wrong type": ('{"model": 1}', "expected string, received number model"),
    "null is no string": ('{"model": null}', "expected string, received null model"),
    "list of a wrong type": ('{"disabled_providers": "x"}', "expected array, received string"),
    "item of a wrong type": ('{"enabled_providers": ["x", 1]}', "received number enabled_providers.1"),
    "provider of a wrong type": ('{"provider": {"g": 1}}', "provider.g"),
    "unknown word": ('{"share": "perhaps"}', "Invalid input share"),
}
MODELS = {
    "context alone": ({"limit": {"context": 1}}, "limit.output"),
    "output alone": ({"limit": {"output": 1}}, "limit.context"),
    "no number": ({"limit": {"context": "1", "output": 1}}, "limit.context"),
    "name": ({"name": 1}, "expected string, received number"),
    "status": ({"status": "new"}, "status"),
    "modalities": ({"modalities": {"input": ["smell"], "output": []}}, "modalities.input.0"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=list(ACCEPTED))
def test_a_text_is_accepted(home: MimoHome, text: str) -> None:
    assert read(home, text)["model"] == "a/b"


@pytest.mark.parametrize("text", ["", "{}", "\ufeff"])
def test_an_empty_file_is_an_empty_layer(home: MimoHome, text: str) -> None:
    assert "model" not in read(home, text)


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=list(REFUSED))
def test_a_text_with_an_error_is_shown_whole(home: MimoHome, text: str, code: str) -> None:
    stderr = failed(home, text)
    assert f"Config file at {home.root / CONFIG} is not valid JSON(C)" in stderr
    assert f"--- JSONC Input ---\n{text}\n--- Errors ---\n" in stderr
    assert code in stderr


def test_the_key_is_shown_with_the_text(home: MimoHome) -> None:
    text = '{"provider": {"gonkagate": {"options": {"apiKey": "{file:~/key}"}}}'
    stderr = failed(home, text)
    assert f'"apiKey": "{KEY}"' in stderr
    assert "{file:" not in stderr


@pytest.mark.parametrize(("text", "message"), INVALID.values(), ids=list(INVALID))
def test_an_invalid_layer_ends_the_command(home: MimoHome, text: str, message: str) -> None:
    stderr = failed(home, text)
    assert f"Configuration is invalid at {home.root / CONFIG}" in stderr
    assert message in stderr
    assert "JSONC Input" not in stderr


@pytest.mark.parametrize(("model", "message"), MODELS.values(), ids=list(MODELS))
def test_a_model_is_checked(home: MimoHome, model: dict[str, Any], message: str) -> None:
    text = json.dumps({"provider": {"gonkagate": {"models": {"a/b": model}}}})
    stderr = failed(home, text)
    assert "provider.gonkagate.models.a/b." in stderr
    assert message in stderr


def test_a_bad_layer_ends_the_command_wherever_it_lies(home: MimoHome) -> None:
    file = home.write("project/.mimocode/mimocode.json", '{"foo": 1}')
    for command in ("debug config", "models", "models gonkagate"):
        done = home.mimo(*command.split())
        assert done.returncode == 1
        assert str(file) in done.stderr


def test_unknown_members_of_a_provider_are_dropped(home: MimoHome) -> None:
    provider = {"foo": 1, "options": {"foo": 2}, "models": {"a/b": {"foo": 3, "options": {"foo": 4}}}}
    config = read(home, json.dumps({"provider": {"gonkagate": provider}}))
    expected = {"options": {"foo": 2}, "models": {"a/b": {"options": {"foo": 4}}}}
    assert config["provider"]["gonkagate"] == expected


REPLACED = {
    "variable": ('"{env:NAME}"', "value"),
    "variable that is not set": ('"<{env:NOT_SET}>"', "<>"),
    "variable in a word": ('"a{env:NAME}b{env:NAME}"', "avaluebvalue"),
    "text of a variable": ('"{env:JSON}"', 'a"b'),
    "no name": ('"{env:}"', "{env:}"),
    "file of the home": ('"{file:~/key}"', KEY),
    "file beside it": ('"{file:../../key}"', KEY),
    "file in a word": ('"<{file:~/key}>"', f"<{KEY}>"),
    "text of a file": ('"{file:~/odd}"', 'a"\\b\n\tc'),
    "file that a variable names": ('"{file:~/{env:KEY_FILE}}"', KEY),
    "empty file": ('"{file:~/empty}"', ""),
}


@pytest.mark.parametrize(("text", "value"), REPLACED.values(), ids=list(REPLACED))
def test_text_is_replaced_before_it_is_read(home: MimoHome, text: str, value: str) -> None:
    home.write("home/odd", '\n a"\\b\n\tc \n')
    home.write("home/empty", "")
    env = {"NAME": "value", "JSON": 'a\\"b', "KEY_FILE": "key"}
    assert read(home, f'{{"username": {text}, "model": "a/b"}}', **env)["username"] == (value or "unknown")


def test_a_file_is_relative_to_the_layer_that_names_it(home: MimoHome) -> None:
    home.write("project/.mimocode/name", "near")
    home.write("project/.mimocode/mimocode.json", '{"username": "{file:name}"}')
    home.write("project/name", "above")
    assert home.resolved()["username"] == "near"
    assert home.resolved(MIMOCODE_CONFIG_CONTENT='{"username": "{file:./name}"}')["username"] == "above"


def test_a_file_may_be_named_in_full(home: MimoHome) -> None:
    assert read(home, json.dumps({"username": f"{{file:{home.home}/key}}"}))["username"] == KEY


EXPANDED = [
    '{"model": "a/b"} // {file:~/none}',
    '{"model": "a/b" /* {file:~/none} */}',
    "/*\n{file:~/none}\n*/{}",
]
IGNORED = ['// {file:~/none}\n{"model": "a/b"}', '{\n \t // {file:~/none}\n"model": "a/b"}']


@pytest.mark.parametrize("text", EXPANDED)
@pytest.mark.parametrize("command", ["--pure debug config", "models", "models gonkagate"])
def test_a_missing_file_ends_the_command_even_in_comments(home: MimoHome, text: str, command: str) -> None:
    failed(home, text)
    done = home.mimo(*command.split())
    assert done.returncode == 1
    missing = f'bad file reference: "{{file:~/none}}" {home.home}/none does not exist'
    assert missing in done.stderr


@pytest.mark.parametrize("text", IGNORED)
def test_lines_that_begin_as_comments_are_not_looked_at(home: MimoHome, text: str) -> None:
    assert read(home, text)["model"] == "a/b"


def test_a_directory_is_a_bad_reference_too(home: MimoHome) -> None:
    stderr = failed(home, '{"username": "{file:~/}"}')
    assert 'bad file reference: "{file:~/}"' in stderr
    assert "does not exist" not in stderr


def test_a_variable_in_a_comment_is_harmless(home: MimoHome) -> None:
    assert read(home, '// {env:NOT_SET}\n{"model": "a/b"}')["model"] == "a/b"


def test_the_file_keeps_its_reference(home: MimoHome) -> None:
    read(home, '{"username": "{file:~/key}"}')
    text = (home.root / CONFIG).read_text()
    assert "{file:~/key}" in text
    assert KEY not in text


@given(VALUES)
def test_json_is_read_and_written_as_it_is(value: Any) -> None:
    assert parse(json.dumps(value)) == value
    assert json.loads(dumps(value)) == value
    assert dumps(value, 2) == json.dumps(value, indent=2, ensure_ascii=False)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value(number: float) -> None:
    assert parse(json.dumps(number)) == number
    assert json.loads(dumps(number)) == number


@given(st.text(alphabet='{}[]",:/*\\ \nabtrue0.-1e', max_size=12))
def test_what_json_accepts_is_accepted(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        return
    assert parse(text) == value


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    offset = 0
    try:
        parse(text)
    except JsoncError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)
