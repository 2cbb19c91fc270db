"""Fully connected networks against numpy, and the law of their initial weights."""

import inspect
from math import sqrt

import numpy as np
import pytest
import torch
from torch.func import functional_call

from spectral_atlas.networks.fully_connected import FullyConnected

ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "linear": lambda z: z}


def forward(x, weights, g, layer=lambda h, W: h @ W):
    *hidden, last = weights
    for W in hidden:
        x = g(layer(x, W))
    return layer(x, last)


def drawn(net, seed=0):
    return net.draw(np.random.default_rng(seed))


def outputs(net, theta, x):
    double = {name: W.double() for name, W in theta.items()}
    return functional_call(net, double, (torch.from_numpy(x),)).numpy()


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("depth", [2, 5])
def test_forward_is_the_formula(activation, depth):
    net = FullyConnected(12, 4, depth, 9, activation=activation)
    theta = drawn(net)
    assert list(theta) == [name for name, _ in net.named_parameters()]
    x = np.random.default_rng(1).standard_normal((7, 12))
    weights = [W.double().numpy() for W in theta.values()]
    expected = forward(x, weights, ACTIVATIONS[activation])
    assert expected.shape == (7, 4)
    assert expected.std(axis=0).min() > 0.1
    np.testing.assert_allclose(outputs(net, theta, x), expected, rtol=1e-12, atol=1e-14)
    images = x.reshape(7, 3, 2, 2)  # flattened
    np.testing.assert_allclose(outputs(net, theta, images), expected, rtol=1e-12, atol=1e-14)


def test_neural_tangent_layers_are_divided_by_the_root_of_their_inputs():
    net = FullyConnected(12, 4, 3, 9, parameterization="neural_tangent")
    theta, x = drawn(net), np.random.default_rng(1).standard_normal((7, 12))
    weights = [W.double().numpy() for W in theta.values()]
    expected = forward(x, weights, ACTIVATIONS["relu"], lambda h, W: h @ W / sqrt(len(W)))
    np.testing.assert_allclose(outputs(net, theta, x), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
def test_the_output_is_divided_by_the_width_to_the_exponent(s):
    plain, other = (FullyConnected(12, 4, 3, 9, output_exponent=e) for e in (0.0, s))
    theta, x = drawn(plain), np.random.default_rng(1).standard_normal((7, 12))
    np.testing.assert_allclose(
        outputs(other, theta, x), outputs(plain, theta, x) / 9**s, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("changed", "hidden", "last"),
    [
        ({}, 2.0, 1.0),
        ({"weight_variance": 0.7}, 0.7, 1.0),
        ({"parameterization": "neural_tangent"}, None, None),
        ({"parameterization": "neural_tangent", "weight_variance": 0.7}, None, None),
    ],
)
def test_variances_of_a_draw(changed, hidden, last):
    net = FullyConnected(80, 60, 4, 70, **changed)
    theta = drawn(net)
    assert [tuple(W.shape) for W in theta.values()] == [(80, 70), (70, 70), (70, 70), (70, 60)]
    for i, W in enumerate(theta.values()):
        assert W.dtype == torch.float32
        v = last if i == 3 else hidden
        variance = 1.0 if v is None else v / len(W)
        z = W.double() / sqrt(variance)
        assert abs(float(z.mean())) < 5 / sqrt(W.numel())
        assert abs(float(z.square().mean()) - 1) < 5 * sqrt(2 / W.numel())
        assert 3 < float(z.abs().max()) < 6  # not truncated


def test_a_draw_is_fixed_by_its_generator_and_the_layers_differ():
    net = FullyConnected(8, 8, 3, 8)
    first, again, other = drawn(net, 1), drawn(net, 1), drawn(net, 2)
    assert all(torch.equal(first[n], again[n]) for n in first)
    assert not any(torch.equal(first[n], other[n]) for n in first)
    assert not torch.allclose(first["weights.0"], first["weights.1"])
    assert net.last == "weights.2"
    assert net.last in first


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": 1}, "depth = 1: must be at least 2"),
        ({"activation": "gelu"}, "activation = 'gelu': must be one of relu, tanh, linear"),
        ({"parameterization": "mup"}, "parameterization = 'mup': must be one of standard, neural_"),
    ],
)
def test_refusals(changed, message):
    settings = {"inputs": 3, "outputs": 2, "depth": 3, "width": 4} | changed
    with pytest.raises(ValueError, match=message):
        # Without the checks of types that wrap it in tests, and would refuse first.
        inspect.unwrap(FullyConnected.__init__)(FullyConnected.__new__(FullyConnected), **settings)
