"""This package in the comparison: whole ensembles at once, from parameters, data and loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.nn.functional import cross_entropy

from .cases import Problem
from .timing import Answer

NAME = "spectral-atlas"
LOOSE = f"{NAME}, tolerance 1e-6"


def linear(problem: Problem, tolerance: float = 1e-10) -> Answer:
    """Sharpness of deep linear networks, by their closed-form products."""
    from spectral_atlas.spectra import extreme_eigenvalues, hessian_operator

    X, y = problem.X.numpy(), problem.y[:, 0].numpy()
    Sigma, b = X.T @ X / len(X), X.T @ y / len(X)
    operator = hessian_operator(problem.arch, problem.theta, Sigma, b)
    rng = np.random.default_rng(0)
    found = extreme_eigenvalues(operator, rng, which="LA", tolerance=tolerance)
    return Answer(found.largest[:, None], float(found.steps.mean()))


def hessians(problem: Problem):
    """The operator of a sequence of torch modules with the softmax cross-entropy."""
    from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

    data, dtype = (problem.X, problem.y), problem.X.dtype
    return EmpiricalRisk(problem.modules, cross_entropy, data, dtype=dtype).hessian()


def modules(problem: Problem, tolerance: float = 1e-10) -> Answer:
    """Sharpness of torch modules."""
    from spectral_atlas.spectra import extreme_eigenvalues

    rng = np.random.default_rng(0)
    found = extreme_eigenvalues(hessians(problem), rng, which="LA", tolerance=tolerance)
    return Answer(found.largest[:, None], float(found.steps.mean()))


def top(problem: Problem, k: int) -> Answer:
    """The k largest eigenpairs."""
    from spectral_atlas.spectra import top_eigenpairs

    rng = np.random.default_rng(0)
    found = top_eigenpairs(hessians(problem), k, rng, which="LA")
    return Answer(found.values, float(found.products.mean()))


def softmax_block(X: np.ndarray, weights: np.ndarray) -> Callable[[int], np.ndarray]:
    """c -> the Hessian of the mean cross-entropy with respect to the weights of class c."""
    from spectral_atlas.spectra.softmax_regression import hessian_block

    return lambda c: hessian_block(X, weights, c, c)
