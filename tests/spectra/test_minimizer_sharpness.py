"""Closed form at minimizers, and the rank-one diagnostics, on constructed networks."""

import numpy as np
import pytest
from spectra_oracles import architectures, problem, statistics

from spectral_atlas.networks.deep_linear import DeepLinear, predictor
from spectral_atlas.spectra import (
    balancedness_gap,
    dense_hessian,
    layer_alignment,
    rank_one_mass,
    sharpness_at_minimizer,
)


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("samples", [12, 2])  # 2 samples: Sigma is singular
def test_equals_the_dense_sharpness_at_minimizers(name, samples):
    arch = architectures()[name]
    X, _, theta, p = problem(3, arch, 1, samples=samples)
    noise = np.random.default_rng(0).standard_normal(samples)
    noise -= X @ np.linalg.pinv(X) @ noise  # orthogonal to the data: the risk at the end is > 0
    Sigma, b = statistics(X, X @ predictor(arch, theta, p)[0] + noise)
    exact = np.linalg.eigvalsh(dense_hessian(arch, theta, Sigma, b, p))[:, -1]
    np.testing.assert_allclose(sharpness_at_minimizer(arch, theta, Sigma, p), exact, rtol=1e-12)


def balanced(u, depth):
    """All layers e_1 e_1^T with the predictor u, |u| = 1."""
    d = len(u)
    e = np.eye(d)[0]
    layers = [np.outer(e, u), *[np.outer(e, e)] * (depth - 2), e[None]]
    return DeepLinear.plain(d, depth).flatten([w[None] for w in layers])


def test_balanced_rank_one_value():
    d, depth = 4, 6
    rng = np.random.default_rng(1)
    X = rng.standard_normal((9, d))
    Sigma, u = X.T @ X / 9, np.array([0.6, 0.0, -0.8, 0.0])
    theta, arch = balanced(u, depth), DeepLinear.plain(d, depth)
    # nonsymmetric form of Sigma + (L - 1) Sigma^{1/2} u u^T Sigma^{1/2}
    expected = 2 * np.linalg.eigvals(Sigma @ (np.eye(d) + (depth - 1) * np.outer(u, u))).real.max()
    assert sharpness_at_minimizer(arch, theta, Sigma)[0] == pytest.approx(expected, rel=1e-12)
    assert rank_one_mass(arch, theta)[0] == 0.0
    assert layer_alignment(arch, theta)[0] == pytest.approx(1.0)
    np.testing.assert_allclose(balancedness_gap(arch, theta), 0.0, atol=1e-15)


def test_negative_sigma_is_refused_and_nan_stays():
    arch = DeepLinear.plain(2, 2)
    theta = np.ones((2, 6))
    with pytest.raises(ValueError, match="negative eigenvalue"):
        sharpness_at_minimizer(arch, theta, -np.eye(2))
    theta[1, 0] = np.nan
    assert np.isnan(sharpness_at_minimizer(arch, theta, np.eye(2))).tolist() == [False, True]


def test_rank_one_diagnostics_by_hand():
    arch = DeepLinear(((2, 2), (2, 2), (1, 2)))
    first = np.diag([3.0, 2.0])  # mass 4, u_1 = e_1
    c, s = np.cos(0.3), np.sin(0.3)
    second = 5.0 * np.outer([0, 1], [c, s])  # v_2 . u_1 = cos 0.3, u_2 = e_2
    third = np.array([[1.0, 2.0]])  # v_3 . u_2 = 2 / sqrt 5
    theta = arch.flatten([w[None] for w in (first, second, third)])
    assert rank_one_mass(arch, theta)[0] == pytest.approx(4.0)
    assert layer_alignment(arch, theta)[0] == pytest.approx(min(c**2, 0.8))
    gap = [np.linalg.norm(first @ first.T - second.T @ second)]
    gap.append(np.linalg.norm(second @ second.T - third.T @ third))
    np.testing.assert_allclose(balancedness_gap(arch, theta)[0], gap)


def test_one_layer_has_no_neighbours():
    arch = DeepLinear.plain(3, 1)
    theta = np.ones((2, 3))
    assert layer_alignment(arch, theta).tolist() == [1.0, 1.0]
    assert balancedness_gap(arch, theta).shape == (2, 0)
