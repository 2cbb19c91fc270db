"""How far a start is from saddles and from minima, against the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import Inputs, fates_text, levels
from spectral_atlas.papers.jacot2021.figures.distances_table import distance_table, facts
from spectral_atlas.papers.jacot2021.figures.lazy_panels import width_axis
from spectral_atlas.plotting.curves import label_right, log_limits, plain_log_ticks
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, ink, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

# Fill of the markers; "": their own colour.
STATES = {"stopped": "", "arrived": "white", "on the way": "none"}
GUIDE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 0.9, "zorder": 1.8}
ASIDE = 0.03  # between depths, in decades
TITLES = {
    "a": "start to saddles, at most",
    "b": r"start to end, $\gamma<1$",
    "c": "the same over prediction",
    "d": r"start to end, $\gamma\geq 1$",
}
LABELS = {
    "a": r"$(\|W_1\|^2+\|W_L\|^2)^{1/2}$, bound of $d_s$",
    "b": r"$\|\theta_\mathrm{end}-\theta_0\|$",
    "c": "displacement over prediction",
    "d": r"$\|\theta_\mathrm{end}-\theta_0\|$",
}


def distances(inputs: Inputs, style: Style) -> Drawing:
    """The bound of the distance to saddles; the way to a minimum, below and above gamma = 1."""
    table = distance_table(inputs)
    gammas, depths = levels(table, "gamma"), levels(table, "depth")
    name = "viridis" if style.palette == "colorblind" else style.palette
    tones = dict(zip(gammas, ordered_colors(len(gammas), name), strict=True))
    marks = dict(zip(depths, (MARKERS * len(depths))[: len(depths)], strict=True))
    figure, axes = plt.subplots(2, 2, figsize=size(style, 0.92))
    panels = dict(zip(TITLES, axes.ravel(), strict=True))
    lazy, others = table[table["gamma"] < 1 - 1e-9], table[table["gamma"] >= 1 - 1e-9]
    starts = table.drop_duplicates(["depth", "width", "gamma", "initialization"])
    _draw(panels["a"], starts.assign(state="stopped"), "bound", tones, marks)
    _laws(panels["a"], starts)
    _draw(panels["b"], lazy, "displacement", tones, marks, each_depth=True)
    _predictions(panels["b"], lazy, depths)
    _draw(panels["c"], lazy, "ratio", tones, marks, log=False, each_depth=True)
    panels["c"].axhline(1, **GUIDE)
    _draw(panels["d"], others, "displacement", tones, marks, log=False)
    top = others["displacement"].max()
    top = top if np.isfinite(top) else 1.0
    panels["d"].set_ylim(-0.04 * top, 1.08 * top)
    for text, ax in panels.items():
        ax.set_ylabel(LABELS[text])
        letter(ax, text, TITLES[text])
    _legend(figure, table, marks)
    note(figure, fates_text(table["fate"]))
    return Drawing(figure, table, facts(table))


def _draw(
    ax: Axes,
    table: pd.DataFrame,
    name: str,
    tones: dict,
    marks: dict,
    *,
    log: bool = True,
    each_depth: bool = False,
) -> None:
    """Points of all members, medians of those that arrived joined; gamma named at the right.

    Parameters
    ----------
    tones, marks : colour of each gamma, marker of each depth
    each_depth : name the depth too
    """
    if nothing_to_show(ax, table[name]):
        return
    width_axis(ax, table["width"].to_numpy(float))
    if log:
        ax.set_yscale("log")
        ax.set_ylim(*log_limits(table[name].to_numpy(float)))
        plain_log_ticks(ax)
    heights: dict[tuple[float, str], list[float]] = {}
    for (gamma, L), own in table.groupby(["gamma", "depth"]):
        shift = _aside(L, list(marks))
        for state, group in own[own["state"] != "diverged"].groupby("state"):
            ax.plot(
                group["width"] * shift, group[name], color=tones[gamma], linestyle="", zorder=3,
                marker="x" if state == "on the way" else marks[L], markersize=3,
                markerfacecolor=STATES[str(state)] or tones[gamma], markeredgewidth=0.7,
            )  # fmt: skip
        middle = own[own["state"] != "on the way"].groupby("width")[name].median()
        ax.plot(middle.index * shift, middle, color=tones[gamma], linewidth=0.9, zorder=2)
        if len(middle):
            text = f"{gamma:.3g} ({L:g})" if each_depth else f"{gamma:.3g}"
            heights.setdefault((gamma, text), []).append(float(middle.iloc[-1]))
    title = "γ (L)" if each_depth else "γ"
    ax.annotate(title, (1, 1), (4, 4), xycoords="axes fraction", textcoords="offset points")
    labels = [(float(np.median(y)), text, ink(tones[g])) for (g, text), y in heights.items()]
    label_right(ax, labels, gap=0.085)


def _aside(depth: float, depths: list) -> float:
    """Factor on the width that keeps depths apart."""
    return float(10 ** (ASIDE * (depths.index(depth) - (len(depths) - 1) / 2)))


def _laws(ax: Axes, starts: pd.DataFrame) -> None:
    """The law's slopes and heights, (n_0 + n_L)^(1/2) w^((1-gamma)/2)."""
    x = np.array(ax.get_xlim())
    for gamma, own in starts.groupby("gamma"):
        ax.plot(x, own["sides"].iloc[0] ** 0.5 * x ** ((1 - gamma) / 2), **GUIDE)


def _predictions(ax: Axes, lazy: pd.DataFrame, depths: list) -> None:
    """Medians of what the linearizations say."""
    for (_, L), own in lazy.groupby(["gamma", "depth"]):
        middle = own.groupby("width")["prediction"].median()
        ax.plot(middle.index * _aside(L, depths), middle, **(GUIDE | {"zorder": 2.5}))


def _legend(figure: Any, table: pd.DataFrame, marks: dict) -> None:
    look: dict[str, Any] = {"color": "0.3", "linestyle": ""}
    handles = [Line2D([], [], marker=mark, label=f"L = {L:g}", **look) for L, mark in marks.items()]
    handles.append(Line2D([], [], **GUIDE, label="law (a), prediction (b, c)"))
    if (table["state"] == "arrived").any():
        handles.append(
            Line2D([], [], marker="o", markerfacecolor="white", label="cut off, arrived", **look)
        )
    if (table["state"] == "on the way").any():
        handles.append(Line2D([], [], marker="x", label="cut off on the way", **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
