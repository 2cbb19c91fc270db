"""Which minimizers are stable for gradient descent, which for SGD with batches of one sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from spectral_atlas.papers.craciun2024.figures.sgd_stability_table import (
    Rate,
    exponent_rows,
    rates_of,
    return_rows,
    sgd_facts,
)
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

ALL, GD, SGD = COLORBLIND[0], COLORBLIND[2], COLORBLIND[3]
MEASURED = 36  # measured exponents that are drawn of each rate
LOWEST = -2.2  # end of the axis of exponents
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sgd_stability(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """For each learning rate minimizers, exponents, and the shares of runs that come back."""
    runs = inputs["runs/minibatch"].load()
    rates, exponents, returns = rates_of(runs), exponent_rows(runs), return_rows(runs)
    figure, axes = plt.subplots(
        len(rates), 3, figsize=size(style, 0.12 + 0.36 * len(rates)), squeeze=False
    )
    ends = float(runs["t_1"].values.min()), float(runs["t_1"].values.max())
    for row, rate in enumerate(rates):
        own = exponents[exponents["rate"] == rate.place]
        _minimizers(axes[row, 0], rate, ends)
        _exponents(axes[row, 1], rate, own, ends)
        _returns(axes[row, 2], rate, returns[returns["rate"] == rate.place], ends)
        titles = (f"η = {rate.eta:g}, p = {rate.probability:g}", "exponents", "runs")
        for column, title in enumerate(titles):
            place = 3 * row + column
            text = LETTERS[place] if place < len(LETTERS) else ""
            letter(axes[row, column], text, title)
    figure.legend(handles=_handles(), loc="outside lower center", ncols=4, columnspacing=1.4)
    x = " and ".join(f"{v:g}" for v in np.atleast_1d(runs.attrs["inputs"]))
    n = int(runs.attrs["starts"])
    note(figure, f"samples x = {x}, p: probability of the first; n = {n} runs a point")
    table = pd.concat([exponents, returns], ignore_index=True)
    return Drawing(figure, table, sgd_facts(runs, rates, exponents, returns))


def _minimizers(ax: Axes, rate: Rate, ends: tuple[float, float]) -> None:
    """The branch t_1 > 0 of t_1 t_2 = 1 and its stable parts, cut at the ends of t_1."""
    t = np.geomspace(*ends, 400)
    ax.plot(t, 1 / t, color=ALL, linewidth=0.9, zorder=3)
    for intervals, tone, width, order in ((rate.gd, GD, 6.0, 1.5), (rate.sgd, SGD, 2.6, 2.0)):
        for low, high in intervals:
            part = np.geomspace(low, high, 100)
            ax.plot(
                part, 1 / part, color=tone, linewidth=width, zorder=order,
                solid_capstyle="butt", alpha=0.45 if tone == GD else 1,
            )  # fmt: skip
    ax.set(xlabel=r"$t_1$", ylabel=r"$t_2$", xlim=(0, ends[1]), ylim=(0, 1 / ends[0]))


def _t_axis(ax: Axes, rate: Rate, ends: tuple[float, float]) -> None:
    """Log axis of t_1; grey where SGD is stable, hatched where GD is."""
    ax.set_xscale("log")
    ax.set_xlim(*ends)
    ticks = [t for t in (0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100) if ends[0] <= t <= ends[1]]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticklabels([f"{t:g}" for t in ticks])
    ax.set_xlabel(r"$t_1$ of the minimizer")
    for intervals, tone in ((rate.gd, GD), (rate.sgd, SGD)):
        for low, high in intervals:
            ax.axvspan(low, high, color=tone, alpha=0.13, linewidth=0, zorder=0)


def _exponents(ax: Axes, rate: Rate, own: pd.DataFrame, ends: tuple[float, float]) -> None:
    _t_axis(ax, rate, ends)
    ax.set_ylabel("growth per step")
    ax.axhline(0, color="black", linewidth=0.7, zorder=1.2)
    columns = ["gd_exponent", "sgd_exponent", "gd_measured", "sgd_measured"]
    values = own[columns].to_numpy(float)
    if nothing_to_show(ax, values):
        return
    for name, tone in (("gd", GD), ("sgd", SGD)):
        ax.plot(own["t_1"], own[f"{name}_exponent"], color=tone, linewidth=1.0, zorder=2)
    some = own.iloc[:: max(len(own) // MEASURED, 1)]
    look: dict[str, Any] = {"linestyle": "", "markersize": 2.6, "zorder": 3}
    ax.plot(some["t_1"], some["gd_measured"], "x", color=GD, markeredgewidth=0.7, **look)
    ax.errorbar(
        some["t_1"], some["sgd_measured"], 1.96 * some["sgd_error"].fillna(0), marker="o",
        color=SGD, markerfacecolor="white", elinewidth=0.8, markeredgewidth=0.7, **look,
    )  # fmt: skip
    high = float(np.max(values[np.isfinite(values)]))
    ax.set_ylim(LOWEST, max(1.08 * high, 0.5))


def _returns(ax: Axes, rate: Rate, own: pd.DataFrame, ends: tuple[float, float]) -> None:
    _t_axis(ax, rate, ends)
    ax.set(ylabel="share that returns", ylim=(-0.04, 1.04))
    for name, tone, marker, face in (("gd", GD, "x", GD), ("sgd", SGD, "o", "white")):
        share = own[f"{name}_returned"].to_numpy(float)
        low, high = (own[f"{name}_{end}"].to_numpy(float) for end in ("low", "high"))
        bars = [np.maximum(share - low, 0), np.maximum(high - share, 0)]
        ax.errorbar(
            own["t_1"], share, bars, marker=marker, markerfacecolor=face, color=tone,
            linestyle="", markersize=2.8, elinewidth=0.7, markeredgewidth=0.7, zorder=3,
        )  # fmt: skip


def _handles() -> list[Any]:
    measured: dict[str, Any] = {"linestyle": "", "markersize": 3}
    return [
        Line2D([], [], color=ALL, linewidth=0.9, label="minimizers"),
        Patch(facecolor=GD, alpha=0.4, label="GD-stable (formula)"),
        Patch(facecolor=SGD, alpha=0.6, label="SGD-stable (formula)"),
        Line2D([], [], color=GD, label=r"$\mu$"),
        Line2D([], [], color=SGD, label=r"$\lambda$"),
        Line2D([], [], color=GD, marker="x", label="GD, measured", **measured),
        Line2D([], [], color=SGD, marker="o", markerfacecolor="white", label="SGD, measured",
               **measured),
    ]  # fmt: skip
