"""What ``mimo-code-setup --help`` says beside the options.

Owns these words. It must not know how they are laid out.
"""

from __future__ import annotations

import argparse

from ccmimolink.command_help import describe
from ccmimolink.mimocode.provider import AUDITED, GONKAGATE


def describe_setup(parser: argparse.ArgumentParser) -> None:
    name, command = GONKAGATE.name, AUDITED.command
    root = f"~/{GONKAGATE.directory}"
    describe(
        parser,
        about=f"Set up {name} as a provider of an installed MiMoCode ({command} {AUDITED.version}).\n\n"
        "It asks for the key, the model and the scope, unless they are given. The key comes on stdin with "
        f"--api-key-stdin, from {GONKAGATE.key_variable} or from a hidden prompt, in this order; it is never "
        f"an argument. Then {command} is asked what it makes of what was written: unless that is what was "
        "meant, everything is put back. Run it again to change a choice.",
        examples={
            "mimo-code-setup": "ask for all that is needed",
            "mimo-code-setup --yes": "take what is recommended, and ask for nothing but the key",
            f"mimo-code-setup --scope project --model {GONKAGATE.validated[0]}": "use this model in this "
            "project only",
            "pass show gonkagate | mimo-code-setup --api-key-stdin --yes --json": "from a script, with the "
            "key from a password store",
        },
        files={
            "~/.config/mimocode/mimocode.jsonc": "your own configuration of MiMoCode, or what it has in its "
            "place; comments in it stay",
            ".mimocode/mimocode.json": "the project's, with --scope project; it holds no secret",
            f"{root}/api-key": "the key, which only you can read",
            f"{root}/": "what the last setup did, and backups of each configuration that was changed",
        },
        environment={
            GONKAGATE.key_variable: f"{name}'s API key",
            "SSL_CERT_FILE": "a file of certificate authorities, as that of an intercepting proxy",
            "MIMOCODE_HOME, XDG_CONFIG_HOME": "where MiMoCode keeps its configuration",
            "MIMOCODE_CONFIG and others": "what hides the setup from this shell; it is told",
            "NO_COLOR, TERM": "no colour where NO_COLOR is set; nothing but text where TERM is dumb",
        },
        exit_status={
            "0": "done",
            "1": "not done; with --json, errorCode says why",
            "2": "a wrong call; nothing was changed",
        },
    )
