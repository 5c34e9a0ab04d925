"""Bodies that are JSON at its edges, or none: served as the nearest sensible thing, or a 400."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hostile.attacks import assert_next_is_served
from tests.http_wire import Reply, chunked, hello
from tests.memory_proxy import MemoryProxy

DEEP = 100_000
SAID = '{"role":"user","content":"hello"}'


def body(**fields: str) -> bytes:
    """A request with these members as raw JSON."""
    members = {"model": '"m"', "input": f"[{SAID}]"} | fields
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


def asked(proxy: MemoryProxy, data: bytes) -> tuple[Reply, Any]:
    """What is answered, and what was asked of the upstream, if anything."""
    client = proxy.post(data, content_type="application/json")
    sent = None
    if client.silent:
        wire = proxy.upstream[-1]
        sent = json.loads(wire.received.rpartition(b"\r\n\r\n")[2].decode())
        wire.send(chunked(hello()))
        proxy.settle()
    return client.reply, sent


def refused(proxy: MemoryProxy, data: bytes) -> dict[str, Any]:
    """The error of a body that is refused, after which the next client is served."""
    reply, sent = asked(proxy, data)
    assert (reply.status, sent) == (400, None)
    assert_next_is_served(proxy)
    return reply.error()


def served(proxy: MemoryProxy, data: bytes) -> Any:
    reply, sent = asked(proxy, data)
    assert (reply.status, reply.json()["status"]) == (200, "completed")
    assert_next_is_served(proxy)
    return sent


NO_REQUEST = {
    "nothing": b"",
    "white space": b" \t\r\n" * 100,
    "null": b"null",
    "true": b"true",
    "a number": b"5",
    "a string": b'"hello"',
    "an array": b"[]",
    "an array with a request": b"[" + body() + b"]",
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "UTF-16": body().decode().encode("utf-16"),
    "UTF-16 without a mark": body().decode().encode("utf-16-le"),
    "UTF-32": body().decode().encode("utf-32"),
    "something behind it": body() + b"x",
    "a second one behind it": body() + body(),
    "NUL behind it": body() + b"\0",
    "a comment": b"/* */" + body(),
    "a trailing comma": body()[:-1] + b",}",
    "single quotes": body().replace(b'"', b"'"),
    "no quotes around names": b"{model:1}",
    "cut short": body()[:-1],
    "cut in a string": body()[:-10],
    "an open string": b'{"' + b"a" * 1000,
    "a control character in a string": body(user='"a\x01b"'),
    "a line end in a string": body(user='"a\nb"'),
    "an unknown escape": body(user='"a\\xb"'),
    "a cut escape": body(user='"a\\u12"'),
    "NaN": body(temperature="NaN"),
    "Infinity": body(temperature="Infinity"),
    "-Infinity": body(temperature="-Infinity"),
    "a number with a leading nought": body(temperature="01"),
    "a number with a plus": body(temperature="+1"),
    "a bare point": body(temperature="1."),
    "hexadecimal": body(max_output_tokens="0x10"),
    "True": body(stream="True"),
    "overlong UTF-8": body(user='"ab"').replace(b"ab", b"\xc0\xaf"),
    "half a character of UTF-8": body(user='"ab"').replace(b"ab", b"\xe2\x82"),
    "a surrogate in UTF-8": body(user='"ab"').replace(b"ab", b"\xed\xa0\x80"),
    "beyond Unicode": body(user='"ab"').replace(b"ab", b"\xf5\x80\x80\x80"),
    "bad UTF-8 in a name": body(xyz="1").replace(b"xyz", b"\xff\xfe"),
    "bad UTF-8 in what is passed over": body(xyz='{"a":"b"}').replace(b'"b"', b'"\xff"'),
    "bad UTF-8 in a tool's schema": body(
        tools='[{"type":"function","name":"f","parameters":{"a":"b"}}]'
    ).replace(b'"b"', b'"\xff"'),
}


@pytest.mark.parametrize("data", NO_REQUEST.values(), ids=NO_REQUEST)
def test_what_is_no_json_object_is_refused(proxy: MemoryProxy, data: bytes) -> None:
    assert refused(proxy, data)["type"] == "invalid_request_error"


def deep(opening: str, closing: str, core: str = "1") -> str:
    return opening * DEEP + core + closing * DEEP


NESTED = {"arrays": deep("[", "]", ""), "objects": deep('{"a":', "}"), "both": deep('[{"a":', "}]")}
EVERY_NEST = pytest.mark.parametrize("nest", NESTED.values(), ids=NESTED)
PLACES = {
    "a field that is passed over": lambda nest: {"xyz": nest},
    "the metadata": lambda nest: {"metadata": nest},
    "the input": lambda nest: {"input": nest},
    "an item": lambda nest: {"input": f"[{nest},{SAID}]"},
    "an unknown item": lambda nest: {"input": f'[{{"type":"x","a":{nest}}},{SAID}]'},
    "a content": lambda nest: {"input": f'[{{"role":"user","content":{nest}}}]'},
    "a part": lambda nest: {"input": f'[{{"role":"user","content":[{nest}]}}]'},
    "arguments": lambda nest: {
        "input": f'[{{"type":"function_call","call_id":"c","name":"f","arguments":{nest}}},{SAID}]'
    },
    "an output": lambda nest: {
        "input": f'[{{"type":"function_call_output","call_id":"c","output":{nest}}},{SAID}]'
    },
    "an action": lambda nest: {
        "input": f'[{{"type":"local_shell_call","call_id":"c","action":{nest}}},{SAID}]'
    },
    "the tools": lambda nest: {"tools": nest},
    "a tool": lambda nest: {"tools": f"[{nest}]"},
    "a tool's schema": lambda nest: {"tools": f'[{{"type":"function","name":"f","parameters":{nest}}}]'},
    "a tool's format": lambda nest: {"tools": f'[{{"type":"custom","name":"f","format":{nest}}}]'},
    "the tool choice": lambda nest: {"tool_choice": nest},
    "the text format": lambda nest: {
        "text": f'{{"format":{{"type":"json_schema","name":"s","schema":{nest}}}}}'
    },
    "the reasoning": lambda nest: {"reasoning": nest},
    "the include list": lambda nest: {"include": nest},
}


@EVERY_NEST
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nesting_beyond_all_measure_is_served_or_refused(proxy: MemoryProxy, nest: str, place: Any) -> None:
    reply, _ = asked(proxy, body(**place(nest)))
    assert reply.status in (200, 400)
    assert_next_is_served(proxy)


@EVERY_NEST
def test_nesting_without_an_end_is_refused(proxy: MemoryProxy, nest: str) -> None:
    refused(proxy, body(xyz=nest)[: DEEP + 20])
    refused(proxy, nest[:DEEP].encode())


@EVERY_NEST
def test_nested_text_within_a_string_is_text(proxy: MemoryProxy, nest: str) -> None:
    sent = served(
        proxy,
        body(
            input=json.dumps(
                [
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": nest},
                    {"type": "function_call_output", "call_id": "c", "output": nest},
                    {"role": "user", "content": nest},
                ]
            )
        ),
    )
    assert sent["messages"][-1]["content"] == nest


@pytest.mark.parametrize("escape", ["\\\\", '\\"', "\\n", "\\u0000", "\\u00e4", "\\ud83d\\ude00", "\\/"])
def test_a_string_of_a_hundred_thousand_escapes(proxy: MemoryProxy, escape: str) -> None:
    sent = served(proxy, body(input=f'"{escape * DEEP}"'))
    assert sent["messages"][-1]["content"] == json.loads(f'"{escape}"') * DEEP


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\udc00\\ud800"])
def test_lone_halves_are_replaced_wherever_they_are(proxy: MemoryProxy, half: str) -> None:
    sent = served(
        proxy,
        body(
            instructions=f'"{half}"',
            input=f'[{{"role":"user","content":"a{half}b","{half}":"{half}"}}]',
            tools=f'[{{"type":"function","name":"f","description":"{half}","parameters":{{"{half}":"{half}"}}}}]',
            metadata=f'{{"{half}":"{half}"}}',
        ),
    )
    json.dumps(sent, ensure_ascii=False).encode()
    assert sent["messages"][-1]["content"].startswith("a\ufffd")


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "-0", "1e-999", "9" * 400, "1" + "0" * 5000, "1." + "9" * 5000]
)
@pytest.mark.parametrize(
    "field", ["temperature", "top_p", "presence_penalty", "max_output_tokens", "top_logprobs", "xyz"]
)
def test_numbers_beyond_all_measure_are_served_in_bounds_or_refused(
    proxy: MemoryProxy, field: str, number: str
) -> None:
    reply, sent = asked(proxy, body(**{field: number}))
    if sent is None:
        assert reply.status == 400
        assert field in reply.error()["message"] or "JSON" in reply.error()["message"]
    else:
        assert reply.json()["status"] == "completed"
        assert -10 <= sent.get("temperature", 0) <= 10
        assert "inf" not in json.dumps(sent).lower().replace("information", "")
    assert_next_is_served(proxy)


def test_numbers_beyond_all_measure_in_what_is_spliced_are_left_alone(proxy: MemoryProxy) -> None:
    schema = '{"type":"object","properties":{"a":{"minimum":-1e999,"maximum":' + "9" * 5000 + "}}}"
    reply, _ = asked(proxy, body(tools=f'[{{"type":"function","name":"f","parameters":{schema}}}]'))
    assert reply.status in (200, 400)
    assert_next_is_served(proxy)


def test_of_a_name_that_comes_twice_one_value_counts_everywhere(proxy: MemoryProxy) -> None:
    """What is judged must be what is sent."""
    once = body(input=f"[{SAID}]")[:-1]
    sent = served(
        proxy, once + b',"input":[{"role":"user","content":"the other"}],"model":"n","stream":false}'
    )
    said = [each["content"] for each in sent["messages"]]
    assert said in (["hello"], ["the other"])
    role = b'[{"role":"user","role":"assistant","content":"a","content":"b"},' + SAID.encode() + b"]"
    sent = served(proxy, body(input=role.decode()))
    assert len(sent["messages"]) == 2
    refused(proxy, body(background="false", xyz="1")[:-1] + b',"background":true}')


def test_a_stream_flag_that_comes_twice_decides_the_form_of_the_answer_once(proxy: MemoryProxy) -> None:
    for data, kind in [
        (body(stream="true")[:-1] + b',"stream":false}', "application/json"),
        (body(stream="false")[:-1] + b',"stream":true}', "text/event-stream"),
    ]:
        reply, sent = asked(proxy, data)
        assert reply.headers["content-type"] == kind
        assert sent["stream"] is True


@pytest.mark.parametrize(
    "name", ["__proto__", "constructor", "$ref", "", "\\u0000", "input\\u0000", "a" * 100_000]
)
def test_odd_names_are_passed_over(proxy: MemoryProxy, name: str) -> None:
    served(proxy, body(**{name: '{"a":1}'}))
