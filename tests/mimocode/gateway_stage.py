"""A gateway for one test, in process, with clients that trust it.

Owns what the tests of the catalog repeat: asking for it, and the reason why there is none. It must not know
what is answered.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from ccmimolink.mimocode.catalog import CatalogModel
from ccmimolink.mimocode.catalog_request import CatalogClient, https_agent
from ccmimolink.mimocode.errors import Blocker, SetupError
from ccmimolink.mimocode.provider import GONKAGATE, Provider
from tests.mimocode.gateway import Gateway
from tests.mimocode.gateway_api import KEY, MODELS
from tests.mimocode.gateway_tls import HOST, Pair, authority
from tests.scripted_upstream import until

MARK = "said-by-the-gateway"
"""What no message may quote."""

CATALOG = tuple(CatalogModel(model["id"], model.get("context_length")) for model in MODELS)


def provider_at(port: int, path: str = "/v1/models") -> Provider:
    return replace(GONKAGATE, catalog_url=f"https://{HOST}:{port}{path}")


class Stage:
    """A gateway, and clients that trust it."""

    def __init__(self, reactor: Any, gateway: Gateway, provider: Provider) -> None:
        self.reactor, self.gateway, self.provider = reactor, gateway, provider

    def client(self, **limits: Any) -> CatalogClient:
        agent = https_agent(self.reactor, authority().trusted())
        return CatalogClient(self.reactor, agent, **{"seconds": 10.0, "pauses": (0.001, 0.001), **limits})

    def fetch(self, key: str = KEY, **limits: Any) -> Deferred[tuple[CatalogModel, ...]]:
        return Deferred.fromCoroutine(self.client(**limits).fetch(self.provider, key))

    async def blocker(self, key: str = KEY, **limits: Any) -> Blocker:
        return await refusal(self.fetch(key, **limits), key)

    async def quiet(self) -> None:
        """The client holds no connection, without the gateway's help."""
        await until(self.reactor, lambda: not self.gateway.connections)


@contextmanager
def logged() -> Iterator[list[str]]:
    """All that is logged meanwhile, tracebacks too."""
    texts: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        texts.append(eventAsText(event, includeTraceback=True))

    globalLogPublisher.addObserver(observe)
    try:
        yield texts
    finally:
        globalLogPublisher.removeObserver(observe)


async def refusal(fetched: Deferred[Any], key: str) -> Blocker:
    """Why there is no catalog: one reason, that tells neither the key nor what the gateway said."""
    with logged() as logs, pytest.raises(SetupError) as caught:
        await fetched
    error = caught.value
    told = [str(error), repr(error), repr(error.blockers), Failure(error).getTraceback()]
    shown = "".join([*told, *traceback.format_exception(error), *logs])
    assert key not in shown
    assert MARK not in shown
    (blocker,) = error.blockers
    return blocker


@asynccontextmanager
async def stage(tls: Pair | None = None) -> AsyncIterator[Stage]:
    from twisted.internet import reactor

    gateway = Gateway(reactor)
    port = await gateway.listen(tls)
    try:
        yield Stage(reactor, gateway, provider_at(port))
    finally:
        await gateway.close()


def on_stage(test: Callable[[Stage], Any]) -> Callable[[], Any]:
    """A test that is given a stage with a good certificate."""

    async def run() -> None:
        async with stage() as here:
            await test(here)

    # Not functools.wraps: pytest would look for a fixture of the parameter's name.
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    decorated: Callable[[], Any] = pytest_twisted.ensureDeferred(run)
    return decorated
