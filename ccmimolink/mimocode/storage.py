"""What is ours in the user's home: the key's file, the lock, and what a killed run left.

Owns that directory: who may read it, that no link leads elsewhere, and that nothing is left of it when
nothing was set up.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.journal import TEMPORARY, Journal, Step, Undone, no_step
from ccmimolink.mimocode.provider import Places, Provider
from ccmimolink.private_files import (
    PRIVATE,
    PRIVATE_DIRECTORY,
    File,
    close_to_others,
    give,
    make_directory,
    open_lock,
    read_file,
    try_lock,
)

PROJECT_BACKUPS = "project-config"
"""Where among the backups those of projects are."""
_ATTEMPTS = 20


def places_of(provider: Provider, home: Path) -> Places:
    return Places(home.joinpath(*provider.directory.split("/")))


def check_places(places: Places, home: Path) -> None:
    """See beforehand that the key can be kept, and that it would be where it seems to be.

    :raises SetupError: a link leads elsewhere, or another kind of thing is in the way.
    """
    above = [one for one in places.root.parents if one != home and one.is_relative_to(home)]
    for directory in (*reversed(above), places.root, places.backups, places.backups / PROJECT_BACKUPS):
        _check_kind(directory, stat.S_ISDIR, "a directory")
    for file in (places.secret, places.state, places.journal, places.lock):
        _check_kind(file, stat.S_ISREG, "a file")


def _check_kind(path: Path, is_kind: Callable[[int], bool], kind: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_failed(path, f"cannot be looked at ({error.strerror})") from None
    if stat.S_ISLNK(mode):
        raise storage_failed(path, "is a link, which could lead the key elsewhere")
    if not is_kind(mode):
        raise storage_failed(path, f"is not {kind}")


def storage_failed(path: Path, why: str) -> SetupError:
    return blocked(
        Code.SECRET_STORAGE_FAILED,
        Source.STORAGE,
        f"{path} {why}. See to that, and run this again.",
        str(path),
    )


def read_secret(places: Places) -> File:
    try:
        return read_file(places.secret)
    except OSError as error:
        raise storage_failed(places.secret, f"cannot be read ({error.strerror})") from None


def store_secret(places: Places, key: str, journal: Journal) -> None:
    """Keep the key in its file. One that is there already is not written again, but nobody else may read it.

    :raises SetupError: it cannot be kept.
    """
    content = f"{key}\n".encode()
    try:
        if read_file(places.secret).content != content:
            journal.write(places.secret, content, PRIVATE)
        close_to_others(places.secret, PRIVATE)
    except OSError as error:
        raise storage_failed(places.secret, f"cannot be written ({error.strerror})") from None


def close_directory(places: Places) -> None:
    """What is to be written there is for nobody else, whoever opened the directory meanwhile.

    :raises OSError: it cannot be closed.
    """
    for directory in (places.root, places.backups, places.backups / PROJECT_BACKUPS):
        if directory.exists():
            close_to_others(directory, PRIVATE_DIRECTORY)


@contextlib.contextmanager
def locked(places: Places, step: Step = no_step) -> Iterator[None]:
    """Keep all other runs away. The kernel ends it with the process.

    :raises SetupError: another run is at work, or there is no place for the lock.
    """
    try:
        descriptor = _lock(places)
    except BaseException as error:
        _remove_empty(places)
        if isinstance(error, OSError):
            raise storage_failed(places.root, f"cannot be used ({error.strerror})") from None
        raise
    try:
        yield
        step("unlock")
    finally:
        _tidy(places)
        os.close(descriptor)


def _lock(places: Places) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            make_directory(places.root)
            descriptor = open_lock(places.lock)
        except (FileNotFoundError, FileExistsError):
            if attempt == _ATTEMPTS - 1:
                raise
            continue  # another run removed the directory just now
        try:
            if not try_lock(descriptor):
                raise _already_running()
            give(descriptor, places.root)
            if _is_at(places.lock, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another run removed it with its directory just now
    raise _already_running()


def _already_running() -> SetupError:
    return blocked(
        Code.ALREADY_RUNNING,
        Source.STORAGE,
        "Another mimo-code-setup is at work. Wait for it to end, and run this again.",
    )


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _tidy(places: Places) -> None:
    """Where nothing was set up, no directory of ours stays behind. Only one that is empty can be removed."""
    with contextlib.suppress(OSError):
        if [one.name for one in places.root.iterdir()] == [places.lock.name]:
            places.lock.unlink()
            _remove_empty(places)


def _remove_empty(places: Places) -> None:
    for directory in (places.root, places.root.parent):
        with contextlib.suppress(OSError):
            directory.rmdir()


def new_journal(places: Places, provider: Provider, step: Step = no_step) -> Journal:
    return Journal(places.journal, (places.secret, provider.secret_reference), step)


def was_killed(places: Places) -> bool:
    """Whether an earlier run ended in the middle, were it before it had written anything."""
    return places.journal.exists() or _half_written(places).exists() or _is_bare(places)


def _is_bare(places: Places) -> bool:
    """Whether our directory is there, or the one above it, for nothing."""
    try:
        if places.root.is_dir():
            return {one.name for one in places.root.iterdir()} <= {places.lock.name}
        return not any(places.root.parent.iterdir())
    except OSError:
        return False  # there is none, or another run removed it just now


def recover(places: Places, provider: Provider, step: Step = no_step) -> Undone:
    """Undo what a killed run had done. Call it with the lock held.

    :raises SetupError: it cannot be told what that was.
    """
    journal = new_journal(places, provider, step)
    try:
        _half_written(places).unlink(missing_ok=True)
        if places.journal.exists():
            journal.load()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise blocked(
            Code.ROLLBACK_FAILED,
            Source.STORAGE,
            f"An earlier run was ended in the middle, and its {places.journal} cannot be read. See that your "
            "MiMoCode configuration is as you want it, remove that file, and run this again.",
            str(places.journal),
        ) from None
    return journal.undo()


def _half_written(places: Places) -> Path:
    return places.journal.with_name(places.journal.name + TEMPORARY)
