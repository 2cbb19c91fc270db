"""Determinants of the Jacobian of gradient descent, and multipliers of its orbits."""

import jaxtyping
import numpy as np
import pytest

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import linear_map_hessian, log_determinant, orbit_multipliers

ONE = np.ones((1, 1))


def two_parameter(w):
    """Hessians of L = (1 - w_1 w_2)^2 at w (..., 2)."""
    w1, w2 = w[..., 0], w[..., 1]
    cross = 4 * w1 * w2 - 2
    return np.stack([np.stack([2 * w2**2, cross], -1), np.stack([cross, 2 * w1**2], -1)], -2)


def descend(w, eta):
    return w - eta * -2 * (1 - w[0] * w[1]) * w[::-1]


def test_determinant_at_minimizers_and_elsewhere():
    w1 = np.concatenate([np.linspace(-3, -0.3, 40), np.linspace(0.3, 3, 40)])
    w = np.stack([w1, 1 / w1], axis=-1)
    for eta in (0.1, 0.25, 0.75):
        sign, log = log_determinant(two_parameter(w), eta)
        np.testing.assert_allclose(sign * np.exp(log), 1 - 2 * eta * (w**2).sum(-1), atol=1e-13)
    w = np.random.default_rng(0).uniform(-3, 3, (5, 4, 2))
    eta = np.array([0.1, 0.3, 0.5, 0.7])
    sign, log = log_determinant(two_parameter(w), eta)
    by_hand = (1 - 2 * eta * w[..., 0] ** 2) * (1 - 2 * eta * w[..., 1] ** 2)
    by_hand -= eta**2 * (4 * w[..., 0] * w[..., 1] - 2) ** 2
    assert sign.shape == log.shape == (5, 4)
    np.testing.assert_allclose(sign * np.exp(log), by_hand, atol=1e-12)


def test_determinant_is_the_product_of_eigenvalues_and_does_not_overflow():
    rng = np.random.default_rng(1)
    H = rng.standard_normal((3, 6, 6))
    H = H + H.swapaxes(-1, -2)
    sign, log = log_determinant(H, 0.3)
    exact = np.prod(1 - 0.3 * np.linalg.eigvalsh(H), axis=-1)
    np.testing.assert_allclose(sign * np.exp(log), exact, rtol=1e-12)
    sign, log = log_determinant(1e6 * np.eye(101), 1.0)
    assert (sign, log) == (-1.0, pytest.approx(101 * np.log(1e6 - 1)))


def test_the_origin():
    deep = DeepLinear.plain(2, depth=3, width=3, outputs=2)
    H = linear_map_hessian(deep, np.zeros((1, deep.n_params)), np.eye(2), np.ones((2, 2))).dense()
    sign, log = log_determinant(H, 0.7)  # no Hessian there, for every eta
    assert (sign[0], log[0]) == (1.0, 0.0)
    flat = DeepLinear.plain(2, depth=2, width=3, outputs=2)
    data = np.diag([2.0, 1.0])  # eigenvalues +-4 and +-2, three times each
    H = linear_map_hessian(flat, np.zeros((1, flat.n_params)), data, np.ones((2, 2))).dense()
    sign, log = log_determinant(H, 0.25)
    assert (sign[0], log[0]) == (0.0, -np.inf)
    sign, log = log_determinant(H, 0.3)
    assert sign[0] * np.exp(log[0]) == pytest.approx(((1 - 1.44) * (1 - 0.36)) ** 3, rel=1e-12)


@pytest.mark.parametrize("a", [1.002, 1.05, 1.2, 1.23, 1.3])
def test_orbits_of_period_two(a):
    """x -> x + a x (1 - x^2) on the diagonal, a = 2 eta; what is beside it has 3 - 2 a."""
    root, gap = np.sqrt(1 + 3 / a), np.sqrt(1 - 1 / a)
    orbit = np.array([[(root + gap) / 2] * 2, [(root - gap) / 2] * 2])
    eta = a / 2
    np.testing.assert_allclose(descend(orbit[0], eta), orbit[1], rtol=1e-14)
    np.testing.assert_allclose(descend(orbit[1], eta), orbit[0], rtol=1e-14)
    found = orbit_multipliers(two_parameter(orbit), eta)
    expected = sorted([9 - 2 * (1 + a) ** 2, 3 - 2 * a], key=abs, reverse=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (np.abs(found) < 1).all() == (a < np.sqrt(5) - 1)
    np.testing.assert_allclose(
        orbit_multipliers(two_parameter(orbit[::-1]), eta), expected, atol=1e-12
    )


def test_product_is_that_of_the_map_composed():
    """Against finite differences of three steps, where the Jacobians do not commute."""
    eta, w = 0.31, np.array([0.7, 1.6])
    path = [w]
    for _ in range(2):
        path.append(descend(path[-1], eta))

    def thrice(x):
        for _ in range(3):
            x = descend(x, eta)
        return x

    h = 1e-5
    columns = [(thrice(w + h * e) - thrice(w - h * e)) / (2 * h) for e in np.eye(2)]
    exact = np.linalg.eigvals(np.stack(columns, axis=1))
    found = orbit_multipliers(two_parameter(np.stack(path)), eta)
    np.testing.assert_allclose(found, exact[np.argsort(-np.abs(exact))], rtol=1e-6, atol=1e-7)
    many = orbit_multipliers(two_parameter(np.stack([path, path[::-1]])), np.array([eta, 0.2]))
    np.testing.assert_allclose(many[0], found, rtol=1e-12)


def test_complex_pairs_and_members_that_are_not_finite():
    H = np.stack([np.diag([0.0, 4.0]), np.array([[1.0, 3.0], [3.0, 1.0]])])
    expected = np.linalg.eigvals((np.eye(2) - 0.5 * H[1]) @ (np.eye(2) - 0.5 * H[0]))
    found = orbit_multipliers(np.stack([H, np.full_like(H, np.nan)]), 0.5)
    assert (found[0].imag != 0).all()
    np.testing.assert_allclose(np.sort(found[0].imag), np.sort(expected.imag), rtol=1e-12)
    assert np.isnan(found[1]).all()
    _, log = log_determinant(np.stack([H[0], np.full((2, 2), np.nan)]), 0.5)
    assert np.isnan(log).tolist() == [False, True]


def test_errors(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=r"eta = 0\.0: must be > 0"):
        log_determinant(np.eye(2), 0.0)
    with pytest.raises(ValueError, match=r"hessians: expected \(\.\.\., k, P, P\) with k >= 1"):
        orbit_multipliers(np.eye(2), 0.1)
    with pytest.raises(ValueError, match="with k >= 1"):
        orbit_multipliers(np.zeros((0, 2, 2)), 0.1)
