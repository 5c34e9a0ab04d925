"""The Xiaomi MiMo provider is found by where its route leads, and nobody else's is ever taken for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ccmimolink.private_files import File
from ccmimolink.sync.database import Contents
from ccmimolink.sync.errors import NOT_FOUND, SyncError
from ccmimolink.sync.finder import Candidate, Found, choose, survey
from ccmimolink.sync.places import CcSettings
from ccmimolink.sync.rows import Row
from ccmimolink.sync.state import Memory, Takeover
from ccmimolink.sync.world import World
from tests.sync.cc_switch_presets import (
    AGGREGATOR_ID,
    MIMO_ID,
    OFFICIAL_ID,
    OTHER_ID,
    TOKEN_PLAN_AMS,
    TOKEN_PLAN_CN,
    TOKEN_PLAN_ID,
    TOKEN_PLAN_SGP,
    aggregator_row,
    chatgpt_login,
    config_text,
    mimo_row,
    official_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.stage import row_of
from tests.sync.toml_texts import LOCAL, UPSTREAM

OUR_URLS = (LOCAL, "http://127.0.0.1:9999/v1")
STRANGERS = (
    aggregator_row(),
    other_vendor_row(),
    official_row(auth=chatgpt_login()),
)


def made(
    base_url: str,
    *,
    name: str = "a provider",
    id: str = "made-id",  # noqa: A002 - the column's name
    category: str = "custom",
    model: str = "mimo-v2.5-pro",
    models: tuple[str, ...] = (),
) -> Row:
    """A row that a user made by hand."""
    settings = {
        "auth": {"OPENAI_API_KEY": "sk-fake"},
        "config": config_text("custom", "made", base_url, model),
        "modelCatalog": {"models": [{"model": one} for one in models]},
    }
    return Row(id, name, json.dumps(settings), category)


def named(
    name: str = "My MiMo",
    base_url: str = "https://gateway.example/v1",
    *,
    category: str = "custom",
    model: str = "mimo-v2.5-pro",
) -> Row:
    """A row that nothing but its name and its model speak for."""
    return made(base_url, name=name, id="named-id", category=category, model=model)


def world(*rows: Row | ProviderRow, current: str = "") -> World:
    made_rows = tuple(row_of(row) if isinstance(row, ProviderRow) else row for row in rows)
    return World(CcSettings(b"{}", current, "", False), Contents(made_rows, False), File(None))


def taken(provider_id: str) -> Memory:
    return Memory(Takeover(provider_id, "Xiaomi MiMo", UPSTREAM, (LOCAL,)))


def chosen(
    *rows: Row | ProviderRow, current: str = "", memory: Memory | None = None, wanted: str | None = None
) -> str:
    return choose(world(*rows, current=current), memory or Memory(), OUR_URLS, wanted).row.id


def refusal(*rows: Row | ProviderRow, current: str = "", wanted: str | None = None) -> str:
    with pytest.raises(SyncError) as caught:
        choose(world(*rows, current=current), Memory(), OUR_URLS, wanted)
    assert "sk-fake" not in str(caught.value)
    return str(caught.value)


def found_by(row: Row, taken_id: str | None = None) -> Found | None:
    candidates = survey([row], OUR_URLS, taken_id).candidates
    return candidates[0].found if candidates else None


class TestHost:
    @pytest.mark.parametrize("preset", [mimo_row(), token_plan_row(), mimo_row(era="legacy")])
    def test_of_the_presets_is_mimo(self, preset: ProviderRow) -> None:
        assert found_by(row_of(preset)) is Found.HOST

    @pytest.mark.parametrize(
        "host", [TOKEN_PLAN_CN, TOKEN_PLAN_SGP, TOKEN_PLAN_AMS, "API.XiaomiMiMo.com", "api.xiaomimimo.com."]
    )
    def test_of_every_region_and_spelling_is_mimo_whatever_the_name_and_models(self, host: str) -> None:
        row = made(f"https://{host}/v1", name="work", category="aggregator", model="gpt-5")

        assert found_by(row) is Found.HOST

    @pytest.mark.parametrize(
        "host", ["xiaomimimo.com.evil.org", "notxiaomimimo.com", "evil.org/api.xiaomimimo.com"]
    )
    def test_that_looks_alike_is_not_mimo(self, host: str) -> None:
        assert found_by(made(f"https://{host}/v1", name="work")) is None

    def test_is_that_of_the_active_table_only(self) -> None:
        row = made("https://gateway.example/v1", name="work")
        config = json.loads(row.settings)["config"] + f"\n[model_providers.b]\nbase_url = '{UPSTREAM}'\n"

        assert found_by(replace(row, settings=json.dumps({"config": config}))) is None


class TestOurRoute:
    @pytest.mark.parametrize("url", [*OUR_URLS, "http://localhost:9876/v1/", "http://[::1]:9999/v1"])
    def test_is_recognised_though_nothing_is_remembered(self, url: str) -> None:
        assert found_by(made(url, model="gpt-5")) is Found.OURS

    def test_on_another_port_is_recognised_of_the_row_that_was_taken_over(self) -> None:
        row = made("http://127.0.0.1:1234/v1", model="gpt-5")

        assert found_by(row, taken_id=row.id) is Found.OURS
        assert found_by(row, taken_id="other") is None

    def test_is_not_the_upstream_of_a_taken_row_that_the_user_changed_to_another_vendor(self) -> None:
        row = made("https://gateway.example/v1", model="gpt-5")

        assert found_by(row, taken_id=row.id) is None


class TestName:
    @pytest.mark.parametrize("name", ["My MiMo", "mimo", "小米", "XIAOMI MIMO V2"])
    def test_with_models_of_mimo_only_makes_it_one_that_the_user_has_to_name(self, name: str) -> None:
        """Its host could be anybody's, and would be sent the key."""
        assert found_by(named(name)) is Found.NAME
        message = refusal(named(name), *STRANGERS)
        assert message.startswith(NOT_FOUND)
        assert "(--provider named-id), which leads to gateway.example" in message
        assert chosen(named(name), *STRANGERS, wanted="named-id") == "named-id"

    def test_is_enough_for_one_that_leads_to_this_machine(self) -> None:
        assert chosen(named("MiMo", "http://127.0.0.1:4000/v1"), *STRANGERS) == "named-id"

    @pytest.mark.parametrize("category", ["aggregator", "third_party", "cloud_provider", "official"])
    def test_of_a_middleman_never_is(self, category: str) -> None:
        assert found_by(named(category=category)) is None

    @pytest.mark.parametrize("model", ["", "gpt-5", "xiaomi/mimo-v2.5-pro", "mimosa"])
    def test_with_another_model_never_is(self, model: str) -> None:
        assert found_by(named("MiMo via OpenRouter", "https://openrouter.ai/api/v1", model=model)) is None

    def test_with_another_model_in_the_catalog_never_is(self) -> None:
        row = made("https://gateway.example/v1", name="MiMo", models=("mimo-v2.5-pro", "glm-5"))

        assert found_by(row) is None

    def test_counts_only_where_no_route_leads_to_mimo(self) -> None:
        assert chosen(named(), mimo_row(), current="named-id") == MIMO_ID

    def test_alone_without_a_model_of_mimo_is_nothing(self) -> None:
        assert found_by(row_of(other_vendor_row(name="MiMo"))) is None


class TestStrangers:
    @pytest.mark.parametrize("stranger", STRANGERS, ids=lambda row: str(row.name))
    def test_are_never_taken_for_mimo(self, stranger: ProviderRow) -> None:
        assert found_by(row_of(stranger)) is None
        assert NOT_FOUND in refusal(stranger, current=stranger.id)

    def test_official_rows_are_none_even_with_mimo_in_them(self) -> None:
        row = replace(row_of(mimo_row(name="MiMo")), category="official")

        assert found_by(row, taken_id=row.id) is None

    def test_are_none_where_there_are_no_rows(self) -> None:
        assert refusal().startswith(f"{NOT_FOUND}. Add a Xiaomi MiMo provider")


class TestChoice:
    BOTH = (mimo_row(), token_plan_row(), *STRANGERS)

    def test_is_the_only_one(self) -> None:
        assert chosen(*STRANGERS, token_plan_row(), current=OTHER_ID) == TOKEN_PLAN_ID

    def test_is_the_current_one_before_all(self) -> None:
        memory = replace_provider(taken(MIMO_ID), MIMO_ID)

        assert chosen(*self.BOTH, current=TOKEN_PLAN_ID, memory=memory) == TOKEN_PLAN_ID

    def test_is_the_current_one_of_the_database_where_the_settings_name_none(self) -> None:
        assert chosen(mimo_row(), token_plan_row(is_current=True)) == TOKEN_PLAN_ID
        assert chosen(mimo_row(), token_plan_row(is_current=True), current="gone") == TOKEN_PLAN_ID
        assert chosen(mimo_row(), token_plan_row(is_current=True), current=MIMO_ID) == MIMO_ID

    def test_is_the_one_that_was_chosen_before_where_none_is_current(self) -> None:
        memory = replace_provider(taken(MIMO_ID), TOKEN_PLAN_ID)

        assert chosen(*self.BOTH, current=OTHER_ID, memory=memory) == TOKEN_PLAN_ID

    def test_is_the_one_that_was_taken_over_where_none_was_chosen(self) -> None:
        assert chosen(*self.BOTH, current=OTHER_ID, memory=taken(TOKEN_PLAN_ID)) == TOKEN_PLAN_ID

    def test_is_left_to_the_user_where_nothing_tells(self) -> None:
        message = refusal(*self.BOTH, current=OTHER_ID)

        assert f"'Xiaomi MiMo' (--provider {MIMO_ID}), which leads to api.xiaomimimo.com" in message
        assert f"(--provider {TOKEN_PLAN_ID}), which leads to token-plan-cn.xiaomimimo.com" in message
        assert AGGREGATOR_ID not in message
        assert OFFICIAL_ID not in message

    def test_forgets_what_is_no_longer_there(self) -> None:
        memory = replace_provider(taken("gone"), "gone")

        assert chosen(mimo_row(), current="gone", memory=memory) == MIMO_ID
        with pytest.raises(SyncError, match="There are several"):
            choose(world(*self.BOTH), memory, OUR_URLS, None)


class TestNamedByTheUser:
    BOTH = (mimo_row(), token_plan_row(), *STRANGERS)

    def test_by_id_is_taken_before_the_current_one(self) -> None:
        assert chosen(*self.BOTH, current=MIMO_ID, wanted=TOKEN_PLAN_ID) == TOKEN_PLAN_ID

    @pytest.mark.parametrize("name", ["Xiaomi MiMo", "xiaomi mimo", "XIAOMI MIMO"])
    def test_by_name_is_taken_in_any_case(self, name: str) -> None:
        assert chosen(*self.BOTH, current=TOKEN_PLAN_ID, wanted=name) == MIMO_ID

    def test_by_an_id_that_is_another_ones_name_is_the_row_with_the_id(self) -> None:
        assert chosen(mimo_row(), token_plan_row(name=MIMO_ID), wanted=MIMO_ID) == MIMO_ID

    def test_by_the_name_of_two_is_ambiguous(self) -> None:
        message = refusal(
            mimo_row(), token_plan_row(name="xiaomi mimo"), current=MIMO_ID, wanted="Xiaomi MiMo"
        )

        assert message.startswith("Several providers in cc switch have that name")
        assert MIMO_ID in message
        assert TOKEN_PLAN_ID in message

    def test_by_the_name_of_two_of_which_one_is_mimo_is_that_one(self) -> None:
        assert chosen(other_vendor_row(name="Xiaomi MiMo"), mimo_row(), wanted="Xiaomi MiMo") == MIMO_ID

    def test_may_be_one_that_is_known_by_its_name_only(self) -> None:
        assert chosen(mimo_row(), named(), wanted="named-id") == "named-id"

    @pytest.mark.parametrize("wanted", [AGGREGATOR_ID, OTHER_ID, OFFICIAL_ID, "opencode go"])
    def test_may_not_be_another_vendor(self, wanted: str) -> None:
        assert "is not Xiaomi MiMo" in refusal(*self.BOTH, wanted=wanted)

    def test_is_unknown_where_no_row_has_the_name(self) -> None:
        message = refusal(*self.BOTH, wanted="MiMo 2")

        assert message.startswith(f"{NOT_FOUND}: cc switch has none that --provider names")
        assert "MiMo 2" not in message  # it may be a key, pasted into the wrong place

    def test_that_cannot_be_read_is_said_to_be_so(self) -> None:
        broken = Row("broken-id", "work", "{")

        assert "'work' is not valid JSON" in refusal(*self.BOTH, broken, wanted="work")


class TestUnreadable:
    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (
                Row("id", "Xiaomi MiMo", '{"auth": {"OPENAI_API_KEY": "sk-fake"'),
                "'Xiaomi MiMo' is not valid JSON",
            ),
            (Row("id", "小米", json.dumps({"config": "a = sk-fake"})), "'小米' is not valid TOML"),
            (Row("id", "work", json.dumps({"config": f"a = '{UPSTREAM}"})), "'work' is not valid TOML"),
        ],
    )
    def test_rows_that_may_be_mimo_are_named(self, row: Row, message: str) -> None:
        assert message in refusal(row, *STRANGERS)

    def test_rows_of_others_are_not_spoken_of(self) -> None:
        assert "DeepSeek" not in refusal(replace(row_of(other_vendor_row()), settings="{"))

    def test_rows_that_were_taken_over_are_named(self) -> None:
        row = Row("id", "work", "{")

        assert survey([row], OUR_URLS, "id").unreadable == ("the provider 'work' is not valid JSON",)

    def test_rows_beside_a_good_one_do_no_harm(self) -> None:
        assert chosen(Row("id", "MiMo", "{"), mimo_row()) == MIMO_ID


def test_a_candidate_is_described_without_its_key() -> None:
    [candidate] = survey([row_of(mimo_row())], OUR_URLS, None).candidates

    assert isinstance(candidate, Candidate)
    assert "sk-fake" not in f"{candidate} {candidate!r}"


def replace_provider(memory: Memory, provider: str) -> Memory:
    """The memory with what the user chose."""
    return Memory(takeover=memory.takeover, provider=provider)
