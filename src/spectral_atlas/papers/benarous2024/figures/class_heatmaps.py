"""Entries of x^1 and of the leading eigenvectors of its blocks over time (Figure 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import SymLogNorm

from spectral_atlas.papers.benarous2024.figures.mixture import end_signs, rows, tidy
from spectral_atlas.papers.benarous2024.figures.shared import (
    Inputs,
    StudyFiles,
    block_label,
    headed_rows,
    letters,
    survivors,
)
from spectral_atlas.plotting.curves import spread
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

    from spectral_atlas.config import Style

QUANTITIES = ("x", "hessian", "gradient")
TITLES = (
    r"$x^1/|x^1|$",
    f"top eigenvector {block_label('hessian', '11')}",
    f"top eigenvector {block_label('gradient', '11')}",
)
TICKS = (-1, -0.3, -0.1, 0, 0.1, 0.3, 1)  # of the colour bar
MOST_TIMES = 6  # labelled checkpoints of a panel


def fig3_2(inputs: Inputs, style: Style) -> Drawing:
    """The first coordinates of three unit vectors, one column for each checkpoint."""
    studies = rows(inputs)
    figure, parts, axes = headed_rows(studies, 3, size(style, 1.02))
    tables: list[pd.DataFrame] = []
    facts: dict[str, float | int | str] = {}
    for part, line, (regime, files) in zip(parts, axes, studies.items(), strict=True):
        run, vectors = _shown(files)
        norm = SymLogNorm(files.data.sizes["feature"] ** -0.5, linscale=0.5, vmin=-1, vmax=1)
        for ax, quantity in zip(line, QUANTITIES, strict=True):
            _panel(ax, vectors[quantity], norm, _means_first(files))
            tables.append(
                tidy(vectors[quantity], "value", study=files.name, quantity=quantity, run=run)
            )
            ax.tick_params(labelleft=ax is line[0])
        line[0].set_ylabel("coordinate")
        line[1].set_xlabel(r"rescaled time $t=\ell\delta$ (one column for each checkpoint)")
        bar = part.colorbar(
            ScalarMappable(norm, _colormap()), ax=list(line), pad=0.015, aspect=28,
            label=r"entry (linear up to $1/\sqrt{d}$, log beyond)",
        )  # fmt: skip
        bar.set_ticks(TICKS, labels=[f"{tick:g}".replace("-", "−") for tick in TICKS])
        bar.ax.minorticks_off()
        facts |= files.facts(f"{regime}_") | _facts(files, f"{regime}_", run)
    letters(axes.ravel(), TITLES)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _shown(files: StudyFiles) -> tuple[int, xr.Dataset]:
    """The first run that did not overflow (0 if none), and its vectors (time, coordinate)."""
    run = int(next(iter(survivors(files)), 0))
    leading = (files.spectra["leading"] * end_signs(files)).isel(run=run)
    times, shown = leading["time"].values, leading.sizes["coordinate"]
    x = files.runs["x"].isel({"run": run, "class": 0}).sel(time=times)
    unit = (x / np.sqrt((x**2).sum("feature"))).isel(feature=slice(shown))
    vectors = {m: leading.sel(matrix=m, drop=True) for m in QUANTITIES[1:]}
    vectors["x"] = unit.rename(feature="coordinate").drop_vars("run", errors="ignore")
    return run, xr.Dataset(vectors).transpose("time", "coordinate")


def _means_first(files: StudyFiles) -> int:
    """k where the means are the first k unit vectors, so that a line can mark them; else 0."""
    means = files.data["means"].values
    return len(means) if np.allclose(means, np.eye(*means.shape)) else 0


def _colormap() -> mpl.colors.Colormap:
    return mpl.colormaps["RdBu_r"].with_extremes(bad="0.8")


def _panel(ax: Axes, values: xr.DataArray, norm: SymLogNorm, k: int) -> QuadMesh:
    """Columns of equal width, labelled with their times."""
    times, shown = values["time"].values, values.sizes["coordinate"]
    mesh = ax.pcolormesh(
        np.arange(len(times) + 1) - 0.5, np.arange(shown + 1) + 0.5, values.values.T,
        norm=norm, cmap=_colormap(), rasterized=True,
    )  # fmt: skip
    at = spread(len(times), MOST_TIMES)
    ax.set_xticks(at, [f"{times[i]:g}" for i in at])
    ax.set_yticks([1, *range(5, shown + 1, 5)])
    ax.invert_yaxis()
    ax.grid(False)
    if 0 < k < shown:
        ax.axhline(k + 0.5, color="black", linewidth=0.9, linestyle="--")
        ax.text(
            len(times) - 0.6, k + 0.8, rf"above: $\mu_1,\dots,\mu_{{{k}}}$", ha="right", va="top",
            fontsize="small",
        )  # fmt: skip
    return mesh


def _facts(files: StudyFiles, prefix: str, run: int) -> dict[str, float | int | str]:
    """Shares of the squared norm on mu_1 and on the other means at the last time, all runs."""
    kept = survivors(files)
    last = float(files.spectra["time"].values[-1])
    x = files.runs.isel({"run": kept, "class": 0}).sel(time=last)
    found = {"x": x["on_means"] / np.sqrt((x["x"] ** 2).sum("feature"))}
    for matrix in QUANTITIES[1:]:
        found[matrix] = files.spectra["leading_on_means"].isel(run=kept, time=-1).sel(matrix=matrix)
    facts: dict[str, float | int | str] = {
        f"{prefix}run": run,
        f"{prefix}k": files.data.sizes["component"],
        f"{prefix}coordinates": files.spectra.sizes["coordinate"],
        f"{prefix}noise": quoted(files.data.sizes["feature"] ** -0.5, 2),
    }
    for name, products in found.items():
        squared = products.values.reshape(len(kept), -1) ** 2
        facts[f"{prefix}{name}_first"] = span(squared[:, 0])
        facts[f"{prefix}{name}_others"] = span(squared[:, 1:].sum(1), 2)
    return facts
