"""Alignment of both layers of the XOR network with the leading eigenspaces of their blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
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
)
from spectral_atlas.papers.benarous2024.outcomes import live
from spectral_atlas.papers.benarous2024.theory import random_alignment, xor_constant
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MEANS = (r"$\mu$", r"$-\mu$", r"$\nu$", r"$-\nu$")
Facts = dict[str, Any]


def fig4_1(inputs: Inputs, style: Style) -> Drawing:
    """Rows: the two regimes. Columns: W_i with E_2 of H and G, v with E_4 of H and G."""
    studies = {regime: StudyFiles.of(inputs, f"xor_{regime}") for regime in REGIMES}
    figure, _, axes = headed_rows(studies, 4, size(style, 0.82))
    tones = colors(style, 4)
    tables: list[pd.DataFrame] = []
    facts: Facts = {}
    for row, (regime, study) in zip(axes, studies.items(), strict=True):
        table = _table(study).assign(study=study.name)
        tables.append(table)
        facts |= _facts(study, table, f"{regime}_")
        facts |= _predicted(inputs[f"spectra/{study.name}_effective"], f"{regime}_")
        d, K = study.data.sizes["feature"], study.runs.sizes["neuron"]
        for m, matrix in enumerate(MATRICES):
            own = table[table["matrix"] == matrix]
            _neurons(row[m], own[(own["layer"] == 1) & (own["run"] == own["run"].min())], tones)
            _readout(row[2 + m], own[own["layer"] == 2])
            for ax, rank, dimension in ((row[m], 2, d), (row[2 + m], min(4, K), K)):
                level = random_alignment(rank, dimension)
                ax.axhline(level, color="black", linestyle=":", linewidth=1.0, zorder=6)
        for ax in row:
            ax.set_ylim(-0.02, 1.03)
            ax.margins(x=0.02)
            ax.tick_params(labelleft=ax is row[0])
            ax.set_xlabel("time $t$")
        row[0].set_ylabel(r"alignment $\rho$")
    letters(axes.ravel(), _titles())
    figure.legend(handles=_handles(tones), loc="outside lower center", ncols=4, columnspacing=1.2)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _titles() -> list[str]:
    first = [rf"$W_i$, $E_2$({block_label(m, 'W_iW_i')})" for m in MATRICES]
    return [*first, *(rf"$v$, $E_4$({block_label(m, 'vv')})" for m in MATRICES)]


def _table(study: StudyFiles) -> pd.DataFrame:
    """One row for each drawn point: neuron curves of the measured runs, v of all runs."""
    spectra, last = study.spectra, study.runs["v"].values[:, -1]
    ridge, times = float(study.runs.attrs["ridge"]), spectra["time"].values
    inner = study.runs["W"].values[:, -1] @ study.data["means"].values.T
    towards = np.nan_to_num(inner).argmax(axis=-1)
    alive = live(last, ridge)
    frames = []
    numbers = spectra["run"].values
    for m, matrix in enumerate(MATRICES):
        rho = spectra["neuron_rho_2"].values[m]
        for run, i in np.ndindex(rho.shape[0], rho.shape[2]):
            columns = {
                "neuron": i, "v_at_end": last[run, i], "live": bool(alive[run, i]),
                "mean": int(towards[run, i]), "time": times, "rho": rho[run, :, i],
                "plane": np.sqrt(spectra["neuron_overlap"].values[m, run, :, i]),
            }  # fmt: skip
            frames.append(
                pd.DataFrame({"layer": 1, "matrix": matrix, "run": numbers[run]} | columns)
            )
        rank = min(4, spectra.sizes["order"])
        for run, rho_v in zip(
            numbers, spectra["readout_rho"].values[m, :, :, rank - 1], strict=True
        ):
            columns = {"layer": 2, "matrix": matrix, "run": run, "time": times, "rho": rho_v}
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _neurons(ax: Axes, table: pd.DataFrame, tones: list) -> None:
    """One curve for each neuron of a run, in the colour of the mean that it ends next to."""
    for _, part in table.groupby("neuron"):
        first = part.iloc[0]
        tone = tones[int(first["mean"])] if first["live"] else "0.72"
        width, above = (0.9, 3) if first["live"] else (0.5, 2)
        ax.plot(part["time"], part["rho"], color=tone, linewidth=width, zorder=above)
    plane = _median(table[table["live"].astype(bool)], "plane")
    ax.plot(plane.index, plane, color="black", linestyle=(0, (4, 1.5)), zorder=5)


def _readout(ax: Axes, table: pd.DataFrame) -> None:
    for i, (_, part) in enumerate(table.groupby("run")):
        look: dict[str, Any] = (
            {"linewidth": 1.3, "zorder": 4} if i == 0 else {"linewidth": 0.7, "zorder": 3}
        )
        ax.plot(part["time"], part["rho"], color="black" if i == 0 else "0.45", **look)


def _median(table: pd.DataFrame, column: str) -> pd.Series:
    """The median at each time, of what is finite."""
    return table[np.isfinite(table[column].astype(float))].groupby("time")[column].median()


def _handles(tones: list) -> list[Line2D]:
    named = [(tone, f"live, ends at {mean}") for tone, mean in zip(tones, MEANS, strict=True)]
    handles = [Line2D([], [], color=tone, label=label) for tone, label in named]
    more: list[tuple[str, dict[str, Any]]] = [
        (r"$|v_i|\leq(C_\beta/K)^{1/2}$ at the end", {"color": "0.72", "linewidth": 0.5}),
        (r"$E_2$ and span($\mu,\nu$)", {"color": "black", "linestyle": (0, (4, 1.5))}),
        ("random vector", {"color": "black", "linestyle": ":", "linewidth": 1.0}),
        ("$v$: run 0 thick", {"color": "black", "linewidth": 1.3}),
    ]
    return handles + [Line2D([], [], label=label, **look) for label, look in more]


def _facts(study: StudyFiles, table: pd.DataFrame, prefix: str) -> Facts:
    ridge, K = float(study.runs.attrs["ridge"]), study.runs.sizes["neuron"]
    first = table[(table["layer"] == 1) & table["live"].eq(True)]
    facts: Facts = study.facts(prefix) | {
        f"{prefix}neurons": K,
        f"{prefix}neuron_runs": int(study.spectra.sizes["neuron_run"]),
        f"{prefix}cut": quoted(float(np.sqrt(xor_constant(ridge) / K))),
        f"{prefix}live": int(first.groupby(["run", "neuron"]).ngroups),
        f"{prefix}baseline_first": quoted(random_alignment(2, study.data.sizes["feature"])),
        f"{prefix}baseline_second": quoted(random_alignment(min(4, K), K)),
        f"{prefix}live_in_span": quoted(_in_span(study, ridge)),
    }
    last = table["time"].max()
    for matrix in MATRICES:
        name = f"{prefix}{matrix}"
        medians = _median(first[first["matrix"] == matrix], "rho")
        planes = _median(first[first["matrix"] == matrix], "plane")
        rho_v = table[(table["layer"] == 2) & (table["matrix"] == matrix)]
        ends = first[(first["matrix"] == matrix) & (first["time"] == last)]["rho"]
        facts |= {
            f"{name}_start": quoted(medians.get(0.0)),
            f"{name}_end": quoted(medians.get(last)),
            f"{name}_least_end": quoted(float(ends.min()) if len(ends) else None),
            f"{name}_peak": quoted(float(medians.max()) if len(medians) else None),
            f"{name}_peak_time": quoted(float(medians.idxmax()) if len(medians) else None),
            f"{name}_falls": int(len(planes) > 0 and planes.iloc[-1] < 0.5 * planes.max()),
            f"{name}_plane_peak": quoted(float(planes.max()) if len(planes) else None),
            f"{name}_plane_end": quoted(planes.get(last)),
            f"{name}_v_start": span(rho_v[rho_v["time"] == 0.0]["rho"]),
            f"{name}_v_end": span(rho_v[rho_v["time"] == last]["rho"]),
        }
    return facts


def _predicted(effective: xr.Dataset, prefix: str) -> Facts:
    """How many outliers of G the effective theory has for one neuron of run 0, over time."""
    counts = effective["n_outliers"].sel(matrix="gradient").values[0]
    times = effective["time"].values
    told = [f"{n} at t = {time:g}" for n, time in zip(counts, times, strict=True) if n >= 0]
    neuron = int(effective["spectrum_neuron"].values[0])
    return {f"{prefix}predicted": listed(told), f"{prefix}predicted_neuron": neuron}


def _in_span(study: StudyFiles, ridge: float) -> float | None:
    """Median alignment of the live neurons with span(mu, nu) at the end, over all runs."""
    alive = live(study.runs["v"].values[:, -1], ridge)
    values = study.runs["in_span"].values[:, -1][alive]
    return float(np.median(values)) if values.size else None
