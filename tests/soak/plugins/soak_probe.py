"""A plugin that answers a request for the model ``soak-probe`` with what only the process itself can count.

The production code has no door for this; a transform runs in it, and its refusal reaches the client.
"""

from __future__ import annotations

import gc
import json

from zope.interface import implementer

from ccmimolink.core.context import RequestContext
from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.interfaces import IRequestTransform

MODEL = "soak-probe"


@implementer(IRequestTransform)
class SoakProbe:
    """``soak-probe`` counts; ``soak-probe-collected`` collects the garbage before."""

    name = "soak-probe"
    priority = -1000

    def transform(self, request: ResponsesRequest, context: RequestContext) -> ResponsesRequest:
        if not (request.model or "").startswith(MODEL):
            return request
        from twisted.internet import reactor

        if request.model != MODEL:
            gc.collect()
        figures = {
            "delayed calls": len(reactor.getDelayedCalls()),
            "objects": len(gc.get_objects()),
        }
        raise RequestError(Failure(FailureKind.INVALID_REQUEST, json.dumps(figures)))


soak_probe = SoakProbe()
