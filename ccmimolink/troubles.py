"""What a failure on the way to MiMo means, and answers that are none of MiMo's.

Owns the words for them and the fault that each is (:mod:`ccmimolink.core.retry` says what follows). It must
not send anything, and must not read a body.
"""

from __future__ import annotations

from twisted.internet.error import ConnectError, DNSLookupError, UnknownHostError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.web.iweb import IResponse

from ccmimolink.core.errors import Failure, FailureKind
from ccmimolink.core.retry import Fault
from ccmimolink.core.upstream_errors import ADDRESS
from ccmimolink.heads import HandshakeFailed
from ccmimolink.inflate import ENCODINGS
from ccmimolink.transport import Dropped, encoding_of
from ccmimolink.tries import Trouble
from ccmimolink.tunnel.negotiation import NameNotResolved, TunnelFailed


def timed_out(limit: float) -> Trouble:
    message = f"MiMo sent no answer within {limit:g} s (MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS)."
    return Trouble(Failure(FailureKind.UPSTREAM_TIMEOUT, message), Fault.SILENT)


def not_connected(limit: float) -> Trouble:
    """There is no connection after so many seconds: the name is not found, or TLS not agreed upon."""
    message = (
        f"MiMo could not be reached within {limit:g} s (MIMO_PROXY_CONNECT_TIMEOUT_MS). Check the network "
        f"and {ADDRESS}."
    )
    return _down(message, Fault.NOT_CONNECTED)


def transport_trouble(error: BaseException) -> Trouble:
    """What a failure below HTTP means: see the table of DESIGN, "Retrying"."""
    if isinstance(error, (DNSLookupError, UnknownHostError)):
        message = f"MiMo's host name cannot be resolved. Check the network and {ADDRESS}."
        return _down(message, Fault.NOT_RESOLVED)
    if isinstance(error, (ConnectError, ConnectTimeout)):
        return _down(f"MiMo cannot be reached. Check the network and {ADDRESS}.", Fault.NOT_CONNECTED)
    if isinstance(error, TunnelFailed):
        is_name = isinstance(error, NameNotResolved)
        return _down(str(error), Fault.NOT_RESOLVED if is_name else Fault.NOT_CONNECTED)
    if isinstance(error, HandshakeFailed):
        message = f"No secure connection to MiMo: TLS failed. Check the clock and {ADDRESS}."
        return _down(message, Fault.TLS_FAILED)
    return _down("The connection to MiMo broke before it answered.", Fault.BROKE)


def _down(message: str, fault: Fault) -> Trouble:
    return Trouble(Failure(FailureKind.UPSTREAM_DOWN, message), fault)


def check_content_type(response: IResponse) -> None:
    """A 200 with a page is a wrong address: some hosts answer so to any path.

    :raises Trouble: the body is neither a stream nor JSON.
    """
    values = response.headers.getRawHeaders(b"content-type") or [b""]
    kind = values[-1].split(b";")[0].strip().lower()
    if kind and b"event-stream" not in kind and b"json" not in kind and kind != b"text/plain":
        response.deliverBody(Dropped())
        message = f"MiMo answered with a page. Check {ADDRESS}: it ends in /v1."
        raise _down(message, Fault.MISLED)


def check_encoding(response: IResponse) -> None:
    """No encoding was asked for. Gzip can be read all the same.

    :raises Trouble: the body is in one that cannot.
    """
    encoding = encoding_of(response)
    if encoding and encoding not in ENCODINGS:
        response.deliverBody(Dropped())
        message = (
            f"MiMo answered in an encoding that was not asked for ({encoding[:40].decode('latin-1')!r})."
        )
        raise _down(message, Fault.MISLED)
