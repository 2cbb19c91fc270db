"""Whole spectra of first-layer blocks beside the predicted bulk and outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spectral_atlas.papers.benarous2024.figures.predicted import (
    COLUMNS,
    Spectrum,
    spectra_of,
    top_error,
)
from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    Inputs,
    StudyFiles,
    block_label,
    heading,
    lost_note,
)
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

CLASSES = {"mixture_recalled": "recalled parameters", "mixture_moderate": "larger precision"}
NEURONS = {"xor_recalled": "recalled parameters", "xor_theorem": "theorem's regime"}
BINS = 45
DECADES = 4.0  # an axis reaches so far below its largest eigenvalue at most
BULK, PREDICTED = "#a9c9e4", COLORBLIND[3]


def bulk_and_outliers(inputs: Inputs, style: Style) -> Drawing:
    """Block (1, 1) of the class mixture, at two precisions."""
    return _draw(inputs, style, CLASSES, "11")


def bulk_and_outliers_xor(inputs: Inputs, style: Style) -> Drawing:
    """The block of the neuron with the largest |v_i| of the XOR network, in two regimes."""
    return _draw(inputs, style, NEURONS, "W_iW_i")


def _draw(inputs: Inputs, style: Style, names: dict[str, str], index: str) -> Drawing:
    """For each study a row for H and one for G, with its density times from left to right."""
    studies = {name: StudyFiles.of(inputs, name) for name in names}
    figure = plt.figure(figsize=size(style, 1.12))
    parts = figure.subfigures(len(studies), 1, squeeze=False)[:, 0]
    tables: list[pd.DataFrame] = []
    facts: dict[str, Any] = {}
    letters = iter("abcdefghijklmnopqrstuvwx")
    for part, (name, study) in zip(parts, studies.items(), strict=True):
        predicted = inputs[f"spectra/{name}_effective"]
        neuron = f", neuron {study.spectra.attrs['spectrum_neuron']}" if index != "11" else ""
        title = heading(names[name], study).rsplit(",", 1)[0]
        part.suptitle(f"{title}, run 0{neuron}", fontsize="medium")
        axes = part.subplots(2, COLUMNS, squeeze=False)
        facts |= study.facts(f"{name}_")
        for m, matrix in enumerate(MATRICES):
            found = spectra_of(study, predicted, m)
            tables += [t.assign(study=name, matrix=matrix) for t in _row(axes[m], found)]
            for ax, one in zip(axes[m], found, strict=False):
                letter(ax, next(letters), rf"$t$ = {one.time:g}")
            axes[m, 0].set_ylabel(f"{block_label(matrix, index)}\nshare per e-fold")
            facts |= _facts(found, f"{name}_{matrix}")
            facts[f"{name}_{matrix}_top_error"] = quoted(top_error(study, predicted, m), 2)
        part.supxlabel("eigenvalue (without ridge)", fontsize="medium")
    figure.legend(handles=_handles(), loc="outside lower center", ncols=3, columnspacing=1.5)
    for line in lost_note(studies.values()):
        note(figure, line)
    whole = [table for table in tables if len(table)]
    return Drawing(figure, pd.concat(whole, ignore_index=True) if whole else pd.DataFrame(), facts)


def _ends(found: list[Spectrum]) -> tuple[float, float]:
    """Of the axis of all panels of a row."""
    values = np.concatenate([np.append(one.values, one.outliers) for one in found])
    top = float(values.max(initial=0.0))
    if not top > 0:
        return 0.1, 1.0
    return max(0.8 * float(values[values > 0].min()), top * 10**-DECADES), 1.7 * top


def _row(axes: np.ndarray, found: list[Spectrum]) -> list[pd.DataFrame]:
    """Draw one matrix at all times, on the same axes."""
    for ax in axes[max(len(found), 1) :]:
        ax.set_axis_off()
    if not found:
        axes[0].text(0.5, 0.5, "no run to show", transform=axes[0].transAxes, ha="center")
        return []
    low, high = _ends(found)
    bins = np.geomspace(low, high, BINS + 1)
    tables = [_panel(ax, one, bins) for ax, one in zip(axes, found, strict=False)]
    top = 1.7 * max(float(table["share"].max()) for table in tables)
    for ax, one in zip(axes, found, strict=False):
        ax.set(xscale="log", xlim=(low, high), ylim=(0, top))
        ax.tick_params(labelleft=ax is axes[0])
        _ticks(ax)
        heights = (0.0, 0.13 * top)
        ax.vlines(one.clear(one.values), *heights, color="black", linewidth=0.9, zorder=4)
        ax.plot(
            one.outliers, np.full(len(one.outliers), 0.19 * top), color=PREDICTED, marker="v",
            linestyle="", markersize=3.5, markerfacecolor="none", zorder=5,
        )  # fmt: skip
        counts = len(one.clear(one.outliers)), len(one.clear(one.values))
        ax.text(
            0.98, 0.97, f"{counts[0]} predicted\n{counts[1]} found", transform=ax.transAxes,
            ha="right", va="top", fontsize="small",
        )  # fmt: skip
    return tables


def _ticks(ax: Axes) -> None:
    """Powers of ten; 1 and 3 of each decade on an axis of less than two."""
    low, high = ax.get_xlim()
    if high / low < 100:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _panel(ax: Axes, one: Spectrum, bins: np.ndarray) -> pd.DataFrame:
    """Histogram over log eigenvalues, predicted density and edge; all numbers in one table."""
    width = float(np.log(bins[1] / bins[0]))
    shares = np.histogram(one.values, bins)[0] / (len(one.values) * width)
    ax.stairs(shares, bins, fill=True, color=BULK, zorder=2)
    inside = one.at >= bins[0]
    curve = (one.at * one.density)[inside]
    ax.plot(one.at[inside], curve, color=PREDICTED, linewidth=1.0, zorder=3)
    ax.axvline(one.edge, 0, 0.66, color="0.4", linestyle=":", linewidth=0.9, zorder=2.5)
    beyond = one.clear(one.values)
    parts = {
        "histogram": (np.sqrt(bins[1:] * bins[:-1]), shares),
        "predicted density": (one.at[inside], curve),
        "predicted edge": (np.array([one.edge]), np.array([np.nan])),
        "predicted outlier": (one.outliers, np.full(len(one.outliers), np.nan)),
        "outlier": (beyond, np.full(len(beyond), np.nan)),
    }
    frames = [pd.DataFrame({"kind": k, "eigenvalue": x, "share": y}) for k, (x, y) in parts.items()]
    return pd.concat([frame for frame in frames if len(frame)]).assign(time=one.time)


def _handles() -> list[Any]:
    look: dict[str, Any] = {"markersize": 3.5, "markerfacecolor": "none", "linestyle": ""}
    return [
        Patch(facecolor=BULK, label="eigenvalues"),
        Line2D([], [], color=PREDICTED, linewidth=1.0, label="predicted bulk"),
        Line2D([], [], color="0.4", linestyle=":", label="predicted edge"),
        Line2D([], [], color=PREDICTED, marker="v", label="predicted outlier", **look),
        Line2D([], [], color="black", marker="|", linestyle="", label="found, 5 % beyond the edge"),
    ]


def _facts(found: list[Spectrum], name: str) -> dict[str, Any]:
    """Counts at each time, predicted against found, and the largest error of the edge."""
    errors = np.abs([one.edge_error for one in found])
    errors = errors[np.isfinite(errors)]
    return {
        f"{name}_times": ", ".join(f"{one.time:g}" for one in found) or "n/a",
        f"{name}_predicted": ", ".join(str(len(one.outliers)) for one in found) or "n/a",
        f"{name}_clear": ", ".join(str(len(one.clear(one.outliers))) for one in found) or "n/a",
        f"{name}_found": ", ".join(str(len(one.clear(one.values))) for one in found) or "n/a",
        f"{name}_edge_error": quoted(float(errors.max()) if errors.size else None, 2),
    }
