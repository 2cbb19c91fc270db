"""The file of a study of early training: censoring, trajectories at recorded c, costs, parts."""

import numpy as np
import pytest
import tiny

from spectral_atlas.papers.kalra2023.constants import NOT_SOUGHT, early


@pytest.mark.parametrize("method", ["bisection", "scan"])
def test_nothing_trains(method):
    config = tiny.early(tiny.models(), barrier=True, method=method, divergence=1e-3, recorded=[1.0])
    found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
    assert found["k_loss"].values.tolist() == found["k_sharp"].values.tolist() == [0, 0, 0]
    assert (found["c_loss"] == 1).all()
    assert found["k_max"].values.tolist() == found["k_barrier"].values.tolist() == [-1, -1, -1]
    assert found["c_max"].isnull().all()
    assert found["c_barrier"].isnull().all()
    assert np.isinf(found["loss"].values[:, 0, 0]).all()
    assert np.isnan(found["loss"].values[:, 0, 1:]).all()


@pytest.mark.parametrize("method", ["bisection", "scan"])
def test_nothing_happens_on_a_short_grid(method):
    group = tiny.models(widths=[16])
    config = tiny.early(group, grid_step=0.1, grid_stop=0.2, barrier=True, method=method, steps=4)
    found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
    assert found.attrs["grid"] == 3
    assert found["k_loss"].values.tolist() == found["k_sharp"].values.tolist() == [3, 3, 3]
    assert found["c_loss"].isnull().all()
    assert found["k_max"].values.tolist() == found["k_barrier"].values.tolist() == [3, 3, 3]


def test_a_grid_of_one_number():
    config = tiny.early(tiny.models(seeds=1), grid_step=2.0, grid_stop=0.5, barrier=True)
    found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
    assert found.attrs["grid"] == 1
    assert int(found["k_max"][0]) == 1


def test_what_is_not_sought_is_marked():
    config = tiny.early(tiny.models(seeds=2), sharp=False, grid_stop=3.0, steps=3)
    found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
    assert (found["k_sharp"] == NOT_SOUGHT).all()
    assert (found["k_barrier"] == NOT_SOUGHT).all()
    assert found["c_sharp"].isnull().all()
    assert (found["k_loss"] >= 0).all()


def test_flop_count_gradients_threefold_and_products_sixfold(monkeypatch):
    counted = tiny.Counted(monkeypatch)
    found = early(tiny.early(grid_step=2.0, steps=4), {"data/images": tiny.mixture()}, tiny.JOB)
    forward = 2 * (6 * 8 + 8 * 8 + 8 * 2)
    total = forward * (counted.forward + 3 * counted.gradient + 6 * counted.product)
    assert float(found["flops"].sum()) == total


@pytest.mark.parametrize("protocol", ["certified", "authors"])
def test_a_run_does_not_depend_on_who_else_is_in_its_job(protocol):
    one = tiny.models(seeds=1, first_seed=1, batch=6)
    three = tiny.models(batch=6)
    settings = {"grid_step": 2.0, "protocol": protocol, "recorded": [4.0], "steps": 3}
    alone, together = (
        early(tiny.early(g, **settings), {"data/images": tiny.mixture()}, tiny.JOB)
        for g in (one, three)
    )
    together = together.isel(run=[1])
    for name in ("k_loss", "k_sharp", "k_max"):
        assert int(alone[name][0]) == int(together[name][0])
    for name in ("loss", "sharpness"):
        np.testing.assert_allclose(alone[name], together[name], rtol=2e-3)
    assert alone["seed"].item() == together["seed"].item() == 1


def test_recorded_trajectories_are_those_of_dense_hessians():
    config = tiny.early(tiny.models(seeds=3), recorded=[1.0, 4.0, 64.0], grid_stop=1.0, sharp=False)
    found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
    members = tiny.members_of(tiny.models(seeds=3))
    went_on = 0
    for row in range(3):
        dense = tiny.Dense(members, row)
        for i, c in enumerate(config.recorded):
            thetas, losses = dense.path(c / float(found["lambda0"][row]), config.steps)
            went = len(losses) - np.isinf(losses[-1])
            expected = np.full(config.steps + 1, np.nan)
            expected[: len(losses)] = losses
            np.testing.assert_allclose(found["loss"].values[row, i], expected, rtol=2e-4)
            values = found["sharpness"].values[row, i]
            bounds = found["sharpness_bound"].values[row, i]
            assert np.isnan(values[went:]).all()
            for t in range(went):
                sharpness = dense.sharpness(thetas[t])
                assert abs(values[t] - sharpness) <= bounds[t] + 2e-4 * sharpness
                assert values[t] == pytest.approx(sharpness, rel=1e-3)
                assert bounds[t] <= 0.0101 * sharpness
            went_on += went
    assert 3 * 2 * 11 <= went_on < 3 * 3 * 11  # some diverge


def test_recorded_seeds_are_chosen_by_their_numbers():
    """So that parts of a study record what the whole would."""

    def shown(**group):
        config = tiny.early(
            tiny.models(**group), recorded=[1.0], recorded_seeds=2, grid_stop=1.0, sharp=False
        )
        found = early(config, {"data/images": tiny.mixture()}, tiny.JOB)
        return np.isfinite(found["sharpness"].values).all(axis=(1, 2)).tolist()

    assert shown(seeds=4) == [True, True, False, False]
    assert shown(seeds=3, first_seed=1) == [True, False, False]
    assert shown(seeds=2, first_seed=2) == [False, False]
