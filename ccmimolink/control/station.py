"""The running proxy's side of ``ccmimolink-model``: the token of this run, its file, and what is remembered.

Owns when there is a memory and when there is none. It must not serve the endpoint.
"""

from __future__ import annotations

import os

from ccmimolink.control.files import Found, Places, announce, fresh_token, places_of, url_of, withdraw
from ccmimolink.control.memory import ModelMemory
from ccmimolink.listen import ListenAddress, TCPAddress
from ccmimolink.settings import Settings
from ccmimolink.sync.setup import state_directory

_DEMO = "the simulated MiMo remembers nothing"
_ANY_PORT = "this proxy took any free port (0), by which the next start could not find it again"


class Station:
    """Made before the port is open; :meth:`announce` once it is, :meth:`withdraw` before it is closed.

    :ivar token: what the command must send.
    :ivar memory: for the endpoint.
    """

    def __init__(self, settings: Settings) -> None:
        self._directory, self._address = state_directory(settings), settings.listen_address
        self._places: Places | None = None
        self.token = fresh_token()
        self.memory = memory_of(settings)

    def announce(self, port: int | None) -> str:
        """Let the command find this run.

        :param port: that was really taken; None for a socket without one.
        :returns: why that could not be done; empty if it was.
        """
        places = places_of(self._directory, self._address, port)
        try:
            announce(places.control, Found(url_of(self._address, port), self.token, os.getpid()))
        except OSError as error:
            return (
                f"{places.control} cannot be written ({error.strerror}), so that ccmimolink-model does not "
                "find this proxy. Make it writable, or name another directory in MIMO_PROXY_STATE_DIR."
            )
        self._places = places
        return ""

    def withdraw(self) -> None:
        if self._places is not None:
            withdraw(self._places.control, self.token)


def memory_of(settings: Settings) -> ModelMemory:
    """What the choice of the model is remembered in, for a start with these settings."""
    if settings.demo:
        return ModelMemory(None, _DEMO)
    if takes_any_port(settings.listen_address):
        return ModelMemory(None, _ANY_PORT)
    return ModelMemory(places_of(state_directory(settings), settings.listen_address).memory)


def takes_any_port(address: ListenAddress) -> bool:
    return isinstance(address, TCPAddress) and address.port == 0
