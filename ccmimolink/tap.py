"""The composition root: from parsed options to the service that twistd and twist run.

Owns the order of the start. It must not hold behaviour; whatever can fail for a reason that a person can mend
fails here, before a daemon has left its terminal.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.logger import Logger

from ccmimolink.listen import ensure_free
from ccmimolink.options import Options
from ccmimolink.startup import GuardedService, one_line

__all__ = ["Options", "makeService"]

_log = Logger()


def makeService(options: Options) -> IService:
    """Build the service from options that were parsed.

    :raises StartFailed: a plugin cannot be used, the address cannot be listened on, or a takeover that is
        demanded cannot be made.
    """
    # Only here: by now the launcher has installed the reactor of its choice, and --help has no need of the
    # rest.
    from twisted.internet import reactor

    from ccmimolink.keeper import check_beforehand
    from ccmimolink.service import build_service
    from ccmimolink.timers import keep_steady

    if not keep_steady(reactor):
        _log.warn("Something is timed already: a change of the clock will hold up timers.")
    settings = options.settings
    for name in settings.unknown_variables:
        _log.warn("The variable {name} means nothing to ccmimolink. Is it misspelt?", name=name)
    with one_line():
        plugins = options.load_plugins()
        ensure_free(settings.listen_address)
        check_beforehand(settings)
        service = build_service(settings, plugins, reactor)
    return GuardedService(service)
