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
from ccmimolink.listen import ListenAddress, parse_endpoint
from ccmimolink.log_file import why_not
from ccmimolink.setting_rows import SETTINGS, Setting
from ccmimolink.setting_values import IF_NO_KEY

_PREFIX = "MIMO_PROXY_"
_FOR_CHILDREN = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT")


class SettingsError(Exception):
    """A setting cannot be used. The message names the variable or option, the reason and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the proxy. Durations are seconds, sizes bytes.

    :ivar base_url: http or https, with a host, without a trailing slash.
    :ivar base_url_chosen: whether ``base_url`` was set by someone, so that it wins over the route's.
    :ivar model_chosen: whether ``model`` was set by someone, so that it wins over what a request asks for.
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
        :param log: the log file is going to be written, and has to be writable.
        :param key_elsewhere: whether there is a key in another place than ``MIMO_API_KEY``; asked only where
            the demo is to stand in for want of one.
        :raises SettingsError: a value cannot be used.
        """
        environ = os.environ if environ is None else environ
        source = _Source(environ, overrides or {})
        values = {setting.attribute: source.value(setting) for setting in SETTINGS}
        values["model_chosen"] = source.is_set("MIMO_MODEL")
        values["base_url_chosen"] = source.is_set("MIMO_BASE_URL")
        values["codex_config_chosen"] = source.is_set("CODEX_CONFIG_PATH")
        demo = values["demo"]
        values["demo"] = demo is True
        values["skip_sync"] = values["skip_sync"] or demo is True
        values["listen"] = values["listen"] or f"tcp:{values['port']}:interface=127.0.0.1"
        values["listen_address"] = _listen_address(source, values["listen"], values["token"])
        if log:
            _check_log(source, values["log"])
        settings = cls(
            **values,
            unknown_variables=_unknown(environ),
            child_environ={name: environ[name] for name in _FOR_CHILDREN if name in environ},
        )
        if demo == IF_NO_KEY and not settings.api_key and not key_elsewhere(settings):
            return replace(settings, demo=True, skip_sync=True)
        return settings


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
            return setting.parse(self.text(setting.name) or setting.default)
        except ValueError as error:
            # "from None": a traceback of the parser could show a secret.
            raise SettingsError(f"{self.called(setting)} {error}") from None

    def called(self, setting: Setting) -> str:
        return f"--{setting.option}" if setting.option and setting.name in self.overrides else setting.name


def _check_log(source: _Source, log: Path) -> None:
    """Found out here, it is one line from every launcher: later, a daemon has left its terminal."""
    if reason := why_not(log):
        called = source.called(_row("log"))
        raise SettingsError(f"{called} {str(log)[:200]!r}: {reason}. Give another file with --log.")


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
