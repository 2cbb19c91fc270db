"""The small Gram matrix has the spectrum of the gradient matrix, and its eigenvectors."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra.gram import (
    add_mean_terms,
    gradient_matrix_eigenvalues,
    gradient_matrix_spectrum,
)

RNG = np.random.default_rng(6)
EPS = np.finfo(np.float64).eps
SHAPES = {"n < p": (9, 20), "n = p": (12, 12), "n > p": (25, 8), "one": (1, 5), "wide": (4, 1)}


def explicit(g, centred=False):
    """G and its eigenvalues, descending, from the definition."""
    g = g - g.mean(axis=0) if centred else g
    G = sum(np.outer(row, row) for row in g) / len(g)
    return G, np.linalg.eigvalsh(G)[::-1]


def check_vectors(G, result):
    """Unit, orthogonal where known, small residual relative to what the docstring states."""
    values, U = result.values[: len(result.vectors)], result.vectors
    known = values > result.bound
    np.testing.assert_array_equal(np.isnan(U).any(axis=1), ~known)
    U, values = U[known], values[known]
    np.testing.assert_allclose(np.linalg.norm(U, axis=1), 1.0, rtol=1e-14)
    top = values[0] if len(values) else 0.0
    residual = np.linalg.norm(U @ G - values[:, None] * U, axis=1)
    assert (residual <= 30 * EPS * top * np.sqrt(top / values)).all()
    if len(values):
        assert np.abs(U @ U.T - np.eye(len(U))).max() < 30 * EPS * top / values[-1]


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("as_kind", [np.asarray, torch.from_numpy])
def test_spectrum_of_the_explicit_matrix(name, centred, as_kind):
    n, p = SHAPES[name]
    g = RNG.standard_normal((n, p)) + 2.0
    G, values = explicit(g, centred)
    rank = min(n - 1 if centred else n, p)
    result = gradient_matrix_spectrum(as_kind(g), centred=centred, n_vectors=rank)
    assert (tuple(result.values.shape), result.n_zeros) == ((rank,), p - rank)
    together = np.concatenate([np.asarray(result.values), np.zeros(result.n_zeros)])
    np.testing.assert_allclose(together, values, rtol=0, atol=4 * EPS * p * (values[0] + 1e-300))
    assert np.abs(together - values).max() <= float(result.bound) + p * EPS * values[0]
    if rank and as_kind is np.asarray:
        check_vectors(G, result)
    if rank and as_kind is torch.from_numpy:
        mine = gradient_matrix_spectrum(g, centred=centred, n_vectors=rank)
        np.testing.assert_allclose(result.values.numpy(), mine.values, atol=1e-13 * values[0])
        overlap = np.abs((result.vectors.numpy() * mine.vectors).sum(axis=1))
        np.testing.assert_allclose(overlap, 1.0, atol=1e-9)
    alone = gradient_matrix_eigenvalues(as_kind(g), centred=centred)
    np.testing.assert_allclose(np.asarray(alone), np.asarray(result.values), atol=1e-12)


@pytest.mark.parametrize("shape", [(9, 20), (25, 8)])
def test_the_bound_holds_for_known_singular_values(shape):
    n, p = shape
    r = min(shape)
    U, V = (
        np.linalg.qr(RNG.standard_normal((n, r)))[0],
        np.linalg.qr(RNG.standard_normal((p, r)))[0],
    )
    singular = 10.0 ** -np.arange(0, 2 * r, 2)[:r]  # squares reach far below eps
    result = gradient_matrix_spectrum((U * singular) @ V.T)
    assert np.abs(result.values - singular**2 / n).max() <= result.bound
    assert result.bound < 100 * EPS * result.values[0] * r


@pytest.mark.parametrize("shape", [(9, 20), (25, 8)])
def test_duplicated_and_zero_gradients(shape):
    n, p = shape
    g = np.repeat(RNG.standard_normal((1, p)), n, axis=0)
    G, _ = explicit(g)
    result = gradient_matrix_spectrum(g, n_vectors=min(shape))
    np.testing.assert_allclose(result.values[0], g[0] @ g[0], rtol=1e-14)
    assert (result.values[1:] <= result.bound).all()
    check_vectors(G, result)
    np.testing.assert_allclose(np.abs(result.vectors[0] @ g[0]), np.linalg.norm(g[0]), rtol=1e-14)
    same = gradient_matrix_spectrum(g, centred=True)  # no spread; at most the mean's rounding
    assert (same.values <= n * EPS**2 * n * (g[0] @ g[0])).all()
    nothing = gradient_matrix_spectrum(np.zeros(shape), n_vectors=2)
    assert not nothing.values.any()
    assert nothing.bound == 0
    assert np.isnan(nothing.vectors).all()


def test_centring_survives_a_large_mean():
    g = RNG.standard_normal((9, 20))
    far = g + 1e6  # centring K would leave errors of 1e12 * eps
    values = gradient_matrix_eigenvalues(far, centred=True)
    _, exact = explicit(far - 1e6, centred=True)
    np.testing.assert_allclose(values, exact[:8], rtol=1e-12)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("shape", [(23, 40), (40, 11)])
@pytest.mark.parametrize("rows", [2, 7, 20, 1000])
@pytest.mark.parametrize("as_kind", [np.asarray, torch.from_numpy])
def test_gradients_in_chunks_give_the_same(shape, rows, centred, as_kind):
    n, p = shape
    g = RNG.standard_normal(shape) + 1.0
    asked = []

    def source(start, stop):
        asked.append((start, stop))
        return as_kind(g[start:stop])

    result = gradient_matrix_spectrum(
        source, n_samples=n, centred=centred, n_vectors=3, memory_mb=rows * p * 8 / 2**20
    )
    whole = gradient_matrix_spectrum(as_kind(g), centred=centred, n_vectors=3)
    np.testing.assert_allclose(np.asarray(result.values), np.asarray(whole.values), atol=1e-13)
    overlap = np.abs((np.asarray(result.vectors) * np.asarray(whole.vectors)).sum(axis=1))
    np.testing.assert_allclose(overlap, 1.0, atol=1e-12)
    assert result.n_zeros == whole.n_zeros
    assert max(stop - start for start, stop in asked) <= (n if rows >= n else rows // 2)
    if rows >= n:
        assert asked == [(0, 1), (0, n)]
    else:
        chunks = -(-n // (rows // 2))
        passes = chunks + chunks * centred + (chunks if n > p else chunks * (chunks + 1) // 2)
        assert len(asked) <= 1 + passes


def test_members_are_independent_and_nan_stays_in_its_own():
    for n, p in ((5, 9), (9, 5)):
        g = RNG.standard_normal((4, n, p))
        g[2, 1, 3] = np.nan
        result = gradient_matrix_spectrum(g, n_vectors=2)
        for m in (0, 1, 3):
            alone = gradient_matrix_spectrum(g[m], n_vectors=2)
            np.testing.assert_allclose(result.values[m], alone.values, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(result.bound[m], alone.bound, rtol=1e-12)
            check_vectors(explicit(g[m])[0], alone)
            np.testing.assert_allclose(np.abs((result.vectors[m] * alone.vectors).sum(1)), 1.0)
        for part in (result.values, result.bound, result.vectors):
            assert np.isnan(part[2]).all()


@pytest.mark.parametrize("as_kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (2, 6, 4)])
def test_float32_stays_float32(shape, as_kind):
    g = RNG.standard_normal(shape)
    g32 = as_kind(g.astype(np.float32))
    result = gradient_matrix_spectrum(g32, n_vectors=2, centred=True)
    assert result.values.dtype == result.vectors.dtype == result.bound.dtype == g32.dtype
    exact = gradient_matrix_eigenvalues(g, centred=True)
    gap = np.abs(np.asarray(result.values) - exact).max(axis=-1)
    # the input's own rounding is not the bound's business
    assert (gap <= np.asarray(result.bound) + 4e-7 * exact[..., 0]).all()


def test_mean_terms_are_those_of_shifted_gradients():
    g, h = RNG.standard_normal((30, 4)), RNG.standard_normal((30, 3))
    x, y, beta = RNG.standard_normal(4), RNG.standard_normal(3), 0.7
    G, means = g.T @ h / 30, (g.mean(0), h.mean(0))
    shifted = (g + beta * x).T @ (h + beta * y) / 30
    np.testing.assert_allclose(add_mean_terms(G, means, (x, y), beta, False), shifted, atol=1e-14)
    spread = (g - means[0]).T @ (h - means[1]) / 30
    np.testing.assert_allclose(add_mean_terms(G, means, (x, y), beta, True), spread, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_matrix_spectrum(np.ones(3)), "gradients: expected"),
        (lambda: gradient_matrix_spectrum(np.ones((0, 3))), "none 0"),
        (lambda: gradient_matrix_spectrum(np.ones((2, 3)), n_samples=2), "as a function"),
        (lambda: gradient_matrix_spectrum(lambda a, b: np.ones((b - a, 3))), "n_samples: expected"),
        (
            lambda: gradient_matrix_spectrum(lambda a, b: np.ones(3), n_samples=2),
            r"expected \(1, p\)",
        ),
        (lambda: gradient_matrix_spectrum(np.ones((2, 3)), n_vectors=3), "expected 0 to 2"),
        (
            lambda: gradient_matrix_spectrum(np.ones((2, 3), int)),
            "gradients: .* numbers, got int64",
        ),
        (
            lambda: gradient_matrix_spectrum(lambda a, b: np.ones((b - a, 3), int), n_samples=2),
            "gradients: expected floating-point numbers, got int64",
        ),
        (lambda: gradient_matrix_spectrum(np.ones((2, 3)), memory_mb=-1), "memory_mb: expected"),
        (
            lambda: gradient_matrix_spectrum(np.ones((2, 3)), n_vectors=2, centred=True),
            "expected 0 to 1",
        ),
    ],
)
def test_misfits_are_refused_in_one_line(call, message, monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
