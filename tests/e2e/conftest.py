"""A running proxy for all tests, and a Codex for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.codex_cli import Codex, config_for, find_codex
from tests.e2e.proxy import FAKE_KEY, Proxy, RecordingMimo
from tests.e2e.taken_over import User

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


@pytest.fixture(scope="session")
def bystander(tmp_path_factory: pytest.TempPathFactory, _recording_mimo: RecordingMimo) -> Iterator[Proxy]:
    """A proxy that knows of no cc switch, no takeover and no key: it has what clients send."""
    directory = tmp_path_factory.mktemp("bystander")
    proxy = Proxy.start(
        directory,
        "--skip-sync",
        MIMO_BASE_URL=_recording_mimo.base_url,
        MIMO_PROXY_STATE_DIR=str(directory / "state"),
        CC_SWITCH_DB_PATH=str(directory / "nowhere.db"),
    )
    yield proxy
    proxy.stop()


@pytest.fixture
def user(tmp_path: Path, codex_binary: str, mimo: RecordingMimo) -> Iterator[User]:
    """A user with a home of its own. No key of theirs may be shown by any program."""
    user = User(tmp_path / "user", codex_binary, mimo.base_url)
    yield user
    user.end()
