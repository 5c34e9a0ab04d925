"""A healthy set-up: everything is found to be well, nothing is changed, and no key is shown."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import pytest_twisted  # type: ignore[import-untyped]

from tests.doctor.doctor_stage import DoctorStage


@pytest_twisted.ensureDeferred
async def test_all_checks_are_ok(stage: DoctorStage) -> None:
    ended = await stage.run("--json", "--probe")

    assert {name: check for name, check in ended.checks.items() if check["status"] != "ok"} == {}
    assert ended.status == 0
    assert ended.json["outcome"] == "ok"
