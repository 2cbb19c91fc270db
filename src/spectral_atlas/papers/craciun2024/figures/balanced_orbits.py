"""Orbits of period two of balanced networks: all layers in the leading mode, of equal weight x.

With sigma_1 = 1 and white data, eta_C = 1 / H, and descent is x -> x + (2 a / H) (1 - x^H) x^(H-1).
For two layers `theory` has closed forms.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

Array = np.ndarray
GRID = 4001  # places at which a sign change is looked for
BISECTIONS = 60
REACH = 0.6  # how far above 1 the larger point is looked for


def balanced_step(x: ArrayLike, a: ArrayLike, depth: int) -> Array:
    """One step of gradient descent."""
    x = np.asarray(x, dtype=float)
    return x + 2 * np.asarray(a, dtype=float) / depth * (1 - x**depth) * x ** (depth - 1)


def balanced_orbit(a: ArrayLike, depth: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """The larger and the smaller point of the orbit nearest to 1; NaN for a <= 1."""
    a = np.atleast_1d(np.asarray(a, dtype=float))

    def gap(x: Array, a: Array) -> Array:
        return balanced_step(balanced_step(x, a, depth), a, depth) - x

    # Squared, as the orbit opens like the square root of a - 1.
    places = 1 + REACH * np.linspace(1 / GRID, 1, GRID) ** 2
    with np.errstate(over="ignore", invalid="ignore"):  # far from the orbit of many layers
        falls = gap(places, a[:, None]) <= 0  # it rises at first, as 1 is unstable
    first = falls.argmax(1)
    known = (a > 1) & falls.any(1) & (first > 0)
    low, high = places[np.maximum(first - 1, 0)], places[first]
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        down = gap(middle, a) <= 0
        low, high = np.where(down, low, middle), np.where(down, middle, high)
    upper = np.where(known, (low + high) / 2, np.nan)
    return upper, balanced_step(upper, a, depth)


def balanced_gradient(a: ArrayLike, depth: int) -> Float[Array, " n"]:
    """|gradient| on the orbit, the same at both points: sqrt(H) |x - y| / eta; 0 for a <= 1.

    In units of sigma_1^(1/H) / (H eta_C), which for white data is sigma_1^(2 - 1/H).
    """
    a = np.atleast_1d(np.asarray(a, dtype=float))
    upper, lower = balanced_orbit(a, depth)
    return np.where(a > 1, depth**1.5 * (upper - lower) / a, 0.0)


def balanced_multipliers(a: ArrayLike, depth: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Of the orbit: along x (longitudinal), and across it where the x_h differ (transverse)."""
    a = np.atleast_1d(np.asarray(a, dtype=float))
    along, across = np.ones_like(a), np.ones_like(a)
    for x in balanced_orbit(a, depth):
        force = 2 * a / depth * (1 - x**depth)
        across *= 1 - force * x ** (depth - 2)
        bend = (depth - 1) * (1 - x**depth) * x ** (depth - 2) - depth * x ** (2 * depth - 2)
        along *= 1 + 2 * a / depth * bend
    return along, across


@cache
def doubling(depth: int) -> float:
    """The a at which the longitudinal multiplier is -1; sqrt(5) - 1 for two layers."""
    low, high = 1.0 + 1e-6, 1.0 + 1e-6
    while balanced_multipliers(high, depth)[0][0] > -1:
        low, high = high, high + 0.01
    for _ in range(50):
        middle = (low + high) / 2
        inside = balanced_multipliers(middle, depth)[0][0] > -1
        low, high = (middle, high) if inside else (low, middle)
    return (low + high) / 2
