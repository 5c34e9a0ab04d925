"""The rooms of the house: who may import whom, and what stays out of which room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = "ccmimolink"

# Each room with the rooms it may import from, itself aside. A room is a package or a module of the top level.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "interfaces": {"core"},
    "builtin": {"interfaces", "core"},
    "discovery": {"interfaces"},
    "plugins": {"discovery", "interfaces", "core"},
    "listen": set(),
    "setting_values": set(),
    "setting_rows": {"model_file", "setting_values", "tunnel"},
    "model_file": {"setting_values", "core"},
    "log_file": {"private_files"},
    "log_events": {"log_file"},
    "settings": {
        "dump_directory",
        "listen",
        "log_file",
        "setting_rows",
        "setting_values",
        "terminal",
        "tunnel",
        "core",
    },
    "printable": set(),
    "terminal": {"printable"},
    "command_help": set(),
    "console": set(),
    "children": set(),
    "private_files": set(),
    "trust": set(),
    "sync": {
        "console",
        "children",
        "command_help",
        "listen",
        "printable",
        "private_files",
        "setting_values",
        "settings",
        "terminal",
        "core",
    },
    "mimocode": {"children", "command_help", "printable", "private_files", "process", "terminal", "trust"},
    "route": set(),
    "model_choice": {"core"},
    "control": {
        "command_help",
        "console",
        "listen",
        "model_choice",
        "private_files",
        "settings",
        "sync",
        "terminal",
    },
    "keeper": {"route", "settings", "sync"},
    "startup": {"discovery", "listen", "settings", "sync"},
    "options": {"plugins", "setting_rows", "setting_values", "settings", "startup", "sync"},
    "lessons": {"core"},
    "background": {
        "command_help",
        "console",
        "listen",
        "log_file",
        "model_file",
        "options",
        "private_files",
        "setting_rows",
        "setting_values",
        "settings",
        "startup",
        "sync",
        "terminal",
    },
    "limiter": {"core"},
    "stored_response": {"core"},
    "store": {"stored_response", "core"},
    "timers": set(),
    "tunnel": {"core"},
    "heads": {"tunnel"},
    "prompt_write": set(),
    "http1": {"heads", "prompt_write"},
    "gathering": set(),
    "transport": {"gathering", "heads", "http1", "trust", "tunnel"},
    "inflate": {"transport"},
    "journey": set(),
    "activity": set(),
    "metrics": {"activity"},
    "request_log": {"activity"},
    "dump_directory": {"private_files"},
    "dump": {"dump_directory", "inflate", "prompt_write", "web", "core"},
    "records": {"activity", "dump_directory", "log_file", "request_log", "settings"},
    "process": set(),
    "tries": {"core"},
    "troubles": {"heads", "inflate", "transport", "tries", "tunnel", "core"},
    "upstream": {
        "inflate",
        "journey",
        "printable",
        "route",
        "timers",
        "transport",
        "tries",
        "troubles",
        "core",
    },
    "web": {
        "model_choice",
        "activity",
        "inflate",
        "journey",
        "prompt_write",
        "route",
        "upstream",
        "lessons",
        "limiter",
        "metrics",
        "store",
        "stored_response",
        "timers",
        "transport",
        "core",
    },
    "page": {"activity", "discovery", "setting_rows", "setting_values", "settings", "timers", "web", "core"},
    "demo": set(),
    "graph": {
        "dump",
        "dump_directory",
        "page",
        "route",
        "web",
        "upstream",
        "transport",
        "tries",
        "lessons",
        "limiter",
        "model_choice",
        "store",
        "plugins",
        "settings",
        "core",
    },
    "service": {
        "control",
        "web",
        "graph",
        "demo",
        "keeper",
        "plugins",
        "route",
        "settings",
        "sync",
        "listen",
        "log_events",
        "log_file",
        "process",
        "records",
    },
    "doctor": {
        "children",
        "command_help",
        "control",
        "core",
        "discovery",
        "graph",
        "inflate",
        "journey",
        "keeper",
        "listen",
        "log_file",
        "model_choice",
        "options",
        "plugins",
        "printable",
        "private_files",
        "route",
        "setting_rows",
        "settings",
        "sync",
        "terminal",
        "transport",
        "tries",
        "web",
    },
    "tap": {"service", "keeper", "options", "startup", "listen", "timers"},
}
CORE_FORBIDS = {"time", "random", "os", "logging", "uuid", "secrets", "socket", "asyncio", "threading"}
CORE_ALLOWS = {"msgspec", PACKAGE}
READS_THE_ENVIRONMENT = {"settings.py", "mimocode/settings.py"}
LONGEST = 400


def modules(*rooms: str) -> list[Path]:
    files = sorted(Path(CHECKOUT, PACKAGE).rglob("*.py"))
    return [file for file in files if not rooms or room(file) in rooms]


def room(file: Path) -> str:
    top = file.relative_to(CHECKOUT / PACKAGE).parts[0]
    return top.removesuffix(".py")


def dotted(file: Path) -> str:
    return ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in a file, in a function or for types too, with its line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, file)
            if origin == PACKAGE:
                yield from ((f"{PACKAGE}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield origin, node.lineno


def is_ours(name: str) -> bool:
    return name.startswith(f"{PACKAGE}.")


def absolute(node: ast.ImportFrom, file: Path) -> str:
    package = list(file.relative_to(CHECKOUT).parent.parts)
    base = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])


every_module = pytest.mark.parametrize("file", modules(), ids=dotted)


def test_there_are_modules_to_look_at() -> None:
    assert len(modules("core")) > 5
    assert len(modules()) > 20


def test_the_core_imports_no_framework() -> None:
    names = [dotted(file) for file in modules("core")]
    program = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} & {'twisted', 'zope', 'treq'}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout.strip() == ""


@pytest.mark.parametrize("file", modules("core"), ids=dotted)
def test_the_core_uses_the_standard_library_and_msgspec_only(file: Path) -> None:
    for name, line in imports(file):
        top = name.partition(".")[0]
        assert top in CORE_ALLOWS or top in sys.stdlib_module_names, f"{file}:{line} imports {name}"


@pytest.mark.parametrize("file", modules("core"), ids=dotted)
def test_the_core_has_no_clock_no_chance_and_no_outside(file: Path) -> None:
    for name, line in imports(file):
        assert name.partition(".")[0] not in CORE_FORBIDS, f"{file}:{line} imports {name}"


@every_module
def test_imports_point_downwards(file: Path) -> None:
    if room(file) == "__init__":
        assert list(imports(file)) == []
        return
    allowed = {room(file), "__version__", *MAY_IMPORT[room(file)]}
    for name, line in imports(file):
        if is_ours(name):
            assert name.split(".")[1] in allowed, f"{file}:{line} imports {name}"


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_no_room_may_import_what_it_does_not_need(name: str) -> None:
    """A permission that nobody uses would let an arrow in that nobody drew."""
    imported = {what.split(".")[1] for file in modules(name) for what, _ in imports(file) if is_ours(what)}
    assert MAY_IMPORT[name] - imported == set()


@every_module
def test_no_module_is_too_long(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST


@every_module
def test_a_module_says_what_it_owns(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


@every_module
def test_the_environment_is_read_in_one_place_of_each_program(file: Path) -> None:
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    tree = ast.parse(file.read_text())
    reads = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os")
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and names & {one.name for one in node.names}
        )
    ]

    if file.relative_to(CHECKOUT / PACKAGE).as_posix() not in READS_THE_ENVIRONMENT:
        assert reads == []


@every_module
def test_importing_a_module_installs_no_reactor(file: Path) -> None:
    for node in module_level(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        else:
            continue
        assert "twisted.internet.reactor" not in names, f"{file}:{node.lineno}"


def module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but those in functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from module_level(node)


def test_importing_the_command_installs_no_reactor() -> None:
    """What a launcher imports before it has installed the reactor that was asked for."""
    program = (
        "import sys, twisted.plugins.ccmimolink_tap, twisted.plugins.ccmimolink_builtin, ccmimolink.options\n"
        "print('twisted.internet.reactor' in sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout.strip() == "False"


@pytest.mark.parametrize("package", ["twisted", "twisted/plugins"])
def test_the_plugin_directories_are_no_packages(package: str) -> None:
    """In a wheel such a file would overwrite Twisted's own, and in a checkout it would hide Twisted."""
    assert not Path(CHECKOUT, package, "__init__.py").exists()
