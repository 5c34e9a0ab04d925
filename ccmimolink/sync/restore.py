"""Giving the route back, planned.

Owns what a restored text is: the original, to the byte, while the text is still what we wrote; else the text
as it is now, without those of our values that are still in it. It must not write anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ccmimolink.sync.edits import LIVE, ROW, Edit, Form, LiveEdit, RowEdit, adopted, mended
from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.places import Places
from ccmimolink.sync.rows import Route, read_provider, route_of
from ccmimolink.sync.state import Memory, Takeover, Written, key_digest, reverted
from ccmimolink.sync.toml_text import TomlError
from ccmimolink.sync.urls import is_loopback, same
from ccmimolink.sync.world import World, live_route


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What is to be done, and said.

    :ivar complete: nothing is left of ours afterwards, so that the takeover can be forgotten.
    """

    edit: Edit
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    complete: bool


def plan_restore(world: World, memory: Memory, places: Places) -> RestorePlan:
    takeover = memory.takeover
    if takeover is None:
        return RestorePlan(edit=Edit(), notes=(), warnings=(), complete=True)
    return _Planner(world, takeover, places).plan()


class _Planner:
    def __init__(self, world: World, takeover: Takeover, places: Places) -> None:
        self._world, self._takeover, self._places = world, takeover, places
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._complete = True

    def plan(self) -> RestorePlan:
        row_edit = self._row()
        live_edit = self._live()
        self._warn_of_copies()
        return RestorePlan(
            edit=Edit(row_edit, live_edit),
            notes=tuple(self._notes),
            warnings=tuple(self._warnings),
            complete=self._complete,
        )

    def _row(self) -> RowEdit | None:
        takeover = self._takeover
        if takeover.row is None:
            return None
        row = next((row for row in self._world.rows if row.id == takeover.provider_id), None)
        if row is None:
            self._notes.append(f"The provider {takeover.provider_name!r} is no longer in cc switch.")
            return None
        what = f"the provider {row.name!r} in cc switch"
        after = self._restored(row.settings.encode(errors="surrogateescape"), takeover.row, ROW, what)
        if after is None or after.decode() == row.settings:
            return None
        return RowEdit(row.id, row.settings, after.decode())

    def _live(self) -> LiveEdit | None:
        live, path = self._world.live, self._places.codex_config
        if live.content is None:
            return None
        if self._world.is_routed:
            self._wait_for_routing(path)
            return None
        if not self._may_be_ours(live.content):
            return None
        known = self._takeover.live
        if known is not None and known.is_ours(live.content) and known.original is None:
            self._notes.append(f"{path} goes, since there was none before.")
            return LiveEdit(path, live, None, live.mode, replaces_ours=True)
        written = self._written_live()
        mode = written.mode if written.mode is not None else live.mode
        after = self._restored(live.content, written, LIVE, str(path))
        if after is None or after == live.content:
            return None
        return LiveEdit(path, live, after, mode, written.is_ours(live.content))

    def _may_be_ours(self, live: bytes) -> bool:
        """While another provider is current, only our key tells: its table may have the name of ours, and a
        dialog of cc switch that was open meanwhile can make it lead to us."""
        current = self._world.current
        if current is None or current.id == self._takeover.provider_id:
            return True
        try:
            route = live_route(live)
        except TomlError:
            return True  # said where it is read
        return route is not None and any(map(self._is_our_key, route.headers.values()))

    def _wait_for_routing(self, path: Path) -> None:
        """cc switch keeps aside what is live afterwards. That is another provider's if one was selected."""
        current, taken = self._world.current, self._takeover.provider_id
        if taken is not None and (current is None or current.id != taken):
            return
        self._complete = False
        self._warnings.append(
            f"cc switch's local routing is on and owns {path}. Once it is off, run ccmimolink-sync --restore "
            "again: cc switch then brings back the configuration that it kept aside."
        )

    def _written_live(self) -> Written:
        """What is remembered of the live configuration, which cc switch may have made of the row since."""
        row, live = self._takeover.row, self._takeover.live
        made = {one.path: one for written in (row, live) if written is not None for one in written.made}
        if live is None:
            return Written(original=None, digests=(), made=tuple(made.values()))
        return replace(live, made=tuple(made.values()))

    def _restored(self, content: bytes, written: Written, form: Form, what: str) -> bytes | None:
        if written.is_ours(content) and written.original is not None:
            self._notes.append(f"{_capital(what)} gets its original configuration back, to the byte.")
            return written.original
        try:
            whole = mended(content, self._takeover.urls[-1], self._is_our_key) if form is LIVE else content
            text = form.text(whole)
            after = form.with_text(whole, reverted(text, self._adopted(text, written)))
        except (TomlError, JsonError, KeyError, UnicodeDecodeError) as error:
            self._complete = False
            reason = str(error) if isinstance(error, (TomlError, JsonError)) else "cannot be read"
            self._warnings.append(f"{_capital(what)} {reason}, and was left as it is.")
            return None
        if after != content:
            self._notes.append(
                f"{_capital(what)} was changed since, so only ccmimolink's own values are taken back."
            )
        return after

    def _adopted(self, text: str, written: Written) -> Written:
        route = route_of(text)
        catalog = self._takeover.catalog or str(self._places.catalog)
        ours = route if route is not None and self._leads_to_us(route) else None
        return adopted(written, ours, self._former_url(), catalog) or written

    def _leads_to_us(self, route: Route) -> bool:
        return any(same(route.base_url, url) for url in self._takeover.urls)

    def _is_our_key(self, value: str) -> bool:
        return key_digest(value) in self._takeover.keys

    def _former_url(self) -> str:
        """Where a route leads without us, of which nothing else is remembered."""
        row = self._takeover.row
        formers = [one.former for one in row.made if one.path[-1] == "base_url"] if row is not None else []
        return next((url for url in formers if url and not is_loopback(url)), self._takeover.upstream)

    def _warn_of_copies(self) -> None:
        for row in self._world.rows:
            try:
                route = read_provider(row).route
            except (JsonError, TomlError):
                continue
            if row.id == self._takeover.provider_id:
                continue
            if self._leads_to_us(route) or any(map(self._is_our_key, route.headers.values())):
                self._warnings.append(
                    f"The provider {row.name!r} in cc switch has ccmimolink's address or key header too, and "
                    "was left as it is: it is not the one that was taken over. Mend it there, or delete it."
                )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
