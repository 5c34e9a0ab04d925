"""Whether the settings can be used, mean something, and go together; and whether the plugins do.

Owns these checks. What a setting may be is for :mod:`ccmimolink.settings` to say.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from twisted.python.modules import PythonModule, getModule

from ccmimolink.control.files import url_of
from ccmimolink.discovery import OURS, PluginError, extend_path
from ccmimolink.doctor.findings import Finding, failed, ok, split, warning
from ccmimolink.doctor.scene import Scene
from ccmimolink.listen import TCPAddress
from ccmimolink.log_file import why_not
from ccmimolink.options import contradictions
from ccmimolink.plugins import PluginSet
from ccmimolink.setting_rows import SETTINGS
from ccmimolink.settings import Settings, SettingsError
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.setup import has_key, local_url

_NAMES = {setting.option: setting.name for setting in SETTINGS if setting.option}


def values(scene: Scene) -> Finding:
    """All of them as the proxy would read them. The log file has a check of its own."""
    try:
        log = Settings.from_environ(scene.environ, log=False).log
        hidden = {"MIMO_PROXY_LOG": os.devnull} if why_not(log) else {}
        settings = Settings.from_environ(scene.environ, hidden, key_elsewhere=has_key)
    except SettingsError as error:
        return failed(*split(str(error), f"Correct {str(error).split()[0]}, or unset it."))
    scene.settings = settings = replace(settings, log=log)
    scene.keep_secret(settings.api_key, settings.token)
    if isinstance(settings.listen_address, TCPAddress) and settings.listen_address.port:
        scene.local_url = f"{url_of(settings.listen_address)}/v1"
    models = sum(1 for _ in settings.models)
    return ok(f"All {len(SETTINGS)} can be used; the table has {models} models to offer.")


def names(scene: Scene) -> Finding:
    unknown = scene.settings.unknown_variables
    if not unknown:
        return ok("No variable MIMO_PROXY_… is set that means nothing.")
    known = [setting.name for setting in SETTINGS]
    close = {name: get_close_matches(name, known, n=1) for name in unknown}
    meant = [f"{match[0]} in place of {name}" for name, match in close.items() if match]
    fix = f"Set {', '.join(meant)}" if meant else "Correct the names"
    return warning(
        f"These variables mean nothing to ccmimolink: {', '.join(unknown)}.",
        f"{fix}, or unset them.",
        f"unset {' '.join(map(shlex.quote, unknown))}",
    )


def sense(scene: Scene) -> Finding:
    settings = scene.settings
    for pair in contradictions(settings):
        one, other = (_NAMES[option] for option in pair)
        return failed(
            f"{one} and {other} contradict each other, and the proxy does not start.",
            f"Unset one of them: {one} or {other}.",
        )
    if not settings.skip_sync:
        try:
            local_url(settings.listen_address, settings.token, _port(scene))
        except SyncError as error:
            return warning(*split(str(error)))
    return ok("They go together.")


def _port(scene: Scene) -> int | None:
    """Port 0 takes any, which a start knows once it has it."""
    address = scene.settings.listen_address
    return 1 if isinstance(address, TCPAddress) and address.port == 0 else None


def plugins(scene: Scene) -> Finding:
    """As at a start, which passes over a file that cannot be imported, with a word in the log."""
    settings = scene.settings
    try:
        extend_path(settings.plugin_path)
        broken = _broken(settings.third_party_plugins)
        if broken:
            listed = "; ".join(f"{file} ({error})" for file, error in broken.items())
            wanted = any(Path(file).parent in settings.plugin_path for file in broken)
            return (failed if wanted else warning)(
                f"These plugin files cannot be imported and are left out: {listed}.",
                "Mend them, or move them out of the plugin directory.",
            )
        loaded = PluginSet.load(
            plugin_path=settings.plugin_path,
            third_party=settings.third_party_plugins,
            disabled=settings.disabled_plugins,
        )
    except PluginError as error:
        return failed(*split(str(error)))
    files = sorted({one.file for one in loaded.found})
    return ok(f"{len(loaded.found)} are active, from {', '.join(files)}.")


def _broken(third_party: bool) -> dict[str, str]:
    """The files that cannot be imported, each with the kind of its error."""
    modules = getModule("twisted.plugins").iterModules()
    counted = [module for module in modules if third_party or module.name == OURS]
    errors = {module.filePath.path: _why_broken(module) for module in counted}
    return {file: error for file, error in errors.items() if error}


def _why_broken(module: PythonModule) -> str:
    try:
        module.load()
    except (Exception, SystemExit) as error:  # code of others
        return type(error).__name__
    return ""
