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
GRID = 200  # points of a density, from 0 to a little beyond the edge
Sample = Callable[[np.random.Generator, Matrix], tuple[Array, Array]]


def class_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Bulk edge and outliers of the block (1, 1) of every run, at the ratio M / d of the test set.

    Returns
    -------
    Dataset with dimensions ``matrix, run, time, rank, grid``: ``edge``; ``outliers`` (.., rank),
    descending, NaN where there are fewer; ``n_outliers``; of run 0, ``density`` (matrix, time,
    grid) at the points ``density_at``.
    """
    study, runs = Study.trained(inputs, job)
    weights, precision = study.mixture.weights, study.mixture.precision

    def sampler(run: int, time: float) -> Sample:
        x = runs["x"].sel(time=time).values[run]
        return lambda rng, matrix: class_block_sample(
            rng, x, study.mixture.means, weights, precision, 0, matrix, config.draws
        )

    return _solve(config, study, runs, sampler, job)


def neuron_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Likewise for the block of one neuron of each run: the one with the largest |v_i| at the end.

    Its number is the variable ``spectrum_neuron``, (run,).
    """
    study, runs = Study.trained(inputs, job)
    chosen = np.abs(np.nan_to_num(runs["v"].values[:, -1])).argmax(-1)
    weights, precision = study.mixture.weights, study.mixture.precision

    def sampler(run: int, time: float) -> Sample:
        W, v = (runs[name].sel(time=time).values[run] for name in ("W", "v"))
        i = int(chosen[run])
        return lambda rng, matrix: neuron_block_sample(
            rng, W, v, study.mixture.means, weights, study.labels, precision, i, matrix,
            config.draws,
        )  # fmt: skip

    found = _solve(config, study, runs, sampler, job)
    return found.assign(spectrum_neuron=("run", chosen))


def _solve(
    config: Effective,
    study: Study,
    runs: xr.Dataset,
    sampler: Callable[[int, float], Sample],
    job: Job,
) -> xr.Dataset:
    n, T, most = runs.sizes["run"], len(config.times), 2 * len(study.mixture.means)
    edge, count = np.full((2, n, T), np.nan), np.full((2, n, T), -1)
    found = np.full((2, n, T, most), np.nan)
    density, points = (np.full((2, T, GRID), np.nan) for _ in range(2))
    ratio, precision = study.test_samples / study.d, study.mixture.precision
    with Progress("effective spectra", 2 * n * T, job.log) as progress:
        for run in range(n):
            for t, time in enumerate(config.times):
                progress.update(2)
                if runs["diverged_at"].values[run] >= 0:
                    continue
                draw = sampler(run, time)
                for m, matrix in enumerate(MATRICES):
                    h, V = draw(study.generator("effective", matrix, run, f"{time:g}"), matrix)
                    edge[m, run, t], _ = bulk_edge(h, precision, ratio)
                    beyond = outliers(h, V, precision, ratio)[:most]
                    count[m, run, t] = len(beyond)
                    found[m, run, t, : len(beyond)] = beyond
                    if run == 0:
                        points[m, t] = np.linspace(0, 1.05 * edge[m, run, t], GRID + 1)[1:]
                        density[m, t] = bulk_density(h, precision, ratio, points[m, t])
    each = ("matrix", "run", "time")
    coords: dict[str, Any] = {"matrix": list(MATRICES), "run": runs["run"], "time": config.times}
    return xr.Dataset(
        {
            "edge": (each, edge),
            "outliers": ((*each, "rank"), found),
            "n_outliers": (each, count, {"long_name": "-1: run overflowed"}),
            "density": (("matrix", "time", "grid"), density),
            "density_at": (("matrix", "time", "grid"), points),
        },
        coords=coords,
        attrs={"draws": config.draws, "ratio": ratio},
    )
