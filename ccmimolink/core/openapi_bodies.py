"""The shapes of answers that are encoded without one, for the document that describes the proxy.

Owns their fields and words. Nothing is encoded with these: what makes the answers is where they stand.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class ErrorDetails(Struct):
    """``message`` is for people, ``param`` the path of the request's field at fault."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(Struct):
    error: ErrorDetails


class ReasoningEcho(Struct):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    summary: Literal["auto", "concise", "detailed"] | None


class FormatEcho(Struct, omit_defaults=True):
    """The last four are there where ``type`` is ``json_schema``."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = ""
    description: str | None = None
    schema: Any = None
    strict: bool = False


class TextEcho(Struct):
    format: FormatEcho
    verbosity: Literal["low", "medium", "high"]


class DeletedResponse(Struct):
    id: str
    object: Literal["response"]
    deleted: Literal[True]


class ItemPage(Struct):
    """One page of the items that a response was made from, and the ids of the first and last on it."""

    object: Literal["list"]
    data: list[Any]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListedModel(Struct):
    """A model as the OpenAI API lists it."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ReasoningLevel(Struct):
    effort: str
    description: str


class TruncationPolicy(Struct):
    mode: str
    limit: int


class CatalogModel(Struct):
    """A model as Codex's catalog has it. The windows are in tokens."""

    slug: str
    display_name: str
    description: str
    base_instructions: str
    context_window: int
    max_context_window: int
    effective_context_window_percent: int
    default_reasoning_level: str
    supported_reasoning_levels: list[ReasoningLevel]
    default_reasoning_summary: str
    input_modalities: list[str]
    shell_type: str
    apply_patch_tool_type: str
    truncation_policy: TruncationPolicy
    support_verbosity: bool
    experimental_supported_tools: list[str]
    supported_in_api: bool
    visibility: str
    priority: int


class ModelList(Struct):
    """The models twice: ``data`` for clients of the OpenAI API, ``models`` for Codex."""

    object: Literal["list"]
    data: list[ListedModel]
    models: list[CatalogModel]


class Health(Struct):
    """``requests`` are being served; of these ``in_flight`` are with MiMo, and ``waiting`` wait for it."""

    status: Literal["ok", "draining"]
    version: str
    uptime_seconds: float
    requests: int
    in_flight: int
    waiting: int
    back_off_seconds: float
    stored_responses: int
    tools_not_offered: int


ALL = (ErrorAnswer, ReasoningEcho, TextEcho, DeletedResponse, ItemPage, ModelList, Health)
"""Those that the others are part of."""
