"""Residual networks against a direct forward pass in numpy, autograd and counts."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch.func import functional_call, vmap
from torch.nn.functional import mse_loss

from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.residual import ResNet, same_padding
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

FIRST_OF_STAGE = {18: (2, 4, 6), 34: (3, 7, 13)}
COUNT = {18: 8, 34: 16}


def images(n, side, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((n, channels, side, side)))


def max_pool(x):
    """Largest pixel of 3 x 3 that are inside: from 2i on an even side, around 2i on an odd one."""
    side, shift = x.shape[-1], x.shape[-1] % 2
    out = np.empty((*x.shape[:2], (side + 1) // 2, (side + 1) // 2))
    for i, j in np.ndindex(*out.shape[2:]):
        rows, columns = (slice(max(2 * k - shift, 0), 2 * k - shift + 3) for k in (i, j))
        out[:, :, i, j] = x[:, :, rows, columns].max((2, 3))
    return out


def forward(theta, x, depth, convolve, g):
    h = max_pool(g(convolve(x, theta["stem.weight"], 2, 3, 3)))
    for block in range(COUNT[depth]):
        first, second = (theta[f"blocks.{block}.{name}.weight"] for name in ("first", "second"))
        shortcut = h
        if block in FIRST_OF_STAGE[depth]:
            even = h.shape[-1] % 2 == 0
            y = convolve(h, first, 2, 0 if even else 1, 1)
            kernel = theta[f"blocks.{block}.projection.weight"][:, :, 0, 0]
            shortcut = np.einsum("oc,ncij->noij", kernel, h[:, :, ::2, ::2])
        else:
            y = convolve(h, first, 1, 1, 1)
        h = g(shortcut + convolve(g(y), second, 1, 1, 1))
    return h.mean((2, 3)) @ theta["dense.weight"].T + theta["dense.bias"]


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "expected"),
    [
        (8, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (8, 7, 2, (2, 3)),
        (1, 3, 2, (1, 1)),
        (2, 3, 2, (0, 1)),
        (5, 3, 1, (1, 1)),
        (5, 2, 1, (0, 1)),
        (4, 1, 2, (0, 0)),
        (9, 2, 3, (0, 0)),
    ],
)
def test_same_padding_by_hand(side, kernel, stride, expected):
    assert same_padding(side, kernel, stride) == expected


@pytest.mark.parametrize(
    ("depth", "side", "activation"),
    [
        (18, 8, torch.relu),
        (18, 28, torch.relu),
        (18, 32, torch.relu),
        (18, 5, torch.relu),
        (34, 16, torch.relu),
        (18, 5, torch.tanh),  # negative pixels at the border of the max pool
        (18, 16, torch.tanh),
    ],
)
def test_forward_is_the_direct_one(depth, side, activation, convolve):
    net = ResNet(depth, 2, side, outputs=6, activation=activation).double()
    theta = {n: t.double() for n, t in net.draw(np.random.default_rng(1)).items()}
    theta["dense.bias"] += torch.arange(6)
    x = images(2, side)
    arrays = {n: t.numpy() for n, t in theta.items()}
    g = np.tanh if activation is torch.tanh else lambda z: np.maximum(z, 0)
    expected = forward(arrays, x.numpy(), depth, convolve, g)
    out = functional_call(net, theta, (x,)).numpy()
    assert out.shape == (2, 6)
    assert np.abs(expected - np.arange(6)).max() > 1e-3
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def test_the_activation_is_used_everywhere():
    """With the identity the network is affine but for its max pool, which knows no small scale."""
    net = ResNet(18, 2, 16, activation=lambda z: z)
    theta = net.draw(np.random.default_rng(0))
    x = images(4, 16).float()
    out = [functional_call(net, theta, (s * x,)) for s in (1.0, 0.5)]
    assert torch.allclose(out[0], 2 * out[1], rtol=1e-5, atol=1e-6)
    net = ResNet(18, 2, 16, activation=lambda z: 0 * z)
    theta["dense.bias"] += 1
    assert torch.equal(functional_call(net, theta, (x,)), torch.ones(4, 10))


def test_draws_are_truncated_normals_and_a_zero_bias():
    net = ResNet(18, 16, 8)
    theta = net.draw(np.random.default_rng(5))
    assert {n: t.shape for n, t in theta.items()} == {n: p.shape for n, p in net.named_parameters()}
    assert [name for name in theta if "bias" in name] == ["dense.bias"]
    assert not theta["dense.bias"].any()
    for name, w in theta.items():
        assert w.dtype == torch.float32
        if w.ndim > 1:
            z = w.double() * sqrt(w[0].numel())
            assert abs(float(z.square().mean()) - 1) < 5 * sqrt(2 / w.numel()), name
            assert float(z.abs().max()) < 2.28, name
    again = net.draw(np.random.default_rng(5))
    assert all(torch.equal(theta[name], again[name]) for name in theta)


def test_members_by_vmap_equal_a_loop():
    net = ResNet(18, 3, 16)
    draws = [net.draw(np.random.default_rng(seed)) for seed in range(3)]
    x = images(6, 16).float()
    together = vmap(lambda p: functional_call(net, p, (x,)))(stacked(draws))
    alone = torch.stack([functional_call(net, d, (x,)) for d in draws])
    assert alone.std(0).min() > 0
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("depth", "side"), [(18, 8), (34, 28), (18, 32), (34, 5)])
def test_flops_are_those_of_the_layers(depth, side, hooked_flops):
    net = ResNet(depth, 3, side, channels=2, outputs=7)
    assert net.flops_per_sample == hooked_flops(net, images(1, side, 2).float())


def test_hessian_of_an_ensemble_is_that_of_autograd():
    """The blocks of stem, a strided block with its projection, and the dense layer."""
    net = ResNet(18, 2, 16, channels=1, outputs=3)
    draws = [net.draw(np.random.default_rng(seed)) for seed in (1, 2)]
    x, y = images(5, 16, 1), torch.nn.functional.one_hot(torch.arange(5) % 3, 3).double()
    risk = EmpiricalRisk(net, mse_loss, (x, y), parameters=stacked(draws))
    part = risk.restrict(["stem", "blocks.2", "dense"])
    found = part.hessian().dense()
    for H, draw in zip(found, draws, strict=True):
        constants = {name: t.double() for name, t in draw.items()}

        def value(flat, constants=constants):
            parts = flat.split([s.numel() for s in part.shapes.values()])
            p = {n: t.reshape(s) for (n, s), t in zip(part.shapes.items(), parts, strict=True)}
            return mse_loss(functional_call(net, {**constants, **p}, (x,)), y)

        flat = torch.cat([constants[name].ravel() for name in part.shapes])
        expected = torch.autograd.functional.hessian(value, flat)
        stem = draw["stem.weight"].numel()
        assert expected[:stem, :stem].abs().max() > 1e-4  # through the max pool
        assert torch.allclose(H, expected, rtol=1e-9, atol=1e-12)
    v = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 2, risk.n_params)))
    Hu, Hv = (risk.hessian()(w) for w in v)
    assert torch.allclose((v[0] * Hv).sum(1), (v[1] * Hu).sum(1), rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((50, 4, 8), "depth = 50: must be one of 18, 34"), ((18, 0, 8), "width = 0")],
)
def test_what_does_not_exist_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNet(*arguments)
