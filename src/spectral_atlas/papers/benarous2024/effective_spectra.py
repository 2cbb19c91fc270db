"""Predicted bulk edges, densities and outliers along the runs, from the effective theory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024.effective import (
    bulk_density,
    bulk_edge,
    class_block_sample,
    neuron_block_sample,
    outliers,
)
from spectral_atlas.papers.benarous2024.study import MATRICES, Matrix, Study
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import Effective
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
GRID = 240  # points of a density
LOWEST = 1e-4  # the first of them, as a share of the edge; the last is a little beyond it
Sample = Callable[[np.random.Generator, Matrix], tuple[Array, Array]]
Sampler = Callable[[int, float, Array], Sample]


def class_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Bulk edge and outliers of the block (1, 1) of every run, at the ratio M / d of the test set.

    Components have the shares that they have in the run's test set: one class of ten in M = 10 000
    samples has a share of 0.1 +- 0.003, and the eigenvalues that belong to it follow.

    Returns
    -------
    Dataset with dimensions ``matrix, run, time, rank, grid, ratio``: ``edge``; ``outliers``
    (.., rank), descending, NaN where there are fewer; ``n_outliers``, -1 for runs that overflowed;
    of run 0, ``density`` (matrix, time, grid) at the points ``density_at``; and for the first M
    test samples at the last time ``ratio_edge`` (matrix, run, ratio), ``ratio_outliers``
    (.., rank), ``ratio_n_outliers``.
    """
    study, runs = Study.trained(inputs, job)
    mixture = study.mixture

    def sampler(run: int, time: float, shares: Array) -> Sample:
        x = runs["x"].sel(time=time).values[run]
        return lambda rng, matrix: class_block_sample(
            rng, x, mixture.means, shares, mixture.precision, 0, matrix, config.draws
        )

    return _solve(config, study, runs, sampler, job)


def neuron_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Likewise for the block of one neuron of each run: the one with the largest |v_i| at the end.

    Its number is the variable ``spectrum_neuron``, (run,).
    """
    study, runs = Study.trained(inputs, job)
    mixture = study.mixture
    chosen = np.abs(np.nan_to_num(runs["v"].values[:, -1])).argmax(-1)

    def sampler(run: int, time: float, shares: Array) -> Sample:
        W, v = (runs[name].sel(time=time).values[run] for name in ("W", "v"))
        i = int(chosen[run])
        return lambda rng, matrix: neuron_block_sample(
            rng, W, v, mixture.means, shares, study.labels, mixture.precision, i, matrix,
            config.draws,
        )  # fmt: skip

    found = _solve(config, study, runs, sampler, job)
    return found.assign(spectrum_neuron=("run", chosen))


def _solve(
    config: Effective, study: Study, runs: xr.Dataset, sampler: Sampler, job: Job
) -> xr.Dataset:
    n, T, R = runs.sizes["run"], len(config.times), len(config.sample_ratios)
    most, precision = 2 * len(study.mixture.means), study.mixture.precision
    by_time, by_ratio = _Found((2, n, T), most), _Found((2, n, R), most)
    density, points = (np.full((2, T, GRID), np.nan) for _ in range(2))
    ratio = study.test_samples / study.d
    with Progress("effective spectra", 2 * n * (T + R), job.log) as progress:
        for run in range(n):
            if runs["diverged_at"].values[run] >= 0:
                progress.update(2 * (T + R))
                continue
            shares = study.test_shares(run)
            for t, time in enumerate(config.times):
                draw = sampler(run, time, shares)
                for m, matrix in enumerate(MATRICES):
                    h, V = draw(study.generator("effective", matrix, run, f"{time:g}"), matrix)
                    edge = by_time.fill((m, run, t), h, V, precision, ratio)
                    if run == 0:
                        points[m, t] = 1.05 * edge * np.geomspace(LOWEST, 1, GRID)
                        density[m, t] = bulk_density(h, precision, ratio, points[m, t])
                    progress.update(1)
            for r, fewer in enumerate(config.sample_ratios):
                few = study.test_shares(run, round(fewer * study.d))
                draw = sampler(run, config.times[-1], few)
                for m, matrix in enumerate(MATRICES):
                    h, V = draw(study.generator("fewer", matrix, run, f"{fewer:g}"), matrix)
                    by_ratio.fill((m, run, r), h, V, precision, fewer)
                    progress.update(1)
    grid = ("matrix", "time", "grid")
    coords: dict[str, Any] = {
        "matrix": list(MATRICES),
        "run": runs["run"],
        "time": config.times,
        "ratio": np.array(config.sample_ratios, dtype=float),
    }
    return xr.Dataset(
        by_time.variables("time")
        | by_ratio.variables("ratio", "ratio_")
        | {"density": (grid, density), "density_at": (grid, points)},
        coords=coords,
        attrs={"draws": config.draws, "ratio": ratio},
    )


class _Found:
    """Edges and outliers, NaN and -1 until filled."""

    def __init__(self, shape: tuple[int, ...], most: int) -> None:
        self.edge, self.count = np.full(shape, np.nan), np.full(shape, -1)
        self.outliers = np.full((*shape, most), np.nan)

    def fill(
        self, at: tuple[int, ...], h: Array, V: Array, precision: float, ratio: float
    ) -> float:
        """Solve one block; returns its edge."""
        self.edge[at], _ = bulk_edge(h, precision, ratio)
        beyond = outliers(h, V, precision, ratio)[: self.outliers.shape[-1]]
        self.count[at] = len(beyond)
        self.outliers[at][: len(beyond)] = beyond
        return float(self.edge[at])

    def variables(self, last: str, prefix: str = "") -> dict[str, tuple[tuple[str, ...], Array]]:
        """The variables of a dataset."""
        dims = ("matrix", "run", last)
        return {
            f"{prefix}edge": (dims, self.edge),
            f"{prefix}outliers": ((*dims, "rank"), self.outliers),
            f"{prefix}n_outliers": (dims, self.count),
        }
