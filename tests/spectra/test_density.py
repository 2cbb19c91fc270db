"""Stochastic Lanczos quadrature against eigenvectors, known laws and its own error bars."""

import subprocess
import sys

import jaxtyping
import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from spectra_oracles import Dense, with_spectrum

from spectral_atlas.spectra.density import spectral_density


def probe_measures(operator, seed, probes):
    """Eigenvalues (B, P) and the probes' true weights (B, probes, P)."""
    shape = (operator.n_members, probes, operator.n_params)
    v = np.random.default_rng(seed).standard_normal(shape)
    v /= np.linalg.norm(v, axis=2, keepdims=True)
    top = abs(operator.matrices).max(axis=(1, 2), keepdims=True)
    top[top == 0] = 1.0
    values, vectors = np.linalg.eigh(operator.matrices / top)
    return values * top[:, 0], (v @ vectors) ** 2


SPECTRA = {
    "spread": np.linspace(-1, 3, 60),
    "outliers": np.r_[np.linspace(0, 0.1, 57), 2.0, 5.0, 9.0],
    "degenerate": np.repeat([-1.0, 0.0, 0.5, 2.0], 15),
    "nearly degenerate": np.repeat([-1.0, 0.0, 0.5, 2.0], 15) + 1e-6 * np.arange(60),
    "decaying": 2.0 ** -np.arange(60),
    "zero": np.zeros(60),
    "rank one": np.r_[np.zeros(59), 4.0],
    "negative": -np.linspace(1, 2, 60),
    "one parameter": np.array([-3.0]),
    "two parameters": np.array([1.0, -2.0]),
    "tiny": 1e-200 * np.linspace(-1, 3, 60),
    "huge": 1e150 * np.linspace(-1, 3, 60),
}


@pytest.mark.parametrize("steps", [1, 2, 5, 12, 80])
@pytest.mark.parametrize("name", SPECTRA)
def test_envelope_contains_the_probes_cdf(name, steps):
    operator = with_spectrum(1, SPECTRA[name])
    result = spectral_density(operator, np.random.default_rng(2), probes=4, steps=steps)
    values, weights = probe_measures(operator, 2, 4)
    size = abs(values).max() or 1.0
    # A few eps of rounding move the eigenvalues of the test matrix, and mix eigenvectors of
    # eigenvalues d apart by eps / d: "decaying" has them at every distance.
    shift, slack = (1e-9, 1e-7) if name == "decaying" else (1e-13, 1e-9)
    assert np.nanmax(abs(result.weights.sum(axis=2) - 1)) < 1e-12
    for grid in (
        np.linspace(-1.6, 3.6, 400) * size,
        np.linspace(-1e-4, 1e-4, 101) * size,
        values[0],
        (values[0, 1:] + values[0, :-1]) / 2,
        result.nodes[np.isfinite(result.nodes)],
    ):
        lower, upper, _ = result.cdf(grid)
        high = (weights[0][:, None] * (values[0] <= grid[:, None] + shift * size)).sum(2).mean(0)
        low = (weights[0][:, None] * (values[0] <= grid[:, None] - shift * size)).sum(2).mean(0)
        assert (lower[0] <= high + slack).all()
        assert (upper[0] >= low - slack).all()
        assert (lower <= upper + 1e-15).all()
    lower, upper, _ = result.cdf(np.array([-1e6, 1e6]) * size)
    np.testing.assert_allclose(lower, [[0, 1]], atol=1e-10)
    np.testing.assert_allclose(upper, [[0, 1]], atol=1e-10)


def test_envelope_of_single_probes_is_tight_at_the_nodes():
    operator = with_spectrum(1, np.linspace(-1, 3, 60))
    result = spectral_density(operator, np.random.default_rng(3), probes=1, steps=10)
    nodes, weights = result.nodes[0, 0], result.weights[0, 0]
    lower, upper, error = result.cdf(nodes[3:4] + 1e-9)
    assert upper[0, 0] - lower[0, 0] == pytest.approx(weights[3] + weights[4], rel=1e-9)
    far, _, _ = result.cdf(np.array([30.0]))
    assert 1 - 1e-6 < far[0, 0] < 1  # what one probe cannot rule out
    assert np.isnan(error).all()


@pytest.mark.parametrize("steps", [60, 200])
def test_all_steps_recover_the_spectrum(steps):
    operator = with_spectrum(3, np.random.default_rng(0).standard_normal((3, 60)))
    result = spectral_density(operator, np.random.default_rng(4), probes=2, steps=steps)
    values, weights = probe_measures(operator, 4, 2)
    assert (result.steps == 60).all()
    assert result.exact.all()
    np.testing.assert_allclose(result.nodes, values[:, None].repeat(2, 1), atol=1e-12)
    np.testing.assert_allclose(result.weights, weights, atol=1e-9)
    assert not result.wasserstein_bound().any()
    grid = np.linspace(-3, 3, 50)
    lower, upper, _ = result.cdf(grid)
    np.testing.assert_array_equal(lower, upper)


def test_invariant_subspaces_end_early_and_exactly():
    operator = with_spectrum(
        5, np.stack([SPECTRA["degenerate"], SPECTRA["rank one"], np.zeros(60)])
    )
    result = spectral_density(operator, np.random.default_rng(5), probes=3)
    assert result.steps.tolist() == [[4] * 3, [2] * 3, [1] * 3]
    assert result.exact.all()
    np.testing.assert_allclose(result.nodes[0, 0, :4], [-1, 0, 0.5, 2], atol=1e-13)
    assert np.isnan(result.nodes[2, 0, 1:]).all()
    assert not result.weights[2, 0, 1:].any()
    # members that ended ask for no more products
    assert [shape[0] for shape in operator.asked] == [3, 2, 1, 1]


@pytest.mark.parametrize("steps", [1, 2, 4, 9, 20])
@pytest.mark.parametrize("name", SPECTRA)
def test_wasserstein_bounds_hold_for_each_probe(name, steps):
    values = np.tile(SPECTRA[name], (8, 1))
    operator = with_spectrum(6, values)
    result = spectral_density(operator, np.random.default_rng(7), probes=1, steps=steps)
    found, weights = probe_measures(operator, 7, 1)
    size = abs(values).max() or 1.0
    both = result.wasserstein_bound((found[:, 0], found[:, -1]))
    loose = result.wasserstein_bound()
    assert (both <= loose).all()
    assert (both <= np.pi * np.ptp(found, axis=1) / (4 * result.steps[:, 0])).all()
    for m in range(8):
        n = result.steps[m, 0]
        rule = result.nodes[m, 0, :n] / size, result.weights[m, 0, :n]
        true = wasserstein_distance(found[m] / size, rule[0], weights[m, 0], rule[1])
        assert true <= both[m] / size + 1e-12


def test_wasserstein_bound_falls_like_one_over_steps_and_refuses_a_short_interval():
    operator = with_spectrum(6, np.cos(np.linspace(0, np.pi, 300)))
    bounds = []
    for steps in (5, 10, 20, 40):
        result = spectral_density(operator, np.random.default_rng(7), probes=2, steps=steps)
        bounds.append(result.wasserstein_bound()[0])
    assert (np.array(bounds[1:]) < 0.65 * np.array(bounds[:-1])).all()
    with pytest.raises(ValueError, match="member 0"):
        result.wasserstein_bound((np.array([-0.5]), np.array([0.5])))


def test_semicircle_and_marchenko_pastur():
    rng = np.random.default_rng(8)
    n, samples = 500, 1000
    G, X = rng.standard_normal((n, n)), rng.standard_normal((samples, n))
    H = np.stack([(G + G.T) / np.sqrt(2 * n), X.T @ X / samples])
    result = spectral_density(Dense(H), np.random.default_rng(9), probes=8, steps=40)
    laws = []
    x = np.linspace(-2, 2, 4001)
    laws.append((x, np.sqrt(np.maximum(4 - x**2, 0)) / (2 * np.pi)))
    low, high = (1 - np.sqrt(n / samples)) ** 2, (1 + np.sqrt(n / samples)) ** 2
    x = np.linspace(low, high, 4001)
    laws.append((x, np.sqrt(np.maximum((high - x) * (x - low), 0)) / (2 * np.pi * x * n / samples)))
    for m, (x, density) in enumerate(laws):
        cdf = np.cumsum(density) * (x[1] - x[0])
        lower, upper, error = result.cdf(x[::50])
        slack = 3 * error[m] + 3 / n
        assert (lower[m] - slack <= cdf[::50]).all()
        assert (cdf[::50] <= upper[m] + slack).all()
        assert (upper[m] - lower[m]).max() < 0.12
        width = 0.1
        grid = np.linspace(x[0] - 1, x[-1] + 1, 3001)
        mean, spread = result.density(grid, width)
        assert np.trapezoid(mean[m], grid) == pytest.approx(1, abs=1e-6)
        bump = np.exp(-0.5 * ((grid[::100, None] - x) / width) ** 2) / np.sqrt(2 * np.pi) / width
        smooth = (bump * density).sum(1) * (x[1] - x[0])
        assert (abs(mean[m, ::100] - smooth) <= 5 * spread[m, ::100] + 0.01).all()


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_moments_of_the_probes_are_exact_up_to_twice_the_steps(steps):
    operator = with_spectrum(10, np.random.default_rng(1).standard_normal((2, 40)))
    result = spectral_density(operator, np.random.default_rng(11), probes=5, steps=steps)
    values, weights = probe_measures(operator, 11, 5)
    for degree in range(2 * steps):
        samples = (weights * values[:, None] ** degree).sum(axis=2)
        mean, error = result.moment(degree)
        np.testing.assert_allclose(mean, samples.mean(axis=1), rtol=1e-10, atol=1e-12)
        expected = samples.std(axis=1, ddof=1) / np.sqrt(5)
        np.testing.assert_allclose(error, expected, rtol=1e-7, atol=1e-12)
    with pytest.raises(ValueError, match="degree"):
        result.moment(2 * steps)
    with pytest.raises(ValueError, match="degree"):
        result.moment(-1)


def test_moments_of_exact_probes_have_no_limit():
    result = spectral_density(with_spectrum(1, np.diag(np.ones(3))[0]), np.random.default_rng(1))
    mean, _ = result.moment(7)
    np.testing.assert_allclose(mean, result.moment(1)[0], rtol=1e-12)


def test_standard_errors_cover_the_spectrum():
    # 200 independent runs of 8 probes: one standard error of a t with 7 degrees covers 65%
    values = np.r_[np.linspace(-1, 1, 28), 3.0, 4.0]
    operator = with_spectrum(12, np.tile(values, (200, 1)))
    result = spectral_density(operator, np.random.default_rng(13), probes=8, steps=30)
    grid = np.array([-0.8, -0.3, 0.0, 0.5, 2.0])
    lower, upper, error = result.cdf(grid)
    truth = (values[:, None] <= grid).mean(axis=0)
    inside = (abs((lower + upper) / 2 - truth) <= error).mean(axis=0)
    assert (inside > 0.5).all()
    assert (inside < 0.8).all()
    # the law the docstring states
    expected = truth * (1 - truth) / (len(values) / 2 + 1) / 8
    np.testing.assert_allclose((error**2).mean(axis=0), expected, rtol=0.2)
    mean, error = result.moment(1)
    assert 0.5 < (abs(mean - values.mean()) <= error).mean() < 0.8
    assert abs(mean.mean() - values.mean()) < 4 * mean.std() / np.sqrt(200)


def test_few_steps_widen_the_bounds_not_the_standard_error():
    values = np.linspace(-1, 1, 30)
    operator = with_spectrum(12, np.tile(values, (200, 1)))
    result = spectral_density(operator, np.random.default_rng(17), probes=8, steps=5)
    grid = np.linspace(-0.9, 0.9, 7)
    lower, upper, error = result.cdf(grid)
    truth = (values[:, None] <= grid).mean(axis=0)
    assert ((lower - error <= truth) & (truth <= upper + error)).mean() > 0.99


def test_torch_gives_the_numbers_of_numpy():
    operator = with_spectrum(14, np.random.default_rng(2).standard_normal((3, 50)))
    options = {"probes": 3, "steps": 12}
    ours = spectral_density(operator, np.random.default_rng(1), **options)
    exact = torch.from_numpy(operator.matrices)
    theirs = spectral_density(Dense(exact), np.random.default_rng(1), **options)
    for name in ("nodes", "weights", "residuals"):
        value = getattr(theirs, name)
        assert isinstance(value, np.ndarray)
        np.testing.assert_allclose(value, getattr(ours, name), rtol=1e-9, atol=1e-11)
    rough = spectral_density(Dense(exact.float()), np.random.default_rng(1), **options)
    assert rough.nodes.dtype == np.float64
    assert rough.eps == np.finfo(np.float32).eps
    np.testing.assert_allclose(rough.nodes, ours.nodes, atol=1e-4)
    values, weights = probe_measures(operator, 1, 3)
    grid = np.linspace(-4, 4, 300)
    lower, upper, _ = rough.cdf(grid)
    for m in range(3):
        true = (weights[m][:, None] * (values[m] <= grid[:, None])).sum(2).mean(0)
        assert (lower[m] <= true + 1e-5).all()
        assert (true <= upper[m] + 1e-5).all()


def test_float32_ends_at_invariant_subspaces():
    exact = with_spectrum(5, np.stack([SPECTRA["degenerate"], np.zeros(60)])).matrices
    operator = Dense(torch.from_numpy(exact).float())
    result = spectral_density(operator, np.random.default_rng(5), probes=3)
    assert result.exact.all()
    assert (result.steps[0] <= 6).all()  # rounding of the matrix splits the four values
    assert (result.steps[1] == 1).all()


def test_no_number_depends_on_batch_chunks_or_a_second_run():
    operator = with_spectrum(15, np.random.default_rng(3).standard_normal((5, 40)))
    whole = spectral_density(operator, np.random.default_rng(1), probes=4, steps=10)
    again = spectral_density(operator, np.random.default_rng(1), probes=4, steps=10)
    np.testing.assert_array_equal(whole.nodes, again.nodes)
    other = spectral_density(operator, np.random.default_rng(2), probes=4, steps=10)
    assert abs(whole.nodes - other.nodes).max() > 1e-3
    one_vector = 40 * 8 * 18 / 2**20
    for memory, members, probes in (
        (one_vector, 1, 1),
        (3.5 * one_vector, 1, 3),
        (9 * one_vector, 2, 4),
    ):
        operator.asked.clear()
        parts = spectral_density(
            operator, np.random.default_rng(1), probes=4, steps=10, memory_mb=memory
        )
        assert max(shape[0] for shape in operator.asked) == members
        assert max(shape[1] for shape in operator.asked) == probes
        np.testing.assert_allclose(parts.nodes, whole.nodes, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-8, atol=1e-12)
    rng = np.random.default_rng(1)
    for m in range(5):
        alone = spectral_density(operator, rng, probes=4, steps=10, members=np.array([m]))
        np.testing.assert_allclose(alone.nodes[0], whole.nodes[m], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_members_are_named_or_flagged(value):
    operator = with_spectrum(16, np.random.default_rng(4).standard_normal((4, 20)))
    operator.matrices[2, 3, 3] = value
    with pytest.raises(ValueError, match="member 2"):
        spectral_density(operator, np.random.default_rng(1))
    with pytest.raises(ValueError, match="member 2"):  # its number in the ensemble
        spectral_density(operator, np.random.default_rng(1), members=np.array([0, 2]))
    result = spectral_density(operator, np.random.default_rng(1), on_nonfinite="flag")
    outputs = [*result.cdf(np.zeros(1)), *result.density(np.zeros(1), 0.1), result.moment(1)[0]]
    for output in [*outputs, result.wasserstein_bound(), result.nodes, result.weights]:
        missing = np.isnan(output.reshape(4, -1)).all(axis=1)
        assert missing.tolist() == [False, False, True, False]
    assert not result.exact[2].any()
    grid = result.grid(11)
    assert grid[0] < np.nanmin(result.nodes) < np.nanmax(result.nodes) < grid[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probes": 0}, "probes"),
        ({"steps": 0}, "steps"),
        ({"on_nonfinite": "no"}, "on_nonfinite"),
        ({"members": np.array([-1])}, "members: .* from 0 to 0, got -1"),
        ({"members": np.array([0, 1])}, "members: .* from 0 to 0, got 1"),
        ({"memory_mb": 0}, "memory_mb: expected a positive, finite number, got 0"),
        ({"rng": 0}, "rng: expected a numpy Generator, got int"),
    ],
)
def test_bad_settings_are_refused(change, message, monkeypatch):
    # where types are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    settings = {"rng": np.random.default_rng(1), **change}
    with pytest.raises(ValueError, match=message) as error:
        spectral_density(with_spectrum(1, np.ones(3)), **settings)
    assert "\n" not in str(error.value)


def test_no_members_have_empty_densities():
    result = spectral_density(
        with_spectrum(1, np.ones(9)),
        np.random.default_rng(1),
        probes=4,
        steps=5,
        members=np.zeros(0, dtype=int),
    )
    assert result.nodes.shape == (0, 4, 5)
    assert result.exact.shape == result.steps.shape == (0, 4)
    assert result.moment(1)[0].shape == result.wasserstein_bound().shape == (0,)
    assert result.cdf(np.zeros(3))[0].shape == result.density(np.zeros(3), 1.0)[0].shape == (0, 3)


def test_a_width_is_positive():
    result = spectral_density(with_spectrum(1, np.ones(3)), np.random.default_rng(1))
    with pytest.raises(ValueError, match="width"):
        result.density(np.zeros(2), 0.0)


def test_no_torch_is_imported():
    names = ", ".join(f"spectral_atlas.spectra.{n}" for n in ("density", "trace", "subspaces"))
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
