"""A running proxy for all tests, and a Codex for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.codex_cli import Codex, config_for, find_codex
from tests.e2e.proxy import FAKE_KEY, Proxy, RecordingMimo

StartProxy = Callable[..., Proxy]
MakeCodex = Callable[..., Codex]


@pytest.fixture(scope="session")
def codex_binary() -> str:
    return find_codex()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """``ccmimolink --demo``, as someone runs it who tries it out."""
    proxy = Proxy.start(tmp_path_factory.mktemp("demo"), "--demo")
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def _recording_mimo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingMimo]:
    mimo = RecordingMimo.start(tmp_path_factory.mktemp("mimo"))
    yield mimo
    mimo.stop()


@pytest.fixture
def mimo(_recording_mimo: RecordingMimo) -> RecordingMimo:
    """A simulated MiMo that remembers what this test sent to it."""
    _recording_mimo.forget()
    return _recording_mimo


@pytest.fixture
def start_proxy(tmp_path: Path, mimo: RecordingMimo) -> Iterator[StartProxy]:
    """Start a proxy with options and variables of the test's own, in front of the MiMo that remembers."""
    numbers = count()
    with ExitStack() as at_the_end:

        def start(*options: str, **environ: str) -> Proxy:
            directory = tmp_path / f"proxy{next(numbers)}"
            directory.mkdir()
            environ = {"MIMO_BASE_URL": mimo.base_url, "MIMO_API_KEY": FAKE_KEY, **environ}
            proxy = Proxy.start(directory, "--skip-sync", *options, **environ)
            at_the_end.callback(proxy.stop)
            return proxy

        yield start


@pytest.fixture
def make_codex(tmp_path: Path, codex_binary: str) -> Iterator[MakeCodex]:
    """Make a Codex with a clean home for a proxy; a second argument edits the recommended configuration."""
    numbers = count()
    with ExitStack() as at_the_end:

        def make(proxy: Proxy, edit: Callable[[str], str] = str) -> Codex:
            codex = Codex(codex_binary, tmp_path / f"user{next(numbers)}", edit(config_for(proxy)))
            at_the_end.callback(codex.end)
            return codex

        yield make


@pytest.fixture
def codex(demo: Proxy, make_codex: MakeCodex) -> Codex:
    """Codex in front of the demo, with the recommended configuration."""
    return make_codex(demo)
