"""A proxy for the SDK to talk to.

The SDK blocks, so that it runs in a thread while the reactor serves it from the main one.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openai import OpenAI
from openai.types.responses import Response
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from ccmimolink.demo.service import demo_service
from ccmimolink.graph import build_graph
from ccmimolink.plugins import PluginSet
from ccmimolink.route import Route, UpstreamRoute
from ccmimolink.settings import Settings
from tests.checker import Event, check_stream

FAKE_KEY = "sk-fake-key-of-the-sdk"
CODEX = {"originator": "codex_exec"}
_T = TypeVar("_T")


class SdkProxy:
    """Start it, and stop it whatever happened."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._demo = demo_service(reactor, delta_delay=0)

    async def start(self) -> None:
        self._demo.startService()
        settings = Settings.from_environ({"MIMO_PROXY_MIN_INTERVAL_MS": "0"})
        plugins = PluginSet.load(third_party=False)
        route = UpstreamRoute(Route(self._demo.base_url))
        self.graph = build_graph(settings, plugins, self._reactor, route=route)
        endpoint = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1")
        self._port: Any = await endpoint.listen(self.graph.site)
        self.url = f"http://127.0.0.1:{self._port.getHost().port}/v1"

    async def stop(self) -> None:
        await maybeDeferred(self._port.stopListening)
        await maybeDeferred(self.graph.site.close_all, 1.0)
        self.graph.services.limiter.stop()
        for relay in list(self.graph.services.lingering):
            relay.drop()
        await self.graph.pool.closeCachedConnections()
        await maybeDeferred(self._demo.stopService)
        # The simulated MiMo's channels hear of their end, and let go of their timers, last of all.
        await deferLater(self._reactor, 0)

    def ask(
        self,
        work: Callable[[OpenAI], _T],
        *,
        key: str = FAKE_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[_T]:
        """Run this with a client, in a thread. Errors are told at the first try."""

        def run() -> _T:
            with OpenAI(
                api_key=key, base_url=self.url, max_retries=0, default_headers=headers, timeout=20
            ) as client:
                return work(client)

        return deferToThread(run)


def streamed(client: OpenAI, **request: Any) -> Event:
    """The final response of a streamed request; its events pass the checker on the way."""
    stream: Any = client.responses.create(stream=True, **({"model": "mimo-v2.5"} | request))
    return check_stream([event.to_dict(mode="json") for event in stream])


def whole(client: OpenAI, **request: Any) -> Response:
    response: Response = client.responses.create(**({"model": "mimo-v2.5"} | request))
    return response
