"""X^T diag(w) X against the plain product, for weights of every sign, kind and dtype."""

import subprocess
import sys

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra import SymmetricOperator, extreme_eigenvalues
from spectral_atlas.spectra.weighted_gram import WeightedGram, row_slabs, weighted_gram

RNG = np.random.default_rng(3)
N, D = 83, 7
X = RNG.standard_normal((N, D))
WEIGHTS = {
    "positive": RNG.random(N),
    "negative": -RNG.random(N),
    "mixed": RNG.standard_normal(N),
    "gated": RNG.random(N) * (RNG.random(N) < 0.5),
    "mixed and gated": RNG.standard_normal(N) * (RNG.random(N) < 0.3),
    "one row": np.eye(N)[5],
    "zero": np.zeros(N),
    "tiny": np.full(N, 1e-300),
}


def plain(X, w):
    return X.T @ (w[:, None] * X) / len(X)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_is_the_plain_product_and_exactly_symmetric(name, kind):
    w = WEIGHTS[name]
    expected = plain(X, w)
    as_kind = np.asarray if kind == "numpy" else torch.from_numpy
    A = np.asarray(weighted_gram(as_kind(X), as_kind(w)))
    np.testing.assert_array_equal(A, A.T)
    size = (np.abs(X).T @ (np.abs(w)[:, None] * np.abs(X))).max() / N
    np.testing.assert_allclose(A, expected, rtol=0, atol=1e-14 * size)


@pytest.mark.parametrize("rows", [1, 2, 10, 82, 83, 1000])
def test_chunks_change_nothing_but_rounding(rows):
    w = WEIGHTS["mixed and gated"]
    A = weighted_gram(X, w, memory_mb=rows * D * 8 / 2**20)
    np.testing.assert_allclose(A, plain(X, w), rtol=0, atol=1e-15)


def test_chunked_copies_keep_to_their_memory():
    import tracemalloc

    big = RNG.standard_normal((20000, 20))
    tracemalloc.start()
    weighted_gram(big, RNG.standard_normal(20000), memory_mb=0.25)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**18 + 5 * 8 * 20000  # beside the chunk: a few vectors of length n


def test_scale_strides_and_float32():
    w = WEIGHTS["mixed"]
    np.testing.assert_allclose(weighted_gram(X, w, scale=-2.0), -2 * N * plain(X, w), atol=1e-12)
    wide = np.asfortranarray(np.repeat(X, 2, axis=1))[:, ::2]
    np.testing.assert_allclose(weighted_gram(wide, w), plain(X, w), atol=1e-15)
    for x32 in (X.astype(np.float32), torch.from_numpy(X).float()):
        A = weighted_gram(x32, w if isinstance(x32, np.ndarray) else torch.from_numpy(w))
        assert A.dtype == x32.dtype
        np.testing.assert_allclose(np.asarray(A), plain(X, w), atol=1e-6)


def test_a_tensor_that_asks_for_gradients_is_read_as_data():
    A = weighted_gram(torch.from_numpy(X).requires_grad_(), torch.from_numpy(WEIGHTS["mixed"]))
    assert not A.requires_grad


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_weight_is_not_dropped_as_a_closed_gate(bad):
    w = WEIGHTS["gated"].copy()
    w[4] = bad
    assert np.isnan(weighted_gram(X, w)).all()


@pytest.fixture(params=["numpy", "torch"])
def ensemble(request):
    weights = np.stack([WEIGHTS[k] for k in ("positive", "mixed", "gated", "negative", "zero")])
    ridge = np.array([0.0, 0.5, 1.0, -1.0, 2.0])
    matrices = np.stack([plain(X, w) + r * np.eye(D) for w, r in zip(weights, ridge, strict=True)])
    as_kind = np.asarray if request.param == "numpy" else torch.from_numpy
    return WeightedGram(as_kind(X), as_kind(weights), as_kind(ridge)), matrices, as_kind


def test_operator_products_and_matrices(ensemble):
    operator, matrices, as_kind = ensemble
    assert isinstance(operator, SymmetricOperator)
    np.testing.assert_allclose(np.asarray(operator.dense()), matrices, rtol=0, atol=1e-14)
    V = RNG.standard_normal((5, D))
    out = np.asarray(operator(as_kind(V)))
    np.testing.assert_allclose(out, np.einsum("bij,bj->bi", matrices, V), atol=1e-14)
    pick = np.array([4, 1, 1])
    out = np.asarray(operator(as_kind(V[:3]), pick))
    np.testing.assert_allclose(out, np.einsum("bij,bj->bi", matrices[pick], V[:3]), atol=1e-14)
    np.testing.assert_array_equal(
        np.asarray(operator.dense(pick)), np.asarray(operator.dense())[pick]
    )
    block = RNG.standard_normal((3, 4, D))
    out = np.asarray(operator.block_product(as_kind(block), pick))
    np.testing.assert_allclose(out, block @ matrices[pick], atol=1e-14)


def test_small_slabs_give_the_same_products():
    big = RNG.standard_normal((1000, D))
    w = RNG.standard_normal((3, 1000))
    operator = WeightedGram(big, w, memory_mb=1e-6)
    assert len(row_slabs(big, 3, 1e-6)) > 10
    V = RNG.standard_normal((3, D))
    np.testing.assert_allclose(operator(V), WeightedGram(big, w)(V), atol=1e-13)


def test_normalisation_and_a_single_ridge():
    w = WEIGHTS["mixed"][None]
    operator = WeightedGram(X, w, ridge=3.0, normalisation=10.0)
    expected = N / 10 * plain(X, w[0]) + 3 * np.eye(D)
    np.testing.assert_allclose(operator.dense()[0], expected, atol=1e-13)
    np.testing.assert_allclose(operator(np.eye(D)[:1])[0], expected[0], atol=1e-13)


def test_nan_stays_in_its_member():
    weights = np.stack([WEIGHTS["positive"], WEIGHTS["mixed"], WEIGHTS["gated"]])
    clean = WeightedGram(X, weights)
    weights = weights.copy()
    weights[1, 9] = np.nan
    operator = WeightedGram(X, weights)
    V = RNG.standard_normal((3, D))
    for a, b in ((operator.dense(), clean.dense()), (operator(V), clean(V))):
        np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]])
        assert np.isnan(a[1]).all()
    result = extreme_eigenvalues(operator, RNG, on_nonfinite="flag", on_unconverged="flag")
    np.testing.assert_array_equal(np.isnan(result.largest), [False, True, False])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_a_row_that_is_not_finite_counts_only_where_it_has_a_weight(kind, value):
    broken, weights = X.copy(), np.stack([WEIGHTS["positive"], WEIGHTS["mixed"]])
    broken[9, 2], broken[11], weights[0, [9, 11]], weights[1, 11] = value, value, 0.0, 0.0
    given = kind(broken.copy()), kind(weights.copy())
    operator = WeightedGram(*given)
    clean = WeightedGram(np.where(np.isfinite(broken), X, 0.0), weights)
    V = np.ones((2, D))
    for found, expected in ((operator.dense(), clean.dense()), (operator(kind(V)), clean(V))):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
        assert np.isnan(np.asarray(found[1])).all()
    np.testing.assert_array_equal(given[0], broken)  # copies were changed
    np.testing.assert_array_equal(given[1], weights)
    assert WeightedGram(X, weights).X is X


def test_a_list_of_ridges():
    operator = WeightedGram(X, np.zeros((2, N)), [0.1, 0.2])
    np.testing.assert_array_equal(operator.dense(), np.array([0.1, 0.2])[:, None, None] * np.eye(D))


@pytest.mark.parametrize("dense_limit", [0, None])
def test_extreme_eigenvalues_of_the_ensemble(dense_limit):
    weights = np.stack([WEIGHTS["positive"], WEIGHTS["mixed"]])
    operator = WeightedGram(X, weights)
    result = extreme_eigenvalues(operator, RNG, dense_limit=dense_limit)
    values = np.linalg.eigvalsh(np.stack([plain(X, w) for w in weights]))
    np.testing.assert_allclose(result.largest, values[:, -1], rtol=1e-10)
    np.testing.assert_allclose(result.smallest, values[:, 0], atol=1e-10)


def test_float32_products_stay_float32():
    operator = WeightedGram(X.astype(np.float32), WEIGHTS["mixed"][None])
    assert operator(np.ones((1, D))).dtype == np.float32
    assert operator.dense().dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: weighted_gram(X, np.ones(N - 1)), r"expected \(n, d\) and \(n,\)"),
        (lambda: weighted_gram(X[:0], np.ones(0)), "n >= 1"),
        (lambda: WeightedGram(X, np.ones((2, N - 1))), rf"weights: expected \(B, {N}\)"),
        (lambda: WeightedGram(X[:0], np.ones((2, 0))), "X: expected"),
        (lambda: WeightedGram(X, np.ones((2, N)), np.ones(3)), "ridge: expected"),
        (lambda: WeightedGram(X, np.ones((2, N)), [0.1, 0.2, 0.3]), r"ridge: expected .* \(3,\)"),
        (lambda: WeightedGram(X, np.ones((2, N)), normalisation=0), "normalisation: expected"),
        (lambda: weighted_gram(X, np.ones(N), memory_mb=0), "memory_mb: expected"),
        (lambda: WeightedGram(X, np.ones((2, N)))(np.ones((3, D))), r"V: expected \(2, 7\)"),
        (lambda: WeightedGram(X, np.ones((2, N))).block_product(np.ones((2, D, 1))), "V: expected"),
    ],
)
def test_misfits_are_refused_in_one_line(call, message, monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_these_modules_load_no_torch():
    names = ("weighted_gram", "softmax_regression", "two_layer_relu", "gram")
    code = "".join(f"import spectral_atlas.spectra.{name}\n" for name in names)
    code += "import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_integer_samples_are_refused(kind, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    pixels, w = kind(np.full((N, D), 9, dtype=np.uint8)), kind(np.ones((1, N)))
    for call in (lambda: weighted_gram(pixels, w[0]), lambda: WeightedGram(pixels, w)):
        with pytest.raises(ValueError, match=r"^X: expected floating-point samples, got uint8$"):
            call()
