"""The table of settings: every variable, its default, what it becomes and how a person is told.

Owns the rows. Reading them is :mod:`ccmimolink.settings`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ccmimolink.model_file import model_table
from ccmimolink.setting_values import (
    authorities,
    base_url,
    boolean,
    demo,
    milliseconds,
    names,
    optional_path,
    path,
    paths,
    secret,
    whole,
    word,
)
from ccmimolink.tunnel.choice import no_proxy, proxy_server


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: a variable, what it becomes, and how a person is told.

    :ivar default: the text that stands for an unset or empty variable; it is parsed like any other.
    :ivar parse: one of :mod:`ccmimolink.setting_values`.
    :ivar option: the command-line option that overrides it, without dashes.
    :ivar is_common: whether it is no variable of ours alone: it is looked for in lower case first, and nobody
        needs to understand it who sends nothing.
    """

    name: str
    attribute: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    option: str | None = None
    is_common: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("MIMO_API_KEY", "api_key", "", secret, "key for requests that bring none"),
    Setting(
        "MIMO_BASE_URL",
        "base_url",
        "https://token-plan-cn.xiaomimimo.com/v1",
        base_url,
        "where MiMo is",
        option="base-url",
    ),
    Setting("MIMO_MODEL", "model", "mimo-v2.5", word, "model for text requests", option="model"),
    Setting("MIMO_PROXY_VISION_MODEL", "vision_model", "mimo-v2.5", word, "model for requests with an image"),
    Setting(
        "MIMO_PROXY_WEB_SEARCH",
        "web_search",
        "false",
        boolean,
        "let MiMo's own web search stand in for OpenAI's (billed apart; to be enabled in MiMo's console)",
    ),
    Setting(
        "MIMO_PROXY_MODELS",
        "models",
        "",
        model_table,
        'TOML file with a table [models."name"] for each model that is to be known, or known otherwise',
    ),
    Setting("MIMO_PROXY_MAX_CALLS", "max_calls", "32", whole(1), "tool calls kept of one answer"),
    Setting(
        "MIMO_PROXY_PORT", "port", "9876", whole(0, 65535), "port to listen on; 0 takes a free one", "port"
    ),
    Setting(
        "MIMO_PROXY_LISTEN",
        "listen",
        "",
        str,
        "endpoint to listen on, tcp:, tcp6: or unix:, in place of the port on 127.0.0.1",
        option="listen",
    ),
    Setting(
        "MIMO_PROXY_TOKEN", "token", "", secret, "token that clients must send; needed beyond this machine"
    ),
    Setting(
        "MIMO_PROXY_MAX_CONCURRENT",
        "max_concurrent",
        "1",
        whole(1),
        "upstream requests in flight",
        option="max-concurrent",
    ),
    Setting(
        "MIMO_PROXY_MIN_INTERVAL_MS",
        "min_interval",
        "1500",
        milliseconds(),
        "least time between upstream starts",
        option="min-interval-ms",
    ),
    Setting(
        "MIMO_PROXY_429_BACKOFF_MS",
        "back_off",
        "30000",
        milliseconds(),
        "wait after a 429 that names no delay",
    ),
    Setting("MIMO_PROXY_MAX_WAITING", "max_waiting", "64", whole(), "requests that may wait for their turn"),
    Setting(
        "MIMO_PROXY_MAX_WAITING_BYTES",
        "max_waiting_bytes",
        "268435456",
        whole(),
        "memory for requests that wait for their turn, and as much for bodies that arrive",
    ),
    Setting("MIMO_PROXY_MAX_WAIT_MS", "max_wait", "600000", milliseconds(), "longest wait for a turn"),
    Setting("MIMO_PROXY_RETRIES", "retries", "3", whole(), "further tries of one request"),
    Setting(
        "MIMO_PROXY_RETRY_BUDGET_MS",
        "retry_budget",
        "120000",
        milliseconds(),
        "time for all tries of a request",
    ),
    Setting(
        "MIMO_PROXY_CONNECT_TIMEOUT_MS",
        "connect_timeout",
        "10000",
        milliseconds(1),
        "limit for connecting; looking the name up and agreeing upon TLS may take as long again",
    ),
    Setting(
        "MIMO_PROXY_TWISTED_AGENT",
        "twisted_agent",
        "false",
        boolean,
        "reach the upstream through Twisted's own HTTP client, which costs more for each event",
    ),
    Setting(
        "HTTPS_PROXY",
        "https_proxy",
        "",
        proxy_server("HTTPS_PROXY"),
        "proxy to an https upstream: http, https, socks5 or socks5h, then ://[user:password@]host:port",
        is_common=True,
    ),
    Setting(
        "HTTP_PROXY",
        "http_proxy",
        "",
        proxy_server("HTTP_PROXY"),
        "proxy to an http upstream",
        is_common=True,
    ),
    Setting(
        "ALL_PROXY",
        "all_proxy",
        "",
        proxy_server("ALL_PROXY"),
        "proxy where the one for the upstream's scheme is not set",
        is_common=True,
    ),
    Setting(
        "NO_PROXY",
        "no_proxy",
        "",
        no_proxy,
        "what is reached without a proxy: names, addresses and networks, separated by ','; * for everything",
        is_common=True,
    ),
    Setting(
        "MIMO_PROXY_CA_FILE",
        "ca_file",
        "",
        authorities,
        "PEM file of the certificate authorities to trust in place of the machine's",
    ),
    Setting(
        "MIMO_PROXY_FIRST_BYTE_TIMEOUT_MS",
        "first_byte_timeout",
        "300000",
        milliseconds(1),
        "limit for the upstream's first byte",
    ),
    Setting(
        "MIMO_PROXY_IDLE_TIMEOUT_MS",
        "idle_timeout",
        "480000",
        milliseconds(1),
        "limit for silence in an upstream stream",
    ),
    Setting(
        "MIMO_PROXY_SLOW_CLIENT_TIMEOUT_MS",
        "slow_client_timeout",
        "120000",
        milliseconds(1),
        "limit for a client that reads nothing",
    ),
    Setting(
        "MIMO_PROXY_KEEPALIVE_MS", "keepalive", "15000", milliseconds(1), "silence filled towards clients"
    ),
    Setting("MIMO_PROXY_DRAIN_MS", "drain", "30000", milliseconds(), "time for running streams at shutdown"),
    Setting(
        "MIMO_PROXY_REQUEST_TIMEOUT_MS",
        "request_timeout",
        "120000",
        milliseconds(1),
        "time for a request to arrive whole",
    ),
    Setting(
        "MIMO_PROXY_MAX_CONNECTIONS", "max_connections", "256", whole(1), "connections of clients at a time"
    ),
    Setting(
        "MIMO_PROXY_MAX_HEAD_BYTES",
        "max_head_bytes",
        "65536",
        whole(1024),
        "largest request line, and all headers of a request together",
    ),
    Setting("MIMO_PROXY_MAX_BODY_BYTES", "max_body_bytes", "67108864", whole(1), "largest request body"),
    Setting(
        "MIMO_PROXY_MAX_DECOMPRESSED_BYTES",
        "max_decompressed_bytes",
        "134217728",
        whole(1),
        "largest request body once it is decompressed",
    ),
    Setting(
        "MIMO_PROXY_MAX_EVENT_BYTES",
        "max_event_bytes",
        "16777216",
        whole(1024),
        "largest event of an upstream stream",
    ),
    Setting(
        "MIMO_PROXY_MAX_ANSWER_BYTES",
        "max_answer_bytes",
        "16777216",
        whole(1024),
        "largest upstream answer, its framing aside; what is longer is cut there as at a token limit",
    ),
    Setting("MIMO_PROXY_STORE_ENTRIES", "store_entries", "1000", whole(), "stored responses, at most"),
    Setting("MIMO_PROXY_STORE_BYTES", "store_bytes", "67108864", whole(), "memory for stored responses"),
    Setting(
        "MIMO_PROXY_REASONING_CACHE_ENTRIES",
        "reasoning_cache_entries",
        "1000",
        whole(),
        "tool calls whose reasoning is remembered; 0 remembers none",
    ),
    Setting(
        "MIMO_PROXY_REASONING_CACHE_BYTES",
        "reasoning_cache_bytes",
        "16777216",
        whole(),
        "memory for it",
    ),
    Setting("MIMO_PROXY_LOG", "log", "mimo_proxy.log", path, "log file", option="log"),
    Setting("MIMO_PROXY_LOG_BYTES", "log_bytes", "10485760", whole(1024), "size at which the log is rotated"),
    Setting("MIMO_PROXY_LOG_FILES", "log_files", "5", whole(0, 1000), "rotated log files that are kept"),
    Setting(
        "MIMO_PROXY_REQUEST_LOG",
        "request_log",
        "",
        optional_path,
        "file with one line of JSON for each request, rotated as the log is",
        option="request-log",
    ),
    Setting(
        "MIMO_DEBUG_DUMP",
        "debug_dump",
        "",
        optional_path,
        "directory for all that was sent and answered for each request, keys masked: for bug reports",
    ),
    Setting(
        "MIMO_DEBUG_DUMP_BYTES", "debug_dump_bytes", "67108864", whole(65536), "size of all dumps together"
    ),
    Setting(
        "MIMO_PROXY_SKIP_CC_SWITCH_SYNC",
        "skip_sync",
        "false",
        boolean,
        "leave cc switch and Codex as they are",
        option="skip-sync",
    ),
    Setting(
        "MIMO_PROXY_REQUIRE_SYNC",
        "require_sync",
        "false",
        boolean,
        "end the start if cc switch and Codex cannot be pointed at the proxy",
        option="require-sync",
    ),
    Setting(
        "MIMO_PROXY_RESTORE_ON_STOP",
        "restore_on_stop",
        "false",
        boolean,
        "give the route back when the proxy ends",
        option="restore-on-stop",
    ),
    Setting(
        "MIMO_PROXY_STATE_DIR",
        "state_dir",
        "",
        optional_path,
        "directory for what is remembered of route and model (default: the system's place for such, as "
        "~/.local/state/ccmimolink)",
    ),
    Setting(
        "MIMO_PROXY_DEMO",
        "demo",
        "false",
        demo,
        "answer from a simulated MiMo, without sync; if-no-key: where MIMO_API_KEY and cc switch have no key",
        option="demo",
    ),
    Setting(
        "MIMO_PROXY_PLUGIN_PATH",
        "plugin_path",
        "",
        paths,
        f"directories with further plugins, separated by '{os.pathsep}'; what they hold is run",
        option="plugin-path",
    ),
    Setting(
        "MIMO_PROXY_THIRD_PARTY_PLUGINS",
        "third_party_plugins",
        "true",
        boolean,
        "use plugins that are not ours",
    ),
    Setting(
        "MIMO_PROXY_DISABLE_PLUGINS",
        "disabled_plugins",
        "",
        names,
        "names of plugins to leave out, separated by ','",
    ),
    Setting(
        "CC_SWITCH_SETTINGS_PATH",
        "cc_switch_settings_path",
        "~/.cc-switch/settings.json",
        path,
        "settings of cc switch",
    ),
    Setting(
        "CC_SWITCH_DB_PATH",
        "cc_switch_db_path",
        "~/.cc-switch/cc-switch.db",
        path,
        "database of cc switch",
    ),
    Setting(
        "CODEX_CONFIG_PATH",
        "codex_config_path",
        "~/.codex/config.toml",
        path,
        "configuration of Codex; where it is unset, cc switch knows of another directory perhaps",
    ),
    Setting(
        "CODEX_HOME", "codex_home", "", optional_path, "Codex's directory, heeded where there is no cc switch"
    ),
)
