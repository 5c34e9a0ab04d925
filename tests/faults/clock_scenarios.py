"""Everything in the proxy that waits for a time, each on its way to be due.

Owns the scenarios. What a clock may not do to them is the tests'.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from types import MappingProxyType

from twisted.internet.defer import Deferred

from ccmimolink.graph import CONNECTING
from ccmimolink.plugins import PluginSet
from ccmimolink.service import ProxyService
from tests.faults.stepped_proxy import SteppedProxy
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, answer, body_of, chunk, finish, hello, request, text
from tests.memory_proxy import MemoryClient

Happened = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One thing that waits.

    :ivar begin: bring the proxy there; answers with a test of whether it has happened.
    :ivar due: seconds from then on, the least and the most.
    :ivar ours: whether our own timers decide, so that also on a reactor that follows the wall clock nothing
        comes early. The others are Twisted's.
    """

    name: str
    begin: Callable[[SteppedProxy], Happened]
    due: tuple[float, float]
    settings: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ours: bool = True


def _limits(**settings: str) -> MappingProxyType[str, str]:
    return MappingProxyType({f"MIMO_PROXY_{name}": value for name, value in settings.items()})


def _begun(proxy: SteppedProxy) -> MemoryClient:
    client = proxy.post()
    proxy.upstream[-1].send(STREAM_HEAD + chunk(text("a")))
    proxy.settle()
    return client


def _refused_with(client: MemoryClient, status: int) -> Happened:
    return lambda: not client.silent and client.reply.status == status


def _starts(proxy: SteppedProxy, count: int) -> Happened:
    """Whether so many requests have reached the upstream."""
    return lambda: sum(each.received.count(b"POST ") for each in proxy.upstream) == count


def _queued(proxy: SteppedProxy) -> Happened:
    _begun(proxy)
    return _refused_with(proxy.post(), 429)


def _paced(proxy: SteppedProxy) -> Happened:
    proxy.post()
    proxy.post()
    return _starts(proxy, 2)


def _refused_by(refusal: bytes) -> Callable[[SteppedProxy], Happened]:
    def begin(proxy: SteppedProxy) -> Happened:
        proxy.post()
        proxy.upstream[0].send(refusal)
        proxy.settle()
        return _starts(proxy, 2)

    return begin


def _refused_until_a_date(proxy: SteppedProxy) -> Happened:
    until = formatdate(proxy.wall() + 60, usegmt=True)
    return _refused_by(answer(429, b"{}", retry_after=until))(proxy)


def _held_by_anothers_back_off(proxy: SteppedProxy) -> Happened:
    proxy.services.limiter.back_off(20)
    proxy.post()
    return _starts(proxy, 1)


def _connecting(proxy: SteppedProxy, status: int) -> Happened:
    proxy.reactor.deaf = True
    return _refused_with(proxy.post(), status)


def _before_headers(proxy: SteppedProxy) -> Happened:
    return _refused_with(proxy.post(), 504)


def _in_the_head(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD[:40])
    return _refused_with(client, 504)


def _in_an_error_body(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(answer(400, b"x" * 100)[:-50])
    return _refused_with(client, 400)


def _before_the_first_event(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD)
    return _refused_with(client, 504)


def _mid_stream(proxy: SteppedProxy) -> Happened:
    client = _begun(proxy)
    return lambda: client.reply.types()[-1] == "failed"


def _silent_towards_the_client(proxy: SteppedProxy) -> Happened:
    client = _begun(proxy)
    return lambda: client.reply.types().count("in_progress") > 1


def _silent_before_the_first_event(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD)
    proxy.settle()
    return lambda: not client.silent


def _client_reads_nothing(proxy: SteppedProxy) -> Happened:
    client = _begun(proxy)
    client.stop_reading()
    return lambda: proxy.upstream[0].dropped


def _after_the_finish(proxy: SteppedProxy) -> Happened:
    client = _begun(proxy)
    proxy.upstream[0].send(chunk(finish()))
    proxy.settle()
    return lambda: client.reply.types()[-1] == "completed"


def _after_the_terminal_event(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()))
    proxy.settle()
    assert client.reply.complete
    return lambda: proxy.upstream[0].dropped


def _pooled(proxy: SteppedProxy) -> Happened:
    client = proxy.post()
    proxy.upstream[0].send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK)
    proxy.settle()
    assert client.reply.complete
    return lambda: proxy.upstream[0].dropped


def _body_on_its_way(proxy: SteppedProxy) -> Happened:
    client = proxy.connect()
    client.send(request("POST", "/v1/responses", body_of())[:-5])
    return _refused_with(client, 408)


def _idle_client(proxy: SteppedProxy) -> Happened:
    client = proxy.ask("GET", "/health")
    assert client.reply.status == 200
    return lambda: client.closed


def _draining(proxy: SteppedProxy) -> Happened:
    client = _begun(proxy)
    service = ProxyService(proxy.settings, PluginSet(), proxy.reactor)
    # The rest of the service's life is of other matters: logs, ports, the route.
    Deferred.fromCoroutine(service._drained(proxy.graph))
    return lambda: client.reply.types()[-1] == "failed"


_PATIENT = {"IDLE_TIMEOUT_MS": "1000000", "KEEPALIVE_MS": "1000000", "FIRST_BYTE_TIMEOUT_MS": "1000000"}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="queued", begin=_queued, due=(10, 10), settings=_limits(**_PATIENT, MAX_WAIT_MS="10000")),
    Scenario(
        name="paced",
        begin=_paced,
        due=(3, 3),
        settings=_limits(**_PATIENT, MIN_INTERVAL_MS="3000", MAX_CONCURRENT="2"),
    ),
    Scenario(
        name="backing off after a 429",
        begin=_refused_by(answer(429, b"{}")),
        due=(20, 20),
        settings=_limits(**_PATIENT, **{"429_BACKOFF_MS": "20000"}),
    ),
    Scenario(
        name="backing off until a date",
        begin=_refused_until_a_date,
        due=(60, 60),
        settings=_limits(**_PATIENT),
    ),
    Scenario(
        name="waiting for another try",
        begin=_refused_by(answer(503)),
        due=(0.25, 0.5),
        settings=_limits(**_PATIENT),
    ),
    Scenario(
        name="held by another's back-off",
        begin=_held_by_anothers_back_off,
        due=(20, 20),
        settings=_limits(**_PATIENT),
    ),
    Scenario(
        name="connecting, until the first byte is due",
        begin=lambda proxy: _connecting(proxy, 504),
        due=(20, 20),
        settings=_limits(FIRST_BYTE_TIMEOUT_MS="20000", CONNECT_TIMEOUT_MS="1000000"),
    ),
    Scenario(
        name="connecting",
        begin=lambda proxy: _connecting(proxy, 502),
        due=(10 * CONNECTING, 10 * CONNECTING),
        settings=_limits(**_PATIENT, CONNECT_TIMEOUT_MS="10000", RETRIES="0"),
    ),
    Scenario(
        name="before the headers",
        begin=_before_headers,
        due=(20, 20),
        settings=_limits(FIRST_BYTE_TIMEOUT_MS="20000"),
    ),
    Scenario(
        name="in the head", begin=_in_the_head, due=(20, 20), settings=_limits(FIRST_BYTE_TIMEOUT_MS="20000")
    ),
    Scenario(name="in an error's body", begin=_in_an_error_body, due=(10, 10)),
    Scenario(
        name="before the first event",
        begin=_before_the_first_event,
        due=(20, 20),
        settings=_limits(**_PATIENT | {"IDLE_TIMEOUT_MS": "20000"}),
    ),
    Scenario(
        name="mid stream",
        begin=_mid_stream,
        due=(20, 20),
        settings=_limits(**_PATIENT | {"IDLE_TIMEOUT_MS": "20000"}),
    ),
    Scenario(
        name="silence to be filled",
        begin=_silent_towards_the_client,
        due=(15, 15),
        settings=_limits(**_PATIENT | {"KEEPALIVE_MS": "15000"}),
    ),
    Scenario(
        name="silence to be filled before the first event",
        begin=_silent_before_the_first_event,
        due=(15, 15),
        settings=_limits(**_PATIENT | {"KEEPALIVE_MS": "15000"}),
    ),
    Scenario(
        name="client that reads nothing",
        begin=_client_reads_nothing,
        due=(30, 30),
        settings=_limits(**_PATIENT, SLOW_CLIENT_TIMEOUT_MS="30000"),
    ),
    Scenario(name="after the finish", begin=_after_the_finish, due=(5, 5), settings=_limits(**_PATIENT)),
    Scenario(name="after the terminal event", begin=_after_the_terminal_event, due=(2, 2), ours=False),
    Scenario(name="pooled", begin=_pooled, due=(30, 30), ours=False),
    Scenario(
        name="body on its way",
        begin=_body_on_its_way,
        due=(30, 30),
        settings=_limits(REQUEST_TIMEOUT_MS="30000"),
        ours=False,
    ),
    Scenario(name="idle client", begin=_idle_client, due=(120, 120), ours=False),
    Scenario(
        name="draining",
        begin=_draining,
        due=(30, 30),
        settings=_limits(**_PATIENT, DRAIN_MS="30000"),
        ours=False,
    ),
)
