"""Neurons and the leading eigenvectors of both layers' blocks, entry by entry over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from spectral_atlas.papers.benarous2024.figures.shared import (
    MATRICES,
    REGIMES,
    Inputs,
    StudyFiles,
    block_label,
    heading,
    lost_note,
)
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

LARGEST = 0.6  # entries beyond have the colour of the end
MOST_TICKS = 4


def heatmaps_xor(inputs: Inputs, style: Style) -> Drawing:
    """In the theorem's regime, run 0: two neurons above, the second layer below."""
    return _draw(inputs, style, "theorem")


def heatmaps_xor_recalled(inputs: Inputs, style: Style) -> Drawing:
    """With the recalled parameters, run 0: two neurons above, the second layer below."""
    return _draw(inputs, style, "recalled")


def _draw(inputs: Inputs, style: Style, regime: str) -> Drawing:
    study = StudyFiles.of(inputs, f"xor_{regime}")
    chosen = _neurons(study)
    figure = plt.figure(figsize=size(style, 1.18))
    upper, lower = figure.subfigures(2, 1, squeeze=False)[:, 0]
    grid = upper.subplots(2, 5, sharex=True, sharey=True, squeeze=False)
    tables = []
    norm = Normalize(-LARGEST, LARGEST)
    names = [r"$W_i/|W_i|$"]
    names += [f"{which} {block_label(m, 'W_iW_i')}" for m in MATRICES for which in ("1st", "2nd")]
    for (sign, neuron), row in zip(chosen.items(), grid, strict=True):
        for ax, name, values in zip(row, names, _vectors(study, neuron), strict=True):
            _panel(ax, study, values, norm)
            tables.append(_table(study, values, name, neuron))
        row[0].set_ylabel(f"neuron {neuron}, $v_i{sign}0$\ncoordinate")
    for i, ax in enumerate(grid.ravel()):
        letter(ax, "abcdefghij"[i], names[i] if i < len(names) else "")
    below = lower.subplots(2, 4, sharex=True, sharey=True, squeeze=False)
    vectors = study.spectra["readout_vectors"].values
    for m, matrix in enumerate(MATRICES):
        for rank, ax in enumerate(below[m]):
            if rank >= vectors.shape[2]:
                ax.set_axis_off()
                continue
            name = f"{_ordinal(rank)} of {block_label(matrix, 'vv')}"
            _panel(ax, study, vectors[m, :, rank], norm, _order(study))
            tables.append(_table(study, vectors[m, :, rank], name, -1))
            letter(ax, "klmnopqr"[4 * m + rank], name)
        below[m, 0].set_ylabel("neuron")
    for part, rows in ((upper, grid), (lower, below)):
        part.supxlabel("checkpoint, by rescaled time $t$", fontsize="medium")
        part.colorbar(
            ScalarMappable(norm, _colors()), ax=list(rows.ravel()), pad=0.015, aspect=30,
            extend="both", label="entry of the unit vector",
        )  # fmt: skip
    upper.suptitle(heading(REGIMES[regime], study).rsplit(",", 1)[0] + ", run 0", fontsize="medium")
    for line in lost_note([study]):
        note(figure, line)
    facts = study.facts() | _facts(study, chosen)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _neurons(study: StudyFiles) -> dict[str, int]:
    """Of each sign of v_i at the end, the neuron with the largest |v_i|; of run 0."""
    last = np.nan_to_num(study.runs["v"].values[0, -1])
    return {">": int(last.argmax()), "<": int(last.argmin())}


def _vectors(study: StudyFiles, neuron: int) -> list[np.ndarray]:
    """W_i / |W_i| and two eigenvectors of each block, (time, coordinate)."""
    spectra = study.spectra
    found = spectra["neuron_vectors"].values[:, :, neuron]
    W = study.runs["W"].sel(time=spectra["time"].values).values[0, :, neuron]
    norms = np.linalg.norm(W, axis=-1, keepdims=True)
    unit = np.divide(W, norms, out=np.full(W.shape, np.nan), where=norms > 0)
    return [unit[:, : found.shape[-1]], *(found[m, :, two] for m in (0, 1) for two in (0, 1))]


def _order(study: StudyFiles) -> np.ndarray:
    """Neurons by the mean they point to at the end (mu, -mu, nu, -nu), then by falling |v_i|."""
    W, v = (np.nan_to_num(study.runs[name].values[0, -1]) for name in ("W", "v"))
    towards = (W @ study.data["means"].values.T).argmax(axis=-1)
    return np.lexsort((-np.abs(v), towards))


def _panel(
    ax: Axes,
    study: StudyFiles,
    values: np.ndarray,
    norm: Normalize,
    order: np.ndarray | None = None,
) -> None:
    """Columns of equal width, one for each checkpoint; rows from the top."""
    times, rows = study.spectra["time"].values, values.shape[1]
    shown = values if order is None else values[:, order]
    ax.pcolormesh(
        np.arange(len(times) + 1) - 0.5, np.arange(rows + 1) + 0.5, shown.T,
        norm=norm, cmap=_colors(), rasterized=True,
    )  # fmt: skip
    at = np.arange(len(times))[:: -(-len(times) // MOST_TICKS)]
    ax.set_xticks(at, [f"{times[i]:g}" for i in at])
    ax.set_ylim(rows + 0.5, 0.5)
    if order is None:
        ax.set_yticks([1, *range(10, rows + 1, 10)])
    else:
        middles, names, ends = _groups(study, order)
        ax.set_yticks(middles, names)
        for end in ends:
            ax.axhline(end, color="black", linewidth=0.5)
    ax.grid(False)


def _groups(study: StudyFiles, order: np.ndarray) -> tuple[list[float], list[str], list[float]]:
    """The middle of each group of neurons, the name of its mean, and the lines between groups."""
    W = np.nan_to_num(study.runs["W"].values[0, -1])[order]
    towards = (W @ study.data["means"].values.T).argmax(axis=-1)
    present = [i for i in range(4) if (towards == i).any()]
    middles = [float(np.flatnonzero(towards == i).mean() + 1) for i in present]
    ends = [float(np.flatnonzero(towards == i)[-1] + 1.5) for i in present[:-1]]
    return middles, [(r"$\mu$", r"$-\mu$", r"$\nu$", r"$-\nu$")[i] for i in present], ends


def _colors() -> mpl.colors.Colormap:
    return mpl.colormaps["RdBu_r"].with_extremes(bad="0.8")


def _ordinal(rank: int) -> str:
    return ("1st", "2nd", "3rd", "4th")[rank]


def _table(study: StudyFiles, values: np.ndarray, name: str, neuron: int) -> pd.DataFrame:
    """One row for each entry; ``neuron`` -1 stands for the second layer."""
    times, entries = values.shape
    return pd.DataFrame(
        {
            "vector": name,
            "neuron": neuron,
            "time": np.repeat(study.spectra["time"].values, entries),
            "coordinate": np.tile(np.arange(1, entries + 1), times),
            "value": values.ravel(),
        }
    )


def _facts(study: StudyFiles, chosen: dict[str, int]) -> dict[str, Any]:
    """Shares of the squared norm that lie in span(mu, nu) at the end, of what is drawn."""
    plane = study.data["means"].values[[0, 2]]
    shares: list[Sequence[float]] = []
    for neuron in chosen.values():
        vectors = np.stack([v[-1] for v in _vectors(study, neuron)])
        shares.append(((vectors @ plane[:, : vectors.shape[1]].T) ** 2).sum(axis=-1))
    found = np.array(shares)
    facts: dict[str, Any] = {
        "largest": LARGEST,
        "neurons": listed([str(i) for i in chosen.values()]),
        "coordinates": int(study.spectra.sizes["coordinate"]),
    }
    for name, columns in (("w", [0]), ("hessian", [1, 2]), ("gradient", [3, 4])):
        facts[f"{name}_least_share"] = quoted(float(found[:, columns].min()))
    return facts
