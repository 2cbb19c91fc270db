"""Closed forms of small linear networks, against scans, quadrature, dense matrices and descent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024 import constants, theory
from spectral_atlas.spectra.gd_map import log_determinant, orbit_multipliers
from spectral_atlas.spectra.least_sharpness import critical_step
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

Array = np.ndarray
ETAS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49]
RNG_SEEDS = [0, 1, 2]


def descend(w: Array, eta: float, steps: int) -> Array:
    for _ in range(steps):
        w = w + 2 * eta * (1 - w[0] * w[1]) * w[::-1]
    return w


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_hessian_and_determinant_are_those_of_the_network(seed: int) -> None:
    w = np.random.default_rng(seed).normal(size=(20, 2))
    dense = linear_map_hessian(DeepLinear(((1, 1), (1, 1)), outputs=1), w, np.ones((1, 1)),
                               np.ones((1, 1))).dense()  # fmt: skip
    np.testing.assert_allclose(theory.hessian(*w.T), dense, atol=1e-13)
    for eta in (0.1, 0.5, 0.9):
        sign, log = log_determinant(dense, eta)
        np.testing.assert_allclose(theory.determinant(*w.T, eta), sign * np.exp(log), atol=1e-12)
    x = np.exp(w[:, 0])
    np.testing.assert_allclose(theory.sharpness_on_minima(x),
                               np.linalg.eigvalsh(theory.hessian(x, 1 / x))[:, 1])  # fmt: skip


@pytest.mark.parametrize("eta", ETAS)
def test_stable_interval_against_a_scan(eta: float) -> None:
    low, high = theory.stable_interval(eta)
    x = np.geomspace(0.05, 20, 400_001)
    stable = x[eta * theory.sharpness_on_minima(x) < 2]
    np.testing.assert_allclose([low, high], stable[[0, -1]], rtol=3e-5)
    assert theory.stable_radius(eta) == pytest.approx(np.hypot(low, high), rel=1e-14)
    length = quad(lambda w: np.sqrt(1 + w**-4), low, high, epsabs=1e-12)[0]
    assert theory.stable_arclength(eta) == pytest.approx(length, rel=1e-10)


def test_nothing_is_stable_beyond_the_critical_step() -> None:
    etas = np.array([0.1, 0.5, 0.500001, 0.8])
    np.testing.assert_array_equal(np.isnan(theory.stable_interval(etas)[0]), [0, 0, 1, 1])
    np.testing.assert_array_equal(np.isnan(theory.stable_radius(etas)), [0, 0, 1, 1])
    np.testing.assert_array_equal(np.isnan(theory.stable_arclength(etas)), [0, 0, 1, 1])
    assert theory.stable_arclength(0.5) == 0


@pytest.mark.parametrize(("eta", "low", "high", "length"), [
    (0.1, 0.3178, 3.1463, 4.5874), (0.3, 0.5774, 1.7321, 1.7063), (0.49, 0.9041, 1.1061, 0.2862),
])  # fmt: skip
def test_known_intervals(eta: float, low: float, high: float, length: float) -> None:
    found = [*theory.stable_interval(eta), theory.stable_arclength(eta)]
    np.testing.assert_allclose(found, [low, high, length], atol=6e-5)


@pytest.mark.parametrize("eta", [0.3, 0.55, 0.75, 0.95])
def test_antidiagonal_reaches_the_saddle_only_from_inside(eta: float) -> None:
    reach = float(theory.saddle_reach(eta))
    for factor, norm in ((0.99, 0.0), (1.01, np.inf)):
        w = factor * reach * np.array([1.0, -1.0])
        with np.errstate(over="ignore", invalid="ignore"):
            end = np.abs(descend(w, eta, 2000)).max()
        assert end < 1e-8 if norm == 0 else not end < 10
    assert np.isnan(theory.saddle_reach(1.01))


@pytest.mark.parametrize("eta", [0.2, 0.5, 0.8])
def test_one_step_takes_a_hyperbola_to_the_antidiagonal(eta: float) -> None:
    x = np.array([-3.0, -0.7, 0.3, 1.0, 1.9, 6.0])
    curve = float(theory.lands_on_antidiagonal(eta))
    after = descend(np.stack([x, curve / x]), eta, 1)
    np.testing.assert_allclose(after[1], -after[0], atol=1e-13)
    beside = descend(np.stack([x, 1.01 * curve / x]), eta, 1)
    assert (np.abs(beside.sum(axis=0)) > 1e-3).all()


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_white_critical_step_is_that_of_the_library(depth: int) -> None:
    target = np.diag([1.7, 0.6])
    expected = critical_step(target, np.eye(2), depth)
    assert theory.white_critical_step(1.7, depth) == pytest.approx(expected, rel=1e-9)
    assert theory.white_critical_step(1.0, 2) == constants.CRITICAL_STEP == 0.5


@pytest.mark.parametrize("start", [[1.6, 1.0, 0.5, 0.3], [2.0, 0.1], [3.0, 2.0, 1.5]])
def test_gradient_flow_limit_by_integration(start: list[float]) -> None:
    def flow(_: float, w: Array) -> Array:
        return 2 * (1 - w.prod()) * w.prod() / w

    end = solve_ivp(flow, (0, 200), start, rtol=1e-10, atol=1e-12).y[:, -1]
    limit = theory.flow_limit(start)
    np.testing.assert_allclose(limit, end, rtol=1e-7)
    one = np.ones((1, 1))
    arch = DeepLinear(((1, 1),) * len(start), outputs=1)
    top = np.linalg.eigvalsh(linear_map_hessian(arch, limit[None], one, one).dense()[0])[-1]
    assert theory.chain_sharpness(limit) == pytest.approx(top, rel=1e-9)


@pytest.mark.parametrize("start", [[], [1.0, 0.0], [1.0, -0.5]])
def test_gradient_flow_limit_needs_positive_weights(start: list[float]) -> None:
    with pytest.raises(ValueError, match="must be positive weights"):
        theory.flow_limit(start)


@pytest.mark.parametrize("a", [1.002, 1.05, 1.2, 1.5])
def test_period_two_orbit_and_its_multipliers(a: float) -> None:
    high, low = theory.period_two_points(a)
    assert theory.diagonal_map(high, a) == pytest.approx(float(low), rel=1e-13)
    assert theory.diagonal_map(low, a) == pytest.approx(float(high), rel=1e-13)
    eta, points = a / 2, np.array([high, low])
    dense = orbit_multipliers(theory.hessian(points, points), eta)
    along, across = theory.period_two_multipliers(a)
    np.testing.assert_allclose(np.sort(dense.real), np.sort([along, across]), atol=1e-12)
    each = theory.diagonal_multipliers(points, a)
    np.testing.assert_allclose([each[0].prod(), each[1].prod()], [along, across], atol=1e-12)
    gradient = -2 * (1 - high * high) * np.array([high, high])
    assert np.linalg.norm(gradient) == pytest.approx(float(theory.asymptotic_gradient(a)))


def test_gradient_leaves_zero_at_the_critical_step_and_descent_finds_it() -> None:
    np.testing.assert_array_equal(theory.asymptotic_gradient([0.2, 0.99, 1.0]), 0)
    np.testing.assert_array_equal(np.isnan(theory.period_two_points([0.99, 1.0])[0]), [True, False])
    a, sigma = 1.1, 1.5
    w = np.array([1.2, 0.9])  # L = (sigma - w_1 w_2)^2, eta_C = 1 / (2 sigma)
    eta = a * float(theory.white_critical_step(sigma, 2))
    for _ in range(4000):
        gradient = -2 * (sigma - w[0] * w[1]) * w[::-1]
        w = w - eta * gradient
    found = np.linalg.norm(gradient)
    assert found == pytest.approx(float(theory.asymptotic_gradient(a, sigma)), rel=1e-9)


def test_thresholds() -> None:
    assert theory.period_two_multipliers(theory.DOUBLING)[0] == pytest.approx(-1, abs=1e-12)
    a = theory.DEAD_ZONE
    x = np.linspace(0, 1, 200_001)
    for factor, leaves in ((0.9999, False), (1.0001, True)):
        image = theory.diagonal_map(theory.diagonal_map(x[1:], a * factor), a * factor)
        assert (image.min() <= 0) == leaves


def test_singular_example_is_differentiable_once() -> None:
    t = np.linspace(-3.5, 3.5, 1401)
    h = 1e-6
    slope = (theory.singular_loss(t + h) - theory.singular_loss(t - h)) / (2 * h)
    np.testing.assert_allclose(theory.singular_gradient(t), slope, atol=2e-5)
    inner = t[np.abs(np.abs(t) - 2) > 1e-3]
    curve = (theory.singular_gradient(inner + h) - theory.singular_gradient(inner - h)) / (2 * h)
    np.testing.assert_allclose(theory.singular_curvature(inner), curve, atol=1e-6)
    np.testing.assert_allclose(theory.singular_loss([-2.0, 2.0, 2 + 1e-12]), 4)
    np.testing.assert_allclose(theory.singular_gradient([-2.0, 2.0, 2 + 1e-12]), [-4, 4, 4])
    np.testing.assert_array_equal(theory.singular_map([2.5, 3.0, 3.5], 0.5), 0)
    np.testing.assert_array_equal(theory.singular_map([2.5, 3.0, 3.5], 0.25), [1.25, 1.5, 1.75])


@pytest.mark.parametrize(("eta", "p", "x"), [
    (0.15, 0.5, (0.9, 2.5)), (0.3, 0.58, (0.9, 2.5)), (0.05, 0.3, (0.9, 2.5)),
    (0.4, 0.9, (1.3, 0.4)), (0.2, 0.5, (1.0, 1.0)), (2.0, 0.5, (1.5, 2.5)), (0.3, 0.99, (0.9, 2.5)),
])  # fmt: skip
def test_stable_sets_against_a_scan(eta: float, p: float, x: tuple[float, float]) -> None:
    t = np.geomspace(0.02, 50, 500_001)
    s = t**2 + t**-2
    pairs = [
        (theory.gd_stable(eta, x, p), theory.gd_exponent(s, eta, x, p)),
        (theory.sgd_stable(eta, x, p), theory.sgd_exponent(s, eta, x, p)),
    ]
    for intervals, exponent in pairs:
        inside = np.zeros(len(t), dtype=bool)
        for low, high in intervals:
            assert low < high
            inside |= (t > low) & (t < high)
        assert np.all(np.diff(np.ravel(intervals)) > 0)
        wrong = inside != (exponent < 0)
        assert wrong.sum() <= 2 * len(intervals) + 2  # points next to an end, to rounding


def test_exponents_of_the_follow_up_examples() -> None:
    x = (0.9, 2.5)
    np.testing.assert_allclose(theory.gd_stable(0.15, x, 0.5), [(0.5352, 1.8683)], atol=6e-5)
    three = [(0.3299, 0.3920), (0.6778, 1.4753), (2.5510, 3.0312)]
    np.testing.assert_allclose(theory.sgd_stable(0.15, x, 0.5), three, atol=6e-5)
    np.testing.assert_allclose(theory.gd_stable(0.3, x, 0.58), [(0.8228, 1.2154)], atol=6e-5)
    two = [(0.4569, 0.6986), (1.4315, 2.1886)]
    np.testing.assert_allclose(theory.sgd_stable(0.3, x, 0.58), two, atol=6e-5)
    assert theory.gd_stable(0.3, x, 0.5) == []  # c = 3.53: eta is over 1 / c


def test_exponent_of_sgd_is_the_mean_logarithm_of_its_factors() -> None:
    s, eta, p, x = 3.1, 0.2, 0.35, (0.9, 2.5)
    expected = p * np.log(abs(1 - eta * 0.81 * s)) + (1 - p) * np.log(abs(1 - eta * 6.25 * s))
    assert theory.sgd_exponent(s, eta, x, p) == pytest.approx(expected, rel=1e-14)
    mean = abs(1 - eta * (p * 0.81 + (1 - p) * 6.25) * s)
    assert theory.gd_exponent(s, eta, x, p) == pytest.approx(np.log(mean), rel=1e-14)
    assert theory.gd_exponent(1 / (eta * 0.81), eta, (0.9, 0.9), p) < -30
