"""The command line: what each option comes to, and how a bad one is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccmimolink import __version__
from ccmimolink.options import Options
from ccmimolink.setting_rows import SETTINGS
from ccmimolink.settings import Settings
from ccmimolink.startup import StartFailed

FAKE_KEY = "sk-fake-0123456789"


def parse(*arguments: str, **environ: str) -> Settings:
    options = Options(environ)
    options.parseOptions(arguments)
    return options.settings


def refusal(*arguments: str, **environ: str) -> str:
    with pytest.raises(StartFailed) as caught:
        parse(*arguments, **environ)
    line = caught.value.code
    assert isinstance(line, str)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("arguments", "attribute", "value"),
    [
        (["--port", "1234"], "listen", "tcp:1234:interface=127.0.0.1"),
        (["-p", "0"], "port", 0),
        (["--listen", "unix:/tmp/x.sock"], "listen", "unix:/tmp/x.sock"),
        (["--base-url", "https://example.test/v1/"], "base_url", "https://example.test/v1"),
        (["--model", "mimo-v2.6-pro"], "model", "mimo-v2.6-pro"),
        (["-m", "mimo-v2.6-pro"], "model_chosen", True),
        (["--v2.5"], "model", "mimo-v2.5"),
        (["--v2.5"], "model_chosen", True),
        (["--v2.5-pro"], "model", "mimo-v2.5-pro"),
        (["--v2.5-pro", "--model=mimo-v2.5-pro"], "model", "mimo-v2.5-pro"),
        (["--log", "/tmp/x.log"], "log", Path("/tmp/x.log")),
        (["--skip-sync"], "skip_sync", True),
        (["--demo"], "demo", True),
        (["--demo", "--demo-if-no-key"], "demo", True),
        (["--demo-if-no-key"], "demo", True),
        (["--plugin-path", "/one", "--plugin-path", "/two"], "plugin_path", (Path("/one"), Path("/two"))),
        (["--max-concurrent", "4"], "max_concurrent", 4),
        (["--min-interval-ms", "0"], "min_interval", 0.0),
    ],
)
def test_an_option_becomes_a_setting(arguments: list[str], attribute: str, value: object) -> None:
    assert getattr(parse(*arguments), attribute) == value


def test_without_options_the_environment_decides() -> None:
    assert parse(MIMO_PROXY_PORT="1234", MIMO_PROXY_SKIP_CC_SWITCH_SYNC="1").skip_sync is True


def test_an_option_wins_over_its_variable() -> None:
    assert parse("--model", "mimo-v2.5", MIMO_MODEL="mimo-v2.5-pro").model == "mimo-v2.5"


def test_a_port_wins_over_an_endpoint_of_the_environment() -> None:
    settings = parse("--port", "1234", MIMO_PROXY_LISTEN="unix:/tmp/x.sock")

    assert settings.listen == "tcp:1234:interface=127.0.0.1"


def test_a_key_in_the_environment_makes_the_demo_needless() -> None:
    assert parse("--demo-if-no-key", MIMO_API_KEY=FAKE_KEY).demo is False


def test_the_demo_can_be_had_with_a_key() -> None:
    assert parse("--demo", MIMO_API_KEY=FAKE_KEY).demo is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--v2.5", "--v2.5-pro"], "--v2.5 and --v2.5-pro contradict"),
        (["--v2.5", "--model", "mimo-v2.5-pro"], "--v2.5 and --model mimo-v2.5-pro contradict"),
        (["--v2.5-pro", "--model", "other"], "contradict"),
        (["--port", "1", "--listen", "tcp:2:interface=127.0.0.1"], "--port and --listen contradict"),
        (["--port", "x"], "--port is not a whole number: 'x'"),
        (["--port="], "--port needs a value"),
        (["--port"], "--port"),
        (["--listen", "tcp:1"], "MIMO_PROXY_TOKEN"),
        (["--max-concurrent", "0"], "--max-concurrent is out of range: 0"),
        (["--bogus"], "--bogus"),
        (["--demo=yes"], "--demo"),
        (["start"], "'start' is not an option"),
    ],
)
def test_a_bad_command_line_is_answered_with_one_line(arguments: list[str], words: str) -> None:
    line = refusal(*arguments)

    assert line.startswith("ccmimolink: ")
    assert words in line


REQUIRE = {"MIMO_PROXY_REQUIRE_SYNC": "true"}


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["--skip-sync", "--require-sync"], {}, "--skip-sync and --require-sync"),
        (["--skip-sync", "--restore-on-stop"], {}, "--skip-sync and --restore-on-stop"),
        (["--demo", "--require-sync"], {}, "--demo and --require-sync"),
        (["--skip-sync"], REQUIRE, "--skip-sync and MIMO_PROXY_REQUIRE_SYNC"),
        (
            ["--restore-on-stop"],
            {"MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true"},
            "MIMO_PROXY_SKIP_CC_SWITCH_SYNC and --restore-on-stop",
        ),
        ([], REQUIRE | {"MIMO_PROXY_DEMO": "true"}, "MIMO_PROXY_DEMO and MIMO_PROXY_REQUIRE_SYNC"),
        (["--demo-if-no-key"], REQUIRE, "--demo-if-no-key and MIMO_PROXY_REQUIRE_SYNC"),
    ],
)
def test_what_contradicts_each_other_is_refused_by_the_names_that_were_given(
    arguments: list[str], environ: dict[str, str], words: str
) -> None:
    assert f"{words} contradict each other" in refusal(*arguments, **environ)


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--demo", "--skip-sync"], {}),
        (["--demo", "--restore-on-stop"], {}),
        (["--require-sync", "--restore-on-stop"], {}),
        (["--demo-if-no-key", "--require-sync"], {"MIMO_API_KEY": FAKE_KEY}),
    ],
)
def test_what_goes_together_is_not_refused(arguments: list[str], environ: dict[str, str]) -> None:
    parse(*arguments, **environ)


def test_the_help_says_what_a_start_changes_and_how_to_prevent_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")

    shown = " ".join(capsys.readouterr().out.split())
    assert "A start points cc switch's MiMo provider and Codex at the proxy" in shown
    assert "with --skip-sync they are left alone" in shown


def test_a_bad_variable_is_answered_with_one_line() -> None:
    assert refusal(MIMO_PROXY_RETRIES="many").startswith(
        "ccmimolink: MIMO_PROXY_RETRIES is not a whole number"
    )


def test_a_bad_variable_does_not_keep_from_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--help", MIMO_PROXY_RETRIES="many")

    assert caught.value.code == 0
    assert "--demo-if-no-key" in capsys.readouterr().out


def test_the_help_names_every_variable_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")

    shown = "".join(capsys.readouterr().out.split())  # a long default is wrapped
    for setting in SETTINGS:
        assert setting.name in shown
        if setting.default != "false":  # a flag's
            assert setting.default in shown


def test_the_version_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--version")

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"ccmimolink {__version__}\n"


def test_the_active_plugins_are_listed_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--plugins", MIMO_PROXY_THIRD_PARTY_PLUGINS="no")

    assert caught.value.code == 0
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
        ["IRequestTransform", "100", "model-routing"],
        ["IRequestTransform", "200", "image-routing"],
        ["IRequestTransform", "300", "thinking-control"],
        ["IRequestTransform", "400", "json-mode"],
        ["IToolFilter", "100", "hosted-tools"],
        ["IFallbackParser", "100", "xml-tool-call"],
        ["IFallbackParser", "110", "hermes-tool-call"],
        ["IFallbackParser", "120", "glm-tool-call"],
        ["IFallbackParser", "130", "invoke-tool-call"],
        ["IFallbackParser", "140", "kimi-tool-call"],
        ["IFallbackParser", "150", "deepseek-tool-call"],
        ["IFallbackParser", "160", "dsml-tool-call"],
    ]


def test_a_plugin_directory_that_is_missing_is_answered_with_one_line() -> None:
    assert "/no/such/directory does not exist" in refusal("--plugins", "--plugin-path", "/no/such/directory")
