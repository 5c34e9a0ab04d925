"""Random files of a user, and setups in any order among them: what must hold after each one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest_twisted  # type: ignore[import-untyped]
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from twisted.internet.defer import ensureDeferred

from ccmimolink.mimocode import flow
from ccmimolink.mimocode.jsonc_text import read_object
from ccmimolink.mimocode.result import Result
from tests.mimocode.settled import SettledStage
from tests.mimocode.stage import KEY, KIMI_REFERENCE, MODELS, OTHER_KEY

STARTS = ["project", "project/deep", "second", "loose/deep", "home/notes"]
FILES = [
    "home/.config/mimocode/config.json",
    "home/.config/mimocode/mimocode.json",
    "home/.config/mimocode/mimocode.jsonc",
    "home/.mimocode/mimocode.json",
    "project/mimocode.json",
    "project/.mimocode/mimocode.json",
    "project/.mimocode/mimocode.jsonc",
    "project/deep/.mimocode/mimocode.json",
    "second/.mimocode/mimocode.json",
    "loose/.mimocode/mimocode.json",
    "loose/deep/mimocode.jsonc",
]
IDS = [model.id for model in MODELS]
REFERENCES = st.sampled_from(["anthropic/claude", "anthropic/claude", KIMI_REFERENCE, "{env:MY_MODEL}"])
ENVIRON = {"MY_MODEL": KIMI_REFERENCE, "MY_PROVIDER": "gonkagate"}
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("GonkaGate"),
        "blacklist": st.lists(st.sampled_from(["x/y", IDS[0]]), max_size=1),
        "options": st.sampled_from(
            [{"timeout": 9}, {"baseURL": "https://fake.invalid"}, {"setCacheKey": False}]
        ),
    },
)
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "$schema": st.just("https://opencode.ai/config.json"),
        "model": REFERENCES,
        "small_model": REFERENCES,
        "share": st.sampled_from(["auto", "manual"]),
        "enabled_providers": st.just(["{env:MY_PROVIDER}", "x"]),
        "disabled_providers": st.lists(st.sampled_from(["x", "gonkagate"]), max_size=1),
        "provider": st.dictionaries(st.just("x"), st.just({"npm": "y"}))
        | st.dictionaries(st.just("gonkagate"), ENTRIES),
    },
)


class Setups(RuleBasedStateMachine):
    """The tree itself is the model: what a setup must leave is told from what was there before it."""

    @initialize()
    def build(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.stage = SettledStage(Path(self.directory.name))
        for name in (*STARTS, "second/.git"):
            (self.stage.root / name).mkdir(parents=True, exist_ok=True)
        self.ours: set[tuple[str, str, str]] = set()
        self.written = 0

    def teardown(self) -> None:
        self.directory.cleanup()

    @rule(file=st.sampled_from(FILES), content=CONTENTS, eol=st.sampled_from(["\n", "\r\n"]))
    def the_user_writes(self, file: str, content: dict[str, Any], eol: str) -> None:
        self.written += 1
        body = json.dumps(content, indent=3).replace("{", f"{{ /* kept in {self.written} */", 1)
        text = f"// kept {self.written}\n{body} /* kept behind {self.written} */\n"
        self.stage.write(file, text.replace("\n", eol))

    @rule(file=st.sampled_from(FILES))
    def the_user_deletes(self, file: str) -> None:
        (self.stage.root / file).unlink(missing_ok=True)

    @rule(content=st.sampled_from([None, b"{"]))
    def the_memory_is_lost(self, content: bytes | None) -> None:
        state = self.stage.state_file
        if state.exists() and content is None:
            state.unlink()
        elif state.exists():
            state.write_bytes(content or b"")

    @rule(
        scope=st.sampled_from(["user", "project"]),
        model=st.sampled_from(IDS),
        start=st.sampled_from(STARTS),
        key=st.sampled_from([KEY, OTHER_KEY]),
    )
    def somebody_sets_up(self, scope: str, model: str, start: str, key: str) -> None:
        cwd = self.stage.root / start
        before, texts = self.snapshot(), self.texts()

        result = self.set_up(scope, model, cwd, key)

        if result.ok:
            self.check_done(result, f"gonkagate/{model}", cwd, key)
            self.check_kept(result, texts, f"gonkagate/{model}")
            self.check_idempotent(scope, model, cwd, key)
        else:
            assert self.snapshot() == before
            self.check_not_in_vain(result, before, scope, model, cwd, key)

    def set_up(self, scope: str, model: str, cwd: Path, key: str) -> Result:
        running = self.stage.set_up(scope, model, cwd=cwd, key=key, env=ENVIRON)
        result: Result = pytest_twisted.blockon(ensureDeferred(running))
        return result

    def snapshot(self) -> Any:
        """All but a ``.gitignore``, which ``mimo`` leaves in each directory that it reads."""
        there = self.stage.settled() | {
            str(path): path.read_bytes() for path in self.stage.root.glob("[sl]*/**/mimocode.json*")
        }
        return {path: entry for path, entry in there.items() if not path.endswith(".gitignore")}

    def texts(self) -> dict[str, str]:
        return {
            file: path.read_bytes().decode() for file in FILES if (path := self.stage.root / file).exists()
        }

    def check_done(self, result: Result, reference: str, cwd: Path, key: str) -> None:
        resolved = self.stage.resolved(cwd, **ENVIRON)
        assert (resolved["model"], resolved["small_model"]) == (reference, reference)
        entry = resolved["provider"]["gonkagate"]
        assert entry["npm"] == "@ai-sdk/openai-compatible"
        assert entry["options"] | {"timeout": 9} == {
            "baseURL": "https://api.gonkagate.com/v1",
            "apiKey": key,
            "setCacheKey": False,
            "timeout": 9,
        }
        assert set(IDS) <= set(entry["models"])
        assert reference in self.stage.models(cwd=cwd, **ENVIRON)
        assert self.stage.secret.read_text() == f"{key}\n"

    def check_kept(self, result: Result, before: dict[str, str], reference: str) -> None:
        """What was the user's is there, and the model is chosen in one place."""
        assert result.targets is not None
        target = result.targets.global_config
        chosen = result.targets.project_config or target
        after = self.texts()
        for file, text in before.items():
            path = self.stage.root / file
            was = read_object(text)
            assert file in after or not (set(was) - {"$schema", "model", "small_model"} or "kept" in text)
            now = read_object(after.get(file, ""))
            assert without_ours(now, path == target) == without_ours(was, path == target)
            assert [line for line in text.split() if "kept" in line] == [
                line for line in after.get(file, "").split() if "kept" in line
            ]
            for name in ("model", "small_model"):
                if path != chosen and now.get(name) != was.get(name):
                    assert now.get(name) is None
                    assert (file, name, was[name]) in self.ours
        for name in ("model", "small_model"):
            file = os.path.relpath(chosen, self.stage.root)
            if read_object(before.get(file, "")).get(name) != reference:
                self.ours.add((file, name, reference))

    def check_idempotent(self, scope: str, model: str, cwd: Path, key: str) -> None:
        before = {path: Path(path).read_bytes() for path in self.stage.configs()}
        texts = self.texts()
        assert self.set_up(scope, model, cwd, key).ok
        assert {path: Path(path).read_bytes() for path in self.stage.configs()} == before
        assert self.texts() == texts

    def check_not_in_vain(
        self, result: Result, before: Any, scope: str, model: str, cwd: Path, key: str
    ) -> None:
        """What is refused beforehand MiMoCode does not resolve either, and but for placeholders all that it
        would not resolve is refused beforehand."""
        if result.wrote:
            assert any("{env:" in text for text in self.texts().values())
            return
        with patch.object(flow, "check_hidden"):
            unchecked = self.set_up(scope, model, cwd, key)
        assert {one.code for one in result.blockers} <= {one.code for one in unchecked.blockers}
        assert unchecked.wrote
        assert self.snapshot() == before


def without_ours(document: dict[str, Any], is_target: bool) -> dict[str, Any]:
    rest = {
        name: value for name, value in document.items() if name not in ("$schema", "model", "small_model")
    }
    if is_target:
        rest["provider"] = {
            name: value for name, value in rest.get("provider", {}).items() if name != "gonkagate"
        }
    return rest


TestSetups = Setups.TestCase
TestSetups.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
