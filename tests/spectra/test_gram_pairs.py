"""Leading eigenpairs of weighted Gram matrices: float32 first, float64 last."""

from __future__ import annotations

import numpy as np
import pytest

from spectral_atlas.spectra import gram_pairs
from spectral_atlas.spectra.gram_pairs import GramSolver
from spectral_atlas.spectra.weighted_gram import WeightedGram

SEEDS = [11, 12, 13]


def samples(rng: np.random.Generator, n: int, d: int, scales: np.ndarray | None = None):
    X = rng.standard_normal((n, d))
    return X if scales is None else X * scales


def exact(X: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh((X * w[:, None]).T @ X / len(X))
    return values[::-1], vectors[:, ::-1].T


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["no gap", "outliers", "gates", "tiny", "heavy tail"])
def test_values_have_all_digits_and_vectors_most(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d, count = 1500, 300, 12
    scales = np.ones(d)
    if kind == "outliers":
        scales[:10] = np.linspace(5, 4, 10)
    X, w = samples(rng, n, d, scales), rng.random(n)
    if kind == "gates":
        w *= rng.random(n) < 0.5
    if kind == "tiny":
        w *= 1e-60  # out of float32's range
    if kind == "heavy tail":
        w = rng.random(n) ** 20
    found = GramSolver(X).leading(operator := WeightedGram(X, w[None]), 0, count)
    values, vectors = exact(X, w)
    np.testing.assert_allclose(found.values, values[:count], rtol=1e-10)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(count), atol=1e-12)
    product = operator.block_product(found.vectors[None])[0]
    residuals = np.linalg.norm(product - found.values[:, None] * found.vectors, axis=1)
    np.testing.assert_allclose(residuals, found.residuals, rtol=1e-3, atol=1e-12 * values[0])
    assert found.residuals.max() <= 1e-5 * values[0]
    # The span of the leading ten, where a gap lets it be known.
    cosines = np.linalg.svd(found.vectors[:10] @ vectors[:10].T, compute_uv=False)
    gap = (values[9] - values[10]) / values[0]
    assert np.sqrt(1 - min(1, cosines.min() ** 2)) < 1e-6 + 1e-5 / gap * 0.2


def test_members_are_told_apart_and_small_matrices_are_dense() -> None:
    rng = np.random.default_rng(3)
    for n, d in ((40, 12), (900, 280)):
        X = samples(rng, n, d)
        weights = rng.random((3, n))
        solver, operator = GramSolver(X), WeightedGram(X, weights)
        for member in (2, 0):
            found = solver.leading(operator, member, 5)
            np.testing.assert_allclose(found.values, exact(X, weights[member])[0][:5], rtol=1e-10)
    assert solver.leading(operator, 1, 1000).values.shape == (280,)


def test_what_float32_cannot_do_is_done_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rough subspace that is wrong must show in the residuals."""
    rng = np.random.default_rng(5)
    X, w = samples(rng, 900, 300), rng.random(900)
    asked = []

    def wrong(X: np.ndarray, w: np.ndarray) -> np.ndarray:
        asked.append(X.dtype)
        return np.diag(rng.random(X.shape[1])).astype(X.dtype)

    monkeypatch.setattr(gram_pairs, "weighted_gram", wrong)
    found = GramSolver(X).leading(WeightedGram(X, w[None]), 0, 4)
    assert asked == [np.float32]
    np.testing.assert_allclose(found.values, exact(X, w)[0][:4], rtol=1e-12)
    assert found.residuals.max() < 1e-12


def test_zero_and_nan_weights() -> None:
    X = samples(np.random.default_rng(1), 600, 300)
    zero = GramSolver(X).leading(WeightedGram(X, np.zeros((1, 600))), 0, 3)
    assert (zero.values == 0).all()
    assert np.isfinite(zero.vectors).all()
    bad = np.ones((1, 600))
    bad[0, 7] = np.nan
    assert np.isnan(GramSolver(X).leading(WeightedGram(X, bad), 0, 3).values).all()


def test_what_it_is_not_for_is_refused() -> None:
    X = samples(np.random.default_rng(1), 20, 5)
    solver = GramSolver(X)
    with pytest.raises(ValueError, match="its X must be the solver's own array"):
        solver.leading(WeightedGram(X.copy(), np.ones((1, 20))), 0, 2)
    with pytest.raises(ValueError, match="weights must be >= 0"):
        solver.leading(WeightedGram(X, -np.ones((1, 20))), 0, 2)
    with pytest.raises(ValueError, match="the ridge 0"):
        solver.leading(WeightedGram(X, np.ones((1, 20)), 0.1), 0, 2)
