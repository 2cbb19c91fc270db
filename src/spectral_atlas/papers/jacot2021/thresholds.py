"""Runs: one observed singular value, and the basin of the origin, measured by minimization."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.jacot2021.problems import data_of, problem
from spectral_atlas.papers.jacot2021.theory import basin_radius, optimal_escape_speed
from spectral_atlas.training.greedy_low_rank import append_neuron, no_neurons, top_triple
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.ridge_minima import minimize_ridge

if TYPE_CHECKING:
    from spectral_atlas.papers.jacot2021.ridge_sections import Basin, Thresholds
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
VANISHED = 1e-6  # a minimum below this share of a is the origin
HALVINGS = 30
SETTLED = 1e-7  # gradient norm at which a descent ends


def thresholds(config: Thresholds, inputs: Inputs, job: Job) -> xr.Dataset:
    """Minimize c (s - a)^2 + lambda |theta|^2 over networks of width 1 from above, for each a.

    Returns
    -------
    Dataset with dimensions ``depth, ridge, a``: ``minimizer``, s where the minimization from s = a
    ends; ``value``, the loss there; ``value_at_zero``, c a^2. For each depth and ridge
    ``appears_at``, the smallest a at which it ends away from zero, and ``wins_at``, the smallest at
    which its value is below that of zero, both by bisection.
    """
    grid = np.linspace(0, config.largest, config.points + 1)[1:]
    shape = (len(config.depths), len(config.ridges))
    found = np.full((2, *shape, len(grid)), np.nan)
    edges = np.full((2, *shape), np.nan)
    for (i, L), (j, ridge) in product(enumerate(config.depths), enumerate(config.ridges)):
        minimum = cache(partial(_scalar_minimum, L, ridge, config.curvature))
        found[:, i, j] = np.transpose([minimum(a) for a in grid])
        for edge, holds in zip(edges, (_appears, _wins), strict=True):
            edge[i, j] = _first(partial(holds, minimum, config.curvature), grid)
    dims = ("depth", "ridge")
    return xr.Dataset(
        {
            "minimizer": ((*dims, "a"), found[0]),
            "value": ((*dims, "a"), found[1]),
            "value_at_zero": ("a", config.curvature * grid**2),
            "appears_at": (dims, edges[0]),
            "wins_at": (dims, edges[1]),
        },
        coords={"depth": config.depths, "ridge": config.ridges, "a": grid},
        attrs={"curvature": config.curvature},
    )


def _scalar_minimum(depth: int, ridge: float, c: float, a: float) -> tuple[float, float]:
    """S at the minimum downhill from s = a, and its value."""
    start = np.full(depth, a ** (1 / depth))
    arch = DeepLinear.plain(1, depth, 1)
    found = minimize_ridge(arch, start, np.array([[a]]), np.array([[c]]), ridge)
    return float(found.A[0, 0]), float(found.value)


def _appears(minimum: Callable[[float], tuple[float, float]], c: float, a: float) -> bool:
    return minimum(a)[0] > VANISHED * a


def _wins(minimum: Callable[[float], tuple[float, float]], c: float, a: float) -> bool:
    return minimum(a)[1] < c * a**2 * (1 - 1e-12)


def _first(holds: Callable[[float], bool], grid: Array) -> float:
    """The smallest a at which a statement holds that goes on to hold; NaN if it never does."""
    true = np.array([holds(a) for a in grid])
    if not true[-1]:
        return np.nan
    last = int(np.flatnonzero(~true)[-1]) if (~true).any() else -1
    low, high = (0.0 if last < 0 else float(grid[last])), float(grid[last + 1])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def basin(config: Basin, inputs: Inputs, job: Job) -> xr.Dataset:
    """Descend from r times the optimal escape direction, r below and above r_b.

    Returns
    -------
    Dataset with dimensions ``depth, ridge, factor, target``: ``boundary``, r_b = (2 lambda / s*)
    ^(1/(L-2)); ``end_norm``, |A| at the end; ``data_norm``, |A*| on observed entries;
    ``gradient_norm``, ``last_step``.
    """
    data = data_of(inputs, "completion")
    axes: tuple[list[Any], ...] = (config.depths, config.ridges, config.factors, config.targets)
    shape = tuple(len(axis) for axis in axes)
    names = ("boundary", "end_norm", "data_norm", "gradient_norm", "last_step")
    values = {name: np.full(shape, np.nan) for name in names}
    for at in np.ndindex(shape):
        L, ridge, factor, target = (axis[i] for axis, i in zip(axes, at, strict=True))
        task = problem(data, target)
        s, u, v = top_triple(task.gradient(np.zeros_like(task.target)))
        r = float(basin_radius(ridge, optimal_escape_speed(s, L), L))
        arch = DeepLinear.plain(len(v), L, 1, len(u))
        # All L layers have the same norm along the optimal direction.
        nothing = no_neurons(len(u), len(v), L)
        start = arch.flatten(append_neuron(nothing, factor * r / np.sqrt(L), u, v))
        paths = train_linear_maps(
            arch,
            start[None],
            np.array([config.learning_rate]),
            np.array([config.max_steps]),
            task.observed,
            task.weights,
            ridge=ridge,
            stop_gradient=SETTLED,
        )
        last = int(paths.n_records[0]) - 1
        values["boundary"][at] = r
        values["end_norm"][at] = np.linalg.norm(paths.maps[0, last])
        values["data_norm"][at] = np.linalg.norm(task.observed)
        values["gradient_norm"][at] = paths.gradient_norm[0, last]
        values["last_step"][at] = paths.last_step[0]
    dims = ("depth", "ridge", "factor", "target")
    return xr.Dataset(
        {name: (dims, value) for name, value in values.items()},
        coords=dict(zip(dims, axes, strict=True)),
    )
