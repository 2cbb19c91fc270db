"""Hessians of arbitrary torch functions: analytic quartic, then the closed form as oracle."""

import numpy as np
import pytest
import torch
from spectra_oracles import problem, statistics, torch_risk

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import (
    SymmetricOperator,
    extreme_eigenvalues,
    hessian_operator,
    torch_hessian_operator,
)


def test_quartic_has_a_known_hessian():
    theta = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]])
    operator = torch_hessian_operator(lambda t: (t**4).sum() + t[0] * t[1], theta)
    expected = np.stack([np.diag(12 * t**2) for t in theta])
    expected[:, 0, 1] = expected[:, 1, 0] = 1.0
    np.testing.assert_allclose(operator.dense(), expected, rtol=1e-14)
    assert isinstance(operator, SymmetricOperator)


@pytest.mark.parametrize("memory_mb", [1e-6, 0.1, 1024.0])
def test_equals_the_closed_form_whatever_the_memory(memory_mb):
    arch = DeepLinear.plain(3, 3)
    X, y, theta, _ = problem(8, arch, 5)
    exact = hessian_operator(arch, theta, *statistics(X, y))
    operator = torch_hessian_operator(torch_risk(arch, X, y), theta, memory_mb=memory_mb)
    np.testing.assert_allclose(operator.dense(), exact.dense(), atol=1e-13)
    V, pick = np.random.default_rng(0).standard_normal((2, arch.n_params)), np.array([4, 1])
    np.testing.assert_allclose(operator(V, pick), exact(V, pick), atol=1e-13)
    np.testing.assert_allclose(operator.dense(pick), exact.dense(pick), atol=1e-13)
    blocks = np.random.default_rng(1).standard_normal((5, 3, arch.n_params))
    expected = np.einsum("mpq,mbq->mbp", exact.dense(), blocks)
    np.testing.assert_allclose(operator.block_product(blocks), expected, atol=1e-12)


def test_gelu_network_extremes():
    rng = np.random.default_rng(1)
    X = torch.from_numpy(rng.standard_normal((15, 3)))
    y = torch.from_numpy(rng.standard_normal(15))

    def risk(t):
        h = torch.nn.functional.gelu(X @ t[:12].reshape(4, 3).T)
        return ((h @ t[12:] - y) ** 2).mean()

    theta = rng.standard_normal((6, 16))
    dense = [torch.autograd.functional.hessian(risk, torch.from_numpy(t)) for t in theta]
    exact = np.linalg.eigvalsh(torch.stack(dense).numpy())
    r = extreme_eigenvalues(torch_hessian_operator(risk, theta), np.random.default_rng(2))
    np.testing.assert_allclose(r.largest, exact[:, -1], atol=1e-12 * abs(exact).max())
    np.testing.assert_allclose(r.smallest, exact[:, 0], atol=1e-12 * abs(exact).max())
    theta[3] = np.nan
    with pytest.raises(ValueError, match="member 3"):
        extreme_eigenvalues(torch_hessian_operator(risk, theta), np.random.default_rng(2))
