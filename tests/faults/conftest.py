"""What the tests with a faulty upstream share: an authority to trust, and times that are no settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.faults.catalogue import SAID
from tests.memory_proxy import KEY
from tests.mimocode.gateway_tls import authority


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The throw-away authority is all that is trusted."""
    certificate: Path = authority().write(tmp_path_factory.mktemp("authority"))[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The delays before another try, which are no settings, made short."""
    monkeypatch.setattr("ccmimolink.tries._FIRST_DELAY", 0.002)
    monkeypatch.setattr("ccmimolink.tries._FUNDS_DELAY", 0.002)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the other times short that are no settings: for faults that run into them, not for good ends."""

    def shorten() -> None:
        monkeypatch.setattr("ccmimolink.web.relay.LINGER", 0.02)
        monkeypatch.setattr("ccmimolink.web.relay.TAIL_TIMEOUT", 0.02)
        monkeypatch.setattr("ccmimolink.upstream.ERROR_BODY_TIMEOUT", 0.02)

    return shorten


@pytest.fixture(autouse=True)
def keys_and_content_stay_out_of_the_log() -> Iterator[None]:
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(eventAsText(event) + repr(event))

    globalLogPublisher.addObserver(observe)
    yield
    globalLogPublisher.removeObserver(observe)
    assert not [line for line in lines if KEY in line or SAID in line]
