"""Periodic orbits of gradient descent on the diagonal, and two trajectories off it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.bifurcation_paths import paths_panel
from spectral_atlas.papers.craciun2024.figures.bifurcation_table import (
    OTHERS,
    attractor_rows,
    bifurcation_facts,
    orbit_rows,
)
from spectral_atlas.papers.craciun2024.theory import (
    DEAD_ZONE,
    DOUBLING,
    period_two_multipliers,
)
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

CASCADE = (1.2, 1.32)  # a from before the second doubling to behind all of them
WIDTHS = (1.3, 1.2, 1.0, 0.8, 0.7)  # of lines by the place of their period
RATIO = r"$a=\eta/\eta_C$"


def bifurcation(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Attractor and periodic points over a, whole and near the doublings; paths; multipliers."""
    runs = inputs["runs/bifurcation"].load()
    attractor, orbits = attractor_rows(runs), orbit_rows(runs)
    periods = [int(k) for k in runs["period"].values]
    tones = dict(zip(periods, colors(style, len(periods)), strict=True))
    figure = plt.figure(figsize=size(style, 1.16))
    axes = figure.subplot_mosaic(
        [list("aa"), list("bb"), list("cd")], gridspec_kw={"height_ratios": (1.25, 1, 1.15)}
    )
    ends = float(runs["a"].values.min()), float(runs["a"].values.max())
    window = max(CASCADE[0], ends[0]), min(CASCADE[1], ends[1])
    _diagram(axes["a"], attractor, orbits, tones, ends, markersize=0.9, alpha=0.55)
    c = float(runs.attrs["mean_square"])
    to_eta = (lambda a: np.asarray(a, float) / c, lambda eta: np.asarray(eta, float) * c)
    top = axes["a"].secondary_xaxis("top", functions=to_eta)
    top.set_xlabel(rf"$\eta=a/{c:.4g}$", fontsize="small")
    top.tick_params(labelsize="small")
    _thresholds(axes["a"], runs, ends)
    if window[0] < window[1]:
        near = attractor[attractor["a"].between(*window)]
        _diagram(axes["b"], near, orbits, tones, window, markersize=1.3, alpha=0.7)
        _thresholds(axes["b"], runs, window)
        inside = near["x"].to_numpy(float)
        if inside.size:
            axes["b"].set_ylim(0.97 * inside.min(), 1.03 * inside.max())
    else:
        nothing_to_show(axes["b"], np.full(1, np.nan))
    paths = paths_panel(axes["c"], runs)
    _multipliers(axes["d"], orbits, tones)
    titles = (
        "attractor and periodic points",
        "the doublings",
        "trajectories off the diagonal",
        "multipliers",
    )
    for text, title in zip("abcd", titles, strict=True):
        letter(axes[text], text, title)
    _legend(figure, tones)
    note(figure, f"{runs.sizes['value']} values of a, {ends[0]:g} to {ends[1]:g}")
    table = pd.concat([attractor.assign(panel="a, b"), orbits, paths], ignore_index=True)
    return Drawing(figure, table, bifurcation_facts(runs, orbits))


def _diagram(
    ax: Axes,
    attractor: pd.DataFrame,
    orbits: pd.DataFrame,
    tones: dict[int, Any],
    ends: tuple[float, float],
    **dots: Any,
) -> None:
    """Attractor as dots; orbits as lines, solid where stable, dashed where not."""
    ax.set(xlabel=RATIO, ylabel=r"$x=t_1=t_2$")
    if nothing_to_show(ax, np.append(attractor["x"].to_numpy(float), orbits["x"].to_numpy(float))):
        return
    ax.plot(
        attractor["a"], attractor["x"], ".", color="0.45", zorder=1.5, markeredgewidth=0,
        rasterized=True, **dots,
    )  # fmt: skip
    drawn = orbits[orbits["a"].between(*ends)]
    other = drawn[~drawn["cascade"] & (drawn["period"] <= OTHERS)]
    for period, own in other.groupby("period"):
        ax.plot(
            own["a"], own["x"], ".", color=tones[int(str(period))], markersize=0.9, zorder=2,
            markeredgewidth=0, rasterized=True,
        )  # fmt: skip
    for place, (period, tone) in reversed(list(enumerate(tones.items()))):
        own = drawn[drawn["cascade"] & (drawn["period"] == period)]
        width = WIDTHS[min(place, len(WIDTHS) - 1)]
        for _, branch in own.groupby("branch"):
            x, stable = branch["x"].to_numpy(float), branch["stable"].to_numpy(bool)
            solid, dashed = np.where(stable, x, np.nan), np.where(stable, np.nan, x)
            ax.plot(branch["a"], solid, color=tone, linewidth=width, zorder=3)
            ax.plot(branch["a"], dashed, color=tone, linewidth=0.6 * width, linestyle="--")
    ax.set_xlim(*ends)


def _thresholds(ax: Axes, runs: xr.Dataset, ends: tuple[float, float]) -> None:
    """Triangles at the lower end for doublings, a line where orbits leave x > 0."""
    doubling = runs["doubling"].values
    at = doubling[(doubling >= ends[0]) & (doubling <= ends[1])]
    if len(at):  # what is not clipped must not be empty: it has no place in the layout
        ax.plot(
            at, np.zeros(len(at)), "^", color="black", markersize=4, clip_on=False, zorder=6,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
    if ends[0] < float(runs["dead_zone"]) < ends[1]:
        ax.axvline(float(runs["dead_zone"]), color="black", linewidth=0.9, linestyle=":")


def _multipliers(ax: Axes, orbits: pd.DataFrame, tones: dict[int, Any]) -> None:
    """Of the cascade's orbits along the diagonal, of period two across it too; the formulas."""
    ax.set(xlabel=RATIO, ylabel="multiplier of the orbit")
    one = orbits[orbits["cascade"] & (orbits["branch"] == 0)]
    if nothing_to_show(ax, one["along"]):
        return
    ax.axhspan(-1, 1, color="0.94", zorder=0)
    for period, tone in tones.items():
        own = one[one["period"] == period]
        ax.plot(own["a"], own["along"], color=tone, linewidth=1.1, zorder=2)
        if period == 2:
            ax.plot(own["a"], own["across"], color=tone, linewidth=1.1, linestyle="-.", zorder=2)
    a = np.linspace(1, max(float(one["a"].max()), 1.001), 14)
    for y, marker in zip(period_two_multipliers(a), "ox", strict=True):
        ax.plot(a, y, marker, color="black", markersize=2.6, markeredgewidth=0.7, zorder=4,
                markerfacecolor="none", linestyle="")  # fmt: skip
    ax.set_xlim(float(one["a"].min()), float(one["a"].max()))
    ax.set_ylim(-2.6, 1.25)
    for at in (DOUBLING, DEAD_ZONE):
        ax.axvline(at, color="0.6", linewidth=0.7, linestyle=":", zorder=1)


def _legend(figure: Figure, tones: dict[int, Any]) -> None:
    handles = [Line2D([], [], color=tone, label=f"period {k}") for k, tone in tones.items()][:8]
    grey: dict[str, Any] = {"color": "0.3"}
    handles += [
        Line2D([], [], color="0.3", linestyle="--", linewidth=0.7, label="unstable (a, b)"),
        Line2D([], [], linestyle="", marker=".", label="attractor", color="0.45"),
        Line2D([], [], linestyle="", marker="^", color="black", markersize=4, label="doubling"),
        Line2D([], [], linestyle="-.", label="across (d)", **grey),
        Line2D([], [], linestyle="", marker="o", markerfacecolor="none", color="black",
               markersize=2.6, label=r"$9-2(1+a)^2$"),
        Line2D([], [], linestyle="", marker="x", color="black", markersize=2.6,
               label=r"$3-2a$"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=6, columnspacing=1.2)
