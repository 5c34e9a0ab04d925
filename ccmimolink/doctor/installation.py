"""Whether the program itself is whole: the interpreter, the packages, the command that twistd knows.

Owns these checks. What is needed is read from what the distribution declares of itself.
"""

from __future__ import annotations

import platform
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.python.modules import getModule

from ccmimolink.doctor.findings import Finding, failed, ok, warning
from ccmimolink.doctor.scene import Scene

_DISTRIBUTION = "ccmimolink"
_COMMAND = "ccmimolink"
_DROP_IN = "twisted.plugins.ccmimolink_tap"


def python_version(_scene: Scene) -> Finding:
    found = f"Python {platform.python_version()} ({sys.executable})"
    needed = _requires_python()
    if _contains(needed, platform.python_version()):
        return ok(f"{found}.")
    return failed(
        f"{found}, and ccmimolink needs {needed}.",
        "Make the virtual environment anew with such a Python, and install ccmimolink in it.",
    )


def _requires_python() -> str:
    try:
        return metadata.metadata(_DISTRIBUTION)["Requires-Python"] or ""
    except (metadata.PackageNotFoundError, KeyError):
        return ""


def _contains(needed: str, version: str) -> bool:
    # Here, not above: without it only these checks fail, and say so.
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(needed).contains(version, prereleases=True)


def packages(_scene: Scene) -> Finding:
    try:
        declared = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return failed(
            "ccmimolink runs from a directory and is not installed, so that twistd may not know it.",
            "Install it: in the checkout's directory, with this Python.",
            _pip("-e", "."),
        )
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in declared]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = {
        str(one): has for one in needed if (has := _unsuitable(one.name, str(one.specifier))) is not None
    }
    if not wrong:
        return ok(f"{', '.join(f'{one.name} {metadata.version(one.name)}' for one in needed)}.")
    return failed(
        "; ".join(f"{need} is needed, and {has}" for need, has in wrong.items()) + ".",
        "Install what is needed, into the environment of this Python.",
        _pip("-U", *map(shlex.quote, wrong)),
    )


def _unsuitable(name: str, specifier: str) -> str | None:
    """What is there in place of a package that is needed; None where it is as it should be."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return "it is not installed"
    return None if _contains(specifier, version) else f"{version} is installed"


def _pip(*arguments: str) -> str:
    return f"{shlex.quote(sys.executable)} -m pip install {' '.join(arguments)}"


def twistd(_scene: Scene) -> Finding:
    """Not through ``getPlugins``, which would write a cache."""
    modules = {module.name: module for module in getModule("twisted.plugins").iterModules()}
    if _DROP_IN not in modules:
        return failed(
            f"twistd does not know the command {_COMMAND}: there is no {_DROP_IN}.",
            "Install ccmimolink once more, into the environment of this Python. No __init__.py may be in a "
            "directory twisted/plugins beside Twisted's own.",
            _pip("--force-reinstall", "--no-deps", _DISTRIBUTION),
        )
    makers = [value for value in vars(modules[_DROP_IN].load()).values() if IServiceMaker.providedBy(value)]
    if not any(maker.tapname == _COMMAND for maker in makers):
        return failed(
            f"{modules[_DROP_IN].filePath.path} does not offer the command {_COMMAND}.",
            "Another file of that name stands before ours: take it away.",
        )
    program = _program("twistd")
    if program is None:
        return warning(
            "twistd knows the command, but is not beside this Python, nor on the PATH.",
            "Start the proxy with the Python of this environment.",
            f"{shlex.quote(sys.executable)} -m twisted ccmimolink",
        )
    return ok(f"{program} knows the command {_COMMAND}.")


def _program(name: str) -> str | None:
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
