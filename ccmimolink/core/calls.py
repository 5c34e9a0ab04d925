"""Tool calls as they arrive in pieces.

Owns the assembly of upstream call deltas into calls, whatever their index, id and name do. It must not know
what a call becomes for the client.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ccmimolink.core.upstream_events import CallDelta

_any_decoder = msgspec.json.Decoder()


class PendingCall:
    """One upstream call. ``id`` and ``name`` stay None until the upstream tells them."""

    __slots__ = ("_is_whole", "_judged", "arguments", "client_id", "id", "name")

    def __init__(self, name: str | None = None, arguments: str = "") -> None:
        self.id: str | None = None
        self.name = name
        self.arguments = [arguments] if arguments else []
        self.client_id: str | None = None
        """What the client knows it by; None until it was told of it."""
        self._judged = 0
        self._is_whole = False

    @property
    def text(self) -> str:
        return "".join(self.arguments)

    def is_whole(self) -> bool:
        """Whether the arguments so far are one JSON object. They are read only where they may have ended."""
        if self._judged != len(self.arguments):
            self._judged = len(self.arguments)
            may_have_ended = self.arguments[-1].rstrip()[-1:] in ("}", "")
            self._is_whole = may_have_ended and json_object(self.text) is not None
        return self._is_whole


class CallBook:
    """The calls of one response, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[PendingCall] = []
        self._by_index: dict[int, PendingCall] = {}

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def receive(self, delta: CallDelta) -> PendingCall:
        """Add the piece to the call that it belongs to, beginning one where it belongs to none."""
        call = self._find(delta)
        # An empty id or name says no more than a missing one.
        call.id = call.id or delta.id or None
        call.name = call.name or delta.name or None
        if delta.arguments:
            call.arguments.append(delta.arguments)
        return call

    def _find(self, delta: CallDelta) -> PendingCall:
        if delta.index is not None:
            found = self._by_index.get(delta.index)
        elif delta.id:
            found = next((call for call in self._calls if call.id == delta.id), None)
        else:
            found = self._calls[-1] if self._calls else None
        # Another id with a name of its own is another call, even under an index that was used before.
        if found is None or (delta.id and found.id and delta.id != found.id and delta.name):
            found = PendingCall()
            self._calls.append(found)
            if delta.index is not None:
                self._by_index[delta.index] = found
        return found


def json_object(text: str) -> dict[str, object] | None:
    """The object that the text is, or None where it is not one whole JSON object."""
    try:
        value = _any_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
