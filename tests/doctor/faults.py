"""Faults, one for each row: how it is planted in a healthy set-up, which check finds it, and what it advises.

Owns the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

from ccmimolink import __version__
from tests.doctor.doctor_stage import KEY
from tests.doctor.plantings import (
    CARRIED,
    NO_FUNDS,
    OFFERED,
    OTHER_KEY,
    REJECTED,
    TOKEN,
    Planting,
    catalog_gone,
    codex_fails,
    codex_floods,
    codex_leads_elsewhere,
    column_missing,
    config_gone,
    config_is_no_toml,
    configuration_for_all,
    database_for_all,
    database_held,
    drop_in,
    dump_for_all,
    edited,
    garbage_in_its_settings,
    garbage_in_the_choice,
    garbage_in_the_database,
    garbage_in_the_memory,
    health,
    hide_the_drop_ins,
    key_emptied,
    log_is_a_directory,
    metadata,
    mimo,
    mimo_vouched_for_by_nobody,
    models_at,
    no_database,
    nobody_at_mimos_address,
    nobody_at_the_proxys_address,
    now,
    other_provider,
    proxy_stopped,
    proxy_with_a_token,
    proxy_with_another_upstream,
    request_log_in_the_log,
    rotated_log_is_a_directory,
    row_deleted,
    row_leads_back,
    row_without_a_configuration,
    state_directory_is_a_file,
    stranger,
    variable,
    without_v1,
)
from tests.http_wire import answer, chunked, hello
from tests.test_plugins_discovery import DROP_IN


@dataclass(frozen=True)
class Fault:
    """:ivar found_by: the id of the check.
    :ivar advice: what its fix, or the command for it, has to name.
    :ivar status: of that check.
    :ivar also: further checks that cannot stay as they were, though they need not the one that failed.
    """

    name: str
    plant: Planting
    found_by: str
    advice: str
    status: str = "failed"
    also: frozenset[str] = frozenset()


NO_DATE = frozenset({"upstream.clock"})

FAULTS = (
    Fault(
        "an old Python",
        metadata("ccmimolink", "Requires-Python: >=4"),
        "python.version",
        "virtual environment",
    ),
    Fault("an old package", metadata("msgspec"), "python.packages", "pip install -U 'msgspec>="),
    Fault(
        "a package missing",
        metadata("ccmimolink", "Requires-Dist: no-such-package-of-anybody>=2"),
        "python.packages",
        "pip install -U 'no-such-package-of-anybody>=2'",
    ),
    Fault("the command missing", hide_the_drop_ins, "python.twistd", "--force-reinstall"),
    Fault("a port that is none", variable("MIMO_PROXY_PORT", "many"), "settings.values", "from 0 to 65535"),
    Fault(
        "a model file that is missing",
        variable("MIMO_PROXY_MODELS", "/nonexistent/models.toml"),
        "settings.values",
        "MIMO_PROXY_MODELS",
    ),
    Fault(
        "a proxy of no kind", variable("HTTPS_PROXY", "ftp://127.0.0.1:21"), "settings.values", "socks5://"
    ),
    Fault("one file for two logs", request_log_in_the_log, "settings.values", "another file"),
    Fault(
        "no file of authorities",
        variable("MIMO_PROXY_CA_FILE", "/nonexistent.pem"),
        "settings.values",
        "certificates in PEM",
    ),
    Fault(
        "a misspelt variable",
        variable("MIMO_PROXY_RETRYS", "3"),
        "settings.names",
        "MIMO_PROXY_RETRIES in place of MIMO_PROXY_RETRYS",
        "warning",
    ),
    Fault(
        "settings that contradict each other",
        lambda stage: stage.environ.update(
            MIMO_PROXY_REQUIRE_SYNC="true", MIMO_PROXY_SKIP_CC_SWITCH_SYNC="true"
        ),
        "settings.sense",
        "Unset one of them",
        also=frozenset({"ccswitch.route", "codex.key"}),
    ),
    Fault(
        "a token and a takeover",
        variable("MIMO_PROXY_TOKEN", TOKEN),
        "settings.sense",
        "Unset it, or start with --skip-sync",
        "warning",
    ),
    Fault("a plugin that is broken", drop_in("1 / 0", "acme_broken"), "plugins", "Mend them"),
    Fault(
        "two plugins of one name",
        drop_in(DROP_IN + "one = Filter('same', 1)\ntwo = Filter('same', 2)\n", "acme_twins"),
        "plugins",
        "MIMO_PROXY_DISABLE_PLUGINS",
    ),
    Fault(
        "a plugin that there is not",
        variable("MIMO_PROXY_DISABLE_PLUGINS", "nobody"),
        "plugins",
        "There are:",
    ),
    Fault("no plugin directory", variable("MIMO_PROXY_PLUGIN_PATH", "/nonexistent"), "plugins", "Create it"),
    Fault(
        "no directory for the log", variable("MIMO_PROXY_LOG", "/nonexistent/a.log"), "log.file", "mkdir -p"
    ),
    Fault("a directory for a log", log_is_a_directory, "log.file", "MIMO_PROXY_LOG"),
    Fault("a log that cannot be rotated", rotated_log_is_a_directory, "log.rotation", "mv ", "warning"),
    Fault(
        "a state directory that no system takes",
        variable("MIMO_PROXY_STATE_DIR", f"/{'x' * 300}/state"),
        "state.directory",
        "MIMO_PROXY_STATE_DIR",
    ),
    Fault("no state directory", state_directory_is_a_file, "state.directory", "MIMO_PROXY_STATE_DIR"),
    Fault("a memory that cannot be read", garbage_in_the_memory, "state.memory", "move the file away"),
    Fault("a choice that cannot be read", garbage_in_the_choice, "state.model", "rm ", "warning"),
    Fault(
        "a log beyond the disk",
        variable("MIMO_PROXY_LOG_BYTES", str(10**12)),
        "disk.space",
        "MIMO_PROXY_LOG_BYTES",
        "warning",
    ),
    Fault("cc switch without a database", no_database, "ccswitch.found", "CC_SWITCH_DB_PATH"),
    Fault(
        "cc switch's settings broken", garbage_in_its_settings, "ccswitch.settings", "once more", "warning"
    ),
    Fault("no database in the file", garbage_in_the_database, "ccswitch.database", "backups"),
    Fault("a column missing", column_missing, "ccswitch.database", "Start cc switch once"),
    Fault("the database held", database_held, "ccswitch.lock", "quit it", "warning"),
    Fault("MiMo's row deleted", row_deleted, "ccswitch.provider", "Add a Xiaomi MiMo provider"),
    Fault("MiMo's row broken", row_without_a_configuration, "ccswitch.provider", "Edit it in cc switch"),
    Fault("no key in cc switch", key_emptied, "ccswitch.key", "Enter the API key"),
    Fault(
        "another provider selected",
        other_provider,
        "ccswitch.current",
        "Select 'Xiaomi MiMo'",
        "warning",
        frozenset({"codex.route", "codex.key"}),
    ),
    Fault("cc switch's row leads to MiMo", row_leads_back, "ccswitch.route", "ccmimolink-sync"),
    Fault("no Codex", variable("PATH", "/nonexistent"), "codex.program", "npm install -g @openai/codex"),
    Fault("a Codex that does not run", codex_fails, "codex.program", "npm install -g @openai/codex"),
    Fault("a Codex that prints for ever", codex_floods, "codex.program", "npm install -g @openai/codex"),
    Fault("a configuration that is no TOML", config_is_no_toml, "codex.config", "Mend it"),
    Fault("no configuration of Codex", config_gone, "codex.config", "Select MiMo in cc switch"),
    Fault(
        "the former protocol",
        edited('wire_api = "responses"', 'wire_api = "chat"'),
        "codex.provider",
        'wire_api = "responses"',
    ),
    Fault(
        "OpenAI's name", edited('name = "xiaomi_mimo"', 'name = "OpenAI"'), "codex.provider", "another name"
    ),
    Fault("the catalog gone", catalog_gone, "codex.provider", "model_catalog_json"),
    Fault(
        "websockets switched on",
        edited('wire_api = "responses"', 'wire_api = "responses"\nsupports_websockets = true'),
        "codex.features",
        "take supports_websockets out",
        "warning",
    ),
    Fault(
        "an idle time that is too short",
        edited('wire_api = "responses"', 'wire_api = "responses"\nstream_idle_timeout_ms = 5000'),
        "codex.features",
        "raise stream_idle_timeout_ms",
        "warning",
    ),
    Fault(
        "a value that Codex refuses",
        edited('model = "mimo-v2.5-pro"', "model = 5"),
        "codex.accepted",
        "Correct that",
    ),
    Fault("Codex leads elsewhere", codex_leads_elsewhere, "codex.route", "ccmimolink-sync"),
    Fault("another key in Codex", edited(f'= "{KEY}"', f'= "{OTHER_KEY}"'), "codex.key", "ccmimolink-sync"),
    Fault("a database that all can read", database_for_all, "files.modes", "chmod 600", "warning"),
    Fault("a key that a group can read", configuration_for_all, "files.modes", "chmod 600", "warning"),
    Fault("dumps that all can read", dump_for_all, "files.modes", "chmod 700", "warning"),
    Fault(
        "a key of another plan",
        variable("MIMO_BASE_URL", "https://token-plan-cn.xiaomimimo.com/v1"),
        "upstream.key",
        "https://api.xiaomimimo.com/v1",
    ),
    Fault(
        "nobody at MiMo's address",
        nobody_at_mimos_address,
        "upstream.reachable",
        "MIMO_BASE_URL",
        also=NO_DATE,
    ),
    Fault(
        "a name that nobody has",
        variable("MIMO_BASE_URL", "http://mimo.invalid/v1"),
        "upstream.reachable",
        "host name",
        also=NO_DATE,
    ),
    Fault(
        "a certificate that nobody vouches for",
        mimo_vouched_for_by_nobody,
        "upstream.reachable",
        "MIMO_PROXY_CA_FILE",
        also=NO_DATE,
    ),
    Fault(
        "nobody at the proxy's address",
        nobody_at_the_proxys_address,
        "upstream.reachable",
        "HTTPS_PROXY",
        also=NO_DATE,
    ),
    Fault("an address without /v1", without_v1, "upstream.reachable", "ends in /v1"),
    Fault(
        "a key that MiMo rejects",
        mimo(models_at(now(), 401, REJECTED), b""),
        "upstream.reachable",
        "token-plan-sgp",
    ),
    Fault(
        "a page in MiMo's place",
        mimo(answer(200, b"<html>", content_type="text/html", date=format_datetime(now(), usegmt=True)), b""),
        "upstream.reachable",
        "ends in /v1",
    ),
    Fault(
        "a model that there is not",
        variable("MIMO_MODEL", "mimo-v99"),
        "upstream.models",
        "MIMO_MODEL=mimo-v2",
    ),
    Fault(
        "a model that was retired",
        variable("MIMO_PROXY_VISION_MODEL", "mimo-v2-omni"),
        "upstream.models",
        "MIMO_PROXY_VISION_MODEL=mimo-v2.5",
        "warning",
    ),
    Fault(
        "a clock that is wrong",
        mimo(models_at(now() - timedelta(hours=2)), chunked(hello())),
        "upstream.clock",
        "timedatectl",
        "warning",
    ),
    Fault(
        "a turn that is refused",
        mimo(models_at(now()), answer(402, NO_FUNDS)),
        "upstream.turn",
        "balance",
    ),
    Fault(
        "a web server at our port",
        stranger(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"),
        "proxy.port",
        "MIMO_PROXY_PORT",
    ),
    Fault("a silent program at our port", stranger(b""), "proxy.port", "MIMO_PROXY_PORT"),
    Fault("no web server at our port", stranger(b"220 mail\r\n"), "proxy.port", "MIMO_PROXY_PORT"),
    Fault(
        "a proxy of another version",
        stranger(health("0.0.1"), models=OFFERED, responses=CARRIED),
        "proxy.running",
        "Restart the proxy",
        "warning",
    ),
    Fault(
        "a proxy without models",
        stranger(health(__version__), models=answer(500), responses=CARRIED),
        "proxy.models",
        "See the proxy's log",
    ),
    Fault(
        "a proxy that breaks off",
        stranger(health(__version__), models=b"", responses=CARRIED),
        "proxy.models",
        "See the proxy's log",
    ),
    Fault(
        "a program whose health looks like ours",
        stranger(answer(200, {"uptime_seconds": 1.0}, connection="close")),
        "proxy.port",
        "MIMO_PROXY_PORT",
    ),
    Fault("no proxy", proxy_stopped, "proxy.running", "twistd -n ccmimolink"),
    Fault("a proxy with a token", proxy_with_a_token, "proxy.running", "MIMO_PROXY_TOKEN"),
    Fault("a proxy that leads elsewhere", proxy_with_another_upstream, "proxy.turn", "restart it"),
)
