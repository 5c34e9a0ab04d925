"""The doctor with the real Codex: what it takes is found to be well, and what it refuses is named."""

# mypy: allow-untyped-decorators

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.doctor.doctor_stage import KEY, DoctorStage
from tests.e2e.codex_cli import find_codex

pytestmark = pytest.mark.codex


@pytest.fixture
def with_codex(stage: DoctorStage) -> DoctorStage:
    """The real Codex in place of the stand-in, with what its script needs."""
    program = stage.codex.path / "codex"
    program.unlink()
    program.write_text(f'#!/bin/sh\nexec "{find_codex()}" "$@"\n')
    program.chmod(0o755)
    stage.environ["PATH"] = f"{stage.codex.path}:/usr/local/bin:/usr/bin:/bin"
    return stage


@pytest_twisted.ensureDeferred
async def test_all_checks_are_ok_with_codex(with_codex: DoctorStage) -> None:
    before = with_codex.files()

    ended = await with_codex.run("--json", "--probe")

    assert {name: check for name, check in ended.checks.items() if check["status"] != "ok"} == {}
    assert "codex-cli" in ended.checks["codex.program"]["found"]
    assert ended.status == 0
    assert with_codex.files() == before


REFUSED = {
    "a number for a model": ('model = "mimo-v2.5-pro"', "model = 5", "invalid type: integer `5`"),
    "a feature that is none": (
        "disable_response_storage = true",
        "features = 3",
        "expected struct FeaturesToml",
    ),
    "a key where the effort belongs": ('model_reasoning_effort = "high"', f'sandbox_mode = "{KEY}"', "***"),
}


@pytest.mark.parametrize(("old", "new", "reason"), REFUSED.values(), ids=REFUSED)
@pytest_twisted.ensureDeferred
async def test_what_codex_refuses_is_told_in_its_words_without_a_key(
    with_codex: DoctorStage, old: str, new: str, reason: str
) -> None:
    with_codex.edit_config(old, new)

    ended = await with_codex.run("--json")

    not_well = {name for name, status in ended.statuses.items() if status not in ("ok", "not_checked")}
    assert not_well == {"codex.accepted"}
    found = ended.checks["codex.accepted"]
    assert str(Path(with_codex.config)) in found["found"]
    assert reason in found["found"]
    assert KEY not in ended.out


@pytest_twisted.ensureDeferred
async def test_a_catalog_that_codex_cannot_read_is_found_by_codex(with_codex: DoctorStage) -> None:
    with_codex.app.catalog_path.write_text('{"models": [{"slug": "mimo-v2.5"}]}')

    ended = await with_codex.run("--json", "--only", "codex.accepted")

    assert ended.statuses == {"codex.accepted": "failed"}, ended.out
    assert "missing field" in ended.checks["codex.accepted"]["found"]
