"""The README against the program: what it shows is what there is."""

from __future__ import annotations

import configparser
import os
import re
import textwrap
import tomllib
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from typing import Any, NoReturn

import pytest
from zope.interface.verify import verifyObject

import ccmimolink.interfaces
from ccmimolink.background.command import run as run_service
from ccmimolink.control.command import run as run_model
from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.core.scan import Channel, FallbackParser, Scanner, ToolCall
from ccmimolink.core.tools import FlatTool, ToolKind
from ccmimolink.doctor.command import parsed
from ccmimolink.interfaces import IFallbackParser, IRequestTransform
from ccmimolink.mimocode.command import main as run_mimo_setup
from ccmimolink.mimocode.errors import Code
from ccmimolink.mimocode.provider import AUDITED, GONKAGATE
from ccmimolink.options import Options
from ccmimolink.plugins import PluginSet
from ccmimolink.setting_rows import SETTINGS
from ccmimolink.sync.command import run as run_sync
from ccmimolink.sync.errors import HEADINGS
from tests.core.scan_parts import scanned, source_of
from tests.faults.cell_count import CELL_COUNT
from tests.readme_halves import ENGLISH as README


def sync_options() -> set[str]:
    """The options of ``ccmimolink-sync``, as its help names them."""
    with redirect_stdout(StringIO()) as shown:
        run_sync(["--help"], {}, StringIO(), StringIO())
    return set(re.findall(r"--([a-z][a-z-]+)", shown.getvalue()))


def block(marker: str) -> str:
    """The fenced block that follows a marker comment."""
    match = re.search(rf"<!-- {marker} -->\n\s*```\w*\n(.*?)\n\s*```", README, re.DOTALL)
    assert match is not None, marker
    return textwrap.dedent(match[1])


def test_the_table_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    shown = [(name, default, meaning) for name, default, meaning in rows if name.isupper()]
    expected = []
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "empty"
        option = f" (`--{setting.option}`)" if setting.option else ""
        expected.append((setting.name, default, setting.meaning.replace(f"'{os.pathsep}'", "':'") + option))
    assert shown == expected


def test_the_number_of_faults_is_that_of_the_tables() -> None:
    (shown,) = re.findall(r"<!-- fault-cells -->([\d,]+)<!-- /fault-cells -->", README)
    assert int(shown.replace(",", "")) == CELL_COUNT


def test_the_codex_configuration_is_toml_and_names_a_provider_that_is_not_openai() -> None:
    config = tomllib.loads(block("codex-config"))
    provider = config["model_providers"][config["model_provider"]]
    assert provider["name"] != "OpenAI"
    assert provider["wire_api"] == "responses"


def test_the_plugin_example_is_a_working_plugin() -> None:
    namespace: dict[str, Any] = {}
    exec(block("plugin-example"), namespace)
    plugin = namespace["short_answers"]
    assert verifyObject(IRequestTransform, plugin)
    assert plugin.transform(ResponsesRequest(), None).max_output_tokens == 2000


def test_the_parser_example_is_a_working_plugin() -> None:
    namespace: dict[str, Any] = {}
    exec(block("parser-example"), namespace)
    plugin = namespace["bracket_calls"]
    assert verifyObject(IFallbackParser, plugin)
    tools = [FlatTool(kind=ToolKind.FUNCTION, name="shell")]
    parser = FallbackParser(plugin.name, plugin.markers, partial(plugin.begin, tools))
    call = '[[call shell {"cmd": "ls"}]]'
    text = f"First:\n{call}\nthen `{call}`, [[call rm {{}}]], [[call shell no]] and [[call"
    for pieces in ([text], list(text)):
        parts = scanned(Scanner([parser], Channel.TEXT), pieces)
        assert source_of(parts) == text
        assert [part.arguments for part in parts if isinstance(part, ToolCall)] == ['{"cmd": "ls"}']


def test_the_plugin_package_installs_the_plugin_and_nothing_of_twisteds() -> None:
    package = configparser.ConfigParser()
    package.read_string(block("plugin-package"))
    assert dict(package["options"]) == {"packages": "twisted.plugins"}
    assert set(package["metadata"]) == {"name", "version"}


def test_the_model_list_is_saved_where_the_configuration_looks_for_it() -> None:
    (saved,) = re.findall(r"mkdir -p ~/.codex && curl -fsS \S+/v1/models -o ~/(\S+)", README)
    assert tomllib.loads(block("codex-config"))["model_catalog_json"].endswith(f"/{saved}")


def test_the_troubleshooting_headings_are_those_that_messages_use() -> None:
    part = README[README.index("## Troubleshooting") : README.index("### Everything else")]
    assert tuple(re.findall(r"^### (.*)$", part, re.MULTILINE)) == HEADINGS


def test_the_guide_to_the_sync_lists_every_option_of_it() -> None:
    table = README[README.index("<!-- sync-options -->") : README.index("It ends with 0")]
    assert set(re.findall(r"--([a-z-]+)", table)) >= sync_options() - {"help", "version"}


def service_options() -> set[str]:
    """The options of ``ccmimolink-service``'s verbs, as their help names them."""
    with redirect_stdout(StringIO()) as shown:
        for verb in ("install", "uninstall", "status", "logs"):
            run_service([verb, "--help"], no_machine, StringIO(), StringIO())
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", shown.getvalue()))


def no_machine() -> NoReturn:
    raise AssertionError("help asks nothing of the machine")


def test_the_guide_to_the_service_lists_every_option_of_it() -> None:
    table = README[README.index("<!-- service-options -->") : README.index("**From boot on.**")]
    assert set(re.findall(r"--([a-z-]+)", table)) >= service_options() - {"help", *Options().synonyms}


def model_options() -> set[str]:
    """The options of ``ccmimolink-model``, as its help names them."""
    with redirect_stdout(StringIO()) as shown:
        run_model(["--help"], {}, StringIO())
    return set(re.findall(r"(?m)^  (?:-\w, )?--([a-z][a-z-]+)", shown.getvalue()))


def test_the_guide_to_the_choice_of_a_model_lists_every_option_and_command_of_it() -> None:
    table = README[README.index("| `ccmimolink-model` |") : README.index("An option or variable of the")]
    assert set(re.findall(r"--([a-z][a-z-]+)", table)) >= model_options() - {"help", "version"}
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) >= {"list", "set", "reset", "status"}


def doctor_options() -> set[str]:
    """The options of ``ccmimolink-doctor``, as its help names them."""
    with redirect_stdout(StringIO()) as shown, suppress(SystemExit):
        parsed(["--help"])
    return set(re.findall(r"(?m)^  (?:-\w, )?--([a-z][a-z-]+)", shown.getvalue()))


def test_the_guide_to_the_doctor_lists_every_option_of_it() -> None:
    table = README[README.index("<!-- doctor-options -->") : README.index("It ends with 0 (nothing failed)")]
    assert set(re.findall(r"^\| `--([a-z]+)", table, re.MULTILINE)) == doctor_options() - {
        "help",
        "version",
        "print-completion",
    }


def mimo_options() -> set[str]:
    """The options of ``mimo-code-setup``, as its help names them."""
    with redirect_stdout(StringIO()) as shown:
        run_mimo_setup(["--help"])
    return set(re.findall(r"--([a-z][a-z-]+)", shown.getvalue()))


def mimo_part() -> str:
    return README[README.index("## MiMoCode with GonkaGate") : README.index("## Development")]


def test_the_guide_to_the_mimocode_setup_lists_every_option_of_it() -> None:
    table = mimo_part()[mimo_part().index("<!-- mimo-options -->") : mimo_part().index("It ends with 0")]
    assert set(re.findall(r"--([a-z-]+)", table)) >= mimo_options()


def test_every_error_code_of_the_mimocode_setup_is_explained() -> None:
    table = mimo_part()[mimo_part().index("| `errorCode` |") :]
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| .*\|$", table, re.MULTILINE)
    assert sorted(code for row in rows for code in re.findall(r"`([a-z_]{6,})`", row)) == sorted(Code)


def test_the_mimocode_setup_is_described_with_what_it_really_uses() -> None:
    for fact in (
        AUDITED.install,
        AUDITED.version,
        GONKAGATE.catalog_url,
        GONKAGATE.secret_reference,
        GONKAGATE.key_variable,
        *GONKAGATE.validated,
    ):
        assert fact in mimo_part()


@pytest.mark.parametrize(
    "interface", [name for name in vars(ccmimolink.interfaces) if re.fullmatch("I(?!Plugin)[A-Z]\\w+", name)]
)
def test_every_interface_is_in_the_plugin_guide(interface: str) -> None:
    assert f"| `{interface}` |" in README


def test_every_builtin_plugin_is_in_the_plugin_guide() -> None:
    plugins = PluginSet.load(plugin_path=(), third_party=False, disabled=())
    for line in plugins.describe().splitlines():
        _interface, _priority, name, *_where = line.split()
        assert f"`{name}`" in README


def test_every_option_that_is_mentioned_exists() -> None:
    of_commands = sync_options() | service_options() | model_options() | mimo_options() | doctor_options()
    known = set(Options().synonyms) | {"without-pip"} | of_commands
    commands = {
        "json",
        "last",
        "skip-git-repo-check",
        "config-settings",
        "upgrade",
        "pidfile",
        "pure",
        "spec",
        "from",
        "help",
        "logger",
        "cases",
        "rounds",
        "peers",
        "table",
        "plot",
        "quick-ack",
        "record",
        "platform",
        "user",
    }
    mentioned = set(re.findall(r"(?<![\w-])--([a-z][\w.-]*[\w])", README))
    assert mentioned - commands <= known
