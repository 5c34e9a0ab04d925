"""ProxyService: the life of the running proxy, from the first listening port to the last drained stream.

Owns the order of start and stop. A plain ``MultiService`` stops its children side by side; here a stream must
be over before the limiter, the pool and the simulated MiMo that serve it go.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, cast

from twisted.application.service import IService, Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.python.failure import Failure

from ccmimolink.control.station import Station
from ccmimolink.demo.service import DemoService, demo_service
from ccmimolink.graph import Graph, build_graph
from ccmimolink.keeper import RouteKeeper
from ccmimolink.listen import TCPAddress
from ccmimolink.log_events import observer_of
from ccmimolink.log_file import LogFile
from ccmimolink.plugins import PluginSet
from ccmimolink.process import make_room, on_hangup, on_interrupt, on_signals
from ccmimolink.records import Records
from ccmimolink.route import Route, UpstreamRoute
from ccmimolink.settings import Settings, SettingsError
from ccmimolink.sync.errors import SyncError
from ccmimolink.web.control import Control

LAST_WORDS = 1.0
"""Seconds for the last events to leave once all requests are over."""

_DEMO_KEY = "demo-key-of-the-simulated-mimo"

_DEMO_HINT = """
ccmimolink answers from a simulated MiMo on this machine; no key is used and nothing is billed.
Try Codex with it:

  curl -s {url}/models -o mimo-models.json
  codex exec --skip-git-repo-check -c model='"mimo-v2.5"' -c model_provider='"mimo"' \\
    -c "model_catalog_json=\\"$PWD/mimo-models.json\\"" -c web_search='"disabled"' \\
    -c 'model_providers.mimo={{name="MiMo via ccmimolink", base_url="{url}", wire_api="responses"}}' \\
    -s workspace-write "create hello.txt with hello from MiMo"
"""


def build_service(settings: Settings, plugins: PluginSet, reactor: Any) -> IService:
    """The proxy as a service. Nothing is opened before it is started."""
    return ProxyService(settings, plugins, reactor)


class ProxyService(Service):
    """Start it once. A busy port raises ``CannotListenError``, an unusable log file ``SettingsError``, and a
    takeover that was demanded and failed ``SyncError``.

    ``stopService`` fires once running streams have ended: by themselves, at the end of the grace time
    (``MIMO_PROXY_DRAIN_MS``) or at a second SIGTERM or SIGINT, whichever comes first.
    """

    _log = Logger()

    def __init__(self, settings: Settings, plugins: PluginSet, reactor: Any) -> None:
        self._settings, self._plugins, self._reactor = settings, plugins, reactor
        self._demo: DemoService | None = None
        self._keeper: RouteKeeper | None = None
        self._station: Station | None = None
        self._started: Deferred[None] | None = None
        self._graph: Graph | None = None
        self._port: IListeningPort | None = None
        self._log_observer: ILogObserver | None = None
        self._log_file: LogFile | None = None
        self._records: Records | None = None
        self._forget_signals: tuple[Callable[[], None], ...] = ()

    def startService(self) -> None:
        settings = self._settings
        self._forget_signals = (on_hangup(self._reactor.sigTerm), on_interrupt(self._reactor.sigInt))
        self._open_log()
        self._records = Records(settings)
        if too_few := make_room(settings.max_connections, settings.max_concurrent):
            self._log.warn("{too_few}", too_few=too_few)
        fallback_key = None
        if settings.demo:
            self._demo = demo_service(self._reactor)
            self._demo.startService()
            route, fallback_key = UpstreamRoute(Route(self._demo.base_url)), _DEMO_KEY
        else:
            self._keeper = RouteKeeper(settings, self._reactor)
            route = self._keeper.route
        self._station = Station(settings)
        self._graph = build_graph(
            settings,
            self._plugins,
            self._reactor,
            route=route,
            fallback_key=fallback_key,
            control=Control(self._station.token, self._station.memory),
        )
        self._records.follow(self._graph.services.activity)
        self._port = _listen(serverFromString(self._reactor, settings.listen), self._graph.site)
        Service.startService(self)
        address = _shown(self._port)
        if self._keeper is None:
            self._log.info(
                "ccmimolink listens on {address}; upstream {upstream}",
                address=address,
                upstream=route.known.base_url,
            )
            self._print_hint(f"http://{address}/v1")
        else:
            # The route tells of the upstream itself, once it is known.
            self._log.info("ccmimolink listens on {address}", address=address)
            self._keep_route(self._keeper, self._port)
            self._started = Deferred.fromCoroutine(self._speak_of_the_key(self._keeper, self._graph))
            self._started.addErrback(
                lambda reason: self._log.failure("the key could not be looked at", failure=reason)
            )
        self._records.announce(address)
        self._announce(self._station, self._port)

    def _announce(self, station: Station, port: IListeningPort) -> None:
        if unannounced := station.announce(getattr(port.getHost(), "port", None)):
            self._log.warn("{unannounced}", unannounced=unannounced)

    def _keep_route(self, keeper: RouteKeeper, port: IListeningPort) -> None:
        try:
            keeper.begin(getattr(port.getHost(), "port", None))
        except SyncError:
            # The launcher ends the program, but is not the only one who can start a service.
            self._port = None
            port.stopListening()
            raise

    async def _speak_of_the_key(self, keeper: RouteKeeper, graph: Graph) -> None:
        """Say at the start what every request would be told."""
        route = await graph.services.route.current()
        objection = graph.services.keys.objection(self._settings.api_key, route)
        if objection:
            self._log.warn("MIMO_API_KEY is of no use. {objection}", objection=objection)
        elif objection == "" and not route.key and not await keeper.key_elsewhere():
            self._log.info("MIMO_API_KEY is not set: each request must bring its key (X-Mimo-Api-Key)")

    def _print_hint(self, url: str) -> None:
        # Not through the log: this is to be copied from the terminal, which a daemon does not have.
        # A listener beyond the ordinary needs more than these lines: a token, or a socket's path.
        ordinary = isinstance(self._settings.listen_address, TCPAddress) and not self._settings.token
        if sys.__stdout__ is not None and ordinary:
            print(_DEMO_HINT.format(url=url), file=sys.__stdout__, flush=True)

    def _open_log(self) -> None:
        settings = self._settings
        try:
            self._log_file = LogFile(
                settings.log,
                max_bytes=settings.log_bytes,
                kept=settings.log_files,
                tell=lambda what: self._log.error("{what}", what=what),
            )
        except OSError as error:
            reason = f"{settings.log} cannot be written: {error.strerror}"
            raise SettingsError(f"MIMO_PROXY_LOG: {reason}. Give another file with --log.") from error
        self._log_observer = observer_of(self._log_file)
        globalLogPublisher.addObserver(self._log_observer)

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        # To the very end: with the reactor's own handlers a further signal would only log an error.
        restore = on_signals(lambda: self._reactor.callFromThread(self._abort_all))
        try:
            for end in (self._end_requests, self._end_route, self._end_demo):
                try:
                    await end()
                except Exception:  # a fault of ours; what is left to be ended is ended all the same
                    self._log.failure("a part of the end failed")
            self._log.info("ccmimolink has stopped")
            self._close_log()
        finally:
            restore()
            for forget in self._forget_signals:
                forget()

    def _abort_all(self) -> None:
        if self._graph is not None:
            self._graph.services.live.abort_all()

    async def _end_requests(self) -> None:
        if self._graph is not None:
            await self._drained(self._graph)
            if self._station is not None:
                # Before the port is free: whoever takes it next leaves a file of the same name.
                self._station.withdraw()
            await self._closed(self._graph)

    async def _end_route(self) -> None:
        if self._keeper is not None:
            await self._keeper.end()
        if self._started is not None:
            await self._started

    async def _end_demo(self) -> None:
        if self._demo is not None:
            await maybeDeferred(self._demo.stopService)

    async def _drained(self, graph: Graph) -> None:
        live = graph.services.live
        idle = live.drain()
        graph.site.close_idle()
        if len(live) == 0:
            return
        self._log.info(
            "waiting up to {seconds:g} s for {count} running requests; a second signal ends them at once",
            seconds=self._settings.drain,
            count=len(live),
        )
        grace = self._reactor.callLater(self._settings.drain, live.abort_all)
        try:
            await idle
        finally:
            if grace.active():
                grace.cancel()

    async def _closed(self, graph: Graph) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if graph.viewers is not None:
            graph.viewers.end()
        await graph.site.close_all(LAST_WORDS)
        graph.services.limiter.stop()
        for relay in list(graph.services.lingering):
            relay.drop()
        await graph.pool.closeCachedConnections()
        if graph.dumps is not None:
            await graph.dumps.close()

    def _close_log(self) -> None:
        if self._records is not None:
            self._records.close()
        if self._log_observer is not None and self._log_file is not None:
            globalLogPublisher.removeObserver(self._log_observer)
            self._log_file.close()


def _listen(endpoint: IStreamServerEndpoint, site: IProtocolFactory) -> IListeningPort:
    """Listen now, or raise ``CannotListenError``: TCP and UNIX endpoints bind before they return."""
    outcome: list[Any] = []
    endpoint.listen(site).addBoth(outcome.append)
    (port,) = outcome
    if isinstance(port, Failure):
        port.raiseException()
    return cast(IListeningPort, port)


def _shown(port: IListeningPort) -> str:
    """The address as it stands in a URL, with the port that was really taken."""
    address = port.getHost()
    if isinstance(address, IPv6Address):
        return f"[{address.host}]:{address.port}"
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    return f"unix:{os.fsdecode(cast(UNIXAddress, address).name or b'')}"
