"""The limiting bulk and outliers, against laws known in closed form and simulated matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from spectral_atlas.papers.benarous2024 import effective, effective_samples

XOR_LABELS = np.array([1, 1, 0, 0])
MATRICES = ("hessian", "gradient")


def xor_means(d: int) -> np.ndarray:
    eye = np.eye(d)
    return np.stack([eye[0], -eye[0], eye[1], -eye[1]])


def integral(density, upper: float, points: int = 600) -> float:
    """Integral over (0, upper) of a density that may diverge at 0 like 1 / sqrt(z)."""
    angle = (np.arange(points) + 0.5) / points * np.pi / 2
    slope = 4 * upper * np.sin(angle) ** 3 * np.cos(angle)
    return float(np.sum(density(upper * np.sin(angle) ** 4) * slope) * np.pi / 2 / points)


def weights_of_samples(kind: str, rng: np.random.Generator) -> np.ndarray:
    draw = {
        "uniform": lambda: rng.random(8000),
        "heavy": lambda: rng.pareto(2.5, 8000),
        "gated": lambda: rng.exponential(size=8000) * (rng.random(8000) < 0.3),
    }
    return draw[kind]()


def unbinned_outliers(h, V, precision, ratio) -> np.ndarray:
    """The definition, sample by sample, in S rather than in scaled variables."""
    a, (edge, S_edge) = precision * ratio, effective.bulk_edge(h, precision, ratio)

    def values(S):
        return np.linalg.eigvalsh(a * (V.T * (h / (a + S * h))) @ V / len(h))[::-1]

    def z(S):
        return -1 / S + ratio * np.mean(h / (a + S * h))

    top = values(S_edge)
    return np.array(
        [
            z(brentq(lambda S, i=i: values(S)[i] - z(S), S_edge, -0.9 / top[i], xtol=1e-300))
            for i in range(int(np.sum(top > edge)))
        ]
    )


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5, 100.0])
def test_equal_weights_are_marchenko_pastur(ratio):
    weight, precision = 0.7, 5.0
    h, unit, y = np.full(3000, weight), weight / precision, 1 / ratio
    low, high = unit * (1 - y**0.5) ** 2, unit * (1 + y**0.5) ** 2
    edge, S = effective.bulk_edge(h, precision, ratio)
    assert edge == pytest.approx(high, rel=1e-12)
    assert pytest.approx(-1 / (unit * (y + y**0.5)), rel=1e-6) == S
    z = low + (high - low) * np.linspace(0.02, 0.98, 50)
    expected = np.sqrt((high - z) * (z - low)) / (2 * np.pi * y * unit * z)
    np.testing.assert_allclose(effective.bulk_density(h, precision, ratio, z), expected, rtol=1e-6)
    outside = np.array([1.01 * high, 2 * high, 0.98 * low, 0.0, -high])
    silent = effective.bulk_density(h, precision, ratio, outside)
    assert np.max(silent) < 1e-6 / unit
    assert np.all(silent[-2:] == 0)


@pytest.mark.parametrize("ratio", [0.5, 2.0, 20.0])
def test_equal_weights_have_the_spikes_of_a_covariance(ratio):
    """Y of covariance (I + spikes) / lambda: the transition of Baik, Ben Arous and Peche."""
    precision, y, n = 4.0, 1 / ratio, 3000
    spikes = np.array([9.0, 3.0, 1.2, 0.8, 0.0]) * y**0.5
    # exact second moments: the columns are orthogonal
    V = np.linalg.qr(np.random.default_rng().standard_normal((n, 5)))[0] * n**0.5
    V *= np.sqrt((1 + spikes) / precision)
    visible = spikes[spikes > y**0.5]
    expected = (1 + visible) * (1 + y / visible) / precision
    found = effective.outliers(np.ones(n), V, precision, ratio)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("kind", ["uniform", "heavy", "gated"])
@pytest.mark.parametrize("ratio", [0.4, 2.0, 50.0])
def test_edge_and_density_of_spread_weights(kind, ratio):
    h, precision = weights_of_samples(kind, np.random.default_rng()), 3.0
    edge, S_edge = effective.bulk_edge(h, precision, ratio)
    a = precision * ratio
    # the edge is the least z(S), wherever else one looks
    S = -a / h.max() * np.linspace(0.001, 0.9999, 400)
    z = -1 / S + ratio * np.mean(h / (a + S[:, None] * h), axis=1)
    assert edge <= z.min() * (1 + 1e-12)
    at = -1 / S_edge + ratio * np.mean(h / (a + S_edge * h))
    assert edge == pytest.approx(at, rel=1e-10)

    def density(z):
        return effective.bulk_density(h, precision, ratio, z)

    mass = min(1.0, ratio * np.mean(h > 0))
    assert integral(density, 1.01 * edge) == pytest.approx(mass, abs=2e-3)
    moment = integral(lambda z: z * density(z), 1.01 * edge)
    assert moment == pytest.approx(h.mean() / precision, rel=5e-3)
    beyond = density(edge * np.array([1.02, 1.5]))
    assert beyond.max() < 1e-6 * density(edge * np.linspace(0.01, 1, 50)).max()


def test_density_is_the_limit_of_a_slow_iteration():
    rng, precision, ratio = np.random.default_rng(), 2.0, 1.7
    h = rng.random(2000) ** 2
    edge, _ = effective.bulk_edge(h, precision, ratio)
    z = edge * np.array([0.05, 0.2, 0.5, 0.8])
    S = np.full(4, 1j)
    for _ in range(3000):
        terms = h / (precision * ratio + S[:, None] * h)
        S = 0.5 * S + 0.5 / (ratio * terms.mean(axis=1) - z - 1e-7j * edge)
    found = effective.bulk_density(h, precision, ratio, z)
    np.testing.assert_allclose(found, S.imag / np.pi, rtol=2e-3)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("precision", "ratio", "size"), [(10.0, 0.5, 1.0), (100.0, 2.0, 3.0), (3.0, 200.0, 0.3)]
)
def test_binning_changes_nothing(matrix, precision, ratio, size):
    rng, k, d = np.random.default_rng(), 10, 40
    x, shares = size * rng.standard_normal((k, d)), np.full(k, 1 / k)
    h, V = effective_samples.class_block_sample(
        rng, x, np.eye(k, d), shares, precision, 3, matrix, 20_000
    )
    assert V.shape == (20_000, 20)
    found = effective.outliers(h, V, precision, ratio)
    expected = unbinned_outliers(h, V, precision, ratio)
    np.testing.assert_allclose(found, expected, rtol=3e-5)
    assert np.all(np.diff(found) <= 0)
    assert np.all(found > effective.bulk_edge(h, precision, ratio)[0])


def check_simulated(weight, x, means, shares, precision, ratio, sample, count, rng) -> None:
    """Matrices of M = ratio d samples with h = weight(Y, component), against two predictions.

    From the h and V of the very samples of a matrix, which leaves what theory neglects; and from
    `sample`, which leaves out nothing but is blurred by the fluctuations of few samples.
    """
    (k, d), found = means.shape, []
    M = int(ratio * d)
    basis = np.linalg.qr(np.concatenate([x, means]).T)[0]
    h, V = sample
    predicted = [*effective.outliers(h, V, precision, ratio)]
    assert len(predicted) == count
    predicted.append(effective.bulk_edge(h, precision, ratio)[0])
    for _ in range(4):
        component = rng.choice(k, size=M, p=shares)
        Y = means[component] + rng.standard_normal((M, d)) / precision**0.5
        own = weight(Y, component)
        values = np.linalg.eigvalsh((Y.T * own) @ Y / M)[::-1]
        ours = effective.outliers(own, Y @ basis, precision, ratio)
        assert len(ours) == count
        edge, _ = effective.bulk_edge(own, precision, ratio)
        found.append(np.stack([values[: count + 1], [*ours, edge]]))
        # the density, by its distribution function
        bulk, atom = values[count:], max(0.0, 1 - ratio * np.mean(own > 0))
        for share in (0.25, 0.5, 0.9):
            point = np.quantile(bulk, atom + (1 - atom) * share)
            below = integral(
                lambda z, own=own: effective.bulk_density(own, precision, ratio, z), point, 100
            )
            assert below == pytest.approx((1 - atom) * share, abs=0.01)
    measured, ours = np.mean(found, axis=0)
    np.testing.assert_allclose(ours[:-1], measured[:-1], rtol=0.03)
    np.testing.assert_allclose(ours[-1], measured[-1], rtol=0.07)
    np.testing.assert_allclose(predicted, measured, rtol=0.2)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("matrix", "precision", "ratio", "count"),
    [("hessian", 50.0, 5.0, 4), ("gradient", 10.0, 4.0, 1), ("gradient", 500.0, 8.0, 4)],
)
def test_class_blocks_of_simulated_samples(matrix, precision, ratio, count, seed):
    rng, k, d, c = np.random.default_rng(), 4, 400, 1
    means, shares = np.eye(k, d), np.array([0.2, 0.3, 0.3, 0.2])
    x = 1.5 * means + rng.standard_normal((k, d)) / d**0.5

    def weight(Y, label):
        p = np.exp(Y @ x.T)
        p = p[:, c] / p.sum(axis=1)
        return p * (1 - p) if matrix == "hessian" else (p - (label == c)) ** 2

    sample = effective_samples.class_block_sample(
        rng, x, means, shares, precision, c, matrix, 40_000
    )
    check_simulated(weight, x, means, shares, precision, ratio, sample, count, rng)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("matrix", "ratio"), [("hessian", 1.5), ("gradient", 8.0)])
def test_neuron_blocks_of_simulated_samples(matrix, ratio, seed):
    rng, K, d, i, precision = np.random.default_rng(), 6, 400, 2, 80.0
    means, shares = xor_means(d), np.array([0.3, 0.2, 0.25, 0.25])
    v = np.array([0.9, 0.9, 0.8, -0.9, -0.9, 0.4])
    W = means[[0, 1, 0, 2, 3, 1]] + 0.5 * rng.standard_normal((K, d)) / d**0.5

    def weight(Y, component):
        inputs = Y @ W.T
        s = 1 / (1 + np.exp(-np.maximum(inputs, 0) @ v))
        own = s * (1 - s) if matrix == "hessian" else (s - XOR_LABELS[component]) ** 2
        return v[i] ** 2 * own * (inputs[:, i] > 0)

    sample = effective_samples.neuron_block_sample(
        rng, W, v, means, shares, XOR_LABELS, precision, i, matrix, 40_000
    )
    assert 0.3 < np.mean(sample[0] == 0) < 0.7
    check_simulated(weight, W, means, shares, precision, ratio, sample, 2, rng)


def test_samples_have_the_weights_of_full_samples():
    """One component of huge precision: V is the mean, and h its weight."""
    rng, d = np.random.default_rng(), 7
    x, means = rng.standard_normal((3, d)), rng.standard_normal((3, d))
    p = np.exp(x @ means[1]) / np.exp(x @ means[1]).sum()
    only = np.array([0.0, 1.0, 0.0])
    for c in range(3):
        h, V = effective_samples.class_block_sample(rng, x, means, only, 1e20, c, "hessian", 5)
        np.testing.assert_allclose(h, p[c] * (1 - p[c]), rtol=1e-6)
        h, V = effective_samples.class_block_sample(rng, x, means, only, 1e20, c, "gradient", 5)
        np.testing.assert_allclose(h, (p[c] - (c == 1)) ** 2, rtol=1e-6)
        np.testing.assert_allclose(np.sum(V**2, axis=1), means[1] @ means[1], rtol=1e-6)
    W, v, labels = rng.standard_normal((4, d)), rng.standard_normal(4), np.array([0, 1, 0])
    hidden = np.maximum(W @ means[1], 0)
    s = 1 / (1 + np.exp(-hidden @ v))
    for i in range(4):
        for matrix, own in (("hessian", s * (1 - s)), ("gradient", (s - 1) ** 2)):
            h, _ = effective_samples.neuron_block_sample(
                rng, W, v, means, only, labels, 1e20, i, matrix, 5
            )
            np.testing.assert_allclose(h, v[i] ** 2 * own * (hidden[i] > 0), rtol=1e-6)


def test_components_come_in_their_shares():
    rng, shares, n = np.random.default_rng(), np.array([0.5, 0.2, 0.3]), 1000
    means = np.diag([1.0, 2, 4])
    _, V = effective_samples.class_block_sample(rng, means, means, shares, 1e12, 0, "hessian", n)
    found = np.bincount(np.rint(np.linalg.norm(V, axis=1)).astype(int), minlength=5)
    assert found.sum() == n
    np.testing.assert_allclose(found[[1, 2, 4]], n * shares, atol=1)


def test_a_sure_classifier_keeps_its_tiny_weights():
    x = 200 * np.eye(2)
    for matrix, expected in (("hessian", np.exp(-200)), ("gradient", np.exp(-400))):
        h, _ = effective_samples.class_block_sample(
            np.random.default_rng(), x, np.eye(2), np.full(2, 0.5), 1e16, 0, matrix, 10
        )
        np.testing.assert_allclose(h, expected, rtol=1e-4)
        assert 0 < effective.bulk_edge(h, 3.0, 2.0)[0] < 1e-80


def test_scales_drop_out():
    rng = np.random.default_rng()
    h, V = rng.random(5000) * (rng.random(5000) < 0.5), rng.standard_normal((5000, 3))
    V[:, 0] += 2 * h
    reference = effective.outliers(h, V, 2.0, 4.0)
    edge, S = effective.bulk_edge(h, 2.0, 4.0)
    density = effective.bulk_density(h, 2.0, 4.0, edge * np.array([0.3, 0.9]))
    assert len(reference) > 0
    for scale in (1e-200, 1e200):
        np.testing.assert_allclose(
            effective.outliers(scale * h, V, 2.0, 4.0), scale * reference, rtol=1e-10
        )
        scaled = effective.bulk_edge(scale * h, 2.0, 4.0)
        np.testing.assert_allclose(scaled, (scale * edge, S / scale), rtol=1e-10)
        found = effective.bulk_density(scale * h, 2.0, 4.0, scale * edge * np.array([0.3, 0.9]))
        np.testing.assert_allclose(found, density / scale, rtol=1e-8)


def test_edge_grows_with_the_weights_and_shrinks_with_the_samples():
    h = np.random.default_rng().random(4000)
    edges = [effective.bulk_edge(h, 2.0, ratio)[0] for ratio in np.geomspace(0.01, 1e4, 30)]
    assert np.all(np.diff(edges) < 0)
    assert edges[-1] == pytest.approx(h.mean() / 2, rel=0.03)  # the population's bulk
    assert effective.bulk_edge(h + 0.1, 2.0, 3.0)[0] > effective.bulk_edge(h, 2.0, 3.0)[0]
    more = [effective.bulk_edge(h, precision, 3.0)[0] for precision in (1.0, 2.0, 4.0)]
    np.testing.assert_allclose(more, more[0] / np.array([1, 2, 4]), rtol=1e-12)


def test_no_weight_at_all():
    h, V = np.zeros(50), np.ones((50, 3))
    assert effective.bulk_edge(h, 2.0, 3.0) == (0.0, -np.inf)
    assert effective.outliers(h, V, 2.0, 3.0).shape == (0,)
    assert list(effective.bulk_density(h, 2.0, 3.0, np.array([0.0, 1.0]))) == [0, 0]


@pytest.mark.parametrize("n", [1, 2, 5000])
def test_one_weight_only(n):
    h = np.zeros(n)
    h[0] = 2.0
    edge, _ = effective.bulk_edge(h, 3.0, 1.5)
    assert edge == pytest.approx(2 / 4.5 * (1 + (1.5 / n) ** 0.5) ** 2, rel=1e-12)


def test_bad_arguments():
    rng, eye = np.random.default_rng(), np.eye(2)
    with pytest.raises(ValueError, match="matrix: expected 'hessian' or 'gradient', got 'ggn'"):
        effective_samples.class_block_sample(rng, eye, eye, np.ones(2), 1.0, 0, "ggn", 5)
    with pytest.raises(ValueError, match="h: expected finite numbers that are not negative"):
        effective.bulk_edge(np.array([1.0, -1.0]), 1.0, 1.0)
    with pytest.raises(ValueError, match="h: expected finite numbers that are not negative"):
        effective.bulk_edge(np.array([1.0, np.nan]), 1.0, 1.0)
    with pytest.raises(ValueError, match="ratio: expected a positive number, got 0"):
        effective.bulk_edge(np.ones(3), 1.0, 0.0)
    with pytest.raises(ValueError, match="precision: expected a positive number, got inf"):
        effective.bulk_edge(np.ones(3), np.inf, 1.0)
