"""Stored responses: their histories, which of them go when room runs out, and their items by id."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.errors import FailureKind, RequestError
from ccmimolink.core.responses import FunctionCall, Item, ItemReference, Message, UnknownItem
from ccmimolink.core.stored_text import items_text
from ccmimolink.store import ResponseStore
from ccmimolink.stored_response import StoredResponse
from tests.stored_response import ANOTHERS, MINE, find_item, stored_response


class Memory:
    """:ivar used: bytes that were taken and not given back."""

    used = 0


@contextmanager
def traced() -> Iterator[Memory]:
    memory = Memory()
    tracemalloc.start()
    try:
        yield memory
        gc.collect()  # gives back what the interpreter keeps to make tuples of
        memory.used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def _question(name: str) -> Message:
    return Message(role="user", content=f"question {name}", id=f"msg_q_{name}")


def _answer(name: str) -> Message:
    return Message(role="assistant", content=f"answer {name}", id=f"msg_a_{name}")


def _response(name: str, parent: str | None = None, *, size: int = 10) -> StoredResponse:
    return stored_response(name, parent, inputs=[_question(name)], outputs=[_answer(name)], size=size)


def _with_items(name: str, *items: Item) -> StoredResponse:
    return stored_response(name, inputs=items)


def _store(*responses: StoredResponse, max_entries: int = 100, max_bytes: int = 10_000) -> ResponseStore:
    store = ResponseStore(max_entries=max_entries, max_bytes=max_bytes)
    for response in responses:
        store.add(response)
    return store


def _stored(store: ResponseStore, names: str) -> str:
    """Which of the names are stored. Looks at their items, since that does not count as use."""
    return "".join(name for name in names if find_item(store, f"msg_q_{name}", MINE) is not None)


def test_what_was_added_can_be_read_back() -> None:
    response = _response("a")
    store = _store(response)
    assert store.get("a") == response
    assert store.get("b") is None
    assert (len(store), store.bytes) == (1, 10)


def test_the_history_is_input_then_output_of_each_the_oldest_first() -> None:
    store = _store(_response("a"), _response("b", "a"), _response("c", "b"), _response("x", "a"))
    assert store.history("c", MINE) == tuple(
        item for name in "abc" for item in (_question(name), _answer(name))
    )
    assert store.history("x", MINE) == (_question("a"), _answer("a"), _question("x"), _answer("x"))


def test_a_response_that_is_not_stored_has_no_history() -> None:
    with pytest.raises(RequestError, match="'a' is not stored") as caught:
        _store().history("a", MINE)
    assert caught.value.failure.kind is FailureKind.PREVIOUS_RESPONSE_NOT_FOUND
    assert caught.value.failure.param == "previous_response_id"


def test_a_response_whose_ancestor_is_gone_has_no_history_but_is_read_as_before() -> None:
    store = _store(_response("a"), _response("b", "a"), _response("c", "b"))
    assert store.delete("a")
    with pytest.raises(RequestError, match="'c' continues a response that is not stored any more") as caught:
        store.history("c", MINE)
    assert caught.value.failure.kind is FailureKind.PREVIOUS_RESPONSE_NOT_FOUND
    assert store.get("c") is not None


def test_another_account_has_neither_its_history_nor_its_items() -> None:
    store = _store(_response("a"), _response("b", "a"))
    with pytest.raises(RequestError, match="'b' is not stored"):
        store.history("b", ANOTHERS)
    assert find_item(store, "msg_q_a", ANOTHERS) is None


def test_delete_tells_whether_there_was_something() -> None:
    store = _store(_response("a"))
    assert store.delete("a")
    assert not store.delete("a")
    assert (len(store), store.bytes, store.get("a"), find_item(store, "msg_a_a", MINE)) == (0, 0, None, None)


def test_the_least_recently_used_goes_when_there_are_too_many() -> None:
    store = _store(_response("a"), _response("b"), _response("c"), max_entries=3)
    store.get("a")
    store.add(_response("d"))
    assert _stored(store, "abcd") == "acd"


def test_as_many_as_needed_go_when_they_are_too_large() -> None:
    store = _store(*(_response(name) for name in "abcd"), max_bytes=40)
    store.add(_response("e", size=25))
    assert _stored(store, "abcde") == "de"
    assert store.bytes == 35


def test_a_response_larger_than_all_the_room_is_not_kept_and_displaces_nothing() -> None:
    store = _store(_response("a"), _response("b"), max_bytes=20)
    store.add(_response("c", size=21))
    assert _stored(store, "abc") == "ab"


def test_reading_a_child_keeps_its_ancestors() -> None:
    store = _store(_response("a"), _response("b", "a"), _response("x"), _response("y"), max_entries=4)
    store.get("b")
    store.add(_response("z"))
    store.add(_response("w"))
    assert _stored(store, "abxyzw") == "abzw"


def test_the_history_of_a_child_keeps_its_ancestors() -> None:
    store = _store(_response("a"), _response("b", "a"), _response("x"), max_entries=3)
    store.history("b", MINE)
    store.add(_response("y"))
    assert _stored(store, "abxy") == "aby"


def test_adding_a_child_keeps_its_ancestors() -> None:
    store = _store(_response("a"), _response("x"), max_entries=3)
    store.add(_response("b", "a"))
    store.add(_response("y"))
    assert _stored(store, "axby") == "aby"


def test_a_chain_that_is_too_long_loses_its_beginning() -> None:
    store = _store(_response("a"), _response("b", "a"), _response("c", "b"), max_entries=2)
    assert _stored(store, "abc") == "bc"


def test_a_failed_look_at_a_history_keeps_nothing_alive() -> None:
    store = _store(_response("b", "gone"), _response("x"), max_entries=2)
    with pytest.raises(RequestError):
        store.history("b", MINE)
    store.add(_response("y"))
    assert _stored(store, "bxy") == "xy"


def test_a_response_takes_the_place_of_one_with_its_id() -> None:
    store = _store(_response("a", size=30))
    store.add(_with_items("a", _question("other")))
    assert (len(store), store.bytes) == (1, 10)
    assert store.history("a", MINE) == (_question("other"),)
    assert find_item(store, "msg_q_a", MINE) is None


@pytest.mark.parametrize(("max_entries", "max_bytes"), [(0, 100), (100, 0)])
def test_no_room_stores_nothing(max_entries: int, max_bytes: int) -> None:
    store = _store(_response("a"), max_entries=max_entries, max_bytes=max_bytes)
    assert (len(store), store.bytes, store.get("a"), _stored(store, "a")) == (0, 0, None, "")


@pytest.mark.parametrize(("max_entries", "max_bytes"), [(-1, 100), (100, -1)])
def test_a_negative_limit_is_refused(max_entries: int, max_bytes: int) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        ResponseStore(max_entries=max_entries, max_bytes=max_bytes)


def test_a_chain_of_ten_thousand_is_walked() -> None:
    store = ResponseStore(max_entries=20_000, max_bytes=1_000_000)
    # From the tip to the root, so that building the chain does not walk it again and again.
    for number in reversed(range(10_000)):
        store.add(_response(str(number), str(number - 1) if number else None))
    history = store.history("9999", MINE)
    assert history[::2] == tuple(_question(str(number)) for number in range(10_000))


def test_responses_that_name_each_other_as_parents_have_no_history() -> None:
    store = _store(_response("a", "b"), _response("b", "a"))
    with pytest.raises(RequestError):
        store.history("a", MINE)


def test_an_item_of_input_or_output_is_found_by_its_id() -> None:
    call = FunctionCall(call_id="call_1", name="shell", id="fc_1")
    store = _store(_response("a"), _with_items("b", call))
    assert find_item(store, "msg_q_a", MINE) == _question("a")
    assert find_item(store, "msg_a_a", MINE) == _answer("a")
    assert find_item(store, "fc_1", MINE) == call
    assert find_item(store, "fc_2", MINE) is None


def test_an_item_in_several_responses_is_found_as_stored_last_until_all_are_gone() -> None:
    first, second = Message(role="user", content="1", id="m"), Message(role="user", content="2", id="m")
    store = _store(_with_items("a", first), _with_items("b", second))
    assert find_item(store, "m", MINE) == second
    store.delete("b")
    assert find_item(store, "m", MINE) == first
    store.delete("a")
    assert find_item(store, "m", MINE) is None


def test_an_id_twice_in_one_response_is_forgotten_with_it() -> None:
    store = _store(_with_items("a", _question("x"), _question("x")))
    store.delete("a")
    assert find_item(store, "msg_q_x", MINE) is None


def test_a_reference_is_not_found_in_place_of_the_item_that_it_names() -> None:
    store = _store(_response("a"), _with_items("b", ItemReference(id="msg_q_a")))
    assert find_item(store, "msg_q_a", MINE) == _question("a")


def test_items_without_an_id_and_of_unknown_kinds_are_stored_too() -> None:
    odd = UnknownItem(type="odd", raw=msgspec.Raw(b'{"type": "odd", "id": "odd_1", "x": [1e400]}'))
    items = (Message(role="user", content="hi"), odd)
    store = _store(_with_items("a", *items))
    assert store.history("a", MINE) == items
    assert find_item(store, "odd_1", MINE) is None


def test_the_index_does_not_grow_with_what_is_gone() -> None:
    store = ResponseStore(max_entries=1, max_bytes=100)
    with traced() as memory:
        for number in range(1000):
            store.add(_response(str(number)))
    assert memory.used < 50_000


def test_finding_an_item_does_not_count_as_use() -> None:
    store = _store(_response("a"), _response("b"), max_entries=2)
    find_item(store, "msg_q_a", MINE)
    store.add(_response("c"))
    assert _stored(store, "abc") == "bc"


def test_what_the_responses_of_a_client_have_in_common_is_kept_once() -> None:
    store = ResponseStore(max_entries=2000, max_bytes=100_000_000)
    with traced() as memory:
        for number in range(500):
            response = stored_response(str(number), inputs=[_question(str(number))])
            # Each request brings its own.
            asked, offered = bytes(bytearray(b"i" * 10_000)), bytes(bytearray(b"t" * 10_000))
            store.add(replace(response, asked=asked, offered=offered))
    assert memory.used < 500 * 1_500
    for number in range(499):
        assert store.delete(str(number))
    kept = store.get("499")
    assert kept is not None
    assert kept.body.count(b"i" * 10_000 + b"[" + b"]" + b"t" * 10_000) == 1


def test_what_was_kept_in_common_is_gone_with_the_last_that_has_it() -> None:
    store = ResponseStore(max_entries=2, max_bytes=100_000_000)
    with traced() as memory:
        for number in range(200):
            response = stored_response(str(number))
            store.add(replace(response, offered=b"%d" % number * 10_000))
    assert memory.used < 200_000


def test_text_takes_half_its_room_and_less() -> None:
    words = json.dumps([f"word {number * 7919 % 1000}" for number in range(300)])
    store = ResponseStore(max_entries=2000, max_bytes=100_000_000)
    with traced() as memory:
        for number in range(300):
            store.add(stored_response(str(number), inputs=[_question(f"{number} {words}")]))
    assert memory.used < 300 * len(words) / 2


@given(st.lists(st.text(max_size=300), max_size=4), st.lists(st.text(max_size=300), max_size=4))
def test_what_is_stored_comes_out_as_it_went_in(asked: list[str], answered: list[str]) -> None:
    inputs: list[Item] = [Message(role="user", content=text, id=f"i{at}") for at, text in enumerate(asked)]
    outputs: list[Item] = [
        Message(role="assistant", content=text, id=f"o{at}") for at, text in enumerate(answered)
    ]
    stored = stored_response("a", inputs=inputs, outputs=outputs)
    assert stored.items == [*inputs, *outputs]
    assert stored.input_items == inputs
    assert stored.item_ids == {f"i{at}" for at in range(len(asked))} | {
        f"o{at}" for at in range(len(answered))
    }
    assert stored.body == b'{"output":%b}' % items_text(outputs)


def test_an_item_in_the_responses_of_two_accounts_is_found_by_each_as_its_own() -> None:
    mine, others = Message(role="user", content="1", id="m"), Message(role="user", content="2", id="m")
    store = _store(
        stored_response("a", inputs=[mine]), stored_response("b", inputs=[others], account=ANOTHERS)
    )
    assert (find_item(store, "m", MINE), find_item(store, "m", ANOTHERS)) == (mine, others)
    store.delete("b")
    assert (find_item(store, "m", MINE), find_item(store, "m", ANOTHERS)) == (mine, None)


def test_of_several_items_with_one_id_in_a_response_the_last_is_found() -> None:
    items = [Message(role="user", content=word, id="m") for word in ("1", "2")]
    assert find_item(_store(stored_response("a", inputs=items)), "m", MINE) == items[1]
    answer = Message(role="assistant", content="3", id="m")
    store = _store(stored_response("a", inputs=items, outputs=[answer]))
    assert find_item(store, "m", MINE) == answer


def test_many_items_are_found_at_once_each_in_its_own_response() -> None:
    odd = UnknownItem(type="odd", raw=msgspec.Raw(b'{"type": "odd", "id": "msg_q_a"}'))
    store = _store(_response("a"), _response("b"), _response("c", "b"), _with_items("d", odd, _question("b")))
    found = store.find_items(["msg_q_a", "msg_a_a", "msg_q_b", "msg_a_c", "msg_q_x"], MINE)
    assert found == {
        "msg_q_a": _question("a"),
        "msg_a_a": _answer("a"),
        "msg_q_b": _question("b"),
        "msg_a_c": _answer("c"),
    }
    assert store.find_items([], MINE) == {}


def test_the_index_of_ids_in_several_responses_does_not_grow_with_what_is_gone() -> None:
    store = ResponseStore(max_entries=100, max_bytes=10_000)
    with traced() as memory:
        for number in range(1000):
            for name in ("a", "b"):
                store.add(_with_items(name, _question(str(number))))
            for name in ("a", "b"):
                store.delete(name)
    assert memory.used < 50_000
