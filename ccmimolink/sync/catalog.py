"""The model catalog that Codex reads of us: MiMo's models beside those that Codex has built in.

Owns its making. A catalog takes the place of Codex's own list, so the models in that list are cloned from the
installed Codex; and Codex does not start with a catalog that it cannot read, so it is asked beforehand.

Source: ``codex debug models --bundled`` prints what Codex has built in; ``-c model_catalog_json=…`` makes it
read a file in place of that.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ccmimolink.core.catalog import listing
from ccmimolink.core.models import ModelTable

_SECONDS = 15.0


class Models:
    """Makes catalogs.

    :param environ: what Codex is given of the environment; no key may be in it.
    :param seconds: how long one call of Codex may take.
    """

    def __init__(self, table: ModelTable, environ: Mapping[str, str], seconds: float = _SECONDS) -> None:
        self._table, self._environ, self._seconds = table, environ, seconds

    def make(self, *, only_provider: bool) -> bytes | None:
        """The catalog, or None where one would do harm.

        :param only_provider: the user has no other provider, so that no other model can be missed.
        """
        ours = msgspec.json.decode(listing(None, self._table))["models"]
        codex = shutil.which("codex", path=self._environ.get("PATH"))
        if codex is None:
            return _encoded(ours) if only_provider else None
        try:
            with tempfile.TemporaryDirectory(prefix="ccmimolink-", ignore_cleanup_errors=True) as directory:
                return self._checked(codex, Path(directory), ours)
        except OSError:
            return None  # without room for a try, no catalog

    def _checked(self, codex: str, directory: Path, ours: list[dict[str, Any]]) -> bytes | None:
        bundled = self._run(codex, directory, "debug", "models", "--bundled")
        try:
            theirs = msgspec.json.decode(bundled or b"")["models"]
            known = {model["slug"] for model in ours}
            catalog = _encoded([*ours, *(model for model in theirs if model["slug"] not in known)])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
            return None
        file = directory / "catalog.json"
        file.write_bytes(catalog)
        named = json.dumps(str(file), ensure_ascii=False)  # TOML writes such a string in the same way
        accepted = self._run(codex, directory, "-c", f"model_catalog_json={named}", "debug", "models")
        return catalog if accepted is not None else None

    def _run(self, codex: str, directory: Path, *arguments: str) -> bytes | None:
        """What Codex prints, in an empty home of its own, or None where it fails."""
        environ = {**self._environ, "HOME": str(directory), "CODEX_HOME": str(directory)}
        try:
            process = subprocess.Popen(
                [codex, *arguments],
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None
        with process:
            try:
                printed, _ = process.communicate(timeout=self._seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end(process)
        return printed if process.returncode == 0 else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """With what it started: an installed Codex often is a script that runs the program proper."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _encoded(models: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"models": models})
