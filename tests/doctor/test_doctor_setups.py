"""Set-ups that differ from the usual one and are healthy too: what there is not is not complained of."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.threads import deferToThread

from ccmimolink.settings import Settings
from ccmimolink.sync.setup import synchroniser, wish_of
from tests.doctor.doctor_stage import KEY, DoctorStage, Examination
from tests.sync.cc_switch_presets import OTHER_ID

OF_CC_SWITCH = {
    "ccswitch.settings",
    "ccswitch.database",
    "ccswitch.lock",
    "ccswitch.provider",
    "ccswitch.key",
    "ccswitch.current",
    "ccswitch.route",
    "codex.key",
}


def not_ok(ended: Examination) -> dict[str, str]:
    return {name: status for name, status in ended.statuses.items() if status != "ok"}


def by_hand(stage: DoctorStage, base_url: str) -> None:
    """A configuration as the README shows it, and no cc switch."""
    shutil.rmtree(stage.app.settings_path.parent)
    stage.config.write_text(
        'model = "mimo-v2.5"\nmodel_provider = "mimo"\n\n[model_providers.mimo]\n'
        f'name = "MiMo via ccmimolink"\nbase_url = "{base_url}"\nwire_api = "responses"\n'
    )


def codex_without_a_key(stage: DoctorStage) -> None:
    kept, headers, rest = stage.config.read_text().partition("http_headers")
    assert headers
    stage.config.write_text(kept + rest.partition("\n")[2])


@pytest_twisted.ensureDeferred
async def test_without_cc_switch_codex_is_configured_by_hand(stage: DoctorStage) -> None:
    by_hand(stage, f"http://127.0.0.1:{stage.port}/v1")
    stage.environ["MIMO_API_KEY"] = KEY
    await stage.restart_proxy()

    ended = await stage.run("--json", "--probe")

    assert not_ok(ended) == dict.fromkeys(OF_CC_SWITCH, "not_checked")
    assert ended.status == 0


@pytest.mark.parametrize("variable", [{"MIMO_API_KEY": KEY}, {"MIMO_PROXY_DEMO": "true"}], ids=str)
@pytest_twisted.ensureDeferred
async def test_who_has_a_key_without_cc_switch_is_not_told_to_install_it(
    stage: DoctorStage, variable: dict[str, str]
) -> None:
    by_hand(stage, "http://127.0.0.1:1/v1")
    stage.environ |= variable

    ended = await stage.run("--json", "--only", "ccswitch.found", "--only", "codex.route")

    assert ended.statuses == {"ccswitch.found": "ok", "codex.route": "failed"}


@pytest_twisted.ensureDeferred
async def test_a_route_that_was_made_without_cc_switch_needs_none_wherever_it_leads(
    stage: DoctorStage,
) -> None:
    by_hand(stage, f"http://127.0.0.1:{stage.port}/v1")
    settings = Settings.from_environ(stage.environ | {"MIMO_API_KEY": KEY})
    await deferToThread(
        synchroniser(settings).take_over, wish_of(settings, "http://127.0.0.1:1/v1"), alone=True
    )

    ended = await stage.run("--json", "--only", "ccswitch.found", "--only", "codex.route")

    assert ended.statuses == {"ccswitch.found": "ok", "codex.route": "failed"}


@pytest_twisted.ensureDeferred
async def test_without_cc_switch_a_key_and_a_route_cc_switch_is_missed(stage: DoctorStage) -> None:
    by_hand(stage, "http://127.0.0.1:1/v1")

    ended = await stage.run("--json", "--only", "ccswitch.found")

    assert ended.statuses == {"ccswitch.found": "failed"}
    assert "--codex-only" in ended.out


@pytest_twisted.ensureDeferred
async def test_a_key_in_cc_switch_is_not_called_unknown_before_the_route_is_taken_over(
    stage: DoctorStage,
) -> None:
    codex_without_a_key(stage)
    stage.environ["MIMO_PROXY_STATE_DIR"] = str(stage.directory / "nothing-remembered")

    ended = await stage.run("--json", "--only", "ccswitch.key", "--only", "upstream.key")

    assert ended.statuses == {"ccswitch.key": "ok", "upstream.key": "not_checked"}
    assert "not taken over" in ended.checks["upstream.key"]["found"]


@pytest_twisted.ensureDeferred
async def test_a_key_in_a_database_that_is_held_is_not_called_unknown(stage: DoctorStage) -> None:
    codex_without_a_key(stage)
    with closing(sqlite3.connect(stage.app.database_path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")

        ended = await stage.run("--json", "--only", "ccswitch.lock", "--only", "upstream.key")

    assert ended.statuses == {"ccswitch.lock": "warning", "upstream.key": "not_checked"}


@pytest_twisted.ensureDeferred
async def test_a_token_is_sent_to_the_proxy_that_demands_it(stage: DoctorStage) -> None:
    by_hand(stage, f"http://127.0.0.1:{stage.port}/v1")
    stage.environ |= {
        "MIMO_API_KEY": KEY,
        "MIMO_PROXY_TOKEN": "fake-token-of-the-patient",
        "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true",
    }
    await stage.restart_proxy()

    ended = await stage.run("--json", "--probe")

    assert not_ok(ended) == dict.fromkeys(OF_CC_SWITCH, "not_checked")
    assert "fake-token" not in ended.out


@pytest_twisted.ensureDeferred
async def test_a_proxy_at_a_unix_socket_is_asked_there(stage: DoctorStage) -> None:
    by_hand(stage, "http://127.0.0.1:1/v1")
    stage.environ |= {
        "MIMO_API_KEY": KEY,
        "MIMO_PROXY_LISTEN": f"unix:{stage.directory}/proxy.sock",
        "MIMO_PROXY_SKIP_CC_SWITCH_SYNC": "true",
    }
    await stage.restart_proxy()

    ended = await stage.run("--json", "--probe")

    checked = {name: status for name, status in ended.statuses.items() if name.startswith("proxy.")}
    assert set(checked.values()) == {"ok"}
    assert ended.statuses["codex.route"] == "not_checked"


@pytest_twisted.ensureDeferred
async def test_where_cc_switch_is_to_be_left_alone_its_route_is_none_of_ours(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_SKIP_CC_SWITCH_SYNC"] = "true"

    ended = await stage.run("--json", "--probe")

    assert not_ok(ended) == {"ccswitch.route": "not_checked", "codex.key": "not_checked"}


@pytest_twisted.ensureDeferred
async def test_with_another_provider_selected_mimo_is_ready_all_the_same(stage: DoctorStage) -> None:
    stage.app.switch(OTHER_ID)

    ended = await stage.run("--json", "--probe")

    assert {name for name, status in ended.statuses.items() if status == "failed"} == set()
    assert ended.statuses["upstream.turn"] == ended.statuses["proxy.turn"] == "ok"


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_takes_any_port_cannot_be_found(stage: DoctorStage) -> None:
    stage.environ["MIMO_PROXY_PORT"] = "0"

    ended = await stage.run("--json")

    assert ended.statuses["settings.sense"] == "ok"
    assert {ended.statuses[name] for name in ("proxy.port", "proxy.running")} == {"not_checked"}
    assert "free port" in ended.checks["proxy.port"]["found"]
