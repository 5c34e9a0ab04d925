"""How a console script ends with the streams of its process.

Owns what is the same for each of our commands: a terminal that lacks letters, a reader who is gone, Ctrl-C.
It must not know what a command does.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

NOT_DONE = 1
"""The exit status of a command that did not come to its end."""


def ended(work: Callable[[], int], interrupted: str) -> int:
    """The exit status of a command.

    :param work: writes to ``sys.stdout``, and gives the status.
    :param interrupted: what is said of a Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name or path may have letters that a terminal lacks
    try:
        status = work()
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever was to read it is gone; the interpreter's own flush at the end must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return NOT_DONE
