"""A few cases of each kind, with every test run: ``python -m tests.fuzz`` runs as many as are wanted.

Hypothesis makes the choices here, so that a case that fails comes out small.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.house import House, Watch, watched
from tests.fuzz.runs import KINDS, run_kind
from tests.fuzz.schema_cases import run_schema


@pytest.fixture(scope="module")
def watch() -> Iterator[Watch]:
    with watched() as watch:
        yield watch


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(list(KINDS)), random=st.randoms(use_true_random=False))
def test_a_case_of_any_choices_ends_well(watch: Watch, kind: str, random: Random) -> None:
    House(watch).live(KINDS[kind], random)


@pytest.mark.parametrize("kind", KINDS)
def test_many_cases_of_one_proxy_end_well(kind: str) -> None:
    run = run_kind(kind, 120, seed=1)
    assert run.problems == [], str(run.problems[0])
    assert run.cases == 120


def test_what_the_document_makes_schemathesis_ask_is_answered_as_it_says() -> None:
    run = run_schema(40, first_seed=1)
    assert run.problems == [], str(run.problems[0])
    assert run.cases >= 40
