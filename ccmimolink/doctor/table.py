"""All checks, in the order in which they are run and told.

Owns the ids, which programs go by, and what each needs. It must not check anything.
"""

from __future__ import annotations

from ccmimolink.doctor import cc_switch, codex, configuration, installation, proxy, storage, upstream
from ccmimolink.doctor.findings import Check

_SETTINGS = "settings.values"
_MEMORY = "state.memory"
_FOUND = "ccswitch.found"
_PROVIDER = "ccswitch.provider"
_CONFIG = "codex.config"
_KEY, _REACHABLE = "upstream.key", "upstream.reachable"
_RUNNING = "proxy.running"

_PROBE_SECONDS = 90.0
"""A busy MiMo lets a turn wait."""

CHECKS: tuple[Check, ...] = (
    Check("python.version", "Python", installation.python_version),
    Check("python.packages", "the packages that ccmimolink needs", installation.packages),
    Check("python.twistd", "the command that twistd knows", installation.twistd, seconds=30),
    Check(_SETTINGS, "the settings", configuration.values),
    Check("settings.names", "variables that mean nothing", configuration.names, (_SETTINGS,)),
    Check("settings.sense", "settings that contradict each other", configuration.sense, (_SETTINGS,)),
    Check("plugins", "the plugins", configuration.plugins, ("python.twistd", _SETTINGS), seconds=30),
    Check("log.file", "the log file", storage.log_file, (_SETTINGS,)),
    Check("log.rotation", "its rotation", storage.log_rotation, (_SETTINGS, "log.file")),
    Check("state.directory", "the directory of our memory", storage.state_directory, (_SETTINGS,)),
    Check(_MEMORY, "what is remembered of the route", storage.state_memory, (_SETTINGS, "state.directory")),
    Check("state.model", "the model that was chosen", storage.model_memory, (_SETTINGS, "state.directory")),
    Check("disk.space", "the room on the disk", storage.disk_space, ("log.file", "state.directory")),
    Check(_FOUND, "cc switch", cc_switch.installed, (_SETTINGS,)),
    Check(
        "ccswitch.settings",
        "cc switch's settings",
        cc_switch.settings_file,
        (_FOUND,),
        cc_switch.absent,
    ),
    Check("ccswitch.database", "cc switch's database", cc_switch.database, (_FOUND,), cc_switch.absent),
    Check("ccswitch.lock", "who holds it", cc_switch.lock, ("ccswitch.database",), cc_switch.absent),
    Check(
        _PROVIDER, "MiMo in cc switch", cc_switch.provider, (_MEMORY, "ccswitch.database"), cc_switch.absent
    ),
    Check("ccswitch.key", "its key", cc_switch.key, (_PROVIDER,), cc_switch.absent),
    Check("ccswitch.current", "the current provider", cc_switch.current, (_PROVIDER,), cc_switch.absent),
    Check("ccswitch.route", "the route in cc switch", cc_switch.route, (_PROVIDER,), cc_switch.left_alone),
    Check("codex.program", "Codex", codex.program, (_SETTINGS,), seconds=30),
    Check(
        _CONFIG,
        "Codex's configuration",
        codex.config,
        (_SETTINGS,),
        cc_switch.without_places,
        after=(_FOUND,),
    ),
    Check("codex.provider", "the provider in it", codex.provider, (_CONFIG,), after=(_PROVIDER,)),
    Check("codex.features", "what trips Codex up", codex.features, (_CONFIG,)),
    Check(
        "codex.accepted",
        "whether Codex takes it",
        codex.accepted,
        ("codex.program", _CONFIG, "codex.provider"),
        seconds=30,
    ),
    Check(
        "codex.route",
        "the route in it",
        cc_switch.codex_route,
        ("codex.provider",),
        cc_switch.without_url,
        after=(_PROVIDER,),
    ),
    Check(
        "codex.key",
        "the key in it",
        cc_switch.codex_key,
        ("codex.route", "ccswitch.key"),
        cc_switch.no_comparison,
    ),
    Check(
        "files.modes",
        "who can read your keys",
        storage.modes,
        (_SETTINGS,),
        storage.no_modes,
        after=(_FOUND, "ccswitch.database", _CONFIG),
    ),
    Check(
        _KEY,
        "the key for MiMo's address",
        upstream.key,
        (_SETTINGS,),
        upstream.simulated,
        seconds=30,
        after=(_CONFIG, _PROVIDER),
    ),
    Check(_REACHABLE, "MiMo", upstream.reachable, (_KEY,), seconds=40),
    Check("upstream.models", "the models that it has", upstream.models, (_REACHABLE, "state.model")),
    Check("upstream.clock", "the clock", upstream.clock, (_KEY,), upstream.no_date, after=(_REACHABLE,)),
    Check(
        "upstream.turn",
        "a turn with MiMo",
        upstream.turn,
        ("upstream.models",),
        upstream.no_probe,
        _PROBE_SECONDS,
    ),
    Check("proxy.port", "the proxy's port", proxy.port, (_SETTINGS,), proxy.unknown_port),
    Check(_RUNNING, "the running proxy", proxy.running, ("proxy.port",), proxy.unknown_port),
    Check("proxy.models", "its list of models", proxy.models, (_RUNNING,), seconds=30, after=(_CONFIG,)),
    Check(
        "proxy.turn",
        "a turn through it",
        proxy.turn,
        (_RUNNING,),
        upstream.no_probe,
        _PROBE_SECONDS,
        after=(_CONFIG,),
    ),
)
