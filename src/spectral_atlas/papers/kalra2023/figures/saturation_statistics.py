"""Panels of where saturation curves bend: c_crit, every other statistic, the peak of chi."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spectral_atlas.papers.kalra2023.figures.saturation_panels import (
    CRITICAL,
    NULL,
    mark_two,
    point,
)
from spectral_atlas.papers.kalra2023.figures.saturation_peaks import (
    STATISTICS,
    WINDOWS,
    argmax,
    largest,
)
from spectral_atlas.papers.kalra2023.saturation_curves import Curve
from spectral_atlas.plotting.curves import plain_log_ticks, reference
from spectral_atlas.plotting.panels import jitter, nothing_to_show
from spectral_atlas.plotting.style import MARKERS

MAIN = "[1, 3]"  # window of the panel of c_crit
UV: dict[str, Any] = {"color": "black", "marker": "*", "linestyle": "none", "markersize": 6}


def critical_panel(
    ax: Axes, found: list[Curve], located: pd.DataFrame, tones: list[Any]
) -> pd.DataFrame:
    """c_crit of every network against 1/w: single runs, the mean curve's, its interval and null."""
    own = located[(located["statistic"] == "argmax") & (located["quantity"] == "bend")]
    own = own[own["window"] == MAIN]
    ax.set_xscale("log", base=2)
    reference(ax, CRITICAL, color="0.25", style="--", zorder=1.2)
    shown = own["value"].to_numpy(float)
    if not nothing_to_show(ax, shown):
        for row in own.itertuples():
            if row.network == "uv":
                ax.plot(1 / row.width, row.value, **UV)
                continue
            tone, curve = tones[row.number], found[row.number]
            x = 2.0 ** (0.35 * (row.number - (len(tones) - 1) / 2) / len(tones)) / row.width
            ax.vlines(x, row.null_low, row.null_high, **NULL)
            runs = argmax(curve.c, curve.bend, WINDOWS[MAIN])
            aside = x * 2.0 ** jitter(len(runs), 0.12)
            ax.plot(aside, runs, ".", color=tone, markersize=3, alpha=0.35, zorder=2)
            point(ax, x, row, tone, MARKERS[row.number % len(MARKERS)], np.zeros(0))
        ax.set_ylim(WINDOWS[MAIN][0] - 0.08, WINDOWS[MAIN][1] + 0.08)
        _width_ticks(ax, own["width"])
    ax.set(xlabel=r"$1/w$", ylabel=r"$c_\mathrm{crit}$")
    return own


def _width_ticks(ax: Axes, widths: pd.Series) -> None:
    """Every other power of two, as 1/64."""
    powers = np.unique(np.round(np.log2(widths.to_numpy(float))).astype(int))
    shown = np.arange(powers.min(), powers.max() + 1, 2)
    ax.set_xticks(2.0**-shown, [f"1/{2**p}" for p in shown.tolist()])
    ax.minorticks_off()


def several_panel(
    ax: Axes, found: list[Curve], located: pd.DataFrame, tones: list[Any]
) -> pd.DataFrame:
    """A row for each statistic and window: each network's value, its interval and null, or runs."""
    names = ["quantity", "statistic", "window"]
    kinds = [tuple(kind) for kind in located[names].drop_duplicates().to_numpy()]
    slots = len(tones) + 1
    mark_two(ax)
    for place, kind in enumerate(kinds):
        own = located[(located[names] == list(kind)).all(axis=1)]
        for row in own.itertuples():
            if row.network == "uv":
                ax.plot(row.value, place + 0.42, **UV | {"markersize": 4})
                continue
            y = place + 0.75 * ((row.number + 0.5) / slots - 0.5)
            tone = tones[row.number]
            ax.hlines(y, row.null_low, row.null_high, **NULL | {"linewidth": 2.2})
            if np.isfinite(row.low):
                ax.hlines(y, row.low, row.high, color=tone, linewidth=1.0, zorder=3)
            else:
                curve = found[row.number]
                members = curve.bend if row.quantity == "bend" else curve.chi
                runs = STATISTICS[row.statistic](curve.c, members, WINDOWS[row.window])
                ax.plot(runs, np.full(len(runs), y), ".", color=tone, markersize=2, alpha=0.5)
            ax.plot(row.value, y, marker=MARKERS[row.number % len(MARKERS)], color=tone,
                    markersize=2.6, zorder=4)  # fmt: skip
        ax.axhline(place + 0.5, color="0.85", linewidth=0.6, zorder=0.5)
    words = {"argmax": "argmax", "centre": "mean"}
    symbols = {"chi": r"$\chi$", "bend": r"$\chi'$"}
    labels = [f"{words[s]} {symbols[q]}, {w}" for q, s, w in kinds]
    ax.set_yticks(range(len(kinds)), labels, fontsize="small")
    ax.set(ylim=(len(kinds) - 0.5, -0.5), xlabel=r"$c$")
    ax.grid(False, axis="y")
    return located


def largest_panel(
    ax: Axes, found: list[Curve], peak: pd.DataFrame, tones: list[Any]
) -> pd.DataFrame:
    """The largest chi against d/w: of the mean curves, with intervals or single runs."""
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    peak = peak.assign(ratio=peak["depth"] / peak["width"])
    if not nothing_to_show(ax, peak["value"]):
        for row in peak.itertuples():
            x = row.ratio * 2.0 ** (0.06 * (row.number % 2))
            curve = found[row.number]
            runs = largest(curve.c, curve.chi, WINDOWS["all c"])
            point(ax, x, row, tones[row.number], MARKERS[row.number % len(MARKERS)], runs)
        ticks = sorted(peak["ratio"].unique())
        ax.set_xticks(ticks, [f"1/{round(1 / t)}" for t in ticks])
        ax.xaxis.minorticks_off()
        plain_log_ticks(ax)
    ax.set(xlabel=r"$d/w$", ylabel=r"$\chi_\mathrm{max}$")
    return peak
