"""Providers as cc switch's presets make them, in the eras that still lie in users' databases.

Owns rows and no behaviour. Every key here is a fake one that says so.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from tests.sync.cc_switch_schema import ProviderRow

#: "openai_responses" from v3.16.4 on, "openai_chat" in v3.16.0 to v3.16.3, "legacy" before.
Era = Literal["openai_responses", "openai_chat", "legacy"]

MIMO_ID = "3f0c1a52-7f4e-4c11-9b6e-5d2f8a0e1c01"
TOKEN_PLAN_ID = "b8a7d0e4-2c35-4f7a-8e19-0c6b4d9f2a02"
OTHER_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c03"
AGGREGATOR_ID = "d4c3b2a1-0f9e-4d8c-a7b6-5a4b3c2d1e04"
OFFICIAL_ID = "codex-official"

MIMO_KEY = "sk-fake-mimo-key-0001"
TOKEN_PLAN_KEY = "tp-fake-mimo-key-0001"
OTHER_KEY = "sk-fake-other-key-0001"
AGGREGATOR_KEY = "sk-fake-aggregator-key-0001"

MIMO_HOST = "api.xiaomimimo.com"
TOKEN_PLAN_CN = "token-plan-cn.xiaomimimo.com"
TOKEN_PLAN_SGP = "token-plan-sgp.xiaomimimo.com"
TOKEN_PLAN_AMS = "token-plan-ams.xiaomimimo.com"

# In place of the vendor's own text. Its Chinese shows whether somebody wrote the cell anew and escaped it.
_INSTRUCTIONS = "You are MiMo, a model developed by Xiaomi (小米)."
_REASONING = {
    "supportsThinking": True,
    "supportsEffort": False,
    "thinkingParam": "thinking",
    "effortParam": "none",
    "outputFormat": "reasoning_content",
}


def compact(value: Any) -> str:
    """JSON as ``serde_json::to_string`` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def config_text(provider: str, name: str, base_url: str, model: str) -> str:
    """The config.toml of a preset, which ends without a newline."""
    return (
        f'model_provider = "{provider}"\n'
        f'model = "{model}"\n'
        'model_reasoning_effort = "high"\n'
        "disable_response_storage = true\n"
        "\n"
        f"[model_providers.{provider}]\n"
        f'name = "{name}"\n'
        f'base_url = "{base_url}"\n'
        'wire_api = "responses"\n'
        "requires_openai_auth = true"
    )


def mimo_row(
    *,
    id: str = MIMO_ID,  # noqa: A002 - the column's name
    name: str = "Xiaomi MiMo",
    era: Era = "openai_responses",
    host: str = MIMO_HOST,
    key: str = MIMO_KEY,
    catalog: bool = True,
    is_current: bool = False,
) -> ProviderRow:
    """The preset for pay-as-you-go keys.

    :param catalog: whether the row has a modelCatalog.
    """
    return _mimo(
        id, name, "xiaomi_mimo", era, host, key, catalog, is_current, "https://platform.xiaomimimo.com"
    )


def token_plan_row(
    *,
    id: str = TOKEN_PLAN_ID,  # noqa: A002 - the column's name
    name: str = "Xiaomi MiMo Token Plan (China)",
    era: Era = "openai_responses",
    host: str = TOKEN_PLAN_CN,
    key: str = TOKEN_PLAN_KEY,
    catalog: bool = True,
    is_current: bool = False,
) -> ProviderRow:
    """The token plan's preset. Only the host in China has one, so that another region's is a copy of it."""
    website = "https://platform.xiaomimimo.com/#/token-plan"
    return _mimo(id, name, "xiaomi_mimo_token_plan", era, host, key, catalog, is_current, website)


def _mimo(
    provider_id: str,
    name: str,
    toml_name: str,
    era: Era,
    host: str,
    key: str,
    catalog: bool,
    is_current: bool,
    website: str,
) -> ProviderRow:
    base_url = f"https://{host}/v1"
    active = toml_name if era == "legacy" else "custom"
    settings: dict[str, Any] = {
        "auth": {"OPENAI_API_KEY": key},
        "config": config_text(active, toml_name, base_url, "mimo-v2.5-pro"),
    }
    if catalog:
        settings["modelCatalog"] = {"models": [_pro(), _v25()]}
    metas: dict[Era, dict[str, Any]] = {
        "openai_responses": {"endpointAutoSelect": True, "apiFormat": "openai_responses"},
        "openai_chat": {
            "endpointAutoSelect": True,
            "apiFormat": "openai_chat",
            "codexChatReasoning": _REASONING,
        },
        "legacy": {},
    }
    return ProviderRow(
        id=provider_id,
        name=name,
        settings_config=compact(settings),
        category="cn_official",
        website_url=website,
        meta=compact(metas[era]),
        is_current=is_current,
        endpoints=(base_url,),
        icon="xiaomimimo",
        icon_color="#000000",
    )


def _pro() -> dict[str, Any]:
    return _model("mimo-v2.5-pro", "MiMo V2.5 Pro", ["text"])


def _v25() -> dict[str, Any]:
    return _model("mimo-v2.5", "MiMo V2.5", ["text", "image"])


def _model(model: str, display_name: str, modalities: list[str]) -> dict[str, Any]:
    return {
        "model": model,
        "displayName": display_name,
        "contextWindow": 1048576,
        "inputModalities": modalities,
        "reasoningLevels": ["none", "high"],
        "baseInstructions": _INSTRUCTIONS,
    }


def other_vendor_row(
    *,
    id: str = OTHER_ID,  # noqa: A002 - the column's name
    name: str = "DeepSeek",
    base_url: str = "https://api.deepseek.com/v1",
    model: str = "deepseek-chat",
    key: str = OTHER_KEY,
    is_current: bool = False,
) -> ProviderRow:
    """Somebody else's row, which is none of our business."""
    settings = {
        "auth": {"OPENAI_API_KEY": key},
        "config": config_text("custom", name.lower(), base_url, model),
    }
    return ProviderRow(
        id=id,
        name=name,
        settings_config=compact(settings),
        category="third_party",
        meta=compact({"apiFormat": "openai_chat"}),
        is_current=is_current,
        endpoints=(base_url,),
    )


def official_row(*, auth: dict[str, Any] | None = None, is_current: bool = False) -> ProviderRow:
    """The seeded row of OpenAI.

    :param auth: what a login leaves. The seed has none.
    """
    return ProviderRow(
        id=OFFICIAL_ID,
        name="OpenAI Official",
        settings_config=compact({"auth": auth or {}, "config": ""}),
        category="official",
        website_url="https://chatgpt.com/codex",
        is_current=is_current,
        icon="openai",
    )


def chatgpt_login() -> dict[str, Any]:
    """The auth.json of somebody who is logged in to ChatGPT."""
    tokens = {
        "access_token": "fake-access-token",
        "refresh_token": "fake-refresh-token",
        "account_id": "fake",
    }
    return {"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "2026-08-01T00:00:00Z"}


def aggregator_row(
    *,
    id: str = AGGREGATOR_ID,  # noqa: A002 - the column's name
    key: str = AGGREGATOR_KEY,
    is_current: bool = False,
) -> ProviderRow:
    """OpenCode Go, which sells MiMo's models and is not MiMo."""
    base_url = "https://opencode.ai/zen/go/v1"
    settings = {
        "auth": {"OPENAI_API_KEY": key},
        "config": config_text("custom", "opencode_go", base_url, "mimo-v2.5-pro"),
        "modelCatalog": {"models": [{"model": "mimo-v2.5-pro"}, {"model": "glm-5"}]},
    }
    return ProviderRow(
        id=id,
        name="OpenCode Go",
        settings_config=compact(settings),
        category="aggregator",
        website_url="https://opencode.ai",
        meta=compact({"apiFormat": "openai_chat"}),
        is_current=is_current,
        endpoints=(base_url,),
    )
