"""Every formula against brute force: dense float64 Hessians by automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectral_atlas.data.regression import threefry_regression
from spectral_atlas.papers.marion2024 import theory

DEPTHS = (2, 3, 5, 10, 20, 40)
# L: 2La, balanced rank-one, least rank-one, upper end; on the data set of the published code.
TABLE = {
    2: (3.7312, 3.8322, 3.8227, 5.829),
    3: (5.5968, 5.6602, 5.6584, 8.047),
    5: (9.3281, 9.3785, 9.3776, 12.132),
    10: (18.6561, 18.7001, 18.6996, 21.796),
    20: (37.3122, 37.3536, 37.3531, 40.656),
    40: (74.6244, 74.6647, 74.6642, 78.083),
}


def problem(seed: int, d: int = 3, norm: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Sigma and w* of the given norm."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((4 * d, d)) * np.geomspace(1, 3, d)
    w = rng.standard_normal(d)
    return X.T @ X / len(X), norm * w / np.linalg.norm(w)


def constants(Sigma: np.ndarray, w_star: np.ndarray) -> tuple[float, float, float]:
    """a, Lambda and |w*|."""
    norm = float(np.linalg.norm(w_star))
    return float(w_star @ Sigma @ w_star) / norm**2, float(np.linalg.eigvalsh(Sigma)[-1]), norm


def aligned_layers(w_star: np.ndarray, norms: np.ndarray) -> list[np.ndarray]:
    """Rank-one layers with the given norms, aligned along one unit vector, with product w*."""
    d, u = len(w_star), w_star / np.linalg.norm(w_star)
    e = np.full(d, d**-0.5)
    inner = [norm * np.outer(e, e) for norm in norms[1:-1]]
    return [norms[0] * np.outer(e, u), *inner, norms[-1] * e[None]]


def dense_sharpness(layers: list[np.ndarray], Sigma: np.ndarray, w_star: np.ndarray) -> float:
    """Largest Hessian eigenvalue of (w - w*)^T Sigma (w - w*) in all weights, by autograd."""
    S, w = torch.tensor(Sigma), torch.tensor(w_star)
    shapes = [layer.shape for layer in layers]

    def risk(flat: torch.Tensor) -> torch.Tensor:
        row, at = torch.eye(len(w_star), dtype=torch.float64), 0
        for rows, columns in shapes:
            row = flat[at : at + rows * columns].reshape(rows, columns) @ row
            at += rows * columns
        error = row[0] - w
        return error @ S @ error

    flat = torch.tensor(np.concatenate([layer.ravel() for layer in layers]))
    assert float(risk(flat)) < 1e-20
    hessian = torch.autograd.functional.hessian(risk, flat, vectorize=True)
    return float(torch.linalg.eigvalsh(hessian)[-1])


@pytest.mark.parametrize("norm", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_rank_one_limit_is_the_dense_sharpness(depth, norm):
    Sigma, w_star = problem(depth, norm=norm)
    layers = aligned_layers(w_star, np.full(depth, norm ** (1 / depth)))
    expected = dense_sharpness(layers, Sigma, w_star)
    assert theory.rank_one_limit(Sigma, w_star, depth) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("norm", [1.0, 2.0])
def test_unbalanced_minimizers(norm):
    Sigma, w_star = problem(9, norm=norm)
    norms = np.array([0.7, 1.6, 0.4])
    norms = np.append(norms, norm / np.prod(norms))
    expected = dense_sharpness(aligned_layers(w_star, norms), Sigma, w_star)
    assert theory.aligned_sharpness(Sigma, w_star, norms) == pytest.approx(expected, rel=1e-10)
    share = norm ** (1 / 4)
    first = np.array([1.3, *[(norm / 1.3) ** (1 / 3)] * 3])
    expected = dense_sharpness(aligned_layers(w_star, first), Sigma, w_star)
    assert theory.rank_one_sharpness(Sigma, w_star, 4, 1.3) == pytest.approx(expected, rel=1e-10)
    scaled = np.array([share * 3, share / 3, share, share])
    expected = dense_sharpness(aligned_layers(w_star, scaled), Sigma, w_star)
    assert theory.rescaled_sharpness(Sigma, w_star, 4, 3.0) == pytest.approx(expected, rel=1e-10)


def test_layer_norms_must_fit():
    Sigma, w_star = problem(1)
    with pytest.raises(ValueError, match=r"multiply to 2, not to \|w\*\| = 1"):
        theory.aligned_sharpness(Sigma, w_star, np.array([1.0, 2.0]))


def test_one_layer_is_convex_regression():
    Sigma, w_star = problem(2, norm=1.7)
    expected = 2 * np.linalg.eigvalsh(Sigma)[-1]
    assert theory.rank_one_limit(Sigma, w_star, 1) == pytest.approx(expected, rel=1e-12)
    assert theory.least_rank_one_sharpness(Sigma, w_star, 1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_published_data_set(depth):
    data = threefry_regression(50, 5, 1.0)
    a, Lambda, norm = constants(data.Sigma, data.w_star)
    found = (
        theory.lower_bound(depth, a, norm),
        theory.rank_one_limit(data.Sigma, data.w_star, depth),
        theory.least_rank_one_sharpness(data.Sigma, data.w_star, depth),
        theory.upper_end(depth, a, Lambda, norm),
    )
    np.testing.assert_allclose(found, TABLE[depth], rtol=0, atol=6e-4)


def test_published_constants():
    data = threefry_regression(50, 5, 1.0)
    a, Lambda, norm = constants(data.Sigma, data.w_star)
    assert a == pytest.approx(0.93281, abs=1e-5)
    assert theory.small_scale_bound(10, Lambda, norm) == pytest.approx(127.53, abs=0.01)
    assert theory.ratio_bound(np.linalg.cond(data.Sigma)) == pytest.approx(10.67, abs=0.01)
    for depth, eta in ((5, 0.21441), (10, 0.10720), (20, 0.05360), (40, 0.02680)):
        assert theory.critical_learning_rate(depth, a) == pytest.approx(eta, abs=1e-5)


@pytest.mark.parametrize("norm", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_order_of_the_bounds(seed, norm):
    Sigma, w_star = problem(seed, d=4, norm=norm)
    a, Lambda, _ = constants(Sigma, w_star)
    for depth in DEPTHS:
        power = norm ** (2 - 2 / depth)
        ladder = [
            theory.lower_bound(depth, a, norm),
            theory.least_rank_one_sharpness(Sigma, w_star, depth),
            theory.rank_one_limit(Sigma, w_star, depth),
            2 * power * (Lambda + (depth - 1) * a),
            theory.upper_end(depth, a, Lambda, norm),
            theory.small_scale_bound(depth, Lambda, norm),
        ]
        assert np.all(np.diff(ladder) >= -1e-9 * ladder[0])
        largest = theory.small_scale_bound(depth, Lambda, norm) / ladder[0]
        assert largest <= theory.ratio_bound(np.linalg.cond(Sigma)) * (1 + 1e-12)


@pytest.mark.parametrize("depth", [2, 5, 40])
def test_least_rank_one_is_the_least_on_a_grid(depth):
    Sigma, w_star = problem(6, norm=1.4)
    least = theory.least_rank_one_sharpness(Sigma, w_star, depth)
    share = 1.4 ** (1 / depth)
    grid = [
        theory.rank_one_sharpness(Sigma, w_star, depth, share * t)
        for t in np.geomspace(0.4, 2.5, 801)
    ]
    assert least <= min(grid) * (1 + 1e-12)
    assert least == pytest.approx(min(grid), rel=1e-4)


def test_rescaling_has_no_upper_bound():
    Sigma, w_star = problem(8)
    values = [theory.rescaled_sharpness(Sigma, w_star, 4, t) for t in (1, 10, 100, 1000)]
    assert values[0] == theory.rank_one_limit(Sigma, w_star, 4)
    assert values[2] / values[1] == pytest.approx(100, rel=0.05)
    assert values[3] / values[2] == pytest.approx(100, rel=0.001)
    assert theory.rescaled_sharpness(Sigma, w_star, 4, 1e-3) > 1e5


def test_thresholds():
    assert theory.critical_learning_rate(10, 0.8, 2.0) == pytest.approx(1 / (8 * 2**1.8))
    assert theory.edge_of_stability(0.02) == 100
