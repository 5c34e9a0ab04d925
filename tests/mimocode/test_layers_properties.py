"""What files say of a configuration is what MiMoCode resolves from them, and who is named has said it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccmimolink.mimocode.layers import (
    Kind,
    Where,
    merged,
    read_layers,
    repository_around,
    value_at,
    who_says,
)
from tests.mimocode.stand_in_layers import Layers, Places

BUILT_IN = {"opencode", "opencode-go"}
CONFIG = "home/.config/mimocode"
DIRECTORIES = [
    ".",
    "home",
    "home/notes",
    "home/.config",
    CONFIG,
    "home/.mimocode",
    "home/work",
    "home/work/deep",
    "home/work/deep/er",
    "srv/one",
]
FILES = [
    *(f"{CONFIG}/{name}" for name in ("config.json", "mimocode.json", "mimocode.jsonc")),
    *(f"managed/{name}" for name in ("mimocode.json", "mimocode.jsonc")),
    *(
        f"{directory}/{part}mimocode.{ending}"
        for directory in DIRECTORIES
        for part in ("", ".mimocode/")
        for ending in ("json", "jsonc")
    ),
]
PATHS = [
    ("model",),
    ("small_model",),
    ("share",),
    ("enabled_providers",),
    ("disabled_providers",),
    ("provider", "gonkagate", "npm"),
    ("provider", "gonkagate", "whitelist"),
    ("provider", "gonkagate", "options", "baseURL"),
    ("provider", "gonkagate", "options", "deep"),
    ("provider", "gonkagate", "options", "deep", "er"),
    ("provider", "gonkagate", "models", "a/b", "name"),
]
NAMES = st.lists(st.sampled_from(["gonkagate", "x", "y"]), max_size=2, unique=True)
OPTIONS = st.fixed_dictionaries(
    {}, optional={"baseURL": st.text(max_size=3), "deep": st.text(max_size=2) | st.just({"er": "z"})}
)
PROVIDERS = st.fixed_dictionaries(
    {},
    optional={
        "npm": st.text(max_size=3),
        "whitelist": NAMES,
        "options": OPTIONS,
        "models": st.dictionaries(st.sampled_from(["a/b", "c"]), st.just({"name": "n"}), max_size=2),
    },
)
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "$schema": st.just("x"),
        "model": st.sampled_from(["a/b", "c/d", "e/f"]),
        "small_model": st.sampled_from(["a/b", "c/d"]),
        "share": st.sampled_from(["manual", "auto"]),
        "enabled_providers": NAMES,
        "disabled_providers": NAMES,
        "provider": st.dictionaries(st.sampled_from(["gonkagate", "x"]), PROVIDERS, max_size=2),
    },
)
STACKS = st.dictionaries(st.sampled_from(FILES), LAYERS, max_size=7)
REPOSITORIES = st.sampled_from([None, None, "home/work", "home", "home/.config", ".", "home/work/deep"])
SOME = settings(max_examples=120, deadline=None)


class Tree:
    """Directories with files, one of which may be the root of a repository."""

    def __init__(self, root: Path, repository: str | None) -> None:
        self.root = root
        for directory in DIRECTORIES:
            (root / directory).mkdir(parents=True, exist_ok=True)
        if repository is not None:
            (root / repository / ".git").mkdir()

    def write(self, stack: dict[str, Any]) -> None:
        for name, value in stack.items():
            path = self.root / name
            assert path.is_relative_to(self.root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def where(self, directory: str) -> Where:
        return Where(
            config_directory=self.root / CONFIG,
            directory=self.root / directory,
            repository=repository_around(self.root / directory),
            home=self.root / "home",
            managed_directory=self.root / "managed",
        )

    def resolved(self, directory: str) -> dict[str, Any]:
        env = {
            "HOME": str(self.root / "home"),
            "MIMOCODE_TEST_MANAGED_CONFIG_DIR": str(self.root / "managed"),
        }
        return Layers(env, Places(env), str(self.root / directory)).resolve()


@contextmanager
def tree(repository: str | None) -> Iterator[Tree]:
    with tempfile.TemporaryDirectory() as root:
        yield Tree(Path(root).resolve(), repository)


def without_built_in(value: Any) -> Any:
    return [one for one in value or [] if one not in BUILT_IN] or None


@SOME
@given(STACKS, st.sampled_from(DIRECTORIES), REPOSITORIES)
def test_the_files_merged_are_what_mimo_resolves(
    stack: dict[str, Any], directory: str, repository: str | None
) -> None:
    with tree(repository) as there:
        there.write(stack)
        predicted = merged(read_layers(there.where(directory).layers()))
        resolved = there.resolved(directory)

    for path in PATHS:
        ours, theirs = value_at(predicted, path), value_at(resolved, path)
        if path == ("disabled_providers",):
            ours, theirs = ours or None, without_built_in(theirs)
        assert ours == theirs, path


@SOME
@given(
    st.dictionaries(st.sampled_from(FILES), st.sets(st.sampled_from(range(len(PATHS)))), max_size=7),
    st.sampled_from(DIRECTORIES),
    REPOSITORIES,
)
def test_the_file_that_is_named_decides(
    stack: dict[str, set[int]], directory: str, repository: str | None
) -> None:
    """Each file says its own name wherever it says something."""
    with tree(repository) as there:
        there.write({name: saying(name, places) for name, places in stack.items()})
        contents = read_layers(there.where(directory).layers())
        resolved = there.resolved(directory)

        for path in PATHS:
            said = value_at(resolved, path)
            if said is None or isinstance(said, dict) or without_built_in(said) is None:
                continue
            name = said[0] if isinstance(said, list) else said
            assert who_says(contents, path) == there.root / name, path


def saying(name: str, places: set[int]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for place in places - {PATHS.index(("share",))}:
        *above, last = PATHS[place]
        holder = value
        for key in above:
            inner = holder.setdefault(key, {})
            if not isinstance(inner, dict):
                break
            holder = inner
        else:
            holder[last] = [name] if last.endswith(("providers", "whitelist")) else name
    return value


@SOME
@given(st.sampled_from(DIRECTORIES), REPOSITORIES)
def test_a_project_is_never_the_users_own_directory(directory: str, repository: str | None) -> None:
    with tree(repository) as there:
        where = there.where(directory)
        projects = [layer.path.parent for layer in where.layers() if layer.kind is Kind.PROJECT]
        assert where.config_directory not in projects
        assert where.home / ".mimocode" not in projects
        assert where.directory in where.project.rglob("*") or where.directory == where.project


def test_nobody_says_what_is_nowhere(tmp_path: Path) -> None:
    there = Tree(tmp_path, None)
    there.write({f"{CONFIG}/mimocode.json": {"provider": {"x": {}}}})
    contents = read_layers(there.where("srv/one").layers())

    assert who_says(contents, ("provider", "gonkagate", "npm")) is None


def test_who_puts_something_else_in_an_objects_place_decides_what_is_in_it(tmp_path: Path) -> None:
    there = Tree(tmp_path, None)
    options = ("provider", "gonkagate", "options", "deep")
    low, high = f"{CONFIG}/config.json", f"{CONFIG}/mimocode.json"
    there.write(
        {
            low: {"provider": {"gonkagate": {"options": {"deep": {"er": "z"}}}}},
            high: {"provider": {"gonkagate": {"options": {"deep": None}}}},
        }
    )
    contents = read_layers(there.where("srv/one").layers())

    assert who_says(contents, (*options, "er")) == tmp_path / high
    assert who_says(contents, options) == tmp_path / high
