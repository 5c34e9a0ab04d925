"""The model list in the two shapes that clients ask for.

Owns the body of ``GET /v1/models``: OpenAI's ``data`` and Codex's ``models`` in one. Saved to a file, it
is also a Codex catalog (``model_catalog_json``), from which Codex knows context windows and modalities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ccmimolink.core.models import Model, ModelTable

_INSTRUCTIONS = """\
You are a coding agent in the Codex CLI, running on Xiaomi MiMo. You and the user share one workspace on \
the user's machine, and your job is to get their task done in it.

Working
- Look before you act: read the files that matter before you change them, and prefer rg for searching.
- Keep going until the task is really done. Check your work with the project's own tests or commands.
- Change what the task needs and nothing else. Follow the style of the code around. Never undo changes that \
you did not make.
- Use apply_patch to edit files when it is offered, and the shell otherwise. Do not print whole files after \
changing them.
- Do not use destructive commands, such as git reset --hard or rm -rf, unless the user asked for just that.
- Call independent tools side by side. After a tool failed, read its output and change your approach instead \
of repeating the call.

Talking
- Before a group of tool calls, say in one short sentence what you are about to do.
- At the end say what you did, what you checked and what is left, briefly and in the user's language. Name \
files by their path.
- If something is unclear and a wrong guess would cost much, ask. Otherwise choose sensibly and say so.
"""

_EFFORTS = (
    ("none", "Answers without thinking"),
    ("low", "Thinks"),
    ("medium", "Thinks (MiMo does not grade its thinking)"),
    ("high", "Thinks (MiMo does not grade its thinking)"),
)


class _Listed(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Listed] = []


_decoder = msgspec.json.Decoder(_Listing)


def read_listing(body: bytes) -> list[str] | None:
    """The ids of an upstream's model list, or None where it is not one."""
    try:
        return [model.id for model in _decoder.decode(body).data] or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def listing(ids: Sequence[str] | None, table: ModelTable) -> bytes:
    """The body of ``GET /v1/models``.

    Codex's half has those too that the upstream may have retired: requests for them are served by their
    successors, and Codex warns of every model that its catalog does not know.

    :param ids: what the upstream lists, or None to list the table.
    """
    names = list(ids) if ids is not None else [model.name for model in table]
    replaced = [model.name for model in table if model.successor is not None]
    names = conversational(names)
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "xiaomi-mimo"} for name in names]
    catalog = dict.fromkeys([*names, *replaced])
    models = list(
        _entries((table.get(name) or Model(name=name, modalities=frozenset({"text"}))) for name in catalog)
    )
    return msgspec.json.encode({"object": "list", "data": data, "models": models})


def conversational(names: Iterable[str]) -> list[str]:
    """Speech models are in the upstream's list too; no client of this proxy can use them."""
    return [name for name in names if not name.endswith(("-asr", "-tts")) and "-tts-" not in name]


def _display_name(name: str) -> str:
    """As the vendor writes it: MiMo V2.5 Pro."""
    words = name.split("-")
    return " ".join("MiMo" if word == "mimo" else word[:1].upper() + word[1:] for word in words)


def _entries(models: Iterable[Model]) -> Iterable[dict[str, Any]]:
    for priority, model in enumerate(models, 1):
        yield {
            "slug": model.name,
            "display_name": _display_name(model.name),
            "description": "Xiaomi MiMo through ccmimolink",
            "base_instructions": _INSTRUCTIONS,
            "context_window": model.context_window,
            "max_context_window": model.context_window,
            "effective_context_window_percent": 90,
            "default_reasoning_level": "medium",
            "supported_reasoning_levels": [
                {"effort": effort, "description": description} for effort, description in _EFFORTS
            ],
            "default_reasoning_summary": "auto",
            # True of every model: an image is routed to one that sees, unless Codex withholds it.
            "input_modalities": ["text", "image"],
            "shell_type": "unified_exec",
            "apply_patch_tool_type": "freeform",
            "truncation_policy": {"mode": "tokens", "limit": 10_000},
            "support_verbosity": False,
            "experimental_supported_tools": [],
            "supported_in_api": True,
            "visibility": "list",
            "priority": priority,
        }
