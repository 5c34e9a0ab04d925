"""The table of failures: what each kind of client is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccmimolink.core.errors import (
    Failure,
    FailureKind,
    Profile,
    answers_with_stream,
    http_answer,
    terminal_error,
)

K = FailureKind
GENERIC, CODEX = Profile.GENERIC, Profile.CODEX

JSON, PLAIN = "application/json", "text/plain; charset=utf-8"
PLAIN_400 = (400, PLAIN, None)
STREAM = "a stream"

# kind: what a generic client gets (status, error code, Retry-After), what Codex gets, and the codes of
# response.failed for both.
TABLE: dict[FailureKind, tuple[tuple[int, str | None, str | None], Any, str, str]] = {
    K.INVALID_REQUEST: ((400, None, None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.UNSUPPORTED: ((400, "unsupported_feature", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.MODERATION: ((400, "content_filter", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.PLUGIN_FAILED: ((400, "plugin_failed", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.BODY_TOO_LARGE: ((413, "body_too_large", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.HEAD_TOO_LARGE: ((431, "head_too_large", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.REQUEST_TIMEOUT: ((408, "request_timeout", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.UNSUPPORTED_MEDIA: (
        (415, "unsupported_media_type", None),
        PLAIN_400,
        "invalid_prompt",
        "invalid_prompt",
    ),
    K.UNPROCESSABLE: ((422, None, None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.FORBIDDEN: ((403, "forbidden", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.NOT_FOUND: ((404, "not_found", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.METHOD_NOT_ALLOWED: ((405, "method_not_allowed", None), PLAIN_400, "invalid_prompt", "invalid_prompt"),
    K.COMPACT_UNSUPPORTED: (
        (501, "compact_not_supported", None),
        PLAIN_400,
        "invalid_prompt",
        "invalid_prompt",
    ),
    K.PREVIOUS_RESPONSE_NOT_FOUND: (
        (400, "previous_response_not_found", None),
        PLAIN_400,
        "invalid_prompt",
        "invalid_prompt",
    ),
    K.KEY_MISSING: ((401, "missing_api_key", None), PLAIN_400, "rate_limit_exceeded", "invalid_prompt"),
    K.KEY_REJECTED: ((401, "invalid_api_key", None), PLAIN_400, "rate_limit_exceeded", "invalid_prompt"),
    K.BALANCE_EXHAUSTED: (
        (402, "insufficient_balance", None),
        PLAIN_400,
        "rate_limit_exceeded",
        "invalid_prompt",
    ),
    K.QUOTA_EXHAUSTED: (
        (429, "insufficient_quota", None),
        PLAIN_400,
        "rate_limit_exceeded",
        "invalid_prompt",
    ),
    K.CONTEXT_TOO_LONG: (
        (400, "context_length_exceeded", None),
        (400, JSON, None),
        "invalid_prompt",
        "context_length_exceeded",
    ),
    K.RATE_LIMITED: (
        (429, "rate_limit_exceeded", "30"),
        (429, JSON, "30"),
        "rate_limit_exceeded",
        "rate_limit_exceeded",
    ),
    K.QUEUE_FULL: ((429, "queue_full", "5"), (429, JSON, "5"), "rate_limit_exceeded", "rate_limit_exceeded"),
    K.TOO_MANY_CONNECTIONS: (
        (429, "too_many_connections", "5"),
        (429, JSON, "5"),
        "rate_limit_exceeded",
        "rate_limit_exceeded",
    ),
    K.DRAINING: ((429, "draining", "5"), (429, JSON, "5"), "rate_limit_exceeded", "rate_limit_exceeded"),
    K.UPSTREAM_DOWN: ((502, "upstream_unavailable", "5"), STREAM, "server_error", "slow_down"),
    K.UPSTREAM_TIMEOUT: ((504, "upstream_timeout", "5"), STREAM, "server_error", "slow_down"),
    K.STREAM_BROKEN: ((502, "upstream_stream_broken", "5"), STREAM, "server_error", "server_error"),
    K.INTERNAL: ((500, "internal_error", None), PLAIN_400, "server_error", "invalid_prompt"),
}

# What Codex was seen to do: these it repeats up to thirty times, or hides the message of.
CODEX_MISHANDLES = {401, 402, 403, 404, 408, 409, 413, 422, 500, 502, 503, 504, 529}


def test_the_table_has_every_kind() -> None:
    assert set(TABLE) == set(FailureKind)


@pytest.mark.parametrize("kind", FailureKind)
class TestEveryKind:
    def test_generic_clients_get_openai_errors(self, kind: FailureKind) -> None:
        answer = http_answer(Failure(kind, "why", param="input[0]"), GENERIC)
        error = json.loads(answer.body)["error"]
        headers = dict(answer.headers)
        assert (answer.status, error["code"], headers.get("retry-after")) == TABLE[kind][0]
        assert headers["content-type"] == JSON
        assert (error["message"], error["param"]) == ("why", "input[0]")
        assert isinstance(error["type"], str)
        assert not answers_with_stream(Failure(kind, "why"), GENERIC)

    def test_codex_gets_what_it_neither_repeats_nor_hides(self, kind: FailureKind) -> None:
        failure, expected = Failure(kind, "why"), TABLE[kind][1]
        assert answers_with_stream(failure, CODEX) == (expected == STREAM)
        if expected == STREAM:
            return
        answer = http_answer(failure, CODEX)
        headers = dict(answer.headers)
        assert (answer.status, headers["content-type"], headers.get("retry-after")) == expected
        assert answer.status not in CODEX_MISHANDLES
        # A 429 without it is fatal to Codex.
        assert answer.status != 429 or "retry-after" in headers
        assert (answer.body == b"why") == (headers["content-type"] == PLAIN)

    def test_a_stream_that_began_ends_with_the_code(self, kind: FailureKind) -> None:
        failure = Failure(kind, "why")
        generic, codex = terminal_error(failure, GENERIC), terminal_error(failure, CODEX)
        assert (generic.code, codex.code) == TABLE[kind][2:]
        assert generic.message == "why"
        assert codex.message.startswith("why")


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.5, "2"), (60.0, "60")])
def test_retry_after_is_whole_seconds_and_never_none(seconds: float, header: str) -> None:
    for profile in Profile:
        answer = http_answer(Failure(K.RATE_LIMITED, "why", retry_after=seconds), profile)
        assert dict(answer.headers)["retry-after"] == header


def test_a_delay_is_not_told_where_another_try_makes_no_sense() -> None:
    answer = http_answer(Failure(K.QUOTA_EXHAUSTED, "why", retry_after=9.0), GENERIC)
    assert "retry-after" not in dict(answer.headers)


@pytest.mark.parametrize("kind", [K.RATE_LIMITED, K.UPSTREAM_DOWN])
@pytest.mark.parametrize("message", ["why", "why.", "why. "])
def test_codex_reads_the_delay_from_a_sentence_after_the_message(kind: FailureKind, message: str) -> None:
    error = terminal_error(Failure(kind, message, retry_after=1.5), CODEX)
    assert error.message == "why. Please try again in 2s."


@pytest.mark.parametrize("kind", [K.STREAM_BROKEN, K.MODERATION])
def test_codex_is_not_told_to_come_back_where_it_does_not_read_it(kind: FailureKind) -> None:
    assert terminal_error(Failure(kind, "why", retry_after=1.5), CODEX).message == "why"


def test_codex_reads_the_code_of_a_context_that_is_too_long() -> None:
    answer = http_answer(Failure(K.CONTEXT_TOO_LONG, "why"), CODEX)
    assert json.loads(answer.body)["error"]["code"] == "context_length_exceeded"


def test_any_text_can_be_told() -> None:
    message = 'Ein „Wort" 🙂\n'
    assert json.loads(http_answer(Failure(K.INTERNAL, message), GENERIC).body)["error"]["message"] == message
    assert http_answer(Failure(K.INTERNAL, message), CODEX).body.decode() == message
