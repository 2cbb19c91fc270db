"""Myrtle networks against a direct forward pass in numpy, autograd and counts."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy, mse_loss

from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.myrtle import Myrtle
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

# depth, side -> side after each convolution and its pools, by hand.
SIDES = {
    (5, 32): [32, 16, 8, 1],
    (5, 28): [28, 14, 7, 1],
    (5, 16): [16, 8, 4, 1],
    (5, 8): [8, 4, 2, 1],
    (5, 4): [4, 2, 1, 1],
    (7, 32): [32, 16, 16, 8, 8, 1],
    (7, 28): [28, 14, 14, 7, 7, 1],
    (7, 8): [8, 4, 4, 2, 2, 1],
    (10, 32): [32, 32, 16, 16, 16, 8, 8, 8, 1],
    (10, 8): [8, 8, 4, 4, 4, 2, 2, 2, 1],
    (5, 64): [64, 32, 16, 2],
}


def images(n, side, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((n, channels, side, side)))


def average(x, side):
    """Averages over 2 x 2, an odd last row and column left out, until the side is right."""
    while x.shape[-1] > side:
        half = x.shape[-1] // 2
        x = x[..., : 2 * half, : 2 * half]
        x = x.reshape(*x.shape[:2], half, 2, half, 2).mean((3, 5))
    return x


def as_double(draw):
    return {name: t.double() for name, t in draw.items()}


@pytest.mark.parametrize(("depth", "side"), list(SIDES))
def test_forward_is_the_direct_one(depth, side, convolve):
    net = Myrtle(depth, 4, side, outputs=6).double()
    theta = as_double(net.draw(np.random.default_rng(1)))
    x = images(2, side)
    h = x.numpy()
    for i, after in enumerate(SIDES[depth, side]):
        h = np.maximum(convolve(h, theta[f"convolutions.{i}.weight"].numpy(), 1, 1, 1), 0)
        h = average(h, after)
    expected = h.reshape(2, -1) @ theta["dense.weight"].numpy().T
    out = functional_call(net, theta, (x,)).numpy()
    assert out.shape == (2, 6)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def test_depth_counts_matrices_and_the_activation_is_used():
    for depth in (5, 7, 10):
        net = Myrtle(depth, 2, 8)
        assert len(list(net.parameters())) == depth
        assert not any("bias" in name for name, _ in net.named_parameters())
    net = Myrtle(5, 3, 8, activation=torch.tanh)
    theta = net.draw(np.random.default_rng(0))
    x = images(4, 8).float()
    outputs = [functional_call(net, theta, (s * x,)) for s in (1, -1)]
    assert torch.allclose(outputs[0], -outputs[1], atol=1e-6)  # tanh is odd, ReLU is not


def test_draws_are_he_normal_with_a_truncated_last_layer():
    net = Myrtle(5, 64, 32, outputs=400)
    theta = net.draw(np.random.default_rng(5))
    assert {n: t.shape for n, t in theta.items()} == {n: p.shape for n, p in net.named_parameters()}
    assert all(t.dtype == torch.float32 for t in theta.values())
    for name, w in theta.items():
        fan = 64 if name == "dense.weight" else 9 * w.shape[1]
        variance = (1 if name == "dense.weight" else 2) / fan
        square = float(w.double().square().mean()) / variance
        assert abs(square - 1) < 5 * sqrt(2 / w.numel()), name
        beyond = float(w.abs().max()) / sqrt(variance) > 2.3
        assert beyond == (name != "dense.weight"), name
    again = net.draw(np.random.default_rng(5))
    assert all(torch.equal(theta[name], again[name]) for name in theta)


def test_members_by_vmap_equal_a_loop():
    net = Myrtle(7, 5, 8)
    draws = [net.draw(np.random.default_rng(seed)) for seed in range(3)]
    x = images(6, 8).float()
    together = vmap(lambda p: functional_call(net, p, (x,)))(stacked(draws))
    alone = torch.stack([functional_call(net, d, (x,)) for d in draws])
    assert alone.std(0).min() > 0
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("depth", "side"), [(5, 8), (5, 28), (7, 16), (10, 32), (5, 64)])
def test_flops_are_those_of_the_layers(depth, side, hooked_flops):
    net = Myrtle(depth, 3, side, channels=2, outputs=7)
    assert net.flops_per_sample == hooked_flops(net, images(1, side, 2).float())


def test_hessian_of_an_ensemble_is_that_of_autograd():
    net = Myrtle(5, 2, 4, channels=1, outputs=3)
    draws = [net.draw(np.random.default_rng(seed)) for seed in (1, 2)]
    x, y = images(5, 4, 1), torch.nn.functional.one_hot(torch.arange(5) % 3, 3).double()
    found = EmpiricalRisk(net, mse_loss, (x, y), parameters=stacked(draws)).hessian().dense()
    for H, draw in zip(found, draws, strict=True):
        shapes = {name: t.shape for name, t in draw.items()}

        def risk(flat, shapes=shapes):
            parts = flat.split([s.numel() for s in shapes.values()])
            p = {n: t.reshape(shapes[n]) for n, t in zip(shapes, parts, strict=True)}
            return mse_loss(functional_call(net, p, (x,)), y)

        flat = torch.cat([t.double().ravel() for t in draw.values()])
        expected = torch.autograd.functional.hessian(risk, flat)
        assert expected.abs().max() > 1e-2
        assert torch.allclose(H, expected, rtol=1e-9, atol=1e-12)
        assert torch.allclose(H, H.T, atol=1e-12)


def test_float32_ensembles_with_cross_entropy():
    net = Myrtle(5, 4, 8)
    theta = stacked([net.draw(np.random.default_rng(seed)) for seed in range(3)])
    data = (images(12, 8), torch.arange(12) % 10)
    risks = [
        EmpiricalRisk(net, cross_entropy, data, parameters=theta, dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    ]
    assert torch.allclose(risks[0].gradient().double(), risks[1].gradient(), atol=1e-5)
    v = torch.from_numpy(np.random.default_rng(0).standard_normal((3, risks[0].n_params)))
    products = [r.hessian()(v.to(r.dtype)).double() for r in risks]
    assert torch.allclose(*products, atol=1e-4 * float(products[1].abs().max()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((6, 4, 8), "depth = 6: must be one of 5, 7, 10"), ((5, 0, 8), "width = 0"),
     ((5, 4, 0), "side = 0"), ((5, 4, 8, 0), "channels = 0")],
)  # fmt: skip
def test_what_does_not_exist_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Myrtle(*arguments)
