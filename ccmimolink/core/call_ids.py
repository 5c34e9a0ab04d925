"""What the client knows a call by.

Owns the judgement whether an upstream's id of a call can be taken over. It must not know what a call is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_SHORTEST = 16
"""Characters of an id that can be taken for unique; ``call_0`` comes back with every answer."""

_COUNTED = re.compile(r":\d+\Z|\A\D*[^0-9A-Za-z]\d{1,4}\Z")
"""An id that is unique in its answer only: a name and a count (``functions.exec_command:0``)."""


class CallIds:
    """The ids of the calls of one answer.

    :param new_id: makes an id from a prefix.
    """

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self._taken: set[str] = set()

    def give(self, upstream_id: str | None) -> str:
        """The upstream's id, unless it may come again, in this answer or in another."""
        if (
            upstream_id is None
            or len(upstream_id) < _SHORTEST
            or upstream_id in self._taken
            or _COUNTED.search(upstream_id)
        ):
            return self._new_id("call")
        self._taken.add(upstream_id)
        return upstream_id
