"""The talk with a proxy, however its bytes are cut: the way is free, or it is said why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.tunnel.connect import MAX_ANSWER, ConnectNegotiation
from ccmimolink.tunnel.negotiation import Negotiation, TunnelFailed
from ccmimolink.tunnel.socks import SocksNegotiation
from tests.tunnel.talks import (
    CONNECT,
    CONNECT_WITH_CREDENTIALS,
    CONNECTED,
    FREE,
    HTTP_SERVER,
    NO_CREDENTIALS,
    PASSWORD,
    SOCKS,
    SOCKS_SERVER,
    SOCKS_WITH_CREDENTIALS,
    TALKS,
    WITH_CREDENTIALS,
    Talk,
)

every_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
any_talk = st.sampled_from(TALKS)


def spoken(negotiation: Negotiation, *pieces: bytes) -> bytes:
    """What the proxy is told to these pieces, after the beginning."""
    return b"".join(map(negotiation.receive, pieces))


def failure(talk: Talk, *pieces: bytes) -> str:
    negotiation = talk.begun()
    with pytest.raises(TunnelFailed) as caught:
        spoken(negotiation, *pieces)
    return str(caught.value)


@every_talk
def test_it_ends_well_at_whatever_place_it_is_cut(talk: Talk) -> None:
    for place in range(len(talk.said) + 1):
        negotiation = talk.make(talk.server, "mimo.test", 443)
        told = negotiation.begin()
        told += spoken(negotiation, talk.said[:place])
        assert (negotiation.surplus is None) == (place < len(talk.said))
        told += spoken(negotiation, talk.said[place:])
        assert (told, negotiation.surplus) == (talk.told, b"")


@every_talk
def test_it_ends_well_byte_by_byte(talk: Talk) -> None:
    negotiation = talk.make(talk.server, "mimo.test", 443)
    told = negotiation.begin()
    for place in range(len(talk.said)):
        assert negotiation.surplus is None
        told += negotiation.receive(talk.said[place : place + 1])
    assert (told, negotiation.surplus) == (talk.told, b"")


@given(any_talk, st.binary(min_size=1, max_size=3 * MAX_ANSWER), st.data())
def test_what_follows_is_handed_on_to_the_byte(talk: Talk, surplus: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(talk.said) - 1))
    negotiation = talk.begun()
    spoken(negotiation, talk.said[:place], talk.said[place:] + surplus)
    assert negotiation.surplus == surplus


@every_talk
def test_half_of_it_opens_no_way(talk: Talk) -> None:
    negotiation = talk.begun()
    spoken(negotiation, talk.said[:-1])
    assert negotiation.surplus is None


def complaint(talk: Talk, *pieces: bytes) -> str | None:
    """Why there is no way, if that is said."""
    negotiation = talk.begun()
    try:
        for piece in pieces:
            if negotiation.surplus is None:
                negotiation.receive(piece)
    except TunnelFailed as failed:
        return str(failed)
    return None


@given(any_talk, st.lists(st.binary(min_size=1, max_size=60), max_size=20))
def test_whatever_is_said_the_complaint_names_the_variable(talk: Talk, pieces: list[bytes]) -> None:
    message = complaint(talk, *pieces)
    assert message is None or talk.server.variable in message


@given(any_talk, st.data())
def test_a_damaged_talk_brings_no_secret_to_light(talk: Talk, data: st.DataObject) -> None:
    said = bytearray(talk.said)
    said[data.draw(st.integers(0, len(said) - 1))] = data.draw(st.integers(0, 255))
    message = complaint(talk, bytes(said))
    assert message is None or (talk.server.variable in message and PASSWORD not in message)


# -- CONNECT -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 204 Fine\r\n\r\n",
        b"HTTP/1.1 200 OK\nVia: x\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_a_way_is_free_with_any_success_whatever_its_fields_say(said: bytes) -> None:
    negotiation = CONNECT.begun()
    spoken(negotiation, said + b"first")
    assert negotiation.surplus == b"first"


def test_an_address_is_asked_for_as_it_stands_in_a_url() -> None:
    assert (
        ConnectNegotiation(HTTP_SERVER, "2001:db8::1", 8443)
        .begin()
        .startswith(b"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n")
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (407, "The proxy wants user and password (407). Set user:password in HTTPS_PROXY."),
        (403, "does not allow a connection to MiMo (403)"),
        (405, "does not allow a connection to MiMo (405)"),
        (302, "does not allow a connection to MiMo (302)"),
        (500, "cannot reach MiMo (500)"),
        (502, "cannot reach MiMo (502)"),
        (503, "cannot reach MiMo (503)"),
        (504, "cannot reach MiMo (504)"),
    ],
)
def test_a_refusal_is_told_by_its_status(status: int, said: str) -> None:
    message = failure(CONNECT, b"HTTP/1.1 %d Words of the proxy\r\nVia: proxy.test\r\n\r\n<html>" % status)
    assert said in message
    assert "HTTPS_PROXY" in message
    assert "Words of the proxy" not in message


@pytest.mark.parametrize("status", [401, 407])
def test_credentials_that_do_not_suit_are_to_be_corrected(status: int) -> None:
    message = failure(CONNECT_WITH_CREDENTIALS, b"HTTP/1.1 %d No\r\n\r\n" % status)
    assert message == f"The proxy refused user and password ({status}). Correct user:password in HTTPS_PROXY."


@pytest.mark.parametrize(
    "said",
    [
        b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_of_http_is_not_understood(said: bytes) -> None:
    assert "does not answer as an HTTP proxy does" in failure(CONNECT, said)


@pytest.mark.parametrize(
    "endless",
    [b"X-Field: y\r\n", b"z", b"\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n"],
    ids=["fields", "no line", "interim answers"],
)
@pytest.mark.parametrize("size", [1, 7, 1000, MAX_ANSWER * 2])
def test_an_answer_without_an_end_is_too_long(endless: bytes, size: int) -> None:
    negotiation = CONNECT.begun()
    said = b"HTTP/1.1 100 OK\r\n" + endless * (MAX_ANSWER // len(endless) + 1)
    with pytest.raises(TunnelFailed, match="as an HTTP proxy"):
        spoken(negotiation, *(said[place : place + size] for place in range(0, len(said), size)))


def test_a_head_up_to_the_bound_is_taken() -> None:
    head = CONNECTED[:-2] + b"X: "
    negotiation = CONNECT.begun()
    spoken(negotiation, head + b"y" * (MAX_ANSWER - len(head) - 4) + b"\r\n\r\n" + b"z" * MAX_ANSWER)
    assert negotiation.surplus == b"z" * MAX_ANSWER


def test_a_head_beyond_the_bound_is_not_taken_though_it_ends() -> None:
    assert "as an HTTP proxy" in failure(CONNECT, CONNECTED[:-2] + b"X: " + b"y" * MAX_ANSWER + b"\r\n\r\n")


# -- SOCKS5 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bound",
    [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\x00" + bytes(2), b"\x03\xff" + b"x" * 255 + bytes(2)],
    ids=["IPv4", "IPv6", "no name", "longest name"],
)
def test_the_proxys_own_address_is_read_over_whatever_it_is(bound: bytes) -> None:
    negotiation = SOCKS.begun()
    spoken(negotiation, NO_CREDENTIALS, b"\x05\x00\x00" + bound + b"first")
    assert negotiation.surplus == b"first"


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("192.0.2.7", b"\x01\xc0\x00\x02\x07"),
        ("2001:db8::1", b"\x04" + bytes.fromhex("20010db8000000000000000000000001")),
        ("mimo.test", b"\x03\x09mimo.test"),
    ],
)
def test_an_address_is_asked_for_as_one_and_a_name_as_a_name(host: str, where: bytes) -> None:
    negotiation = SocksNegotiation(SOCKS_SERVER, host, 8443)
    negotiation.begin()
    assert negotiation.receive(NO_CREDENTIALS) == b"\x05\x01\x00" + where + b"\x20\xfb"


def test_credentials_are_kept_back_where_none_are_asked_for() -> None:
    negotiation = SOCKS_WITH_CREDENTIALS.begun()
    assert PASSWORD.encode() not in spoken(negotiation, NO_CREDENTIALS, FREE)
    assert negotiation.surplus == b""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "cannot reach MiMo (general failure)"),
        (2, "does not allow a connection to MiMo"),
        (3, "cannot reach MiMo (network unreachable)"),
        (4, "cannot reach MiMo (host unreachable)"),
        (5, "cannot reach MiMo (connection refused)"),
        (6, "cannot reach MiMo (TTL expired)"),
        (7, "cannot reach MiMo (command not supported)"),
        (8, "cannot reach MiMo (kind of address not supported)"),
        (9, "does not answer as a SOCKS5 proxy does"),
        (255, "does not answer as a SOCKS5 proxy does"),
    ],
)
def test_a_reply_is_told_by_its_code_though_nothing_follows(code: int, said: str) -> None:
    message = failure(SOCKS, NO_CREDENTIALS, b"\x05" + bytes((code,)))
    assert said in message
    assert "ALL_PROXY" in message


def test_a_proxy_that_wants_credentials_says_where_to_set_them() -> None:
    assert failure(SOCKS, b"\x05\xff") == (
        "The proxy wants user and password (no method of SOCKS fits). Set user:password in ALL_PROXY."
    )
    assert "Correct user:password in ALL_PROXY" in failure(SOCKS_WITH_CREDENTIALS, b"\x05\xff")
    assert "Correct user:password in ALL_PROXY" in failure(
        SOCKS_WITH_CREDENTIALS, WITH_CREDENTIALS, b"\x01\x01"
    )


@pytest.mark.parametrize(
    "pieces",
    [
        (b"H",),
        (b"\x04",),
        (b"\x05\x01",),
        (b"\x05\x02",),
        (NO_CREDENTIALS, b"H"),
        (NO_CREDENTIALS, b"\x05\x00\x00\x02\x01"),
        (NO_CREDENTIALS, b"\x05\x00\x00\x00\x01"),
    ],
)
def test_what_is_no_answer_of_socks_is_not_understood(pieces: tuple[bytes, ...]) -> None:
    assert "does not answer as a SOCKS5 proxy does" in failure(SOCKS, *pieces)


def test_a_name_that_socks_cannot_carry_is_not_asked_for() -> None:
    negotiation = SocksNegotiation(SOCKS_SERVER, ".".join(["x" * 60] * 5), 443)
    negotiation.begin()
    with pytest.raises(TunnelFailed, match="too long"):
        negotiation.receive(NO_CREDENTIALS)
