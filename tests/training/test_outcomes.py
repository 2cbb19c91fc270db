"""Every member gets exactly one outcome."""

import numpy as np
import pytest

from spectral_atlas.training.outcomes import Outcome, classify


def test_each_outcome_and_the_order_of_precedence():
    #                    good  slow  zero  lost  lost+zero  nan  zero but converged
    diverged = np.array([-1, -1, -1, 4, 0, -1, -1])
    excess = np.array([2e-9, 0.5, 2.0, 0.0, np.nan, np.nan, 1e-9])
    ratio = np.array([1.0, 0.9, 1e-5, 1.0, 0.0, 1.0, 0.0])
    codes = classify(diverged, excess, 2.0, ratio, tolerance=1e-9, collapse_tolerance=1e-3)
    assert codes.dtype == np.int8
    assert [Outcome(c).name for c in codes] == [
        *["CONVERGED", "UNCONVERGED", "COLLAPSED", "DIVERGED", "DIVERGED", "DIVERGED"],
        "CONVERGED",
    ]


def test_axes_broadcast():
    codes = classify(
        np.full((2, 3), -1),
        np.ones((2, 3)),
        np.array([[10.0], [1e9]]),
        np.ones(3),
        tolerance=1e-6,
        collapse_tolerance=1e-6,
    )
    assert codes.tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("name", ["tolerance", "collapse_tolerance"])
def test_tolerances_must_be_positive(name):
    options = {"tolerance": 1e-3, "collapse_tolerance": 1e-3, name: 0.0}
    with pytest.raises(ValueError, match=f"{name} = 0"):
        classify(np.array([-1]), np.array([0.0]), 1.0, np.array([1.0]), **options)
