"""Pieces of a phase diagram: its areas, the runs, their statistics, its ticks."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.plotting.panels import jitter

PHASES = {
    "calm": "#CFF5E7",  # c < 2
    "reduction": "#FFFAD7",  # 2 < c < c_loss
    "loss": "#FCDDB0",  # c_loss < c < c_sharp
    "both": "#FF9F9F",  # c_sharp < c < c_max
    "divergence": "#E97777",
}
LOOKS: dict[str, dict[str, Any]] = {
    "c_loss": {"marker": "s", "color": "black", "markerfacecolor": "none"},
    "c_sharp": {"marker": "^", "color": "#8a4b00"},
    "c_barrier": {"marker": "x", "color": "#1f4fd8", "markeredgewidth": 1.3},
    "c_max": {"marker": "D", "color": "#7a0019"},
}
SHIFT = 0.09  # of a constant's row against the next one's, in octaves


def fill_phases(
    ax: Axes, table: pd.DataFrame, xlim: tuple[float, float], ylim: tuple[float, float]
) -> None:
    """Areas between the lines through the medians; beyond the outer widths they are upright."""
    u = np.linspace(float(np.log2(ylim[0])), float(np.log2(ylim[1])), 200)
    y = 2.0**u
    lines = {}
    for constant, own in table.groupby("constant"):
        own = own[own["n"] > 0].sort_values("width", ascending=False)
        points = -np.log2(own["width"].to_numpy(float)), np.log2(own["median"].to_numpy(float))
        lines[constant] = 2.0 ** np.interp(u, *points)
    if "c_loss" not in lines:
        return
    left, right = np.full_like(y, xlim[0]), np.full_like(y, xlim[1])
    loss = lines["c_loss"]
    calm = np.minimum(2.0, loss)
    bounds = [("calm", left, calm), ("reduction", calm, loss)]
    last = loss
    if "c_sharp" in lines:
        sharp = np.maximum(loss, lines["c_sharp"])
        bounds.append(("loss", loss, sharp))
        last = sharp
    if "c_max" in lines:
        end = np.maximum(last, lines["c_max"])
        if "c_sharp" in lines:
            bounds.append(("both", last, end))
        bounds.append(("divergence", end, right))
    for name, a, b in bounds:
        ax.fill_betweenx(y, a, b, where=b > a, color=PHASES[name], linewidth=0, zorder=0.5)
    if "c_sharp" in lines and (early := lines["c_sharp"] < loss).any():
        with mpl.rc_context({"hatch.linewidth": 0.5}):
            ax.fill_betweenx(
                y, lines["c_sharp"], loss, where=early, facecolor="none", edgecolor="0.45",
                hatch="////", linewidth=0, zorder=0.6,
            )  # fmt: skip
    ax.grid(False)


def draw_runs(ax: Axes, frame: pd.DataFrame, constant: str, shift: float) -> None:
    """Faint dots, one a run, spread a little in height; arrow heads where it is a bound."""
    ends = frame[f"end{constant[1:]}"].to_numpy()
    for width, rows in frame.reset_index(drop=True).groupby("width"):
        height = shift * 2.0 ** jitter(len(rows), 0.7 * SHIFT) / float(width)
        x, own = rows[constant].to_numpy(float), ends[rows.index]
        for end, marker, room in ((-1, "<", 9), (0, "o", 5), (1, ">", 9)):
            if (at := own == end).any():
                ax.scatter(
                    x[at], height[at], s=room, marker=marker, color=LOOKS[constant]["color"],
                    alpha=0.45, linewidths=0, zorder=2,
                )  # fmt: skip


def draw_statistics(ax: Axes, own: pd.DataFrame, constant: str, shift: float) -> None:
    """Means, quartiles as bars, medians as ticks on them."""
    own = own[own["n"] > 0]
    y = shift / own["width"].to_numpy(float)
    color = LOOKS[constant]["color"]
    ax.hlines(y, own["q25"], own["q75"], color=color, linewidth=1.1, zorder=3)
    ax.plot(own["median"], y, marker="|", markersize=6, color=color, linestyle="none", zorder=3.2)
    ax.plot(own["mean"], y, linestyle="none", markersize=4.0, zorder=3.5, **LOOKS[constant])


def annotate_sizes(ax: Axes, frame: pd.DataFrame) -> None:
    """The number of runs of each width, at the right end."""
    for width, n in frame.groupby("width").size().items():
        ax.annotate(
            f"n={n}", (1, 1 / float(width)), (2, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize="xx-small", color="0.3",
            annotation_clip=False,
        )  # fmt: skip


def octaves(ax: Axes, frame: pd.DataFrame) -> None:
    """Ticks at powers of two of c and at the widths, as 1/64."""
    low, high = np.log2(ax.get_xlim())
    apart = 1 if high - low <= 7 else 2
    ticks = [2.0**k for k in range(int(np.ceil(low)), int(np.floor(high)) + 1, apart)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda c, _: f"{c:g}"))
    widths = sorted(frame["width"].unique())
    ax.yaxis.set_major_locator(FixedLocator([1 / float(w) for w in widths]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"1/{round(1 / y)}"))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(NullLocator())
