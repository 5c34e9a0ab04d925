"""The errors of the simulated MiMo, in the shape of the real one.

Owns the error value and its JSON. It must not decide when an error is due.

Source: errors that users of the real service reported: ``code`` is a string, ``message`` mostly says no more
than "Param Incorrect", ``param`` holds the reason, ``type`` is often empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

PARAM_INCORRECT = "Param Incorrect"


@dataclass(frozen=True, slots=True, kw_only=True)
class MimoError:
    """One refusal.

    :ivar status: the HTTP status.
    :ivar param: the real reason.
    """

    status: int
    code: str
    message: str
    param: str
    type: str

    def encode(self, *, streamed: bool) -> bytes:
        """The body. A request that asked for a stream gets it behind ``data:``, though it is a plain body."""
        fields = {"code": self.code, "message": self.message, "param": self.param, "type": self.type}
        body = msgspec.json.encode({"error": fields})
        return b"data:" + body if streamed else body


def param_incorrect(reason: str, *, status: int = 400) -> MimoError:
    """A refusal of the request's content."""
    return MimoError(status=status, code=str(status), message=PARAM_INCORRECT, param=reason, type="")


INVALID_KEY = MimoError(
    status=401,
    code="401",
    message="Invalid API Key",
    param="Please provide a valid API key",
    type="invalid_key",
)
NOT_FOUND = MimoError(status=404, code="404", message="Not Found", param="No such endpoint", type="not_found")


def method_not_allowed(method: str) -> MimoError:
    return MimoError(
        status=405,
        code="405",
        message="Method Not Allowed",
        param=f"{method} is not supported here",
        type="method_not_allowed",
    )
