"""Begins a program with the variables of a file: ``python -m ccmimolink.background.start FILE PROGRAM …``.

Owns that step, for service managers that read no such file. It must not outlive it: the program takes the
process over, so that the manager's signals reach it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ccmimolink.background.env_file import read_variables
from ccmimolink.background.errors import ServiceError
from ccmimolink.settings import present_environ


def main(arguments: Sequence[str]) -> str:
    """:returns: why the program was not begun."""
    file, *command = arguments
    try:
        variables = read_variables(Path(file))
        os.execve(command[0], command, {**present_environ(), **variables})
    except ServiceError as error:
        return f"ccmimolink-service: {error}"
    except OSError as error:
        return f"ccmimolink-service: {command[0]} cannot be started: {error.strerror}. Run the install again."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
