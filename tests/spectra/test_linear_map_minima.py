"""Random minimizers of deep linear maps, and the closed form of Hessians there."""

from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end
from spectral_atlas.spectra import linear_map_hessian
from spectral_atlas.spectra.linear_map_minima import (
    minimizer_sharpness,
    minimizer_spectrum,
    random_minimizer,
    second_moment_root,
)

WIDTHS = ((2, 3, 2), (2, 3, 3, 2), (3, 4, 2), (1, 4, 1), (4, 2, 5, 3, 2), (3, 2), (2, 5, 4, 3))


def net(*widths):
    return DeepLinear(tuple((o, i) for i, o in pairwise(widths)), outputs=widths[-1])


def target_of(rng, o, i, rank=None):
    rank = min(o, i) if rank is None else rank
    return rng.standard_normal((o, rank)) @ rng.standard_normal((rank, i))


def autograd_hessian(arch, theta, X, Y):
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def loss(flat):
        out, at = x, 0
        for rows, columns in arch.shapes:
            out = flat[at : at + rows * columns].reshape(rows, columns) @ out
            at += rows * columns
        return ((y - out) ** 2).sum()

    return torch.autograd.functional.hessian(loss, torch.from_numpy(theta), vectorize=True).numpy()


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("seed", [0, 1])
def test_nonzero_spectrum_of_the_hessian_with_noise(widths, seed):
    rng, arch = np.random.default_rng(seed), net(*widths)
    o, i = widths[-1], widths[0]
    X, target = rng.standard_normal((i, 9)), target_of(rng, o, i)
    noise = rng.standard_normal((o, 9))
    Y = target @ X + noise - noise @ np.linalg.pinv(X) @ X  # no linear map sees the rest
    theta = random_minimizer(rng, arch, target)
    exact = np.linalg.eigvalsh(autograd_hessian(arch, theta, X, Y))
    found = minimizer_spectrum(arch.unflatten(theta), X @ X.T)
    assert found.shape == (o * i,)
    np.testing.assert_allclose(found, exact[-o * i :], atol=1e-11 * exact[-1])
    np.testing.assert_allclose(exact[: -o * i], 0, atol=1e-11 * exact[-1])
    assert found[0] > 1e-9 * exact[-1]
    assert minimizer_sharpness(arch.unflatten(theta), X @ X.T) == found[-1]


@pytest.mark.parametrize(("widths", "n"), [((3, 4, 2), 2), ((4, 5, 5, 2), 3), ((5, 6, 1), 2)])
def test_fewer_samples_than_inputs(widths, n):
    rng, arch = np.random.default_rng(3), net(*widths)
    X, target = rng.standard_normal((widths[0], n)), target_of(rng, widths[-1], widths[0])
    theta = random_minimizer(rng, arch, target)
    exact = np.linalg.eigvalsh(autograd_hessian(arch, theta, X, target @ X))
    found, rank = minimizer_spectrum(arch.unflatten(theta), X @ X.T), widths[-1] * n
    np.testing.assert_allclose(found[-rank:], exact[-rank:], rtol=1e-9)
    assert (found > 1e-8 * found[-1]).sum() == rank == (exact > 1e-8 * exact[-1]).sum()


def test_diagonal_second_moment_is_the_weighted_loss():
    rng, arch = np.random.default_rng(4), net(3, 3, 4, 2)
    target, s = target_of(rng, 2, 3), np.array([2.0, 0.5, 1.0])
    theta = random_minimizer(rng, arch, target)
    H = linear_map_hessian(arch, theta[None], target, np.tile(s, (2, 1))).dense()[0]
    found = minimizer_spectrum(arch.unflatten(theta), np.diag(s))
    np.testing.assert_allclose(found, np.linalg.eigvalsh(H)[-6:], rtol=1e-9)


def test_closed_forms():
    w = np.array([2.0, -0.5, 3.0, 0.7])  # 2 s p^2 sum 1 / w^2
    value = minimizer_spectrum([x.reshape(1, 1) for x in w], np.array([[0.3]]))
    np.testing.assert_allclose(value, [2 * 0.3 * w.prod() ** 2 * (w**-2.0).sum()], rtol=1e-14)
    rng = np.random.default_rng(0)
    V, U = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
    u, v = (np.linalg.svd(m, compute_uv=False) ** 2 for m in (U, V))
    both = np.sort(2 * np.add.outer(u, v).ravel())
    np.testing.assert_allclose(minimizer_spectrum([V, U], np.eye(3)), both, rtol=1e-13)
    for e in (0.01, 0.1, 0.5):
        layers = [np.diag([1 / e, 0.0]), np.array([[e, 0.0]])]
        np.testing.assert_allclose(
            minimizer_spectrum(layers, np.eye(2)), [2 * e**2, 2 * (e**2 + e**-2)], rtol=1e-11
        )


def test_leading_dimensions_and_members_that_are_not_finite():
    rng, arch = np.random.default_rng(1), net(2, 3, 3, 2)
    theta = np.stack([random_minimizer(rng, arch, np.eye(2)) for _ in range(6)])
    theta = theta.reshape(2, 3, -1)
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    together = minimizer_spectrum(arch.unflatten(theta), S)
    for k in np.ndindex(2, 3):
        alone = minimizer_spectrum(arch.unflatten(theta[k]), S)
        np.testing.assert_allclose(together[k], alone, rtol=1e-12)
    theta[1, 2, 0] = np.inf
    lost = np.isnan(minimizer_sharpness(arch.unflatten(theta), S))
    assert lost.sum() == 1
    assert lost[1, 2]


@pytest.mark.parametrize(
    ("widths", "rank"),
    [
        ((2, 3, 2), 2),
        ((4, 3, 3, 4), 2),  # no hidden layer as wide as either end
        ((4, 2, 5, 3), 2),
        ((2, 3, 5), 2),  # narrower than the output
        ((5, 2, 3), 1),
        ((3, 1, 4, 1, 3), 1),
        ((3, 4), 2),
        ((3, 4, 3), 0),
    ],
)
def test_random_minimizers_fit_and_are_generic(widths, rank):
    arch = net(*widths)
    target = target_of(np.random.default_rng(7), widths[-1], widths[0], rank)
    first, second = (
        random_minimizer(np.random.default_rng(seed), arch, target, std=0.8) for seed in (0, 1)
    )
    for theta in (first, second):
        size = max(1.0, np.abs(theta).max()) ** arch.depth
        A = end_to_end(arch.unflatten(theta))
        np.testing.assert_allclose(A, target, atol=1e-13 * size)
    if arch.depth > 1:
        assert np.abs(first - second).min() > 0
        for w in arch.unflatten(first)[1:-1]:  # drawn freely, so of full rank
            assert np.linalg.matrix_rank(w) == min(w.shape)


def test_free_weights_have_the_spread_asked_for():
    arch = net(2, 50, 50, 2)
    layers = arch.unflatten(random_minimizer(np.random.default_rng(0), arch, np.eye(2), std=3.0))
    assert layers[1].std() * np.sqrt(50) == pytest.approx(3.0, rel=0.05)
    assert layers[2].std() * np.sqrt(50) == pytest.approx(3.0, rel=0.2)


def test_second_moment_root():
    G = np.random.default_rng(0).standard_normal((4, 3))
    R = second_moment_root(G @ G.T)
    np.testing.assert_allclose(R @ R, G @ G.T, atol=1e-13)
    np.testing.assert_allclose(R, R.T, atol=1e-15)


def test_errors(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    rng, arch = np.random.default_rng(0), net(2, 3, 1, 2)
    with pytest.raises(ValueError, match=r"widths\[2\] = 1: must be at least 2, the rank of the"):
        random_minimizer(rng, arch, np.eye(2))
    with pytest.raises(ValueError, match="std = 0: must be > 0"):
        random_minimizer(rng, net(2, 2, 2), np.eye(2), std=0)
    with pytest.raises(ValueError, match=r"target: expected \(2, 2\), finite"):
        random_minimizer(rng, arch, np.eye(3))
    with pytest.raises(ValueError, match=r"target: expected \(2, 2\), finite"):
        random_minimizer(rng, arch, np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"arch\.readout = True"):
        random_minimizer(rng, DeepLinear.residual(2, 2), np.eye(2))
    layers = [np.eye(2), np.eye(2)]
    with pytest.raises(ValueError, match="no negative eigenvalue"):
        minimizer_spectrum(layers, np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match="must be 0"):
        minimizer_spectrum(layers, np.array([[1.0, 1.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match=r"S: expected \(2, 2\), got \(3, 3\)"):
        minimizer_spectrum(layers, np.eye(3))
    with pytest.raises(ValueError, match="expected a finite square matrix"):
        minimizer_spectrum(layers, np.full((2, 2), np.nan))
