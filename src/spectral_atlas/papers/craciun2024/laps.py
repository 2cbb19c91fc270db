"""Laps of the iterates of f(x) = x + a x (1 - x^2) on x > 0: the intervals of one itinerary.

f climbs from 0 on [0, c] and falls to 0 on [c, e]. A lap of f^k, on which it is monotone, is the
set of points whose first k images are left (0) and right (1) of c in one order. Its ends come from
the inverse branches of f, in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.craciun2024.theory import diagonal_map

Array = np.ndarray


class Laps(NamedTuple):
    """Laps of f^k for several a; where f(x) > e the orbit leaves x > 0, and x is in no lap."""

    value: Int[Array, " n"]  # which a
    low: Float[Array, " n"]
    high: Float[Array, " n"]
    at_low: Float[Array, " n"]  # f^k there
    at_high: Float[Array, " n"]
    word: Int[Array, " n"]  # the itinerary, its first symbol in the lowest bit

    def some(self, mask: Bool[Array, " n"]) -> Laps:
        """Those of the mask."""
        return Laps(*(x[mask] for x in self))


def joined(parts: list[Laps]) -> Laps:
    """One after another."""
    return Laps(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def critical_point(a: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """c = sqrt((1 + a) / (3 a)), where f' = 0."""
    return np.sqrt((1 + a) / (3 * a))


def inverses(
    a: Float[Array, "*n"], y: Float[Array, "*n"]
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """The x in [0, c] and in [c, e] with f(x) = y: x = 2 c cos(t), cos(3 t) = -y / f(c)."""
    c = critical_point(a)
    angle = np.arccos(np.maximum(-y / (2 * a * c**3), -1)) / 3
    left = np.where(y == 0, 0.0, 2 * c * np.cos(2 * np.pi / 3 - angle))
    return np.minimum(left, c), np.maximum(2 * c * np.cos(angle), c)


def laps_of_iterates(a: Float[Array, " V"], which: Int[Array, " n"], last: int) -> Iterator[Laps]:
    """All laps of f, f^2, ..., f^last at a[which]."""
    c, e = critical_point(a), np.sqrt(1 + 1 / a)
    peak = diagonal_map(c, a)
    top = np.minimum(peak, e)
    # Laps end at c, or where points between leave. f is flat at c, and its inverse there not exact.
    left, right = (np.where(peak > e, x, c) for x in inverses(a, top))
    zero, word = np.zeros(len(which)), np.zeros(len(which), dtype=np.int64)
    rise = Laps(which, zero, left[which], zero, top[which], word)
    laps = joined([rise, Laps(which, right[which], e[which], top[which], zero, word + 1)])
    yield laps
    image = top
    for _ in range(last - 1):
        image = np.where(peak < e, diagonal_map(image, a), 0.0)  # f^k(top)
        laps = _pulled_back(a, laps.some(laps.low < top[laps.value]), top, image, (left, right))
        yield laps


def _pulled_back(a: Array, laps: Laps, top: Array, image: Array, cut: tuple[Array, Array]) -> Laps:
    """Laps of f^(k+1): both preimages of those of f^k, as far as f reaches."""
    v, low, high, at_low, at_high, word = laps
    beyond = high >= top[v]
    at_high = np.where(beyond, image[v], at_high)
    left_low, right_low = inverses(a[v], low)
    left_high, right_high = (
        np.where(beyond, end[v], x)
        for end, x in zip(cut, inverses(a[v], np.minimum(high, top[v])), strict=True)
    )
    rising = Laps(v, left_low, left_high, at_low, at_high, 2 * word)
    return joined([rising, Laps(v, right_high, right_low, at_high, at_low, 2 * word + 1)])


@cache
def rotations(k: int) -> tuple[Bool[Array, " words"], Int[Array, " words"]]:
    """For each itinerary of k symbols, whether it is the least of its rotations, and its copies.

    The second is how many times its shortest part is repeated.
    """
    word = np.arange(2**k)
    turned = [word]
    for _ in range(k - 1):
        turned.append(turned[-1] >> 1 | (turned[-1] & 1) << (k - 1))
    return word == np.min(turned, axis=0), np.sum([word == t for t in turned], axis=0)


def cascade_words(k: int) -> list[int]:
    """Itineraries, least of their rotations, of the orbit born by doublings of x = 1.

    Twice its parent's before the orbit passes c, with the last symbol flipped after it.
    """
    after, before, length = 1, -1, 1
    while length < k:
        before = after | after << length
        length *= 2
        after = before ^ 1 << (length - 1)
    if length != k:
        return []
    turned = [[w >> i | (w << (k - i)) % 2**k for i in range(k)] for w in (after, before) if w >= 0]
    return [min(words) for words in turned]
