"""Predicted bulk edges, densities and outliers along the runs, from the effective theory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024.effective import bulk_density, bulk_edge, outliers
from spectral_atlas.papers.benarous2024.effective_samples import (
    class_block_given,
    class_block_sample,
    neuron_block_given,
    neuron_block_sample,
)
from spectral_atlas.papers.benarous2024.study import MATRICES, Matrix, Study
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import Effective
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
GRID = 240  # points of a density
LOWEST = 1e-4  # the first of them, as a share of the edge; the last is a little beyond it
Weighted = tuple[Array, Array]  # h and V
Drawn = Callable[[np.random.Generator, Matrix], Weighted]
Given = Callable[[Array, Array, Matrix], Weighted]
Block = Callable[[int, float, Array], tuple[Drawn, Given]]


def class_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Bulk edge and outliers of the block (1, 1) of every run, at the ratio M / d of the test set.

    Two predictions: for samples drawn anew, with the shares that the components have in the run's
    test set (one class of ten has a share of 0.1 +- 0.003 there, and the eigenvalues that belong to
    it follow); and, as ``given_*``, for the test samples' own projections.

    Returns
    -------
    Dataset with dimensions ``matrix, run, time, rank, grid, ratio``: ``edge``; ``outliers``
    (.., rank), descending, NaN where there are fewer; ``n_outliers``, -1 for runs that overflowed;
    of run 0, ``density`` (matrix, time, grid) at the points ``density_at``; ``given_edge``, and so
    on; and for the first M test samples, given, at ``ratio_time`` (an attribute), ``ratio_edge``
    (matrix, run, ratio), and so on.
    """
    study, runs = Study.trained(inputs, job)
    mixture = study.mixture

    def block(run: int, time: float, shares: Array) -> tuple[Drawn, Given]:
        x = runs["x"].sel(time=time).values[run]
        return (
            lambda rng, matrix: class_block_sample(
                rng, x, mixture.means, shares, mixture.precision, 0, matrix, config.draws
            ),
            lambda Y, y, matrix: class_block_given(Y, y, x, mixture.means, 0, matrix),
        )

    return _solve(config, study, runs, block, job)


def neuron_prediction(config: Effective, inputs: Inputs, job: Job) -> xr.Dataset:
    """Likewise for the block of one neuron of each run: the one with the largest |v_i| at the end.

    Its number is the variable ``spectrum_neuron``, (run,).
    """
    study, runs = Study.trained(inputs, job)
    mixture = study.mixture
    chosen = np.abs(np.nan_to_num(runs["v"].values[:, -1])).argmax(-1)

    def block(run: int, time: float, shares: Array) -> tuple[Drawn, Given]:
        W, v = (runs[name].sel(time=time).values[run] for name in ("W", "v"))
        i, means = int(chosen[run]), mixture.means
        return (
            lambda rng, matrix: neuron_block_sample(
                rng, W, v, means, shares, study.labels, mixture.precision, i, matrix, config.draws
            ),
            lambda X, y, matrix: neuron_block_given(X, y, W, v, means, i, matrix),
        )

    found = _solve(config, study, runs, block, job)
    return found.assign(spectrum_neuron=("run", chosen))


def _solve(config: Effective, study: Study, runs: xr.Dataset, block: Block, job: Job) -> xr.Dataset:
    n, T, R = runs.sizes["run"], len(config.times), len(config.sample_ratios)
    # No more outliers than directions in the span of parameters and means.
    most = len(study.mixture.means) + runs.sizes["class" if "class" in runs.sizes else "neuron"]
    precision = study.mixture.precision
    drawn, given = _Found((2, n, T), most), _Found((2, n, T), most)
    by_ratio = _Found((2, n, R), most)
    density, points = (np.full((2, T, GRID), np.nan) for _ in range(2))
    ratio = study.test_samples / study.d
    with Progress("effective spectra", 2 * n * (T + R), job.log) as progress:
        for run in range(n):
            progress.update(2 * (T + R))
            if runs["diverged_at"].values[run] >= 0:
                continue
            Y, labels = study.test_set(run)
            shares = study.test_shares(run)
            for (t, time), (m, matrix) in product(enumerate(config.times), enumerate(MATRICES)):
                draw, of_given = block(run, time, shares)
                h, V = draw(study.generator("effective", matrix, run, f"{time:g}"), matrix)
                edge = drawn.fill((m, run, t), (h, V), precision, ratio)
                given.fill((m, run, t), of_given(Y, labels, matrix), precision, ratio)
                if run == 0:
                    points[m, t] = 1.05 * edge * np.geomspace(LOWEST, 1, GRID)
                    density[m, t] = bulk_density(h, precision, ratio, points[m, t])
            for (r, fewer), (m, matrix) in product(
                enumerate(config.sample_ratios), enumerate(MATRICES)
            ):
                rows = slice(round(fewer * study.d))
                _, of_given = block(run, config.ratio_time or 0.0, shares)
                by_ratio.fill(
                    (m, run, r), of_given(Y[rows], labels[rows], matrix), precision, fewer
                )
    grid = ("matrix", "time", "grid")
    coords: dict[str, Any] = {
        "matrix": list(MATRICES),
        "run": runs["run"],
        "time": config.times,
        "ratio": np.array(config.sample_ratios, dtype=float),
    }
    attrs = {"draws": config.draws, "ratio": ratio}
    if config.ratio_time is not None:
        attrs["ratio_time"] = config.ratio_time
    return xr.Dataset(
        drawn.variables("time")
        | given.variables("time", "given_")
        | by_ratio.variables("ratio", "ratio_")
        | {"density": (grid, density), "density_at": (grid, points)},
        coords=coords,
        attrs=attrs,
    )


class _Found:
    """Edges and outliers, NaN and -1 until filled."""

    def __init__(self, shape: tuple[int, ...], most: int) -> None:
        self.edge, self.count = np.full(shape, np.nan), np.full(shape, -1)
        self.outliers = np.full((*shape, most), np.nan)

    def fill(self, at: tuple[int, ...], block: Weighted, precision: float, ratio: float) -> float:
        """Solve one block; returns its edge."""
        h, V = block
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
