"""What the types of a request do not tell: whether its text is text, and its values are within their range.

Owns these checks and their messages. It must not decode or change anything.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Sequence

from msgspec import UNSET

from ccmimolink.core.errors import Failure, FailureKind, RequestError
from ccmimolink.core.responses import ResponsesRequest, Tool

_TOOL_CHOICES = ("none", "auto", "required")
_TEXT_FORMATS = ("text", "json_object", "json_schema")


def check_body(body: bytes) -> None:
    """Refuse a body that is empty or not UTF-8.

    What stays raw is sent on and echoed byte for byte, so nothing later would notice bad text in it.

    :raises RequestError: it is one of the two.
    """
    if not body.strip():
        raise RequestError(Failure(FailureKind.INVALID_REQUEST, "the request body is empty."))
    if body.isascii():
        return
    try:
        _read_through(body)
    except UnicodeDecodeError as error:
        raise RequestError(
            Failure(FailureKind.INVALID_REQUEST, "the request body: is not valid UTF-8.")
        ) from error


_PIECE = 1 << 16
"""Bytes that are decoded at a time: a text of the whole would take up to four times its room, for nothing."""


def _read_through(body: bytes) -> None:
    """:raises UnicodeDecodeError: the body is not UTF-8."""
    view, start = memoryview(body), 0
    while start < len(body):
        end = start + _PIECE
        # A character that is cut by the end of a piece is read with the next one.
        start += utf_8_decode(view[start:end], "strict", end >= len(body))[1]


def check_kind(kind: str, path: str) -> None:
    """Refuse an item that asks for an answer which there is not.

    :param path: where the item stands in the request.
    :raises RequestError: it is a ``compaction_trigger``. Its answer would be a history that its provider
        has sealed; Codex asks that of a provider called "OpenAI" only.
    """
    if kind == "compaction_trigger":
        raise RequestError(
            Failure(
                FailureKind.UNSUPPORTED,
                f"{path}: compaction by the provider is not supported. Codex compacts by itself where the "
                'provider has any other name than "OpenAI" (name, below [model_providers] in config.toml).',
                param=path,
            )
        )


def check_request(request: ResponsesRequest) -> None:
    """Refuse what no answer could honour.

    :raises RequestError: a value is out of its range, or a function tool in ``tools`` has no name. The
        error's ``param`` is the field's path.
    """
    if request.max_output_tokens is not None and request.max_output_tokens < 1:
        raise _refused("max_output_tokens", "give at least 1")
    if isinstance(request.tool_choice, str):
        _check_word("tool_choice", request.tool_choice, _TOOL_CHOICES)
    if request.text is not None and request.text.format is not None:
        _check_word("text.format.type", request.text.format.type, _TEXT_FORMATS)
    _check_names(request.tools, "tools")


def _check_word(param: str, word: str, allowed: Sequence[str]) -> None:
    if word not in allowed:
        raise _refused(param, f"give one of {', '.join(allowed)}")


def _check_names(tools: Sequence[Tool], path: str) -> None:
    for index, tool in enumerate(tools):
        place = f"{path}[{index}]"
        if tool.type == "function" and not tool.name:
            hint = (
                "" if tool.function is UNSET else "; the Responses API has it beside 'type', at the top level"
            )
            raise _refused(f"{place}.name", f"a function tool needs a name{hint}")
        if tool.type == "namespace":
            _check_names(tool.tools or (), f"{place}.tools")


def _refused(param: str, message: str) -> RequestError:
    return RequestError(Failure(FailureKind.INVALID_REQUEST, f"{param}: {message}.", param=param))
