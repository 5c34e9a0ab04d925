"""The real Codex with what a takeover leaves it: each kind of provider in cc switch, and Codex by itself.

A run after the takeover may complain of what the same configuration made Codex complain of before, and of
nothing else.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e import calculator_mcp
from tests.e2e.proxy import Proxy, RecordingMimo
from tests.e2e.taken_over import User
from tests.sync.cc_switch_presets import (
    MIMO_HOST,
    TOKEN_PLAN_CN,
    compact,
    config_text,
    mimo_row,
    other_vendor_row,
    token_plan_row,
)
from tests.sync.cc_switch_schema import ProviderRow

pytestmark = pytest.mark.codex

UPSTREAM = f"https://{MIMO_HOST}/v1"
PRESET = config_text("custom", "xiaomi_mimo", UPSTREAM, "mimo-v2.5-pro")
TOP = 'model_provider = "custom"\nmodel = "mimo-v2.5-pro"\n'
INLINE = (
    f"{TOP}[model_providers]\n"
    f'custom = {{ name = "xiaomi_mimo", base_url = "{UPSTREAM}", wire_api = "responses", '
    "requires_openai_auth = true } # note\n"
)
DOTTED = (
    f'{TOP}model_providers.custom.name = "xiaomi_mimo"\n'
    f'model_providers.custom.base_url = "{UPSTREAM}" # note\n'
    "model_providers.custom.requires_openai_auth = true\n\n[features]\ngoals = false\n"
)
HEADERS = (
    f'{PRESET}\n\n[model_providers.custom.http_headers]\nx-mimo-api-key = "an-older-one" # note\n'
    '"X-Other" = "other"\n'
)
NO_METADATA = "Model metadata for `mimo-v2.5-pro` not found"
HELLO = "Hello! This is the simulated mimo-v2.5-pro. You asked: “how are you?”."

MakeRow = Callable[[str], ProviderRow]


def row_with(text: str) -> MakeRow:
    """The preset's row with another text, and without a catalog."""

    def make(key: str) -> ProviderRow:
        settings = {"auth": {"OPENAI_API_KEY": key}, "config": text}
        return replace(mimo_row(key=key), settings_config=compact(settings))

    return make


def row_with_token(key: str) -> ProviderRow:
    """The key is in the text only."""
    settings = {"auth": {}, "config": f'{PRESET}\nexperimental_bearer_token = "{key}"\n'}
    return replace(mimo_row(), settings_config=compact(settings))


@dataclass(frozen=True)
class Case:
    """:ivar edit: what the user's editor made of the live configuration.
    :ivar by_command: taken over by ``ccmimolink-sync``; else by the proxy's start.
    """

    name: str
    row: MakeRow
    by_command: bool
    upstream: str = UPSTREAM
    key_prefix: str = "sk-"
    preserve: bool = False
    edit: Callable[[bytes], bytes] = bytes

    def __str__(self) -> str:
        return self.name


def with_crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


CASES = (
    Case("the preset", lambda key: mimo_row(key=key), by_command=True),
    Case("the preset without a catalog", lambda key: mimo_row(key=key, catalog=False), by_command=True),
    Case("the preset of the chat era", lambda key: mimo_row(key=key, era="openai_chat"), by_command=False),
    Case(
        "an old preset with an id of its own",
        lambda key: mimo_row(key=key, era="legacy", catalog=False),
        by_command=True,
    ),
    # Not with its own beginning (tp-): such a key goes to no host but a token plan's.
    Case(
        "the token plan",
        lambda key: token_plan_row(key=key),
        by_command=False,
        upstream=f"https://{TOKEN_PLAN_CN}/v1",
        key_prefix="",
    ),
    Case("an inline table", row_with(INLINE), by_command=True),
    Case("dotted keys", row_with(DOTTED), by_command=False),
    Case("headers in a table", row_with(HEADERS), by_command=True),
    Case("CRLF in both", row_with(PRESET.replace("\n", "\r\n")), by_command=True),
    Case("CRLF in the file", lambda key: mimo_row(key=key), by_command=False, edit=with_crlf),
    Case(
        "a byte order mark and CRLF",
        row_with(PRESET),
        by_command=True,
        edit=lambda text: b"\xef\xbb\xbf" + with_crlf(text),
    ),
    Case("auth.json preserved", lambda key: mimo_row(key=key), by_command=False, preserve=True),
    Case("the key in the text only", row_with_token, by_command=True, preserve=True),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_codex_is_answered_through_the_proxy_and_complains_of_nothing_new(
    case: Case, user: User, bystander: Proxy, mimo: RecordingMimo
) -> None:
    key = user.new_key(case.key_prefix)
    app = user.install_app(preserve_official_auth=case.preserve)
    row = case.row(key)
    app.add(row)
    app.switch(row.id)
    user.config.write_bytes(case.edit(user.config.read_bytes()))
    before = user.exec_before(bystander, case.upstream)
    assert not user.catalog_in_config()
    mimo.forget()
    auth = user.auth.read_bytes() if user.auth.exists() else None

    if case.by_command:
        assert "Restart Codex" in user.lead_to(bystander)
    else:
        user.start_proxy()
    assert (user.auth.read_bytes() if user.auth.exists() else None) == auth
    assert case.upstream not in user.config.read_bytes().decode()
    has_own_catalog = "modelCatalog" in json.loads(row.settings_config)
    assert user.catalog_in_config() is not has_own_catalog
    if case.by_command:
        # This proxy knows of no takeover, and with this it would send another key than that of our header.
        user.log_in(user.new_key())

    run = user.exec()
    assert run.message.startswith(HELLO)
    assert set(run.warnings) <= set(before.warnings)
    assert any(NO_METADATA in warning for warning in before.warnings) is not has_own_catalog
    assert not any(NO_METADATA in warning for warning in run.warnings)
    assert mimo.keys() == [key]


def test_with_our_catalog_codex_patches_and_offers_all_models_and_without_it_starts_again(
    user: User, bystander: Proxy, mimo: RecordingMimo
) -> None:
    row = mimo_row(key=user.new_key(), catalog=False)
    user.app.add(row)
    user.app.add(other_vendor_row(key=user.new_key()))
    user.app.switch(row.id)
    original, bundled = user.config.read_bytes(), set(user.models("--bundled"))
    user.exec_before(bystander, UPSTREAM)
    assert "apply_patch" not in tools(mimo)

    user.lead_to(bystander)
    mimo.forget()
    patch = "*** Begin Patch\n*** Add File: notes.txt\n+made with a patch\n*** End Patch"
    run = user.exec(f"call apply_patch <<\n{patch}")
    assert "apply_patch" in tools(mimo)
    assert (user.codex.workspace / "notes.txt").read_text() == "made with a patch\n"
    assert [item["status"] for item in run.items("file_change")] == ["completed"]
    served = [model["slug"] for model in json.loads(bystander.catalog.read_bytes())["models"]]
    assert "mimo-v2.5-pro" in served
    assert "gpt-5.5" in bundled
    assert sorted(user.models()) == sorted({*served, *bundled})

    user.sync("--restore")
    assert user.config.read_bytes() == original
    assert not user.catalog.exists()
    assert set(user.models()) == bundled
    # As before the takeover, but that no test calls MiMo itself.
    elsewhere = f'model_providers.custom.base_url="{bystander.base_url}"'
    assert user.exec("how are you?", "-c", elsewhere).message.startswith(HELLO)


def tools(mimo: RecordingMimo) -> list[str]:
    """The names of the tools in the first request."""
    return [tool["function"]["name"] for tool in mimo.requests()[0]["tools"]]


def test_without_cc_switch_a_fresh_codex_gets_a_complete_route(
    user: User, bystander: Proxy, mimo: RecordingMimo
) -> None:
    key = user.new_key()
    user.sync("--codex-only", "--api-key-stdin", "--port", str(bystander.port), stdin=f"{key}\n")
    assert user.exec().quiet().message.startswith("Hello!")
    assert mimo.keys() == [key]
    assert "apply_patch" in tools(mimo)
    assert set(user.models()) > set(user.models("--bundled"))
    user.sync("--restore")
    assert not user.catalog.exists()
    assert not user.config.exists() or tomllib.loads(user.config.read_text()) == {}
    user.models()


CONFIG = f"""\
# What I use most.
model = "gpt-5.5" # for now
model_provider = "mine"
approval_policy = "never"

# It runs on the machine below the desk.
[model_providers.mine]
name = "Mine"
base_url = "http://127.0.0.1:9/v1" # no TLS
wire_api = "responses"

[mcp_servers.calculator]
command = "{sys.executable}" # this one
args = ["{Path(calculator_mcp.__file__)}"]
"""


def test_without_cc_switch_a_configuration_that_is_there_keeps_what_else_is_in_it(
    user: User, bystander: Proxy, mimo: RecordingMimo
) -> None:
    key, other = user.new_key(), user.new_key()
    user.config.parent.mkdir()
    user.config.write_text(CONFIG)
    user.log_in(other)
    user.sync("--codex-only", "--port", str(bystander.port), MIMO_API_KEY=key)
    run = user.exec('call add {"a": 19, "b": 23}').quiet()
    [call] = run.items("mcp_tool_call")
    assert (call["server"], call["status"]) == ("calculator", "completed")
    assert set(mimo.keys()) == {key}
    after = user.config.read_text()
    # The two values that were changed stand above it.
    assert CONFIG.split("approval_policy")[1] in after
    assert all(note in after for note in re.findall("# .*", CONFIG))
    assert set(user.models()) > set(user.models("--bundled"))
    assert json.loads(user.auth.read_text()) == {"OPENAI_API_KEY": other}
    user.sync("--restore")
    assert user.config.read_text() == CONFIG
    assert not user.catalog.exists()
    user.models()


def test_no_key_is_shown_by_any_command_nor_left_for_others_to_read(user: User, mimo: RecordingMimo) -> None:
    # The user looks for the key in all that was printed, and in every command line, when it ends.
    former, present = user.new_key(), user.new_key()
    row = mimo_row(key=former)
    user.app.add(row)
    user.app.switch(row.id)
    user.config.chmod(0o644)
    user.sync("--dry-run")
    user.sync("--status", "--json", status=1)
    proxy = user.start_proxy("--restore-on-stop")
    assert user.files_with_keys_for_others() == []
    user.exec()
    user.app.edit_in_dialog(row.id, lambda form: {**form, "auth": {"OPENAI_API_KEY": present}})
    mimo.reject(present)
    assert user.codex.exec("how are you?").failures
    # It says that Codex still has the former key, which the proxy does not send.
    user.sync("--status", "--port", str(proxy.port))
    for options in ("--dry-run --json", "", "--status", "--restore --dry-run"):
        user.lead_to(proxy, *options.split())
    assert user.files_with_keys_for_others() == []
    user.stop_proxy(proxy)
    user.sync("--provider", "nobody's", status=1)
    user.sync("--restore", "--json")
