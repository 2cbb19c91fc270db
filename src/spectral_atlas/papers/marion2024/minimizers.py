"""Random minimizers: networks whose product is exactly w*, chosen by no training.

Every factorization of w* with invertible hidden layers has the form W_k = A_k V_k A_{k-1}^{-1} for
invertible A_1, ..., A_{L-1}, with V_k the identity below the last layer and V_L = w*^T. Here the
A_k have log-normal singular values: ``spread`` is their standard deviation on the log scale.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import architecture, table
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Minimizers
    from spectral_atlas.stage import Inputs, Job


def random_minimizers(
    rng: np.random.Generator, w_star: np.ndarray, depth: int, spread: float, samples: int
) -> list[np.ndarray]:
    """Layers W_1, ..., W_L, each (samples, rows, columns), whose product is w*^T.

    Spread 0 gives orthogonal hidden layers that share |w*| evenly, |w*|^{1/L} for each layer.
    """
    d = len(w_star)
    share = np.linalg.norm(w_star) ** (1 / depth)
    gauges = [np.broadcast_to(np.eye(d), (samples, d, d))]
    for k in range(1, depth):
        left, right = np.linalg.qr(rng.standard_normal((2, samples, d, d)))[0]
        values = share**k * np.exp(spread * rng.standard_normal((samples, 1, d)))
        gauges.append(left * values @ right.transpose(0, 2, 1))
    layers = [_right_divide(after, before) for before, after in pairwise(gauges)]
    last = np.broadcast_to(w_star, (samples, 1, d))
    return [*layers, _right_divide(last, gauges[-1])]


def _right_divide(B: np.ndarray, A: np.ndarray) -> np.ndarray:
    """B A^{-1} for stacks of matrices."""
    return np.linalg.solve(A.transpose(0, 2, 1), B.transpose(0, 2, 1)).transpose(0, 2, 1)


def minimizers(config: Minimizers, inputs: Inputs, job: Job) -> xr.Dataset:
    """Random minimizers of every depth and spread, in the layout of trained runs."""
    (data,) = inputs.values()
    members = table(
        problem=range(data.sizes["problem"]),
        depth=config.depths,
        spread=config.spreads,
        seed=range(config.samples),
    )
    problems = [Problem.load(data, i) for i in range(data.sizes["problem"])]
    widest = architecture("gaussian", max(config.depths), problems[0].d).n_params
    theta = np.full((1, len(members), widest), np.nan)
    for (i, depth, spread), rows in members.groupby(["problem", "depth", "spread"]).indices.items():
        rng = generator(job.seed, "marion2024", "minimizer", int(i), int(depth), f"{spread:g}")
        layers = random_minimizers(rng, problems[i].w_star, int(depth), spread, config.samples)
        flat = architecture("gaussian", int(depth), problems[i].d).flatten(layers)
        theta[0, rows, : flat.shape[1]] = flat
    coords = {name: ("run", members[name].to_numpy()) for name in members.columns}
    coords["initialization"] = ("run", np.full(len(members), "gaussian"))
    coords["d"] = ("run", np.full(len(members), problems[0].d))
    return xr.Dataset(
        {"theta": (("checkpoint", "run", "param"), theta)},
        coords={**coords, "checkpoint": ["final"]},
    )
