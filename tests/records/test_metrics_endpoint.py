"""``GET /metrics``: what Prometheus is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from ccmimolink import __version__
from tests.http_wire import Reply, answer, body_of, chunked, delta, event, finish, hello, usage
from tests.memory_proxy import MemoryProxy
from tests.records import requests
from tests.web.amending import respond

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def scraped(proxy: MemoryProxy, **headers: str) -> Reply:
    return proxy.ask("GET", "/metrics", b"", **headers).reply


def families(proxy: MemoryProxy) -> list[Metric]:
    return list(parser.text_string_to_metric_families(scraped(proxy).body.decode()))


def value(proxy: MemoryProxy, name: str, **labels: str) -> float | None:
    """Of the sample with this name and these labels."""
    found = [
        sample.value
        for family in families(proxy)
        for sample in family.samples
        if sample.name == f"ccmimolink_{name}" and sample.labels == labels
    ]
    assert len(found) < 2
    return found[0] if found else None


def labels(found: Iterable[Metric], name: str) -> set[str]:
    return {sample.labels[name] for family in found for sample in family.samples if name in sample.labels}


@pytest.mark.parametrize(
    ("end", "kind", "outcome"),
    [
        ("completed", "turn", "completed"),
        ("key_rejected", "turn", "key_rejected"),
        ("client_left", "turn", "client_left"),
    ],
)
def test_each_request_is_counted_by_what_became_of_it(
    proxy: MemoryProxy, end: str, kind: str, outcome: str
) -> None:
    requests.ENDS[end](proxy)
    assert value(proxy, "requests_total", kind=kind, model="mimo-v2.5", outcome=outcome) == 1


def test_a_request_that_cannot_be_read_has_no_model(proxy: MemoryProxy) -> None:
    requests.unreadable(proxy)
    assert value(proxy, "requests_total", kind="turn", model="none", outcome="invalid_request") == 1


def test_what_is_refused_before_it_is_read_is_no_request(proxy: MemoryProxy) -> None:
    proxy.post(origin="http://evil.example")
    proxy.post(content_type="text/plain")
    assert labels(families(proxy), "outcome") == set()


def test_tokens_and_their_cost_are_added_up(proxy: MemoryProxy) -> None:
    for _ in range(2):
        requests.completed(proxy)
    count = {kind: value(proxy, "tokens_total", model="mimo-v2.5", type=kind) for kind in ("input", "output")}
    assert count == {"input": 14, "output": 6}
    assert value(proxy, "tokens_total", model="mimo-v2.5", type="cached") == 0
    assert value(proxy, "tokens_total", model="mimo-v2.5", type="reasoning") == 0
    dollars = value(proxy, "cost_total", model="mimo-v2.5", currency="USD")
    assert dollars == pytest.approx((14 * 0.14 + 6 * 0.28) / 1e6)


def test_retries_amendments_and_recovered_calls_are_counted(proxy: MemoryProxy) -> None:
    for serve in (requests.retried, requests.amended, requests.recovered):
        serve(proxy)
    names = ("retries_total", "amendments_total", "recovered_calls_total")
    assert [value(proxy, name) for name in names] == [1, 1, 1]


def test_tools_that_were_not_offered_are_counted(proxy: MemoryProxy) -> None:
    proxy.post(body_of(tools=[{"type": "web_search"}, {"type": "file_search"}]))
    respond(proxy, chunked(hello()))
    assert value(proxy, "tools_not_offered_total") == 2


def test_durations_are_put_in_buckets(proxy: MemoryProxy) -> None:
    proxy.post()
    proxy.advance(4)
    respond(proxy, chunked(hello()))
    assert value(proxy, "first_token_seconds_bucket", le="2.5") == 0
    assert value(proxy, "first_token_seconds_bucket", le="5.0") == 1
    assert value(proxy, "first_token_seconds_sum") == 4
    assert value(proxy, "request_duration_seconds_count") == 1
    assert value(proxy, "queued_seconds_bucket", le="0.1") == 1


def test_a_step_that_was_not_taken_has_no_duration(proxy: MemoryProxy) -> None:
    requests.unreadable(proxy)
    assert value(proxy, "request_duration_seconds_count") == 1
    assert value(proxy, "first_token_seconds_count") == 0
    assert value(proxy, "queued_seconds_count") == 0


def test_what_goes_on_is_looked_at_with_each_scrape(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_429_BACKOFF_MS": "8000"})
    for _ in range(2):
        proxy.post()
    names = ("running_requests", "in_flight_requests", "waiting_requests")
    assert [value(proxy, name) for name in names] == [2, 1, 1]
    assert value(proxy, "back_off_seconds") == 0
    respond(proxy, answer(429))
    assert value(proxy, "back_off_seconds") == 8
    for client in proxy.clients:
        client.leave()
    assert [value(proxy, name) for name in names] == [0, 0, 0]


def test_connections_are_counted_with_that_of_the_scraper(proxy: MemoryProxy) -> None:
    proxy.connect().leave()
    proxy.connect()
    assert value(proxy, "connections") == 2


def test_stored_responses_are_counted(proxy: MemoryProxy) -> None:
    proxy.post(body_of(store=True))
    respond(proxy, chunked(hello()))
    assert value(proxy, "stored_responses") == 1


def test_it_tells_the_version_and_of_the_process(proxy: MemoryProxy) -> None:
    assert value(proxy, "info", version=__version__) == 1
    names = {sample.name for family in families(proxy) for sample in family.samples}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
    assert {"python_info", "python_gc_collections_total"} <= names


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4", "no such"])
def test_text_is_what_is_understood_everywhere(proxy: MemoryProxy, accept: str) -> None:
    reply = scraped(proxy, accept=accept)
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("accept", [f"{OPENMETRICS[:-5]}later", "text/plain; version=later"])
def test_a_version_that_is_no_number_is_none(proxy: MemoryProxy, accept: str) -> None:
    reply = scraped(proxy, accept=accept)
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "text/plain")


def test_openmetrics_is_given_to_who_takes_it(proxy: MemoryProxy) -> None:
    requests.completed(proxy)
    reply = scraped(proxy, accept=f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5")
    assert reply.headers["content-type"].startswith(OPENMETRICS)
    found = list(openmetrics_parser.text_string_to_metric_families(reply.body.decode()))
    assert labels(found, "outcome") == {"completed"}


def test_the_names_are_as_prometheus_wants_them(proxy: MemoryProxy) -> None:
    for serve in requests.ENDS.values():
        serve(proxy)
    for family in families(proxy):
        assert re.fullmatch("[a-z][a-z_]*", family.name)
        assert family.documentation, family.name
        assert family.type != "unknown", family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
            assert not re.search("_(ms|milliseconds|minutes|kb|count_total)$", family.name)


def test_the_words_of_clients_are_in_no_label(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_MODEL": "my-own-model"})
    for number in range(20):
        proxy.post(body_of(model=f"nonsense-{number}"), originator=f"codex-{number}")
        respond(proxy, chunked(hello()))
    found = families(proxy)
    assert labels(found, "model") == {"other"}
    assert "nonsense" not in scraped(proxy).body.decode()
    assert "codex-" not in scraped(proxy).body.decode()


def test_a_scrape_is_no_request(proxy: MemoryProxy) -> None:
    for _ in range(3):
        scraped(proxy)
    assert labels(families(proxy), "outcome") == set()
    assert len(proxy.services.activity.recent) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "127.0.0.1:9876"}, 200),
        ({"host": "mimo.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 403),
    ],
)
def test_the_guard_stands_before_it(proxy: MemoryProxy, headers: dict[str, str], status: int) -> None:
    assert scraped(proxy, **headers).status == status


def test_a_token_is_asked_for_where_one_is_set(make_proxy: Any) -> None:
    proxy = make_proxy({"MIMO_PROXY_TOKEN": "fake-listener-token"})
    assert scraped(proxy).status == 403
    assert scraped(proxy, authorization="Bearer fake-listener-token").status == 200


def test_two_proxies_of_one_process_count_for_themselves(make_proxy: Any) -> None:
    one, other = make_proxy(), make_proxy()
    requests.completed(one)
    assert labels(families(one), "outcome") == {"completed"}
    assert labels(families(other), "outcome") == set()


def test_reasoning_and_cached_tokens_are_parts_of_the_others(proxy: MemoryProxy) -> None:
    counts = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    proxy.post()
    respond(proxy, chunked(delta(content="a"), finish(), event({"choices": [], "usage": counts})))
    tokens = {
        kind: value(proxy, "tokens_total", model="mimo-v2.5", type=kind) for kind in ("cached", "reasoning")
    }
    assert tokens == {"cached": 4, "reasoning": 2}


@pytest.mark.parametrize("count", [-1, 10**400], ids=["less than none", "beyond a float"])
def test_a_count_that_no_answer_can_have_is_not_counted(proxy: MemoryProxy, count: int) -> None:
    proxy.post()
    respond(proxy, chunked(delta(content="Hello"), finish(), usage(prompt=count)))
    assert value(proxy, "requests_total", kind="turn", model="mimo-v2.5", outcome="completed") == 1
    assert labels(families(proxy), "type") == set()
