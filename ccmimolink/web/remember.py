"""What is kept of a finished answer.

Owns the step from a finished stream to the store and the reasoning cache. It must not keep what the client
asked not to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from ccmimolink.core.item_list import with_ids
from ccmimolink.core.responses import Item, ResponsesRequest
from ccmimolink.core.stored_text import items_text, response_text
from ccmimolink.core.stream import ResponseStream
from ccmimolink.store import ReasoningCache, ResponseStore
from ccmimolink.stored_response import StoredResponse


def remember_reasoning(cache: ReasoningCache, account: str, stream: ResponseStream) -> None:
    """Keep the thinking of the answer's tool calls by their ids, for clients that lose it."""
    text = "\n\n".join(stream.reasoning)
    if text:
        for call_id in stream.call_ids:
            cache.put(account, call_id, text)


def remember_response(
    store: ResponseStore,
    account: str,
    request: ResponsesRequest,
    input_text: bytes,
    stream: ResponseStream,
    size: int,
) -> None:
    """Keep the answer for continuation, if the request asks for it and the answer can be continued.

    :param input_text: what :func:`own_input` gave.
    :param size: of the request, in bytes.
    """
    if not request.store or stream.failure is not None:
        return
    response = stream.response
    text = response_text(response)
    store.add(
        StoredResponse.of(
            id=response.id,
            account=account,
            parent_id=request.previous_response_id,
            input_text=input_text,
            text=text,
            size=size + len(text),
        )
    )


def own_input(request: ResponsesRequest, items: Sequence[Item], stream: ResponseStream) -> bytes:
    """What is to be stored of the request's own input, without the history before it.

    It is taken before the answer, since the text needs less room than the items while that is awaited.
    """
    if not request.store:
        return b""
    return items_text(with_ids(items, stream.response.id.removeprefix("resp_")))
