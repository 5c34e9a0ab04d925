"""The set-up that the tests of the doctor share: a healthy one, and what a test adds to it is undone."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_twisted  # type: ignore[import-untyped]
import twisted.plugins

from tests.doctor.doctor_stage import DoctorStage


@pytest_twisted.async_yield_fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DoctorStage]:
    # Here, not above: the import installs a reactor.
    from twisted.internet import reactor

    before = set(sys.modules)
    monkeypatch.setattr(twisted.plugins, "__path__", list(twisted.plugins.__path__))
    made = DoctorStage(reactor)
    monkeypatch.setenv("HOME", str(made.home))
    await made.start()
    yield made
    await made.end()
    for name in set(sys.modules) - before:
        if name.startswith("twisted.plugins.acme"):
            del sys.modules[name]
            vars(twisted.plugins).pop(name.rpartition(".")[2], None)
