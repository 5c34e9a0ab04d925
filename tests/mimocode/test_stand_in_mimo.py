"""The stand-in's commands answer as MiMoCode 0.1.0 does; what they leave behind is what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mimocode.mimo_home import MimoHome, needs_stand_in

STAND_IN = Path(__file__).with_name("stand_in_mimo.py")
CONFIG = "home/.config/mimocode/mimocode.json"
DIRECTORIES = {"config": ".config", "data": ".local/share", "cache": ".cache", "state": ".local/state"}


@pytest.fixture
def home(tmp_path: Path) -> MimoHome:
    return MimoHome(tmp_path)


def paths(home: MimoHome, **env: str) -> dict[str, str]:
    lines = home.mimo("debug", "paths", **env).stdout.splitlines()
    return {line[:11].strip(): line[11:] for line in lines}


def provider(**entry: Any) -> dict[str, Any]:
    return {"provider": {"gonkagate": {"models": {"b/one": {}, "a/two": {}, "a/three:free": {}}, **entry}}}


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_the_version_is_a_bare_line(home: MimoHome, flag: str) -> None:
    done = home.mimo(flag)
    assert (done.returncode, done.stdout) == (0, "0.1.0\n")


def test_paths_are_padded_lines_without_a_separator(home: MimoHome) -> None:
    lines = home.mimo("debug", "paths").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["home", "data", "bin", "log", "cache", "config", "state"]
    assert lines[0] == f"home       {home.home}"
    assert lines[5] == f"config     {home.config_dir}"


def test_a_path_may_hold_spaces(tmp_path: Path) -> None:
    home = MimoHome(tmp_path / "my own")
    assert paths(home)["config"] == str(home.config_dir)
    assert " " in str(home.config_dir)


@pytest.mark.parametrize("name", DIRECTORIES)
def test_directories_are_the_xdg_defaults(home: MimoHome, name: str) -> None:
    assert paths(home)[name] == str(home.home / DIRECTORIES[name] / "mimocode")


@pytest.mark.parametrize("name", DIRECTORIES)
def test_an_xdg_variable_moves_its_directory_only(home: MimoHome, name: str) -> None:
    before = paths(home)
    after = paths(home, **{f"XDG_{name.upper()}_HOME": str(home.root / "x")})
    moved = {key for key, value in after.items() if before[key] != value}
    assert after[name] == str(home.root / "x" / "mimocode")
    assert moved == {name} | {"data": {"log"}, "cache": {"bin"}}.get(name, set())


def test_an_empty_xdg_variable_is_none(home: MimoHome) -> None:
    assert paths(home, XDG_CONFIG_HOME="")["config"] == str(home.config_dir)


def test_mimocode_home_moves_all_directories(home: MimoHome) -> None:
    own = home.root / "own"
    found = paths(home, MIMOCODE_HOME=str(own), XDG_CONFIG_HOME=str(home.root / "x"))
    assert {name: found[name] for name in DIRECTORIES} == {name: str(own / name) for name in DIRECTORIES}
    assert found["home"] == str(home.home)


def test_an_empty_mimocode_home_is_none(home: MimoHome) -> None:
    assert paths(home, MIMOCODE_HOME="")["config"] == str(home.config_dir)


@pytest.mark.parametrize("relative", ["own", "./own", "~/own"])
@pytest.mark.parametrize("args", ["--version", "debug paths", "debug config", "models"])
def test_a_relative_mimocode_home_ends_every_command(home: MimoHome, relative: str, args: str) -> None:
    done = home.mimo(*args.split(), MIMOCODE_HOME=relative)
    assert (done.returncode, done.stdout) == (1, "")
    assert "MIMOCODE_HOME must be an absolute path" in done.stderr


@pytest.mark.parametrize("args", ["debug paths", "debug config", "models gonkagate"])
def test_the_first_command_makes_directories_and_speaks_of_it_on_stderr(home: MimoHome, args: str) -> None:
    first, second = home.mimo(*args.split()), home.mimo(*args.split())
    assert "Performing one time database migration" in first.stderr
    assert "sqlite-migration:done" in first.stderr
    assert "migration" not in first.stdout
    assert "migration" not in second.stderr
    assert all((home.home / place / "mimocode").is_dir() for place in DIRECTORIES.values())
    assert (home.home / ".local/share/mimocode/mimocode.db").is_file()


def test_another_home_is_migrated_of_its_own(home: MimoHome) -> None:
    home.mimo("debug", "paths")
    assert "migration" in home.mimo("debug", "paths", MIMOCODE_HOME=str(home.root / "own")).stderr


@pytest.mark.parametrize("pure", [["--pure"], []])
def test_the_configuration_is_printed_with_an_indent_of_two(home: MimoHome, pure: list[str]) -> None:
    home.write(CONFIG, {"model": "gonkagate/a/two"})
    done = home.mimo(*pure, "debug", "config")
    assert done.returncode == 0
    assert '\n  "model": "gonkagate/a/two"' in done.stdout
    assert done.stdout.startswith("{\n")


def test_pure_takes_no_layer_away(home: MimoHome) -> None:
    home.write("project/.mimocode/mimocode.json", {"model": "gonkagate/a/two"})
    for command in ("--pure debug config", "debug config"):
        assert json.loads(home.mimo(*command.split()).stdout)["model"] == "gonkagate/a/two"


def test_the_program_adds_to_every_configuration(home: MimoHome) -> None:
    config = home.resolved()
    assert config["provider"]["mimo"]["options"]["apiKey"] == "anonymous"
    assert "xiaomi" in config["provider"]
    assert config["disabled_providers"] == ["opencode", "opencode-go"]
    assert {"username", "agent", "mode", "plugin", "command"} <= set(config)


def test_disabled_providers_are_kept_beside_the_added_ones(home: MimoHome) -> None:
    home.write(CONFIG, {"disabled_providers": ["gonkagate"]})
    assert home.resolved()["disabled_providers"] == ["gonkagate", "opencode", "opencode-go"]


def test_the_key_is_printed_in_clear(home: MimoHome) -> None:
    home.write("home/key", "gp-fake-clear\n")
    home.write(CONFIG, provider(options={"apiKey": "{file:~/key}"}))
    assert home.resolved()["provider"]["gonkagate"]["options"]["apiKey"] == "gp-fake-clear"


def test_models_are_sorted_lines(home: MimoHome) -> None:
    names = ["10", "a_b", "a-b", "a.b:free", "a/b", "b", "B", "Z/x"]
    home.write(CONFIG, provider(models={name: {} for name in sorted(names)}))
    done = home.mimo("models", "gonkagate")
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"gonkagate/{name}" for name in names])


HIDDEN: dict[str, dict[str, Any]] = {
    "unknown": {},
    "disabled": {**provider(), "disabled_providers": ["gonkagate"]},
    "not enabled": {**provider(), "enabled_providers": ["other"]},
    "none enabled": {**provider(), "enabled_providers": []},
    "without models": provider(models={}),
    "nothing whitelisted": provider(whitelist=[]),
    "all blacklisted": provider(blacklist=["b/one", "a/two", "a/three:free"]),
}


@pytest.mark.parametrize("config", HIDDEN.values(), ids=list(HIDDEN))
def test_a_hidden_provider_is_no_failure(home: MimoHome, config: dict[str, Any]) -> None:
    home.mimo("--version")
    home.write(CONFIG, config)
    done = home.mimo("models", "gonkagate")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Error: \x1b[0mProvider not found: gonkagate\n" in done.stderr


SHOWN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "enabled": ({**provider(), "enabled_providers": ["gonkagate"]}, ["a/three:free", "a/two", "b/one"]),
    "whitelist": (provider(whitelist=["b/one", "none"]), ["b/one"]),
    "blacklist": (provider(blacklist=["b/one", "none"]), ["a/three:free", "a/two"]),
    "both": (provider(whitelist=["b/one", "a/two"], blacklist=["b/one"]), ["a/two"]),
}


@pytest.mark.parametrize(("config", "names"), SHOWN.values(), ids=list(SHOWN))
def test_lists_of_names_filter_the_models(home: MimoHome, config: dict[str, Any], names: list[str]) -> None:
    home.write(CONFIG, config)
    assert home.models() == [f"gonkagate/{name}" for name in names]


def test_disabled_goes_before_enabled(home: MimoHome) -> None:
    both = {"enabled_providers": ["gonkagate"], "disabled_providers": ["gonkagate"]}
    home.write(CONFIG, {**provider(), **both})
    assert home.models() == []


def test_without_a_provider_all_are_listed(home: MimoHome) -> None:
    home.write(CONFIG, provider())
    assert {"gonkagate/a/two", "mimo/mimo-auto"} <= set(home.mimo("models").stdout.splitlines())


def test_verbose_lines_are_followed_by_json(home: MimoHome) -> None:
    home.write(CONFIG, provider(models={"a/two": {"name": "Two", "limit": {"context": 8, "output": 0}}}))
    lines = home.mimo("models", "gonkagate", "--verbose").stdout.splitlines()
    assert lines[:3] == ["gonkagate/a/two", "{", '  "id": "a/two",']
    assert {'  "name": "Two",', '    "context": 8,', '    "toolcall": true,'} <= set(lines)


@pytest.mark.parametrize("args", ["", "nothing", "debug nothing", "models a b", "models --nothing"])
@needs_stand_in
def test_another_command_line_is_refused(home: MimoHome, args: str) -> None:
    done = home.mimo(*args.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert "mimo debug config" in done.stderr


@needs_stand_in
def test_the_program_stands_alone(home: MimoHome) -> None:
    command = [sys.executable, "-I", "-S", str(STAND_IN), "--version"]
    done = subprocess.run(command, env={"HOME": str(home.home)}, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"0.1.0\n"


@needs_stand_in
def test_the_program_imports_neither_the_package_nor_what_is_slow() -> None:
    code = f"import sys; sys.path[:0] = [{str(STAND_IN.parents[2])!r}]; import tests.mimocode.stand_in_mimo; "
    code += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISc", code], capture_output=True, encoding="ascii", check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert modules.isdisjoint({"ccmimolink", "twisted", "json", "re", "typing", "subprocess"})
