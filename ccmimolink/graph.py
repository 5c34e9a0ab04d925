"""The parts of a running proxy, put together.

Owns the wiring from settings to the HTTP site, and nothing that runs by itself.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.web.iweb import IAgent

from ccmimolink.core.context import SettingsView
from ccmimolink.lessons import Lessons
from ccmimolink.limiter import UpstreamLimiter
from ccmimolink.plugins import PluginSet, plugin_failed
from ccmimolink.route import Route, UpstreamRoute
from ccmimolink.settings import Settings
from ccmimolink.store import ReasoningCache, ResponseStore
from ccmimolink.transport import Pool, make_agent, make_http_client
from ccmimolink.tries import UpstreamPolicy
from ccmimolink.upstream import MiMoClient
from ccmimolink.web.channel import RequestLimits
from ccmimolink.web.guard import Guard, unsuitable_body
from ccmimolink.web.keys import KeyResolver
from ccmimolink.web.resources import Root
from ccmimolink.web.services import Choices, Limits, ProxyServices
from ccmimolink.web.site import ProxySite

CONNECTING = 2
"""Times the limit for connecting: looking the name up comes before it, and agreeing upon TLS behind it."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A proxy that is ready to be listened with."""

    site: ProxySite
    services: ProxyServices
    pool: Pool


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
    agent: IAgent | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Graph:
    """Build everything but the listener.

    :param route: in place of the setting's: where the simulated MiMo listens, or what was taken over.
    :param fallback_key: in place of the setting.
    :param agent: in place of one over the network, for tests in memory.
    :param monotonic: measures all durations; a test hands in its own.
    """
    own_agent, pool = make_agent(
        reactor,
        connections=settings.max_concurrent,
        connect_timeout=settings.connect_timeout,
        twisted=settings.twisted_agent,
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
    client = MiMoClient(
        make_http_client(agent or own_agent),
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
    guard = Guard(settings.token, local=settings.listen_address.is_local)
    site = ProxySite(
        Root(guard, services),
        limits=RequestLimits(
            timeout=settings.request_timeout,
            head=settings.max_head_bytes,
            body=settings.max_body_bytes,
            bodies=settings.max_waiting_bytes,
        ),
        max_connections=settings.max_connections,
        reactor=reactor,
        refusal=lambda headers: guard.check(headers) or unsuitable_body(headers),
    )
    return Graph(site, services, pool)
