"""Runs: the diagonal w_1 = w_2, orbits of x -> x + a x (1 - x^2) that stay in x > 0."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.craciun2024.laps import critical_point
from spectral_atlas.papers.craciun2024.periodic import (
    orbit_multipliers,
    orbit_points,
    periodic_orbits,
)
from spectral_atlas.papers.craciun2024.relu_chain import mean_square, trajectories
from spectral_atlas.papers.craciun2024.theory import diagonal_map

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Bifurcation
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
STARTS = ("generic", "critical")
GENERIC = 0.3
DOUBLINGS = (1, 2, 4, 8, 16)
MOST = 32  # orbits of one period at one a of which all points are kept
REPEATS, WITHIN = 64, 1e-9  # longest period looked for in attractors, and how exactly they repeat


def bifurcation(config: Bifurcation, inputs: Inputs, job: Job) -> xr.Dataset:
    """Attractors, periodic orbits and thresholds of the diagonal map; trajectories off it.

    Returns
    -------
    Dataset.

    Attractors, dimensions ``start, value, kept``, from x = 0.3 ("generic") and from the critical
    point c ("critical"), which any attracting orbit attracts: ``attractor``, ``kept`` points after
    the transient, NaN once x <= 0, where the ReLU chain is dead; ``left_at`` (start, value), the
    update that led there, -1 for none; ``attractor_period`` (start, value), the least p <= 64 with
    x_{n+p} = x_n to 1e-9, 0 for none. Coordinates ``a`` and ``learning_rate`` (a / c, eta of the
    ReLU chain with half the mean squared error, c the mean of x^2) along ``value``.

    Periodic orbits in x > 0: ``orbits`` (period, value), how many of each prime period. Their
    points, one entry of the dimension ``point`` each, an orbit's after one another in its order:
    ``point_value`` (index of a), ``point_a``, ``point_period``, ``point_orbit`` (a number for each
    orbit), ``point_x``, ``point_along`` and ``point_across`` (multipliers of the orbit, along the
    diagonal and across it), ``point_stable`` (both moduli below 1; the minimum x = 1 is neutral
    across, and stable where that along is), ``point_cascade`` (descends from x = 1 by doublings).
    Where a period has over 32 orbits, only those are kept that are stable or of the cascade.

    Thresholds: ``doubling`` (doubled), the a at which the cascade's orbit of that period has the
    multiplier -1; ``dead_zone`` (no dimension), the a from which the critical point leaves x > 0.

    Trajectories of the ReLU chain, see `relu_chain.trajectories`.
    """
    a = np.linspace(config.lowest, config.highest, config.values)
    scale = mean_square(config.inputs)
    along_a = {
        "a": ("value", a, {"long_name": "eta / eta_C"}),
        "learning_rate": ("value", a / scale, {"long_name": "eta of the ReLU chain"}),
    }
    thresholds = {
        "doubling": (
            "doubled",
            np.array([_doubling(k) for k in DOUBLINGS]),
            {"long_name": "a at which the orbit of this period doubles"},
        ),
        "dead_zone": ((), _dead_zone(), {"long_name": "a from which orbits leave x > 0"}),
    }
    parts = [
        _attractors(a, config),
        _periodic(a, config),
        xr.Dataset(thresholds, coords={"doubled": list(DOUBLINGS)}),
        trajectories(config),
    ]
    attrs = {
        "transient": config.transient,
        "steps": config.steps,
        "most_orbits": MOST,
        "repeats_within": WITHIN,
        "mean_square": scale,
    }
    return xr.merge(parts).assign_coords(along_a).assign_attrs(attrs)


def _attractors(a: Float[Array, " V"], config: Bifurcation) -> xr.Dataset:
    first = np.stack([np.full_like(a, GENERIC), critical_point(a)])
    x, left_at = first, np.full(first.shape, -1)
    kept = np.empty((*first.shape, config.kept))
    for step in range(1, config.transient + config.kept + 1):
        x = diagonal_map(x, a)
        leaves = x <= 0
        left_at[leaves] = step
        x = np.where(leaves, np.nan, x)
        if step > config.transient:
            kept[..., step - config.transient - 1] = x
    dims = ("start", "value")
    about = {
        "first": (dims, first, {"long_name": "x at the start"}),
        "attractor": ((*dims, "kept"), kept, {"long_name": "x after the transient"}),
        "left_at": (dims, left_at, {"long_name": "update that led to x <= 0, -1: none"}),
        "attractor_period": (dims, _repeats(kept), {"long_name": "period, 0: none found"}),
    }
    return xr.Dataset(about, coords={"start": list(STARTS)})


def _repeats(kept: Float[Array, "*n kept"]) -> Int[Array, "*n"]:
    found = np.zeros(kept.shape[:-1], dtype=np.int64)
    for p in range(min(REPEATS, kept.shape[-1] // 2), 0, -1):
        gap = np.abs(kept[..., p:] - kept[..., :-p]).max(-1)  # NaN where an orbit has left
        found[gap < WITHIN] = p
    return found


def _periodic(a: Float[Array, " V"], config: Bifurcation) -> xr.Dataset:
    periods = sorted(set(config.periods))
    orbits = periodic_orbits(a, periods)
    counts = np.zeros((len(periods), len(a)), dtype=np.int64)
    columns: list[tuple[Array, ...]] = []
    for row, k in enumerate(periods):
        mine = orbits.period == k
        value, x, cascade = orbits.value[mine], orbits.x[mine], orbits.cascade[mine]
        counts[row] = np.bincount(value, minlength=len(a))
        points = orbit_points(a[value], x, k)
        along, across = orbit_multipliers(a[value], points)
        stable = (np.abs(along) < 1) & ((np.abs(across) < 1) | (k == 1))
        keep = cascade | stable | (counts[row][value] <= MOST)
        each = (value, np.flatnonzero(mine), along, across, stable, cascade)
        spread = [np.repeat(column[keep], k) for column in each]
        columns.append((*spread, points[keep].ravel(), np.full(k * int(keep.sum()), k)))
    value, orbit, along, across, stable, cascade, x, period = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    about = {
        "value": (value, "index of a"),
        "a": (a[value], "eta / eta_C"),
        "period": (period, "prime period"),
        "orbit": (orbit, "number of the orbit"),
        "x": (x, "x"),
        "along": (along, "multiplier of the orbit along the diagonal"),
        "across": (across, "multiplier of the orbit across the diagonal"),
        "stable": (stable, "whether the orbit is stable"),
        "cascade": (cascade, "whether it descends from x = 1 by doublings"),
    }
    points_of = {f"point_{n}": ("point", v, {"long_name": name}) for n, (v, name) in about.items()}
    number = {"orbits": (("period", "value"), counts, {"long_name": "orbits in x > 0"})}
    return xr.Dataset(points_of | number, coords={"period": periods})


@cache
def _doubling(period: int) -> float:
    """Where the cascade's orbit has the multiplier -1; before it exists it counts as 1."""

    def doubled(a: Float[Array, " V"]) -> Bool[Array, " V"]:
        orbits = periodic_orbits(a, [period])
        value, x = orbits.value[orbits.cascade], orbits.x[orbits.cascade]
        found = np.zeros(len(a), dtype=bool)
        found[value] = orbit_multipliers(a[value], orbit_points(a[value], x, period))[0] < -1
        return found

    return _first(doubled, 0.5, 1.5)


@cache
def _dead_zone() -> float:
    """Where the highest image of (0, e) is mapped to x <= 0."""

    def leaves(a: Float[Array, " V"]) -> Bool[Array, " V"]:
        highest = diagonal_map(critical_point(a), a)
        return np.asarray(diagonal_map(highest, a) <= 0)

    return _first(leaves, 1.0, 2.0)


def _first(holds: Callable[[Array], Array], low: float, high: float) -> float:
    """The a between a low one, where it does not hold, and a high one, where it goes on to.

    By bisection, four halvings at once.
    """
    while high - low > 4 * np.spacing(high):
        grid = np.linspace(low, high, 17)
        first = int(np.flatnonzero([*holds(grid[1:-1]), True])[0])
        low, high = float(grid[first]), float(grid[first + 1])
    return high
