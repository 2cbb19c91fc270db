"""The least sharpness of minimizers: bound, construction, search; how far stable ones reach."""

from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
from scipy.optimize import approx_fprime, brentq

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import balanced_factors, end_to_end
from spectral_atlas.spectra import linear_map_hessian
from spectral_atlas.spectra._minimizer_program import Program
from spectral_atlas.spectra.flattest import (
    critical_step,
    flattest_in_closed_form,
    flattest_minimizer,
    least_sharpness,
    widest_stable,
)
from spectral_atlas.spectra.linear_map_minima import minimizer_sharpness, random_minimizer
from spectral_atlas.spectra.stable_minimizers import stable_norm_bound, stable_set_is_bounded

TWO = np.array([[1.2, 0.3], [-0.4, 0.8]])


def net(*widths):
    return DeepLinear(tuple((o, i) for i, o in pairwise(widths)), outputs=widths[-1])


def random_problem(rng, o, i, samples=None):
    G = rng.standard_normal((i, i if samples is None else samples))
    return rng.standard_normal((o, i)), G @ G.T / i


def bound_along(target, S, depth, b):
    image = target @ np.linalg.cholesky(S)  # any root gives the same set of values
    R = np.linalg.cholesky(S)
    first, second = np.linalg.norm(R @ b, axis=0), np.linalg.norm(image @ b, axis=0)
    return 2 * depth * first ** (2 / depth) * second ** (2 - 2 / depth)


def sharpness(arch, theta, S):
    return float(minimizer_sharpness(arch.unflatten(theta), S))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7])
@pytest.mark.parametrize(("o", "i"), [(1, 1), (2, 2), (2, 3), (3, 2), (4, 5), (1, 4)])
def test_bound_and_construction_meet(depth, o, i):
    rng = np.random.default_rng([depth, o, i])
    for samples in (None, 1, max(1, i - 1)):
        target, S = random_problem(rng, o, i, samples)
        found = least_sharpness(target, S, depth)
        assert found.attained == pytest.approx(found.value, rel=1e-12)
        assert np.linalg.norm(found.direction) == pytest.approx(1, rel=1e-12)
        arch = net(i, *[min(o, i)] * (depth - 1), o)  # no wider than the rank
        theta = flattest_in_closed_form(arch, target, S)
        np.testing.assert_allclose(end_to_end(arch.unflatten(theta)), target, atol=1e-12)
        assert sharpness(arch, theta, S) == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_construction_against_the_exact_hessian(depth):
    rng = np.random.default_rng(depth)
    target, s = rng.standard_normal((2, 3)), np.array([2.0, 0.3, 1.0])
    arch = net(3, *[4] * (depth - 1), 2)
    theta = flattest_in_closed_form(arch, target, np.diag(s))
    H = linear_map_hessian(arch, theta[None], target, np.tile(s, (2, 1))).dense()[0]
    value = least_sharpness(target, np.diag(s), depth).value
    assert np.linalg.eigvalsh(H)[-1] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("depth", "expected"), [(2, 10.11977), (3, 16.41712)])
def test_brute_force_over_directions(depth, expected):
    angle = np.linspace(0, np.pi, 100_001)
    S = np.diag([2.0, 0.5])
    best = bound_along(TWO, S, depth, np.stack([np.cos(angle), np.sin(angle)])).max()
    value = least_sharpness(TWO, S, depth).value
    assert value == pytest.approx(best, rel=1e-9)
    assert value == pytest.approx(expected, abs=1e-5)
    draws = np.random.default_rng(0)
    target, S = random_problem(draws, 2, 3)
    b = draws.standard_normal((3, 100_000))
    largest = bound_along(target, S, depth, b / np.linalg.norm(b, axis=0)).max()
    value = least_sharpness(target, S, depth).value
    assert largest <= value * (1 + 1e-12)
    assert largest == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_white_data(depth):
    target = np.random.default_rng(0).standard_normal((3, 4))
    top = np.linalg.norm(target, 2)
    value = least_sharpness(target, np.eye(4), depth).value
    assert value == pytest.approx(2 * depth * top ** (2 - 2 / depth), rel=1e-13)
    step = critical_step(target, 5 * np.eye(4), depth)
    assert step == pytest.approx(0.2 / (depth * top ** (2 - 2 / depth)), rel=1e-13)
    arch = net(4, *[3] * (depth - 1), 3)
    balanced = arch.flatten(balanced_factors(target, depth, 3))
    assert sharpness(arch, balanced, np.eye(4)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_degenerate_top_eigenvalue(depth):
    """W* and S share their eigenvectors: F(t) is diagonal, its largest entries cross."""
    S, target = np.diag([4.0, 0.1, 0.1]), np.diag([0.1, 2.0, 2.0])
    found = least_sharpness(target, S, depth)

    def entry(log_t, k):
        t, n = np.exp(log_t), S[k, k] * target[k, k] ** 2
        return t * S[k, k] + (depth - 1) * t ** (-1 / (depth - 1)) * n

    log_t = brentq(lambda x: entry(x, 0) - entry(x, 1), -9, 2, xtol=1e-15)
    assert found.value == pytest.approx(2 * entry(log_t, 0), rel=1e-12)
    assert abs(found.direction[0]) > 0.05  # no single eigenvector
    assert np.linalg.norm(found.direction[1:]) > 0.05


@pytest.mark.parametrize(
    "widths", [(2, 3, 2), (2, 3, 3, 2), (3, 4, 2), (2, 4, 4, 4, 2), (4, 3, 3, 4)]
)
def test_no_random_minimizer_is_flatter(widths):
    rng, arch = np.random.default_rng(5), net(*widths)
    target, S = random_problem(rng, widths[-1], widths[0])
    if widths[0] == 4:
        target = target[:, :2] @ rng.standard_normal((2, 4))
    value = least_sharpness(target, S, arch.depth).value
    drawn = [sharpness(arch, random_minimizer(rng, arch, target), S) for _ in range(200)]
    assert min(drawn) > value
    start = flattest_in_closed_form(arch, target, S)
    program = Program(arch, target, S)
    near = [
        program.onto_minimizers(start + 1e-3 * rng.standard_normal(len(start))) for _ in range(20)
    ]
    if widths[0] != 4:  # there the minimizers are no manifold
        assert max(program.misfit(theta) for theta in near) < 1e-12
        assert min(sharpness(arch, theta, S) for theta in near) > value * (1 - 1e-12)


@pytest.mark.parametrize(
    "widths",
    [(2, 3, 2), (2, 3, 3, 2), (1, 4, 1), (3, 4, 2), (2, 4, 4, 4, 2), (3, 2, 2), (2, 2, 2, 2)],
)
def test_search_finds_the_least_sharpness(widths):
    rng, arch = np.random.default_rng(list(widths)), net(*widths)
    target, S = random_problem(rng, widths[-1], widths[0])
    theta, value, misfit = flattest_minimizer(arch, target, S, rng, restarts=2)
    assert value == pytest.approx(least_sharpness(target, S, arch.depth).value, rel=1e-7)
    assert value == sharpness(arch, theta, S)
    assert misfit < 1e-12
    np.testing.assert_allclose(end_to_end(arch.unflatten(theta)), target, atol=1e-12)


def test_search_on_singular_data():
    rng, arch = np.random.default_rng(0), net(3, 3, 3, 2)
    target, S = random_problem(rng, 2, 3, samples=2)
    theta, value, misfit = flattest_minimizer(arch, target, S, rng, restarts=2)
    assert value == pytest.approx(least_sharpness(target, S, 3).value, rel=1e-7)
    assert misfit < 1e-12
    np.testing.assert_allclose(end_to_end(arch.unflatten(theta)) @ S, target @ S, atol=1e-12)


def test_gradients_of_the_search():
    rng, arch = np.random.default_rng(0), net(3, 4, 3, 2)
    target, S = random_problem(rng, 2, 3)
    program = Program(arch, target, S)
    Y, root = rng.standard_normal((2, 3)), rng.standard_normal((6, 6))
    for free, extra in ((True, [1.3]), (False, [])):
        inner = program._lagrangian(Y, root @ root.T, 3.0, 2.0, free, 0.1)
        x = np.append(rng.standard_normal(arch.n_params), extra)
        numeric = approx_fprime(x, lambda v, inner=inner: inner(v)[0], 1e-7)
        exact = inner(x)[1]
        np.testing.assert_allclose(numeric, exact, atol=1e-5 * np.abs(exact).max())


def test_stable_minimizers_without_bound():
    deep = net(1, 2, 2, 1)
    for t in (1.0, 10.0, 1e3, 1e6):
        layers = [np.array([[1.0], [0.0]]), np.diag([1.0, t]), np.array([[1.0, 0.0]])]
        assert minimizer_sharpness(layers, np.eye(1)) == pytest.approx(6.0, rel=1e-12)
        theta = flattest_in_closed_form(deep, np.eye(1), np.eye(1), idle=t)
        assert sharpness(deep, theta, np.eye(1)) == pytest.approx(6.0, rel=1e-12)
        assert np.linalg.norm(theta) >= t
    H = linear_map_hessian(deep, theta[None], np.eye(1), np.eye(1)).dense()[0]
    assert np.linalg.eigvalsh(H)[-1] == pytest.approx(6.0, rel=1e-6)
    assert not stable_set_is_bounded(deep, np.eye(1))
    wide, target = net(2, 3, 2, 4, 3, 2), TWO
    theta = flattest_in_closed_form(wide, target, np.diag([2.0, 0.5]), idle=1e5)
    value = least_sharpness(target, np.diag([2.0, 0.5]), 5).value
    assert sharpness(wide, theta, np.diag([2.0, 0.5])) == pytest.approx(value, rel=1e-12)
    assert not stable_set_is_bounded(wide, target)


@pytest.mark.parametrize("widths", [(2, 9, 2), (1, 1, 1, 1), (2, 2, 2, 2), (2, 5, 2, 5, 2), (2, 2)])
def test_bounded_stable_sets(widths):
    arch, target = net(*widths), np.eye(widths[0])
    assert stable_set_is_bounded(arch, target)
    if arch.depth > 1:
        with pytest.raises(ValueError, match="no two neighbouring hidden layers exceed"):
            flattest_in_closed_form(arch, target, np.eye(widths[0]), idle=2.0)


@pytest.mark.parametrize("eta", [0.3, 0.1, 0.05])
def test_widest_stable_on_white_data(eta):
    target, rng = np.diag([1.5, 1.0]), np.random.default_rng(0)
    found = widest_stable(net(2, 3, 2), target, np.eye(2), eta, rng, restarts=2)
    assert found == pytest.approx(2 / eta, rel=1e-5)
    assert found <= 2 / eta


@pytest.mark.parametrize("share", [0.999, 0.5, 0.1])
def test_widest_stable_of_scalars_and_of_wide_nets(share):
    rng = np.random.default_rng(1)
    p, s = 0.8, 1.7  # 2 s (w_1^2 + w_2^2) <= 2 / eta
    scalar = np.array([[p]]), np.array([[s]])
    eta = share * critical_step(*scalar, 2)
    found = widest_stable(net(1, 1, 1), *scalar, eta, rng, restarts=2)
    assert found == pytest.approx(1 / (s * eta), rel=1e-5)
    target, S = random_problem(rng, 2, 2)
    eta = share * critical_step(target, S, 2)
    found = widest_stable(net(2, 4, 2), target, S, eta, rng, restarts=2)
    bound = np.trace(np.linalg.inv(S)) / eta
    assert found == pytest.approx(bound, rel=1e-5)
    assert found <= bound


def test_widest_stable_is_above_all_that_is_drawn():
    rng, arch = np.random.default_rng(2), net(2, 3, 2)
    target, S = random_problem(rng, 2, 2)
    drawn = [random_minimizer(rng, arch, target) for _ in range(300)]
    values = np.array([sharpness(arch, theta, S) for theta in drawn])
    squares = np.array([theta @ theta for theta in drawn])
    eta = 2 / np.quantile(values, 0.5)
    assert squares[values <= 2 / eta].max() < widest_stable(arch, target, S, eta, rng, restarts=3)


def test_errors(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    rng, arch = np.random.default_rng(0), net(2, 3, 2)
    with pytest.raises(ValueError, match="depth = 0: must be an integer >= 1"):
        least_sharpness(TWO, np.eye(2), 0)
    with pytest.raises(ValueError, match=r"W\* S = 0: must not be"):
        least_sharpness(np.array([[0.0, 1.0]]), np.diag([1.0, 0.0]), 2)
    with pytest.raises(ValueError, match=r"target: expected \(o, 3\), finite, got \(2, 2\)"):
        least_sharpness(TWO, np.eye(3), 2)
    with pytest.raises(ValueError, match=r"widths\[1\] = 1: must be at least 2"):
        flattest_minimizer(net(2, 1, 2), TWO, np.eye(2), rng)
    with pytest.raises(ValueError, match="restarts = 0: must be an integer >= 1"):
        flattest_minimizer(arch, TWO, np.eye(2), rng, restarts=0)
    with pytest.raises(ValueError, match="depth = 3: must be 2"):
        widest_stable(net(2, 3, 3, 2), TWO, np.eye(2), 0.01, rng)
    with pytest.raises(ValueError, match="must be below the critical step"):
        widest_stable(arch, TWO, np.eye(2), 10.0, rng)
    with pytest.raises(ValueError, match="S: must have full rank"):
        widest_stable(arch, TWO, np.diag([1.0, 0.0]), 0.01, rng)
    with pytest.raises(ValueError, match=r"eta = -1\.0: must be > 0"):
        widest_stable(arch, TWO, np.eye(2), -1.0, rng)


@pytest.mark.parametrize(("i", "m", "o"), [(2, 3, 2), (1, 1, 1), (2, 4, 2), (3, 3, 2), (2, 3, 3)])
def test_no_stable_minimizer_is_beyond_the_bound(i, m, o):
    rng = np.random.default_rng([i, m, o])
    target, S = random_problem(rng, o, i)
    arch, eta = net(i, m, o), 0.3 * critical_step(target, S, 2)
    bound = stable_norm_bound(arch, S, eta)
    found = widest_stable(arch, target, S, eta, rng, restarts=4)
    assert found <= bound * (1 + 1e-9)
    if o == i and m >= 2 * i:
        assert found == pytest.approx(bound, rel=1e-4)


def test_bound_of_white_data():
    assert stable_norm_bound(net(2, 3, 2), np.eye(2), 0.1) == pytest.approx(20)
    assert stable_norm_bound(net(3, 4, 2), np.eye(3), 0.1) == pytest.approx(30)
    with pytest.raises(ValueError, match=r"^depth = 3: must be 2$"):
        stable_norm_bound(net(2, 3, 3, 2), np.eye(2), 0.1)
    with pytest.raises(ValueError, match=r"^eta = -1.0: must be > 0$"):
        stable_norm_bound(net(2, 3, 2), np.eye(2), -1.0)
    with pytest.raises(ValueError, match=r"^S: must have full rank"):
        stable_norm_bound(net(2, 3, 2), np.diag([1.0, 0.0]), 0.1)
    with pytest.raises(ValueError, match=r"^S: expected \(2, 2\), got \(3, 3\)$"):
        stable_norm_bound(net(2, 3, 2), np.eye(3), 0.1)
