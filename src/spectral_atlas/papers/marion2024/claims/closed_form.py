"""Sharpness at minimizers and balancedness in plain numpy.

Written apart from the library that made the caches, so that each checks the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from spectral_atlas.papers.marion2024.claims.study import Study, cells
from spectral_atlas.papers.marion2024.problem import Problem


def layers_of(theta: np.ndarray, depth: int, d: int, residual: bool = False) -> list[np.ndarray]:
    """Layers W_1, ..., W_L of flat weights, each (members, rows, columns)."""
    shapes = [(d, d)] * depth if residual else [(d, d)] * (depth - 1) + [(1, d)]
    layers, used = [], 0
    for rows, columns in shapes:
        layers.append(theta[:, used : used + rows * columns].reshape(-1, rows, columns))
        used += rows * columns
    return layers


def product(layers: list[np.ndarray]) -> np.ndarray:
    """W_L ... W_1 for each member, (members, rows, d)."""
    out = layers[0]
    for layer in layers[1:]:
        out = layer @ out
    return out


def minimizer_sharpness(
    layers: list[np.ndarray], Sigma: np.ndarray, readout: np.ndarray | None = None
) -> np.ndarray:
    """2 lambda_max(Sigma^{1/2} K Sigma^{1/2}) at a minimizer, (members,).

    K = sum_k |p^T W_L ... W_{k+1}|^2 (W_{k-1} ... W_1)^T (W_{k-1} ... W_1): the Hessian there is
    J^T (2 Sigma) J, since the residual is orthogonal to the inputs. Without readout p = 1.
    """
    members, d = len(layers[0]), Sigma.shape[0]
    above = np.ones((members, 1, 1)) if readout is None else np.tile(readout, (members, 1, 1))
    weights = [np.sum(above**2, axis=(1, 2))]
    for layer in layers[:0:-1]:
        above = above @ layer
        weights.append(np.sum(above**2, axis=(1, 2)))
    values, vectors = np.linalg.eigh(Sigma)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    below = np.tile(root, (members, 1, 1))
    inner = np.zeros((members, d, d))
    for layer, weight in zip(layers, weights[::-1], strict=True):
        inner += weight[:, None, None] * (below.swapaxes(1, 2) @ below)
        below = layer @ below
    return 2 * np.linalg.eigvalsh(inner)[:, -1]


def balanced_rank_one(w: np.ndarray, depth: int) -> list[np.ndarray]:
    """One network with product w^T, aligned rank-one layers and |w|^{1/L} on each of them."""
    share = np.linalg.norm(w) ** (1 / depth)
    first, hidden = np.zeros((len(w), len(w))), np.zeros((len(w), len(w)))
    first[0] = share * w / np.linalg.norm(w)
    hidden[0, 0] = share
    return [first[None], *[hidden[None]] * (depth - 2), hidden[None, :1]]


def gaps(layers: list[np.ndarray]) -> list[np.ndarray]:
    """W_k W_k^T - W_{k+1}^T W_{k+1} for k = 1 .. L-1, which the gradient flow conserves."""
    return [
        below @ below.swapaxes(1, 2) - above.swapaxes(1, 2) @ above
        for below, above in pairwise(layers)
    ]


def drift(start: list[np.ndarray], end: list[np.ndarray]) -> np.ndarray:
    """Sum over the layers of the Frobenius norm of the change of the gaps, (members,)."""
    changes = zip(gaps(start), gaps(end), strict=True)
    return sum(
        (np.linalg.norm(b - a, axis=(1, 2)) for a, b in changes), start=np.zeros(len(start[0]))
    )


def rescaled_sharpness(
    problem: Problem, layers: list[np.ndarray], factors: np.ndarray
) -> np.ndarray:
    """Sharpness with W_1 multiplied and W_2 divided by each factor: same product, (factors,)."""
    return np.array(
        [
            minimizer_sharpness([layers[0] * t, layers[1] / t, *layers[2:]], problem.Sigma)[0]
            for t in factors
        ]
    )


def grouped_layers(
    study: Study, experiment: str, rows: pd.DataFrame
) -> Iterator[tuple[Problem, int, list[np.ndarray], pd.DataFrame]]:
    """Layers of Gaussian networks of equal depth and problem: (problem, depth, layers, rows)."""
    theta = study.theta(experiment)
    problems = study.of_experiment(experiment)
    for (i, depth), part in cells(rows, "problem", "depth"):
        problem = problems[int(i)]
        layers = layers_of(theta[part.index.to_numpy()], int(depth), problem.d)
        yield problem, int(depth), layers, part
