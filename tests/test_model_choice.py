"""Which choice of a model is in force, and which names are taken."""

from __future__ import annotations

import pytest

from ccmimolink.core.models import BUILTIN_MODELS
from ccmimolink.model_choice import Choice, facts_of, in_force, name_of_model, refusal, start_choice
from ccmimolink.settings import Settings

OPTION, VARIABLE = {"MIMO_MODEL": "mimo-v2.6-pro"}, {"MIMO_MODEL": "mimo-v2.6-flash"}


@pytest.mark.parametrize(
    ("environ", "overrides", "remembered", "expected"),
    [
        ({}, {}, None, Choice("mimo-v2.5", "default")),
        ({}, {}, "mimo-v2.5-pro", Choice("mimo-v2.5-pro", "ccmimolink-model")),
        (VARIABLE, {}, None, Choice("mimo-v2.6-flash", "MIMO_MODEL")),
        (VARIABLE, {}, "mimo-v2.5-pro", Choice("mimo-v2.6-flash", "MIMO_MODEL")),
        ({}, OPTION, "mimo-v2.5-pro", Choice("mimo-v2.6-pro", "--model")),
        (VARIABLE, OPTION, "mimo-v2.5-pro", Choice("mimo-v2.6-pro", "--model")),
        ({"MIMO_MODEL": ""}, {}, "mimo-v2.5-pro", Choice("mimo-v2.5-pro", "ccmimolink-model")),
        ({"MIMO_MODEL": "mimo-v2.5-pro[1m]"}, {}, None, Choice("mimo-v2.5-pro", "MIMO_MODEL")),
    ],
)
def test_an_option_wins_over_a_variable_and_that_over_what_is_remembered(
    environ: dict[str, str], overrides: dict[str, str], remembered: str | None, expected: Choice
) -> None:
    settings = Settings.from_environ(environ, overrides, log=False)
    assert in_force(start_choice(settings.model, settings.model_origin), remembered) == expected


def test_only_a_choice_wins_over_what_a_request_asks_for() -> None:
    assert not start_choice("mimo-v2.5", "").chosen
    assert start_choice("mimo-v2.5", "--model").chosen
    assert in_force(start_choice("mimo-v2.5", ""), "mimo-v2.5").chosen


@pytest.mark.parametrize(
    ("given", "name"),
    [("mimo-v2.5", "mimo-v2.5"), (" mimo-v2.5[1m] ", "mimo-v2.5"), ("vendor/x:free", "vendor/x:free")],
)
def test_a_name_is_taken_without_its_window(given: str, name: str) -> None:
    assert name_of_model(given) == name


@pytest.mark.parametrize("given", ["", " ", "[1m]", "two words", "mimo\nv2", "mímo", "m" * 101])
def test_what_can_be_no_name_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="A model's name is"):
        name_of_model(given)


@pytest.mark.parametrize("given", ["tp-fake-key-of-nobody", "sk-fake-key", "TTP-fake", "eyJfake"])
def test_a_key_in_the_place_of_a_name_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="looks like a key") as caught:
        name_of_model(given)
    assert given not in str(caught.value)


@pytest.mark.parametrize("name", ["mimo-v2.5", "mimo-v2.6-pro"])
def test_a_name_of_the_table_is_taken_whatever_mimo_lists(name: str) -> None:
    assert refusal(name, BUILTIN_MODELS, ["other"], "") is None
    assert refusal(name, BUILTIN_MODELS, None, "no network") is None


def test_a_name_that_only_mimo_lists_is_taken() -> None:
    assert refusal("mimo-v9", BUILTIN_MODELS, ["mimo-v9"], "") is None
    assert refusal("mimo-v2-pro", BUILTIN_MODELS, ["mimo-v2-pro"], "") is None


def test_an_unknown_name_is_refused_with_all_that_are_known_once_each() -> None:
    message = refusal("mimo-v8", BUILTIN_MODELS, ["mimo-v9", "mimo-v2.5"], "")
    assert message is not None
    assert "mimo-v8" not in message
    assert "Known are mimo-v2.6-pro, mimo-v2.6-flash, mimo-v2.5-pro, mimo-v2.5, mimo-v9. --force" in message


def test_where_mimos_list_is_not_known_the_refusal_says_why() -> None:
    assert "(no network)" in (refusal("mimo-v8", BUILTIN_MODELS, None, "no network.") or "")


@pytest.mark.parametrize(
    ("name", "successor"),
    [("mimo-v2-flash", "mimo-v2.5"), ("mimo-v2.5-pro-ultraspeed", "mimo-v2.5-pro")],
)
def test_a_retired_model_is_refused_with_its_successor(name: str, successor: str) -> None:
    assert f"Its successor is {successor}." in (refusal(name, BUILTIN_MODELS, ["mimo-v2.5"], "") or "")


def test_the_facts_of_a_model_are_those_of_the_table() -> None:
    facts = {each.name: each for each in facts_of(BUILTIN_MODELS)}
    assert list(facts) == [model.name for model in BUILTIN_MODELS]
    pro = facts["mimo-v2.5-pro"]
    assert (pro.modalities, pro.context_window, pro.successor) == (["text"], 1_048_576, "mimo-v2.6-pro")
    assert [(price.currency, price.input) for price in pro.prices] == [("USD", 0.435), ("CNY", 3)]
