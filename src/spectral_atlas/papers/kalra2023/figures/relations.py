"""Pairs of critical constants against each other, and how often their order is violated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from spectral_atlas.papers.kalra2023.figures.shared import SYMBOLS
from spectral_atlas.plotting.intervals import share_interval
from spectral_atlas.plotting.panels import jitter, nothing_to_show
from spectral_atlas.plotting.style import MARKERS

# Without the light end, which is too faint on white.
RATIO_MAP = ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.92, 256)))
CELL = 0.07  # spread of runs that share a grid point, in octaves (the grid's step is 0.1)


def compare(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """How each run orders two constants that should satisfy x <= y.

    Parameters
    ----------
    frame : of `runs_frame`
    x, y : names of constants

    Returns
    -------
    The rows where both were sought, with the columns ``x, y`` (values), ``decided`` (False where
    both lie beyond the same end of the grid), ``violated`` (x > y) and ``by_one`` (by one step
    of the grid only; where y is c_max this means that x is the first c that diverges).
    """
    kept = frame[frame[x].notna() & frame[y].notna()]
    first, second = kept[f"k{x[1:]}"], kept[f"k{y[1:]}"]
    ends = kept[f"end{x[1:]}"], kept[f"end{y[1:]}"]
    decided = ~((ends[0] == ends[1]) & (ends[0] != 0))
    violated = decided & (first > second)
    by_one = violated & (first == second + 1)
    return kept.assign(x=kept[x], y=kept[y], decided=decided, violated=violated, by_one=by_one)


def relation_panel(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    *,
    norm: LogNorm,
    markers: Mapping[str, str] | None = None,
    by: str = "network",
    limits: tuple[float, float] | None = None,
    counts: bool = True,
) -> pd.DataFrame:
    """Scatter of y against x on log axes with the line y = x; violations lie below it.

    Colour: depth over width; marker: column ``by``. Runs are spread within their grid cell, those
    with only a bound are open, violating ones have a red edge. With ``counts`` the number of
    violations is the title at the right end.

    Parameters
    ----------
    norm : of the colours (`ratio_norm`)
    markers : for each value of ``by``; by default `MARKERS` in sorted order
    limits : common to both axes; by default what holds these runs

    Returns
    -------
    `compare` of the frame.
    """
    pairs = compare(frame, x, y)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set(xlabel=SYMBOLS[x], ylabel=SYMBOLS[y])
    if nothing_to_show(ax, pairs["x"]):
        return pairs
    markers = markers or dict(zip(sorted(frame[by].unique()), MARKERS, strict=False))
    spread = 2.0 ** np.stack([jitter(len(pairs), CELL), jitter(len(pairs), CELL)[::-1]])
    points = pairs[["x", "y"]].to_numpy(float).T * spread
    open_ = ((pairs[f"end{x[1:]}"] != 0) | (pairs[f"end{y[1:]}"] != 0)).to_numpy()
    tones = RATIO_MAP(norm(pairs["ratio"].to_numpy(float)))
    for value, marker in markers.items():
        own = (pairs[by] == value).to_numpy()
        face = tones[own].copy()
        face[open_[own], 3] = 0.0
        edge = np.where(pairs["violated"].to_numpy()[own, None], (0.8, 0, 0, 1), tones[own])
        ax.scatter(
            points[0, own],
            points[1, own], s=10, marker=marker, facecolors=list(face), edgecolors=list(edge),
            linewidths=0.8, zorder=3,
        )  # fmt: skip
    low, high = limits or relation_limits(pairs[["x", "y"]].to_numpy())
    ax.plot([low, high], [low, high], color="0.3", linestyle="--", linewidth=1, zorder=2)
    ax.set(xlim=(low, high), ylim=(low, high))
    _ticks(ax, low, high)
    if counts:
        ax.set_title(violations_text(pairs), loc="right", fontsize="small")
    return pairs


def violations_text(pairs: pd.DataFrame) -> str:
    """``"2 of 32 below"`` the line, and how many are undecided."""
    decided = int(pairs["decided"].sum())
    undecided = len(pairs) - decided
    text = f"{int(pairs['violated'].sum())} of {decided} below"
    return text + (f", {undecided} undecided" if undecided else "")


def violation_shares(pairs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Share of violating runs for each group, with its 95 % Wilson interval.

    Returns
    -------
    DataFrame ``by``, ``n`` (decided runs), ``violated, by_one, share, low, high``.
    """
    rows = []
    for key, part in pairs[pairs["decided"]].groupby(by, sort=True):
        n, hits = len(part), int(part["violated"].sum())
        low, high = share_interval(hits, n)
        found = {"n": n, "violated": hits, "by_one": int(part["by_one"].sum())}
        found_share = {"share": hits / n, "low": low, "high": high}
        rows.append(dict(zip(by, key, strict=True)) | found | found_share)
    columns = [*by, "n", "violated", "by_one", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def ratio_norm(frame: pd.DataFrame) -> LogNorm:
    """Colours by depth over width, in logarithm."""
    ratios = frame["ratio"].to_numpy(float)
    low, high = (ratios.min(), ratios.max()) if ratios.size else (0.1, 1.0)
    return LogNorm(low / 1.05, high * 1.05)


def ratio_bar(figure: Figure, norm: LogNorm, axes: Any, **settings: Any) -> None:
    """A colour bar for depth over width."""
    bar = figure.colorbar(ScalarMappable(norm, RATIO_MAP), ax=axes, label=r"$d/w$", **settings)
    axis = bar.ax.yaxis if bar.orientation == "vertical" else bar.ax.xaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))
    axis.set_minor_formatter(NullFormatter())


def relation_limits(values: np.ndarray) -> tuple[float, float]:
    """Limits that hold all finite values, with a margin of 0.4 octaves."""
    flat = values[np.isfinite(values)]
    if not flat.size:
        return 1.0, 4.0
    return float(flat.min() * 2**-0.4), float(flat.max() * 2**0.4)


def _ticks(ax: Axes, low: float, high: float) -> None:
    powers = range(int(np.ceil(np.log2(low))), int(np.floor(np.log2(high))) + 1)
    ticks = [2.0**k for k in powers][:: 1 if len(powers) <= 7 else 2]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda c, _: f"{c:g}"))
