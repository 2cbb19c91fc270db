"""Ridge minima by rank: derivatives by autograd, scalar brute force, closed forms, convexity."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import (
    balanced_factors,
    imbalance,
    schatten_penalty,
)
from spectral_atlas.training._ridge_loss import RidgeLoss
from spectral_atlas.training.ridge_minima import (
    is_stable,
    minimize_by_rank,
    minimize_ridge,
)
from spectral_atlas.training.soft_impute import soft_impute


def completion(seed, noise=0.0, noise_seed=7, n_observed=80):
    """Target 10 x 10 of rank 3, its noisy entries (NaN where unobserved), weights 1/N."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((10, 3)) @ rng.standard_normal((3, 10))
    weights = np.zeros(100)
    weights[rng.permutation(100)[:n_observed]] = 1 / n_observed
    weights = weights.reshape(10, 10)
    noisy = A + noise * np.random.default_rng(noise_seed).standard_normal((10, 10))
    return A, np.where(weights > 0, noisy, np.nan), weights


def torch_loss(arch, observed, weights, ridge):
    data, w = torch.tensor(np.where(weights > 0, observed, 0.0)), torch.tensor(weights)

    def loss(theta):
        A, start = torch.eye(arch.d, dtype=torch.float64), 0
        for rows, columns in arch.shapes:
            A = theta[start : start + rows * columns].reshape(rows, columns) @ A
            start += rows * columns
        return (w * (A - data) ** 2).sum() + ridge * theta @ theta

    return loss


ARCHITECTURES = [
    DeepLinear.plain(4, 1, outputs=3),
    DeepLinear.plain(4, 2, 2, outputs=3),
    DeepLinear.plain(3, 3, 1, outputs=5),
    DeepLinear.plain(5, 4, 3, outputs=4),
    DeepLinear.plain(2, 5, 2, outputs=3),
    DeepLinear(((2, 4), (3, 2), (5, 3)), outputs=5),
]


@pytest.mark.parametrize("arch", ARCHITECTURES, ids=lambda arch: str(arch.shapes))
def test_derivatives_are_those_of_autograd(arch):
    rng = np.random.default_rng(arch.n_params)
    shape = (arch.shapes[-1][0], arch.d)
    weights = rng.random(shape) * (rng.random(shape) < 0.8)
    observed = np.where(weights > 0, rng.standard_normal(shape), np.nan)
    ours, exact = RidgeLoss(arch, observed, weights, 0.3), torch_loss(arch, observed, weights, 0.3)
    for _ in range(2):  # buffers are used again
        theta = torch.tensor(rng.standard_normal(arch.n_params), requires_grad=True)
        expected = exact(theta)
        (gradient,) = torch.autograd.grad(expected, theta)
        value, g = ours(theta.detach().numpy())
        assert value == pytest.approx(expected.item(), rel=1e-13)
        np.testing.assert_allclose(g, gradient.numpy(), rtol=1e-11, atol=1e-12)
        H = torch.autograd.functional.hessian(exact, theta.detach()).numpy()
        np.testing.assert_allclose(np.tril(ours.hessian()), np.tril(H), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("ridge", [0.02, 0.1, 0.4])
def test_one_entry_against_a_scan_of_the_singular_value(depth, ridge):
    """C(s) + ridge L s^{2/L} on a grid: its last inner local minimum is that of rank 1."""
    a = 1.3
    s = np.linspace(0, 1.5, 300_001)
    values = (s - a) ** 2 + ridge * depth * s ** (2 / depth)
    inner = np.flatnonzero((values[1:-1] < values[:-2]) & (values[1:-1] <= values[2:])) + 1
    data, one = np.array([[a]]), np.ones((1, 1))
    rng = np.random.default_rng(0)
    (found,) = minimize_by_rank(data, one, depth, [ridge], [1], starts=0, rng=rng)[0]
    assert found.converged
    if len(inner):
        assert found.rank == 1
        assert found.value == pytest.approx(values[inner[-1]], rel=1e-9)
        assert found.A.item() == pytest.approx(s[inner[-1]], abs=6e-6)
    else:
        assert found.rank == 0
        assert found.value == pytest.approx(a**2, rel=1e-12)


def scalar_minimum(a, depth, ratio):
    """The largest s with a = s + ratio s^{-m}, m = 1 - 2/L, by Newton from above; 0 if none."""
    m, s = 1 - 2 / depth, a
    if a < (m * ratio) ** (1 / (1 + m)) * (1 + 1 / m):
        return 0.0
    for _ in range(200):
        s -= (s + ratio * s**-m - a) / (1 - m * ratio * s ** (-m - 1))
    return s


@pytest.mark.parametrize("depth", [3, 4])
@pytest.mark.parametrize("third", [1.01, 0.99])
def test_full_observation_has_one_minimum_for_each_number_of_values_above_the_threshold(
    depth, third
):
    """Every subset of those values is a critical point. It is a minimum if it leaves no value out
    that is larger than one it keeps: else rotating the one towards the other gains.
    """
    c, ridge, m = 0.01, 0.015, 1 - 2 / depth
    threshold = (m * ridge / c) ** (1 / (1 + m)) * (1 + 1 / m)
    values = np.array([10.0, 6.0, third * threshold])
    rng = np.random.default_rng(depth)
    U, V = (np.linalg.qr(rng.standard_normal((10, 3)))[0] for _ in range(2))
    target, weights = (U * values) @ V.T, np.full((10, 10), c)
    shrunk = np.array([scalar_minimum(a, depth, ridge / c) for a in values])
    n_kept = np.count_nonzero(shrunk)
    assert n_kept == (3 if third > 1 else 2)
    arch = DeepLinear.plain(10, depth, 3, outputs=10)
    for size in range(n_kept + 1):
        for kept in map(list, combinations(range(n_kept), size)):
            A = (U[:, kept] * shrunk[kept]) @ V[:, kept].T
            theta = arch.flatten(balanced_factors(A, depth, 3))
            there = minimize_ridge(arch, theta, target, weights, ridge, max_evaluations=1)
            assert there.gradient_norm < 1e-14
            exact = c * np.sum((target - A) ** 2) + ridge * schatten_penalty(A, depth)
            assert there.value == pytest.approx(float(exact), rel=1e-12)
            nested = kept == list(range(size))
            assert is_stable(there, target, weights, ridge, 5, rng) == nested
            if nested:
                best = minimize_by_rank(target, weights, depth, [ridge], [size], starts=1, rng=rng)
                assert best[0][0].rank == size
                assert best[0][0].value == pytest.approx(there.value, rel=1e-12)
    ranks = range(5)
    best = minimize_by_rank(target, weights, depth, [ridge], ranks, starts=1, rng=rng)
    assert [row[0].rank for row in best] == [min(r, n_kept) for r in ranks]
    assert all(row[0].converged for row in best)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_layers_have_the_minimum_of_the_nuclear_norm_and_saddles_below_its_rank(seed):
    _, observed, weights = completion(seed, noise=0.3)
    rng, ridges, ranks = np.random.default_rng(seed), [1e-3, 1e-2, 3e-2], range(0, 10, 2)
    found = minimize_by_rank(observed, weights, 2, ridges, ranks, starts=1, rng=rng)
    for j, ridge in enumerate(ridges):
        convex = soft_impute(observed, weights, ridge)
        rank = int(np.sum(np.linalg.svd(convex.A, compute_uv=False) > 1e-6))
        for r, row in zip(ranks, found, strict=True):
            assert row[j].converged
            assert row[j].rank == min(r, rank)
            stable = is_stable(row[j], observed, weights, ridge, max(r, 1) + 2, rng)
            assert stable == (r >= rank)
            if stable:
                assert row[j].value == pytest.approx(convex.value, rel=1e-9)
                np.testing.assert_allclose(row[j].A, convex.A, atol=1e-5)
            else:
                assert row[j].value > convex.value * (1 + 1e-4)


KNOWN = {  # value, cost, mean square error of the unobserved entries; ranks 1 to 6
    (3, 1e-3): [
        (0.30320, 0.286, 1.055),
        (0.08745, 0.062, 0.171),
        (0.05773, 0.0275, 0.122),
        (0.04117, 0.0069, 0.340),
        (0.03863, 0.0025, 0.269),
        (0.03813, 0.0009, 0.247),
    ],
    (3, 3e-3): [None, None, (0.11722, None, 0.078), (0.10775, None, 0.192), None],
    (4, 3e-3): [None, None, (0.11439, None, 0.0935), (0.10815, None, 0.202)],
}


@pytest.mark.parametrize(("depth", "ridge"), KNOWN)
def test_known_minima_of_a_noisy_completion_are_stable_and_balanced(depth, ridge):
    A, observed, weights = completion(1, noise=0.3)
    known, rng = KNOWN[depth, ridge], np.random.default_rng(0)
    ranks = range(1, len(known) + 1)
    found = minimize_by_rank(observed, weights, depth, [ridge], ranks, starts=1, rng=rng)
    for rank, (end,), row in zip(ranks, found, known, strict=True):
        assert end.rank == rank
        assert end.converged
        assert end.gradient_norm < 1e-9
        assert imbalance(end.layers) < 1e-8
        exact = end.cost + ridge * float(schatten_penalty(end.A, depth))
        assert end.value == pytest.approx(exact, rel=1e-9)
        assert is_stable(end, observed, weights, ridge, rank + 2, rng)
        if row is None:
            continue
        value, cost, test = row
        assert end.value == pytest.approx(value, abs=6e-6)
        assert np.mean((end.A - A)[weights == 0] ** 2) == pytest.approx(test, abs=6e-4)
        if cost is not None:
            assert end.cost == pytest.approx(cost, abs=6e-4)


def test_noiseless_values_where_the_global_minimum_misses_a_singular_value():
    A, observed, weights = completion(1)
    rng = np.random.default_rng(0)
    found = minimize_by_rank(observed, weights, 4, [0.008], [0, 2, 3], starts=1, rng=rng)
    (zero,), (two,), (three,) = found
    assert zero.value == pytest.approx(1.83580, abs=6e-6)
    assert is_stable(zero, observed, weights, 0.008, 3, rng)
    assert (two.value, three.value) == pytest.approx((0.2147, 0.2220), abs=6e-5)
    off = [np.mean((end.A - A)[weights == 0] ** 2) for end in (two, three)]
    assert off == pytest.approx([0.148, 0.082], abs=6e-4)


def test_ridges_help_each_other():
    """Without random starts: no value of the path is above that of a lonely search."""
    _, observed, weights = completion(3, noise=0.3, noise_seed=73)
    ridges, ranks = [3e-4, 1e-3, 3e-3], [3, 4, 5]
    rng = np.random.default_rng(0)
    path = minimize_by_rank(observed, weights, 4, ridges, ranks, starts=0, rng=rng)
    gains = []
    for row, rank in zip(path, ranks, strict=True):
        for end, ridge in zip(row, ridges, strict=True):
            ((alone,),) = minimize_by_rank(observed, weights, 4, [ridge], [rank], starts=0, rng=rng)
            assert (end.rank, alone.rank) == (rank, rank)
            gains.append(alone.value / end.value - 1)
    assert min(gains) > -1e-9
    assert max(gains) > 1e-3


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_ends_of_random_starts_are_minima_that_lbfgs_cannot_improve(depth):
    _, observed, weights = completion(2, noise=0.3)
    arch, rng = DeepLinear.plain(10, depth, 3, outputs=10), np.random.default_rng(depth)
    loss = RidgeLoss(arch, observed, weights, 2e-3)

    def function(theta):
        value, g = loss(theta)
        return value, g.copy()

    for scale in (0.3, 1.0):
        end = minimize_ridge(
            arch, scale * rng.standard_normal(arch.n_params), observed, weights, 2e-3
        )
        assert end.converged
        value, _ = loss(end.theta)
        assert end.value == value
        H = loss.hessian()
        assert np.linalg.eigvalsh(np.tril(H) + np.tril(H, -1).T)[0] > -1e-10
        options = {"maxcor": 20, "ftol": 1e-16, "gtol": 1e-12}
        other = minimize(function, end.theta, jac=True, method="L-BFGS-B", options=options)
        assert other.fun >= end.value * (1 - 1e-13)


def test_a_saddle_stays_where_it_is_exact_and_is_left_from_beside_it():
    _, observed, weights = completion(0, noise=0.3)
    arch, rng = DeepLinear.plain(10, 2, 10, outputs=10), np.random.default_rng(0)
    origin = minimize_ridge(arch, np.zeros(arch.n_params), observed, weights, 0.01)
    assert (origin.rank, origin.n_evaluations, origin.gradient_norm) == (0, 1, 0.0)
    beside = minimize_ridge(
        arch, 1e-9 * rng.standard_normal(arch.n_params), observed, weights, 0.01
    )
    assert beside.value == pytest.approx(soft_impute(observed, weights, 0.01).value, rel=1e-9)


def test_too_few_evaluations_are_reported():
    _, observed, weights = completion(0)
    arch = DeepLinear.plain(10, 3, 2, outputs=10)
    theta = np.random.default_rng(0).standard_normal(arch.n_params)
    end = minimize_ridge(arch, theta, observed, weights, 1e-3, max_evaluations=4)
    assert (end.n_evaluations, end.converged) == (4, False)


def test_far_starts_come_down_and_those_that_overflow_are_refused():
    _, observed, weights = completion(0)
    arch = DeepLinear.plain(10, 3, 2, outputs=10)
    theta = np.random.default_rng(0).standard_normal(arch.n_params)
    near, far = (minimize_ridge(arch, a * theta, observed, weights, 1e-3) for a in (1, 1e3))
    assert far.converged
    assert far.value == pytest.approx(near.value, rel=1e-12)
    for scale in (1e60, 1e160):
        with pytest.raises(ValueError, match="theta0: must have a finite gradient"):
            minimize_ridge(arch, scale * theta, observed, weights, 1e-3)


def test_bad_arguments_are_named():
    _, observed, weights = completion(0)
    arch = DeepLinear.plain(10, 3, 2, outputs=10)
    theta, rng = np.zeros(arch.n_params), np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"ridge = 0\.0: must be > 0"):
        minimize_ridge(arch, theta, observed, weights, 0.0)
    with pytest.raises(ValueError, match=r"theta0\.shape = \(3,\)"):
        minimize_ridge(arch, theta[:3], observed, weights, 0.1)
    with pytest.raises(ValueError, match=r"observed\.shape = \(2, 10\): must be \(10, 10\)"):
        minimize_ridge(arch, theta, observed[:2], weights[:2], 0.1)
    with pytest.raises(ValueError, match=r"arch\.readout = True"):
        minimize_ridge(DeepLinear.residual(10, 2), np.zeros(200), observed, weights, 0.1)
    for change, message in (
        ({"depth": 1}, "depth = 1: must be >= 2"),
        ({"ranks": [2, 1]}, r"ranks = \[2, 1\]: must ascend, from 0 to 10"),
        ({"ranks": [11]}, r"ranks = \[11\]: must ascend, from 0 to 10"),
        ({"starts": -1}, "starts = -1: must be >= 0"),
    ):
        arguments = {"depth": 3, "ridges": [0.1], "ranks": [1], "starts": 0, **change}
        with pytest.raises(ValueError, match=message):
            minimize_by_rank(observed, weights, **arguments, rng=rng)
    end = minimize_ridge(arch, theta, observed, weights, 0.1)
    with pytest.raises(ValueError, match="width = 1"):
        is_stable(end, observed, weights, 0.1, 1, rng)
