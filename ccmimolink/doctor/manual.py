"""What ``ccmimolink-doctor --help`` says beside the options.

Owns these words. It must not know how they are laid out.
"""

from __future__ import annotations

import argparse

from ccmimolink.command_help import describe
from ccmimolink.doctor.table import CHECKS
from ccmimolink.doctor.upstream import PROBE_TOKENS


def describe_doctor(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        about="Look at a whole set-up, from Python to a turn through the running proxy, and name the fix for "
        "each fault.\n\n"
        "It changes nothing and shows no key. Each check ends as ok; as WARNING, where it works, and "
        "something should be seen to; as FAILED, with the way out below it; or it was not checked (-), with "
        "the reason: what it needs has failed, or there is nothing to look at.\n\n"
        "Run it with the variables with which the proxy is started. It runs codex --version and codex "
        "features list in a home of their own, imports the plugins (whose code is run), and asks MiMo for "
        "its list of models, which costs nothing, and the proxy for its health and its list. With --probe "
        f"come two turns of at most {PROBE_TOKENS} tokens, one with MiMo and one through the proxy, and they "
        "are billed.\n\n"
        f"The checks are, in this order: {', '.join(check.id for check in CHECKS)}.",
        examples={
            "ccmimolink-doctor": "everything that costs nothing",
            "ccmimolink-doctor --quiet": "only what is to be seen to",
            "ccmimolink-doctor --probe": "with two tiny turns, which are billed",
            "ccmimolink-doctor --only codex.accepted": "one check",
            "ccmimolink-doctor --json | jq -r '.checks[].fix // empty'": "the ways out, for a program",
        },
        files={
            "~/.cc-switch/": "cc switch's settings and database, which are read",
            "~/.codex/config.toml": "Codex's configuration, likewise; the directory can be another one",
            "~/.local/state/ccmimolink/": "what is remembered; on macOS "
            "~/Library/Application Support/ccmimolink",
        },
        environment={
            "MIMO_API_KEY, MIMO_BASE_URL": "the key and MiMo's address, where cc switch has none",
            "MIMO_PROXY_PORT, MIMO_PROXY_LISTEN": "where the proxy listens",
            "MIMO_PROXY_TOKEN": "what it demands of its clients",
            "CODEX_CONFIG_PATH, CC_SWITCH_DB_PATH": "files of others, if they are elsewhere",
            "PATH": "where Codex is looked for",
            "NO_COLOR, TERM": "no colour where NO_COLOR is set; nothing but text where TERM is dumb",
            "(others)": "all that the proxy reads: twistd ccmimolink --help lists them",
        },
        exit_status={
            "0": "nothing failed; there may be warnings",
            "1": "at least one check failed",
            "2": "a wrong call; nothing was checked",
        },
    )
