"""For several tests: small regressions, descent written out, changed configurations."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import xarray as xr
import yaml
from torch import Tensor

from spectral_atlas.papers.craciun2024 import problems
from spectral_atlas.papers.craciun2024.sections import Net, Nets
from spectral_atlas.stage import Job

Array = np.ndarray
Layers = list[Array]
Files = dict[str, xr.Dataset]

JOB = Job(seed=5)
OUTCOMES = ("minimum", "saddle", "bounded", "diverged")
TWO = Net(name="two", widths=[1, 1, 1], singular_values=[1], samples=4)
WHITE = Net(name="white", widths=[2, 3, 2], singular_values=[1.5, 1], samples=8)
DEEP = Net(name="deep", widths=[2, 3, 3, 2], singular_values=[1.5, 1], samples=8)
COLORED = Net(
    name="colored", widths=[2, 3, 2], target=[[1.2, 0.3], [-0.4, 0.8]], second_moment=[2, 0.5],
    samples=8, noise=0.3, rotated=True,
)  # fmt: skip
DEFICIENT = Net(
    name="deficient", widths=[3, 4, 2], singular_values=[1.5, 1], second_moment=[2, 0, 1],
    samples=2, rotated=True, allow_rank_deficient=True,
)  # fmt: skip


def data_file(*nets: Net, seed: int = JOB.seed) -> xr.Dataset:
    """What the data stage makes of these networks."""
    return problems.problems(Nets(nets=list(nets)), {}, Job(seed))


def layers_of(theta: Array, widths: list[int]) -> Layers:
    """W_1 ... W_H from flat parameters, row by row."""
    found, at = [], 0
    for below, above in pairwise(widths):
        found.append(theta[at : at + above * below].reshape(above, below).copy())
        at += above * below
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


def loss_and_gradient(theta: Array, widths: list[int], X: Array, Y: Array) -> tuple[float, Array]:
    """Of |Y - A X|_F^2."""
    layers = layers_of(theta, widths)
    E = product(layers, widths[0]) @ X - Y
    slopes = [
        2 * product(layers[h + 1 :], len(W)).T @ E @ (product(layers[:h], widths[0]) @ X).T
        for h, W in enumerate(layers)
    ]
    return float((E**2).sum()), flat(slopes)


def replay(
    theta: Array, widths: list[int], X: Array, Y: Array, eta: float, steps: int
) -> tuple[Array, Array, Array]:
    """Parameters, losses and |gradients| after 0, 1, ..., all steps."""
    thetas, losses, norms = [np.array(theta, dtype=float)], [], []
    for step in range(steps + 1):
        loss, slope = loss_and_gradient(thetas[-1], widths, X, Y)
        losses.append(loss)
        norms.append(np.linalg.norm(slope))
        if step < steps:
            thetas.append(thetas[-1] - eta * slope)
    return np.array(thetas), np.array(losses), np.array(norms)


def autograd_spectrum(theta: Array, widths: list[int], X: Array, Y: Array) -> Array:
    """Eigenvalues of the Hessian of |Y - A X|_F^2, ascending."""
    x, y = torch.from_numpy(np.array(X)), torch.from_numpy(np.array(Y))

    def loss(parameters: Tensor) -> Tensor:
        out, at = x, 0
        for below, above in pairwise(widths):
            out = parameters[at : at + above * below].reshape(above, below) @ out
            at += above * below
        return ((out - y) ** 2).sum()

    hessian = torch.autograd.functional.hessian(loss, torch.from_numpy(np.array(theta)))
    return np.linalg.eigvalsh(hessian.numpy())


BASE = """
data:
  nets:
    nets:
      - {name: two, widths: [1, 1, 1], singular_values: [1], samples: 8}
      - {name: flat, widths: [2, 3, 2], singular_values: [1.5, 1], samples: 8}
      - {name: deep, widths: [2, 3, 3, 2], singular_values: [1.5, 1], samples: 8}
      - {name: given, widths: [2, 3, 2], target: [[1.2, 0.3], [-0.4, 0.8]], second_moment: [2, 0.5], samples: 8}
  regressions:
    nets:
      - {name: deficient, widths: [3, 4, 2], singular_values: [1.5, 1], second_moment: [2, 1, 0], samples: 2, allow_rank_deficient: true}
  points: {x: [-1, 0.4, 1], y: [0.8, 0.3, -0.6]}
runs:
  edge:
    widths: [3, 3, 3]
    singular_values: [2, 1]
    starts: [{name: A, numpy_seed: 2, scales: [1, 1], share: 0.9, steps: 100}, {name: B, numpy_seed: 2, scales: [1, 1], share: 0.9, steps: 100}]
  edge_fresh: {widths: [3, 3, 3], singular_values: [2, 1], initialization_seeds: [0, 1], scales: [1, 1], share: 0.9, steps: 100}
  chain: {start: [1.6, 1, 0.5], learning_rates: [0.2], max_steps: 100}
  wide: {widths: [3, 9, 9, 3], singular_values: [2, 1], initialization_seeds: [0], scales: [1, 1, 1], share: 0.9, steps: 100}
  two_parameter: {learning_rates: [0.2, 0.6], starts: 10, steps: 1000}
  nets: {nets: [{net: two, std: 1}, {net: deep, std: 0.6}], shares: [0.5, 1.2], starts: 10, steps: 1000}
  basins: {learning_rates: [0.2], side: 5, steps: 1000}
  nonlinear: {activations: [tanh, elu], learning_rates: [0.1, 0.2], starts: 5, steps: 1000}
  critical: {random_widths: [[2, 3, 2]], random_problems: 2}
  bifurcation: {values: 10, transient: 10, kept: 16, periods: [1, 2], inputs: [0.9, 2.5], start: [1.5, 0.8], learning_rates: [0.25], steps: 100}
  minibatch: {inputs: [0.9, 2.5], learning_rates: [0.15, 0.3], probabilities: [0.5, 0.58], extent: 4, points: 10, starts: 5, every: 2, steps: 100}
spectra:
  edge: {values: 6}
  wide: {values: 3}
  hyperbola: {learning_rates: [0.1, 0.5], extent: 6, points: 10}
  stable_set: {net: flat, learning_rates: [0.1, 0.2], restarts: 2, stretches: [1, 10], narrow: [0.1]}
  jacobian: {learning_rates: [0.25], side: 5, points: 100, epsilons: [0.1, 0.01], nets: [{net: flat, learning_rate: 0.1}], draws: 10, singular_rates: [0.5]}
  orbits: {orbits: 3}
  nonlinear: {values: 3}
  manifold: {points: 2}
"""  # noqa: E501


@cache
def _base() -> dict[str, Any]:
    return yaml.safe_load(BASE)


def changed(values: dict[str, Any]) -> dict[str, Any]:
    """`BASE` with other values: ``data.nets.nets.0.samples`` is a path."""
    raw = deepcopy(_base())
    for path, value in values.items():
        *folders, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        inner: Any = raw
        for part in folders:
            inner = inner[part]
        inner[last] = value
    return raw
