"""What the paper's figures have in common: studies and their headings, labels, lost runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note

Inputs = Mapping[str, xr.Dataset]
MATRICES = ("hessian", "gradient")  # a column of panels for each
TIME = r"rescaled time $t=\ell\delta$"
REGIMES = {"recalled": "recalled parameters", "theorem": "theorem's regime"}


def block_label(matrix: str, index: str) -> str:
    """The symbol of a block, for example of ``hessian`` and ``11``."""
    return (
        rf"$\nabla^2_{{{index}}}\widehat{{R}}$"
        if matrix == "hessian"
        else rf"$\widehat{{G}}_{{{index}}}$"
    )


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study among a figure's inputs.

    Attributes
    ----------
    data, runs, spectra : datasets
    lost : numbers of runs that overflowed; their numbers are NaN
    """

    name: str
    data: xr.Dataset
    runs: xr.Dataset
    spectra: xr.Dataset

    @classmethod
    def of(cls, inputs: Inputs, name: str, suffix: str = "") -> StudyFiles:
        """Those called ``name``; ``suffix`` chooses other spectra of the same runs."""
        data, runs, spectra = (
            inputs[ref] for ref in (f"data/{name}", f"runs/{name}", f"spectra/{name}{suffix}")
        )
        # Spectra are small and read many times; of the runs only parts are needed.
        return cls(name, data, runs, spectra.load())

    @property
    def lost(self) -> int:
        """How many runs overflowed."""
        return int((self.runs["diverged_at"].values >= 0).sum())

    def facts(self, prefix: str = "") -> dict[str, float | int | str]:
        """Parameters and sizes, for captions."""
        d = self.data.sizes["feature"]
        return {
            f"{prefix}d": d,
            f"{prefix}precision": quoted(float(self.data.attrs["precision"])),
            f"{prefix}ridge": quoted(float(self.runs.attrs["ridge"])),
            f"{prefix}runs": self.runs.sizes["run"],
            f"{prefix}lost": self.lost,
            f"{prefix}test_samples": int(self.spectra.attrs["sample_count"]),
            f"{prefix}ratio": quoted(self.spectra.attrs["sample_count"] / d),
            f"{prefix}last_time": quoted(float(self.spectra["time"].values[-1])),
        }

    def title(self) -> str:
        """The parameters in one line."""
        facts = self.facts()
        size = (
            f"K = {self.runs.sizes['neuron']}"
            if "neuron" in self.runs.sizes
            else f"k = {self.data.sizes['component']}"
        )
        return (
            f"{size}, d = {facts['d']}, λ = {facts['precision']}, β = {facts['ridge']}, "
            f"M/d = {facts['ratio']}"
        )


def headed_rows(
    studies: dict[str, StudyFiles], columns: int, figsize: tuple[float, float]
) -> tuple[Figure, list[SubFigure], np.ndarray]:
    """A figure with one part for each study, under its parameters; axes (rows, columns)."""
    figure = plt.figure(figsize=figsize)
    parts = list(figure.subfigures(len(studies), 1, squeeze=False)[:, 0])
    axes = np.empty((len(studies), columns), dtype=object)
    for row, (part, (regime, files)) in enumerate(zip(parts, studies.items(), strict=True)):
        part.suptitle(heading(REGIMES[regime], files), fontsize="medium")
        axes[row] = part.subplots(1, columns, squeeze=False)[0]
    if lines := lost_note(studies.values()):
        note(figure, "\n".join(lines))
    return figure, parts, axes


def heading(name: str, files: StudyFiles) -> str:
    """Name of a study, its parameters and the number of its runs."""
    return f"{name}: {files.title()}, {counted(files.runs.sizes['run'], 'run')}"


def letters(axes: Iterable[Axes], titles: Sequence[str]) -> None:
    """Panel letters from a on, with titles that repeat from row to row."""
    for i, ax in enumerate(axes):
        letter(ax, "abcdefghijkl"[i], titles[i % len(titles)])


def lost_note(studies: Iterable[StudyFiles]) -> list[str]:
    """A line for each study of which runs overflowed."""
    return [
        f"{files.name}: {files.lost} of {counted(files.runs.sizes['run'], 'run')} overflowed "
        "(drawn until then, not in quoted numbers)"
        for files in studies
        if files.lost
    ]


def survivors(files: StudyFiles) -> np.ndarray:
    """Numbers of the runs that did not overflow."""
    return np.flatnonzero(files.runs["diverged_at"].values < 0)


def time_axis(ax: Axes) -> None:
    """Label the rescaled time."""
    ax.set_xlabel(TIME)
    ax.margins(x=0.02)
