"""Alignment of every class with the top-k eigenspace of its own blocks (Figure 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.mixture import (
    label_root_time,
    root_time_axis,
    rows,
    tidy,
)
from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    Inputs,
    StudyFiles,
    block_label,
    headed_rows,
    letters,
    survivors,
)
from spectral_atlas.papers.benarous2024.theory import random_alignment
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MOST_TICKS = 10  # labelled classes of a colour bar


def fig3_1(inputs: Inputs, style: Style) -> Drawing:
    """rho_k of x^c and its block (c, c) against time: every class of run 0, class 1 of the rest."""
    studies = rows(inputs)
    figure, parts, axes = headed_rows(studies, 2, size(style, 0.92))
    tables: list[pd.DataFrame] = []
    facts: dict[str, float | int | str] = {}
    for part, line, (regime, files) in zip(parts, axes, studies.items(), strict=True):
        k = files.data.sizes["component"]
        tones = ordered_colors(k)
        for ax, matrix in zip(line, MATRICES, strict=True):
            tables += _panel(ax, files, matrix, tones)
        label_root_time(line)
        line[0].set_ylabel(r"alignment $\rho_k$ of $x^c$")
        line[1].tick_params(labelleft=False)
        _class_bar(part, list(line), tones)
        facts |= files.facts(f"{regime}_") | _facts(files, f"{regime}_")
    letters(axes.ravel(), [f"with {block_label(matrix, 'cc')}" for matrix in MATRICES])
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _panel(ax: Axes, files: StudyFiles, matrix: str, tones: list) -> list[pd.DataFrame]:
    k, d = (files.data.sizes[name] for name in ("component", "feature"))
    rho = files.spectra["rho_k"].sel(matrix=matrix).transpose("run", "time", "class")
    times = rho["time"].values
    ceiling = files.runs["in_span"].sel(time=times).isel(run=0).transpose("time", "class")[:, 0]
    for run in range(rho.sizes["run"] - 1, 0, -1):
        ax.plot(times, rho[run, :, 0], color=tones[0], linewidth=0.6, zorder=3)
    for c in range(k - 1, 0, -1):
        own = rho[0, :, c].values
        seen = np.isfinite(own)  # other classes are measured at fewer times
        ax.plot(times[seen], own[seen], color=tones[c], linewidth=0.9, zorder=2)
    ax.plot(times, rho[0, :, 0], color=tones[0], marker="o", zorder=4)
    ax.plot(times, ceiling, color="black", linestyle="-.", linewidth=0.9, zorder=5)
    limits = {"random": random_alignment(k, d), "one outlier": (1 - 1 / k) ** 0.5, "all": 1.0}
    for (name, y), style in zip(limits.items(), (":", "--", "-"), strict=True):
        reference(ax, y, style=style, color="0.5" if name == "all" else "black")
    root_time_axis(ax, times)
    ax.set_ylim(0, 1.04)
    labels: dict[str, Any] = {"study": files.name, "matrix": matrix}
    others = rho[1:, :, 0].assign_coords({"run": np.arange(1, rho.sizes["run"]), "class": 0})
    drawn = [
        tidy(rho[0].assign_coords(run=0), "value", quantity="rho_k"),
        tidy(others, "value", quantity="rho_k"),
        tidy(ceiling.assign_coords({"run": 0, "class": 0}), "value", quantity="in_span"),
        pd.DataFrame({"quantity": [f"limit: {name}" for name in limits], "value": limits.values()}),
    ]
    return [frame.drop(columns="matrix", errors="ignore").assign(**labels) for frame in drawn]


def _class_bar(part: SubFigure, axes: list[Axes], tones: list) -> None:
    """A discrete colour bar that names the classes."""
    k = len(tones)
    scale = ScalarMappable(BoundaryNorm(np.arange(0.5, k + 1), k), ListedColormap(tones))
    ticks = np.arange(1, k + 1, -(-k // MOST_TICKS))
    bar = part.colorbar(scale, ax=axes, ticks=ticks, label="class $c$", pad=0.02, aspect=30)
    bar.ax.minorticks_off()
    bar.ax.invert_yaxis()


def _legend() -> list[Line2D]:
    first = ordered_colors(2)[0]
    return [
        Line2D([], [], color=first, marker="o", label="run 0, class 1 (others: colour bar)"),
        Line2D([], [], color=first, linewidth=0.6, label="class 1 of the other runs"),
        Line2D(
            [], [], color="black", linestyle="-.", linewidth=0.9,
            label=r"run 0, class 1: $\rho(x^1$, span of the means$)$",
        ),
        Line2D([], [], color="black", linestyle=":", linewidth=1, label=r"random: $\sqrt{k/d}$"),
        Line2D([], [], color="0.5", linewidth=1, label="1: all $k$ outliers stand out"),
        Line2D(
            [], [], color="black", linestyle="--", linewidth=1,
            label=r"$\sqrt{(k-1)/k}$: only one does",
        ),
    ]  # fmt: skip


def _facts(files: StudyFiles, prefix: str) -> dict[str, float | int | str]:
    """Ranges over all measured classes and surviving runs, at the first and the last time."""
    k, d = (files.data.sizes[name] for name in ("component", "feature"))
    kept = survivors(files)
    spectra = files.spectra.isel(run=kept)
    last = float(spectra["time"].values[-1])
    facts: dict[str, float | int | str] = {
        f"{prefix}k": k,
        f"{prefix}random": quoted(random_alignment(k, d)),
        f"{prefix}one_outlier": quoted((1 - 1 / k) ** 0.5),
        f"{prefix}in_span": span(files.runs["in_span"].isel(run=kept).sel(time=last)),
        f"{prefix}first_time": quoted(float(spectra["time"].values[0])),
    }
    for matrix in MATRICES:
        one = spectra.sel(matrix=matrix)
        for word, at in (("start", 0), ("end", -1)):
            facts[f"{prefix}{matrix}_{word}"] = span(one["rho_k"].isel(time=at))
        facts[f"{prefix}{matrix}_overlap_end"] = span(one["overlap"].isel(time=-1), 2)
    return facts
