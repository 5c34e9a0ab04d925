"""The stand-in's ``run`` sends the one request that MiMoCode would, and prints events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.mimocode.mimo_home import MimoHome

KEY = "gp-fake-run"
MODEL = "moonshotai/kimi-k2.6"
ANSWER = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
    {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
]


class Provider(HTTPServer):
    """A provider on loopback that answers each request with a stream, or with an error."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def asked(self) -> dict[str, Any]:
        """The body of the request for an answer; the real program asks for a title too."""
        return self.requests[-1][2]


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        chunks = [f"data: {json.dumps(chunk)}\n\n" for chunk in ANSWER] + ["data: [DONE]\n\n"]
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write("".join(chunks).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path) -> MimoHome:
    return MimoHome(tmp_path)


def configured(home: MimoHome, provider: Provider, model: dict[str, Any], **options: Any) -> None:
    entry = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": provider.url(), "apiKey": KEY, **options},
        "models": {MODEL: model},
    }
    config = {"provider": {"gonkagate": entry}, "model": f"gonkagate/{MODEL}"}
    home.write("home/.config/mimocode/mimocode.json", {**config, "small_model": f"gonkagate/{MODEL}"})


def ask(home: MimoHome, *args: str, **env: str) -> list[dict[str, Any]]:
    done = home.mimo("run", "--pure", "--format", "json", *args, "Say hello", **env)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_answer_is_printed_as_events(home: MimoHome, provider: Provider) -> None:
    configured(home, provider, {})
    events = ask(home)
    assert [event["type"] for event in events] == ["step_start", "text", "step_finish"]
    assert events[1]["part"]["text"] == "Hello"
    assert events[0]["sessionID"].startswith("ses_")


def test_the_request_has_the_whole_name_and_the_key(home: MimoHome, provider: Provider) -> None:
    configured(home, provider, {})
    ask(home)
    path, headers, body = provider.requests[-1]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["stream"]) == (MODEL, True)
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(("output", "sent"), [(None, 32_000), (0, 32_000), (100, 100), (1_000_000, 32_000)])
def test_the_limit_of_the_output(home: MimoHome, provider: Provider, output: int | None, sent: int) -> None:
    configured(home, provider, {} if output is None else {"limit": {"context": 9, "output": output}})
    ask(home)
    assert provider.asked()["max_tokens"] == sent


@pytest.mark.parametrize(
    ("options", "sent"), [({}, False), ({"setCacheKey": False}, False), ({"setCacheKey": True}, True)]
)
def test_a_cache_key_is_sent_if_it_is_asked_for(
    home: MimoHome, provider: Provider, options: dict[str, bool], sent: bool
) -> None:
    configured(home, provider, {}, **options)
    ask(home)
    assert provider.asked().get("promptCacheKey", "").startswith("ses_") is sent


@pytest.mark.parametrize("key", [KEY, None])
def test_the_key_of_the_configuration_goes_before_the_one_logged_in_with(
    home: MimoHome, provider: Provider, key: str | None
) -> None:
    configured(home, provider, {}, **({"apiKey": key} if key else {"apiKey": ""}))
    auth = {"gonkagate": {"type": "api", "key": "gp-fake-auth"}}
    ask(home, MIMOCODE_AUTH_CONTENT=json.dumps(auth))
    assert provider.requests[-1][1]["authorization"] == f"Bearer {key or 'gp-fake-auth'}"


@pytest.mark.parametrize("model", ["gonkagate/kimi-k2.6", "gonkagate/none", "none/x"])
def test_an_unknown_model_is_an_event_and_no_failure(home: MimoHome, provider: Provider, model: str) -> None:
    configured(home, provider, {})
    events = ask(home, "--model", model)
    assert [event["type"] for event in events] == ["error"]
    message = events[0]["error"]["data"]["message"]
    assert message.startswith(f"Model not found: {model}.")
    assert (f"Did you mean: {MODEL}" in message) is ("kimi" in model)
    assert not provider.requests


def test_a_refusal_is_an_event(home: MimoHome, provider: Provider) -> None:
    provider.status = 401
    configured(home, provider, {})
    events = ask(home)
    assert (events[-1]["type"], events[-1]["error"]["data"]["statusCode"]) == ("error", 401)


def test_without_a_model_nothing_is_sent(home: MimoHome, provider: Provider) -> None:
    events = ask(home, MIMOCODE_CONFIG_CONTENT='{"enabled_providers": []}')
    assert events[-1]["type"] == "error"
    assert not provider.requests
