"""GELU networks: numpy against a per-sample loop and against torch."""

from math import erf, pi, sqrt, tanh

import numpy as np
import pytest

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.gelu_mlp import forward, gelu, risk, torch_risk

ARCH = DeepLinear.plain(3, 4, width=5)


def problem():
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((2, 3, ARCH.n_params))
    return theta, rng.standard_normal((7, 3)), rng.standard_normal(7)


def test_gelu_is_the_tanh_form_and_not_the_exact_one():
    for x in (-3.0, -0.5, 0.0, 1.5):
        assert gelu(np.array([x]))[0] == pytest.approx(
            0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))), abs=1e-15
        )
    assert 1e-5 < abs(gelu(np.array([1.5]))[0] - 0.75 * (1 + erf(1.5 / sqrt(2)))) < 1e-3


def test_forward_is_a_loop_over_members_and_samples():
    theta, X, _ = problem()
    out = forward(ARCH, theta, X)
    assert out.shape == (2, 3, 7)
    for index in np.ndindex(2, 3):
        layers = ARCH.unflatten(theta[index])
        for i, x in enumerate(X):
            h = layers[0] @ x
            for w in layers[1:]:
                h = w @ gelu(h)
            assert out[(*index, i)] == pytest.approx(h[0], rel=1e-12)


def test_risk_has_no_half():
    theta, X, y = problem()
    expected = ((y - forward(ARCH, theta, X)) ** 2).sum(-1) / 7
    assert np.allclose(risk(ARCH, theta, X, y), expected, rtol=1e-14)
    assert risk(ARCH, np.zeros(ARCH.n_params), X, y) == pytest.approx((y**2).mean())


def test_torch_risk_values_derivatives_and_batches():
    import torch
    from torch.func import grad, hessian, jvp, vmap

    theta, X, y = problem()
    f = torch_risk(ARCH, X, y)
    flat = torch.as_tensor(theta.reshape(-1, ARCH.n_params))
    assert np.allclose(vmap(f)(flat).numpy(), risk(ARCH, theta, X, y).ravel(), rtol=1e-12)
    v = torch.as_tensor(np.random.default_rng(1).standard_normal(ARCH.n_params))
    g, Hv = jvp(grad(f), (flat[0],), (v,))
    step = 1e-5
    plus, minus = (risk(ARCH, theta[0, 0] + s * step * v.numpy(), X, y) for s in (1, -1))
    assert (plus - minus) / (2 * step) == pytest.approx(float(g @ v), rel=1e-6)
    assert torch.allclose(hessian(f)(flat[0]) @ v, Hv, rtol=1e-10)


def test_single_layer_is_linear_and_a_readout_is_refused():
    _, X, y = problem()
    w = np.array([1.0, -2.0, 0.5])
    assert np.allclose(forward(DeepLinear.plain(3, 1), w, X), X @ w)
    arch = DeepLinear.residual(3, 2)
    for call in (
        lambda: forward(arch, np.zeros(arch.n_params), X),
        lambda: torch_risk(arch, X, y),
    ):
        with pytest.raises(ValueError, match="readout"):
            call()
