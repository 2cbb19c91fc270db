"""Whole trainings of tiny networks: what is recorded when, against dense Hessians."""

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from spectral_atlas.papers.kalra2023.long_runs import record_steps, regimes, saturation
from spectral_atlas.papers.kalra2023.sections import Long, Saturation

INPUTS = {"data/images": tiny.mixture()}


@given(st.integers(1, 100_000), st.integers(2, 300))
def test_recorded_steps_are_even_in_their_logarithm(steps, records):
    found = record_steps(steps, records)
    assert found[0] == 0
    assert found[-1] == steps
    assert (np.diff(found) > 0).all()
    assert len(found) <= records
    if records > 2:
        wanted = np.geomspace(1, steps, records - 1)
        nearest = np.abs(wanted[:, None] - found[None, 1:]).min(axis=1)
        assert (nearest <= 0.5 + 1e-9 * steps).all()
        assert found[1] == 1


def test_steps_that_are_few_are_all_recorded():
    assert record_steps(5, 60).tolist() == [0, 1, 2, 3, 4, 5]
    assert record_steps(1, 2).tolist() == [0, 1]
    assert record_steps(900, 2).tolist() == [0, 900]


@pytest.mark.parametrize("batch", [None, 6])
def test_regimes(batch):
    group = tiny.models(seeds=2, activation="tanh", weight_variance=1.0, batch=batch)
    section = Long(models=[group], multiples=[1.0, 40.0], steps=20, records=5, tolerance=0.001)
    found = regimes(section, INPUTS, tiny.JOB)
    times = found["time"].values
    assert times.tolist() == record_steps(20, 5).tolist()
    members = tiny.members_of(group)
    orders, diverged = members.samples(20).orders, 0
    for row in range(2):
        dense, lambda0 = tiny.Dense(members, row), float(found["lambda0"][row])
        assert lambda0 == pytest.approx(dense.sharpness(dense.start), rel=1e-4)
        for i, c in enumerate((1.0, 40.0)):
            order = None if orders is None else orders[row]
            thetas, losses = dense.path(c / lambda0, 20, order, section.divergence)
            here = found.isel(run=row, multiple=i)
            last = len(losses) - 1
            if np.isinf(losses[-1]):
                diverged += 1
                at = int(np.searchsorted(times, last))
                assert np.isinf(here["loss"][at])
                assert here["loss"][at + 1 :].isnull().all()
                assert here["sharpness"][at:].isnull().all()
                before = times[times < last]
            else:
                before = times
            kept = slice(len(before))
            np.testing.assert_allclose(here["loss"][kept], losses[before], rtol=1e-3)
            if c == 1:
                expected = dense.sharpnesses([thetas[t] for t in before])
                np.testing.assert_allclose(here["sharpness"][kept], expected, rtol=2e-3)
                assert (here["sharpness_bound"][kept] <= 0.00101 * expected).all()
    assert diverged > 0


def test_saturation_is_measured_after_equal_times():
    taus, group = [10, 4, 2, 1], tiny.models(seeds=2)
    section = Saturation(models=[group], steps=taus, time=7.0, tolerance=0.001)
    found = saturation(section, INPUTS, tiny.JOB)
    assert found["tau"].values.tolist() == taus
    multiples = found["multiple"].values
    assert multiples == pytest.approx([0.7, 1.75, 3.5, 7.0])
    members = tiny.members_of(group)
    for row in range(2):
        dense, lambda0 = tiny.Dense(members, row), float(found["lambda0"][row])
        assert float(found["loss0"][row]) == pytest.approx(float(dense.loss(dense.start)))
        for i, c in enumerate(multiples):
            here, tau = found.isel(run=row, multiple=i), int(found["tau"][i])
            thetas, losses = dense.path(c / lambda0, tau)
            assert float(here["loss"]) == pytest.approx(losses[-1], rel=1e-3)
            expected = dense.sharpness(thetas[-1])
            assert float(here["sharpness"]) == pytest.approx(expected, rel=3e-3)
            assert 0 <= float(here["sharpness_bound"]) <= 0.002 * expected


def test_runs_that_diverge_have_no_sharpness_at_saturation():
    section = Saturation(models=[tiny.models()], steps=[64, 4], time=256.0)
    found = saturation(section, INPUTS, tiny.JOB)
    for name in ("sharpness", "sharpness_bound", "loss"):
        assert np.isfinite(found[name][:, 0]).all()
        assert np.isnan(found[name][:, 1]).all()
    assert np.isfinite(found["loss0"]).all()
