"""Whether MiMoCode makes of its configuration what was meant.

Owns the comparison with the running program, once for good and once as this shell would start it. It must not
write, and must not show what the program printed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ccmimolink.mimocode import settings as names
from ccmimolink.mimocode.checks import explained
from ccmimolink.mimocode.choices import Scope
from ccmimolink.mimocode.errors import Blocker, Code, SetupError, Source, blocked
from ccmimolink.mimocode.journal import put_back_others, watched
from ccmimolink.mimocode.jsonc_text import JsoncError, read_object
from ccmimolink.mimocode.layers import LOCAL_NAMES, Where, encoded, read_layers, value_at
from ccmimolink.mimocode.mimo import Mimo
from ccmimolink.mimocode.result import Check, Verification
from ccmimolink.mimocode.settings import Settings
from ccmimolink.mimocode.wanted import Wanted, differences, gated_models
from ccmimolink.private_files import read_file


@dataclass(frozen=True, slots=True)
class Proof:
    """What is to be shown, and by which program.

    :ivar target: the user's configuration that holds the provider.
    """

    mimo: Mimo
    wanted: Wanted
    where: Where
    scope: Scope
    target: Path

    async def durable(self, environ: Mapping[str, str], verification: Verification) -> list[str]:
        """
        :returns: warnings.
        :raises SetupError: it is not shown.
        """
        verification.durable = Check.FAILED
        resolved = await self.mimo.resolved(environ)
        found = differences(resolved, self.wanted)
        if found:
            contents = read_layers(self.where.layers())
            raise SetupError(*explained(found, contents, self.wanted, self.scope))
        verification.durable = Check.PASSED
        verification.provenance = Check.FAILED
        self._check_provenance()
        verification.provenance = Check.PASSED
        verification.model_visibility = Check.FAILED
        hidden = gated_models(resolved, self.wanted)
        await self._check_visibility(environ, hidden)
        verification.model_visibility = Check.PASSED
        return _warnings(hidden)

    def _check_provenance(self) -> None:
        """That the key comes from its file by way of the reference, and stands in no configuration."""
        path = (*self.wanted.provider_path, "options", "apiKey")
        try:
            document = read_object((read_file(self.target).content or b"").decode())
        except (OSError, UnicodeDecodeError, JsoncError):
            document = {}
        if value_at(document, path) != self.wanted.provider.secret_reference:
            raise blocked(
                Code.SECRET_PROVENANCE_FAILED,
                Source.VERIFICATION,
                f"{self.target} does not name the key's file: something else changed it just now. Run this "
                "again.",
                str(self.target),
            )

    async def _check_visibility(self, environ: Mapping[str, str], hidden: frozenset[str]) -> None:
        wanted = self.wanted
        visible = await self.mimo.visible_models(wanted.provider.id, environ)
        missing = [model.id for model in wanted.catalog if model.id not in visible | hidden]
        if missing:
            raise blocked(
                Code.MODEL_VISIBILITY_FAILED,
                Source.VERIFICATION,
                f"mimo models {wanted.provider.id} does not list {len(missing)} of {len(wanted.catalog)} "
                f"models, {missing[0]} among them. Run it yourself to see what it objects to.",
            )


def _warnings(hidden: frozenset[str]) -> list[str]:
    if not hidden:
        return []
    return [f"A whitelist or blacklist in your configuration hides {len(hidden)} of the provider's models."]


async def check_session(proof: Proof, settings: Settings, verification: Verification) -> None:
    """Whether ``mimo`` will do the same when it is started from this shell.

    :raises SetupError: it will not. The setup itself is not touched by that.
    """
    overrides = settings.session_overrides()
    if not overrides:  # then the proof was made with this very environment
        verification.current_session = Check.PASSED
        return
    verification.current_session = Check.BLOCKED
    session = _Session(proof, settings)
    others = watched(session.files())
    try:
        differing = [*session.own_keys(), *await session.differing()]
    finally:
        put_back_others(others)
    if differing:
        raise _conflict(overrides, differing)
    verification.current_session = Check.PASSED


class _Session:
    def __init__(self, proof: Proof, settings: Settings) -> None:
        self._proof, self._settings = proof, settings

    def files(self) -> list[Path]:
        """Those that only this session reads, and that can be read."""
        base = self._proof.where.directory
        file = self._settings.session_value(names.CONFIG)
        directory = self._settings.session_value(names.CONFIG_DIRECTORY)
        found = [base / file] if file else []
        found += [base / directory / name for name in LOCAL_NAMES] if directory else []
        own = self._proof.target.resolve()
        return [
            path
            for path in found
            if os.path.isfile(path) and os.access(path, os.R_OK) and path.resolve() != own
        ]

    def own_keys(self) -> Iterator[str]:
        """A key of the session's own takes the place of the one that is kept, the same today or not."""
        texts = [read_file(path).content or b"" for path in self.files()]
        texts.append(encoded(self._settings.session_value(names.CONFIG_CONTENT)))
        path = (*self._proof.wanted.provider_path, "options", "apiKey")
        for text in texts:
            try:
                document = read_object(text.decode("utf-8", "replace"))
            except JsoncError:
                continue  # mimo itself says what it makes of that
            if value_at(document, path) is not None:
                yield ".".join(path)
                return

    async def differing(self) -> list[str]:
        """What MiMoCode resolves otherwise in this session."""
        wanted = self._proof.wanted
        environ = self._settings.session_environ()
        try:
            resolved = await self._proof.mimo.resolved(environ)
            visible = await self._proof.mimo.visible_models(wanted.provider.id, environ)
        except SetupError:
            return ["mimo does not accept it"]
        found = [str(difference) for difference in differences(resolved, wanted)]
        return found if found or wanted.model in visible else ["mimo models does not list the model"]


def _conflict(overrides: tuple[str, ...], differing: list[str]) -> SetupError:
    several = len(overrides) > 1
    what = ", ".join(dict.fromkeys(differing))
    message = (
        f"The setup is done and stays, but in this shell {', '.join(overrides)} "
        f"{'change' if several else 'changes'} what mimo makes of it ({what}). Unset "
        f"{'them' if several else 'it'}, or start mimo from another shell."
    )
    return SetupError(
        Blocker(Code.RUNTIME_OVERRIDE_CONFLICT, Source.CURRENT_SESSION, message, ", ".join(overrides))
    )
