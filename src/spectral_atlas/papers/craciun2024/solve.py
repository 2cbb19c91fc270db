"""Solutions of f^k(x) = x on laps of f^k, f(x) = x + a x (1 - x^2): many at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from spectral_atlas.papers.craciun2024.laps import Laps

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)
GOLDEN = (5**0.5 - 1) / 2
NARROWINGS = 80  # of a lap, by the golden ratio: to rounding


def image_and_slope(
    a: Float[Array, "*n"], x: Float[Array, "*n"], k: int
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """f^k(x) and its derivative."""
    slope = np.ones_like(x)
    for _ in range(k):
        square = a * x * x
        slope = slope * (1 + a - 3 * square)
        x = x * (1 + a - square)
    return x, slope


def crossing(
    a: Float[Array, " n"],
    low: Float[Array, " n"],
    high: Float[Array, " n"],
    k: int,
    rises: Bool[Array, " n"],
) -> Float[Array, " n"]:
    """Where f^k(x) - x changes sign, from - to + if it rises: by Newton's steps or halvings."""
    x, low, high = (low + high) / 2, low.copy(), high.copy()
    last = high - low
    left = np.arange(len(x))
    for _ in range(200):
        y, slope = image_and_slope(a[left], x[left], k)
        miss, slope = y - x[left], slope - 1
        below = (miss < 0) == rises[left]
        low[left] = np.where(below, x[left], low[left])
        high[left] = np.where(below, high[left], x[left])
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = x[left] - miss / slope
        # Newton's step is taken inside the bracket, where it is at most half of the last one.
        good = (newton > low[left]) & (newton < high[left])
        good &= 2 * np.abs(miss) <= np.abs(last[left] * slope)
        to = np.where(good, newton, (low[left] + high[left]) / 2)
        to = np.where(miss == 0, x[left], to)
        last[left], x[left] = to - x[left], to
        left = left[np.abs(last[left]) > 2 * EPS * to]
        if not len(left):
            break
    return x


def climbing_roots(a: Float[Array, " n"], laps: Laps, k: int) -> Float[Array, "n 3"]:
    """All solutions on laps where f^k climbs, ascending, then NaN.

    (f^k)' has one maximum, at m say. Where it is over 1 there, f^k(x) - x falls up to p < m, climbs
    up to q > m and falls again, (f^k)' being 1 at p and q. Else it falls throughout.
    """
    m = _steepest(a, laps.low, laps.high, k)
    steep = image_and_slope(a, m, k)[1] > 1
    inner = [np.where(steep, _unit_slope(a, x, m, k), laps.low) for x in (laps.low, laps.high)]
    ends = np.stack([laps.low, *inner, laps.high])
    above = [laps.at_low >= laps.low, *(image_and_slope(a, x, k)[0] >= x for x in inner)]
    above[1:] = [np.where(steep, x, above[0]) for x in above[1:]]
    above.append(laps.at_high >= laps.high)
    roots = np.full((len(a), 3), np.nan)
    for i in range(3):
        has = above[i] != above[i + 1]
        rises = above[i + 1][has]
        roots[has, i] = crossing(a[has], ends[i, has], ends[i + 1, has], k, rises)
    return np.sort(roots, axis=1)


def _steepest(a: Array, low: Array, high: Array, k: int) -> Float[Array, " n"]:
    """Where (f^k)' is largest on a lap, by golden sections."""
    low, high = low.copy(), high.copy()
    for _ in range(NARROWINGS):
        span = GOLDEN * (high - low)
        left, right = high - span, low + span
        up: Bool[Array, " n"] = image_and_slope(a, left, k)[1] < image_and_slope(a, right, k)[1]
        low, high = np.where(up, left, low), np.where(up, high, right)
    return (low + high) / 2


def _unit_slope(a: Array, flat: Array, steep: Array, k: int) -> Float[Array, " n"]:
    """Between an end and the steepest point, where (f^k)' is 1; the end if it is more there."""
    flat, steep = flat.copy(), steep.copy()
    more = image_and_slope(a, flat, k)[1] >= 1
    steep = np.where(more, flat, steep)
    for _ in range(NARROWINGS):
        middle = (flat + steep) / 2
        over = image_and_slope(a, middle, k)[1] > 1
        flat, steep = np.where(over, flat, middle), np.where(over, middle, steep)
    return (flat + steep) / 2
