"""The phase diagram: critical constants of one family of networks against 1/width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.papers.kalra2023.figures.shared import (
    CONSTANTS,
    SYMBOLS,
    fit_in_width,
    summarize_constants,
)
from spectral_atlas.plotting.panels import jitter, nothing_to_show

PHASES = {
    "calm": "#CFF5E7",  # c < 2
    "reduction": "#FFFAD7",  # 2 < c < c_loss
    "loss": "#FCDDB0",  # c_loss < c < c_sharp
    "both": "#FF9F9F",  # c_sharp < c < c_max
    "divergence": "#E97777",
}
PHASE_LABELS = {
    "calm": r"$c<2$",
    "reduction": r"$2<c<c_\mathrm{loss}$",
    "loss": r"$c_\mathrm{loss}<c<c_\mathrm{sharp}$",
    "both": r"$c_\mathrm{sharp}<c<c_\mathrm{max}$",
    "divergence": r"$c>c_\mathrm{max}$",
}
FITTED = ("c_loss", "c_sharp", "c_max")  # c_barrier is c_max where none shows
LOOKS: dict[str, dict[str, Any]] = {
    "c_loss": {"marker": "s", "color": "black", "markerfacecolor": "none"},
    "c_sharp": {"marker": "^", "color": "#8a4b00"},
    "c_barrier": {"marker": "x", "color": "#1f4fd8", "markeredgewidth": 1.3},
    "c_max": {"marker": "D", "color": "#7a0019"},
}
SHIFT = 0.09  # of a constant's row against the next one's, in octaves
MARGIN = 0.4  # around the widths, in octaves


def phase_panel(
    ax: Axes,
    frame: pd.DataFrame,
    *,
    constants: Sequence[str] = CONSTANTS,
    fits: bool = True,
    phases: bool = True,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Draw one phase diagram: x = c, y = 1/w, both in octaves.

    Markers: means over runs; bars: quartiles; ticks on them: medians; faint dots: single runs, as
    arrow heads where only a bound is known; at the right end the number of runs. Phases are bounded
    by straight lines (on these axes) through the medians, hatched where the sharpness exceeds its
    start before the loss does. Curves: fits of the means in 1/w (`fit_in_width`, not of c_barrier),
    dotted where two points determine them.

    Parameters
    ----------
    frame : rows of `runs_frame` of one family: only widths and seeds differ
    constants : those to draw; one that was not sought in any run is left out by itself
    xlim, ylim : in c and in 1/w; by default what holds all runs (give common ones to panels that
        are to be compared; `c_limits` and `width_limits` find them)

    Returns
    -------
    `summarize_constants` of the frame by width, with what tells the family apart in front, and
    the columns ``fit`` (value of the curve at that width) and ``limit, limit_low, limit_high`` (its
    constant term with a 95 % interval); NaN where no fit is made.
    """
    constants = [c for c in constants if c in frame and frame[c].notna().any()]
    table = summarize_constants(frame, ["network", "depth", "width"], constants)
    drawn = frame[constants].to_numpy(float) if constants else np.zeros(0)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    if nothing_to_show(ax, drawn):
        return table.assign(fit=np.nan, limit=np.nan, limit_low=np.nan, limit_high=np.nan)
    xlim, ylim = xlim or c_limits(frame), ylim or width_limits(frame)
    if phases:
        _phases(ax, table, xlim, width_limits(frame))
    ax.axvline(2, color="0.25", linestyle="--", linewidth=1, zorder=1.2)
    fitted = []
    for slot, constant in enumerate(constants):
        shift = 2.0 ** (SHIFT * ((len(constants) - 1) / 2 - slot))
        own = table[table["constant"] == constant]
        _runs(ax, frame, constant, shift)
        _statistics(ax, own, constant, shift)
        fit = fit_in_width(frame, constant) if fits and constant in FITTED else None
        values: dict[str, Any] = {
            "fit": np.nan,
            "limit": np.nan,
            "limit_low": np.nan,
            "limit_high": np.nan,
        }
        if fit is not None:
            y = 2.0 ** np.linspace(-np.log2(max(fit.widths)) - 0.1, -np.log2(min(fit.widths)) + 0.1)
            ax.plot(
                fit.at(y), y, color=LOOKS[constant]["color"], linewidth=1.0, zorder=2.5,
                linestyle=":" if fit.exact else "-",
            )  # fmt: skip
            at = np.where(own["width"].isin(fit.widths), fit.at(1 / own["width"]), np.nan)
            values = {
                "fit": at,
                "limit": fit.coefficients[0],
                "limit_low": fit.low,
                "limit_high": fit.high,
            }
        fitted.append(own.assign(**values))
    ax.set(xlim=xlim, ylim=ylim)
    _octaves(ax, frame)
    _sizes(ax, frame)
    return pd.concat(fitted, ignore_index=True)


def c_limits(frame: pd.DataFrame, constants: Sequence[str] = CONSTANTS) -> tuple[float, float]:
    """Limits of the axis of c that hold all runs and c = 2."""
    values = frame[[c for c in constants if c in frame]].to_numpy(float)
    values = np.append(values[np.isfinite(values)], 2.0)
    return float(min(values.min(), 1.5) * 2**-0.3), float(max(values.max(), 4.0) * 2**0.5)


def width_limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits of the axis of 1/w."""
    return 2.0**-MARGIN / float(frame["width"].max()), 2.0**MARGIN / float(frame["width"].min())


def diagram_handles(
    constants: Sequence[str] = CONSTANTS, *, phases: bool = True, hatched: bool = False
) -> list[Any]:
    """Legend entries: the constants' markers, c = 2, and the phases."""
    handles: list[Any] = [
        Line2D([], [], linestyle="-", linewidth=0.9, label=SYMBOLS[c], **LOOKS[c])
        for c in constants
    ]
    handles.append(Line2D([], [], color="0.25", linestyle="--", linewidth=1, label=r"$c=2$"))
    if phases:
        handles += [
            Patch(facecolor=color, edgecolor="0.7", linewidth=0.4, label=PHASE_LABELS[name])
            for name, color in PHASES.items()
        ]
    if hatched:
        handles.append(
            Patch(
                facecolor="none", edgecolor="0.45", hatch="////", linewidth=0,
                label=r"$c_\mathrm{sharp}<c<c_\mathrm{loss}$",
            )
        )  # fmt: skip
    return handles


def order_reversed(table: pd.DataFrame) -> bool:
    """Whether a median of c_sharp is below that of c_loss: some area is hatched then."""
    medians = table.pivot_table(
        "median", ["network", "depth", "width"], "constant", aggfunc="first", dropna=False
    )
    if not {"c_loss", "c_sharp"} <= set(medians):
        return False
    return bool((medians["c_sharp"] < medians["c_loss"]).any())


def _phases(
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


def _runs(ax: Axes, frame: pd.DataFrame, constant: str, shift: float) -> None:
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


def _statistics(ax: Axes, own: pd.DataFrame, constant: str, shift: float) -> None:
    own = own[own["n"] > 0]
    y = shift / own["width"].to_numpy(float)
    color = LOOKS[constant]["color"]
    ax.hlines(y, own["q25"], own["q75"], color=color, linewidth=1.1, zorder=3)
    ax.plot(own["median"], y, marker="|", markersize=6, color=color, linestyle="none", zorder=3.2)
    ax.plot(own["mean"], y, linestyle="none", markersize=4.0, zorder=3.5, **LOOKS[constant])


def _sizes(ax: Axes, frame: pd.DataFrame) -> None:
    """The number of runs of each width, at the right end."""
    for width, n in frame.groupby("width").size().items():
        ax.annotate(
            f"n={n}", (1, 1 / float(width)), (2, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize="xx-small", color="0.3",
            annotation_clip=False,
        )  # fmt: skip


def _octaves(ax: Axes, frame: pd.DataFrame) -> None:
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
