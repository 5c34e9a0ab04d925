"""Whether the proxy runs where Codex is led to, and carries a request through to MiMo and back.

Owns these checks, and the connection to the proxy, which no other proxy lies on. The running program may have
been started with other settings than those that this command sees; what it says of itself counts.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ccmimolink import __version__
from ccmimolink.control.files import url_of
from ccmimolink.doctor.findings import Finding, failed, ok, warning
from ccmimolink.doctor.listeners import who_listens
from ccmimolink.doctor.scene import Scene
from ccmimolink.doctor.storage import log_place
from ccmimolink.doctor.upstream import PROBE, PROBE_TOKENS
from ccmimolink.listen import ListenAddress, ListenError, TCPAddress, UnixAddress, ensure_free
from ccmimolink.transport import BoundedReader, BytesBody

_MOST_BYTES = 1024 * 1024
_PATIENCE = 2.0
_START = "twistd -n ccmimolink"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        """The body, or None where it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


class NobodyThere(Exception):
    """Nobody takes a connection at the proxy's address."""


@implementer(IAgentEndpointFactory)
class _Socket:
    """Leads every URL to one Unix socket."""

    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor, self._path = reactor, path

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return UNIXClientEndpoint(self._reactor, self._path)


def _agent(scene: Scene) -> tuple[Agent, str]:
    """With the beginning of the URLs that it is to be asked for."""
    address = scene.settings.listen_address
    if isinstance(address, UnixAddress):
        return Agent.usingEndpointFactory(
            scene.reactor, _Socket(scene.reactor, address.path)
        ), "http://localhost"
    return Agent(scene.reactor), url_of(address)


async def ask(
    scene: Scene, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """:raises NobodyThere: the connection is refused.
    :raises ResponseFailed: who is there does not speak HTTP.
    """
    settings = scene.settings
    agent, base = _agent(scene)
    sent = Headers({"user-agent": [f"ccmimolink-doctor/{__version__}"]})
    for name, value in (headers or {}).items():
        sent.setRawHeaders(name, [value])
    if settings.token:
        sent.setRawHeaders("authorization", [f"Bearer {settings.token}"])
    try:
        response = await agent.request(
            method.encode(), f"{base}{path}".encode(), sent, BytesBody(body) if body else None
        )
    except (ConnectError, FileNotFoundError) as error:
        raise NobodyThere from error
    reader: Any = BoundedReader(_MOST_BYTES)
    response.deliverBody(reader)
    read: Deferred[bytes] = reader.done
    return Answer(response.code, await read)


def _any_port(scene: Scene) -> bool:
    address = scene.settings.listen_address
    return isinstance(address, TCPAddress) and address.port == 0


def unknown_port(scene: Scene) -> str:
    return "The proxy takes any free port (0), so nobody knows which." if _any_port(scene) else ""


async def port(scene: Scene) -> Finding:
    """Free, or ours; a stranger there would be sent the key."""
    address = scene.settings.listen_address
    try:
        answer = await scene.limited(Deferred.fromCoroutine(ask(scene, "GET", "/health")), _PATIENCE)
    except NobodyThere:
        return _free(address)
    except defer.TimeoutError:
        return _stranger(scene, "which says nothing")
    except ResponseFailed:
        return _stranger(scene, "which does not speak HTTP")
    if _is_ours(answer) or _asks_for_token(answer):
        return ok(f"ccmimolink has {address}.")
    return _stranger(scene, "which is not ccmimolink")


def _free(address: ListenAddress) -> Finding:
    try:
        if isinstance(address, TCPAddress):
            ensure_free(address)
    except ListenError as error:
        found, _, fix = str(error).partition(". ")
        return failed(f"{found}.", fix)
    return ok(f"{address} is free.")


def _stranger(scene: Scene, kind: str) -> Finding:
    address = scene.settings.listen_address
    who = who_listens(address.port) if isinstance(address, TCPAddress) else ""
    look = f"ss -ltnp 'sport = :{address.port}'" if isinstance(address, TCPAddress) and not who else ""
    return failed(
        f"Another program has {address}: {who or 'it cannot be told which'}, {kind}.",
        "End it, or give the proxy another port (MIMO_PROXY_PORT) and run ccmimolink-sync.",
        look,
    )


def _is_ours(answer: Answer) -> bool:
    body = answer.json()
    if answer.status != 200 or not isinstance(body, dict):
        return False
    uptime, words = body.get("uptime_seconds"), (body.get("status"), body.get("version"))
    return isinstance(uptime, int | float) and all(isinstance(word, str) for word in words)


def _asks_for_token(answer: Answer) -> bool:
    return answer.status == 403 and b"MIMO_PROXY_TOKEN" in answer.body


async def running(scene: Scene) -> Finding:
    address = scene.settings.listen_address
    try:
        answer = await ask(scene, "GET", "/health")
    except NobodyThere:
        return failed(
            f"Nobody answers at {address}, and Codex would try for ever.",
            "Start the proxy, and leave it running.",
            _START,
        )
    if _asks_for_token(answer):
        has = "another one" if scene.settings.token else "none"
        return failed(
            f"The proxy at {address} demands a token (MIMO_PROXY_TOKEN), and here is {has}.",
            "Set MIMO_PROXY_TOKEN here as it was set for the proxy, or restart the proxy.",
        )
    body = answer.json()
    if body["status"] != "ok":
        return warning(f"The proxy at {address} is ending.", "Start it once more.", _START)
    if body["version"] != __version__:
        return warning(
            f"The proxy at {address} is ccmimolink {body['version']}, and {__version__} is installed.",
            "Restart the proxy.",
            _START,
        )
    return ok(f"{__version__} answers at {address}, for {body['uptime_seconds']:.0f} s.")


async def models(scene: Scene) -> Finding:
    try:
        answer = await ask(scene, "GET", "/v1/models", headers=_key_of_codex(scene))
    except (NobodyThere, ResponseFailed):
        return _broken_off(scene)
    body = answer.json()
    offered = body.get("models") if isinstance(body, dict) else None
    if answer.status != 200 or not offered:
        return failed(
            f"GET /v1/models through the proxy gave {answer.status}: {_said(answer)}.",
            "See the proxy's log, and restart it.",
            _tail(scene),
        )
    return ok(f"The proxy offers {len(offered)} models.")


def _broken_off(scene: Scene) -> Finding:
    return failed("The proxy gave no answer to it.", "See the proxy's log, and restart it.", _tail(scene))


def _key_of_codex(scene: Scene) -> dict[str, str]:
    """As Codex sends it; none where the proxy is to find it."""
    return dict(scene.codex_route.headers) if scene.codex_route is not None else {}


async def turn(scene: Scene) -> Finding:
    """One tiny request, as Codex makes it."""
    request = {
        "model": str(scene.config.get("model") or scene.settings.model),
        "input": [{"role": "user", "content": PROBE}],
        "max_output_tokens": PROBE_TOKENS,
        "stream": True,
        "store": False,
    }
    headers = {"content-type": "application/json", "accept": "text/event-stream", **_key_of_codex(scene)}
    try:
        answer = await ask(scene, "POST", "/v1/responses", msgspec.json.encode(request), headers)
    except (NobodyThere, ResponseFailed):
        return _broken_off(scene)
    ended = any(f"event: response.{end}".encode() in answer.body for end in ("completed", "incomplete"))
    if answer.status == 200 and ended:
        return ok(f"A turn went through the proxy and back (at most {PROBE_TOKENS} tokens were billed).")
    return failed(
        f"A turn through the running proxy failed ({answer.status}): {_said(answer)}.",
        "Where the checks of MiMo above are well, the running proxy has other settings: restart it, and see "
        "its log.",
        _tail(scene),
    )


def _said(answer: Answer) -> str:
    """The proxy's own words for what went wrong, which hold no key."""
    text = answer.body.decode(errors="replace")
    _, found, failed_event = text.partition("event: response.failed\ndata: ")
    body = Answer(200, failed_event.partition("\n")[0].encode()).json() if found else answer.json()
    if isinstance(body, dict):
        body = body.get("response", body)
        error = body.get("error")
        if isinstance(error, dict):
            return str(error.get("message", ""))[:300].rstrip(".")
    return text.strip()[:300].rstrip(".") or "nothing"


def _tail(scene: Scene) -> str:
    return f"tail -n 20 {shlex.quote(str(log_place(scene)))}"
