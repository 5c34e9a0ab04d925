"""The environment file: the user's own, where secrets of the service stand if there are any.

Owns its form, which is the part of systemd's that has one meaning everywhere: nothing is expanded, and a
backslash is refused rather than understood in one of several ways. It must not repeat a line in an error.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccmimolink.background.errors import ServiceError

_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")
_BARE = re.compile(r"""[^"'\\]*""")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_TEMPLATE = """\
# Variables of the ccmimolink service. It reads this file at each of its starts; only you can read it.
# One NAME=value a line, and nothing is expanded. Quotes around a whole value are taken off; a backslash, or
# a quote within a value, is refused. A line that begins with # says nothing.
#
# Secrets belong here: ccmimolink-service copies none from a shell, and writes to this file only once.
# Where cc switch has MiMo's key no key is needed.
#MIMO_API_KEY=
#MIMO_PROXY_TOKEN=
#
# After a change:  {restart}
# After one of address or log:  ccmimolink-service install  (with the options that you gave it before)
"""


def template(restart: str) -> str:
    """The file as it is made: it says how it is used, and sets nothing."""
    return _TEMPLATE.format(restart=restart)


def read_variables(file: Path) -> dict[str, str]:
    """The variables that a file sets; none where there is no file.

    :raises ServiceError: it cannot be read, or a line of it has no meaning.
    """
    try:
        return variables(file.read_text("utf-8"), file)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ServiceError(f"{file} cannot be read: {reason}. Mend it, or move it away.") from None


def variables(text: str, file: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        name, value = _understood(line, f"{file}, line {number}")
        found[name] = value
    return found


def _understood(line: str, where: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None or _CONTROLS.search(line):
        raise ServiceError(f"{where}: this is not NAME=value. Mend the line (it is not shown).")
    name, value = match[1], match[2].strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted is not None:
        return name, quoted[2]
    if not _BARE.fullmatch(value):
        raise ServiceError(
            f"{where}: the value of {name} has a backslash, or a quote that is not around all of it. Take "
            "it out."
        )
    return name, value
