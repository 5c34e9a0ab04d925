"""The simulated MiMo as a program that answers at once: ``python -m tests.fuzz.simulated_mimo PORT``."""

from __future__ import annotations

import sys
from typing import Any

from ccmimolink.demo.service import demo_service


def main(port: str) -> None:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    demo_service(reactor, int(port), delta_delay=0.0).startService()
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
