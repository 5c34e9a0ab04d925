"""What ``ccmimolink-model`` says: of the model in force, of a change, and of all models.

Owns the words. It must not ask or change anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from ccmimolink.control.files import Found
from ccmimolink.model_choice import COMMAND, DEFAULT, ModelFacts, ModelState

CODEX = (
    "Codex needs nothing for it: it goes on showing the model of its own configuration, and goes by that "
    "one's context window."
)
_BLANK = "-"


def present(state: ModelState, *, runs: bool) -> Iterator[str]:
    """Which model answers what."""
    when = "" if runs else "After the next start, "
    if not state.chosen:
        yield (
            f"{when}{'a' if when else 'A'} text request gets the MiMo model that it asks for, and "
            f"{state.model} if it asks for none. Nobody chose one for all."
        )
    else:
        yield f"{when}{state.model} answers every text request ({_origin(state.origin)})."
    yield from images(state)


def _origin(origin: str) -> str:
    return f"chosen with {origin}" if origin == COMMAND else f"chosen by {origin}"


def images(state: ModelState) -> Iterator[str]:
    model = _facts(state, state.model)
    if model is not None and "image" not in model.modalities:
        yield f"It takes no images: requests with one go to {state.vision_model} (MIMO_PROXY_VISION_MODEL)."


def changed(state: ModelState, *, runs: bool) -> Iterator[str]:
    """What to know of a change that was made; its first line is what was done."""
    if not runs:
        yield from present(state, runs=False)
        return
    yield _in_force(state)
    yield from images(state)
    model = _facts(state, state.model)
    if state.origin == COMMAND and model is not None and model.successor is not None:
        yield f"Once MiMo has retired it, the proxy goes over to {model.successor} by itself."


def _in_force(state: ModelState) -> str:
    if state.origin == COMMAND:
        return f"{state.model} answers every text request from now on; one that is under way keeps its model."
    back = "as at the start" if state.chosen else "where a request asks for no MiMo model"
    return f"{state.model} answers again, {back}; a request that is under way keeps its model."


def later(state: ModelState, name: str, *, runs: bool) -> Iterator[str]:
    """What becomes of a change at the next start.

    :param name: of the listener: its port.
    """
    if state.forgets:
        yield (
            f"What is chosen ends with this run: {state.forgets}."
            if runs
            else f"Nothing was changed: {state.forgets}."
        )
    elif state.remembered is not None:
        yield f"{state.remembered} is remembered for the next start ({name})."
    else:
        yield f"Nothing is remembered for the next start ({name})."


def undone_at_start(state: ModelState, *, runs: bool) -> str | None:
    """That an option or variable wins over what was chosen with the command, if so."""
    if state.start_origin == DEFAULT or state.remembered is None:
        return None
    if runs:
        return (
            f"This proxy was started with {state.start_origin} ({state.start_model}), which wins at its next "
            "start again. Leave it out there to keep the choice."
        )
    return (
        f"{state.start_origin} is set here ({state.start_model}); a start with it does not heed what is "
        "remembered. Leave it out there."
    )


def where(found: Found | None, name: str) -> str:
    if found is None:
        return f"No ccmimolink runs ({name})."
    return f"The proxy runs at {found.url} (process {found.pid})."


def table(state: ModelState) -> Iterator[str]:
    """One line for each model, the one in force marked."""
    listed = state.upstream
    rows = [("", "model", "takes", "tokens", "a million tokens: in / cached / out", "")]
    for model in state.models:
        remark = "not in MiMo's list" if listed is not None and model.name not in listed else ""
        if model.successor is not None:
            remark = "; ".join(filter(None, [remark, f"to be followed by {model.successor}"]))
        rows.append((_mark(state, model.name), model.name, *_columns(model), remark))
    known = {model.name for model in state.models}
    for name in dict.fromkeys([*(listed or ()), state.model]):
        if name not in known:
            remark = "in MiMo's list only" if name in (listed or ()) else "not known"
            rows.append((_mark(state, name), name, _BLANK, _BLANK, _BLANK, remark))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[0] = 1
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _mark(state: ModelState, name: str) -> str:
    return "*" if name == state.model else ""


def _columns(model: ModelFacts) -> tuple[str, str, str]:
    prices = [
        f"{price.currency} {price.input:g} / {price.cached:g} / {price.output:g}" for price in model.prices
    ]
    return ", ".join(model.modalities), f"{model.context_window:,}", ", ".join(prices) or _BLANK


def _facts(state: ModelState, name: str) -> ModelFacts | None:
    return next((model for model in state.models if model.name == name), None)
