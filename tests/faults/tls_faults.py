"""Faults of TLS: certificates that are refused, and peers that do not speak it."""

from __future__ import annotations

from tests.faults.catalogue import FIRST_BYTE, GOOD, Fault
from tests.faults.script import Close, Send, Stall
from tests.faults.upstream import Plan
from tests.http_wire import answer

TRUSTED = Fault(name="TLS without a fault", plan=GOOD.plan, shown="trusted", https=True)
SELF_SIGNED = Fault(name="unknown authority", plan=GOOD.plan, shown="unknown authority", https=True)
EXPIRED = Fault(name="expired certificate", plan=GOOD.plan, shown="expired", https=True)
OTHER_HOST = Fault(name="certificate of another host", plan=GOOD.plan, shown="other host", https=True)
HANDSHAKE_STALL = Fault(
    name="handshake stalls", plan=lambda _: Plan(at_connect=(Stall(),)), https=True, settings=FIRST_BYTE
)
HANDSHAKE_STALL_BEYOND_CONNECTING = Fault(
    name="handshake stalls beyond the limit for connecting",
    plan=lambda _: Plan(at_connect=(Stall(),)),
    https=True,
    settings={"MIMO_PROXY_CONNECT_TIMEOUT_MS": "20"},
)
HANDSHAKE_GARBAGE = Fault(
    name="garbage in the handshake",
    plan=lambda _: Plan(at_byte=(1, (Send(b"\x16\x03\x03\xff"), Close()))),
    https=True,
)
PLAIN_HTTP = Fault(
    name="plain HTTP where TLS is expected",
    plan=lambda _: Plan(at_byte=(1, (Send(answer(400, b"plain")), Close()))),
    https=True,
)
TLS_WHERE_PLAIN = Fault(name="TLS where plain HTTP is expected", plan=GOOD.plan, shown="trusted")
