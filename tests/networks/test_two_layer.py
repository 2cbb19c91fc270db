"""Two-layer networks: a per-sample loop, autograd for the derivatives, and what ELU does at 0."""

from math import exp, tanh

import numpy as np
import pytest
import torch

from spectral_atlas.networks.two_layer import (
    ACTIVATIONS,
    TwoLayer,
    gradient,
    hessian,
    initialize,
    loss,
    predict,
)

PHI = {"tanh": tanh, "elu": lambda z: z if z > 0 else exp(z) - 1}
TORCH_PHI = {"tanh": torch.tanh, "elu": torch.nn.functional.elu}
NETS = [TwoLayer(d, width, phi) for d, width in ((1, 5), (3, 4), (2, 1)) for phi in ACTIVATIONS]


def problem(net, seed=0, n=6):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((2, 3, net.n_params))
    return theta, rng.standard_normal((n, net.d)), rng.standard_normal(n)


def torch_loss(net, x, y):
    x, y = torch.tensor(x), torch.tensor(y)

    def value(theta):
        W, b, v = theta.split([net.width * net.d, net.width, net.width])
        hidden = TORCH_PHI[net.activation](x @ W.reshape(net.width, net.d).T + b)
        return ((hidden @ v - y) ** 2).mean()

    return value


@pytest.mark.parametrize("net", NETS)
def test_predictions_and_loss_are_a_loop(net):
    theta, x, y = problem(net)
    out, risk = predict(net, theta, x), loss(net, theta, x, y)
    assert out.shape == (2, 3, 6)
    assert risk.shape == (2, 3)
    for at in np.ndindex(2, 3):
        W, b, v = net.unflatten(theta[at])
        expected = [
            sum(v[i] * PHI[net.activation](W[i] @ row + b[i]) for i in range(net.width))
            for row in x
        ]
        np.testing.assert_allclose(out[at], expected, rtol=1e-13, atol=1e-14)
        assert risk[at] == pytest.approx(np.mean((np.array(expected) - y) ** 2), rel=1e-13)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_and_hessian_are_those_of_autograd(net, seed):
    theta, x, y = problem(net, seed)
    value = torch_loss(net, x, y)
    g, H = gradient(net, theta, x, y), hessian(net, theta, x, y)
    assert g.shape == (2, 3, net.n_params)
    assert H.shape == (2, 3, net.n_params, net.n_params)
    assert np.array_equal(H, np.swapaxes(H, -1, -2))
    for at in np.ndindex(2, 3):
        point = torch.tensor(theta[at], requires_grad=True)
        (slope,) = torch.autograd.grad(value(point), point)
        curvature = torch.autograd.functional.hessian(value, point.detach())
        np.testing.assert_allclose(g[at], slope, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(H[at], curvature, rtol=1e-12, atol=1e-13)
        assert np.array_equal(g[at], gradient(net, theta[at], x, y))


def test_derivatives_of_elu_at_the_kink():
    net, x, y = TwoLayer(1, 1, "elu"), np.array([[1.0]]), np.array([2.0])
    theta = np.array([0.0, 0.0, 3.0])  # z = 0: f = 0, the residual is -2
    assert gradient(net, theta, x, y).tolist() == [-12.0, -12.0, 0.0]
    assert hessian(net, theta, x, y)[0].tolist() == [18.0, 18.0, -4.0]
    below = hessian(net, theta - np.array([1e-9, 0, 0]), x, y)
    assert below[0, 0] == pytest.approx(18 - 12, abs=1e-6)


def test_saturated_neurons_are_quiet():
    with np.errstate(over="raise", invalid="raise"):
        for phi in ACTIVATIONS:
            net = TwoLayer(1, 1, phi)
            g = gradient(net, np.array([1e4, 0.0, 1.0]), np.array([[-1.0]]), np.zeros(1))
            assert g.tolist() == [0.0, 0.0, 2.0]


def test_flat_parameters_round_trip_and_their_order():
    net = TwoLayer(2, 3, "tanh")
    theta = np.arange(2.0 * net.n_params).reshape(2, -1)
    W, b, v = net.unflatten(theta)
    assert W[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert b[0].tolist() == [6, 7, 8]
    assert v[0].tolist() == [9, 10, 11]
    assert np.array_equal(net.flatten(W, b, v), theta)


def test_initialization_has_the_variances_asked_for():
    net = TwoLayer(2, 20_000, "elu")
    W, b, v = net.unflatten(initialize(np.random.default_rng(0), net))
    assert np.std(W) == pytest.approx(1, rel=0.02)
    assert not b.any()
    assert np.std(v) * np.sqrt(net.width) == pytest.approx(1, rel=0.02)
    W, _, v = net.unflatten(initialize(np.random.default_rng(0), net, 0.5, 3.0))
    assert (np.std(W), np.std(v)) == pytest.approx((0.5, 3), rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 3, "tanh"), "d = 0: must be >= 1"),
        ((1, 0, "tanh"), "width = 0: must be >= 1"),
        ((1, 3, "relu"), "activation = 'relu': must be one of"),
    ],
)
def test_bad_sizes_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        TwoLayer(*arguments)
