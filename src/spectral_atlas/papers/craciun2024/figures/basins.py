"""Where a grid of starts of L = (1 - w_1 w_2)^2 ends, below and above the critical step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import SubFigure

from spectral_atlas.papers.craciun2024.figures.basins_maps import (
    count_table,
    draw_map,
    legend,
    sharpness_bar,
)
from spectral_atlas.papers.craciun2024.figures.basins_table import (
    basin_counts,
    cell_rows,
    drawn_cells,
    drawn_rates,
)
from spectral_atlas.papers.craciun2024.figures.common import (
    LETTERS,
    Inputs,
    above_critical,
    below_critical,
)
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.intervals import zero_bound
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

ROW = 3


def basins(inputs: Inputs, style: Style) -> Drawing:
    """Maps of outcomes, a panel for each learning rate; counts of all starts under them."""
    runs = inputs["runs/basins"].load()
    counts, cells = basin_counts(runs), drawn_cells(runs)
    etas = drawn_rates(runs["learning_rate"].values)
    shown = counts[counts["learning_rate"].isin(etas)]
    lines = -(-len(etas) // ROW)
    heights = (0.345 * lines + 0.12, 0.036 * (len(etas) + 3.2))
    figure = plt.figure(figsize=size(style, sum(heights)))
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    _maps(parts[0], cells)
    table = parts[1].subplots()
    count_table(table, shown)
    n = f"{int(counts['n'].max()):,}".replace(",", " ")
    letter(table, LETTERS[len(etas)], f"starts of {n} for each η")
    rows = cell_rows(cells).assign(panel=_span(len(etas)))
    frames = [counts.assign(kind="count", panel=LETTERS[len(etas)]), rows]
    return Drawing(figure, pd.concat(frames, ignore_index=True), _facts(runs, cells, counts))


def _maps(figure: SubFigure, cells: xr.Dataset) -> None:
    etas = cells["learning_rate"].values
    axes = figure.subplots(-(-len(etas) // ROW), ROW, sharex=True, sharey=True, squeeze=False)
    for place, eta in enumerate(etas):
        ax = axes.flat[place]
        draw_map(ax, cells.isel(learning_rate=place))
        letter(ax, LETTERS[place], rf"$η={eta:.4g}={2 * eta:.4g}\,η_C$")
        if place + ROW >= len(etas):
            ax.set_xlabel("$w_1$")
            ax.tick_params(labelbottom=True)
        if place % ROW == 0:
            ax.set_ylabel("$w_2$")
    for ax in axes.flat[len(etas) :]:
        ax.set_axis_off()
    sharpness_bar(figure, list(axes.flat[: len(etas)]))
    legend(figure)


def _span(count: int) -> str:
    return f"{LETTERS[0]}–{LETTERS[count - 1]}" if count > 1 else LETTERS[0]


def _facts(runs: xr.Dataset, cells: xr.Dataset, counts: pd.DataFrame) -> dict[str, Any]:
    a = counts["share_of_critical"].to_numpy(float)
    below, above = counts[below_critical(a)], counts[above_critical(a)]
    n, maps = int(counts["n"].max()), cells.sizes["learning_rate"]
    within = above[above["learning_rate"] < 1]
    return {
        "panels": _span(maps),
        "last": LETTERS[maps],
        "n": f"{n:,}".replace(",", " "),
        "side": runs.sizes["w1"],
        "drawn_side": cells.sizes["w1"],
        "drawn": maps,
        "rates": len(counts),
        "box": quoted(float(np.abs(runs["w1"].values).max())),
        "steps": int(runs.attrs["steps"]),
        "nudge": f"{float(runs.attrs['nudge']):.0e}".replace("e-0", "e-"),
        "minima_below": span(below["minimum"] / below["n"]),
        "least_sharpness": quoted(float(below["least_sharpness"].min()), 4),
        "largest_ratio": quoted(float(below["largest_ratio"].max()), 4),
        "moving": int(counts["moving"].sum()),
        "moving_where": ", ".join(
            f"{row.moving} at {row.learning_rate:g}" for row in below.itertuples() if row.moving
        ),
        "minima_above": int(above["minimum"].sum()),
        "tried_above": int(above["n"].sum()),
        "above_rates": len(above),
        "zero_bound": quoted(zero_bound(n), 2),
        "bounded_above": span(above["bounded"] / above["n"]),
        "saddles": int(counts["saddle"].sum()),
        "saddles_within": int(within["saddle"].sum()),
        "expected": int(counts["expected"].sum()),
        "missed": int(counts["missed"].sum()),
        "extra": int(counts["extra"].sum()),
        "off": int(counts["off"].sum()),
        "moved": int(counts[[c for c in counts if c.startswith("moved_")]].sum().sum()),
        "back": int(counts["moved_saddle"].sum()),
        "below_to_minima": int(below["moved_minimum"].sum()),
        "below_saddles": int(below["saddle"].sum()),
        "above_to_bounded": int(above["moved_bounded"].sum()),
        "above_saddles": int(above["saddle"].sum()),
    }
