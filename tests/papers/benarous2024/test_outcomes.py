"""Counts of what XOR networks have learned, on networks whose outcome is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from spectral_atlas.papers.benarous2024 import outcomes
from spectral_atlas.papers.benarous2024.theory import xor_constant

RIDGE = 0.05
C = xor_constant(RIDGE)
SIGNS = np.array([1, 1, -1, -1])


def f_at(*margins: float) -> np.ndarray:
    """f at mu, -mu, nu, -nu for given margins in units of C."""
    return C * SIGNS * np.array(margins)


def test_margin_has_the_sign_of_the_label():
    np.testing.assert_allclose(outcomes.margins(C * SIGNS, RIDGE), 1)
    np.testing.assert_allclose(outcomes.margins(C * np.ones(4), RIDGE), SIGNS)


def test_a_mean_is_learned_from_half_the_constant_on():
    f = np.stack([f_at(0.51, 0.49, 0.51, 0.49), f_at(1, 1, -1, -1), f_at(0, 0, 0, 0)])
    assert_array_equal(outcomes.learned(f, RIDGE), [[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert_array_equal(outcomes.learned_count(f, RIDGE), [2, 2, 0])


def test_the_constant_is_that_of_the_ridge():
    f = f_at(0.6, 0.6, 0.6, 0.6)
    assert outcomes.learned_count(f, RIDGE) == 4
    assert outcomes.learned_count(f, 0.01) == 0  # where C is 2.3 times as large


@pytest.mark.parametrize(
    ("margins", "expected"),
    [
        ((1, 1, 1, 1), True),
        ((0.71, 1.4, 0, 0.09), True),
        ((0.69, 1, 0, 0), False),
        ((1, 1, 1, 0.11), False),
        ((1, 1, 1, -0.09), True),
        ((1, 1, 1, -0.11), False),
        ((1, 1, 1, -1), False),
    ],
)
def test_settled_means_neither_on_the_way_nor_wrong(margins, expected):
    assert outcomes.settled(f_at(*margins), RIDGE) == expected


def test_runs_that_overflowed_are_not_counted():
    f = np.stack([f_at(1, 1, 1, 1), np.full(4, np.nan), f_at(1, 1, np.nan, 0)])
    assert_array_equal(outcomes.learned_count(f, RIDGE), [4, outcomes.MISSING, outcomes.MISSING])
    assert_array_equal(outcomes.settled(f, RIDGE), [True, False, False])
    values = np.array([[1.0, 0.2, 0, 0], [np.nan] * 4])
    assert_array_equal(outcomes.outlier_count(values), [2, outcomes.MISSING])


def test_live_neurons_exceed_half_the_root_mean_square_of_the_fixed_point():
    K = 8
    v = np.full(K, np.sqrt(4 * C / K)) * np.array([1, -1, 0.51, -0.51, 0.49, -0.49, 0, np.nan])
    assert_array_equal(outcomes.live(v, RIDGE), [1, 1, 1, 1, 0, 0, 0, 0])


def test_outliers_are_counted_relative_to_the_largest():
    values = np.array([[5.0, 0.51, 0.49, 0], [1e-3, 1e-3, 1e-3, 1e-3], [0.0, 0, 0, 0]])
    assert_array_equal(outcomes.outlier_count(values), [2, 4, 0])


def test_any_number_of_axes():
    f = np.broadcast_to(f_at(1, 0, 1, 0), (3, 2, 4))
    assert outcomes.learned_count(f, RIDGE).shape == (3, 2)
    assert (outcomes.learned_count(f, RIDGE) == 2).all()
