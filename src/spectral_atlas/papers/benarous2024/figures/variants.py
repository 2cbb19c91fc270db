"""Which eigenvector holds x^c where shares are unequal or means not orthonormal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    Inputs,
    StudyFiles,
    block_label,
    letters,
    lost_note,
    survivors,
)
from spectral_atlas.plotting.curves import beside
from spectral_atlas.plotting.facts import counted, quoted, span
from spectral_atlas.plotting.panels import note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = {
    "unequal": "unequal shares",
    "correlated": "correlated means",
    "gaussian": "Gaussian means",
}
BASELINE = "moderate"  # orthonormal means, equal shares; measured for class 1
RHOS = ("rho_k", "rho_1")
MOST_TICKS = 10  # labelled classes


def variants(inputs: Inputs, style: Style) -> Drawing:
    """rho_1, rho_k and rho(x^c, span of the means) of all classes and runs at the last time."""
    studies = {name: StudyFiles.of(inputs, f"mixture_{name}") for name in STUDIES}
    base = StudyFiles.of(inputs, f"mixture_{BASELINE}")
    tones = dict(zip(RHOS, colors(style, 2), strict=True))
    figure, axes = plt.subplots(len(STUDIES), 2, figsize=size(style, 1.1), sharey=True)
    note(
        figure,
        "\n".join([*_lines(studies), _base_line(base), *lost_note([*studies.values(), base])]),
    )
    tables: list[pd.DataFrame] = []
    facts = base.facts("base_")
    for line, (name, files) in zip(axes, studies.items(), strict=True):
        frame, reference = _frame(files, name), _baseline(base, files)
        for ax, matrix in zip(line, MATRICES, strict=True):
            _panel(ax, frame, reference, matrix, tones, by_share=name == "unequal")
        line[0].set_ylabel("alignment of $x^c$")
        tables += [frame, reference]
        facts |= files.facts(f"{name}_") | _facts(files, frame, f"{name}_")
        facts |= _base_facts(reference, name)
    titles = [
        f"{label}, {block_label(matrix, 'cc')}" for label in STUDIES.values() for matrix in MATRICES
    ]
    letters(axes.ravel(), titles)
    figure.legend(handles=_legend(tones), loc="outside lower center", ncols=2)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _frame(files: StudyFiles, name: str) -> pd.DataFrame:
    """One row for each matrix, run and measured class at the last time."""
    last = files.spectra.isel(time=-1)
    found = last[list(RHOS)].to_dataframe()[list(RHOS)].reset_index()
    span_of = files.runs["in_span"].sel(time=float(last["time"])).transpose("run", "class").values
    found["in_span"] = span_of[found["run"], found["class"]]
    found["share"] = files.data["weights"].values[found["class"]]
    found["class"] += 1
    found = found.assign(study=f"mixture_{name}", time=float(last["time"]))
    return found[np.isfinite(found["rho_k"])]


def _baseline(base: StudyFiles, files: StudyFiles) -> pd.DataFrame:
    """Class 1 of the baseline at its checkpoint nearest to the study's last time."""
    last = float(files.spectra["time"].values[-1])
    near = base.spectra.sel(time=last, method="nearest").isel({"class": 0})
    found = near[list(RHOS)].to_dataframe()[list(RHOS)].reset_index()
    found["class"] = 1
    return found[np.isfinite(found["rho_k"])].assign(study=base.name, time=float(near["time"]))


def _panel(
    ax: Axes,
    frame: pd.DataFrame,
    reference: pd.DataFrame,
    matrix: str,
    tones: dict[str, str],
    *,
    by_share: bool,
) -> None:
    column = "share" if by_share else "class"
    own = frame[frame["matrix"] == matrix]
    grid = sorted({float(x) for x in frame[column]})
    runs = sorted(frame["run"].unique())
    for rho, tone in tones.items():
        for y in reference.loc[reference["matrix"] == matrix, rho]:
            ax.axhline(y, color=tone, linestyle=":", linewidth=0.9, zorder=1.5)
        for slot, run in enumerate(runs):
            part = own[own["run"] == run]
            x = beside(part[column].to_numpy(float), grid, slot, len(runs))
            whole = rho == "rho_k"
            ax.plot(
                x, part[rho], linestyle="none", color=tone, marker="o" if whole else "D",
                markerfacecolor=tone if whole else "none", markersize=2.8 if whole else 4,
                markeredgewidth=0.8,
                zorder=3,
            )  # fmt: skip
            if whole:
                ax.plot(
                    x, part["in_span"], linestyle="none", color="black", marker="_", markersize=4,
                    markeredgewidth=0.8, zorder=2.5,
                )  # fmt: skip
    ax.set_ylim(0, 1.04)
    if by_share:
        ax.set_xlabel("share of the class")
    else:
        ax.set_xlabel("class $c$")
        shown = grid[:: -(-len(grid) // MOST_TICKS)]
        ax.set_xticks(shown, [f"{c:g}" for c in shown])


def _legend(tones: dict[str, str]) -> list[Line2D]:
    def dot(color: str, marker: str, label: str, filled: bool = True) -> Line2D:
        face = color if filled else "none"
        return Line2D(
            [], [], linestyle="none", color=color, marker=marker, markerfacecolor=face, label=label
        )

    return [
        dot(tones["rho_k"], "o", r"$\rho_k$: top $k$ eigenvectors"),
        dot(tones["rho_1"], "D", r"$\rho_1$: top eigenvector", filled=False),
        dot("black", "_", r"$\rho(x^c$, span of the means$)$"),
        Line2D(
            [], [], color="0.3", linestyle=":", linewidth=0.9,
            label="same colour: orthonormal means, equal shares",
        ),
    ]  # fmt: skip


def _lines(studies: dict[str, StudyFiles]) -> list[str]:
    """Parameters of each study, or of all where they agree."""
    texts = {
        name: f"{files.title()}, t = {files.facts()['last_time']}, "
        f"{counted(files.runs.sizes['run'], 'run')} (all drawn)"
        for name, files in studies.items()
    }
    if len(set(texts.values())) == 1:
        return [f"all panels: {next(iter(texts.values()))}"]
    return [f"{STUDIES[name]}: {text}" for name, text in texts.items()]


def _base_line(base: StudyFiles) -> str:
    """Parameters of the dotted lines."""
    return f"dotted: class 1, {base.title()}, {counted(base.runs.sizes['run'], 'run')}"


def _facts(files: StudyFiles, frame: pd.DataFrame, prefix: str) -> dict[str, float | int | str]:
    """Ranges over classes and surviving runs, and the same of the rarest class."""
    means = files.data["means"].values
    inner = (means @ means.T)[~np.eye(len(means), dtype=bool)]
    kept = frame[frame["run"].isin(survivors(files))]
    rare = kept[kept["share"] == kept["share"].min()]
    facts: dict[str, float | int | str] = {
        f"{prefix}k": len(means),
        f"{prefix}inner": span(inner, 2),
        f"{prefix}least_share": quoted(float(files.data["weights"].values.min())),
        f"{prefix}largest_share": quoted(float(files.data["weights"].values.max())),
        f"{prefix}in_span": span(kept["in_span"].to_numpy()),
    }
    for matrix in MATRICES:
        for rho in RHOS:
            for word, part in (("", kept), ("_rare", rare)):
                own = part.loc[part["matrix"] == matrix, rho].to_numpy()
                facts[f"{prefix}{matrix}_{rho}{word}"] = span(own, 2)
    return facts


def _base_facts(reference: pd.DataFrame, name: str) -> dict[str, float | int | str]:
    return {"base_time": quoted(float(reference["time"].max()))} | {
        f"base_{matrix}_{rho}": span(reference.loc[reference["matrix"] == matrix, rho].to_numpy())
        for matrix in MATRICES
        for rho in RHOS
    }
