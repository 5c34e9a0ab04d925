"""A streamed session through proxies that others wrote, with TLS to MiMo inside.

Only the proxy knows the name of this MiMo: what arrives there has come through it.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.faults.script import Send, Stall
from tests.faults.upstream import Plan, answers
from tests.http_wire import LAST_CHUNK, STREAM_HEAD, chunk, delta, finish, hello, text
from tests.mimocode.gateway_tls import Shown, authority, stranger
from tests.process import real_proxies
from tests.process.program import Program, Stage
from tests.process.real_proxies import NAME, PASSWORD, USER, RealProxy

pytestmark = pytest.mark.process

WORDS = [f"word{number} " for number in range(300)]
LONG = (
    Send(STREAM_HEAD + chunk(delta(reasoning_content="Hm."))),
    *(Send(chunk(text(word))) for word in WORDS),
    Send(chunk(finish() + b"data: [DONE]\n\n") + LAST_CHUNK),
)
UNENDING = (Send(STREAM_HEAD + chunk(text("word"))), Stall())
SHORT = (Send(STREAM_HEAD + chunk(hello()) + LAST_CHUNK),)
SESSION = answers(LONG, SHORT)

both_agents = pytest.mark.parametrize("twisted", ["false", "true"], ids=["own", "twisted"])


@pytest.fixture(params=["tinyproxy", "microsocks"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealProxy]:
    proxy = real_proxies.start(request.param, tmp_path / request.param)
    yield proxy
    proxy.stop()


async def started(
    stage: Stage,
    proxy: RealProxy,
    *,
    password: str = PASSWORD,
    plan: Plan = SESSION,
    **environ: str,
) -> Program:
    """The program, led to MiMo by the proxy alone, and an authority that vouches for MiMo."""
    trusted = stage.directory / "authority.pem"
    trusted.write_bytes(authority().pem)
    await stage.serve(plan, certificate=Shown(authority().issue(NAME)))
    return await stage.start(
        MIMO_BASE_URL=f"https://{NAME}:{stage.upstream_port}/v1",
        # In lower case, so that they win over those of the machine.
        https_proxy=proxy.url(password),
        no_proxy="elsewhere.test",
        **{"MIMO_PROXY_CA_FILE": str(trusted), "MIMO_PROXY_RETRIES": "0"} | environ,
    )


def assert_no_secret(program: Program) -> None:
    program.assert_no_trouble()
    for secret in (PASSWORD, USER):
        assert secret not in program.log_text() + program.said()


@both_agents
@pytest_twisted.ensureDeferred
async def test_a_session_is_carried_by_one_tunnel(stage: Stage, proxy: RealProxy, twisted: str) -> None:
    program = await started(stage, proxy, MIMO_PROXY_TWISTED_AGENT=twisted)
    first, second = await stage.answered(program), await stage.answered(program)
    assert first.output_text() == "".join(WORDS)
    assert (first.types()[-1], second.types()[-1]) == ("completed", "completed")
    assert len(stage.upstream.requests) == 2
    assert len(stage.upstream.connections) == 1
    assert proxy.ways(stage.upstream_port) == 1
    upstream = f"upstream https://{NAME}:{stage.upstream_port}/v1 (MIMO_BASE_URL)"
    told = f"{upstream}, through the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY)"
    assert program.log_text().count(told) == 1
    assert_no_secret(program)


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_told_and_not_shown(stage: Stage, proxy: RealProxy) -> None:
    program = await started(stage, proxy, password="fake-and-wrong")
    reply = await stage.answered(program)
    assert reply.status == 502
    assert "Correct user:password in HTTPS_PROXY" in reply.error()["message"]
    assert stage.upstream.connections == []
    assert "fake-and-wrong" not in program.log_text() + program.said()
    assert_no_secret(program)


@pytest_twisted.ensureDeferred
async def test_an_upstream_that_is_down_is_told_of_by_the_proxy(stage: Stage, proxy: RealProxy) -> None:
    program = await started(stage, proxy)
    await stage.upstream.refuse()
    reply = await stage.answered(program)
    assert reply.status == 502
    assert "The proxy of HTTPS_PROXY cannot reach MiMo" in reply.error()["message"]


@pytest_twisted.ensureDeferred
async def test_with_the_proxy_a_stream_ends_and_the_next_request_is_told_of_it(
    stage: Stage, proxy: RealProxy
) -> None:
    program = await started(stage, proxy, plan=answers(UNENDING))
    client = await stage.ask(program)
    await stage.until(lambda: b"word" in client.head)
    proxy.stop()
    await stage.finished(client)
    assert client.reply.types()[-1] == "failed"
    reply = await stage.answered(program)
    assert "The proxy of HTTPS_PROXY cannot be reached" in reply.error()["message"]
    program.assert_no_trouble()


@pytest_twisted.ensureDeferred
async def test_an_authority_that_is_not_in_the_file_is_not_trusted(stage: Stage, proxy: RealProxy) -> None:
    other = stage.directory / "other.pem"
    other.write_bytes(stranger().pem)
    program = await started(stage, proxy, MIMO_PROXY_CA_FILE=str(other))
    reply = await stage.answered(program)
    assert "TLS failed" in reply.error()["message"]
    assert stage.upstream.requests == []
