"""A systemd unit as text.

Owns its words and systemd's rules of quoting. It must not write or run anything.

Source: systemd.syntax(7), systemd.service(5) and systemd.exec(5). Specifiers (``%``) are expanded nearly
everywhere, variables (``$``) in the arguments of a command, escapes where words are split. Directives that
take one path have it bare to the end of the line, and that of an environment file is a pattern.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path

from ccmimolink import __version__
from ccmimolink.background.errors import ServiceError
from ccmimolink.background.ownership import marked
from ccmimolink.background.plan import Plan

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=,@+-]+")
_ESCAPED = re.compile(r'[\x01-\x1f\x7f"\\]')
_NOT_BARE = re.compile(r"[\x00-\x1f\x7f\\]|^\s|\s$")

_UNIT = """\
# "ccmimolink-service install" writes this file. What you want otherwise belongs into a drop-in, which it
# leaves alone: systemctl --user edit ccmimolink.service

[Unit]
Description=ccmimolink: Xiaomi MiMo models in OpenAI Codex
# Nothing is waited for at login: it listens on this machine, and looks for the network with each request.
# Ten starts within two minutes that all fail are no matter of waiting.
StartLimitIntervalSec=120
StartLimitBurst=10

[Service]
Type=exec
WorkingDirectory={directory}
{variables}# Yours, and what it sets wins. The dash: it may be missing.
EnvironmentFile=-{environment_file}
ExecStart={command}
Restart=on-failure
RestartSec=5
# At its end twistd repeats the signal that it was sent, which systemd counts as an end in good order.
KillMode=mixed
# Running answers get MIMO_PROXY_DRAIN_MS, and the rest of the end a little more.
TimeoutStopSec={stop_seconds}
UMask=0077
# What binds a process without root and without a mount namespace: Codex's and cc switch's files are written.
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def unit_text(plan: Plan) -> str:
    """:raises ServiceError: a path cannot stand in a unit."""
    variables = "".join(
        f"Environment={quoted(f'{name}={value}')}\n" for name, value in sorted(plan.variables.items())
    )
    rest = _UNIT.format(
        directory=bare(str(plan.directory)),
        variables=variables,
        environment_file=bare(glob.escape(str(plan.environment_file))),
        command=command_line(plan.command),
        stop_seconds=plan.stop_seconds,
    )
    return marked("", rest, facts_of(plan), comment=("# ", ""))


def facts_of(plan: Plan) -> dict[str, str]:
    """What ``status`` and ``logs`` want to know of a service. One made now could be another."""
    return {
        "version": __version__,
        "program": plan.command[0],
        "listen": plan.listen,
        "log": str(plan.log),
        "directory": str(plan.directory),
        "environment_file": str(plan.environment_file),
        "stop_seconds": str(plan.stop_seconds),
    }


def command_line(command: tuple[str, ...]) -> str:
    """The value of ``ExecStart=``."""
    program, *arguments = command
    # In the program's own path a "$" is nothing special.
    return " ".join([quoted(program), *(quoted(argument).replace("$", "$$") for argument in arguments)])


def quoted(word: str) -> str:
    """One word, where systemd splits words."""
    if _PLAIN_WORD.fullmatch(word):
        return word
    escaped = _ESCAPED.sub(lambda found: f"\\x{ord(found[0]):02x}", word)
    return '"' + escaped.replace("%", "%%") + '"'


def bare(path: str) -> str:
    """A path where systemd takes the rest of the line.

    :raises ServiceError: it holds what cannot stand there.
    """
    if _NOT_BARE.search(path):
        raise ServiceError(
            f"{str(Path(path))!r} cannot stand in a systemd unit: it holds a backslash or a line end, or "
            "ends in a blank. Choose another directory (XDG_CONFIG_HOME, MIMO_PROXY_STATE_DIR)."
        )
    return path.replace("%", "%%")
