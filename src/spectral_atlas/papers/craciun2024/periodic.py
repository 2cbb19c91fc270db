"""All periodic orbits of f(x) = x + a x (1 - x^2) that stay in x > 0.

f has a negative Schwarzian derivative, so (f^k)' has no positive local minimum inside a lap of f^k:
f^k(x) = x has one solution at most on a lap where f^k falls, and three at most where it climbs,
between points where (f^k)' = 1, which bisection finds. No coefficient of f^k is formed, and no
solution is missed unless two are within rounding of each other, or one is of the end of its lap.

In an itinerary u u ... u, u of d < k symbols, every solution has a smaller period, but for the
outer two of three in u u where f^d falls: one orbit of period 2 d, before it passes through c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.craciun2024.laps import (
    Laps,
    cascade_words,
    joined,
    laps_of_iterates,
    rotations,
)
from spectral_atlas.papers.craciun2024.solve import climbing_roots, crossing
from spectral_atlas.papers.craciun2024.theory import diagonal_map, diagonal_multipliers

Array = np.ndarray
LONGEST = 16
BLOCK = 8  # values of a at once: up to 2^16 laps each


class Orbits(NamedTuple):
    """One entry for each orbit, ordered by a, period and x."""

    value: Int[Array, " n"]  # which a
    period: Int[Array, " n"]  # prime
    x: Float[Array, " n"]  # one of its points
    cascade: Bool[Array, " n"]  # whether it descends from the fixed point x = 1 by doublings


def periodic_orbits(a: Float[Array, " V"], periods: Sequence[int]) -> Orbits:
    """All orbits of these prime periods for every a; ValueError where a period is over 16.

    For a <= 1 the only one is x = 1, to which everything in (0, e) converges.
    """
    if max(periods) > LONGEST or min(periods) < 1:
        raise ValueError(f"periods = {list(periods)}: must be within 1 and {LONGEST}")
    fixed = np.arange(len(a) if 1 in periods else 0)
    found = [Orbits(fixed, 1 + 0 * fixed, 1.0 + 0 * fixed, fixed >= 0)]
    candidates: dict[int, list[Laps]] = {k: [] for k in sorted(set(periods) - {1})}
    beyond = np.flatnonzero(a > 1)
    for first in range(0, len(beyond), BLOCK):
        which = beyond[first : first + BLOCK]
        for k, laps in enumerate(laps_of_iterates(a, which, max(periods)), 1):
            if k in candidates:
                candidates[k].append(_candidates(laps, k))
    found += [_solutions(a, joined(laps), k) for k, laps in candidates.items() if laps]
    value, period, x, cascade = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((x, period, value))
    return Orbits(value[order], period[order], x[order], cascade[order])


def orbit_points(
    a: Float[Array, " n"], x: Float[Array, " n"], period: int
) -> Float[Array, "n period"]:
    """x and its images."""
    points = [x]
    while len(points) < period:
        points.append(diagonal_map(points[-1], a))
    return np.stack(points, axis=-1)


def orbit_multipliers(
    a: Float[Array, " n"], points: Float[Array, "n period"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Eigenvalues of the composed Jacobian, along the diagonal and across it.

    Every factor has the eigenvectors (1, 1) and (1, -1).
    """
    along, across = diagonal_multipliers(points, a[:, None])
    return along.prod(-1), across.prod(-1)


def _candidates(laps: Laps, k: int) -> Laps:
    """Laps that may hold a point of prime period k, one itinerary for each orbit."""
    least_rotation, copies = rotations(k)
    laps = laps.some(least_rotation[laps.word])
    _, low, high, at_low, at_high, word = laps
    falls = at_low > at_high
    through = (at_low >= low) & (at_high < high)  # f^k(x) - x changes from + to -
    overlaps = (at_high >= low) & (at_low < high)
    odd = np.bitwise_count(word) % 4 == 2  # in u u: f^d falls
    once = (copies[word] == 1) & np.where(falls, through, overlaps)
    return laps.some(once | ((copies[word] == 2) & odd & through))


def _solutions(a: Array, laps: Laps, k: int) -> Orbits:
    v, low, high, at_low, at_high, word = laps
    falls = at_low > at_high
    # Where it climbs from below to above it crosses once, f^k(x) - x falling at both ends.
    once = falls | ((at_low < low) & (at_high >= high))
    roots = np.full((len(v), 3), np.nan)
    roots[once, 0] = crossing(a[v[once]], low[once], high[once], k, rises=~falls[once])
    more = laps.some(~once)
    roots[~once] = climbing_roots(a[more.value], more, k)
    twice = rotations(k)[1][word] == 2
    lowest = np.where(np.isfinite(roots[twice, 2]), roots[twice, 0], np.nan)
    roots[twice] = np.stack([lowest, *np.full((2, len(lowest)), np.nan)], axis=1)
    lap, which = np.nonzero(np.isfinite(roots))
    cascade = np.isin(word, cascade_words(k))
    return Orbits(v[lap], np.full(len(lap), k), roots[lap, which], cascade[lap])
