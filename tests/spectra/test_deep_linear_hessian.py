"""Closed-form gradient and Hessian: analytic cases, then float64 autograd of the raw risk."""

import numpy as np
import pytest
from spectra_oracles import architectures, problem, statistics, torch_derivatives

from spectral_atlas.networks.deep_linear import DeepLinear, predictor
from spectral_atlas.spectra import dense_hessian, gradient, hessian_operator

RNG = np.random.default_rng(5)


def test_one_layer_is_twice_sigma():
    arch = DeepLinear.plain(4, 1)
    X, y, theta, _ = problem(0, arch, 3)
    Sigma, b = statistics(X, y)
    np.testing.assert_allclose(
        dense_hessian(arch, theta, Sigma, b), np.broadcast_to(2 * Sigma, (3, 4, 4)), rtol=1e-14
    )


@pytest.mark.parametrize("depth", [3, 4, 7])
def test_zero_weights_have_zero_hessian_from_depth_three(depth):
    arch = DeepLinear.plain(3, depth)
    assert not dense_hessian(arch, np.zeros((2, arch.n_params)), np.eye(3), np.ones(3)).any()


def test_zero_weights_at_depth_two_couple_the_layers_by_minus_two_b():
    arch = DeepLinear.plain(3, 2)
    b = np.array([1.0, -2.0, 0.5])
    H = dense_hessian(arch, np.zeros((1, arch.n_params)), np.eye(3), b)[0]
    cross = np.zeros((9, 3))
    for row in range(3):
        cross[3 * row : 3 * row + 3, row] = -2 * b
    expected = np.block([[np.zeros((9, 9)), cross], [cross.T, np.zeros((3, 3))]])
    np.testing.assert_array_equal(H, expected)


def test_scalar_chain():
    # R = s (w1 w2 w3)^2 - 2 b w1 w2 w3 + const with w = (2, 3, 5)
    s, b, w = 0.7, 1.3, np.array([2.0, 3.0, 5.0])
    arch = DeepLinear.plain(1, 3)
    H = dense_hessian(arch, w[None], np.array([[s]]), np.array([b]))[0]
    product = w.prod()
    expected = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            cross = 2 * s * product**2 / (w[i] * w[j])
            curve = 0 if i == j else (2 * s * product - 2 * b) * product / (w[i] * w[j])
            expected[i, j] = cross + curve
    np.testing.assert_allclose(H, expected, rtol=1e-14)


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_autograd(name, seed):
    arch = architectures()[name]
    X, y, theta, p = problem(seed, arch, 3, scale=0.8)
    Sigma, b = statistics(X, y)
    g, H = torch_derivatives(arch, X, y, theta, p)
    np.testing.assert_allclose(gradient(arch, theta, Sigma, b, p), g, atol=1e-12 * abs(g).max())
    operator = hessian_operator(arch, theta, Sigma, b, p)
    size = abs(H).max()
    np.testing.assert_allclose(operator.dense(), H, rtol=0, atol=1e-12 * size)
    V = RNG.standard_normal(theta.shape)
    np.testing.assert_allclose(
        operator(V), np.einsum("bij,bj->bi", H, V), rtol=0, atol=1e-12 * size * arch.n_params
    )


@pytest.mark.parametrize("name", architectures())
def test_compression_keeps_the_spectrum(name):
    arch = architectures()[name]
    X, y, theta, p = problem(7, arch, 3)
    Sigma, b = statistics(X, y)
    operator = hessian_operator(arch, theta, Sigma, b, p)
    inner = operator.compressed()
    full, small = operator.dense(), inner.dense()
    zeros = np.zeros((3, arch.n_params - inner.n_params))
    both = np.sort(np.concatenate([np.linalg.eigvalsh(small), zeros], axis=1))
    np.testing.assert_allclose(both, np.linalg.eigvalsh(full), atol=1e-13 * abs(both).max())
    v = RNG.standard_normal((3, inner.n_params))
    np.testing.assert_allclose(inner(v), np.einsum("bij,bj->bi", small, v), atol=1e-13)
    # Q^T H V = C Q^T V
    V = RNG.standard_normal(theta.shape)
    np.testing.assert_allclose(
        operator.restrict(operator(V)), inner(operator.restrict(V)), atol=1e-12 * abs(both).max()
    )


def test_compression_survives_an_exact_minimizer_and_a_dead_layer():
    arch = DeepLinear.plain(3, 3)
    theta = np.random.default_rng(2).standard_normal((2, arch.n_params))
    theta[1, 9:18] = 0.0
    b = predictor(arch, theta)  # with Sigma = 1 a minimizer; member 1: predictor 0, b = 0
    operator = hessian_operator(arch, theta, np.eye(3), b)
    for end in (0, -1):
        a = np.linalg.eigvalsh(operator.dense())[:, end]
        c = np.linalg.eigvalsh(operator.compressed().dense())[:, end]
        np.testing.assert_allclose(c, a, atol=1e-13 * abs(operator.dense()).max())


def test_data_and_readout_may_differ_by_member_and_members_may_be_picked():
    arch = DeepLinear.residual(3, 3)
    draws = [problem(s, arch, 1) for s in range(11)]
    theta = np.concatenate([t for *_, t, _ in draws])
    stats = [statistics(X, y) for X, y, *_ in draws]
    Sigma, b, p = (
        np.stack([s for s, _ in stats]),
        np.stack([b for _, b in stats]),
        np.stack([p for *_, p in draws]),
    )
    operator = hessian_operator(arch, theta, Sigma, b, p)
    V = RNG.standard_normal(theta.shape)
    together = operator(V)
    for m in (0, 7, 8, 10):
        alone = hessian_operator(arch, theta[m : m + 1], Sigma[m], b[m], p[m])(V[m : m + 1])
        np.testing.assert_array_equal(together[m : m + 1], alone)
    pick = np.array([9, 2])
    np.testing.assert_array_equal(operator(V[pick], pick), together[pick])
    np.testing.assert_array_equal(operator.dense(pick), operator.dense()[pick])


def test_nan_stays_in_its_member():
    arch = DeepLinear.plain(3, 3)
    _, _, theta, _ = problem(0, arch, 4)
    clean = hessian_operator(arch, theta, np.eye(3), np.ones(3)).dense()
    theta[2, 5] = np.nan
    H = hessian_operator(arch, theta, np.eye(3), np.ones(3)).dense()
    np.testing.assert_array_equal(np.delete(H, 2, 0), np.delete(clean, 2, 0))
    assert np.isnan(H[2]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": np.zeros((2, 5))}, r"theta: expected \(B, 21\)"),
        ({"Sigma": np.ones((5, 3, 3))}, "Sigma: expected"),
        ({"b": np.ones((5, 3))}, "b: expected"),
        ({"readout": np.ones(3)}, "takes no readout"),
    ],
)
def test_misfits_are_refused(change, message):
    good = {"theta": np.zeros((2, 21)), "Sigma": np.eye(3), "b": np.ones(3), "readout": None}
    with pytest.raises(ValueError, match=message):
        gradient(DeepLinear.plain(3, 3), **(good | change))


def test_several_outputs_are_refused():
    arch = DeepLinear.plain(3, 2, outputs=2)
    theta = np.zeros((2, arch.n_params))
    with pytest.raises(ValueError, match="outputs = 2"):
        gradient(arch, theta, np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match="outputs = 2"):
        predictor(arch, theta)
