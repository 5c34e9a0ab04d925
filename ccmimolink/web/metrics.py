"""``GET /metrics``: for Prometheus, and whatever reads its formats.

Owns the look that a scrape takes at the running proxy. Formats are :mod:`ccmimolink.metrics`'s.
"""

from __future__ import annotations

from typing import cast

from twisted.web.server import Request

from ccmimolink.core.errors import HttpAnswer
from ccmimolink.core.models import ModelTable
from ccmimolink.metrics.exposition import Metrics, Now
from ccmimolink.web.answers import send
from ccmimolink.web.endpoint import Endpoint
from ccmimolink.web.services import ProxyServices
from ccmimolink.web.site import ProxySite


class _Known:
    """The names of a table of models."""

    def __init__(self, models: ModelTable) -> None:
        self._models = models

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._models.get(name) is not None


class MetricsEndpoint(Endpoint):
    """Counts from its making on."""

    allowed = (b"GET",)

    def __init__(self, services: ProxyServices) -> None:
        super().__init__()
        self._services = services
        self._metrics = Metrics(_Known(services.models))
        services.activity.listen(self._metrics.add)

    def serve(self, request: Request) -> None:
        accept = b",".join(request.requestHeaders.getRawHeaders(b"accept") or []).decode("latin-1")
        body, content_type = self._metrics.exposition(self._now(cast(ProxySite, request.site)), accept)
        send(request, HttpAnswer(200, (("content-type", content_type),), body))

    def _now(self, site: ProxySite) -> Now:
        services = self._services
        state = services.limiter.state
        return Now(
            running=len(services.live),
            in_flight=state.in_flight,
            waiting=state.waiting,
            back_off=state.back_off_left,
            stored_responses=len(services.store),
            connections=site.connections,
            tools_not_offered=services.totals.tools_not_offered,
        )
