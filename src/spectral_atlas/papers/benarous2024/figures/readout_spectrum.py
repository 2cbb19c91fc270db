"""Eigenvalues of the second layer's blocks of the XOR network over time (Figure 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    REGIMES,
    Inputs,
    StudyFiles,
    block_label,
    headed_rows,
    letters,
    survivors,
    time_axis,
)
from spectral_atlas.papers.benarous2024.theory import xor_readout_eigenvalues
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

OUTLIERS = 4
FLOOR = 1e-6  # of the largest eigenvalue of a panel: what is smaller lies on the lower end
TONE = COLORBLIND[3]


def fig4_2(inputs: Inputs, style: Style) -> Drawing:
    """All K eigenvalues of H_vv and G_vv of run 0, the first four of the other runs."""
    studies = {regime: StudyFiles.of(inputs, f"xor_{regime}") for regime in REGIMES}
    figure, _, axes = headed_rows(studies, 2, size(style, 1.0))
    tables: list[pd.DataFrame] = []
    facts: dict[str, Any] = {"floor": FLOOR}
    for row, (regime, study) in zip(axes, studies.items(), strict=True):
        fixed = xor_readout_eigenvalues(float(study.runs.attrs["ridge"]))
        facts |= study.facts(f"{regime}_")
        facts[f"{regime}_neurons"] = study.runs.sizes["neuron"]
        for m, matrix in enumerate(MATRICES):
            values = study.spectra["readout_eigenvalues"].values[m]
            table = _table(study, values).assign(study=study.name, matrix=matrix, fixed=fixed[m])
            clipped = _panel(row[m], study, values, fixed[m])
            facts |= _facts(study, values, fixed[m], f"{regime}_{matrix}")
            facts[f"{regime}_{matrix}_clipped"] = clipped
            tables.append(table)
        row[0].set_ylabel("eigenvalue (without ridge)")
    letters(axes.ravel(), [block_label(matrix, "vv") for matrix in MATRICES])
    figure.legend(handles=_handles(), loc="outside lower center", ncols=2, columnspacing=1.5)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _table(study: StudyFiles, values: np.ndarray) -> pd.DataFrame:
    """One row for each finite eigenvalue of every run; ranks are counted from 1."""
    runs, times, ranks = values.shape
    frame = pd.DataFrame(
        {
            "run": np.repeat(study.spectra["run"].values, times * ranks),
            "time": np.tile(np.repeat(study.spectra["time"].values, ranks), runs),
            "rank": np.tile(np.arange(1, ranks + 1), runs * times),
            "eigenvalue": values.ravel(),
        }
    )
    return frame[np.isfinite(frame["eigenvalue"])]


def _panel(ax: Axes, study: StudyFiles, values: np.ndarray, fixed: float) -> int:
    """Draw one block; returns how many eigenvalues of run 0 lie on the lower end of the axis."""
    times, ranks = study.spectra["time"].values, values.shape[-1]
    finite = values[np.isfinite(values)]
    floor = FLOOR * float(finite.max(initial=0.0))
    ax.set_yscale("log")
    ax.set_ylim(log_limits(np.append(finite[finite >= floor], fixed)))
    shown = np.maximum(values, ax.get_ylim()[0])
    for other in shown[1:, :, :OUTLIERS]:
        ax.plot(times, other, color=TONE, linewidth=0.5, alpha=0.6, zorder=3)
    for rank in range(ranks - 1, -1, -1):
        grey = str(0.25 + 0.55 * rank / max(ranks - 1, 1))
        is_outlier = rank < OUTLIERS
        ax.plot(
            times, shown[0, :, rank], color=TONE if is_outlier else grey, clip_on=is_outlier,
            linewidth=1.2 if is_outlier else 0.7, marker="o" if is_outlier else "",
            markersize=2.2, zorder=4 if is_outlier else 2,
        )  # fmt: skip
    ax.axhline(fixed, color="black", linestyle="--", linewidth=1.0, zorder=5)
    time_axis(ax)
    return int((values[0] < floor).sum())


def _handles() -> list[Line2D]:
    looks: list[tuple[str, dict[str, Any]]] = [
        ("run 0: the four largest", {"color": TONE, "marker": "o", "markersize": 2.2}),
        ("run 0: the others, dark to light", {"color": "0.45", "linewidth": 0.7}),
        ("other runs: the four largest", {"color": TONE, "linewidth": 0.5, "alpha": 0.6}),
        ("fixed point, four-fold", {"color": "black", "linestyle": "--", "linewidth": 1.0}),
    ]
    return [Line2D([], [], label=label, **look) for label, look in looks]


def _facts(study: StudyFiles, values: np.ndarray, fixed: float, name: str) -> dict[str, Any]:
    """Ratios of neighbouring eigenvalues at the first and last time, over all runs."""
    kept = values[survivors(study)]
    first, last = kept[:, 0], kept[:, -1]
    top = last[:, :OUTLIERS]
    return {
        f"{name}_fixed": quoted(fixed),
        f"{name}_start_1_2": span(_ratio(first, 1)),
        f"{name}_start_2_3": span(_ratio(first, 2)),
        f"{name}_start_4_5": span(_ratio(first, OUTLIERS)),
        f"{name}_end_4_5": span(_ratio(last, OUTLIERS)),
        f"{name}_end_top": span(top),
        f"{name}_end_mean": quoted(float(top.mean()) if top.size else None),
        f"{name}_detached": _detached(study, values),
    }


def _ratio(values: np.ndarray, rank: int) -> np.ndarray:
    """Eigenvalue of that rank over the next, of each run; NaN where there is none."""
    if values.shape[1] <= rank:
        return np.full(len(values), np.nan)
    above, below = values[:, rank - 1], values[:, rank]
    return np.divide(above, below, out=np.full(len(values), np.nan), where=below > 0)


def _detached(study: StudyFiles, values: np.ndarray, gap: float = 2.0) -> str:
    """From which checkpoint on the fourth eigenvalue is twice the fifth, of each run."""
    found = []
    for run in survivors(study):
        apart = _ratio(values[run], OUTLIERS) >= gap
        joined = np.flatnonzero(~apart)
        start = joined[-1] + 1 if joined.size else 0
        if start < len(apart):
            found.append(float(study.spectra["time"].values[start]))
    return span(np.array(found)) if len(found) == len(survivors(study)) else "not in all runs"
