"""Planted faults: each is found by its own check, which names the fix; what needs it not stays well."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import inspect

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from ccmimolink.doctor.table import CHECKS
from tests.doctor.doctor_stage import KEY, DoctorStage
from tests.doctor.faults import FAULTS, Fault
from tests.doctor.plantings import OTHER_KEY, TOKEN

NEEDS = {check.id: check.needs for check in CHECKS}
SECRETS = (KEY, OTHER_KEY, TOKEN)


def depends(check: str, on: str) -> bool:
    return any(need == on or depends(need, on) for need in NEEDS[check])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
@pytest_twisted.ensureDeferred
async def test_a_planted_fault_is_found_by_its_check(stage: DoctorStage, fault: Fault) -> None:
    planted = fault.plant(stage)
    if inspect.isawaitable(planted):
        await planted
    before = stage.files()

    ended = await stage.run("--json", "--probe")
    told = await stage.run("--only", fault.found_by)

    found = ended.checks[fault.found_by]
    assert found["status"] == fault.status, found
    assert fault.advice in f"{found['fix']} $ {found['command']}", found
    assert found["found"].endswith("."), found
    spared = {
        name for name in NEEDS if fault.status == "failed" and depends(name, fault.found_by)
    } | fault.also
    others = {
        name: check
        for name, check in ended.checks.items()
        if name != fault.found_by
        and check["status"] != "ok"
        and not (name in spared and check["status"] == "not_checked")
    }
    assert others == {}
    assert ended.status == (1 if fault.status == "failed" else 0)
    assert ended.json["outcome"] == fault.status
    assert not [secret for secret in SECRETS if secret in ended.out + told.out]
    assert stage.files() == before, "the doctor changed something"


def test_there_are_faults_for_every_check() -> None:
    found = {fault.found_by for fault in FAULTS}

    assert {check.id for check in CHECKS} - found == set()
    assert len(FAULTS) >= 25
