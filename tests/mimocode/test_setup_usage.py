"""Wrong calls: their exit status and their words, which repeat nothing of what was typed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmimolink import __version__
from ccmimolink.mimocode.command import main
from tests.mimocode.local_setup import COMMAND

MARK = "gp-fake-m4rk-0123456789"
OPTIONS = (
    "--scope",
    "--yes",
    "--json",
    "--api-key-stdin",
    "--model",
    "--cwd",
    "--version",
    "--help",
    "--print-completion",
)
NOWHERE = ("--cwd", f"/nonexistent/{MARK}")
"""Makes any call a wrong one, so that nothing is set up here."""


class Called(NamedTuple):
    status: int
    out: str
    err: str

    def result(self) -> Any:
        """What was printed for programs: one object, and nothing else."""
        assert self.err == ""
        assert self.out.endswith("}\n")
        return json.loads(self.out)


def call(*arguments: str) -> Called:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return Called(status, out.getvalue(), err.getvalue())


def refused(*arguments: str) -> str:
    """The words of a refusal, which are the same for programs."""
    called = call(*arguments)
    assert (called.status, called.out) == (2, "")
    for_programs = call(*arguments, "--json") if "--" not in arguments else call("--json", *arguments)
    assert for_programs.status == 2
    assert MARK not in called.err + for_programs.out + for_programs.err
    result = for_programs.result()
    assert f"- {result['errorCode']}: {result['message']}\n" in called.err
    return f"{result['errorCode']}: {result['message']}"


def test_help_names_every_option_and_no_other() -> None:
    called = call("--help")

    assert (called.status, called.err) == (0, "")
    listed = {word.strip(",[]") for word in called.out.split() if word.strip("[").startswith("--")}
    assert {word.rstrip(",;)") for word in listed} == set(OPTIONS)
    for word in ("GONKAGATE_API_KEY", "mimo 0.1.0", "user|project", "EXIT STATUS 0 done 1 not done"):
        assert word in " ".join(called.out.split())


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(option: str) -> None:
    assert call(option) == Called(0, f"mimo-code-setup {__version__} (ccmimolink)\n", "")


KEYS = [
    ("--api-key", MARK),
    (f"--api-key={MARK}",),
    (f"--api_key={MARK}",),
    ("--API-KEY", MARK),
    ("--api", MARK),
    (f"--apikey={MARK}",),
    (f"--api-key-file={MARK}",),
    (f"--key={MARK}",),
    ("--api-key-std", MARK),
    ("--yes", "--scope", "user", "--api-key", MARK),
]


@pytest.mark.parametrize("arguments", KEYS, ids=" ".join)
def test_a_key_as_an_argument_has_a_refusal_of_its_own(arguments: Sequence[str]) -> None:
    words = refused(*arguments)

    assert words.startswith("unsafe_api_key_flag: A key is never given as an argument")
    assert "--api-key-stdin" in words
    assert "GONKAGATE_API_KEY" in words


NOT_OPTIONS = [
    (MARK,),
    ("--api-key-stdin", MARK),
    ("--yes", MARK, "--scope", "user"),
    (f"-kgp-{MARK}",),
    ("-k", MARK),
    (f"-{MARK}",),
    (f"--{MARK}",),
    (f"--token={MARK}",),
    ("--base-url", f"https://{MARK}.example"),
    (f"--base-url=https://{MARK}.example",),
    ("--ye",),
    ("--scop", "user"),
    (f"--mod={MARK}",),
    ("--vers",),
    ("--", MARK),
    (f"-h{MARK}",),
    (f"--api_key_stdin={MARK}",),
]


@pytest.mark.parametrize("arguments", NOT_OPTIONS, ids=" ".join)
def test_what_is_no_option_is_refused_also_if_it_is_the_beginning_of_one(arguments: Sequence[str]) -> None:
    assert refused(*arguments).startswith("usage_error: There is an argument that is not an option. A key is")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scope", MARK), "--scope is user or project. See --help."),
        ((f"--scope={MARK}",), "--scope is user or project. See --help."),
        (("--scope=",), "--scope is user or project. See --help."),
        (("--scope", "User"), "--scope is user or project. See --help."),
        (("--scope",), "--scope needs a value. See --help."),
        (("--model",), "--model needs a value. See --help."),
        (("--model", "--yes"), "--model needs a value. See --help."),
        (("--cwd", "--scope", MARK), "--cwd needs a value. See --help."),
        ((f"--yes={MARK}",), "--yes takes no value. See --help."),
        ((f"--json={MARK}",), "--json takes no value. See --help."),
        ((f"--api-key-stdin={MARK}",), "--api-key-stdin takes no value. See --help."),
        ((f"--version={MARK}",), "--version takes no value. See --help."),
        ((f"-V{MARK}",), "--version takes no value. See --help."),
        (("--yes=invalid choice: expected",), "--yes takes no value. See --help."),
        (("--yes=expected",), "--yes takes no value. See --help."),
    ],
)
def test_an_option_that_is_used_wrongly_is_named_with_its_use(arguments: Sequence[str], words: str) -> None:
    assert refused(*arguments) == f"usage_error: {words}"


@pytest.mark.parametrize("kind", ["nothing", "file", "broken link", "loop", "empty", "NUL", "very long"])
def test_a_directory_that_is_none_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / MARK
    if kind == "file":
        place.touch()
    if kind in ("broken link", "loop"):
        place.symlink_to(tmp_path / "gone" if kind == "broken link" else place)
    named = {"empty": "", "NUL": f"{MARK}\0", "very long": MARK * 1000}.get(kind, str(place))

    words = refused("--cwd", named)

    assert words.startswith("usage_error: --cwd is not a directory that can be entered.")


def test_a_directory_that_cannot_be_entered_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / MARK
    closed.mkdir(mode=0o600)
    # The superuser enters any directory, unless that privilege is taken away.
    unprivileged = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()

    ended = subprocess.run(
        [*unprivileged, COMMAND, "--cwd", str(closed)], capture_output=True, check=False, encoding="utf-8"
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--cwd is not a directory that can be entered." in ended.stderr
    assert MARK not in ended.stderr


def test_a_present_directory_that_is_gone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    words = refused("--yes")
    monkeypatch.chdir(tmp_path)

    assert words.startswith("usage_error: The present directory is not a directory that can be entered.")
    assert "--cwd" in words


def test_a_wrong_call_has_the_shape_of_every_failure() -> None:
    assert call("--json", "--scope", MARK).result() == {
        "ok": False,
        "status": "blocked",
        "errorCode": "usage_error",
        "message": "--scope is user or project. See --help.",
        "blockers": [
            {
                "code": "usage_error",
                "message": "--scope is user or project. See --help.",
                "source": "cli",
            }
        ],
        "provider": "gonkagate",
        "warnings": [],
        "notes": [],
    }


WORDS = st.one_of(
    st.sampled_from(
        [*OPTIONS, "-V", "-h", "--", "-", "user", "project", MARK, f"--api-key={MARK}", "--api_key"]
    ),
    st.sampled_from([*OPTIONS, "-V", "-h", "-k", "--api-key", "--"]).map(lambda name: f"{name}={MARK}"),
    st.builds("{}{}{}".format, st.text(max_size=4), st.just(MARK), st.text(max_size=4)),
    st.builds("--{}{}".format, st.text(max_size=4), st.just(MARK)),
)


@given(st.lists(WORDS, max_size=5), st.booleans())
def test_nothing_that_was_typed_is_repeated(words: list[str], as_json: bool) -> None:
    called = call(*words, *(["--json"] if as_json else []), *NOWHERE)

    assert MARK not in called.out + called.err
    assert "Traceback" not in called.out + called.err
    if called.status == 0:
        assert {"--help", "-h", "--version", "-V"} & set(words)
    elif as_json or "--json" in words:
        assert called.result()["ok"] is False
    else:
        assert (called.status, called.out) == (2, "")


def test_nothing_is_looked_at_before_a_call_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    refused("--yes", MARK)

    assert os.listdir(tmp_path) == []


def test_authorities_that_cannot_be_read_are_told_without_a_traceback(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from ccmimolink.mimocode.command import run\n"
        "from ccmimolink.mimocode.provider import GONKAGATE\n"
        "def agent(_reactor): raise PermissionError\n"
        "sys.exit(run(['--yes', '--json'], GONKAGATE, agent=agent))\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(tmp_path), "PATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, "")
    result = json.loads(ended.stdout)
    assert result["errorCode"] == "model_catalog_fetch_failed"
    assert "SSL_CERT_FILE" in result["message"]
