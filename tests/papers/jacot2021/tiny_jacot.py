"""For several tests: small matrices to complete, descent written out, changed configurations."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
import yaml

from spectral_atlas.papers.jacot2021 import problems
from spectral_atlas.papers.jacot2021.sections import Matrices
from spectral_atlas.stage import Job

Array = np.ndarray
Layers = list[Array]
Files = dict[str, xr.Dataset]

JOB = Job(seed=5)
MATRICES = Matrices(rows=5, columns=4, rank=2, observed=16, target_seeds=[0, 1, 3])


def data_files(
    config: Matrices = MATRICES, seed: int = JOB.seed, name: str = "completion"
) -> Files:
    """What the data stage makes, as inputs of other stages."""
    return {f"data/{name}": problems.matrices(config, {}, Job(seed))}


def layers_of(theta: Array, depth: int, width: int, rows: int, columns: int) -> Layers:
    """W_1 ... W_L from flat parameters, row by row."""
    sizes = [columns, *[width] * (depth - 1), rows]
    found, at = [], 0
    for n_in, n_out in pairwise(sizes):
        found.append(theta[at : at + n_in * n_out].reshape(n_out, n_in).copy())
        at += n_in * n_out
    assert at == len(theta)
    return found


def flat(layers: Layers) -> Array:
    return np.concatenate([W.ravel() for W in layers])


def product(layers: Layers, size: int) -> Array:
    """W_k ... W_1, the identity of that size for no layers."""
    out = np.eye(size)
    for W in layers:
        out = W @ out
    return out


def gradients(layers: Layers, G: Array, ridge: float = 0.0) -> Layers:
    """Of C + ridge |theta|^2 for every layer, where G is dC/dA."""
    n_in = layers[0].shape[1]
    return [
        product(layers[k + 1 :], len(W)).T @ G @ product(layers[:k], n_in).T + 2 * ridge * W
        for k, W in enumerate(layers)
    ]


def replay(
    layers: Layers, observed: Array, weights: Array, eta: float, steps: int, ridge: float = 0.0
) -> list[Layers]:
    """Gradient descent written out: the layers after 0, 1, ..., all steps."""
    path = [layers]
    for _ in range(steps):
        G = 2 * weights * (product(path[-1], observed.shape[1]) - observed)
        slopes = gradients(path[-1], G, ridge)
        path.append([W - eta * g for W, g in zip(path[-1], slopes, strict=True)])
    return path


def directly(
    data: xr.Dataset, target: int, count: int, noise: float = 0.0, scale: float = 1.0
) -> tuple[Array, Array, Array]:
    """A*, what is observed of it and the weights in C, from a file of the data stage."""
    one = data.sel(target=target)
    mask = one["order"].values < count
    A = scale * one["matrix"].values
    return A, np.where(mask, A + noise * one["noise"].values, 0.0), mask / count


BASE = """
data:
  completion: {rows: 10, columns: 10, rank: 3, observed: 80, target_seeds: [0, 1, 2, 3]}
  full:
    {rows: 10, columns: 10, rank: 3, spectrum: [10, 6, 3], observed: 100, target_seeds: [0, 1, 2]}
runs:
  saddle_to_saddle:
    {depths: [4], widths: [100], gammas: [1.5, 2, 2.5], targets: [0, 1], max_steps: 100}
  initializations: {depths: [4], widths: [100], gammas: [2], targets: [0], max_steps: 100}
  shares:
    {depths: [4], widths: [100], gammas: [2], targets: [0], observed: [60, 80], max_steps: 100}
  regimes: {depths: [2, 4], widths: [100], gammas: [0.5, 2], targets: [0], max_steps: 100}
  lazy: {depths: [2, 3, 4], widths: [100], gammas: [ntk], targets: [0], max_steps: 100}
  escape: {depths: [2, 3, 4], widths: [50], gammas: [2], targets: [0], max_steps: 100}
  distances: {depths: [2, 3], widths: [50], gammas: [1, 2], targets: [0], max_steps: 100}
  ridge_gd:
    {depths: [2, 3], widths: [50], gammas: [1], targets: [0], ridge: 0.001, max_steps: 100}
  first_path: {depths: [2, 3, 4], targets: [0, 1]}
  greedy: {depths: [2, 3, 4], targets: [0, 1], epsilons: [0.1, 0.05]}
  plane: {target: 0, gammas: [2, 2.5], epsilon: 0.1}
  minima_noisy:
    {depths: [3], ridges: [0.001, 0.003], ranks: [0, 1, 3], targets: [0, 1, 2, 3], noise: 0.3}
  minima_clean: {depths: [3], ridges: [0.001, 0.003], ranks: [0, 1, 3], targets: [0, 1, 2, 3]}
  minima_full: {data: full, depths: [3], ridges: [0.01], ranks: [0, 3], targets: [0]}
  landscape: {depths: [2, 3], ridges: [0.001], ranks: [0, 3, 9], targets: [0]}
  identity: {depths: [2, 5], ridge: 0.001, targets: [0], steps: 100}
  thresholds: {depths: [2, 5], ridges: [0.005, 0.01]}
  basin: {depths: [3], ridges: [0.001], factors: [0.9, 1.1], targets: [0], max_steps: 100}
spectra:
  saddles: {width: 12, epsilon: 0.1}
  landscape: {width: 12}
  kernels: {depths: [2, 3], widths: [100], gammas: [ntk]}
"""


@cache
def _base() -> dict[str, Any]:
    return yaml.safe_load(BASE)


def changed(**values: Any) -> dict[str, Any]:
    """`BASE` with other values; ``runs__greedy__steps`` is ``runs.greedy.steps``."""
    raw = deepcopy(_base())
    for path, value in values.items():
        *folders, key = path.split("__")
        inner = raw
        for name in folders:
            inner = inner[name]
        inner[key] = value
    return raw
