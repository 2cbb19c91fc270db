"""Descents to the edge of stability from fresh starts: paths, ends, and how often losses rise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.edge_drawing import (
    EDGE,
    FLOOR,
    branches,
    cross,
    loss_axis,
    path_rows,
    step_axis,
    thinned,
)
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path, fates, paths
from spectral_atlas.papers.craciun2024.figures.eos_seeds_panels import (
    MARKS,
    SLOW,
    final_panel,
    increases_panel,
    ratios_panel,
    top_of,
)
from spectral_atlas.papers.craciun2024.figures.eos_seeds_table import ends_frame, seed_facts
from spectral_atlas.plotting.facts import counted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

DRAWN = 24000  # checkpoints that are drawn, of all runs
RASTERIZED = 20  # lines of more seeds are pixels


def eos_seeds(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Loss and sharpness of all seeds; their start, peak and end; ends and increases."""
    runs = paths(inputs["runs/edge_fresh"], inputs["spectra/edge_fresh"])
    ends = ends_frame(runs)
    slow = ends["slow_final"].to_numpy(float)
    slow = slow[np.isfinite(slow)]
    limits = (float(slow.min()), float(slow.max())) if slow.size else (1.0, 1.0)
    scale = Normalize(limits[0], max(limits[1], limits[0] + 0.1))
    name = "viridis" if style.palette == "colorblind" else style.palette
    tones = [
        colormaps[name](0.9 * float(scale(p.reference_final)))
        if np.isfinite(p.reference_final)
        else "0.5"
        for p in runs
    ]
    figure = plt.figure(figsize=size(style, 1.0))
    axes = figure.subplot_mosaic(
        [list("ab"), list("cc"), list("de")], gridspec_kw={"height_ratios": (1.1, 1, 1)}
    )
    most = max(DRAWN // max(len(runs), 1), 50)
    _paths(axes["a"], axes["b"], runs, tones, most)
    ratios_panel(axes["c"], ends)
    final_panel(axes["d"], ends)
    increases_panel(axes["e"], ends)
    _color_bar(figure, axes["b"], scale, name)
    n = counted(len(runs), "seed")
    titles = (n, n, "in the order of the small step's end", "where it ends", "how often L rises")
    for text, title in zip("abcde", titles, strict=True):
        letter(axes[text], text, title)
    _legend(figure, int(inputs["runs/edge_fresh"].attrs["slowdown"]))
    found = fates(runs)
    note(
        figure,
        f"{n}: {found['diverged']} diverged (crosses), {found['unfinished']} unfinished (open)",
    )
    curves = [path_rows(p, thinned(len(p.steps), most)).assign(panel="a, b") for p in runs]
    table = pd.concat([ends.assign(panel="c, d, e"), *curves], ignore_index=True)
    return Drawing(figure, table, seed_facts(inputs, runs, ends))


def _paths(
    losses: Axes, ratios: Axes, runs: Sequence[Path], tones: Sequence[Any], most: int
) -> None:
    for ax in (losses, ratios):
        step_axis(ax, runs)
    losses.set(yscale="log", ylabel=r"loss $L$")
    ratios.set_ylabel(r"sharpness $\cdot\;\eta/2$")
    ratios.axhline(1, linestyle="--", **EDGE)
    for share in sorted({path.share for path in runs}):
        ratios.axhline(share, color="0.3", linestyle=":", linewidth=0.9, zorder=1.5)
    look: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.8, "zorder": 3}
    look["rasterized"] = len(runs) > RASTERIZED
    if not nothing_to_show(losses, np.concatenate([path.loss for path in runs])):
        for path, tone in zip(runs, tones, strict=True):
            loss, at = np.maximum(path.loss, FLOOR), thinned(len(path.steps), most)
            branches(losses, path.steps[at], loss[at], color=tone, **look)
            cross(losses, path, loss, tone)
        loss_axis(losses, [path.loss for path in runs])
    peaks = np.array([path.peak for path in runs])
    if not nothing_to_show(ratios, peaks):
        for path, tone in zip(runs, tones, strict=True):
            at = thinned(len(path.steps), most)
            branches(ratios, path.steps[at], path.ratio[at], color=tone, **look)
            cross(ratios, path, path.ratio, tone)
        ratios.set_ylim(0, top_of(peaks))


def _color_bar(figure: Figure, ax: Axes, scale: Normalize, name: str) -> None:
    shown = colormaps[name].resampled(256)(np.linspace(0, 0.9, 256))
    mappable = ScalarMappable(scale, ListedColormap(shown))
    bar = figure.colorbar(mappable, ax=ax, fraction=0.05, pad=0.02)
    bar.set_label(r"small step: sharpness $\cdot\;\eta/2$", fontsize="small")


def _legend(figure: Figure, slowdown: int) -> None:
    handles = [
        Line2D([], [], color=tone, marker=marker, linestyle="", label=f"{name} (c)")
        for name, (marker, tone) in MARKS.items()
    ]
    handles += [
        Line2D([], [], color=SLOW[1], marker=SLOW[0], linestyle="",
               label=rf"end of the small step, $\eta/{slowdown}$ (c)"),
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label=r"$2/\eta$"),
        Line2D([], [], color="0.3", linestyle=":", linewidth=0.9, label="flattest minimizer"),
        Line2D([], [], color="0.6", linewidth=0.8, label="same as small step (d)"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4)
