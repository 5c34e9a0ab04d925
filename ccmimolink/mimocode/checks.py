"""What can be told before anything is written: what would hide the setup, and what would give the key away.

Owns those findings and their words, which name the file and the way out. It must not change anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ccmimolink.mimocode.choices import Scope
from ccmimolink.mimocode.errors import Blocker, Code, SetupError, Source, blocked
from ccmimolink.mimocode.layers import (
    LOCAL_DIRECTORY,
    PROJECT_NAME,
    Content,
    Kind,
    Layer,
    Where,
    merged,
    value_at,
    who_says,
)
from ccmimolink.mimocode.provider import Places
from ccmimolink.mimocode.wanted import MODEL_KEYS, Difference, Wanted, differences

_KEY_LOOK = re.compile(r"(?<![\w/.-])gp-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{12,}")
"""With a digit in it somewhere: a file may be called gp-coding-guidelines."""
_AGAIN = "and run this again."


def check_legacy(where: Where) -> None:
    """:raises SetupError: MiMoCode would copy the key into a file of its own."""
    if where.legacy_file.is_file():
        raise blocked(
            Code.CONFIG_PARSE_FAILED,
            Source.CONFIG,
            f"{where.legacy_file} is a configuration of an old form, which mimo puts into a new file at its "
            f"next start, with the key in clear. Run mimo once before there is a key, or take the file away, "
            f"{_AGAIN}",
            str(where.legacy_file),
        )


def check_project(where: Where, places: Places, scope: Scope) -> None:
    """:raises SetupError: the key's file would be a part of the project."""
    if scope is Scope.PROJECT and places.root.resolve().is_relative_to(where.project):
        raise blocked(
            Code.PROJECT_SECRET_BINDING_FORBIDDEN,
            Source.SECRET,
            f"The key is kept in {places.root}, which lies in the project {where.project}. Use --scope user, "
            "or start in the directory of a project (--cwd).",
            str(where.project),
        )


def check_secrets(contents: Sequence[Content], wanted: Wanted) -> None:
    """:raises SetupError: a project's configuration holds a key, or says where it is."""
    blockers = [
        Blocker(
            Code.PROJECT_SECRET_BINDING_FORBIDDEN,
            Source.CONFIG,
            f"{content.layer.path} belongs to a project, and {what}. What is in a project is easily "
            f"committed: take it out there, {_AGAIN}",
            str(content.layer.path),
        )
        for content in contents
        if content.layer.kind is Kind.PROJECT
        for what in _secrets(content, wanted)
    ]
    if blockers:
        raise SetupError(*blockers)


def _secrets(content: Content, wanted: Wanted) -> Iterator[str]:
    provider = wanted.provider
    options = (*wanted.provider_path, "options")
    path = provider.secret_reference[len("{file:~/") : -1]
    if value_at(content.value, (*options, "apiKey")) is not None:
        yield f"sets {'.'.join(options)}.apiKey"
    elif path in content.text:
        yield "names the file of the key"
    if wanted.key in content.text or _KEY_LOOK.search(content.text):
        yield "holds what looks like a key"
    if value_at(content.value, ("auth",)) is not None:
        yield "has an auth entry"


def check_hidden(contents: Sequence[Content], wanted: Wanted, scope: Scope) -> None:
    """
    :param contents: the layers as they will be.
    :raises SetupError: a file that counts more would hide what is written.
    """
    unclear = [index for index, content in enumerate(contents) if content.value is None]
    certain = contents[unclear[-1] + 1 :] if unclear else contents
    found = [
        one
        for one in _written_differences(contents, wanted)
        if not one.doubtful and (not unclear or who_says(certain, one.path) is not None)
    ]
    if found:
        raise SetupError(*explained(found, contents, wanted, scope))


def _written_differences(contents: Sequence[Content], wanted: Wanted) -> list[Difference]:
    """With the reference in the key's place, as long as nobody has replaced it."""
    reference = wanted.provider.secret_reference
    as_written = Wanted(wanted.provider, wanted.catalog, wanted.model, reference)
    return differences(merged(contents), as_written)


def explained(
    found: Sequence[Difference], contents: Sequence[Content], wanted: Wanted, scope: Scope
) -> list[Blocker]:
    """What differs, in words, with the file that is behind it as far as files tell."""
    in_files = {one.path for one in _written_differences(contents, wanted)}
    unclear = [content.layer.path for content in contents if content.value is None]
    blockers: list[Blocker] = []
    for difference in found:
        if difference.path in in_files:
            path = who_says(contents, difference.path)
        else:
            path = unclear[-1] if unclear else None
        helps = scope is Scope.USER and any(one.layer.path == path and _yields(one.layer) for one in contents)
        message = _words(difference, path, wanted, helps)
        if all(message != one.message for one in blockers):
            blockers.append(
                Blocker(difference.code, Source.VERIFICATION, message, None if path is None else str(path))
            )
    return blockers


def _yields(layer: Layer) -> bool:
    """Whether a project's own choice would count more."""
    is_highest = layer.path.parent.name == LOCAL_DIRECTORY and layer.path.name != PROJECT_NAME
    return layer.kind is Kind.PROJECT and not is_highest


def _words(difference: Difference, path: Path | None, wanted: Wanted, project_helps: bool) -> str:
    """:param project_helps: whether a choice in the project would count more than the file."""
    provider = wanted.provider.id
    file = "A source that is no file here (remote, or an administrator's)" if path is None else str(path)
    match difference.code:
        case Code.PROVIDER_DISABLED:
            return f"{file} disables {provider}: take it out of disabled_providers, {_AGAIN}"
        case Code.PROVIDER_NOT_ENABLED:
            return f"{file} enables other providers only: add {provider} to enabled_providers, {_AGAIN}"
        case Code.MODEL_NOT_WHITELISTED:
            return f"{file} lists the models that are allowed: add the model to {difference}, {_AGAIN}"
        case Code.MODEL_BLACKLISTED:
            return f"{file} forbids the model: take it out of {difference}, {_AGAIN}"
    if difference.path[0] in MODEL_KEYS and project_helps:
        return (
            f"{file} chooses another {difference}, and counts more than your own configuration. Take it out "
            "there, or use --scope project, or start elsewhere (--cwd)."
        )
    return f"{file} decides {difference}, and not as this setup needs it. Take it out there, {_AGAIN}"
