"""The three doors through which behaviour is changed without a fork.

Owns the zope interfaces of plugins and the context that they are given. Each interface extends
``IPlugin``, so one ``@implementer`` is enough for ``twisted.plugin`` to find an instance that stands at
module level in a file under ``twisted/plugins``. Nothing here may import anything but the core.

Plugins run in ``(priority, name)`` order, the lowest first. A name is unique among the plugins of one
interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.plugin import IPlugin
from zope.interface import Attribute

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from ccmimolink.core.context import RequestContext
    from ccmimolink.core.responses import ResponsesRequest
    from ccmimolink.core.scan import Channel, ParserSession
    from ccmimolink.core.tools import Dropped, FlatTool


class IRequestTransform(IPlugin):
    """Changes a request after its history was expanded and before anything is translated.

    Model routing, image routing and the like are transforms. An exception that is no
    :class:`ccmimolink.core.errors.ProxyError` becomes a request error that names the plugin.
    """

    name = Attribute("Unique among transforms; shown by --plugins and in errors. A str.")
    priority = Attribute("Place in the order, an int; ours use multiples of 100.")

    def transform(
        request: ResponsesRequest, context: RequestContext
    ) -> ResponsesRequest | Deferred[ResponsesRequest]:
        """Return the request to go on with (``msgspec.structs.replace``), or a Deferred of it.

        The request given must not be changed in place: what is stored for continuation shares its items.
        """


class IToolFilter(IPlugin):
    """Decides tool by tool what is offered to the upstream."""

    name = Attribute("Unique among tool filters. A str.")
    priority = Attribute("Place in the order, an int; ours use multiples of 100.")

    def filter(tool: FlatTool, context: RequestContext) -> FlatTool | Dropped:
        """Return the tool, a changed copy, or ``Dropped(reason)``, which is counted and logged.

        ``kind``, ``namespace`` and ``name`` of a returned tool must be those of the tool given.
        """


class IFallbackParser(IPlugin):
    """Recovers calls that the model wrote as text.

    The core scans the text once: it owns code fences, inline code and hold-back, and begins a session only
    where one of ``markers`` stands.
    """

    name = Attribute("Unique among fallback parsers. A str.")
    priority = Attribute("Where two parsers share a marker, the lower one is asked first. An int.")
    markers: Sequence[str] = Attribute("The strings that may open a call, e.g. ('<tool_call>',).")

    def begin(tools: Sequence[FlatTool], channel: Channel) -> ParserSession:
        """Begin a session at a marker. ``tools`` are those that may be called, by ``upstream_name``.

        The session is first fed the marker itself.
        """
