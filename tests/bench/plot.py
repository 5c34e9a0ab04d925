"""The chart of a benchmark: CPU per delta and the first delta, by scenario and side.

Owns what is shown; ``drawing.py`` draws it in a virtual environment with matplotlib. It must not measure.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.peers import environment
from tests.bench.results import Figures, Result, figures
from tests.bench.scenarios import SCENARIOS
from tests.bench.sides import DIRECT

_DRAWING = Path(__file__).with_name("drawing.py")


def plot(results: Sequence[Result], chart: Path, caption: str) -> None:
    """:param chart: the file, an SVG or a PNG by its ending."""
    python = environment("plot", ["matplotlib"])
    names = list(dict.fromkeys(result.scenario for result in results))
    streams = [name for name in names if not SCENARIOS[name].history]
    histories = [name for name in names if SCENARIOS[name].history]
    panels = [
        _panel("CPU µs per delta", streams, results, lambda side: side.cpu_us),
        _panel("First delta: p50 over direct, ms", streams, results, lambda side: side.over_first_ms_p50),
        _panel(
            "First delta by the size of the history: p50 over direct, ms",
            histories,
            results,
            lambda side: side.over_first_ms_p50,
        ),
    ]
    if any(result.note() for result in results):
        caption = f"{caption.strip()}\n* The deltas are not those that were sent; the table says how."
    shown = {"panels": [panel for panel in panels if panel["groups"]], "caption": caption}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "figures.json"
        data.write_text(json.dumps(shown))
        subprocess.run([str(python), str(_DRAWING), str(data), str(chart.absolute())], check=True)


def _panel(
    title: str, names: list[str], results: Sequence[Result], field: Callable[[Figures], float | None]
) -> dict[str, Any]:
    found = {(result.scenario, result.side): result for result in results}
    sides = list(dict.fromkeys(result.side for result in results if result.side != DIRECT))
    bars = {
        side: [field(figures(found[name, side], found[name, DIRECT])) for name in names] for side in sides
    }
    noted = {side: [found[name, side].note() is not None for name in names] for side in sides}
    return {"title": title, "groups": names, "sides": [DIRECT, *sides], "bars": bars, "noted": noted}
