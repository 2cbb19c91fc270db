"""What the claims compute by: closed forms in numpy, and two-sample comparisons."""

import numpy as np
import pytest

from spectral_atlas.papers.marion2024.claims.closed_form import (
    balanced_rank_one,
    drift,
    layers_of,
    minimizer_sharpness,
    product,
    rescaled_sharpness,
)
from spectral_atlas.papers.marion2024.claims.statistics import (
    one_more,
    same_share,
    smallest_corrected,
    stratified_rank,
)
from spectral_atlas.papers.marion2024.problem import Problem


def dense_hessian(layers, problem):
    """Central differences of the risk in all weights."""
    shapes = [layer.shape for layer in layers]
    flat = np.concatenate([layer.ravel() for layer in layers])

    def risk(x):
        w, used = np.eye(problem.d), 0
        for rows, columns in shapes:
            w = x[used : used + rows * columns].reshape(rows, columns) @ w
            used += rows * columns
        return np.mean((problem.y - problem.X @ w[0]) ** 2)

    h, n = 1e-3, flat.size
    steps = h * np.eye(n)
    return np.array([
        [(risk(flat + a + b) - risk(flat + a - b) - risk(flat - a + b) + risk(flat - a - b))
         / (4 * h * h) for b in steps] for a in steps
    ])  # fmt: skip


def test_closed_form_is_the_largest_eigenvalue_of_the_dense_hessian():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 2)), rng.standard_normal(9)
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    problem = Problem(X, y, X, y, w)
    a, b = (rng.standard_normal((2, 2)) for _ in range(2))
    layers = [a, b, np.linalg.solve((b @ a).T, w)[None]]
    measured = minimizer_sharpness([layer[None] for layer in layers], problem.Sigma)[0]
    assert measured == pytest.approx(np.linalg.eigvalsh(dense_hessian(layers, problem))[-1], 1e-4)


def test_balanced_rank_one_network_has_its_product_and_no_drift_to_itself():
    w = np.array([1.0, -2.0, 0.5])
    layers = balanced_rank_one(w, 4)
    assert product(layers)[0, 0] == pytest.approx(w)
    assert drift(layers, layers) == pytest.approx([0.0])


def test_layers_of_flat_weights():
    theta = np.arange(2 * 13.0).reshape(2, 13)
    last = layers_of(theta, 3, 2)
    assert [layer.shape[1:] for layer in last] == [(2, 2), (2, 2), (1, 2)]
    assert last[1][1].ravel() == pytest.approx(theta[1, 4:8])


def test_comparisons_accept_the_same_and_reject_the_different():
    rng = np.random.default_rng(1)
    sample = rng.standard_normal(20)
    assert one_more(sample, 0.3) > 0.1
    assert one_more(sample, 9.0) < 1e-6
    assert same_share(5, 20, 6, 20) > 0.5
    assert same_share(0, 20, 18, 20) < 1e-6
    assert smallest_corrected([0.004, 0.5]) == pytest.approx(0.008)


def test_stratified_rank_sees_a_shift_within_strata_only():
    rng = np.random.default_rng(2)
    strata = [(rng.standard_normal(8) + k, rng.standard_normal(9) + k) for k in range(30)]
    assert abs(stratified_rank(strata)[0]) < 3
    z, share = stratified_rank([(a + 2, b) for a, b in strata])
    assert z > 8
    assert share > 0.8


def test_rescaling_two_layers_sharpens_quadratically():
    w = np.array([0.6, 0.8])
    problem = Problem(np.eye(2), w, np.eye(2), w, w)
    one, large = rescaled_sharpness(problem, balanced_rank_one(w, 3), np.array([1e3, 1e4]))
    assert large / one == pytest.approx(100, rel=1e-4)
