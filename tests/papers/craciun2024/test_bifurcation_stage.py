"""The file of the diagonal map: attractors, orbits, thresholds; and the ReLU chain as a network."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import xarray as xr

from spectral_atlas.papers.craciun2024 import bifurcation as stage
from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.relu_chain import ENDINGS, loss_and_gradient, mean_square
from spectral_atlas.papers.craciun2024.run_sections import Bifurcation
from spectral_atlas.stage import Job

Array = np.ndarray
CONFIG = Bifurcation(
    lowest=0.9, highest=1.62, values=25, transient=600, kept=32, periods=[4, 1, 2, 6],
    inputs=[0.9, 2.5], start=[1.48, 1 / 1.48 + 0.1],
    learning_rates=[0.25, 0.325, 0.2834], steps=400,
)  # fmt: skip
C = 3.53


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return stage.bifurcation(CONFIG, {}, Job(seed=5))


def slowly(x: float, a: float, steps: int) -> list[float]:
    path = [x]
    for _ in range(steps):
        path.append(path[-1] + a * path[-1] * (1 - path[-1] ** 2))
    return path[1:]


def test_attractors_are_the_iterates_of_the_map(found: xr.Dataset) -> None:
    assert found["a"].values[[0, -1]].tolist() == [0.9, 1.62]
    np.testing.assert_allclose(found["learning_rate"], found["a"] / C, rtol=1e-14)
    for i in (0, 6, 11, 24):  # before chaos, and one that leaves
        a = float(found["a"][i])
        for j, x in enumerate((0.3, ((1 + a) / (3 * a)) ** 0.5)):
            path = slowly(x, a, 632) if a < 1.59 else slowly(x, a, 8)
            below = [n + 1 for n, y in enumerate(path) if y <= 0]
            left = found["left_at"].values[j, i]
            if below:
                assert left == below[0]
                assert found["attractor"][j, i].isnull().all()
            elif a < 1.59:
                assert left == -1
                np.testing.assert_allclose(found["attractor"][j, i], path[600:], rtol=1e-9)


def test_attractors_have_the_period_of_the_stable_orbit(found: xr.Dataset) -> None:
    period = found["attractor_period"].sel(start="critical").values
    a = found["a"].values
    assert (period[(a < 0.99)] == 1).all()
    assert (period[(a > 1.01) & (a < 1.23)] == 2).all()
    assert (period[(a > 1.24) & (a < 1.285)] == 4).all()
    assert (period[a > theory.DEAD_ZONE] == 0).all()
    # Slower ones may not have settled.
    stable = found["point_stable"].values & (np.abs(found["point_along"].values) < 0.9)
    for i in np.unique(found["point_value"].values[stable]):
        here = stable & (found["point_value"].values == i)
        k = found["point_period"].values[here]
        if period[i]:
            assert set(k) == {period[i]}
            orbit = np.sort(found["attractor"].values[1, i, -period[i] :])
            np.testing.assert_allclose(np.sort(found["point_x"].values[here]), orbit, atol=1e-7)


def test_repeats_are_the_least_and_need_all_points() -> None:
    rows = np.array([[1, 2, 1, 2, 1, 2], [1, 1, 1, 1, 1, 1], [1, 2, 3, 1, 2, 3],
                     [1, 2, 3, 4, 5, 6], [1, 2, 1, 2, 1, np.nan]], dtype=float)  # fmt: skip
    assert stage._repeats(rows).tolist() == [2, 1, 3, 0, 0]


def test_points_of_an_orbit_follow_one_another(found: xr.Dataset) -> None:
    for orbit in np.unique(found["point_orbit"].values):
        one = found.isel(point=found["point_orbit"].values == orbit)
        k = int(one["point_period"][0])
        assert one.sizes["point"] == k
        x, a = one["point_x"].values, float(one["point_a"][0])
        np.testing.assert_allclose(theory.diagonal_map(x, a), np.roll(x, -1), atol=1e-10)
        for name, factors in zip(("along", "across"), theory.diagonal_multipliers(x, a),
                                 strict=True):  # fmt: skip
            np.testing.assert_allclose(one[f"point_{name}"], factors.prod(), rtol=1e-8, atol=1e-12)
        inside = abs(one["point_along"][0]) < 1 and (k == 1 or abs(one["point_across"][0]) < 1)
        assert bool(one["point_stable"][0]) == bool(inside)
    two = found.isel(point=found["point_period"].values == 2)
    a = two["point_a"].values[::2]
    np.testing.assert_allclose(two["point_x"].values.reshape(-1, 2).max(1),
                               theory.period_two_points(a)[0], rtol=1e-12)  # fmt: skip
    expected = theory.period_two_multipliers(a)
    np.testing.assert_allclose(two["point_along"].values[::2], expected[0], atol=1e-9)
    np.testing.assert_allclose(two["point_across"].values[::2], expected[1], atol=1e-9)


def test_orbits_are_counted_and_only_some_kept_where_there_are_many(
    found: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found["period"].values.tolist() == [1, 2, 4, 6]
    assert found["orbits"].values[:, -1].tolist() == [1, 1, 3, 9]
    assert (found["point_value"].values == 24).sum() == 1 + 2 + 3 * 4 + 9 * 6
    monkeypatch.setattr(stage, "MOST", 2)
    few = stage._periodic(found["a"].values, CONFIG)
    np.testing.assert_array_equal(few["orbits"], found["orbits"])
    last = few["point_value"].values == 24
    assert np.unique(few["point_orbit"].values[last]).size == 3  # of the cascade: 1, 2, 4
    assert few["point_cascade"].values[last].all()
    assert few["point_stable"].values.sum() == found["point_stable"].values.sum()


def test_thresholds(found: xr.Dataset) -> None:
    doubling = found["doubling"].values
    assert found["doubled"].values.tolist() == [1, 2, 4, 8, 16]
    np.testing.assert_allclose(doubling[:2], [1, theory.DOUBLING], rtol=1e-11)
    np.testing.assert_allclose(doubling[2:4], [1.288, 1.2995], atol=5e-4)
    ratios = np.diff(doubling)[:-1] / np.diff(doubling)[1:]
    np.testing.assert_allclose(ratios, 4.669, atol=0.15)  # Feigenbaum's constant in the end
    assert float(found["dead_zone"]) == pytest.approx(theory.DEAD_ZONE, abs=1e-14)


@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_of_the_chain_is_that_of_torch(seed: int) -> None:
    inputs = [0.9, 2.5, 1.3]
    t = np.random.default_rng(seed).normal(size=(40, 2))
    losses, gradients = loss_and_gradient(t, inputs)
    x = torch.tensor(inputs, dtype=torch.float64)
    for w, loss, gradient in zip(t, losses, gradients, strict=True):
        weights = torch.tensor(w, requires_grad=True)
        value = ((torch.relu(weights[1] * torch.relu(weights[0] * x)) - x) ** 2).mean()
        value.backward()
        assert loss == pytest.approx(value.item(), rel=1e-14)
        np.testing.assert_allclose(gradient, weights.grad.numpy(), atol=1e-13)
    assert mean_square([0.9, 2.5]) == pytest.approx(C)


def test_trajectories_end_as_the_caption_says_with_half_the_loss_only(found: xr.Dataset) -> None:
    names = [[ENDINGS[code] for code in row] for row in found["ending"].values]
    assert names == [["minimum", "period_two", "unsettled"], ["dead", "dead", "dead"]]
    half, full = found.sel(normalization="half"), found.sel(normalization="full")
    np.testing.assert_allclose(half["critical_step"], 1 / C)
    np.testing.assert_allclose(full["critical_step"], 1 / (2 * C))
    np.testing.assert_allclose(half["cycle"][0], [[1.2101, 0.8264]] * 2, atol=1e-4)
    np.testing.assert_allclose(half["cycle"][1], [[0.7715] * 2, [1.1298] * 2], atol=1e-4)
    np.testing.assert_allclose(half["multiplier"][1], [0.7055, -0.22137], atol=1e-4)
    s = 1.2101298**2 + 0.8263576**2
    np.testing.assert_allclose(half["multiplier"][0], [1, 1 - 0.25 * C * s], atol=1e-5)
    assert half["multiplier"][2].isnull().all()
    np.testing.assert_allclose(full["cycle"][0, 1], [-2.33, -2.69], atol=0.01)
    np.testing.assert_allclose(full["cycle"][1, 1], [-10.6, -7.22], atol=0.01)
    np.testing.assert_allclose(full["loss"][:, -1], C)
    np.testing.assert_array_equal(full["gradient_norm"][:, -1], 0)
    assert full["multiplier"].isnull().all()


def test_trajectories_take_steps_of_the_formula_in_positive_parameters(found: xr.Dataset) -> None:
    path = found["trajectory"].sel(normalization="half").values[1]
    for t, after in pairwise(path[:20]):
        step = 0.325 * C * (1 - t[0] * t[1])
        np.testing.assert_allclose(after, t + step * t[::-1], rtol=1e-12)
    loss = found["loss"].sel(normalization="half").values[1]
    np.testing.assert_allclose(loss, C / 2 * (1 - path.prod(-1)) ** 2, atol=1e-14)
