"""What ``ccmimolink-sync --help`` says beside the options.

Owns these words. It must not know how they are laid out.
"""

from __future__ import annotations

import argparse

from ccmimolink.command_help import describe


def describe_sync(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        about="Point cc switch's Xiaomi MiMo provider and Codex at ccmimolink, bring that up to date, or "
        "give the route back.\n\n"
        "Without an option it takes the route over. It changes the provider's row in cc switch and, while "
        "that provider is the current one, Codex's configuration, of which it keeps a backup. Everything "
        "else stays as it is. Restart Codex afterwards. The key is never an argument and never printed.",
        examples={
            "ccmimolink-sync": "take the route over, as each start of the proxy does",
            "ccmimolink-sync --dry-run": "show first what that would change",
            "ccmimolink-sync --status": "show both sides, what differs and what to do",
            "ccmimolink-sync --restore": "give the route back; do this before you uninstall ccmimolink",
            "ccmimolink-sync --codex-only": "without cc switch: ask for the key, and write Codex's route",
        },
        files={
            "~/.cc-switch/cc-switch.db": "cc switch's database; of it, one cell of the provider's row",
            "~/.codex/config.toml": "Codex's configuration; the directory can be another one in cc switch. "
            "Backups are beside it, as config.toml.ccmimolink-….bak",
            "~/.codex/ccmimolink-models.json": "the model catalog, where neither you nor cc switch have one",
            "~/.local/state/ccmimolink/": "what is remembered of the former configuration; on macOS "
            "~/Library/Application Support/ccmimolink",
        },
        environment={
            "CC_SWITCH_SETTINGS_PATH, CC_SWITCH_DB_PATH": "cc switch's files, if they are elsewhere",
            "CODEX_CONFIG_PATH, CODEX_HOME": "Codex's configuration or its directory, likewise",
            "MIMO_PROXY_PORT, MIMO_PROXY_LISTEN": "where the proxy listens; --port wins",
            "MIMO_PROXY_STATE_DIR": "where the former configuration is remembered",
            "MIMO_API_KEY": "with --codex-only: the key, in place of the question",
            "MIMO_BASE_URL, MIMO_MODEL": "MiMo's address; the model that --codex-only writes",
            "NO_COLOR, TERM": "no colour where NO_COLOR is set; nothing but text where TERM is dumb",
        },
        exit_status={
            "0": "done, or there was nothing to do",
            "1": "not done, and it says why; with --status also: there is something to do",
            "2": "a wrong call; nothing was changed",
        },
    )
