"""Class blocks of Hessian and gradient matrix along the runs of logistic regression.

Neither matrix has the ridge: it would shift the Hessian's eigenvalues by beta, three times the
smaller outliers at beta = 0.01, and change no eigenvector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024.dense_top import leading, spectrum
from spectral_atlas.papers.benarous2024.study import MATRICES, Study
from spectral_atlas.spectra.gram_pairs import GramSolver
from spectral_atlas.spectra.softmax_regression import (
    class_block_operator,
    class_probabilities,
    risk,
)
from spectral_atlas.spectra.subspaces import alignment, orthonormal_basis, subspace_overlap
from spectral_atlas.spectra.weighted_gram import WeightedGram
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import ClassSpectra
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def class_blocks(config: ClassSpectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Leading eigenpairs of the blocks (c, c) against x^c and the means.

    Class 1 (index 0) is measured for every run at all times, all classes for the first
    ``all_classes_seeds`` at ``all_classes_times``; what is not measured is NaN. Blocks of the two
    matrices stand along ``matrix``.

    Returns
    -------
    Dataset with dimensions ``matrix, run, time, class, rank, component, coordinate``:

    - ``eigenvalues`` (.., class, rank), the k + ``beyond`` largest;
    - ``rho_k``, ``rho_1`` (.., class): alignment of x^c with the top k and the top eigenvector;
    - ``overlap`` (.., class): mean squared cosine between the top-k eigenspace and the means' span;
    - of class 1: ``leading`` (.., coordinate), the top eigenvector's first coordinates, with the
      sign that makes its product with x^1 positive; ``leading_on_means`` (.., component);
    - of class 1, run 0: ``spectrum`` (matrix, density_time, value), and ``ratio_spectrum``
      (matrix, run, ratio, value) for fewer samples at ``ratio_time``, for every run;
    - ``risk`` (run, time), mean loss without ridge, and ``accuracy``, on the same samples;
    - where ``off_diagonal`` asks for it, of the block (1, 2) at the last time:
      ``cross_eigenvalues`` (matrix, run, rank), by size, and
      ``cross_overlap``.
    """
    study, runs = Study.trained(inputs, job)
    chosen = runs if config.times is None else runs.sel(time=config.times)
    times, n_runs, k = chosen["time"].values, chosen.sizes["run"], len(study.labels)
    out = _Arrays(config, study, n_runs, times)
    n_blocks = sum(
        k if _has_all(config, run, time) else 1 for run in range(n_runs) for time in times
    )
    with Progress("blocks", 2 * n_blocks, job.log) as progress:
        for run in range(n_runs):
            Y, labels = study.measured(config.samples, run)
            solver = GramSolver(Y)
            for t, time in enumerate(times):
                x = chosen["x"].values[run, t]
                classes = range(k if _has_all(config, run, time) else 1)
                if not np.isfinite(x).all():
                    continue
                out.values["risk"][run, t] = risk(Y, labels, x)
                right = class_probabilities(Y, x).argmax(-1) == labels
                out.values["accuracy"][run, t] = right.mean()
                for m, matrix in enumerate(MATRICES):
                    pairs = [(c, c) for c in classes]
                    operator = class_block_operator(Y, x, pairs, labels=labels, matrix=matrix)
                    for c in classes:
                        out.diagonal((m, run, t, c), solver, operator, x[c], time)
                        progress.update(1)
            out.at_last(run, Y, labels, chosen["x"].sel(run=run), times)
    return out.dataset(times)


def _has_all(config: ClassSpectra, run: int, time: float) -> bool:
    """Whether the blocks of all classes are measured."""
    chosen = config.all_classes_times
    return run < config.all_classes_seeds and (chosen is None or time in chosen)


class _Arrays:
    """The measured arrays, NaN until filled."""

    def __init__(self, config: ClassSpectra, study: Study, n_runs: int, times: Array) -> None:
        k, d = len(study.labels), study.d
        self.config, self.study, self.k = config, study, k
        self.basis = orthonormal_basis(study.mixture.means)
        rank, shown = min(k + config.beyond, d), min(config.shown_coordinates, d)
        each = (2, n_runs, len(times))
        shapes: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
            "eigenvalues": (("class", "rank"), (*each, k, rank)),
            "rho_k": (("class",), (*each, k)),
            "rho_1": (("class",), (*each, k)),
            "overlap": (("class",), (*each, k)),
            "leading": (("coordinate",), (*each, shown)),
            "leading_on_means": (("component",), (*each, k)),
        }
        self.dims: dict[str, tuple[str, ...]] = {
            name: ("matrix", "run", "time", *dims) for name, (dims, _) in shapes.items()
        }
        self.values = {name: np.full(shape, np.nan) for name, (_, shape) in shapes.items()}
        for name in ("risk", "accuracy"):
            self.dims[name] = ("run", "time")
            self.values[name] = np.full((n_runs, len(times)), np.nan)
        densities, ratios = len(config.density_times), len(config.sample_ratios)
        self._add("spectrum", ("density_time", "value"), (2, densities, d))
        self._add("ratio_spectrum", ("run", "ratio", "value"), (2, n_runs, ratios, d))
        self._add("cross_eigenvalues", ("run", "rank"), (2, n_runs, rank))
        self._add("cross_overlap", ("run",), (2, n_runs))

    def _add(self, name: str, dims: tuple[str, ...], shape: tuple[int, ...]) -> None:
        self.dims[name], self.values[name] = ("matrix", *dims), np.full(shape, np.nan)

    def diagonal(
        self,
        at: tuple[int, ...],
        solver: GramSolver,
        operator: WeightedGram,
        x: Array,
        time: float,
    ) -> None:
        """Fill in one block (c, c), member c of the operator, of one matrix at one checkpoint."""
        values, (m, run, _, c) = self.values, at
        if run == 0 and c == 0 and time in self.config.density_times:
            block = operator.dense(np.array([c]))[0]
            values["spectrum"][m, self.config.density_times.index(time)] = spectrum(block)
        found = solver.leading(operator, c, values["eigenvalues"].shape[-1])
        top = found.vectors[: self.k]
        values["eigenvalues"][at] = found.values
        values["rho_k"][at] = alignment(x, top)
        values["rho_1"][at] = alignment(x, top[:1])
        values["overlap"][at] = subspace_overlap(top, self.basis)
        if c == 0:
            first = top[0] * (1.0 if top[0] @ x >= 0 else -1.0)
            values["leading"][at[:3]] = first[: values["leading"].shape[-1]]
            values["leading_on_means"][at[:3]] = self.study.mixture.means @ first

    def at_last(self, run: int, Y: Array, labels: Array, x: xr.DataArray, times: Array) -> None:
        """What is measured at one time only: the block (1, 2), and smaller sets of samples."""
        for m, matrix in enumerate(MATRICES):
            last = x.sel(time=times[-1]).values
            if self.config.off_diagonal and np.isfinite(last).all():
                block = class_block_operator(Y, last, [(0, 1)], labels=labels, matrix=matrix)
                found, vectors = leading(block.dense()[0], self.values["eigenvalues"].shape[-1])
                self.values["cross_eigenvalues"][m, run] = found
                self.values["cross_overlap"][m, run] = subspace_overlap(
                    vectors[: self.k], self.basis
                )
            for i, ratio in enumerate(self.config.sample_ratios):
                rows = slice(round(ratio * self.study.d))
                one = x.sel(time=self.config.ratio_time).values
                if not np.isfinite(one).all():
                    continue
                fewer = class_block_operator(
                    Y[rows], one, [(0, 0)], labels=labels[rows], matrix=matrix
                )
                self.values["ratio_spectrum"][m, run, i] = spectrum(fewer.dense()[0])

    def dataset(self, times: Array) -> xr.Dataset:
        """Everything, with coordinates."""
        coords: dict[str, Any] = {
            "matrix": list(MATRICES),
            "time": ("time", times, {"long_name": "rescaled time l delta"}),
            "density_time": np.array(self.config.density_times, dtype=float),
            "ratio": np.array(self.config.sample_ratios, dtype=float),
        }
        attrs: dict[str, Any] = {
            "samples": self.config.samples,
            "sample_count": self.study.test_samples,
        }
        if self.config.ratio_time is not None:
            attrs["ratio_time"] = self.config.ratio_time
        return xr.Dataset(
            {name: (self.dims[name], self.values[name]) for name in self.values},
            coords=coords,
            attrs=attrs,
        )
