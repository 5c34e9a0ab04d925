"""The command in a process of its own, with a gateway of the test's own behind the provider's address.

Owns that one difference: the connection for the catalog's address goes to a port of this machine, and trusts
the authority of the tests. The command proper has no such hook.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ccmimolink.mimocode.command import run
from ccmimolink.mimocode.provider import GONKAGATE
from tests.mimocode.gateway_tls import HOST

COMMAND = str(Path(sys.executable).with_name("mimo-code-setup"))
"""The command itself, for what ends before it asks for models."""

_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = f"import sys; sys.path.insert(0, {_ROOT!r}); from tests.mimocode.local_setup import main; main()"


def local_setup(port: int, authority: Path, *arguments: str) -> list[str]:
    """The command line that runs the command with the gateway at a port.

    :param authority: a file with the certificate that vouches for the gateway's.
    """
    return [sys.executable, "-c", _PROGRAM, str(port), str(authority), *arguments]


@implementer(IAgentEndpointFactory)
class _Loopback:
    def __init__(self, reactor: Any, port: int, authority: Path) -> None:
        trusted = trustRootFromCertificates([Certificate.loadPEM(authority.read_bytes())])
        self._tls = optionsForClientTLS(HOST, trustRoot=trusted)
        self._endpoint = TCP4ClientEndpoint(reactor, HOST, port)

    def endpointForURI(self, uri: Any) -> Any:
        assert uri.toBytes() == GONKAGATE.catalog_url.encode()
        return wrapClientTLS(self._tls, self._endpoint)


def main() -> None:
    port, authority = int(sys.argv[1]), Path(sys.argv[2])

    def agent(reactor: Any) -> Any:
        return Agent.usingEndpointFactory(reactor, _Loopback(reactor, port, authority))

    sys.exit(run(sys.argv[3:], GONKAGATE, agent=agent))
