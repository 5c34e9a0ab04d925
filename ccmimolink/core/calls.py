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
    """The calls of one response, in the order in which they began.

    Calls that say the same are kept apart: two identical calls can be meant, and by the time that one is
    known to repeat another the client has seen it. What a model in a loop sends is bounded by the limit.

    :param limit: how many calls are kept, None for all. The pieces of later ones are dropped as they come.
    :ivar cut: how many calls were dropped, by their names: a call that never gets one is none.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.cut = 0
        self._limit = limit
        self._calls: list[PendingCall] = []
        self._by_index: dict[int, PendingCall] = {}
        self._by_id: dict[str, PendingCall] = {}
        self._latest: PendingCall | None = None
        # Stands for all calls beyond the limit: nothing is kept of them but the id of the last.
        self._beyond = PendingCall()

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def receive(self, delta: CallDelta) -> PendingCall | None:
        """Add the piece to the call that it belongs to, beginning one where it belongs to none.

        :returns: the call, or None where it is beyond the limit.
        """
        call = self.find(delta)
        if call is None or (delta.name and _is_another(call, delta)):
            call = self._begin(delta)
        if call is self._beyond:
            self._drop(delta)
            return None
        # An empty id or name says no more than a missing one.
        if delta.id and not call.id:
            call.id = delta.id
            self._by_id.setdefault(delta.id, call)
        call.name = call.name or delta.name or None
        if delta.arguments:
            call.arguments.append(delta.arguments)
        return call

    def find(self, delta: CallDelta) -> PendingCall | None:
        """The call that is known and that a piece without a name belongs to, or None."""
        if delta.index is not None:
            return self._by_index.get(delta.index)
        if delta.id:
            found = self._by_id.get(delta.id)
            if found is None and self._latest is not None and not self._latest.id:
                return self._latest  # its id comes late
            return found
        return self._latest

    def _begin(self, delta: CallDelta) -> PendingCall:
        if self._limit is not None and len(self._calls) >= self._limit:
            call = self._beyond
        else:
            call = PendingCall()
            self._calls.append(call)
        # Beyond the limit an index needs no note, unless it was a kept call's.
        if delta.index is not None and (call is not self._beyond or delta.index in self._by_index):
            self._by_index[delta.index] = call
        self._latest = call
        return call

    def _drop(self, delta: CallDelta) -> None:
        if delta.name and (not delta.id or delta.id != self._beyond.id):
            self.cut += 1
            self._beyond.id = delta.id


def _is_another(call: PendingCall, delta: CallDelta) -> bool:
    """Whether a piece with a name begins a call of its own, though its place is a known call's.

    Some servers repeat id and name with every piece, others give every call the same index.
    """
    if delta.id and call.id:
        return delta.id != call.id
    if not call.name:
        return False
    return delta.name != call.name or (delta.arguments.lstrip()[:1] == "{" and call.is_whole())


def json_object(text: str) -> dict[str, object] | None:
    """The object that the text is, or None where it is not one whole JSON object."""
    try:
        value = _any_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
