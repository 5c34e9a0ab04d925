"""A row of cc switch says where its route leads and what its key is, in every form that it was kept in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.rows import Provider, Row, read_provider, route_of, table_route
from ccmimolink.sync.toml_text import TomlError, read_toml
from tests.sync.cc_switch_presets import MIMO_KEY, Era, config_text, mimo_row, token_plan_row
from tests.sync.stage import row_of
from tests.sync.toml_texts import UPSTREAM

PLACES = ["env", "auth", "apiKey", "api_key", "table token", "top token"]
"""Where a key may be, in the order in which cc switch looks."""


def provider_of(settings: dict[str, Any], meta: str = "{}", config: str | None = None) -> Provider:
    config = config_text("custom", "x", UPSTREAM, "mimo-v2.5-pro") if config is None else config
    return read_provider(Row("id", "name", json.dumps({"config": config, **settings}), meta=meta))


def with_keys(keys: dict[str, str]) -> Provider:
    """A provider with a key in each of the places that are named."""
    settings: dict[str, Any] = {place: keys[place] for place in ("apiKey", "api_key") if place in keys}
    settings |= {place: {"OPENAI_API_KEY": keys[place]} for place in ("env", "auth") if place in keys}
    config = config_text("custom", "x", UPSTREAM, "mimo-v2.5-pro") + "\n"
    if "table token" in keys:
        config += f"experimental_bearer_token = '{keys['table token']}'\n"
    if "top token" in keys:
        config = f"experimental_bearer_token = '{keys['top token']}'\n{config}"
    return provider_of(settings, config=config)


class TestPresets:
    @pytest.mark.parametrize("era", ["openai_responses", "openai_chat", "legacy"])
    @pytest.mark.parametrize("preset", [mimo_row, token_plan_row])
    def test_of_every_era_are_read(self, preset: Any, era: Era) -> None:
        row = preset(era=era)

        provider = read_provider(row_of(row))

        assert [provider.route.base_url] == list(row.endpoints)
        assert provider.route.model == "mimo-v2.5-pro"
        assert provider.key == json.loads(row.settings_config)["auth"]["OPENAI_API_KEY"]
        assert provider.api_format == ("" if era == "legacy" else era)
        assert provider.models == ("mimo-v2.5-pro", "mimo-v2.5")

    def test_of_old_have_ids_of_their_own(self) -> None:
        assert read_provider(row_of(mimo_row(era="legacy"))).route.provider == "xiaomi_mimo"
        assert read_provider(row_of(token_plan_row(era="legacy"))).route.table == (
            "model_providers",
            "xiaomi_mimo_token_plan",
        )

    def test_without_a_catalog_have_none(self) -> None:
        assert not read_provider(row_of(mimo_row(catalog=False))).has_catalog
        assert read_provider(row_of(mimo_row())).has_catalog


class TestKey:
    @pytest.mark.parametrize("first", range(len(PLACES)))
    def test_is_the_first_in_the_order_in_which_cc_switch_looks(self, first: int) -> None:
        places = PLACES[first:]

        assert with_keys({place: f"sk-fake-{place}" for place in places}).key == f"sk-fake-{places[0]}"

    @pytest.mark.parametrize("nothing", ["", "  \n", "PROXY_MANAGED", "local-mimo-proxy"])
    def test_is_no_placeholder_and_no_blank(self, nothing: str) -> None:
        assert with_keys({"auth": nothing, "api_key": "sk-fake"}).key == "sk-fake"
        assert with_keys({"auth": nothing}).key == ""

    def test_has_no_blanks_around_it(self) -> None:
        assert with_keys({"auth": " sk-fake\n"}).key == "sk-fake"

    @pytest.mark.parametrize(
        "auth",
        [
            None,
            {},
            [],
            "sk-fake-elsewhere",
            {"OPENAI_API_KEY": None},
            {"OPENAI_API_KEY": {"key": "x"}},
            {"OPENAI_API_KEY": 1, "tokens": {"access_token": "eyJfake"}, "last_refresh": None},
        ],
    )
    def test_may_be_missing_beside_whatever_a_login_leaves(self, auth: Any) -> None:
        assert provider_of({"auth": auth}).key == ""
        assert provider_of({"auth": auth, "apiKey": "sk-fake"}).key == "sk-fake"

    def test_is_not_a_token_of_another_provider_in_the_text(self) -> None:
        config = config_text("custom", "x", UPSTREAM, "m") + (
            "\n[model_providers.other]\nexperimental_bearer_token = 'sk-fake'\n"
        )

        assert provider_of({}, config=config).key == ""

    def test_is_in_no_representation(self) -> None:
        row = row_of(mimo_row())
        header = provider_of(
            {},
            config=f"model_provider='a'\n[model_providers.a]\nbase_url='b'\nhttp_headers={{X-Mimo-Api-Key='{MIMO_KEY}'}}",
        )

        for shown in (row, read_provider(row), header, header.route):
            assert MIMO_KEY not in repr(shown)


class TestFormat:
    def test_of_the_meta_counts_before_older_places(self) -> None:
        older = {"apiFormat": "b", "api_format": "c"}

        assert provider_of(older, '{"apiFormat":"a"}').api_format == "a"
        assert provider_of(older).api_format == "b"
        assert provider_of({"api_format": "c"}).api_format == "c"
        assert provider_of({}).api_format == ""

    @pytest.mark.parametrize("meta", ["", "null", "[]", "{", '{"apiFormat": 1, "isFullUrl": "true"}'])
    def test_of_a_meta_that_cannot_be_read_is_none(self, meta: str) -> None:
        provider = provider_of({}, meta)

        assert (provider.api_format, provider.is_full_url) == ("", False)

    def test_may_be_of_a_whole_endpoint(self) -> None:
        assert provider_of({}, '{"isFullUrl":true}').is_full_url
        assert not provider_of({}, '{"isFullUrl":false}').is_full_url


class TestRoute:
    def test_is_that_of_the_active_provider(self) -> None:
        text = (
            "model_provider = 'b'\n[model_providers.a]\nbase_url = '1'\n[model_providers.b]\nbase_url = '2'\n"
        )

        route = route_of(text)

        assert route is not None
        assert (route.provider, route.base_url, route.table) == ("b", "2", ("model_providers", "b"))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "model = 'gpt'\n",
            "model_provider = 'openai'\n",
            "model_provider = 1\n[model_providers.1]\nbase_url = 'x'\n",
            "model_provider = 'a'\n[model_providers.a]\nname = 'x'\n",
            "model_provider = 'a'\n[model_providers.a]\nbase_url = 1\n",
            "model_provider = 'a'\n[[model_providers.a]]\nbase_url = 'x'\n",
            "model_provider = 'a'\nmodel_providers = 'x'\n",
            "[model_providers.a]\nbase_url = 'x'\n",
            "[profiles.p]\nmodel_provider = 'a'\n[model_providers.a]\nbase_url = 'x'\n",
        ],
    )
    def test_is_none_without_an_active_table_with_an_address(self, text: str) -> None:
        assert route_of(text) is None

    def test_has_the_key_header_in_every_spelling_that_is_there(self) -> None:
        text = (
            "model_provider = 'a'\n[model_providers.a]\nbase_url = 'x'\n[model_providers.a.http_headers]\n"
            "x-mimo-api-key = '1'\nX-MIMO-Api-Key = '2'\nX-Mimo-Api-Key-2 = '3'\nAuthorization = '4'\n"
        )

        route = route_of(text)

        assert route is not None
        assert route.headers == {"x-mimo-api-key": "1", "X-MIMO-Api-Key": "2"}

    def test_of_a_table_need_not_be_active(self) -> None:
        route = table_route(read_toml("[model_providers.mimo]\nbase_url = 'x'\n"), "mimo")

        assert route is not None
        assert (route.base_url, route.model, route.name) == ("x", "", "")

    def test_is_found_behind_a_byte_order_mark(self) -> None:
        assert route_of("\ufeffmodel_provider = 'a'\n[model_providers.a]\nbase_url = 'x'\n") is not None


class TestUnreadableRows:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ("", "is not valid JSON"),
            ('{"config": "sk-fake', "is not valid JSON"),
            ('["sk-fake"]', "is not a JSON object"),
            ('{"auth": {"OPENAI_API_KEY": "sk-fake"}}', "has no configuration text"),
            ('{"config": {"base_url": "sk-fake"}}', "has no configuration text"),
            ('{"config": "\udcff sk-fake"}', "is not valid UTF-8"),
            (r'{"config": "\ud83d sk-fake"}', "is not valid UTF-8"),
            (r'{"config": "# \ude00\ud83d sk-fake"}', "is not valid UTF-8"),
        ],
    )
    def test_say_what_is_wrong_with_the_json(self, settings: str, message: str) -> None:
        with pytest.raises(JsonError, match=message) as caught:
            read_provider(Row("id", "name", settings))
        assert "sk-fake" not in str(caught.value)

    def test_say_so_of_half_a_pair_in_a_key_or_an_id(self) -> None:
        config = config_text("custom", "x", UPSTREAM, "m")
        good = json.dumps({"config": config, "auth": {"OPENAI_API_KEY": "sk-fake"}})

        for row in (
            Row("id", "name", good.replace("sk-fake", r"sk-fake\ud83d")),
            Row("id\udcff", "name", good),
        ):
            with pytest.raises(JsonError, match=r"^is not valid UTF-8$"):
                read_provider(row)

    def test_a_whole_pair_and_half_a_one_elsewhere_do_no_harm(self) -> None:
        config = config_text("custom", "x", UPSTREAM, "m") + "\n# 😀\n"
        settings = json.dumps({"config": config, "other": "\ud83d"})

        assert r"\ud83d\ude00" in settings
        assert read_provider(Row("id", "name", settings)).config == config

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ("a = sk-fake", r"is not valid TOML \(line 1, column 5\)"),
            ("", "names no provider with a base_url"),
            ("model = 'sk-fake'", "names no provider with a base_url"),
        ],
    )
    def test_say_what_is_wrong_with_the_configuration(self, config: str, message: str) -> None:
        with pytest.raises(TomlError, match=message) as caught:
            provider_of({}, config=config)
        assert "sk-fake" not in str(caught.value)

    @pytest.mark.parametrize(
        "catalog",
        [None, [], "x", {"models": None}, {"models": {"a": 1}}, {"models": [None, "a", {"model": 1}, {}]}],
    )
    def test_a_catalog_of_any_other_form_is_none(self, catalog: Any) -> None:
        assert provider_of({"modelCatalog": catalog}).models == ()
