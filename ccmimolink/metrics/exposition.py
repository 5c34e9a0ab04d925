"""Metrics in the formats that Prometheus reads.

Owns the names and what is said of each. It must not count: that is the tally's, and costs a request nothing
here.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ccmimolink import __version__
from ccmimolink.activity.values import Finished
from ccmimolink.metrics.tally import Durations, Tally

PREFIX = "ccmimolink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is going on at the moment of the question.

    :ivar running: requests that are being served.
    :ivar in_flight: those of them that are with MiMo.
    :ivar waiting: those that wait for their start, or for a further try.
    :ivar back_off: seconds until the back-off ends.
    :ivar tools_not_offered: so far.
    """

    running: int
    in_flight: int
    waiting: int
    back_off: float
    stored_responses: int
    connections: int
    tools_not_offered: int


class Metrics(Collector):
    """The metrics of one proxy, in a registry of their own.

    :param models: the names that a label may have.
    """

    def __init__(self, models: Container[str]) -> None:
        self._tally = Tally(models)
        self._now: Now | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def add(self, finished: Finished) -> None:
        """A request is over."""
        self._tally.add(finished)

    def exposition(self, now: Now, accept: str) -> tuple[bytes, str]:
        """All metrics, and their content type.

        :param accept: what the scraper takes: OpenMetrics where it is named, else Prometheus' own text.
        """
        try:
            encoder, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # the library reads versions that are no numbers so
            encoder, content_type = choose_encoder("")
        self._now = now
        return encoder(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        yield InfoMetricFamily(PREFIX, "The running program.", {"version": __version__})
        yield from self._requests()
        yield from self._amounts()
        yield from self._durations()
        if self._now is not None:
            yield from _gauges(self._now)

    def _requests(self) -> Iterator[Metric]:
        tally = self._tally
        requests = _counter("requests", "Requests that are over.", "kind", "model", "outcome")
        for labels, count in tally.requests.items():
            requests.add_metric(labels, count)
        yield requests
        for name, value, meaning in (
            ("retries", tally.retries, "Further tries, those of amended requests aside."),
            ("amendments", tally.amendments, "Requests that were changed and sent again."),
            ("recovered_calls", tally.recovered, "Tool calls that the model wrote as text."),
        ):
            yield CounterMetricFamily(f"{PREFIX}_{name}", meaning, value)

    def _amounts(self) -> Iterator[Metric]:
        tokens = _counter(
            "tokens",
            "Tokens by MiMo's own count; cached ones are part of the input, reasoning of the output.",
            "model",
            "type",
        )
        for labels, count in self._tally.tokens.items():
            tokens.add_metric(labels, count)
        yield tokens
        cost = _counter("cost", "What the tokens would cost as pay as you go.", "model", "currency")
        for labels, amount in self._tally.cost.items():
            cost.add_metric(labels, amount)
        yield cost

    def _durations(self) -> Iterator[Metric]:
        tally = self._tally
        yield _histogram("queued", "The wait of a request for its first start.", tally.queued)
        yield _histogram(
            "first_token", "From a request's arrival to the first event of MiMo's answer.", tally.first_token
        )
        yield _histogram("request_duration", "From a request's arrival to its end.", tally.total)


def _gauges(now: Now) -> Iterator[Metric]:
    for name, value, meaning in (
        ("running_requests", now.running, "Requests that are being served."),
        ("in_flight_requests", now.in_flight, "Requests that are with MiMo."),
        ("waiting_requests", now.waiting, "Requests that wait for their start, or for a further try."),
        ("back_off_seconds", now.back_off, "Until the back-off after a 429 ends."),
        ("stored_responses", now.stored_responses, "Responses that are stored."),
        ("connections", now.connections, "Connections of clients."),
    ):
        yield GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value)
    meaning = "Tools of requests that MiMo cannot have."
    yield CounterMetricFamily(f"{PREFIX}_tools_not_offered", meaning, now.tools_not_offered)


def _counter(name: str, meaning: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)


def _histogram(name: str, meaning: str, durations: Durations) -> Metric:
    buckets = list(durations.cumulative())
    return HistogramMetricFamily(f"{PREFIX}_{name}_seconds", meaning, buckets, durations.total)
