"""Whether our own files can be written: the log, what is remembered, and the room for both; and whether files
with keys in them are for their owner alone.

Owns these checks. They open nothing for writing.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ccmimolink.control.files import places_of
from ccmimolink.control.memory import ModelMemory
from ccmimolink.doctor.cc_switch import without_places
from ccmimolink.doctor.findings import Finding, failed, ok, split, warning
from ccmimolink.doctor.scene import Scene
from ccmimolink.log_file import why_not
from ccmimolink.model_choice import in_force, start_choice
from ccmimolink.private_files import is_open_to_others
from ccmimolink.sync.errors import SyncError
from ccmimolink.sync.setup import state_directory as state_directory_of
from ccmimolink.sync.setup import synchroniser
from ccmimolink.sync.state import load

_ROOM_FOR_STATE = 1 << 20
_OTHERS_MAY_ENTER = 0o011


def log_file(scene: Scene) -> Finding:
    path = log_place(scene)
    if not path.is_absolute():
        return failed(
            "The log cannot be written: the directory that this was called from does not exist any more.",
            "Call it from another one, or name the whole path of a file in MIMO_PROXY_LOG.",
        )
    if reason := why_not(path):
        return failed(
            f"The log cannot be written: {path}: {reason}.",
            "Name another file in MIMO_PROXY_LOG, or make this one writable for you.",
            f"mkdir -p {shlex.quote(str(path.parent))}" if "not exist" in reason else "",
        )
    return ok(f"{path} can be written.")


def log_place(scene: Scene) -> Path:
    """With its whole path, unless that cannot be known."""
    try:
        return Path(os.path.abspath(scene.settings.log))
    except FileNotFoundError:  # the present directory is gone
        return scene.settings.log


def log_rotation(scene: Scene) -> Finding:
    path, settings = log_place(scene), scene.settings
    if path.exists() and not path.is_file():
        return ok(f"{path} is a device or a pipe, which is not rotated.")
    real = Path(os.path.realpath(path))
    if not os.access(real.parent, os.W_OK | os.X_OK):
        return warning(
            f"{path} cannot be rotated, since nothing can be renamed in {real.parent}: it would grow on.",
            "Name a file in a directory of your own in MIMO_PROXY_LOG.",
        )
    for number in range(1, settings.log_files + 1):
        obstacle = real.with_name(f"{real.name}.{number}")
        if obstacle.is_dir() and not obstacle.is_symlink():
            return warning(
                f"{path} cannot be rotated: {obstacle} is a directory, and the log would grow on.",
                "Move that directory away.",
                f"mv {shlex.quote(str(obstacle))} {shlex.quote(f'{obstacle}.moved')}",
            )
    return ok(f"At {_size(settings.log_bytes)} it is rotated; {settings.log_files} older files are kept.")


def state_directory(scene: Scene) -> Finding:
    directory = state_directory_of(scene.settings)
    what = f"The state directory {directory}"
    try:
        directory.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # which is looked at next
    except OSError as error:
        return failed(
            f"{what} cannot be used: {error.strerror}.", "Name another directory in MIMO_PROXY_STATE_DIR."
        )
    # By os.path: what is below a directory that we may not enter is not there for us, and no error.
    present = next((one for one in (directory, *directory.parents) if os.path.exists(one)), directory)
    if not present.is_dir():
        return failed(
            f"{what} cannot be used: {present} is a file.",
            "Move that file away, or name another directory in MIMO_PROXY_STATE_DIR.",
            f"mv {shlex.quote(str(present))} {shlex.quote(f'{present}.moved')}",
        )
    if not os.access(present, os.W_OK | os.X_OK):
        return failed(
            f"{what} cannot be used: {present} is not writable for you.",
            "Make it writable, or name another directory in MIMO_PROXY_STATE_DIR.",
            f"chmod u+rwx {shlex.quote(str(present))}",
        )
    return ok(f"{directory}." if present == directory else f"{directory} is made when it is needed.")


def state_memory(scene: Scene) -> Finding:
    run = synchroniser(scene.settings)
    try:
        scene.state = load(run.state_file)
    except SyncError as error:
        moved = shlex.quote(str(run.state_file))
        return failed(*split(str(error)), f"mv {moved} {shlex.quote(f'{run.state_file}.moved')}")
    taken = sum(1 for memory in scene.state.memories.values() if memory.takeover is not None)
    return ok(
        f"{taken} takeover{'' if taken == 1 else 's'} remembered." if taken else "No takeover is remembered."
    )


def model_memory(scene: Scene) -> Finding:
    """Which model a proxy that starts now would take for text."""
    settings = scene.settings
    places = places_of(state_directory_of(settings), settings.listen_address)
    memory = ModelMemory(places.memory)
    scene.choice = in_force(start_choice(settings.model, settings.model_origin), memory.model)
    if memory.complaint:
        found, fix = split(memory.complaint)
        return warning(found, fix, f"rm {shlex.quote(str(places.memory))}")
    return ok(f"Text requests go to {scene.choice.model} ({scene.choice.origin}).")


def disk_space(scene: Scene) -> Finding:
    """The log may grow to all its files, less what they hold already."""
    settings, log = scene.settings, log_place(scene)
    held = sum(one.stat().st_size for one in log.parent.glob(f"{log.name}*") if one.is_file())
    places = {
        "the log": (log.parent, max(0, settings.log_bytes * (settings.log_files + 1) - held)),
        "what is remembered": (state_directory_of(settings), _ROOM_FOR_STATE),
    }
    free = {}
    for what, (directory, needed) in places.items():
        present = next(one for one in (directory, *directory.parents) if os.path.exists(one))
        free[what] = shutil.disk_usage(present).free
        if free[what] < needed:
            return warning(
                f"{present} has {_size(free[what])} left, and {what} may come to take {_size(needed)} more.",
                "Make room, or lower MIMO_PROXY_LOG_BYTES or MIMO_PROXY_LOG_FILES.",
                f"df -h {shlex.quote(str(present))}",
            )
    return ok(f"{', '.join(f'{_size(size)} for {what}' for what, size in free.items())} are free.")


def _size(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.0f} TiB"


def no_modes(scene: Scene) -> str:
    return without_places(scene) if os.name == "posix" else "This system has no such file modes."


def modes(scene: Scene) -> Finding:
    """A file in a directory that others cannot enter is as safe as its directory."""
    open_files = [path for path in _with_keys(scene) if _is_open(path)]
    state = state_directory_of(scene.settings)
    directories = [state] if scene.settings.debug_dump is None else [state, scene.settings.debug_dump]
    open_directories = [one for one in directories if os.path.isdir(one) and _is_open(one)]
    if not open_files and not open_directories:
        return ok("Files with keys or with what you say in them are for you alone.")
    commands = [
        f"chmod {mode} {' '.join(shlex.quote(str(path)) for path in paths)}"
        for mode, paths in (("600", open_files), ("700", open_directories))
        if paths
    ]
    return warning(
        f"Other users of this machine can read {', '.join(map(str, (*open_files, *open_directories)))}.",
        "Take their permission away.",
        " && ".join(commands),
    )


def _with_keys(scene: Scene) -> Iterator[Path]:
    places = scene.places
    database = Path(os.path.realpath(places.database))
    config = places.codex_config
    holds_key = any(secret.encode() in (scene.config_bytes or b"") for secret in scene.secrets)
    candidates = [
        *(database.with_name(f"{database.name}{ending}") for ending in ("", "-wal", "-journal")),
        places.settings,
        *([config] if holds_key else []),
        *_named(config.parent, f"{config.name}.ccmimolink-*.bak"),
        places.auth,
        log_place(scene),
        *([scene.settings.request_log] if scene.settings.request_log is not None else []),
        *_named(state_directory_of(scene.settings), "*.json"),
    ]
    yield from (path for path in candidates if os.path.isfile(path))


def _named(directory: Path, pattern: str) -> list[Path]:
    """None, where the directory may not be entered: then there is nothing for us to look at."""
    return sorted(directory.glob(pattern)) if os.access(directory, os.R_OK | os.X_OK) else []


def _is_open(path: Path) -> bool:
    if not is_open_to_others(path.stat()):
        return False
    return all(stat.S_IMODE(one.stat().st_mode) & _OTHERS_MAY_ENTER for one in path.resolve().parents)
