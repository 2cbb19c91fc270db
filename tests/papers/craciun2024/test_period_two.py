"""Orbits of period two, told from runs that still converge with a multiplier close to -1."""

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.craciun2024.period_two import at_period_two
from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.papers.craciun2024.two_parameter import FLAGS
from spectral_atlas.training.long_runs import run_linear_maps

ONE = np.ones((1, 1))


def ends(eta, n_steps, start=(1.2, 0.9)):
    found = run_linear_maps(linear([1, 1, 1]), np.array([start]), eta, ONE, ONE, n_steps, window=20)
    return xr.Dataset(
        {
            "outcome": ("start", found.outcomes(), FLAGS),
            "period_two_gap": ("start", found.period_two_gap),
            "step_length": ("start", found.step_length),
        }
    )


def test_an_orbit_of_period_two_is_one():
    assert at_period_two(ends(0.55, 5000)).all()


def test_slow_convergence_just_below_the_critical_step_is_none():
    runs = ends(0.495, 1300)  # on its way, by a factor of -0.98 a step
    assert (runs["outcome"] == 2).all()
    assert (runs["period_two_gap"] < 1e-8).all()
    assert (runs["step_length"] > 1e-8).all()
    assert not at_period_two(runs).any()


@pytest.mark.parametrize(("eta", "n_steps"), [(0.25, 2000), (0.62, 5000), (1.4, 2000)])
def test_neither_rest_nor_period_four_nor_divergence_is_one(eta, n_steps):
    assert not at_period_two(ends(eta, n_steps)).any()
