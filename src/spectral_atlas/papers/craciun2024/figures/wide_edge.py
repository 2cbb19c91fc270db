"""Wide and deep linear networks at the edge of stability, their sharpness by Lanczos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.edge_drawing import (
    EDGE,
    FLOOR,
    branches,
    cross,
    loss_axis,
    rise_marks,
    rise_rows,
    step_axis,
    thinned,
)
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path
from spectral_atlas.papers.craciun2024.figures.wide_edge_table import (
    bound_rows,
    wide_facts,
    wide_paths,
)
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.facts import counted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MOST = 3000  # losses of a run that are drawn
LEAST_BOUND = 1e-17  # relative bounds below are drawn here
NAMED = 6  # runs that the legend names


def wide_edge(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Loss; sharpness; eigenvalues of the first run; their bounds; products with the Hessian."""
    runs, spectra = inputs["runs/wide"].load(), inputs["spectra/wide"].load()
    paths, bounds = wide_paths(runs, spectra), bound_rows(runs, spectra)
    tones = colors(style, len(paths))
    figure = plt.figure(figsize=size(style, 0.78))
    axes = figure.subplot_mosaic(
        [list("aaabbb"), list("ccddee")], gridspec_kw={"height_ratios": (1.15, 1)}
    )
    losses = _losses(axes["a"], paths, tones)
    _ratios(axes["b"], paths, tones)
    _values(axes["c"], paths[0])
    _bounds(axes["d"], bounds, paths, tones, float(spectra.attrs["tolerance"]))
    _products(axes["e"], bounds, paths, tones)
    widths = "-".join(str(int(d)) for d in np.atleast_1d(runs.attrs["widths"]))
    titles = (widths, "", paths[0].label, "error bounds", "cost")
    for text, title in zip("abcde", titles, strict=True):
        letter(axes[text], text, title)
    _legend(figure, paths, tones)
    lost = sum(path.diverged_at >= 0 for path in paths)
    open_ended = sum(path.fate == "unfinished" for path in paths)
    note(figure, f"{counted(len(paths), 'run')}: {lost} diverged, {open_ended} unfinished")
    table = pd.concat([bounds.assign(panel="b, c, d, e"), losses], ignore_index=True)
    return Drawing(figure, table, wide_facts(runs, spectra, paths, bounds))


def _losses(ax: Axes, paths: Sequence[Path], tones: Sequence[Any]) -> pd.DataFrame:
    ax.set(yscale="log", ylabel=r"loss $L$")
    step_axis(ax, paths)
    rows = []
    if not nothing_to_show(ax, np.concatenate([path.every_loss for path in paths])):
        heights = loss_axis(ax, [path.every_loss for path in paths], len(paths))
        for path, tone, height in zip(paths, tones, heights, strict=True):
            at = thinned(len(path.every_loss), MOST)
            shown = np.maximum(path.every_loss[at], FLOOR)
            branches(ax, at, shown, color=tone, linewidth=0.9, zorder=3)
            cross(ax, path, np.maximum(path.loss, FLOOR), tone)
            rise_marks(ax, path.rises, height, tone)
            row = {"panel": "a", "run": path.name, "step": at, "loss": path.every_loss[at]}
            rows += [pd.DataFrame(row), rise_rows(path).assign(panel="a")]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _ratios(ax: Axes, paths: Sequence[Path], tones: Sequence[Any]) -> None:
    """Largest eigenvalue at checkpoints, those of even and of odd steps joined."""
    ax.set_ylabel(r"sharpness $\cdot\;\eta/2$")
    step_axis(ax, paths)
    ax.axhline(1, linestyle="--", **EDGE)
    ax.axhline(paths[0].share, color="0.3", linestyle=":", linewidth=0.9, zorder=1.5)
    peaks = np.array([path.peak for path in paths])
    if nothing_to_show(ax, peaks):
        return
    for path, tone in zip(paths, tones, strict=True):
        look: dict[str, Any] = {"color": tone, "linewidth": 0.7, "zorder": 3}
        branches(ax, path.steps, path.ratio, marker="o", markersize=2.2, **look)
        cross(ax, path, path.ratio, tone)
    ax.set_ylim(0, 1.07 * min(max(float(np.nanmax(peaks)), 1.05), 5.0))


def _values(ax: Axes, path: Path) -> None:
    ax.set_ylabel(r"eigenvalue $\cdot\;\eta/2$")
    step_axis(ax, [path], narrow=True)
    ax.axhline(1, linestyle="--", **EDGE)
    if nothing_to_show(ax, path.values):
        return
    count = path.values.shape[1]
    for k, tone in reversed(list(enumerate(ordered_colors(max(count, 2))[:count]))):
        branches(ax, path.steps, path.values[:, k], color=tone, linewidth=0.8)
    ax.plot(path.steps, path.smallest, color="0.5", linewidth=0.8)
    high, low = np.nanmax(path.values), min(float(np.nanmin(path.smallest, initial=0.0)), 0.0)
    ax.set_ylim(max(1.2 * low, -2) - 0.03, 1.07 * min(max(float(high), 1.05), 5))


def _bounds(
    ax: Axes, bounds: pd.DataFrame, paths: Sequence[Path], tones: Sequence[Any], tolerance: float
) -> None:
    """Bounds over the largest eigenvalue: filled of the largest, open of the smallest."""
    ax.set(yscale="log", ylabel=r"bound $/\,\lambda_1$")
    step_axis(ax, paths, narrow=True)
    shown = bounds[["relative_bound", "relative_smallest_bound"]].clip(lower=LEAST_BOUND)
    if nothing_to_show(ax, shown.to_numpy(float)):
        return
    for path, tone in zip(paths, tones, strict=True):
        own = bounds["run"] == path.name
        look: dict[str, Any] = {"linestyle": "", "color": tone, "zorder": 3}
        ax.plot(
            bounds["step"][own], shown["relative_bound"][own], marker="o", markersize=2.4, **look
        )
        ax.plot(
            bounds["step"][own], shown["relative_smallest_bound"][own], marker="v",
            markersize=3, markerfacecolor="none", markeredgewidth=0.6, **look,
        )  # fmt: skip
    ax.axhline(tolerance, color="black", linewidth=0.7, linestyle="-.", zorder=1.5)
    ax.set_ylim(*log_limits(np.append(shown.to_numpy(float), tolerance)))


def _products(ax: Axes, bounds: pd.DataFrame, paths: Sequence[Path], tones: Sequence[Any]) -> None:
    ax.set_ylabel("Hessian products")
    step_axis(ax, paths, narrow=True)
    for path, tone in zip(paths, tones, strict=True):
        own = bounds[bounds["run"] == path.name]
        look: dict[str, Any] = {"linestyle": "", "color": tone, "zorder": 3}
        ax.plot(own["step"], own["products"], marker="o", markersize=2.4, **look)
        ax.plot(
            own["step"], own["smallest_products"], marker="v", markersize=3,
            markerfacecolor="none", markeredgewidth=0.6, **look,
        )  # fmt: skip
    ax.set_ylim(bottom=0)


def _legend(figure: Figure, paths: Sequence[Path], tones: Sequence[Any]) -> None:
    handles = [
        Line2D([], [], color=tone, label=path.label)
        for path, tone in zip(paths, tones, strict=True)
    ][:NAMED]
    handles += [
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label=r"$2/\eta$"),
        Line2D([], [], color="0.3", linestyle=":", linewidth=0.9, label="flattest minimizer"),
        Line2D([], [], color="0.3", linestyle="", marker="|", label="loss rose (a)"),
        Line2D([], [], color="0.5", linewidth=0.9, label="smallest (c)"),
        Line2D([], [], color="0.3", linestyle="", marker="o", markersize=2.4, label="largest"),
        Line2D([], [], color="0.3", linestyle="", marker="v", markersize=3,
               markerfacecolor="none", label="smallest (d, e)"),
        Line2D([], [], color="black", linestyle="-.", linewidth=0.7, label="tolerance (d)"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.4)
