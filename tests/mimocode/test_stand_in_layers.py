"""The stand-in's layers have MiMoCode's order, merge as its layers do, and are rewritten as its files are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.mimocode.mimo_home import MimoHome

SCHEMA = "https://opencode.ai/config.json"
GLOBAL = "home/.config/mimocode"
# From the lowest to the highest: a file below the home's root, or a variable.
ORDER = [
    f"{GLOBAL}/config.json",
    f"{GLOBAL}/mimocode.json",
    f"{GLOBAL}/mimocode.jsonc",
    "MIMOCODE_CONFIG",
    "project/mimocode.json",
    "project/mimocode.jsonc",
    "project/a/mimocode.json",
    "project/a/b/mimocode.jsonc",
    "project/a/b/.mimocode/mimocode.json",
    "project/a/b/.mimocode/mimocode.jsonc",
    "project/a/.mimocode/mimocode.json",
    "project/.mimocode/mimocode.json",
    "home/.mimocode/mimocode.json",
    "home/.mimocode/mimocode.jsonc",
    "extra/mimocode.json",
    "extra/mimocode.jsonc",
    "MIMOCODE_CONFIG_CONTENT",
    "managed/mimocode.json",
    "managed/mimocode.jsonc",
]
PROJECT_ROWS = [name for name in ORDER if name.startswith("project/")]


@pytest.fixture
def home(tmp_path: Path) -> MimoHome:
    return MimoHome(tmp_path)


def put(home: MimoHome, layers: list[str]) -> dict[str, str]:
    """Write layers that each name themselves as the model, and give the variables that go with them."""
    env = {"MIMOCODE_CONFIG_DIR": str(home.root / "extra")}
    env["MIMOCODE_TEST_MANAGED_CONFIG_DIR"] = str(home.root / "managed")
    for layer in layers:
        if layer == "MIMOCODE_CONFIG_CONTENT":
            env[layer] = '{"model": "MIMOCODE_CONFIG_CONTENT"}'
        elif layer == "MIMOCODE_CONFIG":
            env[layer] = str(home.write("custom.json", {"model": layer}))
        else:
            home.write(layer, {"model": layer})
    return env


def winner(home: MimoHome, cwd: Path | str | None = None, **env: str) -> Any:
    return home.resolved(cwd=cwd, **env).get("model")


@pytest.mark.parametrize(("low", "high"), list(pairwise(ORDER)))
def test_each_layer_beats_the_one_below_it(home: MimoHome, low: str, high: str) -> None:
    (home.project / "a/b").mkdir(parents=True)
    assert winner(home, home.project / "a/b", **put(home, [high, low])) == high


def test_layers_are_beaten_one_after_the_other(home: MimoHome) -> None:
    (home.project / "a/b").mkdir(parents=True)
    for layer in ORDER:
        env = put(home, ORDER[: ORDER.index(layer) + 1])
        assert winner(home, home.project / "a/b", **env) == layer


def test_the_extra_directory_has_no_config_json(home: MimoHome) -> None:
    home.write("extra/config.json", {"model": "extra"})
    assert winner(home, MIMOCODE_CONFIG_DIR=str(home.root / "extra")) is None


def test_a_project_has_no_config_json(home: MimoHome) -> None:
    home.write("project/config.json", {"model": "project"})
    home.write("project/.mimocode/config.json", {"model": "project"})
    assert winner(home) is None


@pytest.mark.parametrize("value", ["1", "true", "TRUE"])
@pytest.mark.parametrize("layer", PROJECT_ROWS)
def test_the_project_can_be_left_out(home: MimoHome, layer: str, value: str) -> None:
    env = put(home, [layer])
    (home.project / "a/b").mkdir(parents=True, exist_ok=True)
    assert winner(home, home.project / "a/b", MIMOCODE_DISABLE_PROJECT_CONFIG=value, **env) is None


@pytest.mark.parametrize("value", ["0", "false", "yes", ""])
def test_other_values_do_not_leave_the_project_out(home: MimoHome, value: str) -> None:
    env = put(home, ["project/mimocode.json"])
    assert winner(home, MIMOCODE_DISABLE_PROJECT_CONFIG=value, **env) == "project/mimocode.json"


@pytest.mark.parametrize("layer", ["home/.mimocode/mimocode.json", "extra/mimocode.json"])
def test_own_directories_are_not_left_out_with_the_project(home: MimoHome, layer: str) -> None:
    assert winner(home, MIMOCODE_DISABLE_PROJECT_CONFIG="1", **put(home, [layer])) == layer


@pytest.mark.parametrize("name", ["mimocode.json", ".mimocode/mimocode.json"])
def test_in_a_repository_nothing_above_its_root_counts(home: MimoHome, name: str) -> None:
    home.write(name, {"model": "above"})
    assert winner(home) is None


@pytest.mark.parametrize("name", ["mimocode.json", ".mimocode/mimocode.json"])
def test_outside_of_a_repository_everything_above_counts(home: MimoHome, name: str) -> None:
    home.write(name, {"model": "above"})
    (home.root / "plain/deep").mkdir(parents=True)
    assert winner(home, home.root / "plain/deep") == "above"


def test_git_may_be_a_file(home: MimoHome) -> None:
    home.write("linked/.git", "gitdir: /nowhere\n")
    home.write("mimocode.json", {"model": "above"})
    home.write("linked/mimocode.json", {"small_model": "linked"})
    (home.root / "linked/deep").mkdir()
    config = home.resolved(cwd=home.root / "linked/deep")
    assert (config.get("model"), config["small_model"]) == (None, "linked")


def test_below_the_home_its_directory_has_the_place_of_the_walk(home: MimoHome) -> None:
    # Outside of a repository the walk passes the home, and goes on to what is above it.
    home.write("home/.mimocode/mimocode.json", {"model": "home"})
    home.write(".mimocode/mimocode.json", {"model": "above"})
    (home.home / "work").mkdir()
    assert winner(home, home.home / "work") == "above"


def test_a_missing_custom_file_is_passed_over(home: MimoHome) -> None:
    home.write(f"{GLOBAL}/mimocode.json", {"model": "global"})
    assert winner(home, MIMOCODE_CONFIG=str(home.root / "missing.json")) == "global"


def test_bad_inline_content_ends_the_command(home: MimoHome) -> None:
    done = home.mimo("debug", "config", MIMOCODE_CONFIG_CONTENT="{")
    assert (done.returncode, done.stdout) == (1, "")


def test_inline_content_may_have_comments(home: MimoHome) -> None:
    assert winner(home, MIMOCODE_CONFIG_CONTENT='{"model": "a/b",} // so') == "a/b"


def test_objects_merge_deeply_and_lists_are_replaced(home: MimoHome) -> None:
    low = {
        "options": {"apiKey": "gp-fake-low", "baseURL": "low"},
        "whitelist": ["a", "b"],
        "models": {"a": {}},
    }
    high = {"options": {"baseURL": "high"}, "whitelist": ["c"], "models": {"b": {}}}
    home.write(f"{GLOBAL}/mimocode.json", {"provider": {"gonkagate": low}})
    home.write("project/mimocode.json", {"provider": {"gonkagate": high}})
    assert home.resolved()["provider"]["gonkagate"] == {
        "options": {"apiKey": "gp-fake-low", "baseURL": "high"},
        "whitelist": ["c"],
        "models": {"a": {}, "b": {}},
    }


def test_instructions_of_layers_are_joined(home: MimoHome) -> None:
    home.write(f"{GLOBAL}/mimocode.json", {"instructions": ["a", "b"]})
    home.write("project/mimocode.json", {"instructions": ["b", "c"]})
    assert home.resolved()["instructions"] == ["a", "b", "c"]


def test_an_empty_list_of_instructions_takes_none_away(home: MimoHome) -> None:
    home.write(f"{GLOBAL}/mimocode.json", {"instructions": ["a"]})
    home.write("project/mimocode.json", {"instructions": []})
    assert home.resolved()["instructions"] == ["a"]


def test_instructions_of_the_global_files_are_replaced(home: MimoHome) -> None:
    home.write(f"{GLOBAL}/config.json", {"instructions": ["a"]})
    home.write(f"{GLOBAL}/mimocode.json", {"instructions": ["b"]})
    assert home.resolved()["instructions"] == ["b"]


def test_a_permission_of_the_environment_is_put_on_top(home: MimoHome) -> None:
    home.write("project/mimocode.json", {"permission": {"bash": "ask", "edit": "allow"}})
    permission = home.resolved(MIMOCODE_PERMISSION='{"bash": "deny"}')["permission"]
    assert permission == {"bash": "deny", "edit": "allow"}


@pytest.mark.parametrize(("name", "member"), [("AUTOCOMPACT", "auto"), ("PRUNE", "prune")])
def test_compaction_is_switched_off_by_the_environment(home: MimoHome, name: str, member: str) -> None:
    config = home.resolved(**{f"MIMOCODE_DISABLE_{name}": "1"})
    assert config["compaction"] == {member: False}


REWRITTEN = [
    ("{}", '{\n  "$schema": "%",}'),
    ('{"model": "a/b"}', '{\n  "$schema": "%","model": "a/b"}'),
    (' \n{ "model": "a/b" }\n', '{\n  "$schema": "%", "model": "a/b" }\n'),
    ('{\n  "model": "a/b"\n}\n', '{\n  "$schema": "%",\n  "model": "a/b"\n}\n'),
    ('\ufeff{\r\n\t"model": "a/b"\r\n}', '{\n  "$schema": "%",\r\n\t"model": "a/b"\r\n}'),
]
KEPT = [
    "",
    '// first\n{"model": "a/b"}\n',
    '/* first */ {"model": "a/b"}',
    '{"model": "a/b", "$schema": "%"}',
    '{"$schema": "x"}',
]


@pytest.mark.parametrize("command", ["debug config", "models", "models gonkagate"])
@pytest.mark.parametrize(("before", "after"), REWRITTEN)
def test_a_file_without_schema_is_rewritten(home: MimoHome, command: str, before: str, after: str) -> None:
    file = home.write("project/.mimocode/mimocode.json", before)
    home.mimo(*command.split())
    assert file.read_bytes().decode() == after.replace("%", SCHEMA)
    home.mimo(*command.split())
    assert file.read_bytes().decode() == after.replace("%", SCHEMA)


@pytest.mark.parametrize("text", KEPT)
def test_other_files_keep_their_bytes(home: MimoHome, text: str) -> None:
    file = home.write(f"{GLOBAL}/mimocode.jsonc", text.replace("%", SCHEMA))
    home.resolved()
    assert file.read_bytes().decode() == text.replace("%", SCHEMA)


@pytest.mark.parametrize("layer", [name for name in ORDER if "/" in name])
def test_files_of_every_layer_are_rewritten(home: MimoHome, layer: str) -> None:
    env = put(home, [layer])
    (home.project / "a/b").mkdir(parents=True, exist_ok=True)
    home.resolved(cwd=home.project / "a/b", **env)
    assert SCHEMA in (home.root / layer).read_text()


@pytest.mark.parametrize("args", ["--version", "debug paths"])
def test_other_commands_rewrite_nothing(home: MimoHome, args: str) -> None:
    file = home.write(f"{GLOBAL}/mimocode.json", "{}")
    home.mimo(*args.split())
    assert file.read_bytes() == b"{}"


def test_a_link_is_followed_and_the_mode_is_kept(home: MimoHome) -> None:
    target = home.write("dotfiles/mimo.json", "{}")
    target.chmod(0o640)
    home.config_dir.mkdir(parents=True)
    link = home.config_dir / "mimocode.json"
    link.symlink_to(target)
    home.resolved()
    assert link.is_symlink()
    assert SCHEMA in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640


def test_directories_of_configuration_ignore_what_plugins_leave(home: MimoHome) -> None:
    for name in ("project/.mimocode", "home/.mimocode", "extra"):
        (home.root / name).mkdir()
    home.resolved(MIMOCODE_CONFIG_DIR=str(home.root / "extra"))
    for directory in (
        home.config_dir,
        home.project / ".mimocode",
        home.home / ".mimocode",
        home.root / "extra",
    ):
        lines = (directory / ".gitignore").read_text().split()
        assert lines == ["node_modules", "package.json", "package-lock.json", "bun.lock", ".gitignore"]


def test_a_gitignore_that_is_there_is_left_alone(home: MimoHome) -> None:
    file = home.write("project/.mimocode/.gitignore", "mine\n")
    home.resolved()
    assert file.read_text() == "mine\n"


def test_no_directory_is_made_in_a_project(home: MimoHome) -> None:
    home.resolved()
    assert [path.name for path in home.project.iterdir()] == [".git"]


def test_the_toml_file_of_old_is_migrated(home: MimoHome) -> None:
    legacy = home.write(f"{GLOBAL}/config", 'provider = "gonkagate"\nmodel = "a/two"\nusername = "me"\n')
    config = home.resolved()
    assert (config["model"], config["username"]) == ("gonkagate/a/two", "me")
    assert not legacy.exists()
    assert '"model": "gonkagate/a/two"' in (home.config_dir / "config.json").read_text()
