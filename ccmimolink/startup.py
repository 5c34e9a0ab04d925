"""How the program ends when it cannot start: one line on stderr and a status that is not 0.

Owns that ending, for all launchers. It must not decide what is wrong; that stands in the errors it is given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.python.usage import UsageError

from ccmimolink.discovery import PluginError
from ccmimolink.listen import ListenError
from ccmimolink.settings import SettingsError
from ccmimolink.sync.errors import SyncError


class StartFailed(SystemExit, Exception):
    """Ends the program with one line.

    Of the two bases, ``SystemExit`` makes the interpreter print the line and no traceback. ``Exception`` is
    what twistd looks for when it cleans up after a failed start: it removes its pid file, and a daemon tells
    the waiting parent process.
    """


@contextmanager
def one_line() -> Iterator[None]:
    """Give the errors that a person can mend to that person, and let any other show its traceback.

    :raises StartFailed: in place of an error in the options, the settings, the plugins, the address or the
        takeover.
    """
    try:
        yield
    except CannotListenError as error:
        address = error.port if error.interface is None else f"{error.interface}:{error.port}"
        raise _failed(ListenError(address, error.socketError)) from None
    except UsageError as error:
        raise _failed(f"{str(error).rstrip('.')}. See --help.") from None
    except (SettingsError, PluginError, ListenError, SyncError) as error:
        raise _failed(error) from None


def _failed(error: object) -> StartFailed:
    return StartFailed(f"ccmimolink: {' '.join(str(error).split())}")


@contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except StartFailed as failed:
        if sys.stderr is not sys.__stderr__:
            # Logging has begun and taken stderr over: the interpreter's line will stand in the log only.
            print(failed, file=sys.__stderr__)
        raise


class GuardedService(MultiService):
    """Runs one service, whose listening errors end the start in one line.

    A child that listens must raise at once (``strports.service`` does): a plain
    ``StreamServerEndpointService`` only logs, and the program stays up without a listener. twistd opens ports
    in the first of the two methods, twist in the second.
    """

    def __init__(self, service: IService) -> None:
        MultiService.__init__(self)
        service.setServiceParent(self)

    def privilegedStartService(self) -> None:
        with _heard(), one_line():
            MultiService.privilegedStartService(self)

    def startService(self) -> None:
        with _heard(), one_line():
            MultiService.startService(self)
