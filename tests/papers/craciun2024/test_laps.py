"""Laps of the iterates of x -> x + a x (1 - x^2), and the words that name them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.laps import (
    cascade_words,
    inverses,
    laps_of_iterates,
    rotations,
)
from spectral_atlas.papers.craciun2024.solve import image_and_slope


@pytest.mark.parametrize("a", [1.3, 1.5, 1.7])
def test_laps_cover_what_stays_and_are_monotone(a: float) -> None:
    at, which = np.array([a]), np.array([0])
    for k, laps in enumerate(laps_of_iterates(at, which, 7), 1):
        assert len(np.unique(laps.word)) == len(laps.word)
        inner = laps.low + (laps.high - laps.low) * np.linspace(1e-6, 1 - 1e-6, 50)[:, None]
        y, slope = image_and_slope(np.full(inner.shape, a), inner, k)
        assert (np.sign(slope) == np.sign(laps.at_high - laps.at_low)).all()
        assert ((laps.at_high < laps.at_low) == np.bitwise_count(laps.word) % 2).all()
        np.testing.assert_allclose(y[0], laps.at_low, atol=1e-3)
        np.testing.assert_allclose(y[-1], laps.at_high, atol=1e-3)
        order = np.argsort(laps.low)
        gaps = laps.low[order][1:] - laps.high[order][:-1]
        assert gaps.max() < 1e-12 if a < theory.DEAD_ZONE else gaps.min() > 1e-5


def test_inverse_branches() -> None:
    a = np.array([0.7, 1.2, 1.6])
    c = np.sqrt((1 + a) / (3 * a))
    for share in (0.0, 1e-9, 0.3, 0.999, 1.0):
        y = share * theory.diagonal_map(c, a)
        left, right = inverses(a, y)
        assert ((left <= c) & (c <= right)).all()
        for x in (left, right):
            np.testing.assert_allclose(theory.diagonal_map(x, a), y, atol=3e-15)


def test_words() -> None:
    def turned(word: tuple[int, ...]) -> set[tuple[int, ...]]:
        return {word[i:] + word[:i] for i in range(len(word))}

    for k in (1, 2, 4, 6):
        least, copies = rotations(k)
        for word in product((0, 1), repeat=k):
            number = sum(bit << i for i, bit in enumerate(word))
            numbers = [sum(bit << i for i, bit in enumerate(w)) for w in turned(word)]
            assert least[number] == (number == min(numbers))
            assert copies[number] == k // len(numbers)
    # R; RL and RR; RLRR and RLRL; RLRRRLRL and RLRRRLRR
    text = {1: ["1"], 2: ["10", "11"], 4: ["1011", "1010"], 8: ["10111010", "10111011"]}
    for k, words in text.items():
        expected = [
            min(sum(int(bit) << i for i, bit in enumerate(w[j:] + w[:j])) for j in range(k))
            for w in words
        ]
        assert cascade_words(k) == expected
    assert cascade_words(6) == []
