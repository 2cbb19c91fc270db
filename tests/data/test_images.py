"""Mixtures and fields: their laws, growth without change, balance; standardisation; one-hot."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectral_atlas.data.images import (
    balanced_labels,
    one_hot,
    power_law_mixture,
    random_fields,
    random_rotation,
    standardised,
)
from spectral_atlas.rng import generator

STREAM = partial(generator, 5)


def test_rotation_is_orthogonal_and_its_diagonal_has_the_law_of_haar():
    Q = random_rotation(STREAM("a"), 40)
    assert np.allclose(Q @ Q.T, np.eye(40), atol=1e-13)
    # On O(3), an entry is uniform on [-1, 1], so of mean 0 and variance 1/3; both determinants
    # are equally likely. Without the signs of R, the diagonal would be mostly negative.
    rng = STREAM("many")
    many = np.stack([random_rotation(rng, 3) for _ in range(4000)])
    assert np.abs(many.mean(0)).max() < 4 / np.sqrt(3 * 4000)
    assert np.abs((many**2).mean(0) - 1 / 3).max() < 0.02
    assert np.abs((many > 0.5).mean(0) - 0.25).max() < 0.03
    assert abs(np.linalg.det(many).mean()) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
def test_noise_and_means_of_the_mixture_have_the_power_law(decay):
    D, law = 8, np.arange(1.0, 9) ** -decay
    law *= D / law.sum()
    x, labels = power_law_mixture(STREAM, 60_000, D, 3, decay)
    means = np.stack([x[labels == c].mean(0) for c in range(3)])
    noise = x - means[labels]
    found, vectors = np.linalg.eigh(noise.T @ noise / len(x))
    assert np.allclose(found[::-1], law, rtol=0.03)
    assert np.trace(noise.T @ noise) / x.size == pytest.approx(1, abs=0.02)
    # Many classes of few samples: now the means are the sample, with noise a half beside them.
    x, labels = power_law_mixture(STREAM, 40_000, D, 20_000, decay)
    pairs = x[np.argsort(labels, kind="stable")].reshape(20_000, 2, D)
    between = pairs[:, 0].T @ pairs[:, 1] / 20_000  # noises of two samples are independent
    rotated = vectors.T @ between @ vectors  # in the eigenvectors of the noise, if decay > 0
    assert np.allclose(np.diag(rotated)[::-1], law, rtol=0.06)
    assert np.abs(rotated - np.diag(np.diag(rotated))).max() < 0.12


def test_spectrum_is_rotated_by_the_one_rotation():
    D = 6
    x, labels = power_law_mixture(STREAM, 30, D, 4, 2.0)
    scale = np.arange(1.0, 7) ** -1.0
    scale /= np.sqrt(np.mean(scale**2))
    Q = random_rotation(STREAM("rotation"), D)
    means = STREAM("means").standard_normal((4, D))
    noise = STREAM("noise").standard_normal((30, D))
    for i in range(30):
        expected = sum((means[labels[i], j] + noise[i, j]) * scale[j] * Q[j] for j in range(D))
        assert np.allclose(x[i], expected, atol=1e-13)


@pytest.mark.parametrize(("side", "decay"), [(8, 1.5), (7, 1.5), (6, 0.0)])
def test_fields_have_the_power_law_of_their_wave_number(side, decay):
    x, labels = random_fields(STREAM, 9000, side, 2, 3, decay)
    means = np.stack([x[labels == c].mean(0) for c in range(3)])
    power = (np.abs(np.fft.fft2(x - means[labels])) ** 2).mean((0, 1)) / side**2
    law = np.empty((side, side))
    for a in range(side):
        for b in range(side):
            k = np.hypot(min(a, side - a), min(b, side - b))
            law[a, b] = (1 + k) ** (-2 * decay)
    law *= side**2 / law.sum()
    assert np.allclose(power, law, rtol=0.08)
    assert power.mean() == pytest.approx(1, abs=0.02)
    channels = x - means[labels]
    assert abs((channels[:, 0] * channels[:, 1]).mean()) < 0.05


@pytest.mark.parametrize(("side", "decay"), [(8, 1.5), (5, 0.7)])
def test_a_field_is_white_noise_convolved_with_one_real_kernel(side, decay):
    x, labels = random_fields(STREAM, 6, side, 2, 4, decay)
    waves = [min(a, side - a) for a in range(side)]
    law = np.array([[(1 + np.hypot(a, b)) ** -decay for b in waves] for a in waves])
    law /= np.sqrt((law**2).mean())
    kernel = np.fft.ifft2(law)
    assert np.abs(kernel.imag).max() < 1e-15
    white = STREAM("noise").standard_normal((6, 2, side, side))
    white += STREAM("means").standard_normal((4, 2, side, side))[labels]
    expected = np.zeros_like(x)
    for a in range(side):
        for b in range(side):
            expected += kernel.real[a, b] * np.roll(white, (a, b), axis=(2, 3))
    assert np.allclose(x, expected, atol=1e-12)


@pytest.mark.parametrize("small", [1, 7, 40])
def test_more_samples_leave_the_first_ones(small):
    for draw in (
        lambda n: power_law_mixture(STREAM, n, 9, 4, 1.0),
        lambda n: random_fields(STREAM, n, 6, 3, 4, 1.5),
    ):
        (few, few_labels), (many, many_labels) = draw(small), draw(90)
        assert np.allclose(few, many[:small], rtol=0, atol=1e-12)
        assert np.array_equal(few_labels, many_labels[:small])


def test_spectra_share_labels_and_noise():
    flat, labels = power_law_mixture(STREAM, 20, 4, 3, 0.0)
    steep, others = power_law_mixture(STREAM, 20, 4, 3, 1.0)
    assert np.array_equal(labels, others)
    scale = np.arange(1.0, 5) ** -0.5
    scale *= np.sqrt(4 / (scale**2).sum())
    Q = random_rotation(STREAM("rotation"), 4)
    assert np.allclose(flat @ Q.T * scale @ Q, steep)


@given(n=st.integers(1, 200), K=st.integers(1, 12), seed=st.integers(0, 5))
def test_labels_are_balanced_for_every_n(n, K, seed):
    labels = balanced_labels(generator(seed), n, K)
    counts = np.bincount(labels, minlength=K)
    assert labels.shape == (n,)
    assert labels.max() < K
    assert counts.max() - counts.min() <= 1
    assert np.array_equal(labels, balanced_labels(generator(seed), 200, K)[:n])


def test_order_of_labels_is_random():
    labels = balanced_labels(STREAM("labels"), 12_000, 4).reshape(3000, 4)
    for place in range(4):
        counts = np.bincount(labels[:, place], minlength=4)
        assert np.abs(counts - 750).max() < 4.5 * np.sqrt(3000 * 3 / 16)


@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4, 4)])
def test_standardised_samples_have_mean_0_and_deviation_1(shape):
    x = 3 + 7 * STREAM("x").standard_normal(shape)
    z = standardised(x)
    for before, after in zip(x, z, strict=True):
        pixels = [float(value) for value in before.ravel()]
        mean = sum(pixels) / len(pixels)
        deviation = (sum((p - mean) ** 2 for p in pixels) / len(pixels)) ** 0.5
        assert np.allclose(after.ravel(), [(p - mean) / deviation for p in pixels], atol=1e-13)
    assert np.allclose(standardised(2 * x + 5), z, atol=1e-12)


def test_bytes_are_standardised_without_wrapping():
    x = np.array([[0, 255, 255, 255], [200, 200, 0, 0]], dtype=np.uint8)
    assert np.allclose(standardised(x), [[-(3**0.5), *[3**-0.5] * 3], [1, 1, -1, -1]])


def test_a_constant_sample_is_named():
    x = STREAM("x").standard_normal((5, 3))
    x[[2, 4]] = 0.1  # a mean that rounding may put beside 0.1
    with pytest.raises(ValueError, match=r"^sample 2: has equal values only .*\(2 of 5 samples\)$"):
        standardised(x)


def test_one_hot():
    assert one_hot(np.array([2, 0], dtype=np.int64), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    for label in (3, -1):
        with pytest.raises(ValueError, match=f"label {label}: must be >= 0 and < K = 3"):
            one_hot(np.array([0, label]), 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: power_law_mixture(STREAM, 0, 3, 2, 1.0), "n = 0"),
        (lambda: power_law_mixture(STREAM, 4, 0, 2, 1.0), "D = 0"),
        (lambda: power_law_mixture(STREAM, 4, 3, 0, 1.0), "K = 0"),
        (lambda: power_law_mixture(STREAM, 4, 3, 2, -1.0), "decay = -1.0"),
        (lambda: power_law_mixture(STREAM, 4, 3, 2, np.nan), "decay = nan"),
        (lambda: random_fields(STREAM, 4, 0, 1, 2, 1.0), "side = 0"),
        (lambda: random_fields(STREAM, 4, 3, 0, 2, 1.0), "channels = 0"),
        (lambda: random_fields(STREAM, 4, 3, 1, 2, np.inf), "decay = inf"),
    ],
)
def test_refusals_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
