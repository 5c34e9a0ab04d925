"""Draws the chart, in a virtual environment of its own: ``python drawing.py FIGURES.json CHART``.

Owns how the chart looks. It must not import anything of the project, which is not there.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

COLOURS = ["#999999", "#c8352b", "#3a6ea5", "#e0a030", "#5a9a5a"]
_FONT = {"font.size": 9, "svg.fonttype": "path"}


def draw(figures: dict[str, Any], chart: Path) -> None:
    """:param figures: ``panels`` and a ``caption``. A panel has a ``title``, ``groups``, ``sides`` for the
    colours, and by side ``bars`` and whether they are ``noted``.
    """
    plot = importlib.import_module("matplotlib.pyplot")
    plot.rcParams.update(_FONT)
    panels = figures["panels"]
    height = 0.9 + sum(_height(panel) for panel in panels)
    shares = [_height(panel) for panel in panels]
    figure, all_axes = plot.subplots(
        len(panels), 1, figsize=(9, height), squeeze=False, height_ratios=shares, layout="constrained"
    )
    for axes, panel in zip(all_axes[:, 0], panels, strict=True):
        _panel(axes, panel)
    figure.supxlabel(figures["caption"], fontsize=8)
    figure.savefig(chart, dpi=110)


def _height(panel: dict[str, Any]) -> float:
    bars = len(panel["bars"])
    return 0.7 + float(len(panel["groups"])) * (0.17 * bars + 0.12)


def _panel(axes: Any, panel: dict[str, Any]) -> None:
    """Horizontal bars on a logarithmic scale, each with its figure."""
    bars, groups = panel["bars"], panel["groups"]
    width = 0.85 / len(bars)
    for place, (side, values) in enumerate(bars.items()):
        heights = [group + place * width for group in range(len(groups))]
        marked = zip(heights, values, panel["noted"][side], strict=True)
        known = [(at, value, "*" if noted else "") for at, value, noted in marked if value and value > 0]
        colour = COLOURS[panel["sides"].index(side) % len(COLOURS)]
        axes.barh(
            [at for at, _, _ in known],
            [value for _, value, _ in known],
            width * 0.92,
            label=side,
            color=colour,
        )
        for at, value, mark in known:
            axes.annotate(
                (f"{value:,.3g}" if value < 1000 else f"{value:,.0f}") + mark,
                (value, at), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("logarithmic scale", fontsize=7, color="#555555", loc="right", labelpad=0)
    axes.margins(x=0.12, y=0.02)
    axes.set_yticks([group + 0.425 - width / 2 for group in range(len(groups))], groups)
    axes.invert_yaxis()
    axes.set_title(panel["title"], loc="left", fontweight="bold")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
