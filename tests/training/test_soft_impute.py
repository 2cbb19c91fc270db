"""Nuclear-norm completion against closed forms, brute force and optimality conditions."""

import numpy as np
import pytest
from scipy.optimize import minimize

from spectral_atlas.training.soft_impute import soft_impute


def completion(seed, shape=(10, 10), rank=3, n_observed=80):
    """A product of two Gaussian factors, and weights 1/N on N of its entries, drawn after it."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    weights = np.zeros(A.size)
    weights[rng.permutation(A.size)[:n_observed]] = 1 / n_observed
    return A, weights.reshape(shape)


@pytest.mark.parametrize("seed", range(3))
def test_full_observation_thresholds_the_singular_values(seed):
    A = np.random.default_rng(seed).standard_normal((7, 5))
    c, ridge = 1 / A.size, 0.04
    found = soft_impute(A, np.full(A.shape, c), ridge)
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    kept = np.maximum(s - ridge / c, 0)
    assert 0 < np.count_nonzero(kept) < 5
    np.testing.assert_allclose(found.A, (U * kept) @ Vt, atol=1e-12)
    value = c * np.sum((s - kept) ** 2) + 2 * ridge * kept.sum()
    assert found.value == pytest.approx(value, rel=1e-13)
    assert found.n_steps == 1


@pytest.mark.parametrize(
    ("ridge", "value"),
    [(3e-3, 0.112762547348), (1e-2, 0.351678738168), (3e-2, 0.894369314623)],
)
def test_known_values_of_a_completion(ridge, value):
    A, weights = completion(1)
    found = soft_impute(np.where(weights > 0, A, np.nan), weights, ridge)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert abs(found.gap) <= 1e-12 * value


@pytest.mark.parametrize("ridge", [1e-4, 3e-3])
@pytest.mark.parametrize("seed", range(3))
def test_unequal_weights_meet_the_optimality_conditions(seed, ridge):
    """-dC/dA / (2 ridge) is U V^T plus something orthogonal of norm at most 1."""
    rng = np.random.default_rng(seed)
    A, weights = completion(seed, (9, 6), 2, 40)
    weights = weights * rng.uniform(0.3, 2.0, weights.shape)
    observed = A + 0.3 * rng.standard_normal(A.shape)
    found = soft_impute(observed, weights, ridge)
    U, s, Vt = np.linalg.svd(found.A, full_matrices=False)
    rank = int(np.sum(s > 1e-9))
    U, V = U[:, :rank], Vt[:rank].T
    G = weights * (observed - found.A) / ridge
    np.testing.assert_allclose(U.T @ G, V.T, atol=1e-6)
    np.testing.assert_allclose(G @ V, U, atol=1e-6)
    assert np.linalg.norm(G, 2) <= 1 + 1e-6
    cost = np.sum(weights * (found.A - observed) ** 2)
    assert found.value == pytest.approx(cost + 2 * ridge * s.sum(), rel=1e-13)


def test_the_gap_bounds_the_error_of_every_early_end():
    A, weights = completion(4)
    best = soft_impute(A, weights, 2e-3).value
    for steps in (0, 1, 5, 20, 60):
        early = soft_impute(A, weights, 2e-3, max_steps=steps)
        assert early.n_steps == steps
        assert early.value - best <= early.gap + 1e-14
        assert early.value >= best - 1e-14
    assert early.gap < 0.05 * best


def test_no_general_minimizer_finds_less():
    A, weights = completion(2, (4, 3), 1, 9)
    ridge = 0.02

    def value(x):
        X = x.reshape(4, 3)
        nuclear = np.linalg.svd(X, compute_uv=False).sum()
        return np.sum(weights * (X - A) ** 2) + 2 * ridge * nuclear

    found = soft_impute(A, weights, ridge)
    start = found.A.ravel() + 0.1 * np.random.default_rng(0).standard_normal(12)
    other = minimize(value, start, method="Powell", options={"ftol": 1e-12, "xtol": 1e-9})
    assert value(found.A.ravel()) == pytest.approx(found.value, rel=1e-13)
    assert found.value <= other.fun + 1e-12
    assert other.fun < found.value * 1.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": 0.0}, r"ridge = 0\.0: must be > 0"),
        ({"weights": np.full((3, 2), -1.0)}, "weights: must be finite and >= 0"),
        ({"weights": np.zeros((3, 2))}, "one at least > 0"),
        ({"weights": np.ones((2, 3))}, "weights"),
        ({"observed": np.full((3, 2), np.nan)}, "observed: must be finite"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"observed": np.ones((3, 2)), "weights": np.ones((3, 2)), "ridge": 0.1, **change}
    with pytest.raises((ValueError, TypeError), match=message):  # shapes are typed, too
        soft_impute(**arguments)
