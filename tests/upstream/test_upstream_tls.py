"""Over TLS: what is dropped is gone, although the server reads nothing."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server, socket
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.endpoints import TCP4ServerEndpoint

from ccmimolink.graph import build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.settings import Settings
from tests.http_wire import STREAM_HEAD, body_of, chunk, request, text
from tests.scripted_upstream import connect, until


def write_certificate(folder: Path, name: x509.GeneralName) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated upstream")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


class TalkingServer(threading.Thread):
    """Answers one request with a delta every 20 ms, and never reads again. ``gone`` is set when it cannot."""

    def __init__(self, listening: socket, certificate: Path, key: Path) -> None:
        super().__init__(daemon=True)
        self._listening = listening
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self.gone = threading.Event()
        self.stop = threading.Event()

    def run(self) -> None:
        connection, _ = self._listening.accept()
        with suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(STREAM_HEAD)
            while not self.stop.wait(0.02):
                secure.sendall(chunk(text("word ")))
        self.gone.set()


@contextmanager
def talking_server(folder: Path, name: x509.GeneralName) -> Iterator[tuple[TalkingServer, int]]:
    certificate, key = write_certificate(folder, name)
    with create_server(("127.0.0.1", 0)) as listening:
        server = TalkingServer(listening, certificate, key)
        server.start()
        try:
            yield server, listening.getsockname()[1]
        finally:
            server.stop.set()
            server.join(5)


@contextmanager
def trusting(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
        yield


async def proxy_before(port: int) -> tuple[Any, Any, Any]:
    from twisted.internet import reactor

    settings = Settings.from_environ(
        {
            "MIMO_BASE_URL": f"https://127.0.0.1:{port}/v1",
            "MIMO_API_KEY": "sk-fake-upstream-key",
            "MIMO_PROXY_RETRIES": "0",
        }
    )
    graph = build_graph(settings, PluginSet.load(third_party=False), reactor)
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(graph.site)
    return reactor, graph, listening


async def close(graph: Any, listening: Any) -> None:
    await listening.stopListening()
    await graph.site.close_all(1)
    graph.services.limiter.stop()
    await graph.pool.closeCachedConnections()


@pytest_twisted.ensureDeferred
async def test_a_client_that_leaves_ends_the_upstreams_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    with talking_server(tmp_path, address) as (server, port), trusting(monkeypatch, tmp_path):
        reactor, graph, listening = await proxy_before(port)
        client = await connect(reactor, listening.getHost().port)
        client.send(request("POST", "/v1/responses", body_of()))
        await until(reactor, lambda: b"output_text.delta" in client.received)
        client.reset()
        await until(reactor, server.gone.is_set)
        assert graph.services.limiter.state.in_flight == 0
        await close(graph, listening)


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_another_name_is_no_broken_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        talking_server(tmp_path, x509.DNSName("other.invalid")) as (_, port),
        trusting(monkeypatch, tmp_path),
    ):
        reactor, graph, listening = await proxy_before(port)
        client = await connect(reactor, listening.getHost().port)
        client.send(request("POST", "/v1/responses", body_of()))
        await until(reactor, lambda: b"message" in client.received)
        assert client.reply.status == 502
        assert "TLS failed" in client.reply.error()["message"]
        await close(graph, listening)
