"""What only MiMoCode itself can see is seen behind the writes, and all of them are taken back."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.mimocode.mimo_home import needs_stand_in
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, KIMI_REFERENCE, MODELS, OTHER_KEY, QWEN_REFERENCE, REFERENCE, codes

KIMI_ID = "moonshotai/kimi-k2.6"
ALL = [f"gonkagate/{model.id}" for model in MODELS]
HIGH = "project/.mimocode/mimocode.jsonc"


@pytest.fixture
def stage(tmp_path: Path) -> SettledStage:
    return SettledStage(tmp_path)


def resolved(**changes: Any) -> dict[str, Any]:
    """What ``debug config`` prints for a setup that is right, with changes in places named with "__"."""
    entry: dict[str, Any] = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "GonkaGate",
        "options": {"baseURL": "https://api.gonkagate.com/v1", "apiKey": KEY, "setCacheKey": False},
        "models": {model.id: {"name": model.id} for model in MODELS},
    }
    config: dict[str, Any] = {
        "provider": {"gonkagate": entry, "xiaomi": {}},
        "disabled_providers": ["opencode", "opencode-go"],
        "model": KIMI_REFERENCE,
        "small_model": KIMI_REFERENCE,
    }
    for place, value in changes.items():
        *path, last = place.split("__")
        holder = config
        for name in path:
            holder = holder[name]
        holder[last] = value
    return config


def answering(stage: SettledStage, config: dict[str, Any] | str) -> None:
    text = config if isinstance(config, str) else json.dumps(config)
    stage.install(commands={"debug config": {"stdout": text}})


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_the_answer_that_the_others_here_are_changes_of_is_accepted(stage: SettledStage) -> None:
    answering(stage, resolved())

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert result.verification.as_json() == {
        "durable": "passed",
        "currentSession": "passed",
        "modelVisibility": "passed",
        "provenance": "passed",
    }


CHANGES: dict[str, dict[str, Any]] = {
    "model": {"model": QWEN_REFERENCE},
    "small_model": {"small_model": None},
    "provider.gonkagate": {"provider__gonkagate": []},
    "provider.gonkagate.npm": {"provider__gonkagate__npm": "@ai-sdk/openai"},
    "provider.gonkagate.api": {"provider__gonkagate__api": "https://fake.invalid/v1"},
    "provider.gonkagate.options.baseURL": {"provider__gonkagate__options__baseURL": "https://fake.invalid"},
    "provider.gonkagate.options.apiKey": {"provider__gonkagate__options__apiKey": f"{KEY}0"},
    "provider.gonkagate.options.setCacheKey": {"provider__gonkagate__options__setCacheKey": 0},
    f"provider.gonkagate.models.{KIMI_ID}": {
        "provider__gonkagate__models": {model.id: {} for model in MODELS if model.id != KIMI_ID}
    },
    f"provider.gonkagate.models.{KIMI_ID}.id": {
        "provider__gonkagate__models__moonshotai/kimi-k2.6": {"id": "kimi-k2.6"}
    },
}


@needs_stand_in
@pytest.mark.parametrize("place", CHANGES)
@pytest_twisted.ensureDeferred
async def test_a_difference_that_no_file_explains(stage: SettledStage, place: str) -> None:
    answering(stage, resolved(**CHANGES[place]))
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_rolled_back(result, before)
    assert codes(result) == ["effective_config_mismatch"]
    blocker = result.blockers[0]
    assert blocker.message.startswith("A source that is no file here (remote, or an administrator's) ")
    assert f" {place}" in blocker.message
    assert (blocker.source, blocker.detail) == ("verification", None)
    assert result.verification.as_json()["durable"] == "failed"
    assert "fake.invalid" not in result.as_json()


GATES = {
    "provider_disabled": {"disabled_providers": ["gonkagate"]},
    "provider_not_enabled": {"enabled_providers": ["anthropic"]},
    "model_not_whitelisted": {"provider__gonkagate__whitelist": ["a/b"]},
    "model_blacklisted": {"provider__gonkagate__blacklist": [KIMI_ID]},
}


@needs_stand_in
@pytest.mark.parametrize("code", GATES)
@pytest_twisted.ensureDeferred
async def test_a_list_that_no_file_explains(stage: SettledStage, code: str) -> None:
    answering(stage, resolved(**GATES[code]))
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_rolled_back(result, before)
    assert codes(result) == [code]


PLACEHOLDERS = {
    "a model": ('{"model": "{env:MY_MODEL}"}', "model"),
    "the base URL": (
        '{"provider": {"gonkagate": {"options": {"baseURL": "{file:url}"}}}}',
        "provider.gonkagate.options.baseURL",
    ),
    "an enabled provider": ('{"enabled_providers": ["{env:MY_MODEL}"]}', "enabled_providers"),
    "a whole file": ("{env:MY_LAYER}", "small_model"),
    "a disabled provider": ('{"disabled_providers": [{env:MY_NAMES}]}', "disabled_providers"),
}


@pytest.mark.parametrize(("text", "place"), PLACEHOLDERS.values(), ids=list(PLACEHOLDERS))
@pytest_twisted.ensureDeferred
async def test_a_placeholder_that_leads_to_something_else(stage: SettledStage, text: str, place: str) -> None:
    path = stage.write(HIGH, text)
    stage.write("project/.mimocode/url", "https://fake.invalid/v1")
    stage.write("project/.mimocode/.gitignore", "")
    before = stage.settled()

    result = await stage.set_up(
        "user",
        env={
            "MY_MODEL": "anthropic/claude",
            "MY_LAYER": '{"$schema": "x", "small_model": "anthropic/claude"}',
            "MY_NAMES": '"gonkagate"',
        },
    )

    stage.check_rolled_back(result, before)
    assert str(path) in result.blockers[0].message
    assert place in result.blockers[0].message
    assert "anthropic" not in result.as_json()
    assert "fake.invalid" not in result.as_json()


UNUSABLE = {
    "no JSON": "Something else",
    "a list": "[]",
    "nothing": "",
    "half of it": json.dumps(resolved())[:-9],
}


@needs_stand_in
@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=list(UNUSABLE))
@pytest_twisted.ensureDeferred
async def test_an_answer_that_cannot_be_read(stage: SettledStage, answer: str) -> None:
    answering(stage, answer)
    before = stage.settled()

    result = await stage.set_up("project")

    stage.check_rolled_back(result, before)
    assert codes(result) == ["effective_config_parse_failed"]


LISTS = {
    "one missing": [*ALL[:1], *ALL[2:]],
    "a longer id in its place": [ALL[0], "gonkagate/foo-moonshotai/kimi-k2.6x", ALL[2]],
    "another provider's": [ALL[0], f"other/{KIMI_ID}", ALL[2]],
    "the short name": [ALL[0], "gonkagate/kimi-k2.6", ALL[2]],
    "within a sentence": [ALL[0], f"not {ALL[1]}", ALL[2]],
    "in capitals": [ALL[0], ALL[1].upper(), ALL[2]],
    "none": [],
}


@needs_stand_in
@pytest.mark.parametrize("lines", LISTS.values(), ids=list(LISTS))
@pytest_twisted.ensureDeferred
async def test_a_model_that_mimo_does_not_list(stage: SettledStage, lines: list[str]) -> None:
    stage.install(commands={"models": {"stdout": "".join(f"{line}\n" for line in lines)}})
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_rolled_back(result, before)
    assert codes(result) == ["model_visibility_failed"]
    assert "mimo models gonkagate" in result.blockers[0].message
    assert result.verification.as_json()["modelVisibility"] == "failed"


@needs_stand_in
@pytest.mark.parametrize("form", ["{}", "{} — window 262K, output 32K", "  {}", "{}\t(beta)", "{}\r"])
@pytest_twisted.ensureDeferred
async def test_what_stands_behind_an_id_does_not_matter(stage: SettledStage, form: str) -> None:
    lines = [form.format(line) for line in [*ALL, "gonkagate/one-more"]]
    stage.install(commands={"models": {"stdout": "\n".join(lines)}})

    assert (await stage.set_up("user")).ok


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_provider_that_mimo_does_not_know_is_a_failure_though_mimo_reports_none(
    stage: SettledStage,
) -> None:
    stage.install(
        commands={"models": {"stdout": "", "stderr": "Error: Provider not found: gonkagate\n", "rc": 0}}
    )
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_rolled_back(result, before)
    assert codes(result) == ["model_visibility_failed"]


@pytest_twisted.ensureDeferred
async def test_a_model_that_is_not_chosen_may_be_hidden_by_a_list_of_the_users(stage: SettledStage) -> None:
    stage.write("home/.config/mimocode/mimocode.jsonc", {})
    stage.write(
        "home/.config/mimocode/config.json", {"provider": {"gonkagate": {"whitelist": [KIMI_ID, "x/y"]}}}
    )

    result = await stage.set_up("user")

    assert result.ok, result.as_text()
    assert any("hides 2 of the provider's models" in warning for warning in result.warnings)


@needs_stand_in
@pytest.mark.parametrize("command", ["debug config", "models"])
@pytest_twisted.ensureDeferred
async def test_a_command_that_ends_with_an_error_and_shows_the_key(stage: SettledStage, command: str) -> None:
    dump = f'--- JSONC Input ---\n{{"apiKey": "{KEY}", "other": "never shown"}}\n'
    stage.install(commands={command: {"stderr": dump, "stdout": dump, "rc": 1}})
    before = stage.settled()

    result = await stage.set_up("user")

    stage.check_rolled_back(result, before)
    assert "never shown" not in result.as_json() + result.as_text()
    assert "JSONC Input" not in result.as_json() + result.as_text()


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest_twisted.ensureDeferred
async def test_a_broken_layer_in_which_mimo_shows_the_key(stage: SettledStage, scope: str) -> None:
    """Before the setup there is no key to be shown; a rerun finds one that MiMoCode puts into the dump."""
    assert (await stage.set_up(scope)).ok
    broken = f'{{"username": "never shown", "theme": "{REFERENCE}" {{env:NOTHING_IS_SET}}'
    stage.write("home/.mimocode/mimocode.json", broken)
    assert KEY in stage.mimo("debug", "config").stderr
    stage.forget_calls()
    before = stage.settled()

    result = await stage.set_up(scope, key=OTHER_KEY)

    stage.check_rolled_back(result, before)
    assert codes(result) == ["effective_config_parse_failed"]
    assert "what it prints may show your key" in result.blockers[0].message
    assert "never shown" not in result.as_json() + result.as_text()


@needs_stand_in
@pytest_twisted.ensureDeferred
async def test_a_setup_that_stood_before_stands_behind_a_failed_one(stage: SettledStage) -> None:
    assert (await stage.set_up("user", QWEN_REFERENCE.removeprefix("gonkagate/"))).ok
    answering(stage, resolved(model="other/one"))
    before = stage.settled()

    result = await stage.set_up("project", key=OTHER_KEY)

    stage.check_rolled_back(result, before)
    stage.install()
    assert stage.resolved()["model"] == QWEN_REFERENCE
