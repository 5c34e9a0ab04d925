"""The model catalog that Codex reads of us: MiMo's models beside those that Codex has built in.

Owns its making. A catalog takes the place of Codex's own list, so the models in that list are cloned from the
installed Codex; and Codex does not start with a catalog that it cannot read, so it is asked beforehand.

Source: ``codex debug models --bundled`` prints what Codex has built in; ``-c model_catalog_json=…`` makes it
read a file in place of that.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ccmimolink import children
from ccmimolink.core.catalog import listing
from ccmimolink.core.models import ModelTable

_SECONDS = 15.0
_MOST_BYTES = 16 * 1024 * 1024


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
        codex = children.find_program("codex", self._environ.get("PATH", os.defpath))
        if codex is None:
            return _encoded(ours) if only_provider else None
        try:
            with tempfile.TemporaryDirectory(prefix="ccmimolink-", ignore_cleanup_errors=True) as directory:
                return self._checked(str(codex), Path(directory), ours)
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
            process = children.start([codex, *arguments], directory=directory, environ=environ)
        except OSError:
            return None
        with process:
            try:
                printed = children.outputs(process, seconds=self._seconds, most=_MOST_BYTES)
            finally:
                children.end(process, environ)
        return printed[0] if printed is not None and process.returncode == 0 else None


def _encoded(models: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"models": models})
