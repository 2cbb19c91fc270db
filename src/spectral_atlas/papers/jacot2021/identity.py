"""Runs: |theta|^2 against L sum s_i^(2/L) along ridge descent, and at the minimum it tends to."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.linear_maps import imbalance, schatten_penalty
from spectral_atlas.papers.jacot2021.descent import path_dataset
from spectral_atlas.papers.jacot2021.members import Network
from spectral_atlas.papers.jacot2021.problems import data_of, problem
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.ridge_minima import minimize_ridge
from spectral_atlas.training.soft_impute import soft_impute

if TYPE_CHECKING:
    from spectral_atlas.papers.jacot2021.ridge_sections import Identity
    from spectral_atlas.stage import Inputs, Job

GAMMA = 1.0


def identity(config: Identity, inputs: Inputs, job: Job) -> xr.Dataset:
    """Descend from gamma = 1, then go on to the minimum by Newton's method.

    Returns
    -------
    Dataset with dimensions ``member, record, row, column`` like those of `descent.descend`; a
    member is a ``depth`` and a ``target``. ``penalty``, L sum s_i^(2/L) along the path. At the
    minimum ``norm_at_minimum``, |theta|^2, ``penalty_at_minimum``, ``imbalance``, the largest
    |W_{l+1}^T W_{l+1} - W_l W_l^T|, ``value``, ``gradient_at_minimum``; for L = 2 ``convex_value``,
    the minimum of C(A) + 2 lambda |A|_* by proximal gradient descent, else NaN.
    """
    data = data_of(inputs, "completion")
    parts = []
    for L, target in product(config.depths, config.targets):
        task = problem(data, target)
        network = Network(L, config.width, GAMMA, 0)
        arch = network.architecture(*task.target.shape)
        theta0 = network.start(job.seed, arch)[None]
        paths = train_linear_maps(
            arch,
            theta0,
            np.array([config.learning_rate]),
            np.array([config.steps]),
            task.observed,
            task.weights,
            ridge=config.ridge,
        )
        end = minimize_ridge(arch, paths.theta[0], task.observed, task.weights, config.ridge)
        convex = np.nan
        if L == 2:
            convex = soft_impute(task.observed, task.weights, config.ridge).value
        at_end = {
            "norm_at_minimum": float(end.theta @ end.theta),
            "penalty_at_minimum": float(schatten_penalty(end.A, L)),
            "imbalance": float(imbalance(end.layers)),
            "value": end.value,
            "gradient_at_minimum": end.gradient_norm,
            "convex_value": convex,
        }
        one = path_dataset(paths, arch, theta0).assign(
            {name: ("member", [value]) for name, value in at_end.items()}
        )
        one["penalty"] = (("member", "record"), schatten_penalty(one["map"].values, L))
        parts.append(one.assign_coords(depth=("member", [L]), target=("member", [target])))
    joined = xr.concat(parts, "member", join="outer", fill_value={"step": -1})
    return joined.assign_attrs(ridge=config.ridge, width=config.width)
