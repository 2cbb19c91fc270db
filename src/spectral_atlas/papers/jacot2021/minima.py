"""Runs: minima of C(A) + lambda |theta|^2 by rank, and which of them are stable."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.jacot2021.problems import ENTRIES, PAPER, data_of, problem
from spectral_atlas.rng import generator
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.ridge_minima import Minimum, is_stable, minimize_by_rank

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.ridge_sections import Minima
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
DIMS = ("target", "depth", "rank", "ridge")


def minima(config: Minima, inputs: Inputs, job: Job) -> xr.Dataset:
    """Search every rank, and perturb what is found in wider networks.

    Returns
    -------
    Dataset with dimensions ``target, depth, rank, ridge, row, column``. ``rank`` is that of the
    networks searched, ``rank_found`` that of ``map``, the best A; where it is lower, there is no
    minimum of this rank. ``value``, the regularized loss; ``cost``, C(A); ``test_cost``, mean
    square distance to A* without noise, over entries that are not observed, over all entries where
    all are; ``gradient_norm``; ``converged``; ``stable``: perturbations in a network with
    ``extra_width`` more neurons come back. For each target ``test_at_zero``.
    """
    data = data_of(inputs, config.data)
    shape = tuple(len(v) for v in (config.targets, config.depths, config.ranks, config.ridges))
    size = (data.sizes["row"], data.sizes["column"])
    maps = np.full((*shape, *size), np.nan)
    numbers = {n: np.full(shape, np.nan) for n in ("value", "cost", "test_cost", "gradient_norm")}
    flags = {name: np.zeros(shape, dtype=bool) for name in ("converged", "stable")}
    rank_found = np.zeros(shape, dtype=np.int64)
    at_zero = []
    with Progress("minima", int(np.prod(shape)), job.log) as progress:
        for t, target in enumerate(config.targets):
            task = problem(data, target, noise=config.noise)
            at_zero.append(float(_test_cost(task, np.zeros(size))))
            for d, L in enumerate(config.depths):
                rng = generator(job.seed, PAPER, "minima", config.data, target, L)
                found = minimize_by_rank(
                    task.observed,
                    task.weights,
                    L,
                    config.ridges,
                    config.ranks,
                    starts=config.starts,
                    rng=rng,
                )
                for r, j in product(range(len(config.ranks)), range(len(config.ridges))):
                    at, one = (t, d, r, j), found[r][j]
                    maps[at], rank_found[at] = one.A, one.rank
                    numbers["value"][at], numbers["cost"][at] = one.value, one.cost
                    numbers["test_cost"][at] = _test_cost(task, one.A)
                    numbers["gradient_norm"][at] = one.gradient_norm
                    flags["converged"][at] = one.converged
                    flags["stable"][at] = _stable(one, task, config, config.ridges[j], rng)
                    progress.update(1)
    return xr.Dataset(
        {
            "map": ((*DIMS, *ENTRIES), maps),
            "rank_found": (DIMS, rank_found),
            **{name: (DIMS, value) for name, value in {**numbers, **flags}.items()},
            "test_at_zero": ("target", at_zero),
        },
        coords={
            "target": config.targets,
            "depth": config.depths,
            "rank": config.ranks,
            "ridge": config.ridges,
        },
        attrs={
            "data": config.data,
            "noise": config.noise,
            "true_rank": int(data.attrs["rank"]),
            "observed": int(data.attrs["observed"]),
        },
    )


def _test_cost(task: MatrixCompletion, A: Array) -> float:
    if task.mask.all():
        return float(np.mean((A - task.target) ** 2))
    return float(task.test_cost(A))


def _stable(
    one: Minimum, task: MatrixCompletion, config: Minima, ridge: float, rng: np.random.Generator
) -> bool:
    width = one.arch.shapes[0][0] + config.extra_width
    return is_stable(one, task.observed, task.weights, ridge, width, rng)
