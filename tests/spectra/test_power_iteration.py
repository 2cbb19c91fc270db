"""The published estimator, replayed against a plain loop with its bias."""

import numpy as np
import pytest

from spectral_atlas.spectra import (
    MatrixOperator,
    power_iteration_norm,
    power_iteration_rayleigh,
)

RNG = np.random.default_rng(0)


def symmetric(members, size):
    H = RNG.standard_normal((members, size, size))
    return H + H.swapaxes(1, 2)


@pytest.mark.parametrize("iterations", [1, 2, 20])
def test_norm_is_that_of_the_previous_iterate(iterations):
    H, v0 = symmetric(3, 6), RNG.standard_normal((3, 6))
    got = power_iteration_norm(MatrixOperator(H), v0, iterations)
    for m in range(3):
        value, v = 1.0, v0[m]
        for _ in range(iterations):
            kept = value
            v = H[m] @ (v / np.linalg.norm(v))
            value = np.linalg.norm(v)
        assert got[m] == pytest.approx(kept, rel=1e-13)
    if iterations == 1:
        assert (got == 1.0).all()


def test_both_follow_the_largest_magnitude_not_the_sharpness():
    H = np.diag([-3.0, 1.0, 0.5])[None]
    v0 = np.ones((1, 3))
    assert power_iteration_norm(MatrixOperator(H), v0)[0] == pytest.approx(3.0)
    assert power_iteration_rayleigh(MatrixOperator(H), v0)[0] == pytest.approx(-3.0)


def test_rayleigh_after_one_product_is_the_quotient():
    H, v0 = symmetric(2, 5), RNG.standard_normal((2, 5))
    quotient = np.einsum("bi,bij,bj->b", v0, H, v0) / (v0**2).sum(1)
    np.testing.assert_allclose(power_iteration_rayleigh(MatrixOperator(H), v0, 1), quotient)


def test_zero_hessian_and_bad_counts():
    operator = MatrixOperator(np.zeros((1, 3, 3)))
    assert power_iteration_norm(operator, np.ones((1, 3)))[0] == 0.0
    for estimate in (power_iteration_norm, power_iteration_rayleigh):
        with pytest.raises(ValueError, match="iterations"):
            estimate(operator, np.ones((1, 3)), 0)
