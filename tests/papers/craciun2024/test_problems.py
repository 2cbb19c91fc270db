"""Regression data: second moments and least-squares maps exactly, and files that keep them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_craciun import COLORED, DEEP, DEFICIENT, JOB, TWO, WHITE, data_file, loss_and_gradient

from spectral_atlas.papers.craciun2024 import problems
from spectral_atlas.papers.craciun2024.problems import load
from spectral_atlas.papers.craciun2024.sections import Net, Points

Array = np.ndarray
ROTATED = Net(
    name="rotated", widths=[3, 4, 2], singular_values=[1.5, 1], second_moment=[3, 1, 0.3],
    samples=10, rotated=True, noise=0.5,
)  # fmt: skip
SQUARE = Net(name="square", widths=[2, 3, 1], singular_values=[1], samples=2, noise=0.5)
NETS = (TWO, WHITE, DEEP, COLORED, DEFICIENT, ROTATED, SQUARE)


@pytest.fixture(scope="module")
def file() -> xr.Dataset:
    return data_file(*NETS)


def wanted(net: Net) -> Array:
    if net.target is not None:
        return np.array(net.target)
    target = np.zeros((net.widths[-1], net.widths[0]))
    np.fill_diagonal(target, [*(net.singular_values or []), *[0.0] * 9])
    return target


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_the_second_moment_has_exactly_these_eigenvalues(file: xr.Dataset, net: Net) -> None:
    S = load(file, net.name).S
    moments = np.array(net.second_moment or [1.0] * net.widths[0])
    np.testing.assert_allclose(np.linalg.eigvalsh(S), np.sort(moments), atol=1e-14)
    if not net.rotated:
        np.testing.assert_allclose(S, np.diag(moments), atol=1e-14)
    elif np.ptp(moments):
        assert np.abs(S - np.diag(np.diag(S))).max() > 1e-3


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_the_target_is_the_least_squares_map(file: xr.Dataset, net: Net) -> None:
    problem = load(file, net.name)
    by_numpy = np.linalg.lstsq(problem.X.T, problem.Y.T, rcond=1e-10)[0].T
    np.testing.assert_allclose(problem.target, by_numpy, atol=1e-13)
    left, values, _ = np.linalg.svd(problem.X)
    seen = left[:, : int((values > 1e-10).sum())]
    np.testing.assert_allclose(problem.target, wanted(net) @ seen @ seen.T, atol=1e-13)
    if net is not DEFICIENT:
        np.testing.assert_allclose(problem.target, wanted(net), atol=1e-13)


def test_noise_is_what_no_linear_map_fits(file: xr.Dataset) -> None:
    for net in NETS:
        problem = load(file, net.name)
        left = problem.Y - wanted(net) @ problem.X
        np.testing.assert_allclose(left @ problem.X.T, 0, atol=1e-13)
        assert problem.smallest_loss == pytest.approx((left**2).sum(), rel=1e-12, abs=1e-25)
        exact = not net.noise or net.samples == np.linalg.matrix_rank(problem.X)
        assert (problem.smallest_loss < 1e-25) == exact


def test_noise_has_its_size_on_average() -> None:
    """sigma^2 for every output and sample, less those that a linear map could fit."""
    for net in (COLORED, ROTATED):
        room = net.widths[-1] * (net.samples - net.widths[0])
        found = [load(data_file(net, seed=k), net.name).smallest_loss for k in range(200)]
        expected, error = net.noise**2 * room, net.noise**2 * np.sqrt(2 * room / 200)
        assert abs(np.mean(found) - expected) < 4 * error


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_the_loss_in_the_eigenbasis_is_that_on_the_data(file: xr.Dataset, net: Net) -> None:
    problem = load(file, net.name)
    observed, weights, Q = problem.in_eigenbasis()
    np.testing.assert_allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-14)
    np.testing.assert_allclose(Q @ np.diag(weights[0]) @ Q.T, problem.S, atol=1e-13)
    assert (weights == weights[0]).all()
    assert (weights >= 0).all()
    if not net.rotated:
        assert (np.eye(len(Q)) == Q).all()
    rng = np.random.default_rng(3)
    for _ in range(3):
        A = rng.standard_normal(problem.target.shape)
        on_data = ((A @ problem.X - problem.Y) ** 2).sum()
        found = (weights * (A @ Q - observed) ** 2).sum() + problem.smallest_loss
        assert found == pytest.approx(on_data, rel=1e-12)


def test_the_file_is_padded_and_read_back_to_the_bit(file: xr.Dataset, tmp_path: object) -> None:
    assert dict(file.sizes) == {"net": 7, "layer": 4, "input": 3, "output": 2, "sample": 10}
    file.to_netcdf(f"{tmp_path}/data.nc", engine="h5netcdf")
    with xr.open_dataset(f"{tmp_path}/data.nc", engine="h5netcdf") as opened:
        again = opened.load()
    for net in NETS:
        first, second = load(data_file(net), net.name), load(again, net.name)
        assert second.widths == first.widths == net.widths
        assert first.arch == second.arch
        assert first.arch.shapes == tuple(zip(net.widths[1:], net.widths[:-1], strict=True))
        assert second.X.shape == (net.widths[0], net.samples)
        assert second.Y.shape == (net.widths[-1], net.samples)
        np.testing.assert_array_equal(first.X, second.X)  # whatever the company
        np.testing.assert_array_equal(first.Y, second.Y)
    assert np.isnan(file["x"].sel(net="two").values).sum() == 3 * 10 - 4
    assert file["widths"].sel(net="two").values.tolist() == [1, 1, 1, -1]


def test_gradients_vanish_at_factorized_targets(file: xr.Dataset) -> None:
    problem = load(file, "rotated")
    theta = np.zeros(problem.arch.n_params)
    theta[:6], theta[[12, 17]] = problem.target.ravel(), 1
    loss, gradient = loss_and_gradient(theta, problem.widths, problem.X, problem.Y)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)
    assert loss == pytest.approx(problem.smallest_loss)


def test_same_seed_same_bits_other_seed_other_data(file: xr.Dataset) -> None:
    assert file.identical(data_file(*NETS))
    other = data_file(*NETS, seed=6)
    for net in NETS:
        assert not np.array_equal(load(file, net.name).X, load(other, net.name).X)
    renamed = data_file(WHITE.model_copy(update={"name": "other"}))
    assert not np.array_equal(load(renamed, "other").X, load(file, "white").X)


def test_points_are_those_of_the_configuration() -> None:
    found = problems.points(Points(x=[-1, 0.5], y=[2, 3]), {}, JOB)
    assert found["x"].values.tolist() == [-1, 0.5]
    assert found["y"].values.tolist() == [2, 3]
