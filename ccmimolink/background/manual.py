"""The manual of ``ccmimolink-service``: what its help says beyond the options.

Owns the words.
"""

from __future__ import annotations

import argparse

from ccmimolink.command_help import describe

INSTALL, UNINSTALL, STATUS, LOGS = "install", "uninstall", "status", "logs"

BRIEFLY = {
    INSTALL: "write the service's file, start it, and see that it answers",
    UNINSTALL: "end it, and remove its file",
    STATUS: "show whether it is installed and runs, and what differs from what would be made now",
    LOGS: "show the end of its log",
}

_ABOUT = """\
Run the proxy as a service of your own: a systemd user unit on Linux, a launchd agent on macOS. It starts by \
itself, and again should it fail. No root is needed, and nothing outside your home is written.

install --help and so on have more of each."""

_EXAMPLES = {
    "ccmimolink-service install --print": "show what would be written, and write nothing",
    "ccmimolink-service install": "on 127.0.0.1:9876, with MiMo's key from cc switch",
    "ccmimolink-service install --port 9877 --model mimo-v2.5-pro": "with options of the proxy's",
    "ccmimolink-service status": "whether it runs",
    "ccmimolink-service logs -f": "its log, and what is added to it",
    "ccmimolink-service uninstall": "end it for good",
}
_FILES = {
    "~/.config/systemd/user/ccmimolink.service": "the service on Linux. What you add belongs into a drop-in: "
    "systemctl --user edit ccmimolink.service",
    "~/Library/LaunchAgents/io.github.ccmimolink.plist": "the service on macOS",
    "~/.config/ccmimolink/service.env": "variables, secrets among them: yours, and for you alone to read",
    "~/.local/state/ccmimolink/mimo_proxy.log": "the log, unless --log or MIMO_PROXY_LOG names another; on "
    "macOS in ~/Library/Application Support/ccmimolink",
}
_ENVIRONMENT = {
    "XDG_CONFIG_HOME": "in place of ~/.config",
    "MIMO_..., CC_SWITCH_..., CODEX_...": "settings of the proxy, see install --help",
}
_EXIT_STATUS = {
    "0": "done, or nothing to do; of status: it runs",
    "1": "not done, and it says why",
    "2": "wrong call, a setting that cannot be used, or a system without such services",
    "3": "of status: it does not run",
    "4": "of status: it is not installed",
}

_INSTALL = """\
Write the service's file, start it, and wait until it answers. Done again it brings the file up to date, and \
restarts the service only if that has changed. Every option of "twistd ccmimolink" may be given, also behind \
"--"; the service gets just those that are given now.

Settings that are set in this shell are written into the file, with relative paths made whole, and so are \
PATH, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR and XDG_STATE_HOME, and HTTPS_PROXY, HTTP_PROXY and ALL_PROXY \
where they hold no password.

Secrets are not: MIMO_API_KEY, MIMO_PROXY_TOKEN, and whatever has a password in its URL. The key is best \
kept in cc switch. Where it is not, write it into service.env, which is made for you alone to read. The \
service reads that file at each start, and what it sets wins."""

_UNINSTALL = """\
End the service and remove its file. The log, what is remembered of the former route, and variables that you \
wrote stay. cc switch and Codex are not touched: ccmimolink-sync --restore gives their route back."""

_STATUS = """\
Show whether it is installed and runs, its process, since when, its address, whether it answers there, and \
what differs from what an install would make now, as after the environment was moved that it runs from."""

_LOGS = """\
Show the end of the proxy's log, which has a line for each request, and warnings."""


def describe_command(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        about=_ABOUT,
        examples=_EXAMPLES,
        files=_FILES,
        environment=_ENVIRONMENT,
        exit_status=_EXIT_STATUS,
    )


def describe_verb(parser: argparse.ArgumentParser, verb: str) -> None:
    about = {INSTALL: _INSTALL, UNINSTALL: _UNINSTALL, STATUS: _STATUS, LOGS: _LOGS}[verb]
    examples = {call: says for call, says in _EXAMPLES.items() if call.split()[1] == verb}
    describe(parser, about=about, examples=examples, files={}, environment={}, exit_status=_exit_status(verb))


def _exit_status(verb: str) -> dict[str, str]:
    done, separator, of_status = _EXIT_STATUS["0"].partition("; of status: ")
    assert separator
    if verb != STATUS:
        return {"0": done, "1": _EXIT_STATUS["1"], "2": _EXIT_STATUS["2"]}
    return {"0": of_status} | {
        n: says.removeprefix("of status: ") for n, says in _EXIT_STATUS.items() if n > "0"
    }
