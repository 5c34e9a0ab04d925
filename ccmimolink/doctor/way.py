"""The way to MiMo just as the proxy takes it: its route, its keys, its HTTP client.

Owns the building and the closing of it. What is looked at here is what is used there, since both are made by
the same hands. It must not take a route over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from ccmimolink.core.errors import Profile
from ccmimolink.graph import Graph, build_graph
from ccmimolink.keeper import RouteKeeper
from ccmimolink.plugins import PluginSet
from ccmimolink.route import Route, Target
from ccmimolink.settings import Settings


@implementer(IAgent)
class DateNoting:
    """Notes when the upstream believes it is.

    :ivar date: the last ``Date`` that came, as it came.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent
        self.date = ""

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        answer: Deferred[IResponse] = self._agent.request(method, uri, headers, bodyProducer)
        return answer.addCallback(self._noted)

    def _noted(self, response: IResponse) -> IResponse:
        values = response.headers.getRawHeaders(b"date") or [b""]
        self.date = values[-1].decode("latin-1")
        return response


class Way:
    """Open from the first use on, until it is closed.

    :ivar route: the present one, with the key of cc switch.
    :ivar target: where a request of Codex would go; there once :meth:`resolve` was called.
    """

    target: Target

    def __init__(self, graph: Graph, route: Route, noted: list[DateNoting]) -> None:
        self.graph, self.route, self._noted = graph, route, noted

    @classmethod
    async def find(cls, settings: Settings, reactor: Any) -> Way:
        route = await RouteKeeper(settings, reactor).route.current()
        noted: list[DateNoting] = []
        # Nothing is written, and one try tells what there is to tell.
        once = replace(settings, debug_dump=None, retries=0)

        def watch(agent: IAgent) -> IAgent:
            noted.append(DateNoting(agent))
            return noted[-1]

        return cls(build_graph(once, PluginSet(), reactor, around=watch), route, noted)

    @property
    def date(self) -> str:
        return next((one.date for one in self._noted if one.date), "")

    def resolve(self, codex_key: str) -> Target:
        """Which key goes where, when Codex sends this one.

        :raises RequestError: none goes anywhere.
        """
        headers = Headers({"x-mimo-api-key": [codex_key]} if codex_key else {})
        self.target = self.graph.services.keys.resolve(headers, Profile.CODEX, self.route)
        return self.target

    async def close(self) -> None:
        self.graph.services.limiter.stop()
        await self.graph.pool.closeCachedConnections()
