"""The vocabulary as JSON Schema, for the document that describes the proxy (``GET /openapi.json``).

Owns what the typed shapes cannot say of themselves: what is read or echoed member by member, and the words
that a string may be. It must not know any path, and repeats no shape that stands elsewhere.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ccmimolink.core import events, openapi_bodies
from ccmimolink.core.responses import KNOWN_ITEM_TYPES, KnownItem, RequestFields, Tool

Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"

EVENT_STREAM = "text/event-stream"


def reference(name: str) -> Schema:
    """The schema with this name among :func:`schemas`."""
    return {"$ref": _REFERENCE.format(name=name)}


# -- answers ------------------------------------------------------------------------------------------------

_ITEM_STATES = ["in_progress", "completed", "incomplete"]
_WORDS: Mapping[str, Mapping[str, list[str]]] = {
    "Response": {
        "object": ["response"],
        "status": ["in_progress", "completed", "incomplete", "failed"],
        "truncation": ["auto", "disabled"],
    },
    "OutputMessage": {"role": ["assistant"], "status": _ITEM_STATES},
    "OutputFunctionCall": {"status": _ITEM_STATES},
    "OutputToolSearchCall": {"execution": ["client"], "status": _ITEM_STATES},
    "OutputLocalShellCall": {"status": _ITEM_STATES},
}
"""What the strings of an answer can be."""

_NAMED_KIND: Schema = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}

_ECHOES: Mapping[str, Schema] = {
    "reasoning": reference("ReasoningEcho"),
    "text": reference("TextEcho"),
    "tool_choice": {"anyOf": [{"enum": ["none", "auto", "required"]}, _NAMED_KIND]},
    "tools": {"type": "array", "items": _NAMED_KIND},
}
"""What a response repeats of its request, in the types of the OpenAI reference."""

_ANSWERS = {
    shape.__name__: shape
    for shape in [*vars(events).values(), *vars(openapi_bodies).values()]
    if isinstance(shape, type) and issubclass(shape, Struct)
}


def _answers() -> Schema:
    (stream_event, *_), found = _components([events.StreamEvent, *openapi_bodies.ALL])
    for name, schema in found.items():
        if not _ANSWERS[name].__struct_config__.omit_defaults:
            # What has a default may be left out by who makes one, but it is always sent.
            schema["required"] = list(schema["properties"])
            for member in schema["properties"].values():
                member.pop("default", None)
        for word, values in _WORDS.get(name, {}).items():
            schema["properties"][word] = {"enum": values}
    found["Response"]["properties"] |= _ECHOES
    found["ItemPage"]["properties"]["data"]["items"] = reference("StoredItem")
    found["StoredItem"] = {
        "description": "An input item with its kind's fields, such as an InputItem has them.",
        "type": "object",
        "properties": {"type": {"type": "string"}, "id": {"type": "string"}},
        "required": ["type", "id"],
    }
    found["StreamEvent"] = stream_event
    found["ServerSentEvent"] = {
        "description": "The `data` is a StreamEvent as JSON, and `event` its type.",
        "type": "object",
        "properties": {
            "event": {"type": "string"},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference("StreamEvent"),
            },
        },
        "required": ["event", "data"],
    }
    return found


# -- requests -----------------------------------------------------------------------------------------------

_TOOL: Schema = {
    "allOf": [reference("Tool")],
    "if": {"properties": {"type": {"const": "function"}}},
    "then": {"properties": {"name": {"type": "string", "minLength": 1}}, "required": ["name"]},
}
"""A tool, with a name where its kind, which is a function's unless it says another, needs one."""

_FLAG: Schema = {"type": ["boolean", "null"]}
_MORE_FIELDS: Mapping[str, Schema] = {
    "input": {
        "description": "A text stands for a message of the user.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": reference("InputItem")},
            {"type": "null"},
        ],
    },
    "tools": {
        "anyOf": [{"type": "array", "items": reference("OfferedTool")}, {"type": "null"}],
    },
    "tool_choice": {
        "anyOf": [{"enum": ["none", "auto", "required", None]}, _NAMED_KIND],
        "default": "auto",
    },
    "stream": {**_FLAG, "default": False},
    "store": {**_FLAG, "default": True},
    "include": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
    "max_output_tokens": {"type": ["integer", "null"], "minimum": 1},
    "background": {"description": "Not supported.", "enum": [False, None]},
    "conversation": {"description": "Not supported.", "type": "null"},
    "prompt": {"description": "Not supported.", "type": "null"},
}
"""The fields of a request that :class:`RequestFields` does not have, or has in another type."""


def _requests() -> Schema:
    (known_item, *_), found = _components([KnownItem, RequestFields, Tool])
    request = found.pop("RequestFields")
    found["ItemReference"]["required"].append("id")
    found["ItemReference"]["properties"]["id"] = {"type": "string"}
    found["TextFormat"]["properties"]["type"]["enum"] = ["text", "json_object", "json_schema"]
    untyped = {"type": {"type": "null"}}
    found["UntypedMessage"] = {
        "description": "A message that does not say its kind.",
        "type": "object",
        "properties": {**found["Message"]["properties"], **untyped},
        "required": ["role"],
    }
    found["UntypedReference"] = {
        "description": "What says neither its kind nor a role names an earlier item.",
        "type": "object",
        "properties": {**untyped, "id": {"type": "string"}, "role": {"not": {"type": "string"}}},
        "required": ["id"],
    }
    found["OtherItem"] = {
        "description": "An item of another kind. It is kept, and given to the model as far as that is "
        "possible: as a call, or what one returned.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "not": {"enum": [*sorted(KNOWN_ITEM_TYPES), "compaction_trigger"]}}
        },
        "required": ["type"],
    }
    found["InputItem"] = {
        "description": "What echoes the past (calls, their outputs, thinking) is read with odd fields too.",
        "anyOf": known_item["anyOf"]
        + [reference(name) for name in ("UntypedMessage", "UntypedReference", "OtherItem")],
    }
    found["Tool"]["properties"]["tools"]["anyOf"][0]["items"] = reference("OfferedTool")
    found["OfferedTool"] = {
        "description": "A text is a hosted tool's kind, or else the name of a custom tool.",
        "anyOf": [_TOOL, {"type": "string", "pattern": r"\S"}],
    }
    found["ResponsesRequest"] = {
        "description": "Null stands for a field that is not given. Other fields are ignored.",
        "type": "object",
        "properties": {**request["properties"], **_MORE_FIELDS},
    }
    return found


# -- all of them --------------------------------------------------------------------------------------------


def schemas() -> Schema:
    """The schemas by their names, as the document's ``components.schemas``."""
    return {**_requests(), **_answers()}


def _components(shapes: Iterable[Any]) -> tuple[tuple[Schema, ...], Schema]:
    """The schema of each shape, and those of the parts that they refer to, by name."""
    found, parts = msgspec.json.schema_components(shapes, ref_template=_REFERENCE)
    return found, {name: _tidied(schema) for name, schema in parts.items()}


_FIELD_LIST = re.compile(r"^:.*", re.DOTALL | re.MULTILINE)


def _tidied(schema: Schema) -> Schema:
    """Without what says nothing to who reads it: repeated names, null as the default, the marks of Sphinx."""
    tidied = {}
    for keyword, value in schema.items():
        if keyword == "title" or (keyword == "default" and value is None):
            continue
        if keyword == "properties":
            value = {name: _tidied(each) for name, each in value.items()}
        elif keyword == "description":
            value = _FIELD_LIST.sub("", inspect.cleandoc(value)).replace("``", "`").strip()
        elif isinstance(value, list):
            value = [_tidied(each) if isinstance(each, dict) else each for each in value]
        elif isinstance(value, dict) and keyword in ("items", "additionalProperties"):
            value = _tidied(value)
        tidied[keyword] = value
    return tidied
