"""What ``ccmimolink-model`` does: with a proxy that runs, or for its next start.

Owns finding the proxy, and what is said where that fails. It must not word what is in force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccmimolink.control.client import Nobody, NotOurs, Refused, change, look, somebody_listens
from ccmimolink.control.files import BrokenFile, Found, Places, is_running, places_of, read_found, url_of
from ccmimolink.control.station import memory_of, takes_any_port
from ccmimolink.model_choice import ModelState, Wish, in_force, name_of_model, refusal, start_choice, state_of
from ccmimolink.settings import Settings
from ccmimolink.sync.setup import state_directory


class NotDone(Exception):
    """The message says why, and the way out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """:ivar found: the proxy that runs; None where it is for the next start.
    :ivar warnings: what was odd on the way.
    """

    state: ModelState
    found: Found | None
    warnings: tuple[str, ...] = ()


class Desk:
    """One call of the command, for one listener."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places: Places = places_of(state_directory(settings), settings.listen_address)

    def look(self, *, upstream: bool = False) -> Outcome:
        """:raises NotDone: a proxy runs, perhaps, and cannot be asked."""
        return self._asked(lambda found: look(found, upstream=upstream), self._of_next_start)

    def choose(self, model: str | None, *, force: bool) -> Outcome:
        """:param model: None goes back to what the start chooses.
        :raises NotDone: the name is not taken, or there is somebody who cannot be asked.
        """
        if model is not None:
            try:
                model = name_of_model(model)
            except ValueError as error:
                raise NotDone(str(error)) from None
        wish = Wish(model, force)
        return self._asked(lambda found: change(found, wish), lambda: self._choose_for_next_start(wish))

    def _asked(self, ask: Callable[[Found], ModelState], otherwise: Callable[[], Outcome]) -> Outcome:
        found = self._found()
        if found is None:
            return otherwise()
        try:
            return Outcome(ask(found), found)
        except Refused as refused:
            raise NotDone(str(refused)) from None
        except NotOurs:
            raise NotDone(self._stranger(found)) from None
        except Nobody:
            outcome = otherwise()
            return Outcome(outcome.state, None, (*outcome.warnings, self._stale(found)))

    def _found(self) -> Found | None:
        address = self._settings.listen_address
        if takes_any_port(address):
            raise NotDone("The proxy takes any free port (0). Its log says which: give it with --port.")
        try:
            found = read_found(self._places.control)
        except BrokenFile as error:
            raise NotDone(f"{error} A proxy that runs makes it anew when it is started again.") from None
        if found is None and somebody_listens(address):
            raise NotDone(
                f"Somebody listens on {url_of(address)}, but there is no {self._places.control}. It is "
                "another program, or a ccmimolink that is just starting or ending, that another user runs, "
                "or that was started with another MIMO_PROXY_STATE_DIR: set that one here too."
            )
        return found

    def _stranger(self, found: Found) -> str:
        path = self._places.control
        if is_running(found.pid):
            return (
                f"Who answers at {found.url} does not know the token of {path}: another program, or a "
                "ccmimolink that was started with another MIMO_PROXY_STATE_DIR. Set that one here too, or "
                "end it."
            )
        return (
            f"Another program answers at {found.url}; the proxy that left {path} (process {found.pid}) is "
            "gone. End that program, or start the proxy on another --port and give it here too."
        )

    def _stale(self, found: Found) -> str:
        path = self._places.control
        if is_running(found.pid):
            return f"{path} names process {found.pid}, which runs, but nobody listens on {found.url}."
        return (
            f"{path} was left by a proxy that was killed (process {found.pid}). Its next start replaces it."
        )

    # -- without a proxy --------------------------------------------------------------------------------

    def _of_next_start(self, complaint: str = "") -> Outcome:
        settings, memory = self._settings, memory_of(self._settings)
        start = start_choice(settings.model, settings.model_origin)
        state = state_of(
            in_force(start, memory.model),
            start,
            settings.models,
            vision_model=settings.vision_model,
            remembered=memory.model,
            forgets=memory.forgets,
            complaint=complaint,
        )
        others = self._places.others()
        warnings = [memory.complaint] if memory.complaint else []
        if others:
            warnings.append(
                f"A ccmimolink was started on port {', '.join(others)}: give --port to mean that one."
            )
        return Outcome(state, None, tuple(warnings))

    def _choose_for_next_start(self, wish: Wish) -> Outcome:
        if wish.model is not None and not wish.force:
            reason = refusal(wish.model, self._settings.models, None, "no proxy runs that could ask")
            if reason is not None:
                raise NotDone(reason)
        return self._of_next_start(memory_of(self._settings).remember(wish.model))
