"""Closed forms against gradients, finite populations, counting and simulated networks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from spectral_atlas.papers.benarous2024 import theory

# ridge: A, B, p, |x^c|, H top, H mini, G top, G mini at k = 10; each with its printed digits.
TABLE = {
    0.001: ("4.688", "-0.521", "0.953", "4.942", "0.00447", "0.00052", "0.00022", "2.7e-06"),
    0.01: ("2.819", "-0.313", "0.718", "2.972", "0.02024", "0.00303", "0.00795", "9.81e-05"),
    0.1: ("0.789", "-0.088", "0.211", "0.832", "0.01663", "0.00800", "0.0623", "0.00077"),
}


def half_unit(printed: str) -> float:
    mantissa, _, exponent = printed.partition("e")
    digits = len(mantissa.partition(".")[2])
    return 0.5001 * 10.0 ** (int(exponent or 0) - digits)


@pytest.mark.parametrize("ridge", TABLE)
def test_fixed_point_table(ridge):
    point = theory.mixture_fixed_point(10, ridge)
    found = (
        *(point.A, point.B, point.p, point.norm),
        *(point.hessian_top, point.hessian_mini, point.gradient_top, point.gradient_mini),
    )
    for value, printed in zip(found, TABLE[ridge], strict=True):
        assert value == pytest.approx(float(printed), rel=0, abs=half_unit(printed))


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("ridge", [1e-12, 1e-6, 0.003, 0.1, 1.0, 1e6])
def test_fixed_point_is_a_critical_point_with_those_blocks(classes, ridge):
    k, point = classes, theory.mixture_fixed_point(classes, ridge)
    x = np.full((k, k), point.B) + (point.A - point.B) * np.eye(k)  # x[c] in the basis of the means
    others = k - 1
    scores = np.exp(x - x.max(axis=0))
    p = scores / scores.sum(axis=0)  # p[c, a]: probability of class c at the mean of a
    residual = p - np.eye(k)
    residual[np.diag_indices(k)] = -others * point.q  # 1 - p, without cancellation
    np.testing.assert_allclose(residual / k + ridge * x, 0, rtol=0, atol=1e-12 * others * point.q)
    assert p[0, 0] == pytest.approx(point.p, rel=1e-12)
    assert p[0, 1] == pytest.approx(point.q, rel=1e-10)
    assert np.linalg.norm(x[0]) == pytest.approx(point.norm, rel=1e-12)
    assert x[0, 0] / np.linalg.norm(x[0]) == pytest.approx(point.rho_1, rel=1e-12)
    wrong = others * point.q
    hessian, gradient = p[0] * (1 - p[0]) / k, residual[0] ** 2 / k
    hessian[0] = point.p * wrong / k
    expected = [point.hessian_top] + others * [point.hessian_mini]
    np.testing.assert_allclose(hessian, expected, rtol=1e-9)
    np.testing.assert_allclose(gradient, [point.gradient_top] + others * [point.gradient_mini])


def test_start_is_the_limit_of_a_large_ridge():
    for k in (2, 5, 10):
        point = theory.mixture_fixed_point(k, 1e9)
        start = theory.initial_hessian_outlier(k)
        assert point.hessian_top == pytest.approx(start, rel=1e-8)
        assert point.hessian_mini == pytest.approx(start, rel=1e-8)
        ratio = point.gradient_top / point.gradient_mini
        assert ratio == pytest.approx(theory.initial_gradient_ratio(k), rel=1e-8)
    assert theory.initial_hessian_outlier(10) == pytest.approx(0.009)
    assert theory.initial_gradient_ratio(10) == 81


def test_xor_constants():
    for ridge, constant, hessian, gradient in (
        (0.01, 3.178, 0.0305, 0.00127),
        (0.05, 1.386, 0.0555, 0.01386),
        (0.1, 0.405, 0.0243, 0.01622),
    ):
        assert theory.xor_constant(ridge) == pytest.approx(constant, abs=5.001e-4)
        found = theory.xor_readout_eigenvalues(ridge)
        assert found[0] == pytest.approx(hessian, abs=5.001e-5)
        assert found[1] == pytest.approx(gradient, abs=5.001e-6)
    assert theory.xor_constant(np.nextafter(0.125, 0)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("ridge", [0.01, 0.05, 0.1])
def test_xor_fixed_point_is_critical_with_those_blocks(ridge):
    """Two unequal neurons for each mean; samples are the means, nudged to open either gate."""
    C, nudge = theory.xor_constant(ridge), 1e-7
    sizes = np.sqrt(C * np.array([0.3, 0.7]))
    means = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    v = np.concatenate([sizes, sizes, -sizes, -sizes])
    W = np.abs(v)[:, None] * np.repeat(means, 2, axis=0)
    steps = nudge * np.array(list(product((-1.0, 1.0), repeat=2)))
    X = torch.tensor((means[:, None] + steps).reshape(16, 2))
    y = torch.tensor(np.repeat([1.0, 1, 0, 0], 4))

    def loss(theta: torch.Tensor) -> torch.Tensor:
        f = torch.relu(X @ theta[:, :2].T) @ theta[:, 2]
        risk = torch.nn.functional.softplus(f) - y * f
        return risk.mean() + ridge / 2 * theta.square().sum()

    theta = torch.tensor(np.column_stack([W, v]), requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(theta), theta)
    assert float(gradient.abs().max()) < 1e-6
    hidden = np.maximum(X.numpy() @ W.T, 0)
    s = 1 / (1 + np.exp(-hidden @ v))
    np.testing.assert_allclose(np.abs(hidden @ v), C, rtol=1e-6)
    weights = (s * (1 - s), (s - y.numpy()) ** 2)
    for i, weight in enumerate(weights):
        readout = np.linalg.eigvalsh((hidden.T * weight) @ hidden / 16)[::-1]
        np.testing.assert_allclose(readout[:4], theory.xor_readout_eigenvalues(ridge)[i], rtol=1e-5)
        assert abs(readout[4]) < 1e-6
        rows = X.numpy() * (hidden[:, :1] > 0)
        block = np.linalg.eigvalsh((rows.T * weight) @ rows / 16) * v[0] ** 2
        expected = theory.xor_neuron_weights(ridge)[i] * v[0] ** 2
        np.testing.assert_allclose(block, expected, rtol=1e-5)


def test_learned_probabilities():
    assert list(theory.learned_probabilities(4) * 64) == [1, 21, 36, 6]
    for neurons, all_four in ((6, 0.381), (8, 0.623), (20, 0.987)):
        found = theory.learned_probabilities(neurons)
        assert found[3] == pytest.approx(all_four, abs=5.001e-4)
    for neurons in range(1, 8):
        count = np.zeros(4)
        for types in product(range(4), repeat=neurons):
            count[len(set(types)) - 1] += 1
        np.testing.assert_array_equal(theory.learned_probabilities(neurons), count / 4**neurons)
    many = theory.learned_probabilities(500)
    assert many.sum() == pytest.approx(1, abs=1e-15)
    assert many[0] == pytest.approx(4.0**-499, rel=1e-12)


def test_random_alignment():
    assert theory.random_alignment(10, 1000) == pytest.approx(0.1)
    rng = np.random.default_rng()
    u = rng.standard_normal((20_000, 50))
    square = np.sum(u[:, :8] ** 2, axis=1) / np.sum(u**2, axis=1)
    assert np.sqrt(square.mean()) == pytest.approx(theory.random_alignment(8, 50), rel=0.02)


@pytest.mark.parametrize("ridge", [0.0, -0.1, float("nan"), float("inf")])
def test_ridge_of_the_mixture(ridge):
    with pytest.raises(ValueError, match="ridge: expected a positive number, got"):
        theory.mixture_fixed_point(10, ridge)


@pytest.mark.parametrize("ridge", [0.0, -0.1, 0.125, 1.0, float("nan")])
def test_ridge_of_the_xor_network(ridge):
    for function in (
        theory.xor_constant,
        theory.xor_readout_eigenvalues,
        theory.xor_neuron_weights,
    ):
        with pytest.raises(ValueError, match=r"ridge: expected a number in \(0, 1/8\), got"):
            function(ridge)


def test_counts_out_of_range():
    with pytest.raises(ValueError, match="classes: expected at least 2, got 1"):
        theory.mixture_fixed_point(1, 0.1)
    with pytest.raises(ValueError, match="neurons: expected at least 1, got 0"):
        theory.learned_probabilities(0)
    with pytest.raises(ValueError, match=r"rank: expected 0\.\.5, got 6"):
        theory.random_alignment(6, 5)
