"""The choice of a model that outlasts the proxy.

Owns the file of it, one for each listener. A file that cannot be understood is told of and passed over: it
must never keep a proxy from starting.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ccmimolink.control.files import BrokenFile, read_json, write_json
from ccmimolink.model_choice import name_of_model


class _Remembered(Struct, frozen=True):
    model: str
    version: int = 1


class ModelMemory:
    """What is remembered for one listener.

    :ivar model: the choice; None where there is none.
    :ivar forgets: why nothing is remembered here; empty where it is.
    :ivar complaint: what was wrong with the file.
    """

    def __init__(self, path: Path | None, forgets: str = "") -> None:
        """:param path: None, with the reason, where nothing is to be remembered."""
        self._path, self.forgets = path, forgets
        self.model: str | None = None
        self.complaint = ""
        if path is not None:
            try:
                self.model = _read(path)
            except BrokenFile as error:
                self.complaint = f"The model that was chosen before is not known: {error}"

    def remember(self, model: str | None) -> str:
        """:param model: None forgets.
        :returns: why that could not be done; empty if it was.
        """
        if self._path is None:
            return ""
        try:
            if model is None:
                self._path.unlink(missing_ok=True)
            else:
                write_json(self._path, _Remembered(model))
        except OSError as error:
            return (
                f"{self._path} cannot be written: {error.strerror}. Make it writable, or name another "
                "directory in MIMO_PROXY_STATE_DIR."
            )
        self.model = model
        return ""


def _read(path: Path) -> str | None:
    """:raises BrokenFile: there is something else than the name of a model."""
    remembered = read_json(path, _Remembered)
    if remembered is None:
        return None
    try:
        return name_of_model(remembered.model)
    except ValueError as error:
        raise BrokenFile(f"{path} names no model. Delete it, or choose one with ccmimolink-model.") from error
