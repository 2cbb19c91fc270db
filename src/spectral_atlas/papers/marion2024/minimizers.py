"""Random minimizers: networks whose product is exactly w*, chosen by no training.

Every factorization of w* with invertible hidden layers has the form W_k = A_k V_k A_{k-1}^{-1} for
invertible A_1, ..., A_{L-1}, with V_k the identity below the last layer and V_L = w*^T. Here the
A_k have log-normal singular values: ``spread`` is their standard deviation on the log scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import architecture, table
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Minimizers
    from spectral_atlas.stage import Inputs, Job


def random_minimizer(
    rng: np.random.Generator, w_star: np.ndarray, depth: int, spread: float
) -> list[np.ndarray]:
    """Layers W_1, ..., W_L with product w*^T; spread 0 gives orthogonal hidden layers.

    The orthogonal case shares |w*| evenly, |w*|^{1/L} for each layer.
    """
    d = len(w_star)
    share = np.linalg.norm(w_star) ** (1 / depth)
    gauges = [np.eye(d)]
    for k in range(1, depth):
        left, right = (np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2))
        values = share**k * np.exp(spread * rng.standard_normal(d))
        gauges.append(left @ np.diag(values) @ right.T)
    inner = [
        np.linalg.solve(before.T, after.T).T
        for before, after in zip(gauges, gauges[1:], strict=False)
    ]
    return [*inner, np.linalg.solve(gauges[-1].T, w_star)[None, :]]


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
    for row, (i, depth, spread, seed) in enumerate(members.itertuples(index=False)):
        rng = generator(job.seed, "marion2024", "minimizer", i, depth, f"{spread:g}", seed)
        layers = random_minimizer(rng, problems[i].w_star, depth, spread)
        flat = architecture("gaussian", depth, problems[i].d).flatten(layers)
        theta[0, row, : flat.size] = flat
    coords = {name: ("run", members[name].to_numpy()) for name in members.columns}
    coords["initialization"] = ("run", np.full(len(members), "gaussian"))
    coords["d"] = ("run", np.full(len(members), problems[0].d))
    return xr.Dataset(
        {"theta": (("checkpoint", "run", "param"), theta)},
        coords={**coords, "checkpoint": ["final"]},
    )
