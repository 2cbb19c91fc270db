"""Leading eigenvalues of the blocks of class 1 over time, with predicted ones (Figure 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.mixture import (
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
from spectral_atlas.plotting.curves import log_limits, reference
from spectral_atlas.plotting.facts import span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

EDGE: dict[str, Any] = {"color": "black", "marker": "_", "markersize": 11, "markeredgewidth": 1.5}
OUTLIER: dict[str, Any] = {
    "color": "black", "marker": "D", "markersize": 3.4, "markerfacecolor": "white",
    "markeredgewidth": 0.6,
}  # fmt: skip


def fig3_4(inputs: Inputs, style: Style) -> Drawing:
    """Top, next k - 1 and further eigenvalues of all runs; predictions for each run of theirs."""
    studies = rows(inputs)
    figure, _, axes = headed_rows(studies, 2, size(style, 0.98))
    top, mini, bulk = (*colors(style, 2), "0.55")
    tables: list[pd.DataFrame] = []
    titles: list[str] = []
    facts: dict[str, float | int | str] = {}
    for line, (regime, files) in zip(axes, studies.items(), strict=True):
        predicted = inputs[f"spectra/{files.name}_effective"]
        for ax, matrix in zip(line, MATRICES, strict=True):
            limits = _limits(files, matrix)
            values = files.spectra["eigenvalues"].isel({"class": 0}).sel(matrix=matrix, drop=True)
            values = values.transpose("run", "time", "rank")
            theory = predicted.sel(matrix=matrix, drop=True)
            _measured(ax, values, files.data.sizes["component"], (top, mini, bulk))
            _predicted(ax, theory, limits)
            titles.append(f"{block_label(matrix, '11')}: {_counts(theory)}")
            tables += _tables(files.name, matrix, values, theory, limits)
        label_root_time(line)
        line[0].set_ylabel("eigenvalue (without ridge)")
        facts |= files.facts(f"{regime}_") | _facts(files, predicted, f"{regime}_")
    facts["times"] = ", ".join(f"{t:g}" for t in predicted["time"].values)
    letters(axes.ravel(), titles)
    figure.legend(handles=_legend(top, mini, bulk), loc="outside lower center", ncols=3)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _measured(ax: Axes, values: xr.DataArray, k: int, tones: tuple) -> None:
    """Eigenvalues (run, time, rank); run 0 is drawn thicker, and in front."""
    times = values["time"].values
    for run in range(values.sizes["run"] - 1, -1, -1):
        for rank in range(values.sizes["rank"] - 1, -1, -1):
            group = (rank > 0) + (rank >= k)
            width = (1.5, 0.8, 0.8)[group] * (1 if run == 0 else 0.5)
            ax.plot(
                times, values[run, :, rank], color=tones[group], linewidth=width,
                zorder=4 - group, marker="o" if run == rank == 0 else "", markersize=2.5,
            )  # fmt: skip
    ax.set_yscale("log")
    root_time_axis(ax, times)


def _predicted(ax: Axes, theory: xr.Dataset, limits: tuple[float, float]) -> None:
    """Bulk edge and outliers of every run at the times of the effective theory."""
    times = theory["time"].values
    for run in range(theory.sizes["run"]):
        ax.plot(times, theory["edge"].values[run], linestyle="none", zorder=6, **EDGE)
        found = theory["outliers"].transpose("run", "time", "rank").values[run]
        ax.plot(times, found, linestyle="none", zorder=5, **OUTLIER)
    for y in limits:
        if np.isfinite(y):
            reference(ax, y, style="--", zorder=1.6)
    drawn = [np.ravel(line.get_ydata()) for line in ax.lines]
    ax.set_ylim(log_limits(np.concatenate(drawn)))


def _counts(theory: xr.Dataset) -> str:
    """How many outliers are predicted at each time: the range over runs that did not overflow."""
    found = theory["n_outliers"].transpose("time", "run").values
    texts = [span(row[row >= 0]) for row in found]
    return f"predicted outliers {', '.join(texts)}"


def _limits(files: StudyFiles, matrix: str) -> tuple[float, float]:
    """Top and minibulk at the fixed point of infinite precision."""
    point = fixed_point(files)
    if point is None:
        return np.nan, np.nan
    if matrix == "hessian":
        return point.hessian_top, point.hessian_mini
    return point.gradient_top, point.gradient_mini


def _legend(top: str, mini: str, bulk: str) -> list[Line2D]:
    return [
        Line2D([], [], color=top, linewidth=1.5, marker="o", markersize=2.5, label="largest"),
        Line2D([], [], color=mini, linewidth=0.9, label="2nd to $k$-th"),
        Line2D([], [], color=bulk, linewidth=0.9, label="beyond the $k$-th"),
        Line2D([], [], linestyle="none", label="predicted outliers", **OUTLIER),
        Line2D([], [], linestyle="none", label="predicted edge of the bulk", **EDGE),
        Line2D(
            [], [], color="black", linestyle="--", linewidth=1,
            label=r"fixed point at $\lambda=\infty$",
        ),
    ]  # fmt: skip


def _tables(
    study: str, matrix: str, values: xr.DataArray, theory: xr.Dataset, limits: tuple[float, float]
) -> list[pd.DataFrame]:
    names = ("fixed point: largest", "fixed point: others")
    constant = pd.DataFrame({"quantity": names, "value": limits})
    drawn = [
        tidy(values, "value", quantity="eigenvalue"),
        tidy(theory["edge"], "value", quantity="predicted edge"),
        tidy(theory["outliers"], "value", quantity="predicted outlier"),
        constant[np.isfinite(constant["value"])],
    ]
    return [frame.assign(study=study, matrix=matrix) for frame in drawn if len(frame)]


def _facts(files: StudyFiles, predicted: xr.Dataset, prefix: str) -> dict[str, float | int | str]:
    """Gaps in the spectrum over surviving runs, and how predictions compare at common times."""
    k, kept = files.data.sizes["component"], survivors(files)
    spectra = files.spectra.isel({"run": kept, "class": 0})
    predicted = predicted.sel(time=np.isin(predicted["time"], spectra["time"]))
    facts: dict[str, float | int | str] = {
        f"{prefix}k": k,
        f"{prefix}draws": int(predicted.attrs["draws"]),
    }
    for matrix in MATRICES:
        name = f"{prefix}{matrix}"
        values = spectra["eigenvalues"].sel(matrix=matrix).transpose("run", "time", "rank").values
        theory = predicted.sel(matrix=matrix).isel(run=kept)
        for word, at in (("start", 0), ("end", -1)):
            facts[f"{name}_top_gap_{word}"] = span(values[:, at, 0] / values[:, at, 1])
            facts[f"{name}_mini_gap_{word}"] = span(values[:, at, k - 1] / values[:, at, k])
            facts[f"{name}_outliers_{word}"] = span(theory["n_outliers"].isel(time=at))
        common = spectra["eigenvalues"].sel(matrix=matrix, time=predicted["time"].values)
        own = common.transpose("run", "time", "rank").values
        # The edge lies between the last predicted outlier and the first eigenvalue after it.
        behind = np.maximum(theory["n_outliers"].transpose("run", "time").values, 0)[..., None]
        inside = behind < own.shape[-1]
        first = np.take_along_axis(own, np.minimum(behind, own.shape[-1] - 1), axis=-1)
        edge = theory["edge"].transpose("run", "time").values
        largest = theory["outliers"].isel(rank=0).transpose("run", "time").values
        miss = np.where(inside, first, np.nan)[..., 0] / edge - 1
        facts[f"{name}_edge_error"] = span(100 * miss, 2)
        facts[f"{name}_top_error"] = span(100 * (own[..., 0] / largest - 1), 2)
    return facts
