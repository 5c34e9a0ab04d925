"""Nothing that belongs to a project holds the key, or says where it is."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, OTHER_KEY, REFERENCE, codes


def with_key(provider: str, key: str) -> str:
    return json.dumps({"provider": {provider: {"options": {"apiKey": key}}}})


SECRETS = {
    "a key": with_key("gonkagate", KEY),
    "another key": with_key("gonkagate", OTHER_KEY),
    "the reference": with_key("gonkagate", REFERENCE),
    "a variable": with_key("gonkagate", "{env:SOME_KEY}"),
    "an empty key": with_key("gonkagate", ""),
    "the reference for another provider": with_key("x", REFERENCE),
    "the file's name": '{"instructions": ["../.gonkagate/mimo-code/api-key"]}',
    "the reference in a comment": f"{{}} /* {REFERENCE} */",
    "a key in a comment": f"// {KEY}\n{{}}",
    "what looks like a key": '{"username": "gp-Fake_of-somebody-0123456789"}',
    "a key where only mimo could read": f'{{"username": {{env:NAME}}, "share": "{KEY}"}}',
}
FILES = [
    "project/mimocode.json",
    "project/mimocode.jsonc",
    "project/deep/mimocode.json",
    "project/.mimocode/mimocode.json",
    "project/deep/.mimocode/mimocode.jsonc",
]


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    stage = SettledStage(tmp_path)
    (stage.project / "deep").mkdir()
    return stage


async def check_forbidden(stage: SettledStage, file: str, text: str, scope: str) -> None:
    path = stage.write(file, text)
    before = stage.settled()

    result = await stage.set_up(scope, cwd=stage.project / "deep", may_hold_key=[path])

    stage.check_named_before_writing(result, before, path)
    assert set(codes(result)) == {"project_secret_binding_forbidden"}
    assert {blocker.source for blocker in result.blockers} == {"config"}
    assert f"{path} belongs to a project, and " in result.blockers[0].message
    assert "take it out there" in result.blockers[0].message
    assert "0123456789" not in result.as_json()


@pytest.mark.parametrize("text", SECRETS.values(), ids=list(SECRETS))
@pytest_twisted.ensureDeferred
async def test_a_projects_file_with_a_secret_stops_the_setup(stage: SettledStage, text: str) -> None:
    await check_forbidden(stage, "project/.mimocode/mimocode.json", text, "project")


@pytest.mark.parametrize("file", FILES)
@pytest_twisted.ensureDeferred
async def test_it_does_whichever_file_of_the_project_it_is_and_in_both_scopes(
    stage: SettledStage, file: str
) -> None:
    await check_forbidden(stage, file, SECRETS["a variable"], "user")


@pytest_twisted.ensureDeferred
async def test_each_file_with_a_secret_is_named(stage: SettledStage) -> None:
    paths = [stage.write(file, SECRETS["a variable"]) for file in (FILES[0], FILES[3])]
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, *paths)


HARMLESS = {
    "a key of another provider": with_key("x", "{env:X_KEY}"),
    "a short word": '{"instructions": ["gp-notes.md"]}',
    "a word with the letters in it": '{"username": "chomp-gp-something-longer"}',
    "a path with the letters in it": '{"instructions": ["docs/gp-something-longer.md"]}',
    "another option": '{"provider": {"gonkagate": {"options": {"timeout": 5}}}}',
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=list(HARMLESS))
@pytest_twisted.ensureDeferred
async def test_what_only_resembles_a_secret_does_not(stage: SettledStage, text: str) -> None:
    stage.write("project/mimocode.json", text)

    assert (await stage.set_up("project")).ok


@pytest.mark.parametrize("directory", ["home", "home/.gonkagate", ".", "/"])
@pytest_twisted.ensureDeferred
async def test_a_project_that_the_keys_file_would_lie_in(stage: SettledStage, directory: str) -> None:
    path = stage.root / directory
    stage.write("home/.gonkagate/another-tool/file", "")
    before = stage.settled()

    result = await stage.set_up("project", cwd=path)

    stage.check_named_before_writing(result, before)
    assert codes(result) == ["project_secret_binding_forbidden"]
    assert "Use --scope user" in result.blockers[0].message


@pytest_twisted.ensureDeferred
async def test_a_repository_at_the_home_directory_gets_the_user_scope(stage: SettledStage) -> None:
    (stage.home / ".git").mkdir()
    (stage.home / "deep").mkdir()

    refused = await stage.set_up("project", cwd=stage.home / "deep")
    chosen = await stage.set_up(cwd=stage.home / "deep")

    assert codes(refused) == ["project_secret_binding_forbidden"]
    assert (chosen.ok, chosen.scope) == (True, "user")
    assert any("holds your home directory" in note for note in chosen.notes)
    assert any(f"never add {stage.ours} to it" in warning for warning in chosen.warnings)
    assert not list(stage.home.rglob("mimocode.json"))


@pytest_twisted.ensureDeferred
async def test_what_is_written_into_a_project_says_nothing_of_the_key(stage: SettledStage) -> None:
    stage.write("project/.mimocode/mimocode.json", {"username": "somebody"})

    for model in ("moonshotai/kimi-k2.6", "minimaxai/minimax-m2.7"):
        assert (await stage.set_up("project", model)).ok

    content = stage.project_file.read_text()
    assert set(json.loads(content)) == {"$schema", "username", "model", "small_model"}
    for word in ("gp-", "apiKey", "api-key", "file:", ".gonkagate", "provider"):
        assert word not in content
    assert stage.project_file.stat().st_mode & 0o777 == 0o644
