"""SGD beside minimizers: exponents and endings, against products of matrices and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.minibatch import FLAGS, across, descend, minibatch
from spectral_atlas.papers.craciun2024.relu_chain import loss_and_gradient
from spectral_atlas.papers.craciun2024.run_sections import Minibatch
from spectral_atlas.stage import Job

Array = np.ndarray
X = (0.9, 2.5)
CONFIG = Minibatch(
    inputs=list(X), learning_rates=[0.15, 0.3], probabilities=[0.5, 0.58], extent=4, points=41,
    starts=24, every=4, steps=600,
)  # fmt: skip
RETURNED, LEFT, UNDECIDED = 0, 1, 2


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return minibatch(CONFIG, {}, Job(seed=5))


def hessian_of(t: Array, x: float) -> Array:
    """Of half the squared error of one sample, from differences of the network's gradient."""
    h = 1e-6
    columns = [
        (loss_and_gradient(t + e, [x])[1] - loss_and_gradient(t - e, [x])[1]) / (4 * h)
        for e in h * np.eye(2)
    ]
    return np.stack(columns, axis=-1)


def by_loop(
    start: Array, home: Array, eta: float, p: float, steps: int, draws: Array | None
) -> int:
    """One run, with gradients of the network; `draws` (steps,) is whether the first is drawn."""
    t = start.copy()
    for step in range(steps):
        first, second = (loss_and_gradient(t, [x])[1] / 2 for x in X)
        if draws is None:
            t = t - eta * (p * first + (1 - p) * second)
        else:
            t = t - eta * (first if draws[step] else second)
        if not np.linalg.norm(t - home) <= 0.1:
            return LEFT
    grid = np.exp(np.linspace(-1e-3, 1e-3, 20_001)) * t[0]
    return RETURNED if np.hypot(grid - t[0], 1 / grid - t[1]).min() < 1e-6 else UNDECIDED


def test_points_are_minimizers(found: xr.Dataset) -> None:
    t = found["t_1"].values
    np.testing.assert_allclose(t[[0, 20, -1]], [0.25, 1, 4])
    np.testing.assert_allclose(np.diff(np.log(t)), np.log(16) / 40)
    np.testing.assert_allclose(found["s"], t**2 + 1 / t**2)
    np.testing.assert_array_equal(found["near_t_1"], t[::4])
    np.testing.assert_array_equal(found["near_s"], found["s"].values[::4])


@pytest.mark.parametrize("rate", [0, 1])
def test_exponents_are_measured_from_hessians_and_from_draws(found: xr.Dataset, rate: int) -> None:
    one = found.isel(rate=rate)
    eta, p = float(one["rate_eta"]), float(one["probability"])
    np.testing.assert_allclose(one["gd_measured"], one["gd_exponent"], atol=1e-12)
    np.testing.assert_allclose(
        one["gd_exponent"], theory.gd_exponent(one["s"].values, eta, X, p), rtol=1e-14
    )
    z = (one["sgd_measured"] - one["sgd_exponent"]) / one["sgd_error"]
    assert float(abs(z).max()) < 5
    assert 0.6 < float((z**2).mean() ** 0.5) < 1.5


@pytest.mark.parametrize("t", [0.4, 1.0, 2.7])
def test_factor_is_that_of_the_networks_hessian_and_products_commute(t: float) -> None:
    point, normal = np.array([t, 1 / t]), np.array([1 / t, t])
    normal /= np.linalg.norm(normal)
    jacobians = [np.eye(2) - 0.3 * hessian_of(point, x) for x in X]
    for J, x in zip(jacobians, X, strict=True):
        factor = across(np.array([t]), 0.3 * x**2)[0]
        np.testing.assert_allclose(J @ normal, factor * normal, atol=1e-7)
        assert factor == pytest.approx(1 - 0.3 * x**2 * (t**2 + t**-2), rel=1e-12)
    draws = np.random.default_rng(3).random(12) < 0.5
    vector = normal
    for first in draws:
        vector = jacobians[0 if first else 1] @ vector
    factors = [across(np.array([t]), 0.3 * x**2)[0] for x in X]
    product = factors[0] ** draws.sum() * factors[1] ** (~draws).sum()
    assert normal @ vector == pytest.approx(product, rel=1e-5)


def test_growth_of_a_sequence_in_full_is_as_the_binomial_number_says() -> None:
    """ln |product of Jacobians| / steps over sequences drawn one sample at a time."""
    t, eta, p, steps = 1.6, 0.3, 0.58, 400
    factors = np.array([across(np.array([t]), eta * x**2)[0] for x in X])
    rng = np.random.default_rng(0)
    growth = [np.log(np.abs(factors[np.where(rng.random(steps) < p, 0, 1)])).mean()
              for _ in range(400)]  # fmt: skip
    expected = theory.sgd_exponent(t**2 + t**-2, eta, X, p)
    error = np.std(growth) / 20
    assert np.mean(growth) == pytest.approx(float(expected), abs=4 * error)


@pytest.mark.parametrize(("eta", "p"), [(0.15, 0.5), (0.3, 0.58)])
@pytest.mark.parametrize("random", [False, True])
def test_runs_end_as_those_of_the_network_one_by_one(eta: float, p: float, random: bool) -> None:
    near, starts, steps = np.geomspace(0.35, 2.9, 9), 4, 150  # more than one block, not a multiple
    home = np.stack([near, 1 / near])[:, :, None]
    angle = np.random.default_rng(1).uniform(0, 7, (len(near), starts))
    start = home + 1e-3 * np.stack([np.cos(angle), np.sin(angle)])
    rng = np.random.default_rng(8) if random else None
    ending, moved = descend(start, home, eta, X, p, steps, rng)
    draws = np.random.default_rng(8).random((steps, *angle.shape)) < p
    expected = np.empty_like(ending)
    for n, i in np.ndindex(ending.shape):
        own = draws[:, n, i] if random else None
        expected[n, i] = by_loop(start[:, n, i], home[:, n, 0], eta, p, steps, own)
    np.testing.assert_array_equal(ending, expected)
    assert {RETURNED, LEFT} <= set(ending.ravel())
    np.testing.assert_array_equal(np.isnan(moved), ending == LEFT)
    assert np.nanmax(moved) <= 0.1


def test_runs_do_not_depend_on_their_company() -> None:
    near = np.array([0.5, 1.0, 2.0])
    home = np.stack([near, 1 / near])[:, :, None]
    start = home + 1e-3 * np.ones((1, 1, 5))
    all_three = descend(start, home, 0.15, X, 0.5, 300, None)
    for i in range(3):
        alone = descend(start[:, [i]], home[:, [i]], 0.15, X, 0.5, 300, None)
        for one, other in zip(alone, all_three, strict=True):
            np.testing.assert_array_equal(one[0], other[i])


def test_shares_follow_the_exponents_away_from_their_zeros(found: xr.Dataset) -> None:
    assert FLAGS["flag_meanings"].split() == ["returned", "left", "undecided"]
    for method in ("gd", "sgd"):
        ending = found[f"{method}_ending"].values
        for name, code in (("returned", RETURNED), ("left", LEFT)):
            np.testing.assert_allclose(found[f"{method}_{name}"], (ending == code).mean(-1))
        moved = found[f"{method}_moved"].values
        np.testing.assert_array_equal(np.isnan(moved), ending == LEFT)
    mu, share = found["gd_exponent"].values[:, ::4], found["gd_returned"].values
    assert (share[mu < -0.1] == 1).all()
    assert (share[mu > 0.2] == 0).all()
    growth, share = found["sgd_exponent"].values[:, ::4], found["sgd_returned"].values
    assert (share[growth > 0.15] < 0.1).all()
    assert (share[growth < -0.1] > 0.2).all()


def test_same_bits_again_and_others_with_another_seed(found: xr.Dataset) -> None:
    xr.testing.assert_identical(minibatch(CONFIG, {}, Job(seed=5, threads=2)), found)
    other = minibatch(CONFIG, {}, Job(seed=6))
    assert not np.array_equal(other["sgd_measured"], found["sgd_measured"])


def test_one_start_has_no_standard_error() -> None:
    one = minibatch(CONFIG.model_copy(update={"starts": 1, "steps": 10}), {}, Job(seed=5))
    assert one["sgd_error"].isnull().all()
    assert one["sgd_measured"].notnull().all()
