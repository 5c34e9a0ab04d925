"""A program: an MCP server on stdin and stdout with one tool, ``add``.

It speaks just enough of the protocol (JSON-RPC, one message a line) for a client to find and call the tool.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_ADD = {
    "name": "add",
    "description": "Adds two whole numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request, or None for a method that is not known here."""
    match method:
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "calculator", "version": "1"},
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [_ADD]}
        case "tools/call":
            arguments = params["arguments"]
            return {"content": [{"type": "text", "text": str(arguments["a"] + arguments["b"])}]}
        case _:
            return None


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        result = result_of(message["method"], message.get("params", {}))
        if result is None:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        else:
            answer["result"] = result
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
