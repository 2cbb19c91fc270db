"""Figures of ensembles of networks, against their files and where runs are lost."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from drawing import drawn
from tiny_craciun import COLORED, DEEP, JOB, TWO, WHITE, Files, data_file

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.figures import balanced_orbits
from spectral_atlas.papers.craciun2024.figures.asymptotic_gradient import asymptotic_gradient
from spectral_atlas.papers.craciun2024.figures.asymptotic_table import ENSEMBLE, MOST
from spectral_atlas.papers.craciun2024.figures.converging_fraction import converging_fraction
from spectral_atlas.papers.craciun2024.nets import nets
from spectral_atlas.papers.craciun2024.orbits import orbits
from spectral_atlas.papers.craciun2024.rest import rest
from spectral_atlas.papers.craciun2024.run_sections import NetRuns, NetStarts, TwoParameter
from spectral_atlas.papers.craciun2024.spectra_sections import Orbits
from spectral_atlas.papers.craciun2024.two_parameter import two_parameter

FIGURES = (asymptotic_gradient, converging_fraction)
MINIMUM, BOUNDED, DIVERGED = 0, 2, 3
STDS = {"two": 1.0, "deep": 0.6, "colored": 0.5, "white": 0.5}
CONFIG = NetRuns(
    nets=[NetStarts(net=net, std=std) for net, std in STDS.items()],
    shares=[0.7, 0.99, 1.1, 1.2, 6.0], starts=6, steps=3000, window=30,
)  # fmt: skip
PAIRS = TwoParameter(learning_rates=[1.1, 0.2, 0.5, 0.55], starts=70, steps=600, window=30)


@cache
def files() -> Files:
    found = {"data/nets": data_file(TWO, DEEP, COLORED, WHITE)}
    found["runs/nets"] = nets(CONFIG, found, JOB)
    found["spectra/nets"] = rest(CONFIG, found, JOB)
    found["spectra/orbits"] = orbits(Orbits(orbits=3), found, JOB)
    found["runs/two_parameter"] = two_parameter(PAIRS, {}, JOB)
    sharpness = 2 / found["runs/nets"]["critical_step"].values * (1 + 1e-3)
    names = found["runs/nets"]["net"].values
    found["runs/critical"] = xr.Dataset(
        {"sharpness": ("problem", sharpness)}, coords={"problem": names}
    )
    return found


def inputs() -> Files:
    return {ref: one.copy(deep=True) for ref, one in files().items()}


def lose(found: Files, shares: slice = slice(None)) -> None:
    """Let runs diverge, at these of the rates."""
    spectra = {"spectra/nets": ["sharpness", "smallest", "ratio"]}
    measured = ["gradient_mean", "period_two_gap", "step_length"]
    for ref, names in {"runs/nets": measured, **spectra}.items():
        for name in names:
            found[ref][name].values[:, shares] = np.nan
    for name in measured:
        found["runs/two_parameter"][name].values[shares] = np.nan
    found["runs/nets"]["outcome"].values[:, shares] = DIVERGED
    found["runs/two_parameter"]["outcome"].values[shares] = DIVERGED
    found["spectra/orbits"]["multipliers"].values[:, shares] = np.nan


@pytest.mark.parametrize("depth", [2, 3, 4, 6, 40])
def test_balanced_orbit_is_where_descent_ends(depth: int) -> None:
    a = np.array([1.03, 1.15, 1.22])
    x = np.full((depth, len(a)), 0.8)
    for _ in range(4000):
        x = x + a / depth * 2 * (1 - x.prod(0)) * x.prod(0) / x
    slope = np.linalg.norm(2 * (1 - x.prod(0)) * x.prod(0) / x, axis=0)
    np.testing.assert_allclose(balanced_orbits.balanced_gradient(a, depth), slope, rtol=1e-9)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_balanced_multipliers_are_those_of_the_jacobian(depth: int) -> None:
    a, epsilon = 1.2, 1e-6
    upper, lower = (float(x[0]) for x in balanced_orbits.balanced_orbit(a, depth))

    def twice(x: np.ndarray) -> np.ndarray:
        for _ in range(2):
            x = x + a / depth * 2 * (1 - x.prod()) * x.prod() / x
        return x

    start, steps = np.full(depth, upper), np.eye(depth) * epsilon
    jacobian = np.stack([twice(start + e) - twice(start - e) for e in steps], 1) / (2 * epsilon)
    along, across = (float(m[0]) for m in balanced_orbits.balanced_multipliers(a, depth))
    found = np.sort(np.linalg.eigvals(jacobian).real)
    np.testing.assert_allclose(found, [along, *[across] * (depth - 1)], atol=1e-7)
    np.testing.assert_allclose(twice(start), start)
    assert lower < 1 < upper


def test_balanced_orbits_of_two_layers() -> None:
    a = np.array([0.9, 1.0, 1.0001, 1.01, 1.1, 1.23])
    gradient = theory.asymptotic_gradient(a)
    np.testing.assert_allclose(balanced_orbits.balanced_gradient(a, 2), gradient, atol=1e-11)
    known = theory.period_two_multipliers(a[2:])
    for mine, theirs in zip(balanced_orbits.balanced_multipliers(a[2:], 2), known, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-11)
    assert balanced_orbits.doubling(2) == pytest.approx(theory.DOUBLING, abs=1e-12)
    for depth in (3, 4):
        m = balanced_orbits.balanced_multipliers(balanced_orbits.doubling(depth), depth)[0]
        assert m[0] == pytest.approx(-1, abs=1e-9)
    assert np.isnan(balanced_orbits.balanced_orbit(0.9, 3)[0]).all()


def test_asymptotic_gradient() -> None:
    found = inputs()
    table, facts, text = drawn(asymptotic_gradient, found, lay_out=True)
    runs, two = found["runs/nets"], found["runs/two_parameter"]
    outcome = runs["outcome"].values
    counts = table[(table["panel"] == "d") & (table["net"] != ENSEMBLE)]
    np.testing.assert_array_equal(counts["bounded"], (outcome == BOUNDED).sum(-1).ravel())
    above = (runs["share"].values > 1)[:, None]
    distance, step = runs["period_two_gap"].values, runs["step_length"].values
    period = (outcome == BOUNDED) & (distance < 1e-8) & (distance < 1e-6 * step) & above
    np.testing.assert_array_equal(counts["period_two"], period.sum(-1).ravel())
    assert facts["period_two"] == period.sum() > 0
    members = table[table["panel"] == "a, b"]
    for k, net in enumerate(runs["net"].values):
        for j, a in enumerate(runs["share"].values):
            own = members[(members["net"] == net) & (members["share_of_critical"] == a)]
            shown = np.sort(runs["gradient_mean"].values[k, j])
            np.testing.assert_array_equal(np.sort(own["gradient"]), shown[np.isfinite(shown)])
    white = counts[counts["net"].isin(["two", "white", "deep"]) & (counts["period_two"] > 0)]
    np.testing.assert_allclose(white["period_least"], white["theory"], rtol=1e-5)
    flat = theory.asymptotic_gradient(1.1, 1.5)
    own = counts[(counts["net"] == "white") & (counts["share_of_critical"] == 1.1)]
    np.testing.assert_allclose(own["theory"], flat)
    grey = members[(members["net"] == ENSEMBLE) & np.isclose(members["share_of_critical"], 1.1)]
    values = two["gradient_mean"].sel(learning_rate=0.55).values
    values = values[np.isfinite(values)]
    assert len(grey) == min(MOST, len(values))
    assert (grey["gradient"].min(), grey["gradient"].max()) == (values.min(), values.max())
    assert facts["rest"] < 1e-8
    assert f"{facts['resting']} runs at rest" in text


def test_runs_that_converge_slowly_are_not_at_period_two() -> None:
    """Next to a fixed point of multiplier -1, two steps come back, but steps are as small."""
    found = inputs()
    before = drawn(asymptotic_gradient, found)[1]["period_two"]
    runs = found["runs/nets"]
    closed = (runs["outcome"].values == BOUNDED) & (runs["period_two_gap"].values < 1e-8)
    k, j, run = np.argwhere(closed & (runs["share"].values > 1)[:, None])[0]
    runs["step_length"].values[k, j, run] = 10 * runs["period_two_gap"].values[k, j, run]
    assert drawn(asymptotic_gradient, found)[1]["period_two"] == before - 1


def test_multipliers() -> None:
    found = inputs()
    table, facts, _ = drawn(asymptotic_gradient, found)
    own = table[table["panel"] == "c"]
    assert facts["orbits"] == len(own) > 0
    assert (own["share_of_critical"] > 1).all()
    shallow = own[own["net"] == "two"]
    a = shallow["share_of_critical"].to_numpy(float)
    along, across = theory.period_two_multipliers(a)
    np.testing.assert_allclose(shallow["longitudinal"], along, atol=1e-6)
    np.testing.assert_allclose(shallow["transverse"], across, atol=1e-6)
    one = own[own["net"] == "white"].iloc[0]
    values = found["spectra/orbits"]["multipliers"].sel(net="white", share=one.share_of_critical)
    every = values.values[int(one.orbit)]
    every = every[:, 0] + 1j * every[:, 1]
    every = every[np.isfinite(every)]
    assert len(every) == WHITE.widths[0] * WHITE.widths[1] * 2
    away = np.abs(every[np.abs(every - 1) > 1e-6])
    assert one.others == away.max()
    assert one.ones == len(every) - len(away)


def test_converging_fraction() -> None:
    found = inputs()
    table, facts, text = drawn(converging_fraction, found, lay_out=True)
    runs, two = found["runs/nets"], found["runs/two_parameter"]
    rates = table[table["panel"] == "a"]
    order = np.argsort(two["learning_rate"].values)
    minima = (two["outcome"].values == MINIMUM).sum(-1)[order]
    np.testing.assert_array_equal(rates["minimum"], minima)
    np.testing.assert_allclose(rates["share"], minima / two.sizes["start"])
    assert (rates["low"] <= rates["share"]).all()
    assert facts["minima_above"] == 0
    assert facts["zero_bound"] == pytest.approx(3 / 70, rel=0.01)
    own = table[table["panel"] == "b, c"]
    outcome = runs["outcome"].values
    np.testing.assert_array_equal(own["minimum"], (outcome == MINIMUM).sum(-1).ravel())
    ratio = np.where(outcome == MINIMUM, found["spectra/nets"]["ratio"].values, -np.inf).max(-1)
    ratio[~np.isfinite(ratio)] = np.nan
    np.testing.assert_array_equal(own["largest_ratio"], ratio.ravel())
    moving = (outcome[:, :2] == BOUNDED).sum()
    assert facts["net_moving"] == own["moving"].sum() == moving
    assert facts["net_zero_bound"] == 0.5
    assert facts["critical_gap"] == pytest.approx(1e-3, rel=0.01)
    assert f"{facts['over']} of {facts['minima']} minima above 1" in text


def test_minima_above_the_edge_are_counted() -> None:
    found = inputs()
    found["runs/nets"]["outcome"].values[1, 2, 0] = MINIMUM
    found["spectra/nets"]["ratio"].values[1, 2, 0] = 1.25
    _, facts, text = drawn(converging_fraction, found)
    assert (facts["net_minima_above"], facts["over"]) == (1, 1)
    assert (facts["largest_ratio"], facts["largest_ratio_net"]) == ("1.25", "deep")
    assert "for each network and η at most" not in text


@pytest.mark.parametrize("function", FIGURES)
@pytest.mark.parametrize("shares", [slice(None), slice(2), slice(2, None)])
def test_diverged_runs(function, shares) -> None:
    found = inputs()
    lose(found, shares)
    table, facts, _ = drawn(function, found, lay_out=True)
    assert len(table)
    if function is asymptotic_gradient and shares == slice(None):
        assert (facts["resting"], facts["bounded_above"], facts["orbits"]) == (0, 0, 0)
        assert facts["rest"] == facts["others"] == facts["largest_complex"] == "n/a"


@pytest.mark.parametrize("function", FIGURES)
@pytest.mark.parametrize("share", [0.7, 1.1, 6.0])
def test_one_net_one_rate_one_start(function, share: float) -> None:
    found = inputs()
    for ref in ("runs/nets", "spectra/nets"):
        found[ref] = found[ref].sel(net=["colored"], share=[share]).isel(start=[0])
    found["spectra/orbits"] = found["spectra/orbits"].sel(net=["colored"], share=[share])
    found["runs/two_parameter"] = found["runs/two_parameter"].isel(start=[0], learning_rate=[0])
    found["runs/critical"] = found["runs/critical"].isel(problem=[0])
    table, facts, _ = drawn(function, found, palette="cividis", lay_out=True)
    assert len(table)
    assert facts["nets"] == 1


def test_more_rates_than_are_counted() -> None:
    found = inputs()
    for ref in ("runs/nets", "spectra/nets", "spectra/orbits"):
        many = xr.concat([found[ref].isel(share=[2])] * 16, "share", data_vars="minimal")
        many = many.assign_coords(share=np.linspace(1.02, 1.5, 16))
        found[ref] = many.assign_attrs(found[ref].attrs)
    table, facts, _ = drawn(asymptotic_gradient, found, lay_out=True)
    assert facts["tried_below"] == 0
    assert len(table[(table["panel"] == "d") & (table["net"] != ENSEMBLE)]) == 4 * 16
