"""Panels of saturation curves and of their derivatives, one colour for each network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes

from spectral_atlas.papers.kalra2023.figures.saturation import bands, mean_of
from spectral_atlas.papers.kalra2023.saturation_curves import Curve
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import nothing_to_show
from spectral_atlas.plotting.style import MARKERS

CRITICAL = 2.0
NULL: dict[str, Any] = {"color": "0.62", "linewidth": 3.2, "alpha": 0.55, "zorder": 1.8}
CEILING = 1.1  # of the axis of r, where runs leave it


def mark_two(ax: Axes) -> None:
    """The upright line c = 2."""
    ax.axvline(CRITICAL, color="0.25", linestyle="--", linewidth=1, zorder=1.2)


def curve_label(curve: Curve) -> str:
    """``"d = 4, w = 64 (n = 16)"``."""
    return f"d = {curve.depth}, w = {curve.width} (n = {len(curve.ratio)})"


def lost_text(found: Sequence[Curve]) -> str:
    """How many runs diverged, of all runs at all c."""
    lost, total = sum(int(f.lost.sum()) for f in found), sum(f.ratio.size for f in found)
    return f"{lost} of {counted(total, 'run')} diverged" + (" (open: some did)" if lost else "")


def draw_ratios(
    ax: Axes,
    found: Sequence[Curve],
    tones: Sequence[Any],
    *,
    ceiling: float = CEILING,
) -> pd.DataFrame:
    """r(c): every run faint, their mean bold, its markers open where some runs diverged.

    What is above the ceiling, on the way to divergence, is a triangle on the axes' upper edge.
    """
    mark_two(ax)
    frames = []
    if not nothing_to_show(ax, np.concatenate([f.ratio.ravel() for f in found] or [np.zeros(0)])):
        for number, (curve, tone) in enumerate(zip(found, tones, strict=True)):
            for run in curve.ratio:
                ax.plot(curve.c, run, color=tone, linewidth=0.5, alpha=0.35, zorder=2)
                above = curve.c[run > ceiling]
                if above.size:  # an empty line without clipping would spoil the layout
                    ax.plot(above, np.full(above.size, ceiling), "^", color=tone, markersize=4,
                            alpha=0.6, clip_on=False)  # fmt: skip
            mean = mean_of(curve.ratio)
            whole = curve.lost == 0
            look: dict[str, Any] = {"color": tone, "marker": MARKERS[number % len(MARKERS)]}
            ax.plot(curve.c, mean, markersize=2.6, zorder=4, **look)
            ax.plot(
                curve.c[~whole], mean[~whole], markersize=2.6, markerfacecolor="white",
                linestyle="none", zorder=5, **look,
            )  # fmt: skip
            frames.append(_rows(curve, mean, np.full((2, mean.size), np.nan), "r"))
        drawn = np.concatenate([f.ratio[np.isfinite(f.ratio)] for f in found])
        ax.set_ylim(0, ceiling if (drawn > ceiling).any() else min(1.1 * drawn.max(), ceiling))
    ax.set(xlabel=r"$c=\eta\lambda_0$", ylabel=r"$r=\lambda_\tau\,/\,\lambda_0$")
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def draw_derivative(
    ax: Axes,
    found: Sequence[Curve],
    tones: Sequence[Any],
    name: Literal["chi", "bend"],
    *,
    scaled: bool = False,
) -> pd.DataFrame:
    """Mean chi or chi' with the 95 % bootstrap interval over runs as a band.

    Fewer than `MIN_RUNS` runs are drawn themselves, faint, instead of a band.
    ``scaled`` divides by the largest absolute value of the mean, so that shapes can be compared.
    """
    mark_two(ax)
    frames = []
    for number, (curve, tone) in enumerate(zip(found, tones, strict=True)):
        members = curve.chi if name == "chi" else curve.bend
        mean = mean_of(members)
        if not np.isfinite(mean).any():
            continue
        unit = float(np.nanmax(np.abs(mean))) or 1.0 if scaled else 1.0
        ends = bands(members)
        if np.isfinite(ends).any():
            ax.fill_between(curve.c, *(ends / unit), color=tone, alpha=0.2, linewidth=0, zorder=2)
        else:
            ax.plot(curve.c, members.T / unit, color=tone, linewidth=0.5, alpha=0.35, zorder=2)
        ax.plot(
            curve.c, mean / unit, color=tone, marker=MARKERS[number % len(MARKERS)], markersize=2.6,
            zorder=4,
        )  # fmt: skip
        frames.append(_rows(curve, mean, ends, name))
    ax.set_xlabel(r"$c=\eta\lambda_0$")
    if not frames:
        nothing_to_show(ax, np.array([np.nan]))
        return pd.DataFrame()
    return pd.concat(frames, ignore_index=True)


def _rows(curve: Curve, mean: np.ndarray, ends: np.ndarray, quantity: str) -> pd.DataFrame:
    return pd.DataFrame(
        {**curve.network, "quantity": quantity, "c": curve.c, "n": len(curve.ratio),
         "diverged": curve.lost, "mean": mean, "low": ends[0], "high": ends[1]}
    )  # fmt: skip


def point(
    ax: Axes, x: float, row: Any, tone: Any, marker: str, runs: Float[np.ndarray, " R"]
) -> None:
    """``row.value`` with the bar from ``row.low`` to ``row.high``, or with the runs for no bar."""
    if np.isfinite(row.low):
        ax.vlines(x, row.low, row.high, color=tone, linewidth=1.1, zorder=3)
    else:
        ax.plot(np.full(len(runs), x), runs, ".", color=tone, markersize=3, alpha=0.5, zorder=2)
    ax.plot(x, row.value, marker=marker, color=tone, zorder=4)


def estimates_text(own: pd.DataFrame, digits: int = 3) -> str:
    """``"(4, 64): 2.1 [1.9, 2.2]; (8, 64): 1.9"``: (d, w), value, interval where there is one."""
    parts = []
    for r in own.itertuples():
        family = f"{r.family} " if "family" in own else ""
        ends = f" [{quoted(r.low, digits)}, {quoted(r.high, digits)}]" if r.low <= r.high else ""
        parts.append(f"{family}({r.depth}, {r.width}): {quoted(r.value, digits)}{ends}")
    return "; ".join(parts)
