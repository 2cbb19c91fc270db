"""det(I - eta H): against finite differences, automatic differentiation and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from spectral_atlas.papers.craciun2024.determinants import CHUNK, Loss
from spectral_atlas.papers.craciun2024.jacobian import jacobian
from spectral_atlas.papers.craciun2024.problems import Problem, load, problems
from spectral_atlas.papers.craciun2024.sections import Net, Nets
from spectral_atlas.papers.craciun2024.spectra_sections import Jacobian, JacobianNet
from spectral_atlas.rng import generator
from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
JOB = Job(seed=5)
COLORED = {"second_moment": [2, 0.5], "rotated": True, "samples": 6}
NETS = Nets(
    nets=[
        Net(name="plain", widths=[2, 3, 2], singular_values=[1.5, 1], samples=5),
        Net(name="colored", widths=[2, 3, 2], singular_values=[1.5, 1], **COLORED),
        Net(name="deep", widths=[2, 3, 3, 1], target=[[1, 0.5]], noise=0.2, **COLORED),
        Net(name="chain", widths=[1, 2, 2, 1], singular_values=[1], samples=3),
    ]
)
RATES = {"deep": 0.12, "plain": 0.1, "colored": 0.2, "chain": 0.3}
CONFIG = Jacobian(
    learning_rates=[0.25, 0.75],
    box=2.0,
    side=7,
    points=CHUNK + 500,
    epsilons=[0.4, 0.01],
    nets=[JacobianNet(net=n, learning_rate=eta) for n, eta in RATES.items()],
    draws=4500,
    singular_rates=[0.5, 0.25],
)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return {"data/nets": problems(NETS, {}, JOB)}


@pytest.fixture(scope="module")
def found(inputs: Inputs) -> xr.Dataset:
    return jacobian(CONFIG, inputs, JOB)


def closed(w: Array, eta: float) -> Array:
    """det(I - eta H) of the two-parameter network."""
    x, y = np.moveaxis(w, -1, 0)
    return (1 - 2 * eta * x**2) * (1 - 2 * eta * y**2) - eta**2 * (4 * x * y - 2) ** 2


def by_autograd(problem: Problem, theta: Array, eta: float) -> Array:
    """det(I - eta H) of |Y - A X|^2 on the data, at parameters given in the eigenbasis of S."""
    arch = problem.arch
    first, *rest = arch.unflatten(theta)
    turned = arch.flatten([first @ problem.in_eigenbasis()[2].T, *rest])
    x, y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)

    def loss(flat: torch.Tensor) -> torch.Tensor:
        out, at = x, 0
        for rows, columns in arch.shapes:
            out = flat[at : at + rows * columns].reshape(rows, columns) @ out
            at += rows * columns
        return ((y - out) ** 2).sum()

    H = torch.func.vmap(torch.func.hessian(loss))(torch.from_numpy(turned))
    return torch.linalg.det(torch.eye(arch.n_params, dtype=torch.float64) - eta * H).numpy()


def test_the_map_has_the_determinants_of_differences_of_the_step(found: xr.Dataset) -> None:
    h = 1e-6

    def step(w: Array, eta: float) -> Array:
        return w + 2 * eta * (1 - w[0] * w[1]) * w[::-1]

    for i, eta in enumerate(CONFIG.learning_rates):
        for j, y in enumerate(found["w2"].values):
            for k, x in enumerate(found["w1"].values):
                w = np.array([x, y])
                J = [(step(w + e, eta) - step(w - e, eta)) / (2 * h) for e in h * np.eye(2)]
                here = found.isel(learning_rate=i, w2=j, w1=k)
                value = float(here["sign"]) * np.exp(float(here["log_determinant"]))
                assert value == pytest.approx(np.linalg.det(J), abs=1e-6)
    np.testing.assert_allclose(found["w1"], np.linspace(-2, 2, 7))


def test_shares_of_the_square_are_counted_over_all_chunks(found: xr.Dataset) -> None:
    rng = generator(JOB.seed, "craciun2024", "jacobian", "square")
    w = rng.uniform(-2, 2, (CONFIG.points, 2))
    for i, eta in enumerate(CONFIG.learning_rates):
        gap = np.abs(closed(w, eta))
        for j, epsilon in enumerate(CONFIG.epsilons):
            share = (gap < epsilon).mean()
            assert float(found["share"][i, j]) == pytest.approx(share, rel=1e-12)
            error = np.sqrt(share * (1 - share) / len(w))
            assert float(found["share_error"][i, j]) == pytest.approx(error, rel=1e-12)
        assert float(found["smallest"][i]) == pytest.approx(gap.min(), rel=1e-6)
        assert float(found["smallest"][i]) > 0
    assert float(found["closed_form_error"].max()) < 1e-13


def test_shares_of_networks_are_those_of_automatic_differentiation(
    inputs: Inputs, found: xr.Dataset
) -> None:
    assert found["net"].values.tolist() == list(RATES)
    assert found["net_depth"].values.tolist() == [3, 2, 2, 3]
    for k, (name, eta) in enumerate(RATES.items()):
        problem = load(inputs["data/nets"], name)
        rng = generator(JOB.seed, "craciun2024", "jacobian", name)
        theta = rng.standard_normal((CONFIG.draws, problem.arch.n_params))
        exact = by_autograd(problem, theta, eta)
        sign, log = Loss.of(problem).determinants(theta, eta)
        np.testing.assert_allclose(sign * np.exp(log), exact, rtol=1e-6, atol=1e-9)
        for j, epsilon in enumerate(CONFIG.epsilons):
            # A threshold may fall between two roundings of one draw.
            share = (np.abs(exact) < epsilon).mean()
            assert abs(float(found["net_share"][k, j]) - share) <= 1.01 / CONFIG.draws
        assert float(found["net_negative"][k]) == pytest.approx((exact < 0).mean(), abs=1e-12)
        assert float(found["net_smallest"][k]) == pytest.approx(np.abs(exact).min(), rel=1e-4)
        assert int(found["net_exact_zeros"][k]) == 0


def test_at_the_origin_three_layers_have_the_determinant_one(found: xr.Dataset) -> None:
    deep = found["net_depth"].values > 2
    assert (found["origin_sign"].values[deep] == 1).all()
    assert (found["origin_log_determinant"].values[deep] == 0).all()
    # Two layers: (1 - 4 eta^2 sigma_i^2) for each i, as often as there are neurons.
    plain = np.log(np.abs(1 - 4 * RATES["plain"] ** 2 * np.array([1.5, 1]) ** 2)).sum() * 3
    value = float(found["origin_log_determinant"].sel(net="plain"))
    assert value == pytest.approx(plain, rel=1e-12)


def test_two_layers_are_singular_at_the_origin_for_coincidental_rates_only(
    inputs: Inputs, found: xr.Dataset
) -> None:
    for name in ("plain", "colored"):
        here = found.sel(net=name)
        problem = load(inputs["data/nets"], name)
        sigma = np.linalg.svd(problem.Y @ problem.X.T)[1]
        np.testing.assert_allclose(here["coincidence_rate"], 1 / (2 * sigma), rtol=1e-12)
        assert float(here["coincidence_gap"].max()) < 1e-14
        assert float(here["coincidence_log_determinant"].max()) < -90
        assert float(here["coincidence_elsewhere"].min()) > 1e-12
        assert float(here["origin_log_determinant"]) > -20
    for name in ("deep", "chain"):
        assert np.isnan(found["coincidence_rate"].sel(net=name)).all()


def test_half_of_the_line_is_sent_to_one_point_at_one_rate_only(found: xr.Dataset) -> None:
    np.testing.assert_array_equal(found["singular_image"], [[0, 0], [1.25, 1.75]])
    assert found["singular_interval"].values.tolist() == [2.5, 3.5]
    theta = generator(JOB.seed, "craciun2024", "jacobian", "line").uniform(-4, 4, CONFIG.points)
    h = 1e-4

    def loss(t: Array) -> Array:
        return np.where(np.abs(t) <= 2, 0.5 * t**4 - 3 * t**2 + 8, t**2)

    away = np.abs(np.abs(theta) - 2) > 3 * h
    curvature = (loss(theta + h) - 2 * loss(theta) + loss(theta - h)) / h**2
    for i, eta in enumerate(CONFIG.singular_rates):
        for j, epsilon in enumerate(CONFIG.epsilons):
            share = (np.abs(1 - eta * curvature) < epsilon)[away].mean()
            assert float(found["singular_share"][i, j]) == pytest.approx(share, abs=1e-3)
    assert float(found["singular_share"][0, 1]) == pytest.approx(0.5, abs=0.01)
    assert float(found["singular_share"][1, 1]) < 0.01
    t = found["theta"].values
    slope = np.gradient(loss(t), t)
    inside = np.abs(np.abs(t) - 2) > 0.01
    for i, eta in enumerate(CONFIG.singular_rates):
        step = found["singular_map"].values[i]
        np.testing.assert_allclose(step[inside][1:-1], (t - eta * slope)[inside][1:-1], atol=1e-3)
    np.testing.assert_allclose(found["singular_loss"], loss(t))


def test_the_same_bits_again_and_others_from_another_seed(
    inputs: Inputs, found: xr.Dataset
) -> None:
    small = CONFIG.model_copy(update={"points": 2000, "draws": 200})
    one, same = (jacobian(small, inputs, JOB) for _ in range(2))
    xr.testing.assert_identical(one, same)
    other = jacobian(small, inputs, Job(seed=6))
    assert not np.array_equal(one["share"], other["share"])
    np.testing.assert_array_equal(one["log_determinant"], found["log_determinant"])
