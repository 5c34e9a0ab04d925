"""A user whose Codex is led to the proxy: a home with cc switch and Codex, the proxy and ``ccmimolink-sync``.

Owns the home, the programs that run in it, and the watch over the keys: whatever a program of ours prints,
and every command line on the machine, is searched for them. It must not judge what a takeover does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.e2e.codex_cli import Codex, Run
from tests.e2e.processes import PATIENCE, clean_environ, free_port, wait_until
from tests.e2e.proxy import Proxy
from tests.sync.cc_switch import CcSwitch

_LOOKS_PER_SECOND = 20


class CommandLines:
    """Looks at the command lines of all processes, again and again, for as long as it is entered."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _look_on(self) -> None:
        while not self._ended.wait(1 / _LOOKS_PER_SECOND):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    self.seen.add(process.read_bytes())


class User:
    """One user and the machine.

    :ivar app: cc switch. It is there from the first look at it on.
    """

    def __init__(self, directory: Path, codex_binary: str, mimo_url: str) -> None:
        self._directory, self._codex_binary, self._mimo_url = directory, codex_binary, mimo_url
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        self._keys: list[str] = []
        self._printed: list[str] = []
        self._numbers = count()
        self._at_the_end = ExitStack()
        self._command_lines = self._at_the_end.enter_context(CommandLines())
        self._path = self._put_codex_on_the_path()

    def _put_codex_on_the_path(self) -> str:
        """For our programs: it writes down what it is given of arguments and environment."""
        shim = self._directory / "bin" / "codex"
        shim.parent.mkdir()
        self._codex_record = self._directory / "codex-was-given.txt"
        self._codex_record.touch()
        lines = (
            "#!/bin/sh",
            f"{{ printf '%s\\n' \"$@\"; env; }} >> '{self._codex_record}'",
            f"exec '{self._codex_binary}' \"$@\"",
        )
        shim.write_text("\n".join(lines) + "\n")
        shim.chmod(0o755)
        return f"{shim.parent}{os.pathsep}{os.environ['PATH']}"

    # -- what is there ------------------------------------------------------------------------------------

    @cached_property
    def app(self) -> CcSwitch:
        return CcSwitch(self.home)

    def install_app(self, **options: Any) -> CcSwitch:
        """cc switch with options of its model."""
        self.app = CcSwitch(self.home, **options)
        return self.app

    def new_key(self, prefix: str = "sk-") -> str:
        """A fake key that is nowhere else on the machine, and is not to be seen anywhere."""
        self._keys.append(f"{prefix}fake-{uuid4().hex}")
        return self._keys[-1]

    @property
    def config(self) -> Path:
        """What Codex reads."""
        return self.home / ".codex" / "config.toml"

    @property
    def auth(self) -> Path:
        return self.home / ".codex" / "auth.json"

    @property
    def catalog(self) -> Path:
        return self.home / ".codex" / "ccmimolink-models.json"

    def catalog_in_config(self) -> bool:
        """Whether Codex is told of our catalog."""
        return self.catalog.name in self.config.read_text()

    def log_in(self, key: str) -> None:
        """Give Codex the key of another service, as ``codex login --with-api-key`` does."""
        self.auth.write_text(json.dumps({"OPENAI_API_KEY": key}))

    # -- Codex --------------------------------------------------------------------------------------------

    @cached_property
    def codex(self) -> Codex:
        codex = Codex(self._codex_binary, self.home, None, home=".codex")
        self._at_the_end.callback(codex.end)
        return codex

    def exec(self, prompt: str = "how are you?", *options: str) -> Run:
        """A run that was answered, with whatever it complained about."""
        run = self.codex.exec(prompt, *options)
        assert run.failures == [], run
        assert run.status == 0, run
        assert run.messages, run
        return run

    def exec_before(self, proxy: Proxy, upstream: str) -> Run:
        """A run with the configuration as it is, but for the address, which then is as it was."""
        with self._changed(lambda config: config.replace(upstream.encode(), proxy.base_url.encode())):
            return self.exec()

    @contextmanager
    def _changed(self, change: Callable[[bytes], bytes]) -> Iterator[None]:
        before = self.config.read_bytes()
        after = change(before)
        assert after != before, before
        self.config.write_bytes(after)
        yield
        assert self.config.read_bytes() == after, "Codex has changed its configuration"
        self.config.write_bytes(before)

    def run_codex(self, *arguments: str) -> str:
        """Run another command of Codex's, which reads its configuration for it, and return what it prints."""
        done = self._run([self._codex_binary, *arguments], self.codex.environ, "")
        assert done.returncode == 0, done
        return done.stdout

    def models(self, *options: str) -> list[str]:
        """The models that Codex offers."""
        printed = json.loads(self.run_codex("debug", "models", *options))
        return [str(model["slug"]) for model in printed["models"]]

    # -- our programs -------------------------------------------------------------------------------------

    def environ(self, **extra: str) -> dict[str, str]:
        # Where our state is depends on this one too; an empty one counts as unset.
        own = {"PATH": self._path, "XDG_STATE_HOME": "", "MIMO_PROXY_MIN_INTERVAL_MS": "0"}
        return clean_environ(self.home, **own, **extra)

    def start_proxy(self, *options: str, wait: bool = True, **environ: str) -> Proxy:
        """Start the proxy without a key of its own.

        :param wait: for the takeover to have ended one way or the other.
        """
        proxy = Proxy.start(
            self._new_directory(),
            *options,
            **self.environ(MIMO_BASE_URL=self._mimo_url, **environ),
        )
        self._at_the_end.callback(self.stop_proxy, proxy)
        if wait:
            wait_until(lambda: "RouteKeeper" in proxy.log_text() or None, "the end of the takeover")
        return proxy

    def stop_proxy(self, proxy: Proxy) -> None:
        """Twice does no harm."""
        proxy.stop()
        self._printed += [proxy.log_text(), proxy.output.read_text()]

    def fail_to_start(self, *options: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run the proxy to its early end."""
        log = self._new_directory() / "mimo_proxy.log"
        command = Proxy.command(port if port is not None else free_port(), log, *options)
        done = self._run(command, self.environ(MIMO_BASE_URL=self._mimo_url), "")
        self._printed.append(log.read_text() if log.exists() else "")
        return done

    def sync(
        self, *options: str, stdin: str = "", status: int = 0, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``ccmimolink-sync``.

        :param status: with which it is to end.
        """
        command = [str(Path(sys.executable).with_name("ccmimolink-sync")), *options]
        done = self._run(command, self.environ(**environ), stdin)
        assert (done.returncode, done.stderr) == (status, ""), done
        return done

    def lead_to(self, proxy: Proxy, *options: str) -> str:
        """Run ``ccmimolink-sync`` for this proxy, and return what it says."""
        return self.sync("--port", str(proxy.port), *options).stdout

    def _run(
        self, command: list[str], environ: dict[str, str], stdin: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self._directory,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self._printed += [done.stdout, done.stderr]
        return done

    def _new_directory(self) -> Path:
        directory = self._directory / f"proxy{next(self._numbers)}"
        directory.mkdir()
        return directory

    # -- the end ------------------------------------------------------------------------------------------

    def end(self) -> None:
        """End all programs.

        :raises AssertionError: one of them has shown a key.
        """
        self._at_the_end.close()
        lines = [line.replace(b"\0", b" ").decode(errors="replace") for line in self._command_lines.seen]
        if self._printed:
            ours = str(Path(sys.executable).parent)
            assert any(ours in line for line in lines), "our programs' command lines were not seen"
        for text in (*self._printed, *lines, self._codex_record.read_text()):
            for key in self._keys:
                assert key not in text, f"a key is shown:\n{text.replace(key, '[KEY]')}"

    def files_with_keys_for_others(self) -> list[Path]:
        """The files in the home with a key that others than the user can read, but for cc switch's own."""
        theirs = {self.auth, self.home / ".cc-switch" / "cc-switch.db"}
        return [
            path
            for path in self.home.rglob("*")
            if path.is_file()
            and not path.is_symlink()  # to Codex's program, of which it has several
            and path not in theirs
            and path.stat().st_mode & 0o077
            and any(key.encode() in path.read_bytes() for key in self._keys)
        ]
