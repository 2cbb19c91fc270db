"""Panels of one singular value: its penalty, its minimizer, and the basin of zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.common import choose, levels
from spectral_atlas.papers.jacot2021.figures.ridge_shared import say
from spectral_atlas.papers.jacot2021.theory import a_critical, a_global, stationary_values
from spectral_atlas.plotting.panels import jitter

Looks = Mapping[int, tuple[Any, str]]
LARGEST = 2.0  # s of the penalty's curves
DOTS = 30  # measured minimizers that are drawn of a curve
SETTLED = 1.01e-7  # gradient norm of a descent from the basin's boundary that has ended
BESIDE = 0.22  # offset of starts below and above the boundary


def minimizers(thresholds: xr.Dataset) -> pd.DataFrame:
    """Measured minimizers and theory's, one row for each depth, ridge and a.

    ``theory`` is the upper stationary value, zero where there is none.
    """
    frame = thresholds[["minimizer", "value"]].to_dataframe().reset_index()
    c = float(thresholds.attrs["curvature"])
    theory = np.zeros(len(frame))
    for L in levels(frame, "depth"):
        own = (frame["depth"] == L).to_numpy()
        a, ridge = frame["a"].to_numpy()[own], frame["ridge"].to_numpy()[own]
        theory[own] = np.nan_to_num(stationary_values(a, ridge, c, int(L))[1])
    return frame.assign(theory=theory, panel="minimizer")


def edges(thresholds: xr.Dataset) -> pd.DataFrame:
    """Where minimizers appear and where they win, measured and by theory."""
    frame = thresholds[["appears_at", "wins_at"]].to_dataframe().reset_index()
    c = float(thresholds.attrs["curvature"])
    pairs = [(row.ridge, int(row.depth)) for row in frame.itertuples()]
    frame["a_crit"] = [float(a_critical(ridge, c, L)) for ridge, L in pairs]
    frame["a_glob"] = [float(a_global(ridge, c, L)) for ridge, L in pairs]
    return frame.assign(panel="thresholds")


def penalty_panel(ax: Axes, looks: Looks) -> pd.DataFrame:
    """The curves s^(2/L)."""
    s = np.linspace(0, LARGEST, 201)
    parts = []
    for L, (color, _) in looks.items():
        ax.plot(s, s ** (2 / L), color=color)
        parts.append(pd.DataFrame({"depth": L, "s": s, "penalty": s ** (2 / L)}))
    ax.set(xlabel="singular value $s$", ylabel="$s^{2/L}$", xlim=(0, LARGEST), ylim=(0, None))
    return pd.concat(parts, ignore_index=True).assign(panel="penalty")


def minimizer_panel(
    ax: Axes, points: pd.DataFrame, marks: pd.DataFrame, ridge: float, looks: Looks
) -> None:
    """Theory as lines, measured minimizers as dots; where they appear and win."""
    points, marks = choose(points, ridge=ridge), choose(marks, ridge=ridge)
    end = float(points["a"].max())
    for L, (color, marker) in looks.items():
        own, mark = points[points["depth"] == L], marks[marks["depth"] == L]
        if own.empty:
            continue
        a, s = own["a"].to_numpy(), own["theory"].to_numpy()
        first = float(mark["a_crit"].iloc[0])
        for part in (a < first, a >= first):
            ax.plot(a[part], s[part], color=color, linewidth=1.0, zorder=2)
        every = own.iloc[:: max(len(own) // DOTS, 1)]
        ax.plot(
            every["a"], every["minimizer"], linestyle="", marker=marker, color=color,
            markersize=2.2, markeredgewidth=0, zorder=3,
        )  # fmt: skip
        if first <= end:
            ax.axvline(first, color=color, linestyle=":", linewidth=0.9, zorder=1)
        wins = float(mark["a_glob"].iloc[0])
        if wins <= end and L > 2:
            height = float(np.interp(wins, a, s))
            ax.plot(
                [wins], [height], linestyle="", marker="o", color=color, markersize=6,
                markerfacecolor="none", markeredgewidth=1.0, zorder=5,
            )  # fmt: skip
    ax.plot([0, end], [0, end], color="0.6", linestyle="--", linewidth=0.8, zorder=1)
    ax.set(xlabel="observed singular value $a$", ylabel="minimizer $s(a)$", xlim=(0, end))


def basin_frame(basin: xr.Dataset) -> pd.DataFrame:
    """One row for each descent from the boundary; ``share``, |A| at its end over |A*|."""
    frame = basin.to_dataframe().reset_index()
    frame["share"] = frame["end_norm"] / frame["data_norm"]
    frame["settled"] = frame["gradient_norm"] <= SETTLED
    return frame.assign(panel="basin")


def basin_panel(ax: Axes, frame: pd.DataFrame, tones: tuple[Any, Any]) -> None:
    """All targets, starts below the boundary left and above it right; open if not settled."""
    pairs = sorted({(row.depth, row.ridge) for row in frame.itertuples()})
    for place, (L, ridge) in enumerate(pairs):
        mine = choose(frame, depth=L, ridge=ridge)
        for side, color in enumerate(tones):
            own = mine[(mine["factor"] > 1) == bool(side)]
            x = place + BESIDE * (2 * side - 1) + jitter(len(own), 0.3)
            for settled in (True, False):
                kept = (own["settled"] == settled).to_numpy()
                ax.plot(
                    x[kept], own["share"][kept], linestyle="", marker="v^"[side], color=color,
                    markerfacecolor=color if settled else "white", markersize=4,
                )  # fmt: skip
    if not np.isfinite(frame["share"]).any():
        say(ax, "no run to show")
    ax.set_yscale("log")
    ax.set_xlim(-0.6, len(pairs) - 0.4)
    ax.set_xticks(range(len(pairs)), [rf"$L={L}$, $\lambda={ridge:g}$" for L, ridge in pairs])
    ax.grid(visible=False, axis="x")
    ax.set_ylabel(r"$|A|$ at the end / $|A^*|$")
