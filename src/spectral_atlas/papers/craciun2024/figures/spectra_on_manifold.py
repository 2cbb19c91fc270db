"""Hessian spectra at random minimizers, and the flattest minimizers against the bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spectral_atlas.papers.craciun2024.figures.spectra_on_manifold_table import (
    critical_rows,
    eigenvalue_rows,
    manifold_facts,
    point_rows,
)
from spectral_atlas.plotting.panels import GOLDEN, letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

PER_ROW = 4
LEAST = 1e-18  # of the largest eigenvalue; what is smaller, zero above all, is drawn here
NONZERO, ZERO, DEFICIENT = COLORBLIND[0], COLORBLIND[6], COLORBLIND[3]
SMALLEST = 1e-17  # of errors, likewise


def spectra_on_manifold(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Sorted eigenvalues of every network; closed form against them; flattest minimizers."""
    spectra, critical = inputs["spectra/manifold"].load(), inputs["runs/critical"].load()
    values, points, found = eigenvalue_rows(spectra), point_rows(spectra), critical_rows(critical)
    nets = spectra["net"].values.tolist()
    rows = -(-len(nets) // PER_ROW)
    figure = plt.figure(figsize=size(style, 0.24 * rows + 0.5))
    parts: Any = figure.subfigures(2, 1, height_ratios=(0.24 * rows, 0.5))
    upper, lower = parts
    grid = upper.subplots(rows, PER_ROW, squeeze=False, sharey=True)
    for ax, net in zip(grid.ravel(), nets, strict=False):
        _spectrum(ax, values[values["net"] == net], net)
    for ax in grid.ravel()[len(nets) :]:
        ax.set_visible(False)
    for ax in grid[:, 0]:
        ax.set_ylabel(r"$|\lambda_i|\,/\,\lambda_1$")
    upper.supxlabel("index i", fontsize=style.font_size)
    grid[0, 0].set_title(rf"$\bf{{a}}$  {nets[0]}", loc="left", fontsize="small")
    left, right = lower.subplots(1, 2)
    _errors(left, points, nets)
    _flattest(right, found)
    letter(left, "b", "closed form")
    letter(right, "c", "flattest minimizers")
    lower.legend(handles=_handles(), loc="outside lower center", ncols=4, columnspacing=1.4)
    n = spectra.sizes["point"]
    note(figure, f"n = {n} random minimizers of each network, {len(found)} problems in c")
    table = pd.concat([values, points, found], ignore_index=True)
    return Drawing(figure, table, manifold_facts(spectra, values, points, found))


def _spectrum(ax: Axes, own: pd.DataFrame, net: str) -> None:
    """All points of all minimizers; a line where the rank puts the step."""
    ax.set_title(net, loc="left", fontsize="small")
    ax.set_yscale("log")
    ax.set_ylim(LEAST / 3, 10)
    ax.set_yticks([1, 1e-8, 1e-16], ["1", "10⁻⁸", "10⁻¹⁶"])
    ax.set_yticks([], minor=True)
    if nothing_to_show(ax, own["relative"]):
        return
    expected = int(own["rank"].iloc[0])
    ax.axvline(expected + 0.5, color="black", linewidth=0.8, linestyle="--", zorder=1.5)
    full = int(own["full_rank"].iloc[0])
    if full > expected:
        ax.axvline(full + 0.5, color=DEFICIENT, linewidth=0.8, linestyle=":", zorder=1.5)
    for some, tone in ((own["value"] <= expected, NONZERO), (own["value"] > expected, ZERO)):
        part = own[some]
        y, shift = part["relative"].clip(lower=LEAST), GOLDEN * part["point"] % 1 - 0.5
        lost = part["relative"] < LEAST
        look: dict[str, Any] = {"color": tone, "linestyle": "", "rasterized": True, "zorder": 2}
        ax.plot(
            (part["value"] + 0.5 * shift)[~lost], y[~lost], ".", markersize=2.2, markeredgewidth=0,
            alpha=0.7, **look,
        )  # fmt: skip
        ax.plot((part["value"] + 0.5 * shift)[lost], y[lost], "v", markersize=2.4, **look)
    ax.set_xlim(0.2, float(own["n_params"].iloc[0]) + 0.8)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _errors(ax: Axes, points: pd.DataFrame, nets: list[str]) -> None:
    """The largest difference of closed form and autograd at each minimizer, over lambda_1."""
    ax.set(yscale="log", ylabel=r"largest error $/\,\lambda_1$")
    place = {net: k for k, net in enumerate(nets)}
    ax.set_xlim(-0.6, len(nets) - 0.4)
    ax.set_xticks(range(len(nets)), nets, rotation=60, ha="right", fontsize="x-small",
                  rotation_mode="anchor")  # fmt: skip
    if nothing_to_show(ax, points["closed_error"]):
        return
    x = points["net"].map(place) + 0.5 * (GOLDEN * points["point"] % 1 - 0.5)
    y = points["closed_error"].clip(lower=SMALLEST)
    ax.plot(x, y, ".", color=NONZERO, markersize=3, markeredgewidth=0, alpha=0.7)
    ax.axhline(np.finfo(float).eps, color="0.5", linewidth=0.7, linestyle=":")
    ax.set_ylim(SMALLEST / 2, max(10 * float(y.max()), 1e-14))


def _flattest(ax: Axes, found: pd.DataFrame) -> None:
    """Least sharpness over the bound, minus 1: open where it is below, and the misfits."""
    ax.set(yscale="log", ylabel="sharpness / bound − 1")
    groups = list(dict.fromkeys(found["group"]))
    place = {group: k for k, group in enumerate(groups)}
    ax.set_xlim(-0.6, len(groups) - 0.4)
    ax.set_xticks(range(len(groups)), groups, rotation=60, ha="right", fontsize="x-small",
                  rotation_mode="anchor")  # fmt: skip
    if nothing_to_show(ax, found["excess"]):
        return
    within = found.groupby("group").cumcount()
    x = found["group"].map(place) + 0.5 * (GOLDEN * (within + 1) % 1 - 0.5)
    y = found["excess"].abs().clip(lower=SMALLEST)
    below = (found["excess"] < 0).to_numpy()
    for some, face in ((~below, NONZERO), (below, "none")):
        ax.plot(
            x[some], y[some], "o", color=NONZERO, markerfacecolor=face, markersize=3,
            markeredgewidth=0.7, linestyle="", zorder=3,
        )  # fmt: skip
    misfit = found["misfit"].clip(lower=SMALLEST)
    ax.plot(x, misfit, "x", color=DEFICIENT, markersize=2.6, markeredgewidth=0.6, zorder=2)
    ax.set_ylim(SMALLEST / 2, max(10 * float(np.nanmax([y.max(), misfit.max()])), 1e-14))


def _handles() -> list[Line2D]:
    dot: dict[str, Any] = {"linestyle": "", "marker": "."}
    ring: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3}
    return [
        Line2D([], [], color=NONZERO, label="up to the rank (a)", **dot),
        Line2D([], [], color=ZERO, label="beyond (a)", **dot),
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label=r"rank$(X)\,d_H$"),
        Line2D([], [], color=DEFICIENT, linestyle=":", linewidth=0.8, label=r"$d_0d_H$"),
        Line2D([], [], color=NONZERO, label="above the bound (c)", **ring),
        Line2D([], [], color=NONZERO, markerfacecolor="none", label="below it (c)", **ring),
        Line2D([], [], color=DEFICIENT, linestyle="", marker="x", markersize=2.6,
               label=r"misfit $\|A-W^*\|$ (c)"),
        Line2D([], [], color="0.5", linestyle=":", linewidth=0.7, label="float64 epsilon (b)"),
    ]  # fmt: skip
