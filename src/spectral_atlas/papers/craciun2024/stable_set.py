"""Spectra: how far stable minimizers reach, and where they reach without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.along import eigenvalues
from spectral_atlas.papers.craciun2024.problems import PAPER, linear, load
from spectral_atlas.rng import generator
from spectral_atlas.spectra.flattest import widest_stable
from spectral_atlas.spectra.least_sharpness import critical_step
from spectral_atlas.spectra.stable_minimizers import stable_norm_bound

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import StableSet
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def stable_set(config: StableSet, inputs: Inputs, job: Job) -> xr.Dataset:
    """Maximize |theta|^2 over stable minimizers; Hessians at two families of minimizers.

    Two layers have a bounded stable set. Three layers with a hidden width of 2 have not: 1-2-2-1
    with W_1 = (1, 0)^T, W_2 = diag(1, t), W_3 = (1, 0) is among the flattest minimizers for every
    t. And the least nonzero eigenvalue has no lower bound where there are several: 2-2-1 with
    W_1 = diag(1/e, 0), W_2 = (e, 0) fits (1, 0).

    Returns
    -------
    Dataset: over ``learning_rate``, ``largest_squared_norm`` of the stable minimizers of the net,
    NaN where there are none, and ``squared_norm_bound``, what it cannot exceed; over ``stretch``,
    ``stretched_sharpness``, ``stretched_loss`` and ``stretched_norm``; over ``e``,
    ``narrow_eigenvalues`` (e, value), all of them, ascending, and ``narrow_loss``.
    """
    problem = load(inputs["data/nets"].load(), config.net)
    target, S, arch = problem.target, problem.S, problem.arch
    etas = np.array(config.learning_rates)
    largest = np.full(len(etas), np.nan)
    for k, eta in enumerate(etas):
        if eta < critical_step(target, S, arch.depth):
            rng = generator(job.seed, PAPER, "stable set", k)
            largest[k] = widest_stable(arch, target, S, eta, rng, restarts=config.restarts)
    deep, one = linear([1, 2, 2, 1]), np.ones((1, 1))
    stretched = np.stack([_stretched(deep, t) for t in config.stretches])
    flat, first = linear([2, 2, 1]), np.array([[1.0, 0.0]])
    narrow = np.stack([_narrow(flat, e) for e in config.narrow])
    return xr.Dataset(
        {
            "largest_squared_norm": (
                "learning_rate",
                largest,
                {"long_name": "largest |theta|^2 of stable minimizers"},
            ),
            "squared_norm_bound": (
                "learning_rate",
                [stable_norm_bound(arch, S, eta) for eta in etas],
                {"long_name": "what it cannot exceed"},
            ),
            "stretched_sharpness": (
                "stretch",
                eigenvalues(deep, stretched, one, one)[:, -1],
                {"long_name": "largest Hessian eigenvalue"},
            ),
            "stretched_loss": ("stretch", _loss(deep, stretched, one), {"long_name": "loss"}),
            "stretched_norm": (
                "stretch",
                np.linalg.norm(stretched, axis=1),
                {"long_name": "|theta|"},
            ),
            "narrow_eigenvalues": (
                ("e", "value"),
                eigenvalues(flat, narrow, first, np.ones_like(first)),
                {"long_name": "Hessian eigenvalues"},
            ),
            "narrow_loss": ("e", _loss(flat, narrow, first), {"long_name": "loss"}),
        },
        coords={"learning_rate": etas, "stretch": config.stretches, "e": config.narrow},
        attrs={"net": config.net},
    )


def _stretched(arch: DeepLinear, t: float) -> Array:
    layers = [np.array([[1.0], [0.0]]), np.diag([1.0, t]), np.array([[1.0, 0.0]])]
    return arch.flatten(layers)


def _narrow(arch: DeepLinear, e: float) -> Array:
    return arch.flatten([np.diag([1 / e, 0.0]), np.array([[e, 0.0]])])


def _loss(arch: DeepLinear, theta: Array, target: Array) -> Array:
    A = arch.unflatten(theta)
    product = A[0]
    for W in A[1:]:
        product = W @ product
    return np.sum((product - target) ** 2, axis=(-2, -1))
