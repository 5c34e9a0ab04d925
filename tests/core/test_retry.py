from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink.core.retry import (
    LONGEST_RETRY_AFTER,
    RETRIES,
    Again,
    Fault,
    parse_retry_after,
    retry_delay,
)

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the instant of RFC 9110's examples


def _delays(jitter: float, *, base: float = 1.0, cap: float = 10.0) -> list[float]:
    return [retry_delay(attempt, base=base, cap=cap, jitter=lambda: jitter) for attempt in range(1, 7)]


def test_the_delay_doubles_up_to_the_cap() -> None:
    assert _delays(1.0) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_jitter_takes_away_up_to_half_of_the_delay() -> None:
    assert _delays(0.0) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        retry_delay(0, base=1.0, cap=10.0, jitter=lambda: 0.0)


def test_a_zero_base_gives_no_delay() -> None:
    assert _delays(1.0, base=0.0) == [0.0] * 6


@given(
    attempt=st.integers(1, 10**9),
    base=st.floats(0, 1e6),
    cap=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)
def test_the_delay_is_finite_and_between_nothing_and_the_cap(
    attempt: int, base: float, cap: float, jitter: float
) -> None:
    assert 0 <= retry_delay(attempt, base=base, cap=cap, jitter=lambda: jitter) <= cap


@pytest.mark.parametrize(
    ("value", "seconds"), [("0", 0.0), ("120", 120.0), ("1.5", 1.5), ("3.", 3.0), (" 7\t", 7.0), ("007", 7.0)]
)
def test_a_number_of_seconds_is_read(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
    ids=["imf-fixdate", "rfc850", "asctime"],
)
def test_each_form_of_http_date_is_read_as_gmt(value: str) -> None:
    assert parse_retry_after(value, NOW - 30.0) == 30.0


def test_a_date_in_the_past_means_no_delay() -> None:
    assert parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", NOW + 3600.0) == 0.0


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "-1", "+1", "1e3", "nan", "inf", "0x10", "1,5", ".5", "soon", "٣", "5 s", "1_000"),
        *("Sun, 06 Nov 99999999 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT"),
    ],
)
def test_garbage_and_negative_numbers_say_nothing(value: str) -> None:
    assert parse_retry_after(value, NOW) is None


@pytest.mark.parametrize("value", ["1794111777", "9" * 400, "Sun, 06 Nov 2094 08:49:37 GMT"])
def test_a_delay_that_nobody_can_mean_says_nothing(value: str) -> None:
    assert parse_retry_after(value, NOW) is None


def test_the_longest_delay_is_still_believed() -> None:
    assert parse_retry_after(str(int(LONGEST_RETRY_AFTER)), NOW) == LONGEST_RETRY_AFTER


@given(delay=st.integers(0, 10**7))
def test_a_date_and_the_same_number_of_seconds_mean_the_same(delay: int) -> None:
    assert parse_retry_after(formatdate(NOW + delay, usegmt=True), NOW) == parse_retry_after(str(delay), NOW)


_DATE_WORDS = st.sampled_from(
    ["Sun,", "06", "Nov", "1994", "08:49:37", "GMT", "-0000", "+2400", "99", "::", ".", "-"]
)


@given(value=st.text() | st.lists(_DATE_WORDS | st.text(max_size=3)).map(" ".join))
def test_any_text_gives_a_usable_delay_or_none(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= LONGEST_RETRY_AFTER)


def test_the_table_says_of_every_fault_whether_it_is_tried_again() -> None:
    assert set(RETRIES) == set(Fault)


def test_what_may_be_billed_is_tried_again_once_at_most() -> None:
    again = {RETRIES[fault].again for fault in Fault if RETRIES[fault].may_be_billed}
    assert Again.WITHIN_BUDGET not in again
