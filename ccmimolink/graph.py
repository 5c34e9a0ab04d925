"""The parts of a running proxy, put together.

Owns the wiring from settings to the HTTP site, and nothing that runs by itself.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.web.iweb import IAgent

from ccmimolink.core.context import SettingsView
from ccmimolink.dump.dumps import Dumps
from ccmimolink.dump.sides import RecordedRequest, RecordingAgent
from ccmimolink.dump_directory import DumpDirectory
from ccmimolink.lessons import Lessons
from ccmimolink.limiter import UpstreamLimiter
from ccmimolink.model_choice import start_choice
from ccmimolink.page.resources import put_page
from ccmimolink.page.snapshot import Snapshots, about
from ccmimolink.page.viewers import Viewers
from ccmimolink.plugins import PluginSet, plugin_failed
from ccmimolink.route import Route, UpstreamRoute
from ccmimolink.settings import Settings
from ccmimolink.store import ReasoningCache, ResponseStore
from ccmimolink.transport import Pool, make_agent, make_http_client
from ccmimolink.tries import UpstreamPolicy
from ccmimolink.upstream import MiMoClient
from ccmimolink.web.channel import ProxyRequest, RequestLimits
from ccmimolink.web.control import Control, ModelControl
from ccmimolink.web.guard import Guard, unsuitable_body
from ccmimolink.web.keys import KeyResolver
from ccmimolink.web.resources import Root
from ccmimolink.web.services import Choices, Limits, ProxyServices
from ccmimolink.web.site import ProxySite

CONNECTING = 2
"""Times the limit for connecting: looking the name up comes before it, and agreeing upon TLS behind it."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A proxy that is ready to be listened with.

    :ivar viewers: of the status page; None where it is not served.
    """

    site: ProxySite
    services: ProxyServices
    pool: Pool
    viewers: Viewers | None
    dumps: Dumps | None = None


def new_id(prefix: str) -> str:
    """An id as the API's own look: the prefix that clients go by, and 128 random bits."""
    return f"{prefix}_{os.urandom(16).hex()}"


def build_graph(
    settings: Settings,
    plugins: PluginSet,
    reactor: Any,
    *,
    route: UpstreamRoute | None = None,
    fallback_key: str | None = None,
    control: Control | None = None,
    agent: IAgent | None = None,
    around: Callable[[IAgent], IAgent] = lambda agent: agent,
    monotonic: Callable[[], float] = time.monotonic,
) -> Graph:
    """Build everything but the listener.

    :param route: in place of the setting's: where the simulated MiMo listens, or what was taken over.
    :param fallback_key: in place of the setting.
    :param control: for our own command; None leaves its endpoint out.
    :param agent: in place of one over the network, for tests in memory.
    :param around: what is put around the agent, to look on.
    :param monotonic: measures all durations; a test hands in its own.
    """
    own_agent, pool = make_agent(
        reactor,
        connections=settings.max_concurrent,
        connect_timeout=settings.connect_timeout,
        twisted=settings.twisted_agent,
        proxies=settings.proxies,
        ca_file=settings.ca_file,
    )
    limiter = UpstreamLimiter(
        reactor,
        max_concurrent=settings.max_concurrent,
        min_interval=settings.min_interval,
        max_waiting=settings.max_waiting,
        max_waiting_bytes=settings.max_waiting_bytes,
        max_wait=settings.max_wait,
        monotonic=monotonic,
    )
    agent = around(agent or own_agent)
    dumps = None
    if settings.debug_dump is not None:
        dumps = _dumps(settings, settings.debug_dump, reactor, monotonic, fallback_key)
        agent = RecordingAgent(agent)
    client = MiMoClient(
        make_http_client(agent),
        UpstreamPolicy(
            connecting_timeout=CONNECTING * settings.connect_timeout,
            first_byte_timeout=settings.first_byte_timeout,
            retries=settings.retries,
            retry_budget=settings.retry_budget,
            back_off=settings.back_off,
        ),
        clock=reactor,
        monotonic=monotonic,
        epoch=time.time,
        back_off=limiter.back_off,
        jitter=random.random,
    )
    services = ProxyServices(
        clock=reactor,
        now=time.time,
        monotonic=monotonic,
        new_id=new_id,
        limits=Limits(
            idle_timeout=settings.idle_timeout,
            slow_client_timeout=settings.slow_client_timeout,
            keepalive=settings.keepalive,
            max_decompressed_bytes=settings.max_decompressed_bytes,
            max_event_bytes=settings.max_event_bytes,
            max_answer_bytes=settings.max_answer_bytes,
            max_calls=settings.max_calls,
        ),
        choices=Choices(
            SettingsView(
                text_model=settings.model,
                text_model_chosen=settings.model_chosen,
                vision_model=settings.vision_model,
                web_search=settings.web_search,
            )
        ),
        models=settings.models,
        route=route or UpstreamRoute(Route(settings.base_url)),
        keys=KeyResolver(settings.api_key if fallback_key is None else fallback_key, token=settings.token),
        plugins=plugins,
        plugin_failed=plugin_failed,
        limiter=limiter,
        client=client,
        store=ResponseStore(max_entries=settings.store_entries, max_bytes=settings.store_bytes),
        reasoning=ReasoningCache(settings.reasoning_cache_entries, settings.reasoning_cache_bytes),
        lessons=Lessons(monotonic),
    )
    is_local = settings.listen_address.is_local
    guard = Guard(
        settings.token,
        local=is_local,
        control="" if control is None else control.token,
    )
    root = Root(guard, services, _control_of(control, guard, services, settings))
    viewers = None
    if is_local:
        viewers = put_page(root, services, Snapshots(services, about(settings, plugins.found, time.time())))
    site = ProxySite(
        root,
        limits=RequestLimits(
            timeout=settings.request_timeout,
            head=settings.max_head_bytes,
            body=settings.max_body_bytes,
            bodies=settings.max_waiting_bytes,
        ),
        max_connections=settings.max_connections,
        reactor=reactor,
        refusal=lambda headers: guard.check(headers) or unsuitable_body(headers),
        request_factory=ProxyRequest if dumps is None else partial(RecordedRequest, dumps),
    )
    return Graph(site, services, pool, viewers, dumps)


def _dumps(
    settings: Settings,
    directory: Path,
    reactor: Any,
    monotonic: Callable[[], float],
    fallback_key: str | None,
) -> Dumps:
    return Dumps(
        DumpDirectory(directory, settings.debug_dump_bytes),
        now=time.time,
        monotonic=monotonic,
        in_thread=lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work),
        keys=(settings.api_key, settings.token, fallback_key or ""),
    )


def _control_of(
    control: Control | None, guard: Guard, services: ProxyServices, settings: Settings
) -> ModelControl | None:
    if control is None:
        return None
    return ModelControl(guard, services, start_choice(settings.model, settings.model_origin), control.memory)
