"""Inner products with the means of x^1 and of its blocks' leading eigenvectors (Figure 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.mixture import (
    end_signs,
    fixed_point,
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
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

QUANTITIES = ("x", *MATRICES)
TITLES = ("$x^1$ itself", *(f"top eigenvector of {block_label(m, '11')}" for m in MATRICES))


def fig3_3(inputs: Inputs, style: Style) -> Drawing:
    """<x^1, mu_a> and <u, mu_a> for all a and all runs; u unit eigenvectors with <u, x^1> >= 0."""
    studies = rows(inputs)
    figure, _, axes = headed_rows(studies, 3, size(style, 0.86))
    own, other = colors(style, 2)
    tables: list[pd.DataFrame] = []
    facts: dict[str, float | int | str] = {}
    for line, (regime, files) in zip(axes, studies.items(), strict=True):
        products = _products(files)
        limits = _limits(files)
        for ax, quantity in zip(line, QUANTITIES, strict=True):
            _panel(ax, products[quantity], limits[quantity], own, other)
            labels = {"study": files.name, "quantity": quantity}
            tables.append(tidy(products[quantity], "value", **labels))
            names = ("own mean", "other means")
            drawn = [(f"limit: {n}", y) for n, y in zip(names, limits[quantity], strict=True)]
            tables.append(
                pd.DataFrame(drawn, columns=["quantity", "value"]).assign(
                    study=files.name, of=quantity
                )
            )
        _same_limits(line[1:])
        label_root_time(line)
        line[0].set_ylabel(r"inner product with $\mu_a$")
        facts |= files.facts(f"{regime}_") | _facts(files, products, limits, f"{regime}_")
    letters(axes.ravel(), TITLES)
    figure.legend(handles=_legend(own, other), loc="outside lower center", ncols=3)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _products(files: StudyFiles) -> dict[str, xr.DataArray]:
    """Inner products (run, time, component) of x^1 and of the two eigenvectors."""
    on_means = files.spectra["leading_on_means"] * end_signs(files)
    on_means = on_means.transpose("matrix", "run", "time", "component")
    x = files.runs["on_means"].isel({"class": 0}).sel(time=on_means["time"])
    found = {m: on_means.sel(matrix=m, drop=True) for m in MATRICES}
    return {"x": x.transpose("run", "time", "component"), **found}


def _limits(files: StudyFiles) -> dict[str, tuple[float, float]]:
    """Values for mu_1 and for the other means at the fixed point of infinite precision."""
    point = fixed_point(files)
    if point is None:
        return dict.fromkeys(QUANTITIES, (np.nan, np.nan))
    return {"x": (point.A, point.B), **dict.fromkeys(MATRICES, (1.0, 0.0))}


def _panel(
    ax: Axes, products: xr.DataArray, limits: tuple[float, float], own: str, other: str
) -> None:
    """Run 0 is drawn thicker, and in front."""
    times, k = products["time"].values, products.sizes["component"]
    for run in range(products.sizes["run"] - 1, -1, -1):
        width = 1.0 if run == 0 else 0.5
        for a in range(k - 1, 0, -1):
            ax.plot(times, products[run, :, a], color=other, linewidth=0.7 * width, zorder=2)
        ax.plot(
            times, products[run, :, 0], color=own, linewidth=1.4 * width, zorder=4,
            marker="o" if run == 0 else "",
        )  # fmt: skip
    for y in limits:
        if np.isfinite(y):
            reference(ax, y, style="--")
    root_time_axis(ax, times)


def _same_limits(axes: Sequence[Axes]) -> None:
    """One scale for the two eigenvectors."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _legend(own: str, other: str) -> list[Line2D]:
    return [
        Line2D([], [], color=own, linewidth=1.4, marker="o", label=r"with $\mu_1$"),
        Line2D([], [], color=other, linewidth=1.0, label=r"with $\mu_2,\dots,\mu_k$"),
        Line2D(
            [], [], color="black", linestyle="--", linewidth=1,
            label=r"fixed point at $\lambda=\infty$",
        ),
    ]  # fmt: skip


def _facts(
    files: StudyFiles,
    products: dict[str, xr.DataArray],
    limits: dict[str, tuple[float, float]],
    prefix: str,
) -> dict[str, float | int | str]:
    """Products at the last time, over surviving runs; signs of the eigenvectors' at the start."""
    kept = survivors(files)
    facts: dict[str, float | int | str] = {
        f"{prefix}k": files.data.sizes["component"],
        f"{prefix}A": quoted(limits["x"][0]),
        f"{prefix}B": quoted(limits["x"][1]),
    }
    for name, found in products.items():
        last = found.values[kept, -1]
        facts[f"{prefix}{name}_own"] = span(last[:, 0])
        facts[f"{prefix}{name}_others"] = span(last[:, 1:].mean(axis=1))
        facts[f"{prefix}{name}_others_each"] = span(last[:, 1:])
        facts[f"{prefix}{name}_start"] = span(found.values[kept, 0, 0], 2)
    return facts
