"""PluginSet: which plugins are active, in which order, and how a failing one is kept to its request.

Owns the order and the calls into plugins. It must not know what a plugin is for, and it treats ours like
anyone else's: they stand in ``twisted/plugins/ccmimolink_builtin.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure as Traceback

from ccmimolink.core.context import RequestContext
from ccmimolink.core.errors import Failure, FailureKind, LocalError, ProxyError
from ccmimolink.core.offered_tools import OfferedTools
from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.core.scan import FallbackParser
from ccmimolink.core.tools import Dropped, FlatTool
from ccmimolink.discovery import INTERFACES, Found, PluginError, discover, extend_path, name_of, select
from ccmimolink.interfaces import IFallbackParser, IRequestTransform, IToolFilter

_log = Logger()
_T = TypeVar("_T")
_LONGEST_REASON = 300

_ANYTHING = (Exception, SystemExit, KeyboardInterrupt)
"""What third-party code may raise: the process must live on."""


@dataclass(frozen=True, slots=True)
class PluginSet:
    """The active plugins by interface, each in ``(priority, name)`` order.

    :ivar found: where each of them stands, in the same order; empty in a set that was put together by hand.
    """

    transforms: tuple[IRequestTransform, ...] = ()
    tool_filters: tuple[IToolFilter, ...] = ()
    fallback_parsers: tuple[IFallbackParser, ...] = ()
    found: tuple[Found, ...] = ()

    @classmethod
    def load(
        cls,
        *,
        plugin_path: Sequence[str | Path] = (),
        third_party: bool = True,
        disabled: Collection[str] = (),
    ) -> PluginSet:
        """Find, check and order the plugins. Done once, at start.

        :param plugin_path: directories that are searched beside the installed ones.
        :param third_party: whether plugins from other drop-ins than ours count.
        :param disabled: names to leave out, whatever their interface.
        :raises PluginError: one of them cannot be used as it is, or a directory or a name does not exist.
        """
        extend_path(plugin_path)
        found = discover(third_party=third_party)
        _refuse_unknown(disabled, found)
        transforms, tool_filters, fallback_parsers = (
            select(interface, found, disabled) for interface in INTERFACES
        )
        return cls(
            transforms=tuple(one.plugin for one in transforms),
            tool_filters=tuple(one.plugin for one in tool_filters),
            fallback_parsers=tuple(one.plugin for one in fallback_parsers),
            found=(*transforms, *tool_filters, *fallback_parsers),
        )

    def describe(self) -> str:
        """One line for each active plugin: interface, priority, name, drop-in and object."""
        rows = [
            (
                one.interface.__name__,
                str(one.plugin.priority),
                one.plugin.name,
                f"{one.file} ({one.attribute})",
            )
            for one in self.found
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{interface:<{widths[0]}}  {priority:>{widths[1]}}  {name:<{widths[2]}}  {origin}"
            for interface, priority, name, origin in rows
        )

    def run_transforms(
        self, request: ResponsesRequest, context: RequestContext
    ) -> Deferred[ResponsesRequest]:
        """Pass the request through every transform.

        Cancelling it cancels what the running transform waits for.

        :raises ProxyError: a transform refused the request, or failed (:class:`LocalError`, which names it).
        """
        cancelled = False

        def cancel(_: Deferred[ResponsesRequest]) -> None:
            nonlocal cancelled
            cancelled = True
            running.cancel()

        async def run() -> ResponsesRequest:
            changed = request
            for transform in self.transforms:
                try:
                    answer: object = transform.transform(changed, context)
                    if not isinstance(answer, ResponsesRequest):
                        answer = await maybeDeferred(_same, answer)
                    if cancelled:
                        # A plugin may take the cancellation for a failed look-up, and go on.
                        raise CancelledError
                    changed = _expect(ResponsesRequest, answer)
                except ProxyError:
                    raise
                except _ANYTHING as error:
                    if isinstance(error, CancelledError) and cancelled:
                        raise
                    raise plugin_failed(transform.name, error) from error
            return changed

        running = Deferred.fromCoroutine(run())
        outcome: Deferred[ResponsesRequest] = Deferred(cancel)
        running.chainDeferred(outcome)
        return outcome

    def bound_filters(self, context: RequestContext) -> tuple[Callable[[FlatTool], FlatTool | Dropped], ...]:
        """The filters for one request. Each raises what :meth:`run_transforms` does."""
        return tuple(partial(_filter, tool_filter, context) for tool_filter in self.tool_filters)

    def bound_parsers(self, tools: Sequence[FlatTool]) -> tuple[FallbackParser, ...]:
        """The parsers for one request that offers these tools. The scanner contains their failures."""
        offered = OfferedTools.of(tools)
        return tuple(
            FallbackParser(
                name=parser.name, markers=tuple(parser.markers), begin=partial(parser.begin, offered)
            )
            for parser in self.fallback_parsers
        )


def _refuse_unknown(disabled: Iterable[str], found: Sequence[Found]) -> None:
    known = {name_of(one) for one in found}
    for name in disabled:
        if name not in known:
            raise PluginError(
                f"MIMO_PROXY_DISABLE_PLUGINS names {name!r}, and there is no such plugin. "
                f"There are: {', '.join(sorted(known))}."
            )


def _filter(tool_filter: IToolFilter, context: RequestContext, tool: FlatTool) -> FlatTool | Dropped:
    try:
        answer: object = tool_filter.filter(tool, context)
        if answer is tool:
            return tool
        if isinstance(answer, Dropped):
            return answer
        kept = _expect(FlatTool, answer)
        # A call comes back under these three; a filter that changed them would make it another tool's.
        if (kept.kind, kept.namespace, kept.name) != (tool.kind, tool.namespace, tool.name):
            raise ValueError(f"changed what the tool '{tool.name}' is called")
        return kept
    except ProxyError:
        raise
    except _ANYTHING as error:
        raise plugin_failed(tool_filter.name, error) from error


def _same(answer: object) -> object:
    return answer


def _expect(kind: type[_T], answer: object) -> _T:
    if not isinstance(answer, kind):
        raise TypeError(f"answered with {type(answer).__name__}, not with {kind.__name__}")
    return answer


def plugin_failed(name: str, error: BaseException) -> LocalError:
    """Log what a plugin raised, with its traceback, and give the error that ends the request.

    For a fallback parser, whose session runs inside the core's scanner, name and cause are those of the
    scanner's :class:`ccmimolink.core.scan.ParserFailed`.
    """
    _log.failure("The plugin {plugin} failed.", failure=Traceback(error), plugin=name)
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
    return LocalError(Failure(FailureKind.PLUGIN_FAILED, f"The plugin '{name}' failed: {reason}"))
