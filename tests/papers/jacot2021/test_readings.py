"""Crossings, escape times, plateaus, the law of radii and aligned distances, on known answers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_paths import files

from spectral_atlas.papers.jacot2021 import readings, theory
from spectral_atlas.papers.jacot2021.plateaus import AT_REST, QUIET, at_rest, quietest, ranks


def test_a_crossing_of_an_exponential_is_exact_between_records():
    step = np.array([0, 7, 40, 90, -1, -1])
    values = np.append(3e-4 * np.exp(0.11 * step[:4]), [np.nan, np.nan])
    exact = np.log(0.5 / 3e-4) / 0.11
    assert readings.crossing_time(step, values, 0.5, 0.2) == pytest.approx(0.2 * exact)
    other = 5 - 2.0 * step  # linear in step, so in the logarithm of the values
    assert readings.at_height(values, other.astype(float), 0.5) == pytest.approx(5 - 2 * exact)


@pytest.mark.parametrize(("level", "expected"), [(0.05, 0.0), (9.0, np.nan), (np.nan, np.nan)])
def test_crossings_at_the_start_and_never(level, expected):
    step, values = np.array([0, 5, 10, -1]), np.array([0.1, 1.0, 2.0, np.nan])
    assert readings.crossing_time(step, values, level, 0.2) == pytest.approx(expected, nan_ok=True)


def test_a_crossing_is_the_first_and_padding_does_not_count():
    step = np.array([0, 10, 20, 30, -1])
    values = np.array([0.5, 2.0, 0.5, 2.0, 1e9])
    assert readings.crossing_time(step, values, 1.0, 1.0) == pytest.approx(5.0)
    assert np.isnan(readings.crossing_time(step, values, 1e6, 1.0))


def test_escape_times_lie_between_records():
    runs, spectra = files()["runs/escape"], files()["spectra/escape"]
    saddle = readings.saddle_values(spectra, files()["runs/first_path"])
    assert np.isfinite(saddle).all()
    times = readings.escape_times(runs, spectra, saddle)
    assert np.isfinite(times).all()
    for m, time in enumerate(times):
        count = int(runs["n_records"][m])
        s = np.linalg.svd(runs["map"].values[m, :count])[1][:, 0]
        i = int(np.flatnonzero(s > saddle[m] / 2)[0])
        low, high = float(runs["learning_rate"][m]) * runs["step"].values[m, [i - 1, i]]
        assert low <= time <= high


def test_saddles_are_those_of_the_same_problem_and_depth():
    spectra, first = files()["spectra/escape"], files()["runs/first_path"]
    saddle = readings.saddle_values(spectra, first)
    for m in range(spectra.sizes["member"]):
        (i,) = np.flatnonzero(
            (first["depth"] == spectra["depth"][m]) & (first["target"] == spectra["target"][m])
        )
        end = first["map"].values[i, int(first["n_records"][i]) - 1]
        assert saddle[m] == pytest.approx(np.linalg.norm(end))  # of rank one
    other = spectra.assign(origin_slopes=spectra["origin_slopes"] * 1.001)
    assert np.isnan(readings.saddle_values(other, first)).all()
    shallow = first.isel(member=first["depth"].values == 2)
    assert np.isnan(readings.saddle_values(spectra, shallow)[spectra["depth"].values == 3]).all()


@pytest.mark.parametrize("rank", [0, 1, 2, 4])
def test_plateaus_are_the_quietest_records_of_their_rank(rank):
    runs, spectra = files()["runs/saddle_to_saddle"], files()["spectra/saddle_to_saddle"]
    for m in range(runs.sizes["member"]):
        run = runs.isel(member=m)
        found = readings.plateau(run, rank)
        assert found == readings.plateau(run, rank, spectra["singular_values"].values[m])
        assert (found.record if found else None) == quietest(run, rank)
        if found:
            mine = run["step"].values[ranks(run["map"].values) == rank]
            assert (found.first, found.last) == (mine[0], mine[-1])
            assert found.cost == float(run["train_cost"][found.record])


def path_with(gradient, s_1):
    s = np.stack([s_1, np.zeros(len(s_1))], axis=1)
    run = {"step": ("record", 10 * np.arange(len(s_1))), "gradient_norm": ("record", gradient)}
    return xr.Dataset(run | {"train_cost": ("record", np.ones(len(s_1)))}), s


@pytest.mark.parametrize(("bottom", "rests"), [(0.39 * QUIET, True), (0.41 * QUIET, False)])
def test_a_path_rests_where_it_is_quiet_beside_both_sides(bottom, rests):
    gradient = np.array([0.1, 0.9, 0.4, bottom, 0.3, 0.4, 0.1, np.nan])
    s_1 = np.array([0.0, 0.1, 1.0, 1.0, 1.0, 0.1, 0.0, np.nan])
    run, s = path_with(gradient, s_1)
    found = readings.plateau(run, 1, s)
    assert (found.record, found.around, found.rests) == (3, 0.4, rests)


@pytest.mark.parametrize("place", [2, 4])
def test_the_first_or_last_record_of_a_rank_is_no_minimum(place):
    gradient = np.array([1.0, 1.0, 0.5, 0.5, 0.5, 1.0])
    gradient[place] = 1e-6
    run, s = path_with(gradient, np.array([0, 0, 1, 1, 1, 0.0]))
    found = readings.plateau(run, 1, s)
    assert found.record == place
    assert not found.rests
    assert np.isnan(found.around)


def test_stages_rest_relative_to_where_they_began():
    slope = np.array([0.5, 0.5, 1e-3, np.nan])
    norm = AT_REST * np.array([0.49, 0.51, 0.9e-3, 0.1])
    assert at_rest(norm, slope).tolist() == [True, False, True, False]


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_the_law_of_radii_on_its_own_solution(depth):
    s_1, rate, r_0 = 0.3, 0.05, 0.1
    speed = float(theory.optimal_escape_speed(s_1, depth))
    whole = 12.0 if depth == 2 else float(theory.blow_up_time(r_0, speed, depth))
    step = np.arange(0, 0.995 * whole / rate, 5).astype(int)
    r = theory.escape_radius(rate * step, r_0, speed, depth)
    path = xr.Dataset(
        {
            "step": ("record", np.append(step, -1)), "slope": s_1, "n_records": len(step),
            "squared_norm": ("record", np.append(r**2, np.nan)),
        },
        coords={"depth": depth},
    )  # fmt: skip
    law = readings.radius_law(path, rate)
    assert law.slope == pytest.approx(law.expected, rel=1e-9)
    assert law.expected == pytest.approx(s_1 if depth == 2 else -(depth - 2) * speed)
    assert law.early.sum() == (r < 0.4 * r[-1]).sum() > 2
    assert readings.radius_law(path, rate, 0.0).slope != law.slope  # none is as early: NaN


def test_aligned_paths_of_one_shape_differ_by_what_is_added():
    rng = np.random.default_rng(3)
    end, noise = rng.standard_normal((2, 3, 4))
    clock = np.arange(0, 400, 10)
    height = np.tanh(clock / 100)
    narrow = xr.Dataset(
        {
            "map": (("record", "row", "column"), height[:, None, None] * end),
            "step": ("record", clock), "n_records": len(clock),
        }
    )  # fmt: skip
    steps = np.arange(5, 600, 10)
    at = np.interp(0.2 * steps - 30.0, 0.1 * clock - 11.0, height, left=np.nan)
    wide = xr.Dataset(
        {
            "map": (("record", "row", "column"), at[:, None, None] * end + 1e-3 * noise),
            "step": ("record", np.append(steps[:-1], -1)), "learning_rate": 0.2,
        }
    )  # fmt: skip
    time, far = readings.aligned_distance(wide, narrow, 30.0, 11.0, 0.1)
    np.testing.assert_allclose(time[:-1], 0.2 * steps[:-1] - 30)
    assert np.isnan(time[-1])
    inside = 0.2 * steps - 30 >= -11
    expected = 1e-3 * np.linalg.norm(noise) / np.linalg.norm(narrow["map"].values[-1])
    np.testing.assert_allclose(far[:-1][inside[:-1]], expected, rtol=1e-9)
    assert np.isnan(far[~inside]).all()
    assert (~inside).any()
