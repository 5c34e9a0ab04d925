"""A file that would hide the setup is named before anything is written, with the way out."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KIMI_REFERENCE, QWEN_REFERENCE, codes

KIMI_ID = "moonshotai/kimi-k2.6"
OTHER = {"model": "anthropic/claude", "small_model": "anthropic/claude"}
LOW = "home/.config/mimocode/config.json"
TARGET = "home/.config/mimocode/mimocode.jsonc"


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


def gonkagate(**entry: Any) -> Mapping[str, Any]:
    return {"provider": {"gonkagate": entry}}


def option(name: str, value: Any) -> Mapping[str, Any]:
    return gonkagate(options={name: value})


def of_model(**entry: Any) -> Mapping[str, Any]:
    return gonkagate(models={KIMI_ID: entry})


PINNING = {
    "a project's file": ("user", "project/mimocode.json"),
    "a project's second file": ("user", "project/mimocode.jsonc"),
    "a nested project file": ("user", "project/deep/mimocode.json"),
    "a project's directory": ("user", "project/.mimocode/mimocode.json"),
    "a nested directory": ("user", "project/deep/.mimocode/mimocode.json"),
    "the second file of the directory": ("project", "project/.mimocode/mimocode.jsonc"),
    "the home's directory": ("project", "home/.mimocode/mimocode.json"),
    "the home's directory, for the user": ("user", "home/.mimocode/mimocode.jsonc"),
    "a managed file": ("project", "managed/mimocode.json"),
    "a managed file, for the user": ("user", "managed/mimocode.jsonc"),
}


@pytest.mark.parametrize(("scope", "file"), PINNING.values(), ids=list(PINNING))
@pytest_twisted.ensureDeferred
async def test_a_file_of_higher_precedence_that_pins_a_model(
    stage: SettledStage, scope: str, file: str
) -> None:
    (stage.project / "deep").mkdir()
    path = stage.write(file, OTHER)
    before = stage.settled()

    result = await stage.set_up(
        scope,
        cwd=stage.project / "deep",
        env={"MIMOCODE_TEST_MANAGED_CONFIG_DIR": str(stage.root / "managed")},
    )

    stage.check_named_before_writing(result, before, path)
    assert codes(result) == ["effective_config_mismatch"] * 2
    assert {blocker.source for blocker in result.blockers} == {"verification"}
    assert "anthropic" not in result.as_json()


@pytest_twisted.ensureDeferred
async def test_outside_of_a_repository_the_farthest_directory_hides_the_nearest(stage: SettledStage) -> None:
    path = stage.write("loose/.mimocode/mimocode.json", OTHER)
    (stage.root / "loose" / "deep").mkdir()
    before = stage.settled()

    result = await stage.set_up("project", cwd=stage.root / "loose" / "deep")

    stage.check_named_before_writing(result, before, path)


@pytest_twisted.ensureDeferred
async def test_a_directory_above_the_home_hides_the_homes(stage: SettledStage) -> None:
    stage.write("home/.mimocode/mimocode.json", {"model": KIMI_REFERENCE, "small_model": KIMI_REFERENCE})
    path = stage.write(".mimocode/mimocode.json", OTHER)
    (stage.home / "deep").mkdir()
    before = stage.settled()

    result = await stage.set_up("user", cwd=stage.home / "deep")

    stage.check_named_before_writing(result, before, path)


@pytest.mark.parametrize(
    ("file", "helps"),
    [
        ("project/mimocode.json", True),
        ("project/.mimocode/mimocode.json", True),
        ("project/.mimocode/mimocode.jsonc", False),
        ("home/.mimocode/mimocode.json", False),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_project_scope_is_advised_where_it_helps(
    stage: SettledStage, file: str, helps: bool
) -> None:
    stage.write(file, OTHER)

    advised = await stage.set_up("user")
    followed = await stage.set_up("project")

    assert ("--scope project" in advised.blockers[0].message) is helps
    assert followed.ok is helps


@pytest_twisted.ensureDeferred
async def test_small_model_alone_counts_too(stage: SettledStage) -> None:
    path = stage.write("project/mimocode.json", {"small_model": QWEN_REFERENCE})
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, path)
    assert [blocker.message for blocker in result.blockers] == [
        f"{path} chooses another small_model, and counts more than your own configuration. Take it out "
        "there, or use --scope project, or start elsewhere (--cwd)."
    ]


GATES = {
    "disabled": ("project/mimocode.json", {"disabled_providers": ["gonkagate"]}, "provider_disabled"),
    "disabled by the user": (LOW, {"disabled_providers": ["x", "gonkagate"]}, "provider_disabled"),
    "not enabled": ("project/mimocode.json", {"enabled_providers": ["x"]}, "provider_not_enabled"),
    "nothing enabled": (TARGET, {"enabled_providers": []}, "provider_not_enabled"),
    "not whitelisted": (LOW, gonkagate(whitelist=["x/y"]), "model_not_whitelisted"),
    "blacklisted": ("project/mimocode.json", gonkagate(blacklist=[KIMI_ID]), "model_blacklisted"),
}


@pytest.mark.parametrize(("file", "content", "code"), GATES.values(), ids=list(GATES))
@pytest_twisted.ensureDeferred
async def test_a_list_that_takes_the_model_out_of_sight_has_its_own_code(
    stage: SettledStage, file: str, content: Mapping[str, Any], code: str
) -> None:
    stage.write(TARGET, {})
    path = stage.write(file, content)
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, path)
    assert codes(result) == [code]
    assert "run this again" in result.blockers[0].message


OVERRIDES = {
    "npm": gonkagate(npm="@ai-sdk/openai"),
    "api": gonkagate(api="https://fake.invalid/v1"),
    "options.baseURL": option("baseURL", "https://fake.invalid/v1"),
    "options.enterpriseUrl": option("enterpriseUrl", "https://fake.invalid/v1"),
    "options.setCacheKey": option("setCacheKey", True),
    "options.headers.AUTHORIZATION": option("headers", {"AUTHORIZATION": "Bearer x"}),
    f"models.{KIMI_ID}.id": of_model(id="other"),
    f"models.{KIMI_ID}.provider.npm": of_model(provider={"npm": "@ai-sdk/openai"}),
    f"models.{KIMI_ID}.provider.api": of_model(provider={"api": "https://fake.invalid/v1"}),
    f"models.{KIMI_ID}.headers.authorization": of_model(headers={"authorization": "Bearer x"}),
}


@pytest.mark.parametrize("place", OVERRIDES)
@pytest_twisted.ensureDeferred
async def test_a_project_that_overrides_the_provider(stage: SettledStage, place: str) -> None:
    path = stage.write("project/mimocode.json", OVERRIDES[place])
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_named_before_writing(result, before, path)
    assert codes(result) == ["effective_config_mismatch"]
    assert f"provider.gonkagate.{place}" in result.blockers[0].message
    assert "fake.invalid" not in result.as_json()


@pytest.mark.parametrize("key", ["{env:MY_KEY}", "{file:~/my-key}", "gp-fake-of-somebody-else-0123"])
@pytest_twisted.ensureDeferred
async def test_another_binding_of_the_key_whatever_it_leads_to(stage: SettledStage, key: str) -> None:
    path = stage.write("home/.mimocode/mimocode.json", option("apiKey", key))
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, path)
    assert "options.apiKey" in result.blockers[0].message


@pytest_twisted.ensureDeferred
async def test_all_that_hides_the_setup_is_named_at_once(stage: SettledStage) -> None:
    one = stage.write("project/mimocode.json", {"disabled_providers": ["gonkagate"]})
    other = stage.write("project/.mimocode/mimocode.jsonc", {"model": "anthropic/claude"})
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_named_before_writing(result, before, one, other)
    assert codes(result) == ["provider_disabled", "effective_config_mismatch"]


@pytest_twisted.ensureDeferred
async def test_where_the_named_file_is_mended_the_setup_goes_through(stage: SettledStage) -> None:
    path = stage.write("project/.mimocode/mimocode.jsonc", OTHER)
    assert not (await stage.set_up("project")).ok
    path.unlink()

    assert (await stage.set_up("project")).ok


UNREADABLE = {
    "a syntax error": b'{"model": ',
    "a list": b"[]",
    "blanks": b" \n",
    "only a comment": b"// nothing yet\n",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=list(UNREADABLE))
@pytest.mark.parametrize("file", ["project/.mimocode/mimocode.jsonc", LOW, "home/.mimocode/mimocode.json"])
@pytest_twisted.ensureDeferred
async def test_a_file_that_no_mimo_could_read(stage: SettledStage, file: str, content: bytes) -> None:
    stage.write(TARGET, "{}")
    path = stage.write(file, content)
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, path)
    assert codes(result) == ["config_parse_failed"]
    assert result.blockers[0].source == "config"


@pytest_twisted.ensureDeferred
async def test_a_configuration_of_old_into_which_mimo_would_copy_the_key(stage: SettledStage) -> None:
    path = stage.write("home/.config/mimocode/config", 'theme = "dark"\n')
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_named_before_writing(result, before, path)
    assert "Run mimo once" in result.blockers[0].message

    stage.mimo("models")
    assert (await stage.set_up("user")).ok
