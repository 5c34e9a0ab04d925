"""The stand-in and a real ``mimo`` resolve the same from the same layers, whatever those are.

Asks for ``MIMO_BIN``, the path of MiMoCode 0.1.0: ``MIMO_BIN=… pytest -m mimo tests/mimocode``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mimocode.mimo_home import REAL_MIMO, Hooks, MimoHome

pytestmark = pytest.mark.mimo

# What the program adds of its own, or takes from the machine.
OWN = ("username", "agent", "mode", "plugin", "plugin_origins", "command")
FILES = (
    *(f"home/.config/mimocode/{name}" for name in ("config.json", "mimocode.json", "mimocode.jsonc")),
    *(f"{place}/mimocode.json" for place in (".", "project", "project/a", "project/a/b", "extra", "managed")),
    *(f"{place}/.mimocode/mimocode.jsonc" for place in (".", "home", "project", "project/a", "project/a/b")),
    "project/mimocode.jsonc",
    "custom.json",
)
KEYS = st.sampled_from(["gp-fake-1", "gp-fake-2", "{file:~/key}", "{env:SOME_KEY}"])
PROVIDERS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["A", "B"]),
        "whitelist": st.lists(st.sampled_from(["a/one", "b/two"]), unique=True),
        "blacklist": st.lists(st.sampled_from(["a/one", "b/two"]), unique=True),
        "options": st.fixed_dictionaries({}, optional={"apiKey": KEYS, "setCacheKey": st.booleans()}),
        "models": st.dictionaries(
            st.sampled_from(["a/one", "b/two", "C:free"]),
            st.fixed_dictionaries({}, optional={"name": st.sampled_from(["x", "y"])}),
        ),
    },
)
NAMES = st.lists(st.sampled_from(["gonkagate", "xiaomi", "other"]), unique=True)
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "$schema": st.just("https://opencode.ai/config.json"),
        "model": st.sampled_from(["gonkagate/a/one", "gonkagate/b/two", "other/x"]),
        "small_model": st.sampled_from(["gonkagate/a/one", "other/x"]),
        "provider": st.fixed_dictionaries({}, optional={"gonkagate": PROVIDERS}),
        "enabled_providers": NAMES,
        "disabled_providers": NAMES,
        "instructions": st.lists(st.sampled_from(["a.md", "b.md"]), unique=True),
        "theme": st.just("dark"),
    },
)
PREFIXES = st.sampled_from(["", "// first\n", "\ufeff", " \n", "/* {env:SOME_KEY} */ "])
TEXTS = st.builds(lambda prefix, layer: prefix + json.dumps(layer, indent=1), PREFIXES, LAYERS)
ODD_TEXTS = st.sampled_from(
    ["", " ", "[]", "{", '{"foo": 1}', '{"model": 1}', '{"model": "{file:none}"}', "{,}"]
)
STACKS = st.dictionaries(st.sampled_from(FILES), TEXTS, min_size=1, max_size=6)
SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        "MIMOCODE_CONFIG": st.sampled_from(["custom.json", "none.json"]),
        "MIMOCODE_CONFIG_DIR": st.just("extra"),
        "MIMOCODE_TEST_MANAGED_CONFIG_DIR": st.just("managed"),
        "MIMOCODE_CONFIG_CONTENT": TEXTS.filter(lambda text: "\ufeff" not in text),
        "MIMOCODE_DISABLE_PROJECT_CONFIG": st.sampled_from(["0", "1", "true"]),
    },
)
PLACES = st.sampled_from(["project", "project/a", "project/a/b", "plain"])
MODEST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Pair:
    """Two homes of one content and one path, in turn: one with the stand-in, one with the real program."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def each(self, stack: Mapping[str, str], place: str, env: Mapping[str, str], *args: str) -> list[Answer]:
        """What each program answers, and the files of the stack afterwards."""
        return [self.one(hooks, stack, place, env, *args) for hooks in (Hooks(version="0.1.0\n"), Hooks())]

    def one(
        self, hooks: Hooks, stack: Mapping[str, str], place: str, env: Mapping[str, str], *args: str
    ) -> Answer:
        # Both see the same paths, so that what they print is the same too.
        shutil.rmtree(self.root, ignore_errors=True)
        home = MimoHome(self.root, hooks)
        home.write("home/key", "gp-fake-file\n")
        for directory in ("project/a/b", "extra", "managed", "plain"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        for name, text in stack.items():
            home.write(name, text)
        variables = {
            name: str(self.root / value) if name in ("MIMOCODE_CONFIG", "MIMOCODE_CONFIG_DIR") else value
            for name, value in env.items()
        }
        if "MIMOCODE_TEST_MANAGED_CONFIG_DIR" in env:
            variables["MIMOCODE_TEST_MANAGED_CONFIG_DIR"] = str(self.root / "managed")
        done = home.mimo(*args, cwd=self.root / place, SOME_KEY="gp-fake-env", **variables)
        files = {name: (self.root / name).read_bytes() for name in stack}
        return Answer(done.returncode, done.stdout, done.stderr, files)


class Answer:
    """What one program answered."""

    def __init__(self, status: int, stdout: str, stderr: str, files: dict[str, bytes]) -> None:
        self.status, self.stdout, self.stderr, self.files = status, stdout, stderr, files

    def config(self) -> dict[str, Any]:
        """The resolved configuration, without what the program adds of its own."""
        config: dict[str, Any] = json.loads(self.stdout)
        for name in ("mimo", "xiaomi"):
            config["provider"].pop(name)
        return {name: value for name, value in config.items() if name not in OWN}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    assert REAL_MIMO, "MIMO_BIN must name a real mimo"
    return Pair(tmp_path / "pair")


@MODEST
@given(stack=STACKS, place=PLACES, env=SWITCHES)
def test_stacks_resolve_alike(pair: Pair, stack: dict[str, str], place: str, env: dict[str, str]) -> None:
    stand_in, real = pair.each(stack, place, env, "--pure", "debug", "config")
    assert (stand_in.status, real.status) == (0, 0), real.stderr
    assert stand_in.config() == real.config()
    assert stand_in.files == real.files


@MODEST
@given(stack=STACKS, place=PLACES, env=SWITCHES)
def test_stacks_offer_the_same_models(
    pair: Pair, stack: dict[str, str], place: str, env: dict[str, str]
) -> None:
    stand_in, real = pair.each(stack, place, env, "models", "gonkagate")
    assert (stand_in.status, stand_in.stdout) == (real.status, real.stdout)
    assert ("Provider not found" in stand_in.stderr) is ("Provider not found" in real.stderr)


@MODEST
@given(name=st.sampled_from(FILES), text=ODD_TEXTS, env=SWITCHES)
def test_odd_texts_end_both(pair: Pair, name: str, text: str, env: dict[str, str]) -> None:
    stand_in, real = pair.each({name: text}, "project/a/b", env, "--pure", "debug", "config")
    assert stand_in.status == real.status
    for mark in ("--- JSONC Input ---", "Unrecognized key", "bad file reference", "Configuration is invalid"):
        assert (mark in stand_in.stderr) is (mark in real.stderr)
    assert stand_in.files == real.files


@pytest.mark.parametrize("args", ["--version", "-v", "debug paths"])
def test_simple_commands_print_the_same(pair: Pair, args: str) -> None:
    stand_in, real = pair.each({}, "project", {}, *args.split())
    assert (stand_in.status, stand_in.stdout) == (real.status, real.stdout)
