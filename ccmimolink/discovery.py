"""Finds plugins in ``twisted/plugins`` and checks that each can be used.

Owns the search path, the walk over the drop-ins and the checks at start. It must not call what a plugin is
for.

The walk is our own, not ``getPlugins``: that one goes through ``dropin.cache``, which hides a plugin whose
class changed while its drop-in did not, decides by its age whether a drop-in is imported at all, and where it
cannot be written puts a line into the log at every pass that no public means keeps out. The drop-ins, and
what counts as one, are the same, and so are ``IPlugin`` and ``twisted.plugins.__path__``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import twisted.plugins
from twisted.logger import Logger
from twisted.python.modules import getModule
from zope.interface.verify import verifyObject

from ccmimolink.interfaces import IFallbackParser, IRequestTransform, IToolFilter

_log = Logger()

OURS = "twisted.plugins.ccmimolink_builtin"
INTERFACES = (IRequestTransform, IToolFilter, IFallbackParser)
_NAME = re.compile(r"[^\s,]+")


class PluginError(Exception):
    """A plugin cannot be used. The message says where it stands, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object that provides one of our interfaces, and where it stands.

    :ivar file: the drop-in.
    :ivar attribute: the object's name in it.
    """

    interface: Any
    plugin: Any
    file: str
    attribute: str

    def __str__(self) -> str:
        return f"The plugin {self.attribute} in {self.file}"


def extend_path(directories: Iterable[str | Path]) -> None:
    """Let these directories count as ``twisted/plugins``, after those that do.

    :raises PluginError: one of them is missing, or a file in it would stay hidden behind one of its name.
    """
    search_path = twisted.plugins.__path__
    for directory in map(os.path.abspath, directories):
        if not os.path.isdir(directory):
            raise PluginError(
                f"The plugin directory {directory} does not exist. "
                "Create it, or correct --plugin-path (MIMO_PROXY_PLUGIN_PATH)."
            )
        if not any(os.path.realpath(known) == os.path.realpath(directory) for known in search_path):
            _refuse_hidden(directory, search_path)
            search_path.append(directory)


def _refuse_hidden(directory: str, search_path: Sequence[str]) -> None:
    for file in sorted(Path(directory).glob("*.py")):
        for known in search_path:
            other = Path(known, file.name)
            if file.name != "__init__.py" and other.exists():
                raise PluginError(
                    f"The plugin file {file} would stay hidden behind {other}, which has the same name. "
                    "Rename it; your project's name is a good beginning."
                )


def discover(*, third_party: bool) -> list[Found]:
    """Everything in the drop-ins that provides one of our interfaces.

    :raises PluginError: a drop-in holds a plugin's class where its instance should be.
    """
    found: dict[tuple[Any, int], Found] = {}
    for module in _drop_ins(third_party=third_party):
        before = len(found)
        for interface, attribute, value in _provided(module):
            # A second name for the same object, here or in another drop-in, makes no second plugin.
            found.setdefault(
                (interface, id(value)), Found(interface, value, module.__file__ or module.__name__, attribute)
            )
        if len(found) == before:
            _refuse_bare_class(module)
    return list(found.values())


def _drop_ins(*, third_party: bool) -> Iterator[ModuleType]:
    """The drop-ins that can be imported, ours first."""
    modules = sorted(getModule("twisted.plugins").iterModules(), key=lambda module: module.name != OURS)
    for module in modules:
        if not third_party and module.name != OURS:
            return
        try:
            yield module.load()
        except (
            Exception,
            SystemExit,
        ):  # third-party code: a broken file must not keep the others from running
            _log.failure(
                "The plugin file {path} cannot be imported and is left out.", path=module.filePath.path
            )


def _provided(module: ModuleType) -> Iterator[tuple[Any, str, object]]:
    for attribute, value in vars(module).items():
        for interface in INTERFACES:
            if interface.providedBy(value):
                yield interface, attribute, value


def _refuse_bare_class(module: ModuleType) -> None:
    """Only instances count, and a class where one was meant would be passed over in silence."""
    for attribute, value in vars(module).items():
        if isinstance(value, type) and not value.__module__.startswith("ccmimolink."):
            for interface in INTERFACES:
                if interface.implementedBy(value):
                    raise PluginError(
                        f"{attribute} in {module.__file__} is a class, and a plugin is an instance. "
                        f"Add a line such as: {attribute.lower()} = {attribute}()"
                    )


def select(interface: Any, found: Iterable[Found], disabled: Collection[str]) -> list[Found]:
    """Those of one interface that are not disabled, checked, in ``(priority, name)`` order.

    :raises PluginError: one of them does not keep its interface's contract, or two have the same name.
    """
    by_name: dict[str, Found] = {}
    for candidate in found:
        if candidate.interface is not interface or (name := name_of(candidate)) in disabled:
            continue
        _check(candidate)
        if (other := by_name.get(name)) is not None:
            raise PluginError(
                f"{candidate} has the name {name!r}, and so has {other.attribute} in {other.file}. "
                "Rename one of them, or leave both out with MIMO_PROXY_DISABLE_PLUGINS."
            )
        by_name[name] = candidate
    return sorted(by_name.values(), key=lambda one: (one.plugin.priority, one.plugin.name))


def name_of(found: Found) -> str:
    """:raises PluginError: it has none, or none that can be written into a list."""
    try:
        name = found.plugin.name
    except Exception as error:  # third-party code: the name may be computed
        raise PluginError(
            f"{found} has no name ({_reason(error)}). Give it one: name = 'my-plugin'."
        ) from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{found} has the name {name!r}. It must be a str without blanks and commas.")
    return name


def _check(found: Found) -> None:
    try:
        verifyObject(found.interface, found.plugin)
        priority = found.plugin.priority
        markers = found.plugin.markers if found.interface is IFallbackParser else ("",)
    except Exception as error:  # third-party code: verifyObject reads its attributes, which may be computed
        raise PluginError(
            f"{found} does not provide {found.interface.__name__} as it says: {_reason(error)}. "
            f"See ccmimolink.interfaces.{found.interface.__name__}."
        ) from error
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise PluginError(
            f"{found} has the priority {priority!r}. It must be an int; ours use multiples of 100."
        )
    if found.interface is IFallbackParser and not _are_markers(markers):
        raise PluginError(
            f"{found} has the markers {markers!r}. They must be a tuple of strings, like ('<tool_call>',)."
        )


def _are_markers(markers: object) -> bool:
    return (
        isinstance(markers, (tuple, list))
        and len(markers) > 0
        and all(isinstance(marker, str) and marker for marker in markers)
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
