"""The model catalog: ours beside Codex's own models, and none at all rather than one that does harm."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.core.models import BUILTIN_MODELS
from ccmimolink.sync.catalog import Models
from tests.sync.fake_codex import FakeCodex

OURS = [model.name for model in BUILTIN_MODELS]
ENVIRON = {"LANG": "C.UTF-8"}


def make(codex: FakeCodex | None, *, only_provider: bool = False, seconds: float = 10) -> Any:
    """What is made, read again; None where nothing is."""
    path = {"PATH": str(codex.path)} if codex is not None else {"PATH": "/nonexistent"}
    made = Models(BUILTIN_MODELS, ENVIRON | path, seconds).make(only_provider=only_provider)
    return None if made is None else json.loads(made)


def slugs(catalog: Any) -> list[str]:
    return [model["slug"] for model in catalog["models"]]


def test_codexs_own_models_stand_after_ours_and_none_is_there_twice(tmp_path: Path) -> None:
    catalog = make(FakeCodex(tmp_path))

    assert slugs(catalog) == [*OURS, "gpt-5.5"]
    assert catalog["models"][-1] == {"slug": "gpt-5.5", "context_window": 272_000}
    assert not any("theirs" in model for model in catalog["models"])


def test_codex_is_asked_for_its_models_and_then_whether_it_takes_ours(tmp_path: Path) -> None:
    codex = FakeCodex(tmp_path)

    make(codex)

    first, second = (call.arguments for call in codex.calls())
    assert first == ["debug", "models", "--bundled"]
    assert second[0] == "-c"
    assert second[1].startswith('model_catalog_json="')
    assert second[2:] == ["debug", "models"]


def test_codex_runs_in_an_empty_home_that_is_gone_afterwards(tmp_path: Path) -> None:
    codex = FakeCodex(tmp_path, body="assert not [name for name in os.listdir() if name != 'catalog.json']")

    assert make(codex) is not None

    for call in codex.calls():
        assert call.environ["HOME"] == call.environ["CODEX_HOME"] == call.directory
        assert set(call.environ) <= {"HOME", "CODEX_HOME", "PATH", "LANG", "LC_CTYPE"}
        assert not os.path.exists(call.directory)


@pytest.mark.parametrize(
    "directory", ['quoted"', "back\\slash", "小米 é", "a b"], ids=["quote", "backslash", "non-ASCII", "blank"]
)
def test_the_catalogs_path_may_hold_any_letter(
    tmp_path: Path, directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / directory
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))

    assert make(FakeCodex(tmp_path)) is not None


def test_a_catalog_that_codex_refuses_is_not_made(tmp_path: Path) -> None:
    assert make(FakeCodex(tmp_path, refuses=1), only_provider=True) is None


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "no JSON",
        "\\ud800",
        "[]",
        "{}",
        "null",
        "3",
        '{"models": null}',
        '{"models": {"a": 1}}',
        '{"models": ["a"]}',
        '{"models": [{}]}',
        '{"models": [{"slug": ["a"]}]}',
        "[" * 100_000,
    ],
    ids=lambda printed: printed[:24] or "nothing",
)
def test_where_codex_prints_no_models_none_is_made(tmp_path: Path, printed: str) -> None:
    assert make(FakeCodex(tmp_path, bundled=printed)) is None


@pytest.mark.parametrize(
    "body",
    ["sys.exit(1)", "os.kill(os.getpid(), 9)", "sys.stdout.buffer.write(b'\\xff\\xfe')", "raise ValueError"],
)
def test_where_codex_fails_none_is_made(tmp_path: Path, body: str) -> None:
    assert make(FakeCodex(tmp_path, body=body)) is None


def test_a_codex_that_is_no_program_counts_as_one_that_fails(tmp_path: Path) -> None:
    codex = FakeCodex(tmp_path)
    codex.path.joinpath("codex").write_bytes(b"\x7fELF no program")

    assert make(codex, only_provider=True) is None


def test_a_codex_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """Installed by npm, codex is a script that waits for the program proper."""
    pids = tmp_path / "pids"
    body = f"child = os.fork()\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(60)\n"
    began = time.monotonic()

    # Time enough for a Python to start.
    assert make(FakeCodex(tmp_path, body=body), seconds=2) is None

    assert time.monotonic() - began < 10
    processes = pids.read_text().split()
    assert len(processes) == 2
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_without_codex_ours_alone_will_do_only_where_mimo_is_the_only_provider() -> None:
    assert make(None) is None
    assert slugs(make(None, only_provider=True)) == OURS


def test_without_a_place_for_the_try_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))

    assert make(FakeCodex(tmp_path)) is None


def test_the_catalog_says_what_codex_needs_of_each_of_our_models(tmp_path: Path) -> None:
    for model in make(FakeCodex(tmp_path))["models"][: len(OURS)]:
        assert model["context_window"] > 100_000
        assert model["apply_patch_tool_type"] == "freeform"
        assert model["supported_reasoning_levels"]
        assert "text" in model["input_modalities"]
