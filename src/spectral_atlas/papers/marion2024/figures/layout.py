"""What the sweep figures share: colours of the learning rates, main panel, strip, dots, table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.plotting.curves import beside, cell_edges, dots, mean_curve
from spectral_atlas.plotting.intervals import summarize
from spectral_atlas.plotting.outcomes import (
    OUTCOMES,
    count_outcomes,
    outcome_handles,
    outcome_strip,
)
from spectral_atlas.plotting.style import MARKERS, ink, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

INITIAL = "initialization"
INITIAL_LOOK = ("0.45", "X")
X_LABELS = {
    "gaussian": r"standard deviation of the initial weights",
    "residual": r"scale $s$ of the residual initialization",
}


@dataclass(frozen=True)
class Look:
    """Colour and marker of each learning rate, the same in every panel of a figure."""

    rates: tuple[float, ...]

    def color(self, rate: float) -> Any:
        """Ordered colours: the darker, the smaller the step."""
        return ordered_colors(len(self.rates))[self.rates.index(rate)]

    def marker(self, rate: float) -> str:
        """A marker of its own for each, where there are enough."""
        return MARKERS[self.rates.index(rate) % len(MARKERS)]

    def name(self, rate: float) -> str:
        """How the legend calls it."""
        return rf"$\eta$ = {rate:g}"


def curves(frame: pd.DataFrame, value: str, start: pd.DataFrame) -> pd.DataFrame:
    """Means with intervals: one curve of beginnings and one for each learning rate, for each draw.

    Returns
    -------
    DataFrame with ``kind`` = "mean", ``curve``, ``problem``, ``learning_rate``, ``scale``, ``n``,
    ``runs``, ``value``, ``low``, ``high`` and the counts of outcomes.
    """
    by = ["problem", "learning_rate", "scale"]
    counts = count_outcomes(frame, by)
    final = summarize(frame, by, value).merge(counts, on=by)
    final["curve"] = [f"final, eta = {rate:g}" for rate in final["learning_rate"]]
    first = summarize(start, ["problem", "scale"], f"start_{value}")
    first["curve"] = INITIAL
    table = pd.concat([first, final], ignore_index=True).rename(columns={"mean": "value"})
    return table.assign(kind="mean")


def single_runs(frame: pd.DataFrame, value: str, start: pd.DataFrame) -> pd.DataFrame:
    """The dots: every run that has a value, named and shaped as in `curves`."""
    names = ["problem", "learning_rate", "scale", "seed"]
    final = frame[[*names, "outcome", value]].rename(columns={value: "value"})
    final["curve"] = [f"final, eta = {rate:g}" for rate in final["learning_rate"]]
    first = start[["problem", "scale", "seed", f"start_{value}"]]
    first = first.rename(columns={f"start_{value}": "value"}).assign(curve=INITIAL)
    both = pd.concat([first, final], ignore_index=True)
    return both[np.isfinite(both["value"])].assign(kind="run")


def canvas(
    style: Style, columns: int, rows: int, *, aspect: float
) -> tuple[Figure, Axes, Axes, list[Axes]]:
    """A main panel over a strip of ``rows`` rows, and ``columns`` (0 to 2) side panels."""
    figure = plt.figure(figsize=size(style, aspect))
    engine: Any = figure.get_layout_engine()
    engine.set(h_pad=0.02, w_pad=0.03, hspace=0.0, wspace=0.02)
    ratios = [1.9, 1.0] if columns else [1.0]
    grid = figure.add_gridspec(2, len(ratios), width_ratios=ratios, height_ratios=[9, 0.6 * rows])
    main = figure.add_subplot(grid[0, 0])
    strip = figure.add_subplot(grid[1, 0], sharex=main)
    main.tick_params(labelbottom=False)
    side = []
    if columns:
        inner = grid[:, 1].subgridspec(columns, 1)
        side = [figure.add_subplot(inner[k, 0]) for k in range(columns)]
    return figure, main, strip, side


def draw_means(ax: Axes, means: pd.DataFrame, look: Look, rates: Sequence[float]) -> None:
    """The curve of beginnings and those of ``rates``; open markers where runs are missing."""
    for curve, part in means.groupby("curve", sort=False):
        rate = part["learning_rate"].iloc[0]
        if curve != INITIAL and rate not in rates:
            continue
        color, marker = INITIAL_LOOK if curve == INITIAL else (look.color(rate), look.marker(rate))
        columns = (part[c].to_numpy() for c in ("scale", "value", "low", "high"))
        mean_curve(
            ax, *columns, open_at=(part["n"] < part["runs"]).to_numpy(), color=color, marker=marker,
            label=INITIAL if curve == INITIAL else look.name(rate),
        )  # fmt: skip


def draw_dots(ax: Axes, runs: pd.DataFrame, look: Look, rates: Sequence[float]) -> None:
    """Single runs beside the grid value they belong to, in the order of the curves."""
    names = [INITIAL, *(f"final, eta = {rate:g}" for rate in rates)]
    colors = [INITIAL_LOOK[0], *(look.color(rate) for rate in rates)]
    grid = sorted(runs["scale"].unique())
    for slot, (name, color) in enumerate(zip(names, colors, strict=True)):
        part = runs[runs["curve"] == name]
        x = beside(part["scale"].to_numpy(), grid, slot, len(names))
        dots(ax, x, part["value"].to_numpy(), color=color)


def draw_strip(ax: Axes, means: pd.DataFrame, look: Look, x_label: str) -> None:
    """What became of the runs, one row for each learning rate."""
    final = means[means["curve"] != INITIAL]
    rates = sorted(final["learning_rate"].unique())
    outcome_strip(
        ax, final, "scale", "learning_rate",
        names=[look.name(r) for r in rates], colors=[ink(look.color(r)) for r in rates],
    )  # fmt: skip
    edges = cell_edges(sorted(final["scale"].unique()))
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(x_label)


def draw_draws(
    ax: Axes,
    means: pd.DataFrame,
    value: str,
    look: Look,
    rates: Sequence[float],
    *,
    thick: bool = True,
) -> None:
    """Means of each data draw: the first thick (unless not asked), the others thin.

    ``value`` names the column to draw; it is "value" in another unit, and the interval of the first
    draw is drawn in that unit too.
    """
    first = means["problem"].min()
    for (problem, rate), part in means.groupby(["problem", "learning_rate"]):
        if rate in rates:
            own, color = thick and problem == first, look.color(rate)
            if own:
                unit = part[value] / part["value"]
                ends = part["low"] * unit, part["high"] * unit
                ax.fill_between(part["scale"], *ends, color=color, alpha=0.15, linewidth=0)
            ax.plot(
                part["scale"], part[value], color=color,
                marker=look.marker(rate) if own else "", markersize=2.5,
                linewidth=1.1 if own else 0.6, alpha=1 if own else 0.7,
            )  # fmt: skip


def draws_title(means: pd.DataFrame) -> str:
    """Which line is which data draw."""
    numbers = sorted(means["problem"].unique())
    if len(numbers) == 1:
        return ""
    others = "the other" if len(numbers) == 2 else f"the {len(numbers) - 1} others"
    return f"thick: data draw {numbers[0]}\nthin: {others}"


def legends(figure: Figure, main: Axes, *, open_markers: bool) -> None:
    """Curves above the figure, outcomes below it."""
    handles, _ = main.get_legend_handles_labels()
    dot: Any = {"color": "0.4", "marker": ".", "linestyle": "", "markersize": 4, "alpha": 0.6}
    handles.append(Line2D([], [], **dot, label="one run, beside its scale"))
    if open_markers:
        look: Any = {"markerfacecolor": "white", "linestyle": "", "color": "0.3", "marker": "o"}
        handles.append(Line2D([], [], **look, label="mean of the runs that did not diverge"))
    figure.legend(
        handles=handles, loc="outside upper left", ncols=4, columnspacing=1.2, handlelength=1.6
    )
    figure.legend(
        handles=outcome_handles(), loc="outside lower left", ncols=len(OUTCOMES), handlelength=1.0,
        handleheight=0.8, columnspacing=1.2, title="Runs behind each point:", alignment="left",
        title_fontsize="small",
    )  # fmt: skip
