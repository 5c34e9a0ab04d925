"""What the gateway answers, and how: the strict rules of its API, and answers that a test writes itself.

Owns values and their choice. It must not know sockets.

Source: the provider's public documentation of its API.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

KEY = "gp-fake-accepted-0123456789"
DEACTIVATED_KEY = "gp-fake-deactivated-0123456789"

KIMI = "moonshotai/kimi-k2.6"
MODELS: tuple[Mapping[str, Any], ...] = (
    {"id": "qwen/qwen3-235b-a22b-instruct-2507-fp8", "object": "model", "created": 0, "owned_by": "gonka"},
    {"id": KIMI, "object": "model", "created": 0, "owned_by": "gonka", "context_length": 262144},
    {"id": "minimaxai/minimax-m2.7", "object": "model", "created": 0, "owned_by": "gonka"},
)
"""As the API lists them: the first one is the default, and not each publishes a context length."""

CHAT_FIELDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "n",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "user",
        "reasoning_effort",
    }
)
"""The fields of a chat request; any other one is refused."""

REPLY = "Hello from the simulated gateway."

Then = Literal["end", "stall", "reset"]


@dataclass(frozen=True, slots=True)
class Request:
    """What came.

    :ivar headers: in their order, the names in lower case.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The only value of a header, or None."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each == name]

    @property
    def key(self) -> str:
        """The Bearer key, or nothing."""
        scheme, _, key = (self.header("authorization") or "").partition(" ")
        return key if scheme == "Bearer" else ""

    def json(self) -> Any:
        return json.loads(self.body)

    def to_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "body": _text(self.body)})

    @classmethod
    def from_json(cls, line: str) -> Request:
        read = json.loads(line)
        headers = tuple((name, value) for name, value in read["headers"])
        return cls(read["method"], read["path"], headers, _bytes(read["body"]))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, and how.

    :ivar delay: seconds before anything is sent.
    :ivar pieces: how many writes the body takes.
    :ivar pause: seconds between two of them.
    :ivar then: what comes after the last byte: the orderly end, nothing at all, or a reset.
    :ivar announced: the length that is announced, if it is not the body's; -1 announces none (chunked).
    :ivar raw: these bytes instead of a status, headers and a body; or nothing, if they are empty.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    pieces: int = 1
    pause: float = 0.0
    then: Then = "end"
    announced: int | None = None
    raw: bytes | None = None

    def parts(self) -> list[bytes]:
        size = max(1, -(-len(self.body) // self.pieces))
        return [self.body[at : at + size] for at in range(0, len(self.body), size)]

    def to_json(self) -> dict[str, Any]:
        raw = None if self.raw is None else _text(self.raw)
        return {**asdict(self), "body": _text(self.body), "raw": raw}

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Answer:
        headers = tuple((name, value) for name, value in read["headers"])
        raw = None if read["raw"] is None else _bytes(read["raw"])
        return cls(**{**read, "headers": headers, "body": _bytes(read["body"]), "raw": raw})


def json_answer(status: int, document: Any, *headers: tuple[str, str], **how: Any) -> Answer:
    body = json.dumps(document).encode()
    return Answer(status, (("content-type", "application/json"), *headers), body, **how)


def error(status: int, code: str, message: str = "Refused.", *headers: tuple[str, str]) -> Answer:
    document = {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}}
    return json_answer(status, document, *headers)


def catalog(*models: Mapping[str, Any], **how: Any) -> Answer:
    return json_answer(200, {"object": "list", "data": list(models or MODELS)}, **how)


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status, (("location", location),))


def gzipped(body: bytes) -> Answer:
    headers = (("content-type", "application/json"), ("content-encoding", "gzip"))
    return Answer(200, headers, gzip.compress(body))


def stalled() -> Answer:
    """The connection is held, and nothing comes."""
    return Answer(raw=b"", then="stall")


def reset() -> Answer:
    """The connection breaks before a word."""
    return Answer(raw=b"", then="reset")


@dataclass(frozen=True, slots=True)
class Rules:
    """
    :ivar keys: those that are accepted.
    :ivar deactivated: those whose account is.
    """

    models: tuple[Mapping[str, Any], ...] = MODELS
    keys: frozenset[str] = field(default=frozenset({KEY}))
    deactivated: frozenset[str] = field(default=frozenset({DEACTIVATED_KEY}))

    def answer(self, request: Request) -> Answer:
        route = _ROUTES.get((request.method, request.path))
        if route is None:
            return error(404, "not_found", "There is no such route.")
        if request.key in self.deactivated:
            return error(403, "account_deactivated", "The account is deactivated.")
        if request.key not in self.keys:
            return error(401, "invalid_api_key", "The API key is invalid.")
        return route(self, request)

    def list_models(self, _request: Request) -> Answer:
        return json_answer(200, {"object": "list", "data": list(self.models)})

    def complete(self, request: Request) -> Answer:
        try:
            body = request.json()
        except ValueError:
            return error(400, "invalid_json", "The body is no JSON.")
        fault = self._fault(body)
        if fault is not None:
            return fault
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            stream = _stream(body["model"], usage=usage)
            return Answer(200, (("content-type", "text/event-stream"),), stream, announced=-1)
        return json_answer(200, _completion(body["model"]))

    def _fault(self, body: Any) -> Answer | None:
        if not isinstance(body, dict):
            return error(400, "invalid_request", "The body is no object.")
        for name in body:
            if name not in CHAT_FIELDS:
                return error(400, "unknown_parameter", f"Unknown parameter: {name}.")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return error(400, "invalid_request", "There are no messages.")
        # The suffix asks for a search; it is no part of a catalog's id.
        if str(body.get("model")).removesuffix(":online") not in {model["id"] for model in self.models}:
            return error(404, "model_not_found", "There is no such model.")
        return None


_ROUTES = {
    ("GET", "/v1/models"): Rules.list_models,
    ("POST", "/v1/chat/completions"): Rules.complete,
}

_USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 6,
    "total_tokens": 13,
    "base_cost_usd": 0.00001,
    "platform_fee_usd": 0.000001,
    "total_cost_usd": 0.000011,
}


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": REPLY}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": _USAGE,
    }


def _stream(model: str, *, usage: bool) -> bytes:
    head = {"id": "chatcmpl-simulated", "object": "chat.completion.chunk", "created": 0, "model": model}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"{word} "} for word in REPLY.split()]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        chunks.append({**head, "choices": [], "usage": _USAGE})
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, "data: [DONE]\n\n"]).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
