"""Taking over and giving back, over every manner in which a provider may be written."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.report import Outcome
from tests.sync.cc_switch_presets import (
    MIMO_HOST,
    MIMO_ID,
    MIMO_KEY,
    TOKEN_PLAN_AMS,
    TOKEN_PLAN_CN,
    TOKEN_PLAN_SGP,
    Era,
    compact,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.cc_switch_schema import ProviderRow
from tests.sync.takeover_home import BACKUP, HEADER, LOCAL, MIMO_URL, Home, given_back, taken_over

TEXTS = {
    "preset": (
        'model_provider = "custom"\nmodel = "mimo-v2.5-pro"\n\n[model_providers.custom]\nname = "x"\n'
        f'base_url = "{MIMO_URL}"\nwire_api = "responses"\nrequires_openai_auth = true\n'
    ),
    "legacy-id": (
        'model_provider = "xiaomi_mimo_token_plan"\n[model_providers.xiaomi_mimo_token_plan]\n'
        f'base_url = "{MIMO_URL}"\n'
    ),
    "quoted-id": f'model_provider = "小米 MiMo"\n[model_providers."小米 MiMo"]\nbase_url = "{MIMO_URL}"\n',
    "inline-provider": (
        'model_provider = "custom" # mine\n[model_providers]\n'
        f'custom = {{ name = "x", base_url = "{MIMO_URL}", wire_api = "responses" }} # all in one\n'
        'other = { name = "y", base_url = "https://api.example.com/v1" }\n'
    ),
    "inline-providers": (
        f'model_provider = "custom"\nmodel_providers = {{ custom = {{ base_url = "{MIMO_URL}" }} }}\n'
    ),
    "dotted-keys": (
        f'model_provider = "custom"\nmodel_providers.custom.base_url = "{MIMO_URL}"\n'
        'model_providers.custom.wire_api = "responses"\nmodel_providers.custom.name = "x"\n\n[tools]\nx = 1\n'
    ),
    "dotted-in-table": (
        f'model_provider = "custom"\n[model_providers]\ncustom.name = "x"\ncustom.base_url = "{MIMO_URL}"\n'
    ),
    "comments": (
        '# the whole\nmodel_provider = "custom" # which\n\n# the provider\n[model_providers.custom] # here\n'
        f'# where\nbase_url = "{MIMO_URL}" # base_url of MiMo\n# how\nwire_api = "responses"# tight\n\n'
        '# the next one\n[mcp_servers.echo]\n# its command\ncommand = "echo"\n# the end'
    ),
    "crlf": (
        'model_provider = "custom"\r\n# 注释\r\n[model_providers.custom]\r\nname = "x"\r\n'
        f'base_url = "{MIMO_URL}"\r\nwire_api = "responses"\r\n\r\n[tools]\r\nx = 1\r\n'
    ),
    "byte-order-mark": (
        f'\ufeffmodel_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
    ),
    "not-ascii": (
        'model_provider = "custom"\nmodel = "mimo-v2.5-pro" # 型号\n[model_providers.custom]\n'
        f'name = "小米 MiMo 🚀"\nbase_url = "{MIMO_URL}"\n'
    ),
    "literal-strings": (
        f"model_provider = 'custom'\n[ model_providers . custom ]\nbase_url = '{MIMO_URL}'\nwire_api='chat'\n"
    ),
    "indented": (
        'model_provider = "custom"\n  [model_providers.custom]\n    name = "x"\n'
        f'    base_url = "{MIMO_URL}"\n    wire_api = "responses"\n'
    ),
    "chat": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\nwire_api = "chat"\n'
    ),
    "no-wire-api": f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"',
    "other-headers": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
        'http_headers = { "X-Team" = "blue" }\n'
    ),
    "header-table": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
        '[model_providers.custom.http_headers]\n"X-Team" = "blue"\n\n[tools]\nx = 1\n'
    ),
    "header-in-other-case": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
        'http_headers = { "x-mimo-api-key" = "sk-fake-old" }\n'
    ),
    "other-providers": (
        'model_provider = "custom"\n[model_providers.custom2]\nbase_url = "https://api.example.com/v1"\n'
        f'[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
        f'[model_providers.mimo]\nbase_url = "{MIMO_URL}"\n'
    ),
    "nothing-but-tables-after": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}"\n'
        '[model_providers.custom.query_params]\nv = "1"\n[[notes]]\na = 1\n[[notes]]\na = 2\n'
    ),
    "trailing-slash": (
        f'model_provider = "custom"\n[model_providers.custom]\nbase_url = "{MIMO_URL}/"\n\n\n'
    ),
    "host-in-capitals": (
        'model_provider = "custom"\n[model_providers.custom]\nbase_url = "https://API.XiaomiMiMo.com/v1"\n'
    ),
}
CELLS = {
    "auth": {"auth": {"OPENAI_API_KEY": MIMO_KEY}, "config": TEXTS["preset"]},
    "auth-beside-a-login": {
        "auth": {"OPENAI_API_KEY": MIMO_KEY, "tokens": {"id": None}, "last_refresh": 1.50},
        "config": TEXTS["preset"],
    },
    "env": {"env": {"OPENAI_API_KEY": MIMO_KEY}, "config": TEXTS["preset"]},
    "apiKey": {"apiKey": MIMO_KEY, "auth": {}, "config": TEXTS["preset"]},
    "api_key": {"api_key": MIMO_KEY, "auth": None, "config": TEXTS["preset"]},
    "bearer": {
        "auth": {"OPENAI_API_KEY": "PROXY_MANAGED"},
        "config": f'{TEXTS["preset"]}experimental_bearer_token = "{MIMO_KEY}"\n',
    },
    "blanks-around": {"auth": {"OPENAI_API_KEY": f" {MIMO_KEY}\n"}, "config": TEXTS["preset"]},
}


def home_with(tmp_path: Path, cell: str, *others: ProviderRow, **row: Any) -> Home:
    """MiMo is current, with a cell that cc switch would not have written so, and what is in it is live."""
    home = Home(tmp_path)
    made = ProviderRow(MIMO_ID, "Xiaomi MiMo", cell, **row)
    for each in (made, *others):
        home.app.add(each)
    home.app.set_setting("currentProviderCodex", MIMO_ID)
    home.codex.mkdir()
    home.live.write_bytes(json.loads(cell)["config"].encode())
    (home.codex / "auth.json").write_text('{"OPENAI_API_KEY":"sk-fake-of-the-user"}')
    return home


def values(text: str) -> dict[str, Any]:
    return tomllib.loads(text.removeprefix("\ufeff"))


def expected(text: str) -> dict[str, Any]:
    """The values of a configuration that leads to us, made of those before."""
    document = deepcopy(values(text))
    table = document["model_providers"][document["model_provider"]]
    table |= {"base_url": LOCAL, "wire_api": "responses"}
    headers = table.setdefault("http_headers", {})
    spelling = next((name for name in headers if name.lower() == HEADER.lower()), HEADER)
    headers[spelling] = MIMO_KEY
    return document


def others(text: str) -> list[str]:
    """The lines that have nothing of ours, with their ends. The last one may get an end."""
    mine = re.compile("base_url|wire_api|http_headers|mimo-api-key", re.IGNORECASE)
    return [line for line in f"{text}\n".splitlines(keepends=True) if line.strip() and not mine.search(line)]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])
def test_only_our_values_change_in_a_text_and_they_come_back_to_the_byte(tmp_path: Path, text: str) -> None:
    home = home_with(tmp_path, compact({"auth": {"OPENAI_API_KEY": MIMO_KEY}, "config": text}))
    before = home.look()

    assert home.sync().outcome is Outcome.DONE
    taken = home.look()
    cell, live = json.loads(taken.cell(MIMO_ID)), taken.live().decode()
    assert values(cell["config"]) == expected(text)
    assert others(cell["config"]) == others(text)
    assert live == cell["config"]
    assert live.count("\n") - live.count("\r\n") == (0 if "\r\n" in text else live.count("\n"))
    assert taken == before.with_cell(MIMO_ID, taken.cell(MIMO_ID)).with_live(taken.live())
    assert {**cell, "config": text} == json.loads(before.cell(MIMO_ID))

    mtimes = home.mtimes()
    assert home.sync().outcome is Outcome.NOTHING
    assert home.mtimes() == mtimes

    home.restore()
    assert home.look() == given_back(before)


@pytest.mark.parametrize("cell", [pytest.param(cell, id=name) for name, cell in CELLS.items()])
def test_the_key_is_found_wherever_a_row_has_it(tmp_path: Path, cell: dict[str, Any]) -> None:
    home = home_with(tmp_path, compact(cell))
    before = home.look()

    home.sync()

    config = home.app.config_text(MIMO_ID)
    assert values(config) == expected(cell["config"])
    assert home.look() == before.with_cell(MIMO_ID, compact({**cell, "config": config})).with_live(
        config.encode()
    )


@pytest.mark.parametrize("era", ["openai_responses", "openai_chat", "legacy"])
@pytest.mark.parametrize("host", [MIMO_HOST, TOKEN_PLAN_CN, TOKEN_PLAN_SGP, TOKEN_PLAN_AMS])
def test_presets_of_every_era_and_region_are_taken_over(tmp_path: Path, era: Era, host: str) -> None:
    key = "sk-fake-1" if host == MIMO_HOST else "tp-fake-1"
    row = token_plan_row(era=era, host=host, key=key)
    home = Home(tmp_path).with_current(row)
    before = home.look()

    report = home.sync()

    assert report.warnings == []
    assert home.known.upstream == f"https://{host}/v1"
    taken = home.look()
    assert taken == taken_over(before, row, was=f"https://{host}/v1", key=key)
    home.restore()
    assert home.look() == given_back(before)


STRANGE_JSON = (
    '{ "auth" : {"OPENAI_API_KEY":"%s"},\n\t"config":"%s" , "n": 1.10, "big": 123456789012345678901234567890,'
    ' "escaped":"\\u5c0f\\/", "config2":"base_url" }'
)


def test_all_around_the_text_stays_as_it_is_written(tmp_path: Path) -> None:
    text = TEXTS["not-ascii"]
    escaped = json.dumps(text)[1:-1].replace("/", "\\/")
    cell = STRANGE_JSON % (MIMO_KEY, escaped)
    home = home_with(tmp_path, cell)
    before = home.look()

    home.sync()

    config = home.app.config_text(MIMO_ID)
    assert home.app.row_text(MIMO_ID) == STRANGE_JSON % (
        MIMO_KEY,
        json.dumps(config, ensure_ascii=False)[1:-1],
    )
    home.restore()
    assert home.look().database == before.database


def test_a_row_that_holds_nothing_of_ours_is_not_written_anew_by_a_restore(tmp_path: Path) -> None:
    home = home_with(tmp_path, compact({"auth": {"OPENAI_API_KEY": MIMO_KEY}, "config": TEXTS["preset"]}))
    home.sync()
    rewritten = STRANGE_JSON % (MIMO_KEY, json.dumps(TEXTS["not-ascii"])[1:-1].replace("/", "\\/"))
    home.app.save_dialog(home.app.open_dialog(MIMO_ID))
    with home.app._database() as database:
        database.execute("UPDATE providers SET settings_config=?", (rewritten,))

    home.restore()

    assert home.app.row_text(MIMO_ID) == rewritten


def test_a_whole_endpoint_comes_back_as_such(tmp_path: Path) -> None:
    text = TEXTS["preset"].replace(MIMO_URL, f"{MIMO_URL}/chat/completions")
    cell = compact({"auth": {"OPENAI_API_KEY": MIMO_KEY}, "config": text})
    home = home_with(tmp_path, cell, meta='{"isFullUrl":true,"apiFormat":"openai_chat"}')

    home.sync()
    assert home.known.upstream == MIMO_URL
    assert values(home.app.config_text(MIMO_ID)) == expected(text)

    home.restore()
    assert home.app.row_text(MIMO_ID) == cell


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        pytest.param('{"auth":', "is not valid JSON", id="broken-json"),
        pytest.param("[]", "is not a JSON object", id="no-object"),
        pytest.param('{"auth":{}}', "has no configuration", id="no-config"),
        pytest.param('{"config":"model = "}', "is not valid TOML", id="broken-toml"),
        pytest.param('{"config":"model = 1"}', "names no provider", id="no-route"),
    ],
)
def test_a_broken_row_stops_the_run_with_its_reason_and_stays(tmp_path: Path, cell: str, why: str) -> None:
    home = Home(tmp_path).with_current(other_vendor_row(), ProviderRow(MIMO_ID, "Xiaomi MiMo", cell))
    before = home.look()

    with pytest.raises(SyncError, match=why):
        home.sync()

    assert home.look() == before


def test_a_broken_row_does_not_hide_another_that_is_whole(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(token_plan_row(), ProviderRow(MIMO_ID, "Xiaomi MiMo", "{"))
    before = home.look()

    home.sync()

    row = token_plan_row()
    assert home.look() == taken_over(
        before, row, was=f"https://{TOKEN_PLAN_CN}/v1", key="tp-fake-mimo-key-0001"
    )


def test_a_row_without_a_key_is_not_touched(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(key=" "))
    before = home.look()

    with pytest.raises(SyncError, match="Xiaomi MiMo API key is empty"):
        home.sync()

    assert home.look() == before


def test_a_row_without_a_key_gets_no_header_where_the_proxy_has_a_key(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(key=""))

    home.sync(api_key="sk-fake-of-the-proxy")

    for text in (home.app.config_text(MIMO_ID), home.app.live_text()):
        assert values(text)["model_providers"]["custom"]["base_url"] == LOCAL
        assert "sk-fake-of-the-proxy" not in text
        assert "http_headers" not in text


def test_of_several_mimo_rows_the_current_one_is_taken(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(mimo_row(), token_plan_row(), mimo_row(id="copy", name="小米"))
    before = home.look()

    home.sync()

    assert home.look() == taken_over(before, mimo_row())


def test_of_several_mimo_rows_none_is_taken_without_a_choice(tmp_path: Path) -> None:
    home = Home(tmp_path).with_current(other_vendor_row(), mimo_row(), token_plan_row())
    before = home.look()

    with pytest.raises(SyncError, match=rf"several Xiaomi MiMo providers.*{MIMO_ID}.*{token_plan_row().id}"):
        home.sync()

    assert home.look() == before
    assert BACKUP not in before.files
