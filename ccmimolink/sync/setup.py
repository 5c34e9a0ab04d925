"""From settings to a run: what the proxy's start and the command share.

Owns the wiring, and the address by which Codex is to call the proxy. It must not run anything.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

from ccmimolink.listen import ListenAddress, TCPAddress
from ccmimolink.settings import Settings
from ccmimolink.sync.catalog import Models
from ccmimolink.sync.engine import Synchroniser
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.places import Wanted
from ccmimolink.sync.takeover import Wish
from ccmimolink.sync.watch import key_is_known
from ccmimolink.terminal import Waiting, silently

USUAL_URL = "http://127.0.0.1:9876/v1"
"""Where the proxy listens unless it is told otherwise."""


def wanted_places(settings: Settings) -> Wanted:
    return Wanted(
        settings=settings.cc_switch_settings_path,
        database=settings.cc_switch_db_path,
        codex_config=settings.codex_config_path if settings.codex_config_chosen else None,
        codex_home=settings.codex_home,
        home=Path.home(),
        state=state_directory(settings),
    )


def state_directory(settings: Settings) -> Path:
    """Where we remember things of our own."""
    return settings.state_dir or Path(platformdirs.user_state_dir("ccmimolink"))


def has_key(settings: Settings) -> bool:
    """Whether cc switch has a key of Xiaomi MiMo, or Codex was given one; yes where that cannot be read."""
    try:
        return key_is_known(wanted_places(settings))
    except SyncError:
        return True


def synchroniser(settings: Settings, waiting: Waiting = silently) -> Synchroniser:
    """:param waiting: shows a person what is waited for."""
    models = Models(settings.models, settings.child_environ)
    return Synchroniser(
        wanted=wanted_places(settings),
        make_catalog=lambda only: models.make(only_provider=only),
        model=settings.model,
        waiting=waiting,
    )


def wish_of(settings: Settings, url: str) -> Wish:
    return Wish(
        local_url=url,
        base_url=settings.base_url if settings.base_url_chosen else None,
        api_key=settings.api_key,
    )


def local_url(address: ListenAddress, token: str, port: int | None = None) -> str:
    """How Codex calls the proxy.

    :param port: the one that was really taken.
    :raises SyncError: Codex cannot call it through cc switch's route.
    """
    if not isinstance(address, TCPAddress):
        raise SyncError(
            f"Codex cannot be led to {address}: it calls TCP ports only. Leave MIMO_PROXY_LISTEN out."
        )
    if token:
        raise SyncError(
            "MIMO_PROXY_TOKEN is set, and cc switch's route has no place for a token. Unset it, or start "
            "with --skip-sync and configure Codex yourself."
        )
    number = address.port if port is None else port
    if number == 0:
        raise SyncError("The proxy takes any free port (0), so its address is not known. Give --port.")
    if address.host == "localhost":
        return f"http://127.0.0.1:{number}/v1"
    return f"http://[{address.host}]:{number}/v1" if address.is_ipv6 else f"http://{address.host}:{number}/v1"
