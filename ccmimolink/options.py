"""The command line: ``twistd -n ccmimolink [options]`` and ``twist ccmimolink [options]``.

Owns the options and their help. Each that carries a value overrides a variable of :mod:`ccmimolink.settings`,
which parses and explains it; nothing is parsed here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from twisted.python import usage

from ccmimolink import __version__
from ccmimolink.plugins import PluginSet
from ccmimolink.setting_rows import SETTINGS
from ccmimolink.setting_values import IF_NO_KEY
from ccmimolink.settings import Settings
from ccmimolink.startup import one_line
from ccmimolink.sync.setup import has_key

_SHORT = {"port": "p", "model": "m"}
_VALUED = ("port", "listen", "base-url", "model", "log", "request-log", "max-concurrent", "min-interval-ms")
_FLAGS = ("skip-sync", "require-sync", "restore-on-stop")
_CONTRADICTIONS = (
    ("demo", "require-sync"),
    ("skip-sync", "require-sync"),
    ("skip-sync", "restore-on-stop"),
)
_MODELS = {"v2.5": "mimo-v2.5", "v2.5-pro": "mimo-v2.5-pro"}
_VARIABLES = {setting.option: setting.name for setting in SETTINGS if setting.option}
_MEANINGS = {setting.option: setting for setting in SETTINGS if setting.option}


def _parameter(option: str) -> list[str | None]:
    setting = _MEANINGS[option]
    default = f", default {setting.default}" if setting.default else ""
    return [option, _SHORT.get(option), None, f"{setting.meaning} [{setting.name}{default}]"]


class Options(usage.Options):
    """The options of the ``ccmimolink`` command.

    :ivar settings: what options and environment say together; there once the options were parsed.
    """

    settings: Settings

    synopsis = "[options]"
    longdesc = (
        "A loopback proxy: OpenAI Codex speaks the Responses API to it, and it speaks to Xiaomi MiMo. "
        "A start points cc switch's MiMo provider and Codex at the proxy, and `ccmimolink-sync --restore` "
        "gives them back; with --skip-sync they are left alone."
    )

    optParameters = [_parameter(option) for option in _VALUED]
    optFlags = [
        ["v2.5", None, "the same as --model mimo-v2.5"],
        ["v2.5-pro", None, "the same as --model mimo-v2.5-pro"],
        *([flag, None, f"{_MEANINGS[flag].meaning} [{_VARIABLES[flag]}]"] for flag in _FLAGS),
        ["demo", None, "answer from a simulated MiMo, without key, sync or network [MIMO_PROXY_DEMO]"],
        ["demo-if-no-key", None, "like --demo, but only when neither MIMO_API_KEY nor cc switch has a key"],
        ["plugins", None, "list the active plugins in their order, and exit"],
    ]

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """:param environ: None stands for the environment of this process."""
        usage.Options.__init__(self)
        self._environ = environ
        self._plugin_path: list[str] = []

    def opt_plugin_path(self, directory: str) -> None:
        """directory with further plugins, whose code is run; may be given again [MIMO_PROXY_PLUGIN_PATH]"""
        self._plugin_path.append(directory)

    def opt_version(self) -> None:
        """show the version, and exit"""
        print(f"ccmimolink {__version__}")
        sys.exit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """:raises StartFailed: in place of the ``UsageError`` that twistd answers with pages of help."""
        with one_line():
            usage.Options.parseOptions(self, options)

    def parseArgs(self, *arguments: str) -> None:
        if arguments:
            raise usage.UsageError(f"{arguments[0]!r} is not an option.")

    def postOptions(self) -> None:
        self.settings = Settings.from_environ(self._environ, dict(self._overrides()), key_elsewhere=has_key)
        self._refuse_contradictory_settings()
        if self["plugins"]:
            print(self.load_plugins().describe())
            sys.exit(0)

    def load_plugins(self) -> PluginSet:
        """The plugins as the settings want them.

        :raises PluginError: one of them cannot be used.
        """
        return PluginSet.load(
            plugin_path=self.settings.plugin_path,
            third_party=self.settings.third_party_plugins,
            disabled=self.settings.disabled_plugins,
        )

    def _overrides(self) -> Iterator[tuple[str, str]]:
        self._refuse_contradictions()
        for option in _VALUED:
            if self[option] == "":
                raise usage.UsageError(f"--{option} needs a value.")
            if self[option] is not None:
                yield _VARIABLES[option], self[option]
        for flag, model in _MODELS.items():
            if self[flag]:
                yield _VARIABLES["model"], model
        if self["port"] is not None:
            # The command line wins as a whole: a port there is not undone by an endpoint in the environment.
            yield _VARIABLES["listen"], ""
        for flag in _FLAGS:
            if self[flag]:
                yield _VARIABLES[flag], "true"
        if self["demo"] or self["demo-if-no-key"]:
            yield _VARIABLES["demo"], "true" if self["demo"] else IF_NO_KEY
        if self._plugin_path:
            yield _VARIABLES["plugin-path"], os.pathsep.join(self._plugin_path)

    def _refuse_contradictions(self) -> None:
        chosen = {f"--{flag}": model for flag, model in _MODELS.items() if self[flag]}
        if self["model"] is not None:
            chosen[f"--model {self['model']}"] = self["model"]
        if len(set(chosen.values())) > 1:
            raise usage.UsageError(f"{' and '.join(chosen)} contradict each other. Give one of them.")
        if self["port"] is not None and self["listen"] is not None:
            raise usage.UsageError("--port and --listen contradict each other. Give the port in --listen.")

    def _refuse_contradictory_settings(self) -> None:
        for one, other in contradictions(self.settings):
            raise usage.UsageError(
                f"{self._called(one)} and {self._called(other)} contradict each other. Give one of them."
            )

    def _called(self, option: str) -> str:
        """An option by the name by which a person gave it."""
        if option == "demo" and self["demo-if-no-key"] and not self["demo"]:
            option = "demo-if-no-key"
        return f"--{option}" if self[option] else _VARIABLES[option]

    def getUsage(self, width: int | None = None) -> str:
        return f"{usage.Options.getUsage(self, width)}\n{_EXAMPLES}\n{_variables()}"


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Pairs of options, wherever they were set, of which one would not count."""
    given = {
        "demo": settings.demo,
        "skip-sync": settings.skip_sync and not settings.demo,
        "require-sync": settings.require_sync,
        "restore-on-stop": settings.restore_on_stop and not settings.demo,
    }
    yield from ((one, other) for one, other in _CONTRADICTIONS if given[one] and given[other])


_EXAMPLES = """\
Examples:
  twistd -n ccmimolink --demo                     try it: nothing leaves this machine
  MIMO_API_KEY=... twistd -n ccmimolink --v2.5    for Codex, on 127.0.0.1:9876
  twistd -n ccmimolink --plugins                  which plugins are at work, and from where
"""


def _variables() -> str:
    rows = (
        f"  {setting.name}={setting.default}".ljust(44) + f"  {setting.meaning}"
        for setting in SETTINGS
        if setting.option is None
    )
    return "Environment variables that have no option, and their defaults:\n" + "\n".join(rows) + _RULES


_RULES = """

An option wins over its variable. An empty variable counts as unset. The README has one table of all.
"""
