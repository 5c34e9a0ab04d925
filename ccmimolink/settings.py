"""Settings: the environment and the command line, read once and frozen.

Owns the only look at ``os.environ``; what each variable is stands in the table of rows. It must not act on a
setting, and it must not replace a value that it cannot understand: such a value ends the start with its name
and the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ccmimolink.core.models import ModelTable
from ccmimolink.dump_directory import why_not as why_no_dump
from ccmimolink.listen import ListenAddress, parse_endpoint
from ccmimolink.log_file import meet, why_not
from ccmimolink.setting_rows import SETTINGS, Setting
from ccmimolink.setting_values import IF_NO_KEY
from ccmimolink.terminal import VARIABLES
from ccmimolink.tunnel.choice import NoProxy, Proxies, ProxyServer

_PREFIX = "MIMO_PROXY_"
_FOR_CHILDREN = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT")


class SettingsError(Exception):
    """A setting cannot be used. The message names the variable or option, the reason and the way out."""


def terminal_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What counts of the environment for what is shown on a terminal.

    :param environ: None stands for the environment of this process.
    """
    environ = os.environ if environ is None else environ
    return {name: environ[name] for name in VARIABLES if name in environ}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the proxy. Durations are seconds, sizes bytes.

    :ivar base_url: http or https, with a host, without a trailing slash.
    :ivar base_url_chosen: whether ``base_url`` was set by someone, so that it wins over the route's.
    :ivar model_chosen: whether ``model`` was set by someone, so that it wins over what a request asks for.
    :ivar model_origin: by which option or variable; empty where it was not.
    :ivar models: what is known of each model, the user's file included.
    :ivar listen: the endpoint string, complete.
    :ivar listen_address: the same, understood.
    :ivar codex_config_chosen: whether ``codex_config_path`` was set by someone.
    :ivar skip_sync: true with ``demo`` in any case.
    :ivar child_environ: what a program that we start may know of the environment. No key is in it.
    :ivar unknown_variables: the ``MIMO_PROXY_…`` variables that mean nothing here, misspelt ones perhaps.
    """

    api_key: str = field(repr=False)
    base_url: str
    base_url_chosen: bool
    model: str
    model_chosen: bool
    model_origin: str
    vision_model: str
    web_search: bool
    models: ModelTable
    max_calls: int
    port: int
    listen: str
    listen_address: ListenAddress
    token: str = field(repr=False)
    max_concurrent: int
    min_interval: float
    back_off: float
    max_waiting: int
    max_waiting_bytes: int
    max_wait: float
    retries: int
    retry_budget: float
    connect_timeout: float
    twisted_agent: bool
    https_proxy: ProxyServer | None
    http_proxy: ProxyServer | None
    all_proxy: ProxyServer | None
    no_proxy: NoProxy
    ca_file: Path | None
    first_byte_timeout: float
    idle_timeout: float
    slow_client_timeout: float
    keepalive: float
    drain: float
    request_timeout: float
    max_connections: int
    max_head_bytes: int
    max_body_bytes: int
    max_decompressed_bytes: int
    max_event_bytes: int
    max_answer_bytes: int
    store_entries: int
    store_bytes: int
    reasoning_cache_entries: int
    reasoning_cache_bytes: int
    log: Path
    log_bytes: int
    log_files: int
    request_log: Path | None
    debug_dump: Path | None
    debug_dump_bytes: int
    skip_sync: bool
    require_sync: bool
    restore_on_stop: bool
    state_dir: Path | None
    demo: bool
    plugin_path: tuple[Path, ...]
    third_party_plugins: bool
    disabled_plugins: tuple[str, ...]
    cc_switch_settings_path: Path
    cc_switch_db_path: Path
    codex_config_path: Path
    codex_config_chosen: bool
    codex_home: Path | None
    unknown_variables: tuple[str, ...] = ()
    child_environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def proxies(self) -> Proxies:
        """Which proxy leads where."""
        return Proxies(self.https_proxy, self.http_proxy, self.all_proxy, self.no_proxy)

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        *,
        log: bool = True,
        key_elsewhere: Callable[[Settings], bool] = lambda _settings: False,
    ) -> Settings:
        """Read every variable of :data:`SETTINGS`.

        :param environ: None stands for the environment of this process.
        :param overrides: the command line's texts, by the *variable's* name. An empty one hides the variable.
        :param log: the program is going to run: the log file has to be writable, and what other programs are
            told as well, the proxies, has to be understood.
        :param key_elsewhere: whether there is a key in another place than ``MIMO_API_KEY``; asked only where
            the demo is to stand in for want of one.
        :raises SettingsError: a value cannot be used.
        """
        environ = os.environ if environ is None else environ
        source = _Source(environ, overrides or {})
        values = {
            setting.attribute: setting.parse(setting.default)
            if setting.is_common and not log
            else source.value(setting)
            for setting in SETTINGS
        }
        values["model_chosen"] = source.is_set("MIMO_MODEL")
        values["model_origin"] = source.called(_row("model")) if values["model_chosen"] else ""
        values["base_url_chosen"] = source.is_set("MIMO_BASE_URL")
        values["codex_config_chosen"] = source.is_set("CODEX_CONFIG_PATH")
        demo = values["demo"]
        values["demo"] = demo is True
        values["skip_sync"] = values["skip_sync"] or demo is True
        values["listen"] = values["listen"] or f"tcp:{values['port']}:interface=127.0.0.1"
        values["listen_address"] = _listen_address(source, values["listen"], values["token"])
        if log:
            _check_log(source, values["log"])
            _check_records(source, values)
        settings = cls(
            **values,
            unknown_variables=_unknown(environ),
            child_environ={name: environ[name] for name in _FOR_CHILDREN if name in environ},
        )
        if demo == IF_NO_KEY and not settings.api_key and not key_elsewhere(settings):
            return replace(settings, demo=True, skip_sync=True)
        return settings


def present_environ() -> dict[str, str]:
    """A copy of this process's variables, for a command that hands some of them on."""
    return dict(os.environ)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the text of a setting comes from, and by which name a person gave it."""

    environ: Mapping[str, str] = field(repr=False)
    overrides: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.overrides.get(name, self.environ.get(name, "")).strip()

    def is_set(self, name: str) -> bool:
        return self.text(name) != ""

    def value(self, setting: Setting) -> Any:
        try:
            return setting.parse(self.text(self.spelt(setting)) or setting.default)
        except ValueError as error:
            # "from None": a traceback of the parser could show a secret.
            raise SettingsError(f"{self.called(setting)} {error}") from None

    def spelt(self, setting: Setting) -> str:
        """The name by which it is set. Where it is so in lower case too, that counts, as for curl."""
        lower = setting.name.lower()
        return lower if setting.is_common and self.is_set(lower) else setting.name

    def called(self, setting: Setting) -> str:
        if setting.option and setting.name in self.overrides:
            return f"--{setting.option}"
        return self.spelt(setting)


def _check_log(source: _Source, log: Path) -> None:
    """Found out here, it is one line from every launcher: later, a daemon has left its terminal."""
    if reason := why_not(log):
        called = source.called(_row("log"))
        raise SettingsError(f"{called} {str(log)[:200]!r}: {reason}. Give another file with --log.")


def _check_records(source: _Source, values: Mapping[str, Any]) -> None:
    request_log, dump = values["request_log"], values["debug_dump"]
    if request_log is not None:
        reason = why_not(request_log)
        if not reason and meet(request_log, values["log"]):
            reason = "the log is written there"
        if reason:
            called = source.called(_row("request_log"))
            raise SettingsError(f"{called} {str(request_log)[:200]!r}: {reason}. Give another file.")
    if dump is not None and (reason := why_no_dump(dump)):
        raise SettingsError(f"MIMO_DEBUG_DUMP {str(dump)[:200]!r}: {reason}. Give a directory of your own.")


def _row(attribute: str) -> Setting:
    (setting,) = (row for row in SETTINGS if row.attribute == attribute)
    return setting


def _listen_address(source: _Source, description: str, token: str) -> ListenAddress:
    called = source.called(_row("listen"))
    try:
        address = parse_endpoint(description)
    except ValueError as error:
        raise SettingsError(
            f"{called} {error}: {description[:80]!r}. Give something like tcp:9876:interface=127.0.0.1."
        ) from error
    if not address.is_local and not token:
        raise SettingsError(
            f"{called} {description!r} can be reached from other machines, which then could spend your key. "
            "Set MIMO_PROXY_TOKEN to a secret of your own, or listen on 127.0.0.1."
        )
    return address


def _unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {setting.name for setting in SETTINGS}
    return tuple(sorted(name for name in environ if name.startswith(_PREFIX) and name not in known))
