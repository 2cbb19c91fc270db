"""Deep linear networks at the edge of stability: loss, sharpness and the modes below it."""

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
    REFERENCE,
    branches,
    cross,
    loss_axis,
    path_rows,
    rise_marks,
    rise_rows,
    step_axis,
    thinned,
)
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path, fates, paths
from spectral_atlas.papers.craciun2024.figures.eos_run_facts import run_facts
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MOST = 4500  # checkpoints of a run that are drawn
NAMED = 6  # runs that the legend names
NEAR = 1e-3  # the axis of ratio - 1 is linear below


def eos_run(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Loss and sharpness of the networks and of the chain; further eigenvalues of the first run."""
    nets = paths(inputs["runs/edge"], inputs["spectra/edge"])
    chain = paths(inputs["runs/chain"], inputs["spectra/chain"])
    tones = colors(style, len(nets) + len(chain))
    kinds = (nets, tones[: len(nets)]), (chain, tones[len(nets) :])
    figure, axes = plt.subplots(3, 2, figsize=size(style, 1.02), height_ratios=(1, 1.1, 1))
    for column, (runs, own) in enumerate(kinds):
        _losses(axes[0, column], runs, own)
        _ratios(axes[1, column], runs, own)
    values = _values(axes[2, 0], nets[0])
    _approach(axes[2, 1], [*nets, *chain], tones)
    depth = len(np.atleast_1d(inputs["runs/edge"].attrs["widths"])) - 1
    layers = len(np.atleast_1d(inputs["runs/chain"].attrs["widths"])) - 1
    titles = (
        f"networks, H = {depth}", f"chains of {layers} weights", "networks", "chains",
        f"run {nets[0].name}, {values.shape[1]} largest eigenvalues", "distance to 2/η",
    )  # fmt: skip
    for text, title, ax in zip("abcdef", titles, axes.ravel(), strict=True):
        letter(ax, text, title)
    _legend(figure, kinds, int(inputs["runs/edge"].attrs["slowdown"]))
    both = fates([*nets, *chain])
    note(
        figure,
        f"{counted(len(nets) + len(chain), 'run')}: {both['diverged']} diverged, "
        f"{both['unfinished']} unfinished",
    )
    return Drawing(figure, _table(nets, chain, values), run_facts(inputs, nets, chain))


def _losses(ax: Axes, runs: Sequence[Path], tones: Sequence[Any]) -> None:
    """Losses, and at the lower end a tick for every step that raised one."""
    ax.set_yscale("log")
    ax.set_ylabel(r"loss $L$")
    step_axis(ax, runs, label=False)
    if nothing_to_show(ax, np.concatenate([np.zeros(0), *(path.loss for path in runs)])):
        return
    heights = loss_axis(ax, [path.loss for path in runs], len(runs))
    for path, tone, height in zip(runs, tones, heights, strict=True):
        at = thinned(len(path.steps), MOST)
        slow = np.maximum(path.reference_loss[at], FLOOR)
        ax.plot(path.steps[at], slow, color=tone, zorder=2, **REFERENCE)
        loss = np.maximum(path.loss, FLOOR)
        branches(ax, path.steps[at], loss[at], color=tone, linewidth=0.9, zorder=3)
        cross(ax, path, loss, tone)
        rise_marks(ax, path.rises, height, tone)


def _ratios(ax: Axes, runs: Sequence[Path], tones: Sequence[Any]) -> None:
    ax.set_ylabel(r"sharpness $\cdot\;\eta/2$")
    step_axis(ax, runs)
    ax.axhline(1, linestyle="--", **EDGE)
    tops = [y for path in runs for y in (path.ratio, path.reference)]
    if nothing_to_show(ax, np.concatenate([np.zeros(0), *tops])):
        return
    for path, tone in zip(runs, tones, strict=True):
        at = thinned(len(path.steps), MOST)
        ax.axhline(path.share, color=tone, linestyle=":", linewidth=0.9, zorder=1.5)
        ax.plot(path.steps[at], path.reference[at], color=tone, zorder=2, **REFERENCE)
        branches(ax, path.steps[at], path.ratio[at], color=tone, linewidth=0.9, zorder=3)
        cross(ax, path, path.ratio, tone)
    ax.set_ylim(bottom=0)
    high = max((path.peak for path in runs if np.isfinite(path.peak)), default=1.0)
    slow = max((float(np.nanmax(p.reference, initial=0)) for p in runs), default=1.0)
    ax.set_ylim(0, 1.07 * min(max(high, slow, 1.0), 5.0))  # a run that diverges leaves the axis


def _values(ax: Axes, path: Path) -> np.ndarray:
    """All recorded eigenvalues and the smallest of one run, (checkpoints, values); all of them."""
    ax.set(xlabel="step", ylabel=r"eigenvalue $\cdot\;\eta/2$")
    step_axis(ax, [path])
    ax.axhline(1, linestyle="--", **EDGE)
    if nothing_to_show(ax, path.values):
        return path.values
    at, count = thinned(len(path.steps), MOST), path.values.shape[1]
    for k, tone in reversed(list(enumerate(ordered_colors(count)))):
        branches(ax, path.steps[at], path.values[at, k], color=tone, linewidth=0.9)
    ax.plot(path.steps[at], path.smallest[at], color="0.5", linewidth=0.9)
    ends = np.concatenate([path.values.ravel(), path.smallest])
    ends = ends[np.isfinite(ends)]
    ax.set_ylim(max(1.2 * min(ends.min(), 0), -2) - 0.03, 1.07 * min(max(ends.max(), 1), 5))
    return path.values


def _approach(ax: Axes, runs: Sequence[Path], tones: Sequence[Any]) -> None:
    """The ratio minus 1, with a linear piece around 0."""
    step_axis(ax, runs)
    ax.set_ylabel(r"sharpness $\cdot\;\eta/2 - 1$")
    ax.set_yscale("symlog", linthresh=NEAR, linscale=0.5)
    ax.axhline(0, linestyle="--", **EDGE)
    if nothing_to_show(ax, np.concatenate([np.zeros(0), *(path.ratio for path in runs)])):
        return
    for path, tone in zip(runs, tones, strict=True):
        at = thinned(len(path.steps), MOST)
        branches(
            ax, path.steps[at], path.ratio[at] - 1, zigzag=0, color=tone, linewidth=0.8, zorder=3
        )
    ax.set_ylim(-1.5, 3)
    ticks = (-1, -0.1, -0.01, 0, 0.01, 0.1, 1)
    ax.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    ax.set_yticks([], minor=True)


def _legend(
    figure: Figure, kinds: Sequence[tuple[Sequence[Path], Sequence[Any]]], slowdown: int
) -> None:
    (nets, net_tones), (chain, chain_tones) = kinds
    names = [rf"{p.name}: $\eta = {quoted(p.share)}\,\eta_C$" for p in nets]
    names += [rf"chain: $\eta = {quoted(p.share)}\,\eta_C$" for p in chain]
    every = [*net_tones, *chain_tones]
    handles = [Line2D([], [], color=c, label=n) for n, c in zip(names, every, strict=True)][:NAMED]
    slow: dict[str, Any] = {**REFERENCE, "color": "0.3"}
    handles += [
        Line2D([], [], label=rf"$\eta/{slowdown}$ at equal time", **slow),
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label=r"$2/\eta$"),
        Line2D([], [], color="0.3", linestyle=":", linewidth=0.9, label="flattest minimizer"),
        Line2D([], [], color="0.5", linewidth=0.9, label="smallest eigenvalue"),
        Line2D([], [], color="0.3", linestyle="", marker="|", label="loss rose (a, b)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4)


def _table(nets: Sequence[Path], chain: Sequence[Path], values: np.ndarray) -> pd.DataFrame:
    rows = []
    for kind, runs in (("network", nets), ("chain", chain)):
        for path in runs:
            at = thinned(len(path.steps), MOST)
            own = path_rows(path, at).assign(kind=kind, share=path.share, eta=path.learning_rate)
            if path is nets[0]:
                own = own.assign(smallest=path.smallest[at])
                for k in range(1, values.shape[1]):
                    own[f"eigenvalue_{k + 1}"] = values[at, k]
            rows += [own, rise_rows(path).assign(kind=kind)]
    return pd.concat(rows, ignore_index=True)
