"""Mixtures: their means, the law of their samples, draws that may be cut anywhere, refusals."""

import inspect

import numpy as np
import pytest

from spectral_atlas.data import mixtures
from spectral_atlas.data.mixtures import (
    XOR_LABELS,
    GaussianMixture,
    SampleStream,
    correlated_means,
    gaussian_means,
    orthonormal_means,
    xor_means,
)


def rng(seed=7):
    return np.random.default_rng(seed)


def stream(mixture, seed=0):
    return SampleStream(mixture, rng([seed, 0]), rng([seed, 1]))


def unequal(means, precision=4.0):
    weights = np.arange(1.0, len(means) + 1)
    return GaussianMixture(means, weights / weights.sum(), precision)


def unchecked(means, weights, precision):
    """A mixture made without the shape checks that wrap it in tests, and would refuse first."""
    mixture = object.__new__(GaussianMixture)
    inspect.unwrap(GaussianMixture.__init__)(mixture, means, weights, precision)
    return mixture


MEANS = {
    "orthonormal": orthonormal_means(3, 40),
    "dense": gaussian_means(rng(), 5, 40),
    "correlated": correlated_means(4, 40, 0.5),
    "xor": xor_means(40),
    "middle": np.eye(40)[17:19],
    "zero": np.zeros((2, 40)),
    "one dimension": np.array([[1.0], [-2.0]]),
}


def test_orthonormal_means_are_unit_vectors():
    assert np.array_equal(orthonormal_means(3, 5), np.eye(5)[:3])


def test_gaussian_means_have_norm_about_one():
    means = gaussian_means(rng(), 20, 4000)
    assert means.shape == (20, 4000)
    assert np.allclose(means @ means.T, np.eye(20), atol=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.99])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (4, 4), (10, 30)])
def test_correlated_means(k, d, correlation):
    means = correlated_means(k, d, correlation)
    assert means.shape == (k, d)
    gram = (1 - correlation) * np.eye(k) + correlation
    assert np.allclose(means @ means.T, gram, atol=1e-14)
    assert np.array_equal(means[:, :k], means[:, :k].T)
    assert np.linalg.eigvalsh(means[:, :k])[0] > 0
    assert not means[:, k:].any()
    if correlation == 0:
        assert np.array_equal(means, orthonormal_means(k, d))


def test_xor_means_cannot_be_separated_by_a_line():
    means = xor_means(6)
    assert np.array_equal(means[0], -means[1])
    assert np.array_equal(means[2], -means[3])
    assert np.array_equal(means[[0, 2]], np.eye(6)[:2])
    assert XOR_LABELS == (1, 1, 0, 0)


@pytest.mark.parametrize("name", MEANS)
def test_samples_are_mean_plus_scaled_noise(name):
    mixture = unequal(MEANS[name])
    Y, component = stream(mixture).draw(300)
    noise = rng([0, 1]).standard_normal((300, mixture.d))
    assert Y.dtype == np.float64
    assert component.dtype == np.int64
    assert np.allclose(Y, mixture.means[component] + noise / 2, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", MEANS)
def test_draws_may_be_cut_anywhere(name, monkeypatch):
    mixture = unequal(MEANS[name])
    Y, component = stream(mixture).draw(500)
    for block in (1, 100, 10**6):
        monkeypatch.setattr(mixtures, "_BLOCK", block)
        cuts, pieces = stream(mixture), []
        for n in (0, 1, 2, 97, 300, 100):
            pieces.append(cuts.draw(n))
        assert np.array_equal(np.concatenate([p[0] for p in pieces]), Y)
        assert np.array_equal(np.concatenate([p[1] for p in pieces]), component)
        wide, numbers = np.full((500, mixture.d + 3), 9.0), np.empty(1000, dtype=np.int64)
        stream(mixture).draw_into(wide[:, : mixture.d], numbers[::2])
        assert np.array_equal(wide[:, : mixture.d], Y)
        assert (wide[:, mixture.d :] == 9).all()
        assert np.array_equal(numbers[::2], component)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("precision", [0.25, 10.0, 1000.0])
def test_law_of_the_samples(seed, precision):
    d, n = 6, 60_000
    mixture = unequal(gaussian_means(rng(seed), 3, d), precision)
    Y, component = stream(mixture, seed).draw(n)
    shares = np.bincount(component, minlength=3) / n
    deviation = np.sqrt(mixture.weights * (1 - mixture.weights) / n)
    assert (np.abs(shares - mixture.weights) < 4.5 * deviation).all()
    for c in range(3):
        own = (Y[component == c] - mixture.means[c]) * np.sqrt(precision)
        bound = 5 / np.sqrt(len(own))
        assert np.abs(own.mean(0)).max() < bound
        assert np.abs(own.T @ own / len(own) - np.eye(d)).max() < 1.5 * bound
        assert abs((own**4).mean() - 3) < 10 * bound / np.sqrt(d)
    # Neighbours in the stream know nothing of each other.
    pairs = component[:-1] * 3 + component[1:]
    expected = np.outer(mixture.weights, mixture.weights).ravel()
    assert np.abs(np.bincount(pairs, minlength=9) / n - expected).max() < 0.012
    rest = Y - mixture.means[component]
    assert np.abs(precision * (rest[:-1] * rest[1:]).mean(0)).max() < 5 / np.sqrt(n)


def test_weight_zero_is_never_drawn_and_the_last_number_has_a_component():
    class Fixed(np.random.Generator):
        def random(self, n):
            return np.resize([0.0, 0.5, np.nextafter(1, 0)], n)

    weights = np.array([0.0, 0.3, 0.0, 0.7 - 1e-10, 0.0])  # a sum that is 1 only to rounding
    mixture = GaussianMixture(np.zeros((5, 2)), weights, 1.0)
    fixed = SampleStream(mixture, Fixed(np.random.PCG64(0)), rng())
    assert fixed.draw(3)[1].tolist() == [1, 3, 3]


def test_a_mixture_is_a_copy_in_float64():
    means = np.ones((2, 3))
    mixture = unchecked(means.astype(np.float32), [0.25, 0.75], 2)
    assert mixture.means.dtype == mixture.weights.dtype == np.float64
    assert isinstance(mixture.precision, float)
    kept = GaussianMixture(means, np.array([0.5, 0.5]), 1.0)
    means[:] = 7
    assert (kept.means == 1).all()
    assert (kept.r, kept.d) == (2, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"means": np.zeros(3)}, r"means \(3,\)"),
        ({"means": np.zeros((2, 0))}, r"means \(2, 0\)"),
        ({"means": np.zeros((3, 2))}, r"means \(3, 2\), weights \(2,\)"),
        ({"means": np.full((2, 2), np.inf)}, "means: must be finite"),
        ({"weights": np.array([1.5, -0.5])}, r"weights \[1.5, -0.5\]"),
        ({"weights": np.array([0.5, 0.4])}, r"weights \[0.5, 0.4\]"),
        ({"weights": np.array([0.5, np.nan])}, "weights"),
        ({"precision": 0.0}, "precision = 0.0"),
        ({"precision": np.inf}, "precision = inf"),
        ({"precision": np.nan}, "precision = nan"),
    ],
)
def test_mixtures_refuse_in_one_line(changes, words):
    good = {"means": np.zeros((2, 2)), "weights": np.array([0.5, 0.5]), "precision": 1.0}
    with pytest.raises(ValueError, match=words) as refusal:
        unchecked(**{**good, **changes})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: orthonormal_means(4, 3), "k = 4, d = 3"),
        (lambda: orthonormal_means(0, 3), "k = 0, d = 3"),
        (lambda: gaussian_means(rng(), 5, 3), "k = 5, d = 3"),
        (lambda: correlated_means(6, 3, 0.5), "k = 6, d = 3"),
        (lambda: correlated_means(2, 3, 1.0), "correlation = 1.0"),
        (lambda: correlated_means(2, 3, -0.1), "correlation = -0.1"),
        (lambda: xor_means(1), "d = 1"),
    ],
)
def test_means_refuse_sizes_that_do_not_fit(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_stream_needs_two_generators():
    one = rng()
    mixture = GaussianMixture(np.zeros((1, 2)), np.ones(1), 1.0)
    for other in (one, np.random.Generator(one.bit_generator)):
        with pytest.raises(ValueError, match="two different generators"):
            SampleStream(mixture, one, other)
