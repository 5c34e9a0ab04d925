"""Writing without a turn of the reactor.

Owns a shortcut through Twisted's buffering: what is written to an idle socket is offered to the kernel at
once, instead of being put by until the reactor has asked whether the socket takes it. That saves three of the
five system calls that a delta costs. It must not change the order of what is written, nor lose a byte of it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper

AT_ONCE = Connection.SEND_LIMIT
"""Bytes that leave in one call at the most. What is larger gains nothing here, and is not to be copied."""


def write_promptly(transport: Any, data: bytes) -> None:
    """Write; what a socket does not take now leaves as after ``transport.write``.

    :param transport: any ``ITransport``.
    """
    if isinstance(transport, Connection) and _is_open(transport) and not _holds_something(transport):
        sent = transport.writeSomeData(data)
        # A connection that is lost shows again, to the reactor, which knows what to do.
        if isinstance(sent, int) and sent > 0:
            data = data[sent:]
            if not data:
                return
    transport.write(data)


def is_behind(transport: Any) -> bool:
    """Whether something that was written is still to leave, as far as can be told.

    :param transport: any ``ITransport``. Over TLS, within TLS to a proxy perhaps, the connection beneath is
        looked at.
    """
    beneath = transport
    while isinstance(beneath, ProtocolWrapper):
        beneath = beneath.transport
    return isinstance(beneath, Connection) and _holds_something(beneath)


def flush(transport: Any) -> None:
    """Let what was written in this turn leave, as far as a socket takes it.

    :param transport: any ``ITransport``.
    """
    if isinstance(transport, Connection) and _is_open(transport) and _holds_something(transport):
        # Its result is of no interest: what goes wrong goes wrong for the reactor once more.
        transport.doWrite()


def _is_open(transport: Connection) -> bool:
    """Whether it will stay so: with what leaves last it is closed, and that is the reactor's to do."""
    return bool(transport.connected) and not (transport.disconnecting or transport._writeDisconnecting)


def _holds_something(transport: Connection) -> bool:
    return bool(transport.dataBuffer or transport._tempDataLen)
