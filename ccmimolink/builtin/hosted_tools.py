"""Takes out the tools that the provider would have to run.

Owns the reason that is logged. Which tools are of this kind is decided by the flattening of tools.
"""

from __future__ import annotations

from zope.interface import implementer

from ccmimolink.core.context import RequestContext
from ccmimolink.core.tools import Dropped, FlatTool, ToolKind
from ccmimolink.interfaces import IToolFilter


@implementer(IToolFilter)
class HostedToolFilter:
    """web_search, image_generation and their like, and every kind that is not known here."""

    name = "hosted-tools"
    priority = 100

    def filter(self, tool: FlatTool, context: RequestContext) -> FlatTool | Dropped:
        return Dropped("MiMo cannot run it") if tool.kind is ToolKind.HOSTED else tool
