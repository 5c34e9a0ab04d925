"""The proxy's own options, given to ``ccmimolink-service install``: understood, and written out for a file.

Owns what of them a service can have, and that a path among them means the same file from any directory. What
they mean is :mod:`ccmimolink.options`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from twisted.python.usage import UsageError

from ccmimolink.background.errors import UsageRefused
from ccmimolink.options import Options
from ccmimolink.settings import Settings, SettingsError
from ccmimolink.startup import StartFailed

_NO_PLUGINS = "--plugins lists plugins and ends; a service cannot. Give it to twistd ccmimolink"
_NO_VERSION = "--version does not stand behind --"
_STRAY = "there is an argument that is not an option. A key is never given as an argument"


class ServiceOptions(Options):
    """:param environ: the variables that the service will have."""

    longdesc = ""

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        super().__init__(environ)
        self._directory = directory

    def opt_version(self) -> NoReturn:
        """show the version, and exit"""
        raise UsageError(_NO_VERSION)

    def opt_help(self) -> NoReturn:
        """show the options, and exit"""
        raise UsageError("--help does not stand behind --")

    def parseArgs(self, *arguments: str) -> None:
        if arguments:
            raise UsageError(_STRAY)  # which may be a key, so it is not repeated

    def postOptions(self) -> None:
        if self["plugins"]:
            raise UsageError(_NO_PLUGINS)
        overrides = dict(self._overrides())
        self.settings = Settings.from_environ(self._environ, overrides, log=False)
        # All that a start would refuse, but for the log: its directory may have to be made first.
        Settings.from_environ(self._environ, {**overrides, "MIMO_PROXY_LOG": os.devnull})
        self._refuse_contradictory_settings()

    @property
    def names_a_log(self) -> bool:
        return self["log"] is not None

    def words(self) -> Iterator[str]:
        """The same options, in one form and with whole paths."""
        for name, value in self.opts.items():
            if name == "log" and value is not None:
                yield f"--log={self._directory / Path(value).expanduser()}"
            elif isinstance(value, str):
                yield f"--{name}={value}"
            elif value:
                yield f"--{name}"
        for directory in self._plugin_path:
            yield f"--plugin-path={self._directory / Path(directory).expanduser()}"


def understood(arguments: Sequence[str], environ: Mapping[str, str], directory: Path) -> ServiceOptions:
    """:param directory: where a relative path begins.
    :raises UsageRefused: an option or a setting cannot be used.
    """
    options = ServiceOptions(environ, directory)
    try:
        options.parseOptions(list(arguments))
    except (StartFailed, SettingsError) as failed:
        raise UsageRefused(str(failed).removeprefix("ccmimolink: ").removesuffix(" See --help.")) from None
    return options
