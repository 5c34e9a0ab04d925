"""A user's configuration in whatever style keeps it: comments, order, line ends and all that is not ours."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.mimocode.catalog import CatalogModel
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KIMI_REFERENCE, REFERENCE, SCHEMA, codes

TARGET = "home/.config/mimocode/mimocode.jsonc"
ONE = CatalogModel("a/b", 9)


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    stage = SettledStage(tmp_path)
    stage.catalog.models = (ONE,)
    return stage


def entry(unit: str, eol: str = "\n", level: int = 1) -> str:
    """The provider's member as it is written, from its key on."""
    lines = [
        (1, '"gonkagate": {'),
        (2, '"npm": "@ai-sdk/openai-compatible",'),
        (2, '"name": "GonkaGate",'),
        (2, '"options": {'),
        (3, '"baseURL": "https://api.gonkagate.com/v1",'),
        (3, f'"apiKey": "{REFERENCE}",'),
        (3, '"setCacheKey": false'),
        (2, "},"),
        (2, '"models": {'),
        (3, '"a/b": {'),
        (4, '"name": "a/b",'),
        (4, '"limit": {'),
        (5, '"context": 9,'),
        (5, '"output": 0'),
        (4, "}"),
        (3, "}"),
        (2, "}"),
        (1, "}"),
    ]
    return eol.join(unit * (depth + level) + line for depth, line in lines)


PROVIDER = '  "provider": {\n' + entry("  ") + "\n  }"
CHOICE = '  "model": "gonkagate/a/b",\n  "small_model": "gonkagate/a/b"'
GOLDEN = {
    "nothing": ("", f'{{\n  "$schema": "{SCHEMA}",\n{PROVIDER},\n{CHOICE}\n}}\n'),
    "an empty object in two lines": ("{\n}\n", f'{{\n  "$schema": "{SCHEMA}",\n{PROVIDER},\n{CHOICE}\n}}\n'),
    "comments around and between": (
        '// first\n{\n  // of the share\n  "share": "auto", // never\n  /* last */\n}\n// end\n',
        f'// first\n{{\n  "$schema": "{SCHEMA}",\n  // of the share\n  "share": "auto", // never\n'
        f"{PROVIDER},\n{CHOICE},\n  /* last */\n}}\n// end\n",
    ),
    "tabs and CRLF": (
        '{\r\n\t"share": "auto"\r\n}\r\n',
        f'{{\r\n\t"$schema": "{SCHEMA}",\r\n\t"share": "auto",\r\n\t"provider": {{\r\n'
        + entry("\t", "\r\n")
        + '\r\n\t},\r\n\t"model": "gonkagate/a/b",\r\n\t"small_model": "gonkagate/a/b"\r\n}\r\n',
    ),
    "a byte order mark, four spaces, no line end": (
        '\ufeff{\n    "$schema": "mine",\n    "model": "x/y",\n    "provider": {\n    },\n}',
        '\ufeff{\n    "$schema": "mine",\n    "model": "gonkagate/a/b",\n    "provider": {\n'
        + entry("    ")
        + '\n    },\n    "small_model": "gonkagate/a/b",\n}',
    ),
    "other providers and trailing commas": (
        '{\n  "$schema": "mine",\n  "provider": {\n    "x": { "npm": "y", }, // x\n  },\n}\n',
        '{\n  "$schema": "mine",\n  "provider": {\n    "x": { "npm": "y", }, // x\n'
        + entry("  ")
        + f",\n  }},\n{CHOICE},\n}}\n",
    ),
    "an entry of another kind under our id": (
        '{\n  "$schema": "mine",\n  "provider": {\n    "gonkagate": {"whitelist": ["a"]}, // g\n'
        '    "x": {}\n  }\n}\n',
        '{\n  "$schema": "mine",\n  "provider": {\n'
        + entry("  ")
        + ', // g\n    "x": {}\n  },\n'
        + CHOICE
        + "\n}\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), GOLDEN.values(), ids=list(GOLDEN))
@pytest_twisted.ensureDeferred
async def test_the_users_file_in_its_own_style(stage: SettledStage, before: str, after: str) -> None:
    path = stage.write(TARGET, before.encode())

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize(("before", "_after"), GOLDEN.values(), ids=list(GOLDEN))
@pytest_twisted.ensureDeferred
async def test_mimo_leaves_what_was_written_as_it_is(stage: SettledStage, before: str, _after: str) -> None:
    stage.write(TARGET, before.encode())
    for scope in ("user", "project"):
        assert (await stage.set_up(scope)).ok
        written = stage.configs()

        stage.resolved()

        changed = {path for path, content in stage.configs().items() if written.get(path) != content}
        assert changed <= {str(stage.project / ".mimocode" / ".gitignore")}


@pytest_twisted.ensureDeferred
async def test_an_empty_schema_is_replaced_for_mimo_takes_it_for_none(stage: SettledStage) -> None:
    path = stage.write(TARGET, '{\n  "share": "auto",\n  "$schema": ""\n}\n')

    assert (await stage.set_up("user")).ok

    text = path.read_text()
    assert text.startswith(f'{{\n  "share": "auto",\n  "$schema": "{SCHEMA}",\n')
    stage.resolved()
    assert path.read_text() == text


PROJECT = "project/.mimocode/mimocode.json"
REFUSED = {
    "a syntax error": (TARGET, b'{"model": "x/y"'),
    "a syntax error in the project": (PROJECT, b'{"model": "x/y"'),
    "no object": (TARGET, b'["x/y"]'),
    "no object in the project": (PROJECT, b"null"),
    "a provider that is no object": (TARGET, b'{"provider": ["x/y"]}'),
    "single quotes": (TARGET, b"{'model': 'x/y'}"),
    "not UTF-8": (TARGET, b'{"username": "caf\xe9 x/y"}'),
    "not UTF-8 in the project": (PROJECT, b"// caf\xe9\n{}"),
    "a placeholder outside of strings": (TARGET, b'{"provider": {env:PROVIDERS}}'),
    "such a placeholder in the project": (PROJECT, b'{"share": {env:SHARE}}'),
    "two texts": (TARGET, b"{}{}"),
}


@pytest.mark.parametrize(("file", "content"), REFUSED.values(), ids=list(REFUSED))
@pytest_twisted.ensureDeferred
async def test_a_file_that_cannot_be_edited_is_left_alone(
    stage: SettledStage, file: str, content: bytes
) -> None:
    path = stage.write(file, content)
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_named_before_writing(result, before, path)
    assert codes(result) == ["config_parse_failed"]
    assert "Nothing in it was changed" in result.blockers[0].message
    assert "x/y" not in result.as_json()


@pytest_twisted.ensureDeferred
async def test_of_a_key_that_is_there_twice_the_one_that_counts_is_changed(stage: SettledStage) -> None:
    path = stage.write(TARGET, '{"$schema": "x", "model": "dead/one", "model": "old/one"}')

    assert (await stage.set_up("user")).ok

    assert '"model": "dead/one", "model": "gonkagate/a/b"' in path.read_text()


@pytest.mark.parametrize(
    ("present", "target"),
    [
        ([], "mimocode.jsonc"),
        (["config.json"], "config.json"),
        (["config.json", "mimocode.json"], "mimocode.json"),
        (["config.json", "mimocode.jsonc"], "mimocode.jsonc"),
        (["mimocode.json", "mimocode.jsonc"], "mimocode.jsonc"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_file_that_counts_most_is_written_and_no_other(
    stage: SettledStage, present: list[str], target: str
) -> None:
    lower = '{"model": "low/one", "provider": {"gonkagate": {"npm": "low", "options": {"baseURL": "low"}}}}'
    for name in present:
        stage.write(f"home/.config/mimocode/{name}", lower)

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert stage.config(target)["model"] == "gonkagate/a/b"
    others = {path.name: path.read_text() for path in stage.config_dir.glob("*.json*") if path.name != target}
    assert others == {name: lower for name in present if name != target}
    assert stage.resolved()["provider"]["gonkagate"]["npm"] == "@ai-sdk/openai-compatible"


@pytest_twisted.ensureDeferred
async def test_a_lower_file_is_named_where_it_changes_the_outcome(stage: SettledStage) -> None:
    stage.write(TARGET, {})
    low = stage.write("home/.config/mimocode/config.json", {"provider": {"gonkagate": {"api": "low"}}})
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, low)


@pytest_twisted.ensureDeferred
async def test_neighbours_that_mimo_rewrote_for_the_proof_are_put_back(stage: SettledStage) -> None:
    neighbours = {
        stage.write("home/.config/mimocode/config.json", b'\xef\xbb\xbf{\r\n  "share": "auto" }'),
        stage.write("project/mimocode.json", '{\t"username": "x"}'),
        stage.write("home/.mimocode/mimocode.json", "{}"),
    }
    stage.write(TARGET, {})
    before = {path: path.read_bytes() for path in neighbours}

    assert (await stage.set_up("project")).ok

    assert {path: path.read_bytes() for path in neighbours} == before


HOSTILE = [
    "a/b/c:free",
    "q\"uo'te/x",
    "back\\slash/\\n",
    "ünï/模型-😀",
    "{env}/x",
    "}/{",
    "//comment",
    "/*x*/",
    "constructor/toString",
    "gonkagate/gonkagate",
    "a,b:c;d|e&f%20$(g)`h`",
    "0",
    "-rf",
    "{env",
    "file:~/x}",
]


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest_twisted.ensureDeferred
async def test_ids_that_are_legal_and_hostile_are_kept_to_the_letter(stage: SettledStage, scope: str) -> None:
    stage.catalog.models = tuple(CatalogModel(name, None) for name in HOSTILE)

    result = await stage.set_up(scope, HOSTILE[2])

    assert result.ok, result.as_text()
    resolved = stage.resolved()
    assert set(resolved["provider"]["gonkagate"]["models"]) == set(HOSTILE)
    assert resolved["model"] == f"gonkagate/{HOSTILE[2]}"
    assert sorted(stage.models()) == sorted(f"gonkagate/{name}" for name in HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
@pytest_twisted.ensureDeferred
async def test_each_of_them_can_be_chosen(stage: SettledStage, name: str) -> None:
    stage.catalog.models = (CatalogModel(name, None),)

    result = await stage.set_up("project", name)

    assert result.ok, result.as_text()
    assert stage.resolved()["model"] == f"gonkagate/{name}"


@pytest_twisted.ensureDeferred
async def test_a_linked_configuration_is_written_through(stage: SettledStage) -> None:
    real = stage.write("home/dotfiles/mimo.jsonc", "{\n  // mine\n}\n")
    real.chmod(0o640)
    link = stage.root / TARGET
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("../../dotfiles/mimo.jsonc")

    assert (await stage.set_up("user")).ok

    assert link.is_symlink()
    assert "// mine" in real.read_text()
    assert REFERENCE in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


@pytest_twisted.ensureDeferred
async def test_a_backup_is_what_the_file_was(stage: SettledStage) -> None:
    before: dict[str, Any] = {"$schema": "x", "model": KIMI_REFERENCE}
    path = stage.write(TARGET, before)
    content = path.read_bytes()

    assert (await stage.set_up("user")).ok

    (backup,) = stage.backups()
    assert (stage.ours / "backups" / backup).read_bytes() == content
