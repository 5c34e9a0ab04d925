"""What a stored response costs in memory: chains of requests, each of which goes on from the one before.

Owns those chains, which are our proxy's only. It must not measure time. Memory is the whole process's: what
handling the longest history leaves behind counts too, of which there is little in short chains.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.bench import kernel
from tests.bench.bodies import KEY, MODEL
from tests.bench.scenarios import Scenario
from tests.bench.sides import Upstream, ours
from tests.checker import check_bytes

COUNT = 1000
SHORT_CHAIN = 20
_ANSWER = Scenario(name="stored", meaning="a chain", connections=1, requests=COUNT, deltas=40)
_LIMITS = {"MIMO_PROXY_STORE_ENTRIES": str(2 * COUNT), "MIMO_PROXY_STORE_BYTES": str(1 << 30)}
_WARM_UP_REQUESTS = 20
_SETTLE_SECONDS = 2


@dataclass(frozen=True)
class Stored:
    """Bytes for each response: what memory grew by, and what its JSON and its request's input are.

    :ivar chain: requests in a chain.
    """

    chain: int
    memory: float
    text: float

    @property
    def ratio(self) -> float:
        return self.memory / self.text


def measure(upstream: Upstream, chain: int) -> Stored:
    """:raises SystemExit: a response is not there any more."""
    upstream.play(_ANSWER)
    with ours(upstream.port, _LIMITS) as side:
        connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=60)
        for number in range(_WARM_UP_REQUESTS):
            _ask(connection, {"input": _input(number), "store": False})
        before = kernel.resident(side.pids)
        text = 0
        responses: list[str] = []
        for number in range(COUNT):
            previous = {"previous_response_id": responses[-1]} if number % chain else {}
            body = {"input": _input(number), "store": True, **previous}
            responses.append(_ask(connection, body))
            text += len(json.dumps(body["input"], separators=(",", ":")).encode())
        time.sleep(_SETTLE_SECONDS)
        grown = kernel.resident(side.pids) - before
        text += sum(len(_stored(connection, response)) for response in responses)
        connection.close()
    return Stored(chain, grown / COUNT, text / COUNT)


def _input(number: int) -> list[dict[str, Any]]:
    text = f"Question {number:06}: " + " ".join(f"word{number * place % 9973}" for place in range(1, 50))
    return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]


def _ask(connection: http.client.HTTPConnection, body: dict[str, Any]) -> str:
    """The response's id, of a stream that the checker has read."""
    response = check_bytes(_exchange(connection, "POST", "", {"model": MODEL, "stream": True, **body}))
    response_id: str = response["id"]
    return response_id


def _stored(connection: http.client.HTTPConnection, response_id: str) -> bytes:
    return _exchange(connection, "GET", f"/{response_id}")


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: dict[str, Any] | None = None
) -> bytes:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    connection.request(method, f"/v1/responses{path}", content, headers)
    answer = connection.getresponse()
    found = answer.read()
    if answer.status != 200:
        raise SystemExit(f"stored: {method} {path} was answered with {answer.status}: {found[:300]!r}")
    return found
