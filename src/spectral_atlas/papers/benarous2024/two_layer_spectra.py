"""Blocks of Hessian and gradient matrix, layer by layer, along the runs of the XOR network.

Neither matrix has the ridge: it would shift the Hessian's eigenvalues by beta and change no
eigenvector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.papers.benarous2024.dense_top import leading, spectrum
from spectral_atlas.papers.benarous2024.study import MATRICES, Study
from spectral_atlas.spectra.gram_pairs import GramSolver
from spectral_atlas.spectra.subspaces import alignment, orthonormal_basis, subspace_overlap
from spectral_atlas.spectra.two_layer_relu import (
    Forward,
    forward,
    neuron_block_operator,
    readout_block,
    risk,
)
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import LayerSpectra
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
RANK = 6  # eigenvalues kept of each neuron's block: the theorem's two, and the bulk behind them


def layer_blocks(config: LayerSpectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Second-layer blocks of every run, first-layer blocks of the first ``neuron_runs``.

    Returns
    -------
    Dataset with dimensions ``matrix, run, time, neuron, rank, order, coordinate``; of the block vv

    - ``readout_eigenvalues`` (.., order): all K, descending;
    - ``readout_rho`` (.., order): alignment of v with the first 1, 2, ..., K eigenvectors;
    - ``readout_vectors`` (matrix, time, four, neuron): the first four eigenvectors, of run 0;
    - ``v_in_features`` (run, time): alignment of v with the span of g(W mu), g(-W mu), g(W nu),
      g(-W nu);
    - ``risk`` (run, time), mean loss without ridge, and ``accuracy``, on the same samples;

    and of each block W_i W_i

    - ``neuron_eigenvalues`` (.., neuron, rank), ``neuron_rho_1``, ``neuron_rho_2`` (.., neuron):
      alignment of W_i with the top and the top two eigenvectors, ``neuron_overlap`` (.., neuron):
      mean squared cosine between those two and span(mu, nu);
    - of run 0: ``neuron_vectors`` (matrix, time, neuron, two, coordinate), the first coordinates of
      the top two eigenvectors, and ``spectrum`` (matrix, density_time, value), all eigenvalues of
      the neuron ``spectrum_neuron``, the one with the largest |v_i| at the end.

    Blocks of neurons that no sample opens are zero: their eigenvalues are 0, the rest is NaN.
    """
    study, runs = Study.trained(inputs, job)
    chosen = runs if config.times is None else runs.sel(time=config.times)
    last = np.abs(np.nan_to_num(runs["v"].values[0, -1]))
    out = _Arrays(config, study, chosen, int(last.argmax()))
    n_first = min(config.neuron_runs, chosen.sizes["run"])
    total = chosen.sizes["time"] * (chosen.sizes["run"] + n_first * chosen.sizes["neuron"])
    with Progress("blocks", 2 * total, job.log) as progress:
        for run, number in enumerate(chosen["run"].values):
            X, y = study.measured(config.samples, int(number))
            solver = GramSolver(X)
            for t, time in enumerate(chosen["time"].values):
                W, v = chosen["W"].values[run, t], chosen["v"].values[run, t]
                if not np.isfinite(W).all():
                    continue
                fwd = forward(X, y, W, v)
                out.values["risk"][run, t] = risk(fwd)
                says_one = fwd.residual + y > 0.5  # f > 0; where no gate is open, f = 0 says zero
                out.values["accuracy"][run, t] = (says_one == y).mean()
                out.readout(run, t, fwd)
                progress.update(2)
                if run < n_first:
                    out.neurons(run, t, float(time), fwd, solver)
                    progress.update(2 * len(v))
    return out.dataset()


class _Arrays:
    """The measured arrays, NaN until filled."""

    def __init__(
        self, config: LayerSpectra, study: Study, runs: xr.Dataset, spectrum_neuron: int
    ) -> None:
        n, T, K = runs["v"].shape
        self.config, self.study, self.runs = config, study, runs
        self.plane = study.mixture.means[[0, 2]]
        self.spectrum_neuron = spectrum_neuron
        shown, n_first = min(config.shown_coordinates, study.d), min(config.neuron_runs, n)
        self.dims: dict[str, tuple[str, ...]] = {}
        self.values: dict[str, Array] = {}
        each = ("matrix", "run", "time")
        self._add("readout_eigenvalues", (*each, "order"), (2, n, T, K))
        self._add("readout_rho", (*each, "order"), (2, n, T, K))
        for name in ("v_in_features", "risk", "accuracy"):
            self._add(name, ("run", "time"), (n, T))
        self._add("readout_vectors", ("matrix", "time", "four", "neuron"), (2, T, min(4, K), K))
        if n_first:
            neuron = ("matrix", "neuron_run", "time", "neuron")
            shape = (2, n_first, T, K)
            self._add("neuron_eigenvalues", (*neuron, "rank"), (*shape, min(RANK, study.d)))
            for name in ("neuron_rho_1", "neuron_rho_2", "neuron_overlap"):
                self._add(name, neuron, shape)
            dims = ("matrix", "time", "neuron", "two", "coordinate")
            self._add("neuron_vectors", dims, (2, T, K, 2, shown))
            densities = len(config.density_times)
            self._add("spectrum", ("matrix", "density_time", "value"), (2, densities, study.d))

    def _add(self, name: str, dims: tuple[str, ...], shape: tuple[int, ...]) -> None:
        self.dims[name], self.values[name] = dims, np.full(shape, np.nan)

    def readout(self, run: int, t: int, fwd: Forward) -> None:
        """Both second-layer blocks of one checkpoint."""
        features = np.maximum(fwd.W @ self.study.mixture.means.T, 0).T
        if features.any():
            span = orthonormal_basis(features)
            self.values["v_in_features"][run, t] = alignment(fwd.v, span)
        for m, matrix in enumerate(MATRICES):
            found, vectors = leading(readout_block(fwd, matrix), len(fwd.v))
            if not np.isfinite(found).all():
                continue  # weights about to overflow
            self.values["readout_eigenvalues"][m, run, t] = found
            squares = np.cumsum((vectors @ fwd.v) ** 2)  # of v in the first 1, 2, ..., K of them
            self.values["readout_rho"][m, run, t] = np.sqrt(squares / (fwd.v @ fwd.v))
            if run == 0:
                four = self.values["readout_vectors"][m, t]
                four[:] = _signed(vectors[: len(four)])

    def neurons(self, run: int, t: int, time: float, fwd: Forward, solver: GramSolver) -> None:
        """Both blocks of every neuron at one checkpoint."""
        values = self.values
        for m, matrix in enumerate(MATRICES):
            operator = neuron_block_operator(fwd, matrix)
            for i in range(len(fwd.v)):
                densities = self.config.density_times
                if run == 0 and i == self.spectrum_neuron and time in densities:
                    block = operator.dense(np.array([i]))[0]
                    values["spectrum"][m, densities.index(time)] = spectrum(block)
                found = solver.leading(operator, i, values["neuron_eigenvalues"].shape[-1])
                at, vectors = (m, run, t, i), found.vectors
                values["neuron_eigenvalues"][at] = found.values
                if not found.values[0] > 0:
                    continue
                values["neuron_rho_1"][at] = alignment(fwd.W[i], vectors[:1])
                values["neuron_rho_2"][at] = alignment(fwd.W[i], vectors[:2])
                values["neuron_overlap"][at] = subspace_overlap(vectors[:2], self.plane)
                if run == 0:
                    two = values["neuron_vectors"][m, t, i]
                    two[:] = _signed(vectors[:2])[:, : two.shape[-1]]

    def dataset(self) -> xr.Dataset:
        """Everything, with coordinates."""
        coords: dict[str, Any] = {
            "matrix": list(MATRICES),
            "run": self.runs["run"].values,
            "time": self.runs["time"],
            "density_time": np.array(self.config.density_times, dtype=float),
        }
        attrs = {
            "samples": self.config.samples,
            "sample_count": self.study.test_samples,
            "spectrum_neuron": self.spectrum_neuron,
        }
        variables = {name: (self.dims[name], self.values[name]) for name in self.values}
        return xr.Dataset(variables, coords=coords, attrs=attrs)


def _signed(vectors: Float[Array, "r d"]) -> Float[Array, "r d"]:
    """Eigenvectors with their largest entry positive: their sign is arbitrary."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    return vectors * np.where(largest < 0, -1.0, 1.0)
