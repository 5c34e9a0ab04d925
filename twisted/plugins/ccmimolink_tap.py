"""Makes ``ccmimolink`` a command of twistd and twist."""

from twisted.application.service import ServiceMaker

ccmimolink = ServiceMaker(
    "ccmimolink",
    "ccmimolink.tap",
    "A loopback proxy that brings Xiaomi MiMo models to OpenAI Codex.",
    "ccmimolink",
)
