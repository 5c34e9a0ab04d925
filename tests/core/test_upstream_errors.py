"""What MiMo's errors mean, after the bodies that were observed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.chat import ErrorBody
from ccmimolink.core.errors import FailureKind
from ccmimolink.core.upstream_errors import (
    MAX_REASON,
    classify_error,
    classify_response,
    read_error,
    without_key,
)

K = FailureKind


def body(**fields: object) -> bytes:
    return json.dumps({"error": {"code": "400", "message": "Param Incorrect", "type": "", **fields}}).encode()


MISSING_REASONING = "The reasoning_content in the thinking mode must be passed back to the API."
REFUSED_INSIDE = "finishConnect(..) failed: Connection refused: mimo-gw.prod.svc.cluster.local/10.1.2.3:8080"


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (400, {"param": MISSING_REASONING}, K.INVALID_REQUEST),
        (400, {"param": "`text` is not set"}, K.INVALID_REQUEST),
        (400, {"param": "tools contains duplicate names: X"}, K.INVALID_REQUEST),
        (400, {"param": "webSearchEnabled is false"}, K.INVALID_REQUEST),
        (400, {"param": "max_completion_tokens exceeds the maximum of 131072"}, K.INVALID_REQUEST),
        (400, {"code": "421", "type": "content_filter", "message": "Moderation Block"}, K.MODERATION),
        (400, {"message": "Request blocked by risk control"}, K.MODERATION),
        (403, {"message": "Request blocked by risk control"}, K.MODERATION),
        (421, {}, K.MODERATION),
        (400, {"param": REFUSED_INSIDE}, K.UPSTREAM_DOWN),
        (400, {"message": "This model's maximum context length is 1048576 tokens"}, K.CONTEXT_TOO_LONG),
        (400, {"param": "input exceeds the context window"}, K.CONTEXT_TOO_LONG),
        (404, {"message": "This model's maximum context length is 1048576 tokens"}, K.CONTEXT_TOO_LONG),
        (404, {"message": "Moderation Block"}, K.MODERATION),
        (404, {"param": "Request blocked by risk control"}, K.MODERATION),
        (413, {}, K.CONTEXT_TOO_LONG),
        (401, {"message": "Invalid API Key"}, K.KEY_REJECTED),
        (403, {"code": "illegal_access"}, K.KEY_REJECTED),
        (402, {"message": "Insufficient account funds"}, K.BALANCE_EXHAUSTED),
        (404, {"message": "No endpoints found that support image input"}, K.INVALID_REQUEST),
        (408, {}, K.UPSTREAM_TIMEOUT),
        (429, {"type": "limitation", "message": "Too many requests"}, K.RATE_LIMITED),
        (429, {"message": "Token Plan quota exhausted"}, K.QUOTA_EXHAUSTED),
        (500, {}, K.UPSTREAM_DOWN),
        (502, {}, K.UPSTREAM_DOWN),
        (503, {}, K.UPSTREAM_DOWN),
        (504, {}, K.UPSTREAM_TIMEOUT),
        (529, {}, K.UPSTREAM_DOWN),
        (302, {}, K.UPSTREAM_DOWN),
    ],
)
def test_an_answer_is_classified(status: int, fields: dict[str, object], kind: FailureKind) -> None:
    assert classify_response(status, body(**fields)).kind is kind
    assert classify_response(status, b"data:" + body(**fields) + b"\n\n").kind is kind


def test_the_reason_is_what_stands_in_param() -> None:
    failure = classify_response(400, b"data: " + body(param=MISSING_REASONING))
    assert failure.message == f"MiMo refused the request (400): {MISSING_REASONING}"


@pytest.mark.parametrize("param", [None, "", {"a": 1}])
def test_without_it_the_message_is(param: object) -> None:
    assert read_error(body(param=param, message="Oops")).reason == "Oops"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"error":"Oops"}', "Oops"),
        (b'{"message":"Oops"}', "Oops"),
        (b'{"detail":"Oops"}', "Oops"),
        (b'{"error":{"code":"x"}}', "x"),
        (b"<html>Bad gateway</html>", ""),
        (b"", ""),
        (b"data:", ""),
    ],
)
def test_other_bodies_are_read_as_far_as_they_go(raw: bytes, reason: str) -> None:
    assert read_error(raw).reason == reason


def test_a_message_without_a_reason_is_a_sentence() -> None:
    assert classify_response(502, b"<html>").message == "MiMo is not available (502)."


def test_a_redirect_names_the_setting_that_leads_there() -> None:
    message = classify_response(302, b"<html>").message
    assert message.startswith("MiMo answered with a redirect (302).")
    assert "MIMO_BASE_URL, or the provider in cc switch" in message
    assert "MIMO_BASE_URL" not in classify_response(500, b"").message


def test_a_status_word_of_the_upstreams_own_stays() -> None:
    assert classify_response(400, body(param="STATUS is bad")).message.endswith("(400): STATUS is bad")


def test_the_delay_is_kept() -> None:
    assert classify_response(429, body(), retry_after=7.0).retry_after == 7.0


class TestWhatIsNotShown:
    @pytest.mark.parametrize(
        "secret",
        [
            "sk-fake-0123456789",
            "tp-fake-0123456789",
            "eyJfake0123456789.abc",
            "10.1.2.3:8080",
            "mimo-gw.prod.svc.cluster.local",
            "mimo-gw/10.1.2.3:8080",
            "gateway.internal:443",
            "mimo-backend:8080",
            "localhost:8080",
        ],
    )
    def test_keys_and_hosts(self, secret: str) -> None:
        for text in (secret, f"at {secret} it failed", f"({secret})"):
            assert secret not in classify_response(400, body(param=text)).message
            assert "…" in classify_response(400, body(param=text)).message

    def test_an_internal_host_behind_an_infrastructure_error(self) -> None:
        message = classify_response(400, body(param=REFUSED_INSIDE)).message
        assert message == "MiMo is not available (400): finishConnect(..) failed: Connection refused: …"

    @pytest.mark.parametrize(
        "text",
        [
            "messages.0.content is required",
            "tools.3.function.name: bad",
            "thinking.type must be enabled",
            "mimo-v2.5-pro is retired",
            "Input should be 'low','medium' or 'high'",
            "line 3:14",
        ],
    )
    def test_the_names_of_fields_are(self, text: str) -> None:
        assert text in classify_response(400, body(param=text)).message

    @pytest.mark.parametrize(
        ("finding", "reason"),
        [
            ("bad value 'my own words'", "bad value …"),
            ("expected a number, not \"my own words\" and 'more words'", "expected a number, not …"),
            ("it isn't a date: `my own words`", "it isn't a date: …"),
            ("'my own words", "…"),
        ],
    )
    def test_the_words_that_a_validator_quotes(self, finding: str, reason: str) -> None:
        findings = [{"loc": ["body", "messages", 0], "msg": finding, "input": "my own words"}]
        said = read_error(json.dumps({"detail": findings}).encode())
        assert said.reason == f"body.messages.0: {reason}"

    def test_the_names_that_a_validator_quotes_are(self) -> None:
        finding = {"loc": ["body", "reasoning_effort"], "msg": "Input should be 'low', 'medium' or 'high'"}
        said = read_error(json.dumps({"detail": [finding]}).encode())
        assert said.reason == "body.reasoning_effort: Input should be 'low', 'medium' or 'high'"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (
                "1 validation error\ntop_p\n  Not a number [type=float_type, input_value='my own words', "
                "input_type=str]\n  For further information",
                "1 validation error\ntop_p\n  Not a number [type=float_type, input_value=…, "
                "input_type=str]\n  For further information",
            ),
            (
                "[{'type': 'a', 'loc': ('x',), 'msg': 'Extra inputs', 'input': {'y': 'my own words'}}, "
                "{'type': 'b', 'msg': 'Bad', 'input': 'my own words', 'ctx': {'expected': \"'low'\"}}]",
                "[{'type': 'a', 'loc': ('x',), 'msg': 'Extra inputs', 'input': …}, "
                "{'type': 'b', 'msg': 'Bad', 'input': …, 'ctx': {'expected': \"'low'\"}}]",
            ),
            ("top_p: input_value='my own words", "top_p: input_value=…"),
        ],
        ids=["as pydantic prints it", "as a list in words", "cut"],
    )
    def test_what_was_sent_within_a_text_of_findings(self, text: str, shown: str) -> None:
        assert read_error(body(message=text)).reason == shown

    def test_more_than_anyone_reads(self) -> None:
        assert len(read_error(body(param="x" * 10_000)).reason) == MAX_REASON


class TestInsideAStream:
    def test_a_numeric_code_is_the_status(self) -> None:
        for code in ("429", 429):
            assert classify_error(None, ErrorBody(code=code)).kind is K.RATE_LIMITED

    @pytest.mark.parametrize("code", ["", None, "oops", "200", "9999", "४२९", "²", "9" * 5000])
    def test_any_other_is_a_broken_stream(self, code: str | None) -> None:
        assert classify_error(None, ErrorBody(code=code, message="Oops")).kind is K.STREAM_BROKEN

    def test_the_text_tells_causes_apart(self) -> None:
        assert classify_error(None, ErrorBody(message="Moderation Block")).kind is K.MODERATION
        assert classify_error(None, ErrorBody(message="Too many requests")).kind is K.RATE_LIMITED
        assert classify_error(None, REFUSED_INSIDE).kind is K.UPSTREAM_DOWN
        assert classify_error(None, "maximum context length").kind is K.CONTEXT_TOO_LONG


class TestTheKeyThatWasSent:
    @pytest.mark.parametrize(
        "key", ["fake-gateway-key", 'fake"ga\\te/way+key=', "fake-key\\", "f/a/k/e%20key"]
    )
    @pytest.mark.parametrize("form", [str, partial(quote, safe="")])
    def test_is_taken_out_in_every_form(self, key: str, form: Callable[[str], str]) -> None:
        echoed = body(param=f"the key ({form(key)}) is not valid for top_p")
        for written in (echoed, echoed.replace(b"/", rb"\/")):
            said = read_error(without_key(written, key))
            assert said.reason == said.text.removeprefix("400 Param Incorrect ")
            assert "is not valid for top_p" in said.reason
            assert form(key) not in said.text

    def test_a_placeholder_for_a_key_spoils_no_word(self) -> None:
        for placeholder in ("", "x", "key", "none", "param"):
            assert without_key(body(param="max_tokens"), placeholder) == body(param="max_tokens")

    @given(
        st.binary(max_size=200), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8)
    )
    def test_stands_in_no_body(self, raw: bytes, key: str) -> None:
        assert key.encode() not in without_key(raw + key.encode() + raw, key)


@given(st.integers(100, 599), st.binary(max_size=80))
def test_any_answer_has_a_meaning(status: int, raw: bytes) -> None:
    failure = classify_response(status, raw)
    assert failure.message
    assert "STATUS" not in failure.message or b"STATUS" in raw


def test_a_validators_findings_are_read_with_their_places() -> None:
    findings = [
        {"type": "extra_forbidden", "loc": ["body", "tools", 0, "strict"], "msg": "Extra inputs", "input": 1},
        {"loc": ["body", "model"], "msg": "Field required"},
    ]
    said = read_error(json.dumps({"detail": findings}).encode())
    assert said.reason == said.text == "body.tools.0.strict: Extra inputs; body.model: Field required"


@pytest.mark.parametrize(
    ("status", "raw", "expected"),
    [
        (400, body(param="top_p is unknown"), True),
        (404, body(message="no such model"), True),
        (422, body(), True),
        (404, b"<html>Not Found</html>", False),
        (404, b"", False),
        (402, body(), False),
        (403, body(), False),
        (400, body(message="Moderation Block"), False),
        (400, body(param="maximum context length"), False),
        (503, body(), False),
    ],
)
def test_only_words_about_the_form_of_the_request_ask_for_another_body(
    status: int, raw: bytes, expected: bool
) -> None:
    assert classify_response(status, raw).is_about_form is expected
