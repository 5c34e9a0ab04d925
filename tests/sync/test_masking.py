"""The diff of a dry run shows what changes, and no secret of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.sync.masking import MASK, masked, masked_diff
from ccmimolink.sync.toml_text import Change, changed
from tests.sync.cc_switch_presets import config_text
from tests.sync.toml_texts import LOCAL, UPSTREAM

Draw = Callable[[st.SearchStrategy[Any]], Any]

SECRET = "Zq9x-fake secret"

_CHARACTERS = st.sampled_from("abcXYZ019-_.+/=\"'\\#[]{}, é小")
_SECRETS = st.text(_CHARACTERS, min_size=8, max_size=20).map(lambda text: f"Q{text}Q")
_LOOKS = st.from_regex(r"\A(sk-|tp-|ttp-|ghp_|xoxb-|eyJ)[A-Za-z0-9_]{12,30}\Z")


def _quoted(draw: Draw, value: str) -> str:
    basic: str = tomlkit.string(value).as_string()
    escaped = '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    forms = [basic, escaped, f'"""\n{basic[1:-1]}"""', *([f"'{value}'"] if "'" not in value else [])]
    form: str = draw(st.sampled_from(forms))
    return form


@st.composite
def _configs(draw: Draw) -> tuple[str, list[str]]:
    """A configuration with secrets everywhere, and these as they are written in it and as they are meant."""
    kept: list[str] = []

    def secret() -> str:
        value = draw(_SECRETS)
        written = _quoted(draw, value)
        kept.extend([value, written.strip("\"'\n")])
        return written

    def looking() -> str:
        kept.append(draw(_LOOKS))
        return kept[-1]

    tables = [
        f"[model_providers.custom]\nbase_url = '{UPSTREAM}'\nexperimental_bearer_token = {secret()}\n"
        f"http_headers = {{ X-Team = {secret()}, Authorization = {secret()} }}\n",
        f"[model_providers.b]\nquery_params.x = {secret()}\nhttp_headers.y = {secret()}\n",
        f"[mcp_servers.a]\nargs = ['-y', '--x={looking()}', '{looking()}']\nenv = {{ A = {secret()} }}\n",
        f"[mcp_servers.b]\nargs = [\n  '--api-key', # note\n  {secret()},\n]\n"
        f"[mcp_servers.b.env]\nB = {secret()}\n",
        f"[mcp_servers.c]\nurl = 'https://u:{looking()}@h/mcp?k={looking()}'\nhttp_headers.z = {secret()}\n",
        f"[[x]]\npassword = {secret()}\n[x.headers]\nA = {secret()}\n",
        f"# api_key = {secret()[1:-1].replace(chr(10), '')}\n# {looking()}\n",
        f"[y]\nauth = {{ user = {secret()}, other = [{secret()}] }}\n",
    ]
    top = [f"model_provider = 'custom' # {looking()}", f"some_token = {secret()}"]
    return "\n".join([*top, *draw(st.permutations(tables))]), kept


def _everything(text: str) -> str:
    """All lines, as added ones."""
    return masked_diff("", text, "name") + masked_diff(text, "", "name")


@settings(deadline=None)
@given(_configs())
def test_no_secret_of_a_configuration_is_shown(config: tuple[str, list[str]]) -> None:
    text, secrets = config

    shown = _everything(text)

    assert [secret for secret in secrets if secret in shown] == []


@settings(deadline=None)
@given(_configs())
def test_no_secret_of_a_broken_configuration_is_shown(config: tuple[str, list[str]]) -> None:
    text, secrets = config

    shown = _everything(text + "\nbroken = [")

    assert [secret for secret in secrets if secret in shown] == []


class TestSecrets:
    @pytest.mark.parametrize(
        "line",
        [
            f"experimental_bearer_token = '{SECRET}'",
            f"API_KEY = '{SECRET}'",
            f"a.http_headers = {{ X-Team = '{SECRET}' }}",
            f"a.env.HOME = '{SECRET}'",
            f"args = ['--token', '{SECRET}']",
            f"args = ['Authorization: Bearer {SECRET}']",
            f"http_headers = {{ A = '''{SECRET}''' }}",
            f"password = '''\nb\n{SECRET}\n'''",
            f"a.auth = {{ b = '{SECRET}' }}",
            f"# api_key = '{SECRET}'",
            f"# http_headers = {{ X-Team = '{SECRET}' }}",
            f"a = 1 # token: {SECRET}",
            f"url = 'https://user:{SECRET.replace(' ', '')}@host/'".replace(
                SECRET.replace(" ", ""), "Zq9x-fake"
            ),
            "url = 'https://host/mcp?Zq9x-fake'",
            "a = 'sk-Zq9x-fake'",
            "b = 'eyJZq9x-fake-fake.x.y'",
            "env.PIN = 'Zq9x'",
        ],
    )
    def test_are_hidden_by_place_by_name_and_by_look(self, line: str) -> None:
        assert "Zq9x" not in _everything(f"{line}\n")

    @pytest.mark.parametrize(
        "line",
        [
            "base_url = 'https://host/Zx81kLm2Qp/v1'",
            "base_url = 'https://host/v1/3f0c1de2-76aa-4ccd-9b0e-0123456789ab'",
            "base_url = 'https://host:81/api/0123456789abcdef0123/v1' # mine",
            "# base_url = 'https://host/Zx81kLm2Qp'",
            "a = 1 # the old one was Zx81kLm2Qp",
            "env_key = 'Zx81kLm2Qp'",
            "env_key = 'zx81klm2qp'",
            "env_key = 'ZX81KLM2QPZX81KLM2QP'",
            "[model_providers.a]\nenv_key = 'zx-81'",
            "[mcp_servers.a]\nbearer_token_env_var = 'Zx81kLm2Qp'",
            "[mcp_servers.a]\nenv_vars = ['HOME', 'Zx81kLm2Qp']",
        ],
    )
    def test_are_hidden_without_any_prefix(self, line: str) -> None:
        shown = _everything(f"{line}\n")

        for secret in ("Zx81kLm2Qp", "zx81", "ZX81", "zx-81", "3f0c1de2", "0123456789abcdef0123"):
            assert secret not in shown

    def test_of_lines_that_stay_are_not_shown_whatever_they_look_like(self) -> None:
        beside = "# {}: swordfish\n"
        text = f"{beside.format('one')}base_url = '{UPSTREAM}'\n{beside.format('two')}"

        diff = masked_diff(text, text.replace(UPSTREAM, LOCAL), "n")

        assert diff.splitlines()[2:] == [
            "@@ -2 +2 @@",
            f"-base_url = '{UPSTREAM}'",
            f"+base_url = '{LOCAL}'",
        ]

    def test_are_hidden_wherever_else_they_stand(self) -> None:
        text = f"# mine is {SECRET}\na = '{SECRET}'\nhttp_headers.b = '{SECRET}'\n"

        assert SECRET not in _everything(text)

    def test_that_are_known_beforehand_are_hidden(self) -> None:
        assert masked_diff("", "a = 'short'\n", "n", ["short"]).endswith(f"+a = '{MASK}'\n")

    def test_are_hidden_in_numbers_too_where_only_secrets_stand(self) -> None:
        assert "271828" not in _everything("[a.env]\nPIN = 271828\n")

    def test_a_longer_one_that_begins_like_another_is_hidden_whole(self) -> None:
        assert masked("abcdef abc", {"abc", "abcdef"}) == f"{MASK} {MASK}"


class TestReadable:
    def test_a_takeover_is_shown_with_the_addresses(self) -> None:
        before = config_text("xiaomi_mimo_token_plan", "xiaomi_mimo_token_plan", UPSTREAM, "mimo-v2.5-pro")
        table = ("model_providers", "xiaomi_mimo_token_plan")
        after = changed(
            before,
            [
                Change((*table, "base_url"), LOCAL),
                Change((*table, "http_headers", "X-Mimo-Api-Key"), "sk-fake-written-key"),
            ],
        )

        assert masked_diff(before, after, "config.toml") == (
            "--- config.toml (now)\n"
            "+++ config.toml (then)\n"
            "@@ -8 +8,2 @@\n"
            f'-base_url = "{UPSTREAM}"\n'
            f'+base_url = "{LOCAL}"\n'
            f'+http_headers = {{ "X-Mimo-Api-Key" = "{MASK}" }}\n'
        )

    def test_a_key_that_changes_is_shown_to_change(self) -> None:
        diff = masked_diff("api_key = 'fake-one'\n", "api_key = 'fake-two'\n", "n")

        assert diff.splitlines()[-2:] == [f'-api_key = "{MASK}"', f'+api_key = "{MASK}"']

    @pytest.mark.parametrize(
        "line",
        [
            'model_provider = "custom"',
            "requires_openai_auth = true",
            "model_auto_compact_token_limit = 100000",
            'env_key = "MIMO_API_KEY"',
            'bearer_token_env_var = "MY_VARIABLE"',
            'args = ["-y", "@modelcontextprotocol/server-filesystem", "/home/a"]',
            "[projects.'/home/a/token-ring']\ntrust_level = 'trusted'",
            "[model_providers.keyed]\nname = 'x'",
            "# the model is chosen here",
            "base_url = 'https://token-plan-cn.xiaomimimo.com/v1'",
            "base_url = 'http://127.0.0.1:9876/v1'",
            "base_url = 'https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions'",
            "base_url = 'https://host/v1' # since 2026-01-31, with mimo-v2.5-pro",
            "url = 'https://api.githubcopilot.com/mcp/x-oss/readonly'",
            "[mcp_servers.a]\nenv_vars = ['HOME', 'LC_ALL', '_X']",
            "env_key = 'OPENAI_COMPATIBLE_API_KEY_2'",
        ],
    )
    def test_what_is_no_secret_is_shown_as_it_is(self, line: str) -> None:
        shown = masked_diff("", f"{line}\n", "n").splitlines()[3:]

        assert shown == [f"+{one}" for one in line.splitlines()]

    def test_what_stands_beside_a_hidden_table_stays(self) -> None:
        text = "a = 1\nauth = { user = 'fake-user', other = ['fake-other'] } # mine\nb = 2\n"

        shown = masked_diff("", text, "n").splitlines()[3:]

        assert shown == ["+a = 1", f'+auth = "{MASK}" # mine', "+b = 2"]

    def test_a_short_secret_hides_no_other_words(self) -> None:
        shown = masked_diff("", "env.PORT = '1'\nbase_url = 'http://127.0.0.1:9876/v1'\n", "n")

        assert "+base_url = 'http://127.0.0.1:9876/v1'" in shown

    def test_a_name_with_a_newline_is_no_second_header(self) -> None:
        head = masked_diff("", "a = 1\n", "provider a\n+++ b\x1b[2J").splitlines()[:2]

        assert head == [
            f"{sign} provider a\ufffd+++ b\ufffd[2J ({when})"
            for sign, when in (("---", "now"), ("+++", "then"))
        ]

    def test_texts_that_are_the_same_have_no_diff(self) -> None:
        assert masked_diff("a = 1\n", "a = 1\n", "n") == ""

    def test_a_byte_order_mark_and_crlf_are_no_part_of_a_line(self) -> None:
        assert masked_diff("\ufeffa = 1\r\n", "\ufeffa = 2\r\n", "n").splitlines()[-2:] == [
            "-a = 1",
            "+a = 2",
        ]
