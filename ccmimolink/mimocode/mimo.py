"""The installed MiMoCode: where it is, which one it is, and what it makes of its configuration.

Owns its command line. What it prints may hold the key in clear, so none of it is ever repeated: it is read,
and what is wrong is said in words of our own.

Source: MiMoCode 0.1.0 as it was observed. Its exit status proves nothing by itself: an unknown provider ends
with 0 too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccmimolink.children import find_program
from ccmimolink.mimocode.child import ChildError, Ended, run_child
from ccmimolink.mimocode.errors import Code, SetupError, Source, blocked
from ccmimolink.mimocode.provider import Audited
from ccmimolink.mimocode.settings import Settings

_SECONDS = 60.0
_NUMBER, _WORDS = "(0|[1-9][0-9]{0,8})", "[0-9A-Za-z.-]{1,64}"
_VERSION = re.compile(rf"(?<![\w.+-])v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_WORDS})?(?:\+{_WORDS})?(?![\w.+-])")


class Mimo:
    """One installed ``mimo``, run in one directory.

    :param directory: where the user will start it, which decides which project's configuration counts.
    """

    def __init__(self, reactor: Any, program: Path, directory: Path, seconds: float = _SECONDS) -> None:
        self._reactor, self._program, self._directory, self._seconds = reactor, program, directory, seconds

    async def version(self, audited: Audited, settings: Settings) -> str:
        """The version, if it is the audited one.

        :raises SetupError: it is another one, or it does not tell.
        """
        try:
            ended = await self._run(settings.durable_environ(), "--version")
        except ChildError as error:
            raise _not_found(f"{self._program} does not work: {error}.", audited) from None
        if ended.status != 0:
            raise _refuses_to_run(self._program, ended.status, settings, audited)
        found = _VERSION.search(ended.output.decode("utf-8", "replace"))
        if found is None:
            raise blocked(
                Code.MIMOCODE_VERSION_UNPARSEABLE,
                Source.MIMOCODE,
                f"{self._program} --version names no version. Install the audited one: {audited.install}",
            )
        _check_version(found, audited)
        return audited.version

    async def config_directory(self, settings: Settings) -> Path:
        """Where it keeps the user's configuration, as it says itself; else as the environment says."""
        try:
            ended = await self._run(settings.durable_environ(), "debug", "paths")
        except ChildError:
            return self._directory / settings.config_directory()
        for line in ended.output.decode("utf-8", "surrogateescape").split("\n"):
            name, _, path = line.partition(" ")
            if name == "config" and path.strip():
                return self._directory / path.strip()
        return self._directory / settings.config_directory()

    async def resolved(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """The configuration that results from all of its sources, the key in clear.

        :raises SetupError: it cannot be had.
        """
        try:
            ended = await self._run(environ, "--pure", "debug", "config")
        except ChildError as error:
            raise _unreadable(f"mimo does not show its configuration: {error}.") from None
        if ended.status != 0:
            raise _unreadable(f"mimo does not accept its configuration (exit status {ended.status}).")
        try:
            document = json.loads(ended.output)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise _unreadable("What mimo shows of its configuration cannot be read.")
        return document

    async def visible_models(self, provider: str, environ: Mapping[str, str]) -> frozenset[str]:
        """The ids of a provider's models that it offers; none where it does not know the provider.

        :raises SetupError: it does not tell.
        """
        try:
            ended = await self._run(environ, "models", provider)
        except ChildError as error:
            raise _unseen(f"mimo does not list its models: {error}.") from None
        if ended.status != 0:
            raise _unseen(f"mimo does not list its models (exit status {ended.status}).")
        lines = ended.output.decode("utf-8", "replace").splitlines()
        names = [line.split(maxsplit=1)[0] for line in lines if line.strip()]
        prefix = f"{provider}/"
        return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    async def _run(self, environ: Mapping[str, str], *arguments: str) -> Ended:
        return await run_child(
            self._reactor,
            [str(self._program), *arguments],
            directory=self._directory,
            # MiMoCode's ancestor believes this rather than the system, in some of its commands.
            environ={**environ, "PWD": str(self._directory)},
            seconds=self._seconds,
        )


def find_mimo(settings: Settings, audited: Audited) -> Path:
    """The first one on the search path. What depends on the present directory does not count.

    :raises SetupError: there is none.
    """
    found = find_program(audited.command, settings.search_path)
    if found is not None:
        return found
    raise _not_found(
        f"There is no {audited.command} on your PATH (of its entries, the absolute ones count).", audited
    )


@dataclass(frozen=True, slots=True, order=True)
class _Release:
    """:ivar final: a pre-release comes before the release that it leads to."""

    numbers: tuple[int, ...]
    final: bool


def _check_version(found: re.Match[str], audited: Audited) -> None:
    release = _Release(tuple(map(int, found.group(1, 2, 3))), found[4] is None)
    wanted = _Release(tuple(map(int, audited.version.split("."))), True)
    if release == wanted:
        return
    older = release < wanted
    version = found[0].removeprefix("v")
    raise blocked(
        Code.MIMOCODE_VERSION_TOO_OLD if older else Code.MIMOCODE_NEWER_THAN_AUDITED,
        Source.MIMOCODE,
        f"MiMoCode {version} is {'older' if older else 'newer'} than {audited.version}, the only one that "
        f"this setup was checked with. Install that one, and run this again: {audited.install}",
        version,
    )


def _not_found(what: str, audited: Audited) -> SetupError:
    return blocked(
        Code.MIMOCODE_NOT_FOUND,
        Source.MIMOCODE,
        f"{what} Install MiMoCode, and run this again: {audited.install}",
    )


def _refuses_to_run(program: Path, status: int, settings: Settings, audited: Audited) -> SetupError:
    detail = f"exit status {status}"
    if settings.mimocode_home and not Path(settings.mimocode_home).is_absolute():
        message = (
            "mimo refuses to run because MIMOCODE_HOME is not an absolute path. Unset it, or set it to an "
            "absolute path."
        )
    else:
        message = (
            f"{program} --version ends with {detail}. See that it runs; to install it anew: {audited.install}"
        )
    return blocked(Code.MIMOCODE_NOT_FOUND, Source.MIMOCODE, message, detail)


def _unreadable(what: str) -> SetupError:
    return blocked(
        Code.EFFECTIVE_CONFIG_PARSE_FAILED,
        Source.VERIFICATION,
        f"{what} Run mimo in this directory to see what it objects to (what it prints may show your key).",
    )


def _unseen(what: str) -> SetupError:
    return blocked(
        Code.MODEL_VISIBILITY_FAILED,
        Source.VERIFICATION,
        f"{what} Run mimo models in this directory to see what it objects to.",
    )
