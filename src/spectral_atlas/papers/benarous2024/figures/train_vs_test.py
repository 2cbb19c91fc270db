"""Blocks on training samples against blocks on held-out samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.figures.sample_sets import (
    GROUPS,
    Group,
    rows_of,
    side_by_side,
)
from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    Inputs,
    StudyFiles,
    letters,
    lost_note,
    survivors,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import counted, span
from spectral_atlas.plotting.panels import jitter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


SMALL: dict[str, Any] = {"markersize": 2.2}
SPREAD = 0.9  # of a time's slot


def train_vs_test(inputs: Inputs, style: Style) -> Drawing:
    """rho on both sample sets, their difference, and the ratio of the top eigenvalues."""
    studies = {g.study: StudyFiles.of(inputs, g.study) for g in GROUPS}
    frames = [side_by_side(g, studies[g.study], inputs[f"spectra/{g.study}_train"]) for g in GROUPS]
    table = pd.concat(frames, ignore_index=True)
    figure, axes = plt.subplots(2, 2, figsize=size(style, 0.98))
    if lines := lost_note(studies.values()):
        note(figure, "\n".join(lines))
    tones = dict(zip(GROUPS, colors(style, len(GROUPS)), strict=True))
    for ax, groups in zip(axes[0], (GROUPS[:2], GROUPS[2:]), strict=True):
        _scatter(ax, table, {g: tones[g] for g in groups})
    times = sorted(table["time"].unique())
    for ax, column in zip(axes[1], ("difference", "ratio"), strict=True):
        _in_time(ax, table, column, tones, times)
    axes[1, 0].set_ylabel(r"$\rho$, training − test")
    axes[1, 1].set_ylabel("top eigenvalue, training / test")
    reference(axes[1, 0], 0.0, style="-", zorder=1.6, color="0.5")
    reference(axes[1, 1], 1.0, style="-", zorder=1.6, color="0.5")
    titles = ["one layer", "two layers, XOR", "difference", "top eigenvalues"]
    letters(axes.ravel(), titles)
    figure.legend(handles=_legend(studies, tones), loc="outside lower center", ncols=2)
    facts: dict[str, float | int | str] = {}
    for g in GROUPS:
        files = studies[g.study]
        kept = _live(rows_of(table, g))
        facts |= files.facts(f"{g.key}_")
        facts |= _facts(kept[kept["run"].isin(survivors(files))], f"{g.key}_")
    facts["times"] = ", ".join(f"{t:g}" for t in times)
    return Drawing(figure, table, facts)


def _live(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["live"].astype(bool)]


def _look(matrix: str, tone: str) -> dict[str, Any]:
    """Filled circles for the Hessian, open squares for the gradient matrix."""
    filled = matrix == "hessian"
    return {
        "color": tone, "marker": MARKERS[0 if filled else 1], "linestyle": "none",
        "markerfacecolor": tone if filled else "none", "markeredgewidth": 0.7, "markersize": 3.2,
    }  # fmt: skip


def _scatter(ax: Axes, table: pd.DataFrame, tones: dict[Group, str]) -> None:
    """Test against training; neurons that are not live are small and faint."""
    groups = pd.concat([rows_of(table, group) for group in tones])
    drawn = groups[["rho_train", "rho_test"]].to_numpy()
    low = np.floor(9.9 * drawn.min(initial=1.0)) / 10
    ticks = np.arange(low, 1.01, 0.1 if low > 0.4 else 0.2)
    ax.plot([low, 1], [low, 1], color="0.5", linewidth=1, zorder=1)
    for group, tone in tones.items():
        for matrix in MATRICES:
            own = rows_of(table, group)
            own = own[own["matrix"] == matrix]
            alive = own["live"].astype(bool)
            ax.plot(
                own.loc[~alive, "rho_train"], own.loc[~alive, "rho_test"], zorder=2,
                **_look(matrix, "0.6") | SMALL,
            )  # fmt: skip
            ax.plot(
                own.loc[alive, "rho_train"], own.loc[alive, "rho_test"], zorder=3,
                **_look(matrix, tone),
            )  # fmt: skip
    limits = (low, 1 + 0.03 * (1 - low))
    ax.set(xlim=limits, ylim=limits, aspect="equal", xticks=ticks, yticks=ticks)
    ax.set(xlabel=r"$\rho$ on training samples", ylabel=r"$\rho$ on test samples")


def _in_time(
    ax: Axes, table: pd.DataFrame, column: str, tones: dict[Group, str], times: list[float]
) -> None:
    """All members beside each other at every common time; times evenly spaced."""
    slots = [(group, matrix) for group in tones for matrix in MATRICES]
    for slot, (group, matrix) in enumerate(slots):
        own = _live(rows_of(table, group))
        own = own[own["matrix"] == matrix]
        for position, time in enumerate(times):
            part = own.loc[own["time"] == time, column].to_numpy()
            middle = position + SPREAD * ((slot + 0.5) / len(slots) - 0.5)
            x = middle + jitter(len(part), 0.5 * SPREAD / len(slots))
            ax.plot(x, part, **_look(matrix, tones[group]) | {"markersize": 2.4}, zorder=3)
    for position in range(1, len(times)):
        ax.axvline(position - 0.5, color="0.85", linewidth=0.6, zorder=0.5)
    ax.grid(False, axis="x")
    ax.set_xticks(range(len(times)), [f"{t:g}" for t in times])
    ax.set_xlim(-0.5, max(len(times), 1) - 0.5)
    ax.set_xlabel(r"rescaled time $t=\ell\delta$")


def _legend(studies: dict[str, StudyFiles], tones: dict[Group, str]) -> list[Line2D]:
    kinds = [
        Line2D([], [], label=f"{group.label}: {_parameters(studies[group.study])}",
               **_look("hessian", tone))
        for group, tone in tones.items()
    ]  # fmt: skip
    names = dict(zip(MATRICES, ("Hessian", "gradient matrix"), strict=True))
    return [
        *kinds,
        Line2D([], [], label="XOR, other neurons (b only)", **_look("hessian", "0.6") | SMALL),
        *(Line2D([], [], label=names[m], **_look(m, "black")) for m in MATRICES),
    ]


def _parameters(files: StudyFiles) -> str:
    facts = files.facts()
    return (
        f"d = {facts['d']}, λ = {facts['precision']}, β = {facts['ridge']}, "
        f"{counted(files.runs.sizes['run'], 'run')}"
    )


def _facts(kept: pd.DataFrame, prefix: str) -> dict[str, float | int | str]:
    """Ranges over surviving runs and common times."""
    facts: dict[str, float | int | str] = {f"{prefix}members": len(kept) // len(MATRICES)}
    for matrix in MATRICES:
        own = kept[kept["matrix"] == matrix]
        sizes = np.abs(own["difference"].to_numpy())
        facts[f"{prefix}{matrix}_difference"] = span(own["difference"].to_numpy(), 2)
        facts[f"{prefix}{matrix}_largest"] = span(sizes.max(initial=-np.inf), 2)
        facts[f"{prefix}{matrix}_ratio"] = span(own["ratio"].to_numpy())
    return facts
