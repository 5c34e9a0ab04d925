"""The stored responses: what can be read of them, and their deletion.

Owns the endpoints below ``/v1/responses/{id}``. A response's id is 128 random bits and all that it takes to
read it, so that it can be looked at without a key at hand.
"""

from __future__ import annotations

import msgspec
from twisted.web.resource import IResource
from twisted.web.server import Request

from ccmimolink.core.errors import Failure, FailureKind, ProxyError
from ccmimolink.core.item_list import item_page
from ccmimolink.store import ResponseStore
from ccmimolink.stored_response import StoredResponse
from ccmimolink.web.answers import json_answer, send, send_failure
from ccmimolink.web.endpoint import NOT_FOUND, Endpoint, Refusing

_UNKNOWN = Failure(
    FailureKind.NOT_FOUND,
    "No stored response has this id. Responses are kept in memory, a limited number of them, for requests "
    "with store: true.",
)
_NO_STREAM = Failure(
    FailureKind.UNSUPPORTED,
    "stream: a stored response cannot be streamed again. Leave the parameter out to get it whole.",
    param="stream",
)
_NO_CANCEL = Failure(
    FailureKind.UNSUPPORTED,
    "Only background responses can be cancelled, and there are none here. Close the connection of a running "
    "request to end it.",
)


class Stored(Endpoint):
    """``GET`` and ``DELETE /v1/responses/{id}``."""

    allowed = (b"GET", b"DELETE")

    def __init__(self, store: ResponseStore, response_id: str) -> None:
        super().__init__()
        self._store, self._response_id = store, response_id

    def getChild(self, path: bytes, request: Request) -> IResource:
        if not path:
            return self
        if path == b"input_items":
            return InputItems(self._store, self._response_id)
        return Refusing(_NO_CANCEL if path == b"cancel" else NOT_FOUND)

    def serve(self, request: Request) -> None:
        if request.method == b"DELETE":
            self._delete(request)
            return
        stored = self._store.get(self._response_id)
        if stored is None:
            send_failure(request, _UNKNOWN)
        elif _query(request).get("stream", "false").lower() in ("true", "1"):
            send_failure(request, _NO_STREAM)
        else:
            send(request, json_answer(stored.body))

    def _delete(self, request: Request) -> None:
        if not self._store.delete(self._response_id):
            send_failure(request, _UNKNOWN)
            return
        deleted = {"id": self._response_id, "object": "response", "deleted": True}
        send(request, json_answer(msgspec.json.encode(deleted)))


class InputItems(Endpoint):
    """``GET /v1/responses/{id}/input_items``: all that the response was made from, what it continues too."""

    allowed = (b"GET",)

    def __init__(self, store: ResponseStore, response_id: str) -> None:
        super().__init__()
        self._store, self._response_id = store, response_id

    def serve(self, request: Request) -> None:
        stored = self._store.get(self._response_id)
        try:
            if stored is None:
                send_failure(request, _UNKNOWN)
            else:
                send(request, json_answer(self._page(stored, request)))
        except ProxyError as error:
            send_failure(request, error.failure)

    def _page(self, stored: StoredResponse, request: Request) -> bytes:
        before = self._store.history(stored.parent_id, stored.account) if stored.parent_id else ()
        return item_page([*before, *stored.input_items], _query(request))


def _query(request: Request) -> dict[str, str]:
    """The parameters of the URL; of one that is repeated the last."""
    return {
        name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
        for name, values in (request.args or {}).items()
    }
