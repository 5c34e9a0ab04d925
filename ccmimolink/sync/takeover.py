"""The takeover, planned: which values are to stand where, and what to tell the user.

Owns the rules of what is edited when. It must not read or write anything: given what is there and what is
known, it says what is to be.

Source: what of an edit survives cc switch's switching. The row is always edited; the live configuration only
while MiMo is the current provider and its route is this row's, since otherwise it is another vendor's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ccmimolink.private_files import PRIVATE
from ccmimolink.sync.edits import (
    CATALOG_PATH,
    LIVE,
    ROW,
    Edit,
    Form,
    LiveEdit,
    RowEdit,
    Values,
    adopted,
    mended,
    rewritten,
)
from ccmimolink.sync.errors import KEY_EMPTY, NOT_CURRENT, SyncError
from ccmimolink.sync.finder import Candidate, Found, choose, survey
from ccmimolink.sync.json_text import JsonError
from ccmimolink.sync.places import Places
from ccmimolink.sync.rows import KEY_HEADER, Provider, Route, Row
from ccmimolink.sync.state import Memory, Takeover, Written, key_digest, latest
from ccmimolink.sync.toml_text import TomlError, lookup, read_toml
from ccmimolink.sync.upstreams import true_upstream
from ccmimolink.sync.urls import fits, host_of, is_loopback, same
from ccmimolink.sync.world import World, live_route, text_of

_RESPONSES = "openai_responses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user wants.

    :ivar local_url: where the proxy listens, as Codex is to call it.
    :ivar provider: the row's id or name.
    :ivar chosen: the id of the row that was chosen earlier in the same run.
    :ivar upstream: the true upstream, where nothing else tells it.
    :ivar base_url: ``MIMO_BASE_URL`` where it is set.
    :ivar api_key: ``MIMO_API_KEY``, which serves where the row has none.
    """

    local_url: str
    provider: str | None = None
    chosen: str | None = None
    upstream: str | None = None
    base_url: str | None = None
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and said.

    :ivar memory: to be remembered before anything is changed.
    :ivar may_have_catalog: the live configuration could name a model catalog of ours.
    :ivar reaches_codex: the live configuration is the provider's, and leads to us then.
    """

    edit: Edit
    memory: Memory
    candidate: Candidate
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    may_have_catalog: bool = False
    reaches_codex: bool = False


def candidate_for(world: World, memory: Memory, wish: Wish) -> Candidate:
    """:raises SyncError: there is no such provider, or there are several."""
    return choose(world, memory, _our_urls(memory.takeover, wish), wish.chosen or wish.provider)


def plan_takeover(world: World, memory: Memory, wish: Wish, places: Places, catalog: str | None) -> Plan:
    """:param catalog: the path of the model catalog, if there is one to be named.
    :raises SyncError: nothing may be done, and why.
    """
    candidate = candidate_for(world, memory, wish)
    planner = _Planner(world, memory, wish, places, catalog, candidate)
    try:
        return planner.plan()
    except (TomlError, JsonError) as error:
        raise SyncError(f"The configuration of the provider {candidate.row.name!r} {error}.") from None


def _our_urls(takeover: Takeover | None, wish: Wish) -> tuple[str, ...]:
    return (*(takeover.urls if takeover is not None else ()), wish.local_url)


class _Planner:
    def __init__(
        self,
        world: World,
        memory: Memory,
        wish: Wish,
        places: Places,
        catalog: str | None,
        candidate: Candidate,
    ) -> None:
        self._world, self._memory, self._wish = world, memory, wish
        self._places, self._catalog, self._candidate = places, catalog, candidate
        self._provider: Provider = candidate.provider
        known = memory.takeover
        self._known = known if known is not None and known.provider_id == candidate.row.id else None
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._next: list[str] = []
        self._may_have_catalog = False
        self._reaches_codex = False

    def plan(self) -> Plan:
        provider, row = self._provider, self._provider.row
        self._refuse_foreign_routing()
        key = self._key()
        upstream, doubt = true_upstream(provider, self._memory, self._wish, self._world.backups)
        if doubt:
            self._warnings.append(doubt)
        former_url = self._former_url(upstream)
        row_after, row_written = self._row(former_url)
        live_edit, live_written = self._live(former_url, row_written)
        self._speak(upstream, key)
        known = self._known
        keys = known.keys if known else ()
        takeover = Takeover(
            provider_id=row.id,
            provider_name=row.name,
            upstream=upstream,
            urls=latest(known.urls if known else (), self._wish.local_url),
            row=row_written,
            live=live_written,
            keys=latest(keys, key_digest(key)) if key else keys,
            catalog=self._catalog or (known.catalog if known else None),
            live_path=str(self._places.codex_config),
        )
        return Plan(
            edit=Edit(
                RowEdit(row.id, row.settings, row_after) if row_after != row.settings else None, live_edit
            ),
            memory=Memory(
                takeover=takeover,
                provider=row.id if self._wish.provider is not None else self._memory.provider,
                wants_catalog=self._memory.wants_catalog,
                given_back=False,
                upstreams={**self._memory.upstreams, row.id: upstream}
                | ({key_digest(key): upstream} if key else {}),
            ),
            candidate=self._candidate,
            notes=tuple(self._notes),
            warnings=tuple(self._warnings),
            next_steps=tuple(self._next),
            may_have_catalog=self._may_have_catalog,
            reaches_codex=self._reaches_codex,
        )

    def _refuse_foreign_routing(self) -> None:
        """cc switch's own routing would call us in a manner that we do not serve."""
        if not self._world.is_routed:
            return
        provider = self._provider
        if provider.api_format != _RESPONSES:
            raise SyncError(
                f"cc switch's local routing is on, and would send {provider.api_format or 'chat'} "
                f"for {provider.row.name!r}, which ccmimolink does not take. Nothing was changed. In cc "
                "switch turn local routing off for Codex, or choose the Responses API as the format."
            )
        if provider.is_full_url:
            raise SyncError(
                f"cc switch's local routing is on, and takes the address of {provider.row.name!r} as a whole "
                "endpoint (full URL). Nothing was changed. In cc switch turn local routing or full URL off."
            )

    def _key(self) -> str:
        key = self._provider.key
        if not key and not self._wish.api_key:
            raise SyncError(
                f"{KEY_EMPTY}. Open cc switch, edit the provider {self._provider.row.name!r} and enter it."
            )
        if not key:
            self._notes.append("The provider has no key in cc switch; the proxy will use MIMO_API_KEY.")
        return key

    def _former_url(self, upstream: str) -> str:
        """The row's address as it is without us, as it was written there."""
        url = self._provider.route.base_url
        if not self._leads_to_us(self._provider.route):
            return url
        remembered = self._known.row.made if self._known is not None and self._known.row is not None else ()
        formers = {made.path: made.former for made in remembered if made.path[-1] == "base_url"}
        # cc switch may have renamed the table since.
        here = formers.get((*self._provider.route.table, "base_url"))
        return here or next(filter(None, reversed(formers.values())), upstream)

    def _leads_to_us(self, route: Route) -> bool:
        """Whether its address is one of ours. Where nothing is remembered, our header tells it too: another
        program on this machine may stand before MiMo as we do."""
        if any(same(route.base_url, url) for url in _our_urls(self._known, self._wish)):
            return True
        return self._known is None and is_loopback(route.base_url) and bool(route.headers)

    def _rewritten(
        self,
        content: bytes,
        values: Values,
        form: Form,
        known: Written | None,
        route: Route,
        former_url: str,
    ) -> tuple[bytes, Written]:
        """With the memory of what is ours by now, and of what cc switch may copy there later."""
        ours = route if self._leads_to_us(route) else None
        catalog, mode = str(self._places.catalog), self._world.live.mode if form is LIVE else None
        earlier = adopted(known, ours, former_url, catalog)
        after, written = rewritten(content, values, form, earlier, mode)
        return after, adopted(written, None, former_url, catalog) or written

    def _values(self, route: Route, *, catalog: str | None) -> dict[tuple[str, ...], Any]:
        values: dict[tuple[str, ...], Any] = {(*route.table, "base_url"): self._wish.local_url}
        if self._provider.key:
            for spelling in route.headers or (KEY_HEADER,):
                values[(*route.table, "http_headers", spelling)] = self._provider.key
        values[(*route.table, "wire_api")] = "responses"
        if catalog is not None:
            values[CATALOG_PATH] = catalog
        return values

    def _row(self, former_url: str) -> tuple[str, Written]:
        provider = self._provider
        known = self._known.row if self._known is not None else None
        values = self._values(provider.route, catalog=None)
        if self._is_our_catalog(lookup(read_toml(provider.config), CATALOG_PATH)):
            # cc switch copied it here from the live file. On another machine, where the row may travel, Codex
            # would not start without the catalog's file.
            values[CATALOG_PATH] = None
        after, written = self._rewritten(
            provider.row.settings.encode(), values, ROW, known, provider.route, former_url
        )
        return after.decode(), written

    def _live(self, former_url: str, row: Written) -> tuple[LiveEdit | None, Written | None]:
        known = self._known.live if self._known is not None else None
        live, path = self._world.live, self._places.codex_config
        content = self._mended_live()
        route = self._editable_route(content, former_url)
        if route is None or content is None:
            return None, known if self._is_kept_aside() or known is None else _as_in_row(row, known.mode)
        self._reaches_codex = True
        if known is None and self._leads_to_us(route):
            known = _as_in_row(row, None)
        try:
            values = self._values(route, catalog=self._catalog_for(content))
            after, written = self._rewritten(content, values, LIVE, known, route, former_url)
        except TomlError as error:
            raise SyncError(f"{path} {error}. Nothing was changed.") from None
        if after == live.content and live.mode == PRIVATE:
            return None, written
        was_ours = known is not None and known.is_ours(live.content or b"")
        return LiveEdit(path, live, after, PRIVATE, was_ours), written

    def _mended_live(self) -> bytes | None:
        content, url = self._world.live.content, self._wish.local_url
        try:
            return mended(content, url, self._is_our_key) if content is not None else None
        except TomlError:
            return content  # said where it matters

    def _is_our_key(self, value: str) -> bool:
        known = self._known.keys if self._known is not None else ()
        return value == self._provider.key or key_digest(value) in known

    def _is_kept_aside(self) -> bool:
        """cc switch's routing will bring this provider's live configuration back."""
        current = self._world.current
        return self._world.is_routed and current is not None and current.id == self._provider.row.id

    def _editable_route(self, content: bytes | None, former_url: str) -> Route | None:
        """The live route, if it is this provider's, and whether or not it leads to us already."""
        row, path = self._provider.row, self._places.codex_config
        current = self._world.current
        if self._world.is_routed:
            self._notes.append(
                f"cc switch's local routing is on and owns {path}, so only the provider's row is changed."
            )
            return None
        if current is None or current.id != row.id:
            name = f" ({current.name!r})" if current is not None else ""
            self._notes.append(f"{NOT_CURRENT}{name}, so {path} stays as it is.")
            self._next.append(f"Select {row.name!r} in cc switch.")
            return None
        if content is None:
            self._notes.append(f"There is no {path} yet; cc switch writes it when the provider is selected.")
            self._next.append(f"Select {row.name!r} in cc switch.")
            return None
        try:
            route = live_route(content)
        except TomlError as error:
            raise SyncError(f"{path} {error}. Nothing was changed: mend it, and run again.") from None
        ours = _our_urls(self._known, self._wish)
        if route is not None and any(same(route.base_url, url) for url in (former_url, *ours)):
            return route
        where = host_of(route.base_url) if route is not None else "no provider of its own"
        self._warnings.append(
            f"{path} leads to {where}, although {row.name!r} is the current provider in cc switch. It stays "
            "as it is."
        )
        # Not another one first: cc switch would save what is live as this provider's.
        self._next.append(f"Select {row.name!r} in cc switch once more.")
        return None

    def _catalog_for(self, live: bytes) -> str | None:
        present = lookup(read_toml(text_of(live)), CATALOG_PATH)
        self._may_have_catalog = (
            self._memory.wants_catalog
            and not self._world.settings.shared
            and not self._provider.has_catalog
            and (present is None or self._is_our_catalog(present))
        )
        return self._catalog if self._may_have_catalog else None

    def _is_our_catalog(self, named: object) -> bool:
        known = self._known.catalog if self._known is not None else None
        return isinstance(named, str) and named in (known, str(self._places.catalog))

    def _is_other_mimo(self, row: Row) -> bool:
        found = survey([row], _our_urls(self._known, self._wish), None)
        return row.id != self._provider.row.id and any(one.is_sure for one in found.candidates)

    def _speak(self, upstream: str, key: str) -> None:
        row, settings = self._provider.row, self._world.settings
        if self._candidate.found is Found.NAME:
            self._warnings.append(
                f"The provider {row.name!r} was recognised by its name only. Its requests go to {upstream}."
            )
        current = self._world.current
        if self._wish.provider is not None and current is not None and self._is_other_mimo(current):
            self._notes.append(
                f"The current provider, {current.name!r}, is Xiaomi MiMo too: a later run takes that one, as "
                "long as it is current."
            )
        if key and not fits(key, upstream):
            self._warnings.append(
                f"The key of {row.name!r} is of another plan than its address ({host_of(upstream)}): keys "
                "that begin with sk- belong to api.xiaomimimo.com, those with tp- to a token-plan host. Mend "
                "one of them in cc switch."
            )
        if self._provider.route.name == "OpenAI":
            self._warnings.append(
                "The provider's table has the name OpenAI, from which Codex expects what only OpenAI has. "
                "Give it another name in cc switch."
            )
        if settings.shared:
            self._warnings.append(
                "cc switch synchronises its providers with other machines (WebDAV or S3). The route to "
                f"{self._wish.local_url} will travel there too, where ccmimolink has to run as well."
            )


def _as_in_row(row: Written, mode: int | None) -> Written:
    """What is remembered of a live configuration that cc switch makes of the row."""
    return Written(original=None, digests=(), made=row.made, mode=mode)
