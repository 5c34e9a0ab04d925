"""The stand-in's ``run``: one streaming request to the model that the configuration names.

Owns the choice of model and key, the request and the events that are printed. It must not retry and must not
run tools: what reaches the provider is what it is there for.
"""

from __future__ import annotations

import os
import time

from tests.mimocode.stand_in_jsonc import JsoncError, dumps, parse
from tests.mimocode.stand_in_models import described, offered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPConnection, HTTPResponse
    from typing import Any

MOST_TOKENS = 32_000
REQUEST_LIMIT_S = 60
NO_MODEL = "No model is configured"


class Run:
    """One ``mimo run``.

    :ivar emit: is called with each event, a line of JSON.
    :ivar session: id of the session, which is the cache key too where one is sent.
    """

    def __init__(self, config: dict[str, Any], auth: dict[str, Any], emit: Callable[[str], None]) -> None:
        self.config, self.auth, self.emit = config, auth, emit
        self.session = f"ses_{time.time_ns():x}{os.getpid():x}"

    def event(self, kind: str, **members: Any) -> None:
        """Print an event."""
        stamp = time.time_ns() // 1_000_000
        self.emit(dumps({"type": kind, "timestamp": stamp, "sessionID": self.session, **members}) + "\n")

    def failed(self, name: str, message: str, **data: Any) -> None:
        """Print an event of an error. The program's exit status is none of it."""
        self.event("error", error={"name": name, "data": {"message": message, **data}})

    def send(self, chosen: str, prompt: str) -> None:
        """Ask the model, ``provider/id`` or empty for the configured one, and print what it answers."""
        reference = chosen or self.config.get("model", "")
        provider, _, key = reference.partition("/")
        models = offered(self.config).get(provider, {})
        if not reference:
            self.failed("UnknownError", NO_MODEL)
        elif key not in models:
            near = [name for name in models if key.lower() in name.lower()]
            hint = f" Did you mean: {', '.join(near[:3])}?" if near else ""
            self.failed("UnknownError", f"Model not found: {reference}.{hint}")
        else:
            self.request(provider, key, prompt)

    def request(self, provider: str, key: str, prompt: str) -> None:
        entry = self.config["provider"][provider]
        options = entry.get("options", {})
        model = described(provider, key, entry)
        url = options.get("baseURL") or model["api"]["url"]
        # The key of the configuration goes before the one that was logged in with.
        api_key = options.get("apiKey") or self.auth.get(provider, {}).get("key", "")
        body = self.body(model, options, prompt)
        try:
            connection, path = _connected(url.rstrip("/") + "/chat/completions")
            headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
            connection.request("POST", path, dumps(body).encode(), headers)
            response = connection.getresponse()
        except (OSError, ValueError) as problem:
            self.failed("UnknownError", f"Unable to connect. {problem}")
            return
        if response.status != 200:
            text = response.read().decode("utf-8", "replace")
            self.failed(
                "APIError", f"{response.reason}: {text}", statusCode=response.status, isRetryable=False
            )
            return
        self.answered(response)

    def body(self, model: dict[str, Any], options: dict[str, Any], prompt: str) -> dict[str, Any]:
        """The body of the request."""
        body = {
            "model": model["api"]["id"],
            "max_tokens": min(model["limit"].get("output", 0), MOST_TOKENS) or MOST_TOKENS,
            "messages": [
                {"role": "system", "content": "You are a stand-in for a coding agent."},
                {"role": "user", "content": prompt},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if options.get("setCacheKey") is True:
            # As the real program spells it; no provider's documentation knows the name.
            body["promptCacheKey"] = self.session
        return body

    def answered(self, response: HTTPResponse) -> None:
        self.event("step_start", part={"type": "step-start"})
        text = ""
        usage: dict[str, Any] = {}
        for chunk in _chunks(response):
            usage = chunk.get("usage") or usage
            for choice in chunk.get("choices", []):
                text += choice.get("delta", {}).get("content") or ""
        if text:
            self.event("text", part={"type": "text", "text": text})
        tokens = {"input": usage.get("prompt_tokens", 0), "output": usage.get("completion_tokens", 0)}
        self.event("step_finish", part={"type": "step-finish", "reason": "stop", "tokens": tokens})


def logged_in(env: dict[str, str], data_dir: str) -> dict[str, Any]:
    """The logged-in providers; ``MIMOCODE_AUTH_CONTENT`` stands in place of the whole file."""
    text = env.get("MIMOCODE_AUTH_CONTENT", "")
    try:
        if not text:
            with open(os.path.join(data_dir, "auth.json"), encoding="utf-8") as stream:
                text = stream.read()
        entries = parse(text)
    except (OSError, JsoncError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _chunks(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in response:
        data = line.removeprefix(b"data:").strip()
        if line.startswith(b"data:") and data != b"[DONE]":
            yield parse(data.decode("utf-8", "replace"))


def _connected(url: str) -> tuple[HTTPConnection, str]:
    """A connection for a URL, and the path to ask it for."""
    # Here, not above: it takes longer than everything else that the other commands need.
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme == "http":
        return HTTPConnection(parts.netloc, timeout=REQUEST_LIMIT_S), parts.path
    import ssl

    context = ssl.create_default_context()
    if os.environ.get("NODE_EXTRA_CA_CERTS"):
        context.load_verify_locations(os.environ["NODE_EXTRA_CA_CERTS"])
    return HTTPSConnection(parts.netloc, timeout=REQUEST_LIMIT_S, context=context), parts.path
