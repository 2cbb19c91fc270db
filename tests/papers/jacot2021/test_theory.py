"""Every formula against what it is short for: time steps, scans, roots and random networks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end, init_power_law, tangent_kernel
from spectral_atlas.papers.jacot2021 import theory

DEPTHS = (2, 3, 4, 5)


def gradient_at_zero(seed: int) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """A 4 x 5 matrix G and its top singular triple."""
    G = np.random.default_rng(seed).standard_normal((4, 5))
    U, s, Vt = np.linalg.svd(G)
    return G, float(s[0]), U[:, 0], Vt[0]


def units(seed: int, depth: int, width: int) -> list[np.ndarray]:
    """A random unit vector for each hidden layer."""
    vectors = np.random.default_rng(seed).standard_normal((depth - 1, width))
    return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def escape_direction(u: np.ndarray, v: np.ndarray, inner: list[np.ndarray]) -> list[np.ndarray]:
    """L^{-1/2} (-w_1 v^T, w_2 w_1^T, ..., u w_{L-1}^T), of length one."""
    chain = [-v, *inner, u]
    return [np.outer(b, a) / np.sqrt(len(chain) - 1) for a, b in pairwise(chain)]


def leading_gradient(G: np.ndarray, layers: list[np.ndarray]) -> list[np.ndarray]:
    """Gradient of <G, W_L ... W_1> by autograd."""
    weights = [torch.tensor(w, requires_grad=True) for w in layers]
    product = weights[0]
    for w in weights[1:]:
        product = w @ product
    return [g.numpy() for g in torch.autograd.grad((torch.tensor(G) * product).sum(), weights)]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("width", [1, 3])
def test_the_speed_is_an_eigenvalue_of_the_leading_term(depth, width):
    G, s_1, u, v = gradient_at_zero(depth)
    rho = escape_direction(u, v, units(width, depth, width))
    assert [w.shape for w in rho] == [(width, 5), *[(width, width)] * (depth - 2), (4, width)]
    assert sum(np.sum(w**2) for w in rho) == pytest.approx(1, rel=1e-14)
    speed = theory.optimal_escape_speed(s_1, depth)
    for w, g in zip(rho, leading_gradient(G, rho), strict=True):
        np.testing.assert_allclose(g, -speed * w, rtol=0, atol=1e-14)


@pytest.mark.parametrize("depth", DEPTHS)
def test_no_direction_escapes_faster(depth):
    """By Euler <G, A_rho> = -s/L on a ray: its minimum over unit vectors is found by descent."""
    G, s_1, _, _ = gradient_at_zero(10 + depth)
    arch = DeepLinear.plain(5, depth, 2, outputs=4)
    ends = []
    for seed in range(3):
        theta = np.random.default_rng(seed).standard_normal(arch.n_params)
        theta /= np.linalg.norm(theta)
        for _ in range(500):
            theta = theta - 0.3 * arch.flatten(leading_gradient(G, arch.unflatten(theta)))
            theta /= np.linalg.norm(theta)
        ends.append(-depth * np.sum(G * end_to_end(arch.unflatten(theta))))
    speed = theory.optimal_escape_speed(s_1, depth)
    assert max(ends) == pytest.approx(speed, rel=1e-3)
    assert max(ends) <= speed * (1 + 1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_radius_and_singular_value_solve_their_equations(depth):
    r_0, s_1 = 0.3, 1.7
    speed = float(theory.optimal_escape_speed(s_1, depth))
    end = min(0.9 * float(theory.blow_up_time(r_0, speed, depth)), 2.0)
    t = np.linspace(0, end, 7)
    sigma_0 = (r_0 / np.sqrt(depth)) ** depth

    def flow(_, y):  # of r, and of sigma in A = -sigma u_1 v_1^T
        return [speed * y[0] ** (depth - 1), depth * s_1 * y[1] ** (2 - 2 / depth)]

    path = solve_ivp(flow, (0, end), [r_0, sigma_0], t_eval=t, rtol=1e-11, atol=1e-14).y
    radius = theory.escape_radius(t, r_0, speed, depth)
    np.testing.assert_allclose(radius, path[0], rtol=1e-7)
    # |theta|^2 = L sigma^{2/L} where the layers are balanced.
    np.testing.assert_allclose(np.sqrt(depth) * path[1] ** (1 / depth), path[0], rtol=1e-7)


def test_blow_up():
    time = theory.blow_up_time(0.2, 0.5, 4)
    assert time == pytest.approx(0.2**-2 / (2 * 0.5))
    assert theory.escape_radius(time * (1 - 1e-9), 0.2, 0.5, 4) > 1e3
    np.testing.assert_array_equal(theory.escape_radius([time, 2 * time], 0.2, 0.5, 4), np.inf)
    assert np.isinf(theory.blow_up_time(0.2, 0.5, 2))
    assert theory.blow_up_time(np.array([0.1, 0.2]), 0.5, 2).shape == (2,)


@pytest.mark.parametrize("depth", DEPTHS)
def test_time_scale_is_that_of_a_starting_radius(depth):
    """A start of the radius c w^{-(gamma-1)/2} along the ray: what is left of blow-up times."""
    speed, c = 0.7, 0.5
    r_0 = [c * 100 ** (-(gamma - 1) / 2) for gamma in (1.5, 2.5)]
    if depth == 2:
        times = np.log(1 / np.array(r_0)) / speed
        assert theory.escape_time_scale(100, 2.5, 2) == 1
        assert speed * np.diff(times)[0] == pytest.approx(theory.shallow_escape_delay(100, 1.0))
    else:
        times = theory.blow_up_time(np.array(r_0), speed, depth)
        scales = theory.escape_time_scale(100, np.array([1.5, 2.5]), depth)
        assert times[1] / times[0] == pytest.approx(scales[1] / scales[0], rel=1e-12)
    assert theory.escape_time_scale(100, 2.5, 4) / theory.escape_time_scale(
        100, 2.0, 4
    ) == pytest.approx(10)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("gamma", [0.85, 1.0])
def test_kernel_scale_is_the_mean_of_the_diagonal(depth, gamma):
    width, found = 60, []
    arch = DeepLinear.plain(3, depth, width, outputs=4)
    for seed in range(30):
        theta = init_power_law(np.random.default_rng(seed), arch, gamma)
        found.append(np.diag(tangent_kernel(arch.unflatten(theta))).mean())
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(
        theory.kernel_scale(depth, width, gamma), abs=4 * error, rel=0
    )


def test_smallest_gamma_keeps_the_entries_of_order_one():
    for depth in DEPTHS:
        gamma = theory.smallest_gamma(depth)
        # Var A_ij = w^{L-1} w^{-gamma L}
        assert 50.0 ** (depth - 1 - gamma * depth) == pytest.approx(1, rel=1e-12)
        assert theory.kernel_scale(depth, 50, gamma) == pytest.approx(depth * 50 ** (1 - 1 / depth))


def test_lazy_rate_and_distance_of_the_linearized_map():
    rng = np.random.default_rng(4)
    J = np.linalg.qr(rng.standard_normal((40, 12)))[0].T * np.sqrt(6.0)  # kernel J J^T = 6 I
    missing, theta, eta, count = rng.standard_normal(12), np.zeros(40), 0.3, 12
    norms = []
    for _ in range(30):
        norms.append(np.linalg.norm(J @ theta - missing))
        theta -= eta * 2 / count * J.T @ (J @ theta - missing)
    rate = theory.lazy_rate(eta, 6.0, count)
    np.testing.assert_allclose(np.diff(np.log(norms)), rate, rtol=1e-9)
    assert np.isnan(theory.lazy_rate(3.0, 6.0, 12))
    distance = theory.distance_to_minima(np.linalg.norm(missing), 6.0)
    closest = np.linalg.norm(np.linalg.lstsq(J, missing, rcond=None)[0])
    assert distance == pytest.approx(closest, rel=1e-12)


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_basin_radius_separates_collapse_from_escape(depth):
    ridge, speed = 0.02, 0.4
    edge = float(theory.basin_radius(ridge, speed, depth))
    for factor, goes in ((0.97, -1), (1.03, 1)):
        r = factor * edge
        for _ in range(4000):
            r += 0.05 * (speed * min(r, 1.0) ** (depth - 1) - 2 * ridge * r)
        assert np.sign(np.log(r / edge)) == goes
        assert abs(np.log(r / edge)) > 1
    with pytest.raises(ValueError, match="depth = 2: must be at least 3"):
        theory.basin_radius(ridge, speed, 2)


def over_zero(s: np.ndarray, a: float, ridge: float, c: float, depth: int) -> np.ndarray:
    """The scalar loss at s less that at 0, without the cancellation."""
    return c * s * (s - 2 * a) + ridge * depth * s ** (2 / depth)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("ridge", [1e-3, 0.005, 0.03])
def test_stationary_values_against_a_scan(depth, ridge):
    c, grid = 0.01, np.geomspace(1e-8, 8, 200_001)
    for a in (0.3, 0.9, 1.3, 2.0, 3.7, 7.0):
        values = over_zero(grid, a, ridge, c, depth)
        inner, left, right = values[1:-1], values[:-2], values[2:]
        minima = grid[1:-1][(inner < left) & (inner < right)]
        maxima = grid[1:-1][(inner > left) & (inner > right)]
        lower, upper = theory.stationary_values(a, ridge, c, depth)
        found = [x for x in (upper, lower) if np.isfinite(x)]
        np.testing.assert_allclose(found, [*minima, *maxima], rtol=1e-4)
        least = grid[values.argmin()] if values.min() < 0 else 0
        wins = a > theory.a_global(ridge, c, depth)
        np.testing.assert_allclose(upper if wins else 0, least, rtol=1e-4)


@pytest.mark.parametrize("depth", [3, 4, 5, 40])
def test_stationary_values_to_rounding_and_up_to_the_double_root(depth):
    ridge, c = np.array([1e-9, 1e-3, 0.05])[:, None], 0.02
    edge = theory.a_critical(ridge, c, depth)
    a = edge * (1 + np.array([0, 1e-15, 1e-12, 1e-6, 1e-2, 1.0, 1e3]))
    lower, upper = theory.stationary_values(a, ridge, c, depth)
    m = 1 - 2 / depth
    double = (m * ridge / c) ** (1 / (1 + m))
    assert np.all(lower <= double * (1 + 1e-15))
    assert np.all(upper >= double * (1 - 1e-15))
    assert np.all(np.diff(upper, axis=1) >= 0)
    assert np.all(np.diff(lower, axis=1) <= 0)
    for s in (lower, upper):
        np.testing.assert_allclose(s + ridge / c * s**-m, a, rtol=1e-14)
    below = theory.stationary_values(edge * (1 - 1e-12), ridge, c, depth)
    assert np.isnan(below).all()


def test_stationary_values_at_the_ends():
    lower, upper = theory.stationary_values([0.0, 2.0], 0.0, 1.0, 3)
    np.testing.assert_array_equal(lower, [np.nan, 0])
    np.testing.assert_array_equal(upper, [np.nan, 2])
    lower, upper = theory.stationary_values([0.4, 2.0], 0.5, 1.0, 2)
    np.testing.assert_array_equal(lower, [np.nan, np.nan])
    np.testing.assert_array_equal(upper, [np.nan, 1.5])
    a = np.linspace(0.5, 3, 50)  # soft threshold
    upper = theory.stationary_values(a, 0.2, 0.5, 2)[1]
    np.testing.assert_allclose(upper, a - 0.4, rtol=1e-14)


@pytest.mark.parametrize("depth", [3, 4, 5])
@pytest.mark.parametrize("ridge", [0.005, 0.01])
def test_thresholds_against_a_scan(depth, ridge):
    c, a = 0.01, np.arange(0.5, 4, 0.002)
    grid = np.linspace(0, 4, 8001)
    values = c * (grid - a[:, None]) ** 2 + ridge * depth * grid ** (2 / depth)
    local = (values[:, 1:-1] < values[:, :-2]) & (values[:, 1:-1] < values[:, 2:])
    first = a[local.any(axis=1).argmax()]
    lowest = a[(values.argmin(axis=1) > 0).argmax()]
    assert theory.a_critical(ridge, c, depth) == pytest.approx(first, abs=0.003)
    assert theory.a_global(ridge, c, depth) == pytest.approx(lowest, abs=0.003)


def test_known_thresholds():
    table = {
        (3, 0.005): (1.0434, 1.1892),
        (3, 0.01): (1.7548, 2.0000),
        (4, 0.005): (1.1906, 1.5000),
        (4, 0.01): (1.8899, 2.3811),
        (5, 0.01): (1.9378, 2.6494),
    }
    for (depth, ridge), expected in table.items():
        found = theory.a_critical(ridge, 0.01, depth), theory.a_global(ridge, 0.01, depth)
        np.testing.assert_allclose(found, expected, rtol=0, atol=6e-5)


@pytest.mark.parametrize("depth", DEPTHS)
def test_thresholds_in_the_ridge_invert_those_in_the_singular_value(depth):
    a, c = np.array([0.3, 3.0, 10.0]), 0.01
    critical, lowest = theory.lambda_critical(a, c, depth), theory.lambda_global(a, c, depth)
    np.testing.assert_allclose(theory.a_critical(critical, c, depth), a, rtol=1e-12)
    np.testing.assert_allclose(theory.a_global(lowest, c, depth), a, rtol=1e-12)
    if depth == 2:
        np.testing.assert_allclose([critical, lowest], [c * a, c * a], rtol=1e-14)
        return
    assert np.all(lowest < critical)
    for ridge, sign in ((lowest * 0.999, -1), (lowest * 1.001, 1)):
        upper = theory.stationary_values(a, ridge, c, depth)[1]
        assert np.all(np.sign(over_zero(upper, a, ridge, c, depth)) == sign)
