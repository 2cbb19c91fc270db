"""Panels of ends of the descents from fresh starts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spectral_atlas.papers.craciun2024.figures.edge_drawing import EDGE
from spectral_atlas.plotting.panels import nothing_to_show
from spectral_atlas.plotting.style import COLORBLIND

TICKS = 24  # seeds that are named
HIGHEST = 4.0  # end of the axes of ratios, at most
MARKS = {"start": ("_", "0.5"), "peak": ("^", COLORBLIND[1]), "final": ("o", COLORBLIND[0])}
SLOW = ("D", COLORBLIND[2])


def top_of(values: np.ndarray) -> float:
    """End of an axis of ratios."""
    finite = values[np.isfinite(values)]
    return 1.07 * min(max(float(finite.max(initial=1.0)), 1.05), HIGHEST)


def _open(ends: pd.DataFrame) -> np.ndarray:
    return (ends["fate"] != "settled").to_numpy()


def _mark(ax: Axes, x: pd.Series, y: pd.Series, mark: tuple[str, Any], hollow: np.ndarray) -> None:
    """Points, hollow ones for descents that did not settle."""
    marker, tone = mark
    for some, face in ((~hollow, tone), (hollow, "white")):
        ax.plot(
            x[some], y[some], marker, color=tone, markerfacecolor=face, markersize=3.6,
            zorder=3,
        )  # fmt: skip


def _against_slow(ax: Axes, ends: pd.DataFrame, y: pd.Series) -> None:
    """Points over the last ratio of the small step, grey where that has not settled."""
    known = ends["slow_settled"].to_numpy(bool)
    for some, tone in ((known, MARKS["final"][1]), (~known, "0.55")):
        mark = (MARKS["final"][0], tone)
        _mark(ax, ends["slow_final"][some], y[some], mark, _open(ends)[some])


def ratios_panel(ax: Axes, ends: pd.DataFrame) -> None:
    """Start, largest and last ratio of each seed, and the last of the small step."""
    ax.axhline(1, linestyle="--", **EDGE)
    ax.set(xlabel="initialization seed", ylabel=r"sharpness $\cdot\;\eta/2$")
    ax.set_xlim(-0.7, len(ends) - 0.3)
    ax.grid(axis="x", visible=False)
    named = ends["run"] if len(ends) <= TICKS else [""] * len(ends)
    ax.set_xticks(ends["rank"], named)
    columns = ["start", "peak", "final", "slow_final"]
    values = ends[columns].to_numpy(float)
    if nothing_to_show(ax, values):
        return
    top = top_of(values)
    ax.set_ylim(0, top)
    ax.vlines(ends["rank"], ends["start"], ends["peak"].clip(upper=top), color="0.85", zorder=1)
    for name, mark in MARKS.items():
        _mark(ax, ends["rank"], ends[name], mark, _open(ends))
    _mark(ax, ends["rank"], ends["slow_final"], SLOW, ~ends["slow_settled"].to_numpy(bool))
    lost = ends[ends["fate"] == "diverged"]
    ax.plot(lost["rank"], np.full(len(lost), 0.97 * top), "kx", markersize=5, zorder=5)


def final_panel(ax: Axes, ends: pd.DataFrame) -> None:
    """The last ratio against that of the small step, close to 1."""
    ax.set(xlabel=r"small step: sharpness $\cdot\;\eta/2$", ylabel=r"sharpness $\cdot\;\eta/2$")
    if nothing_to_show(ax, ends["final"] + ends["slow_final"]):
        return
    _against_slow(ax, ends, ends["final"])
    low = min(float(ends["final"].min()), 1.0)
    high = max(float(ends["final"].clip(upper=HIGHEST).max()), 1.0)
    pad = 0.1 * max(high - low, 0.01)
    ax.axhline(1, linestyle="--", **EDGE)
    same = np.array([low - pad, high + pad])
    ax.plot(same, same, color="0.6", linewidth=0.8, zorder=1.4)
    ax.set_ylim(low - pad, high + pad)


def increases_panel(ax: Axes, ends: pd.DataFrame) -> None:
    """How often the loss rose against the last ratio of the small step."""
    ax.set(xlabel=r"small step: sharpness $\cdot\;\eta/2$", ylabel="rises of the loss")
    if nothing_to_show(ax, ends["slow_final"]):
        return
    ax.axvline(1, linestyle="--", **EDGE)
    _against_slow(ax, ends, ends["increases"])
    ax.set_yscale("symlog", linthresh=1, linscale=0.4)
    top = max(int(ends["increases"].max()), 10)
    ticks = [0, *(10**k for k in range(int(np.log10(top)) + 2))]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.set_ylim(-0.15, 2 * top)
