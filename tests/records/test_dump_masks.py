"""What is masked in a dump."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.dump.masks import Masks, secret_values
from tests.http_wire import delta, event

GATEWAY_KEY = "fake/gateway+secret=0123"
MASKS = Masks({GATEWAY_KEY})

FORMS = {
    "plain": GATEWAY_KEY,
    "JSON with escaped slashes": json.dumps(GATEWAY_KEY)[1:-1].replace("/", r"\/"),
    "JSON in JSON": json.dumps(json.dumps(GATEWAY_KEY)[1:-1].replace("/", r"\/"))[1:-1],
    "JSON in numbers": "".join(f"\\u{ord(each):04x}" for each in GATEWAY_KEY),
    "JSON in capital numbers": "".join(f"\\u{ord(each):04X}" for each in GATEWAY_KEY),
    "JSON in numbers, twice": "".join(f"\\\\u{ord(each):04x}" for each in GATEWAY_KEY),
    "URL": quote(GATEWAY_KEY, safe=""),
    "URL, small": quote(GATEWAY_KEY, safe="").lower(),
    "URL, twice": quote(quote(GATEWAY_KEY, safe=""), safe=""),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_key_that_is_known_is_masked_in_every_form(form: str) -> None:
    assert MASKS.text(f'{{"said": "my key: {form}."}}'.encode()) == b'{"said": "my key: ***."}'


VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="*")


@given(st.text(VISIBLE, min_size=8, max_size=40), st.text(max_size=5), st.integers(0, 2))
def test_no_key_survives_however_often_it_is_escaped(key: str, around: str, times: int) -> None:
    text = f"{around}{key}{around}{key}"
    escaped = key
    for _ in range(times):
        text, escaped = json.dumps(text), json.dumps(escaped)[1:-1]
    masked = Masks({key}).text(text.encode("utf-8", "surrogatepass"))
    assert key.encode() not in masked
    assert escaped.encode() not in masked


@pytest.mark.parametrize("key", ["\\" * 40 + "x", "fake\\u0061key", "\\fake-key\\", '\\"fake-key'])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_key_with_backslashes_is_masked_and_found_in_time(key: str, times: int) -> None:
    escaped = key
    for _ in range(times):
        escaped = json.dumps(escaped)[1:-1]
    before, behind = b"\\" * 50_000 + b" ", b" " + b"\\" * 60 + b"y"
    assert Masks({key, GATEWAY_KEY}).text(before + escaped.encode() + behind) == before + b"***" + behind


LOOKS = [
    "sk-fake-key",
    "tp-fake-key",
    "ttp-fake-key",
    "ghp_" + "a1" * 12,
    "xoxb-fake-1",
    "AKIA" + "A1B2" * 4,
    "eyJhbGciOiJub25lIn0.eyJmYWtlIjoxfQ.c2ln",
    "Bearer fake/token",
]


@pytest.mark.parametrize("key", LOOKS)
@pytest.mark.parametrize("before", ["", " ", '"', "=", "\\n", "\\t", "\\u4e2d", "%20", "/", "\\\\"])
def test_what_looks_like_a_key_is_masked(key: str, before: str) -> None:
    assert Masks(()).text(f"{before}{key} and".encode()) == f"{before}*** and".encode()


@pytest.mark.parametrize("text", ["task-force-one", "http-fake-key", "sk-", "mimo-v2.5", "monkeyJumpsHigher"])
def test_what_does_not_stays(text: str) -> None:
    assert Masks(()).text(text.encode()) == text.encode()


def test_a_key_that_is_short_is_a_word_and_stays() -> None:
    assert Masks({"test"}).text(b"a test") == b"a test"


SECRET_HEADERS = [
    (b"Authorization", b"Bearer fake-1", b"Bearer ***"),
    (b"authorization", b"fake-1", b"***"),
    (b"X-Mimo-Api-Key", b"fake-1", b"***"),
    (b"api-key", b"fake-1", b"***"),
    (b"Cookie", b"session=fake-1; a=b", b"***"),
    (b"Set-Cookie", b"session=fake-1", b"***"),
    (b"Proxy-Authorization", b"Basic ZmFrZQ==", b"Basic ***"),
    (b"X-Gateway-Token", b"fake-1", b"***"),
    (b"X-RateLimit-Remaining-Tokens", b"12", b"12"),
    (b"User-Agent", b"codex sk-fake-key", b"codex ***"),
    (b"User-Agent", GATEWAY_KEY.encode(), b"***"),
]


@pytest.mark.parametrize(("name", "value", "shown"), SECRET_HEADERS)
def test_a_header_is_masked_by_its_name_or_by_what_is_in_it(name: bytes, value: bytes, shown: bytes) -> None:
    assert MASKS.header(name, value) == shown


def test_the_secrets_of_a_header_are_told_so_that_they_are_known_elsewhere() -> None:
    assert "fake-1" in set(secret_values(b"Authorization", b"Bearer fake-1"))
    assert "fake;1" in set(secret_values(b"Authorization", b"Bearer fake;1"))
    assert "fake-1" in set(secret_values(b"Cookie", b"a=b; session=fake-1"))
    assert set(secret_values(b"User-Agent", b"fake-1")) == set()


def test_a_query_is_not_shown() -> None:
    assert MASKS.target(b"/v1/responses?key=fake") == b"/v1/responses?***"


def test_a_long_text_is_searched_everywhere() -> None:
    filler = b"-" * 16_378
    for shift in range(12):
        text = filler + b"." * shift + GATEWAY_KEY.encode() + b"|sk-fake-" + b"k" * 70_000 + b"|end"
        assert MASKS.text(text) == filler + b"." * shift + b"***|***|end"


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


def chat(piece: str) -> bytes:
    return delta(content=piece)


def arguments(piece: str) -> bytes:
    return delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])


def responses(piece: str) -> bytes:
    return event({"type": "response.output_text.delta", "output_index": 0, "delta": piece})


_NAMES = ("c1", "response.output_text.delta")


def told(stream: bytes) -> str:
    """All texts of a stream, one behind the other."""

    def texts(value: Any) -> str:
        if isinstance(value, dict):
            return "".join(map(texts, value.values()))
        if isinstance(value, list):
            return "".join(map(texts, value))
        return value if isinstance(value, str) and value not in _NAMES else ""

    return "".join(texts(json.loads(line[5:])) for line in stream.splitlines() if line)


@given(
    st.sampled_from([chat, arguments, responses]),
    st.lists(st.integers(0, 200), max_size=30),
    st.text(max_size=5),
    st.text(max_size=5),
)
def test_a_key_that_lies_across_events_is_masked(
    make: Any, places: list[int], before: str, after: str
) -> None:
    text = f"{before}{GATEWAY_KEY}, {GATEWAY_KEY}{GATEWAY_KEY} or tp-fake-key. {after}"
    masked = MASKS.events(b"".join(map(make, cut(text, places))))
    assert told(masked) == f"{before}***, ****** or ***. {after}"


def test_texts_that_are_told_side_by_side_are_kept_apart() -> None:
    first, second = GATEWAY_KEY[:10], GATEWAY_KEY[10:]

    def call(index: int, piece: str) -> bytes:
        return delta(tool_calls=[{"index": index, "function": {"arguments": piece}}])

    stream = call(0, first) + call(1, "a") + call(0, second) + call(1, "b")
    assert told(MASKS.events(stream)) == "***ab"


def test_events_without_a_key_stay_byte_for_byte() -> None:
    stream = b': comment\r\ndata:  {"a" : "\\u00e9"}\r\n\r\ndata: [DONE]\n\ndata: {broken\n\n' + chat("b")
    assert MASKS.events(stream) == stream


def test_what_is_nested_too_deep_is_masked_as_a_text() -> None:
    deep = b"data: " + b"[" * 5000 + b'"sk-fake-key"' + b"]" * 5000
    assert b"sk-fake" not in MASKS.events(deep)
