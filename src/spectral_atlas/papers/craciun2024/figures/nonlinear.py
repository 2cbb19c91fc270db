"""tanh and ELU networks from random starts: which come to rest, and how sharp it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.common import (
    LETTERS,
    LIMIT,
    Inputs,
    about_one,
    share_bars,
)
from spectral_atlas.papers.craciun2024.figures.nonlinear_table import (
    name_of,
    nonlinear_facts,
    rate_rows,
    run_rows,
)
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.intervals import zero_bound
from spectral_atlas.plotting.panels import jitter, letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

Array = np.ndarray
LEAST_GRADIENT, LEAST_LOSS = 1e-16, 1e-33  # what is below is drawn here
MOST_RATIO, MARGIN = 10.0, 1e-3  # end of the axis; |ratio - 1| within which it is linear
TRENDS = {"falls": "v", "rises": "^"}
ETA = "η"


def nonlinear(inputs: Inputs, style: Style) -> Drawing:
    """Share at rest; mean gradient of all runs; sharpness at rest; losses."""
    runs, spectra = inputs["runs/nonlinear"].load(), inputs["spectra/nonlinear"].load()
    every, rates = run_rows(runs, spectra), rate_rows(runs)
    names = list(dict.fromkeys(rates["activation"]))
    tones = dict(zip(names, colors(style, len(names)), strict=True))
    spread = 0.64 * jitter(int(every["start"].max()) + 1, 1.0)[every["start"]]
    every["drawn_at"], rates["drawn_at"] = _drawn_at(every, names, spread), _drawn_at(rates, names)
    figure, axes = plt.subplots(2, 2, figsize=size(style, 0.84), sharex=True)
    _shares(axes[0, 0], rates, tones)
    _gradients(axes[0, 1], every, tones, float(runs.attrs["still"]))
    _ratios(axes[1, 0], every, tones)
    _losses(axes[1, 1], every, tones)
    titles = ("share at rest", "gradient of all runs", "sharpness at rest", "loss of all runs")
    for ax, text, title in zip(axes.flat, LETTERS, titles, strict=False):
        letter(ax, text, title)
    for ax in axes[1]:
        ax.set_xlabel(ETA)
    _legend(figure, tones)
    lost = int((every["outcome"] == "diverged").sum())
    starts = runs.sizes["start"]
    note(figure, f"{len(every)} runs, {starts} for each activation and η; {lost} diverged")
    table = pd.concat([rates.assign(panel="a"), every.assign(panel="b, c, d")], ignore_index=True)
    return Drawing(figure, table, nonlinear_facts(runs, every, rates))


def _drawn_at(
    frame: pd.DataFrame, names: list[str], spread: Float[Array, " n"] | float = 0.0
) -> Float[Array, " n"]:
    """Learning rates, with activations side by side; ``spread`` in widths of their lanes."""
    etas = np.unique(frame["learning_rate"])
    gap = 0.1 * float(etas[0])
    if len(etas) > 1:
        gap = min(float(np.diff(etas).min()), 0.06 * float(np.ptp(etas)))
    place = frame["activation"].map({name: k for k, name in enumerate(names)}).to_numpy(float)
    lane = place - (len(names) - 1) / 2 + spread
    return frame["learning_rate"].to_numpy(float) + lane * 0.8 * gap / len(names)


def _shares(ax: Axes, rates: pd.DataFrame, tones: Mapping[str, Any]) -> None:
    for k, (name, tone) in enumerate(tones.items()):
        own = rates[rates["activation"] == name]
        eta, n = own["drawn_at"].to_numpy(float), own["n"].to_numpy()
        none = own["at_rest"].to_numpy() == 0
        ax.errorbar(
            eta, own["share"], np.where(none, 0, share_bars(own)), color=tone, marker=MARKERS[k],
            markersize=2.6, linewidth=0.9, elinewidth=0.7, capsize=1.2, capthick=0.7, zorder=3,
        )  # fmt: skip
        bound = [zero_bound(int(number)) for number in n[none]]
        ax.plot(eta[none], bound, "v", color=tone, markerfacecolor="white", markersize=3.2,
                markeredgewidth=0.7, zorder=3.5)  # fmt: skip
    ax.set(ylabel="share of starts", ylim=(-0.04, 1.04))


def _gradients(ax: Axes, every: pd.DataFrame, tones: Mapping[str, Any], still: float) -> None:
    """Means over the window; runs that diverged on a line over all."""
    ax.set(yscale="log", ylabel=r"mean $\|\nabla L\|$")
    value = every["gradient_mean"].clip(lower=LEAST_GRADIENT)
    if nothing_to_show(ax, np.where(every["outcome"] == "diverged", np.nan, value)):
        return
    low, high = log_limits(np.append(value.dropna().to_numpy(float), still))
    decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    decades = decades[::-1][:: 1 + len(decades) // 7][::-1]
    ax.set_yticks(10.0**decades, minor=False)
    ax.set_yticks([], minor=True)
    ax.set_ylim(low, high * (high / low) ** 0.17)
    ax.axhline(high * (high / low) ** 0.02, color="0.6", linewidth=0.5)  # none of these above
    ax.axhline(still, color="0.4", linewidth=0.8, linestyle=":", zorder=1.5)
    _dots(ax, every.assign(value=value), tones)
    lost = every["outcome"] == "diverged"
    for k, (name, tone) in enumerate(tones.items()):
        own = lost & (every["activation"] == name)
        ax.plot(
            every["drawn_at"][own], np.full(int(own.sum()), 0.965 - 0.05 * k), linestyle="",
            marker="x", color=tone, markersize=2.2, markeredgewidth=0.4, alpha=0.6,
            transform=ax.get_xaxis_transform(), rasterized=True,
        )  # fmt: skip


def _dots(ax: Axes, frame: pd.DataFrame, tones: Mapping[str, Any]) -> None:
    """Every run: filled at rest, open if it stayed bounded, triangles where |gradient| drifts."""
    for name, tone in tones.items():
        own = frame[frame["activation"] == name]
        rest, bounded = own["outcome"] == "at_rest", own["outcome"] == "bounded"
        ax.plot(
            own["drawn_at"][rest], own["value"][rest], "o", color=tone, markersize=1.7, alpha=0.4,
            markeredgewidth=0, rasterized=True, zorder=2,
        )  # fmt: skip
        for trend, mark in {"": "o", **TRENDS}.items():
            kept = bounded & (own["trend"] == trend)
            ax.plot(
                own["drawn_at"][kept], own["value"][kept], mark, color=tone, markersize=3.2,
                markerfacecolor="none", markeredgewidth=0.8, zorder=3,
            )  # fmt: skip


def _ratios(ax: Axes, every: pd.DataFrame, tones: Mapping[str, Any]) -> None:
    """Sharpness over 2 / eta where runs came to rest."""
    ax.set_ylabel(r"$\lambda_{\max}\,\eta/2$")
    ax.axhline(1, **LIMIT)
    if nothing_to_show(ax, every["ratio"]):
        return
    _dots(ax, every.assign(value=every["ratio"]), tones)
    about_one(ax, every["ratio"].clip(upper=MOST_RATIO), MARGIN, axis="y", gap=0.07)


def _losses(ax: Axes, every: pd.DataFrame, tones: Mapping[str, Any]) -> None:
    """At the last step; bars are what the loss of bounded runs spans in the window."""
    ax.set(yscale="log", ylabel=r"loss $L$")
    value = every["loss"].clip(lower=LEAST_LOSS)
    if nothing_to_show(ax, np.where(every["outcome"] == "diverged", np.nan, value)):
        return
    _dots(ax, every.assign(value=value), tones)
    for name, tone in tones.items():
        own = every[(every["activation"] == name) & (every["outcome"] == "bounded")]
        least, most = (own[f"loss_{end}"].clip(lower=LEAST_LOSS) for end in ("least", "most"))
        ax.vlines(own["drawn_at"], least, most, color=tone, linewidth=0.8, zorder=2.5)
    ends = every[["loss", "loss_least", "loss_most"]].clip(lower=LEAST_LOSS).to_numpy(float)
    ax.set_ylim(log_limits(ends[np.isfinite(ends)]))


def _legend(figure: Figure, tones: Mapping[str, Any]) -> None:
    open_: dict[str, Any] = {"color": "0.3", "linestyle": "", "markerfacecolor": "none"}
    handles = [
        Line2D([], [], color=tone, marker=MARKERS[k], markersize=3, label=name_of(name))
        for k, (name, tone) in enumerate(tones.items())
    ]
    handles += [
        Line2D([], [], color="0.3", linestyle="", marker="o", markersize=2, label="at rest"),
        Line2D([], [], marker="o", label="bounded, not at rest", **open_),
        Line2D([], [], marker="v", label=r"the same, $\|\nabla L\|$ falls, $L\approx 0$", **open_),
        Line2D([], [], marker="^", label=r"the same, $\|\nabla L\|$ rises", **open_),
        Line2D([], [], marker="x", markersize=2.5, label="diverged (b)", **open_),
        Line2D([], [], color="0.4", linestyle=":", linewidth=0.8, label="at rest below (b)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4)
