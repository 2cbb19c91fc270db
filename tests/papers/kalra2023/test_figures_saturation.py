"""Figures of saturation and of the uv model, and their numbers, on made-up and small files."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from synthetic_saturation import (
    GRID,
    draw,
    linear_file,
    saturation_file,
    step_at,
    uv_file,
)

from spectral_atlas.papers.kalra2023.figures import saturation, saturation_peaks
from spectral_atlas.papers.kalra2023.saturation_curves import Curve, curves, differences

NETWORKS = [{"depth": 4, "width": 64}, {"depth": 8, "width": 32}]
VARIANTS = [
    {"depth": 4, "width": 64, "data": "teacher"},
    {"depth": 4, "width": 64, "activation": "tanh"},
    {"depth": 4, "width": 64, "loss_name": "cross_entropy"},
]
COARSE = np.array([0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 6])


@pytest.fixture(autouse=True)
def _no_warning_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def a_curve(ratio: np.ndarray, c: np.ndarray = GRID, spacing: float = 0.25) -> Curve:
    return Curve({"network": "fcn", "depth": 4, "width": 64}, c, ratio, spacing)


def brute_differences(c: np.ndarray, r: np.ndarray, spacing: float):
    """Derivatives at c_i of the parabola fitted through three points, one by one."""
    first, second = np.full(c.size, np.nan), np.full(c.size, np.nan)
    for i in range(c.size):
        below = [j for j in range(i) if c[i] - c[j] >= spacing - 1e-9]
        above = [j for j in range(i + 1, c.size) if c[j] - c[i] >= spacing - 1e-9]
        if below and above:
            points = [below[-1], i, above[0]]
            parabola = np.polynomial.Polynomial.fit(c[points], r[points], 2)
            first[i], second[i] = parabola.deriv()(c[i]), parabola.deriv(2)(c[i])
    return first, second


@pytest.mark.parametrize("spacing", [0.0, 0.1, 0.25, 0.5])
def test_differences_are_those_of_fitted_parabolas(spacing):
    r = np.random.default_rng(0).normal(size=(3, GRID.size))
    found = differences(GRID, r, spacing)
    for row in range(3):
        for got, wanted in zip(found, brute_differences(GRID, r[row], spacing), strict=True):
            np.testing.assert_allclose(got[row], wanted, atol=1e-8)
    assert np.isfinite(found[0]).sum(axis=1).min() >= GRID.size // 2


def test_curves_are_ratios_of_their_own_network():
    file = saturation_file(NETWORKS, lambda c, run: 1 / (1 + c + run), seeds=2)
    shuffled = file.isel(run=[2, 0, 3, 1])
    found = curves(shuffled)
    assert [(c.depth, c.width) for c in found] == [(8, 32), (4, 64)]
    np.testing.assert_allclose(found[0].ratio, [1 / (3 + GRID), 1 / (4 + GRID)])
    np.testing.assert_allclose(found[1].chi, -differences(GRID, found[1].ratio, 0.25)[0])


def test_argmax_and_centre_stay_in_their_window():
    c = np.linspace(0, 4, 41)
    values = np.exp(-((c - 2.2) ** 2)) + 5 * (c > 3.45)
    assert saturation_peaks.argmax(c, values, (1, 3)) == pytest.approx(2.2)
    assert saturation_peaks.argmax(c, values, (1, 4)) == pytest.approx(3.5)
    inside = c[(c > 0.99) & (c < 3.01)]
    weight = np.exp(-((inside - 2.2) ** 2))
    wanted = np.trapezoid(weight * inside, inside) / np.trapezoid(weight, inside)
    assert saturation_peaks.centre(c, values, (1, 3)) == pytest.approx(wanted)
    nothing = np.full(41, np.nan)
    assert np.isnan(saturation_peaks.argmax(c, nothing, (1, 3)))
    assert np.isnan(saturation_peaks.argmax(c, values, (8, 9)))
    assert np.isnan(saturation_peaks.centre(c, nothing, (1, 3)))
    assert np.isnan(saturation_peaks.centre(c, -np.ones(41), (1, 3)))


def test_centre_of_a_flat_curve_is_the_middle_on_an_uneven_grid():
    c = np.array([1.0, 1.1, 1.3, 1.4, 2.0, 2.9, 3.0])
    assert saturation_peaks.centre(c, np.ones(7), (1, 3)) == pytest.approx(2)


def test_located_finds_the_bend_and_its_null_is_wide():
    c = np.arange(0.5, 4.01, 0.125)
    rng = np.random.default_rng(1)
    ratio = 0.9 - 0.3 * np.logaddexp(0, 12 * (c - 2)) / 12 + 1e-3 * rng.normal(size=(8, c.size))
    found = saturation_peaks.located(c, a_curve(ratio, c).bend, (1, 3), saturation_peaks.argmax)
    assert found.low <= found.value <= found.high
    assert abs(found.value - 2) <= 0.125
    assert found.null_high - found.null_low > 3 * (found.high - found.low)


@pytest.mark.parametrize(("runs", "few"), [(1, True), (4, True), (5, False)])
def test_few_runs_have_neither_interval_nor_null_nor_band(runs, few):
    curve = a_curve(step_at(2.0)(GRID[None], np.arange(runs)[:, None]))
    found = saturation_peaks.located(GRID, curve.bend, (1, 3), saturation_peaks.argmax)
    assert found.value == pytest.approx(2, abs=0.1)
    ends = [found.low, found.high, found.null, found.null_low, found.null_high]
    assert np.isnan(ends).tolist() == [few] * 5
    peak = saturation_peaks.peaks([curve]).iloc[0]
    assert peak["value"] == pytest.approx(np.nanmax(curve.chi.mean(axis=0)))
    assert peak[["low", "high"]].isna().tolist() == [few] * 2
    assert np.isfinite(saturation.bands(curve.chi)).any() != few


def test_resampled_means_are_within_the_runs_and_skip_missing_ones():
    members = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [2.0, 7.0, np.nan]])
    found = saturation.resampled(members)
    assert np.isnan(found[:, 2]).all()
    assert np.nanmin(found[:, 1]) == 5
    assert np.nanmax(found[:, 1]) == 7
    assert found[:, 0].mean() == pytest.approx(2, abs=0.1)
    assert found[:, 0].std() == pytest.approx(np.sqrt(2 / 3 / 3), rel=0.1)
    np.testing.assert_allclose(saturation.mean_of(members), [2, 6, np.nan])


def test_fig8_table_and_facts_against_the_file():
    study = saturation_file(NETWORKS, step_at(2.0))
    drawing = draw("fig8", {"runs/saturation": study, "runs/uv": uv_file()}, arranged=True)
    table, facts = drawing.table, drawing.facts
    ratio = (study["sharpness"] / study["lambda0"]).values
    means = table[(table["panel"] == "a") & (table["depth"] == 8)]
    np.testing.assert_allclose(means["mean"], ratio[3:].mean(axis=0))
    chi = table[(table["panel"] == "b") & (table["width"] == 64)]
    slope = -brute_differences(GRID, ratio[:3].mean(axis=0), 0.25)[0]
    np.testing.assert_allclose(chi["mean"], slope, atol=1e-10)
    peak = table[(table["panel"] == "f") & (table["width"] == 64)]
    assert peak["value"].item() == pytest.approx(np.nanmax(slope))
    main = table[(table["panel"] == "d") & (table["network"] == "fcn")]
    np.testing.assert_allclose(main["value"], 2, atol=0.09)
    uv_rows = table[(table["panel"] == "d") & (table["network"] == "uv")]
    np.testing.assert_allclose(uv_rows["value"], 2, atol=0.1)
    assert facts["seeds"] == "d = 4, w = 64 (n = 3); d = 8, w = 32 (n = 3)"
    assert facts["lost"] == 0
    assert "[" not in facts["argmax"] + facts["peaks"]


def test_fig8_tells_intervals_that_hold_two_and_where_the_peak_falls():
    def ratio(c: np.ndarray, run: np.ndarray) -> np.ndarray:
        return 0.8 - np.where(run < 5, 0.2, 0.1) * np.clip(c - np.where(run < 5, 2.0, 1.5), 0, 2)

    study = saturation_file(NETWORKS, ratio, seeds=5)
    facts = draw("fig8", {"runs/saturation": study, "runs/uv": uv_file()}).facts
    assert facts["argmax_two"] == "(4, 64)"
    assert facts["falls"] == "1 of 1"
    assert "[" in facts["peaks"]


def lost_above(c: np.ndarray, run: np.ndarray) -> np.ndarray:
    return np.where((c > 3) & (run % 3 == 0), np.nan, step_at(2.0)(c, run))


def growing(c: np.ndarray, run: np.ndarray) -> np.ndarray:
    return np.where((c > 3) & (run % 3 == 0), 500.0, step_at(2.0)(c, run))


def all_lost(c: np.ndarray, run: np.ndarray) -> np.ndarray:
    return np.full(np.broadcast_shapes(c.shape, run.shape), np.nan)


@pytest.mark.parametrize(
    ("ratio", "seeds"), [(lost_above, 3), (lost_above, 1), (growing, 3), (all_lost, 1)]
)
def test_degenerate_saturation_is_drawn(ratio, seeds):
    study = saturation_file(NETWORKS, ratio, seeds=seeds)
    variants = saturation_file(VARIANTS, ratio, seeds=seeds, grid=COARSE)
    inputs = {"runs/saturation": study, "runs/saturation_variants": variants}
    lost = np.isnan(ratio(GRID[None], np.arange(2 * seeds)[:, None])).sum()
    assert draw("fig8", inputs | {"runs/uv": uv_file()}).facts["lost"] == lost
    drawing = draw("a4", inputs, arranged=ratio is growing)
    lost = np.isnan(ratio(COARSE[None], np.arange(3 * seeds)[:, None])).sum()
    assert drawing.facts["lost"] == lost


@pytest.mark.parametrize("grid", [np.array([1.0]), np.array([1, 2.0, 4])])
def test_few_learning_rates_are_drawn(grid):
    study = saturation_file(NETWORKS[:1], step_at(2.0), grid=grid)
    inputs = {"runs/saturation": study, "runs/uv": uv_file(), "runs/saturation_variants": study}
    assert draw("fig8", inputs).facts["seeds"] == "d = 4, w = 64 (n = 3)"
    assert draw("a4", inputs).facts["families"] == "images"


def test_a4_names_families_and_measures_each():
    slopes = {"teacher": 0.1, "tanh": 0.2, "cross-entropy": 0.05}
    study = saturation_file(NETWORKS, step_at(2.0))

    def ratio(c: np.ndarray, run: np.ndarray) -> np.ndarray:
        slope = np.array(list(slopes.values()))[run // 3]
        return 0.8 - slope * np.clip(c - 2, 0, 2)

    variants = saturation_file(VARIANTS, ratio, grid=COARSE)
    drawing = draw("a4", {"runs/saturation": study, "runs/saturation_variants": variants})
    peaks = drawing.table[drawing.table["quantity"] == "chi_max"].set_index("family")["value"]
    assert list(peaks.index) == ["images", *slopes]  # of the reference only the shape of the others
    for name, slope in slopes.items():
        assert peaks[name] == pytest.approx(slope)
    found = drawing.table[drawing.table["statistic"] == "argmax"].set_index("family")["value"]
    np.testing.assert_allclose(found[list(slopes)], 2)


def test_fig7_table_and_facts_against_the_file():
    uv = uv_file()
    drawing = draw("fig7", {"runs/uv": uv}, arranged=True)
    table, facts = drawing.table, drawing.facts
    for name, source in {"c_loss": "c_loss", "c_sharp": "c_trace", "c_top": "c_sharp"}.items():
        rows = table[(table["panel"] == "e") & (table["constant"] == name)].set_index("width")
        for i, width in enumerate(uv["width"].values):
            values = uv[source].values[i]
            assert rows["mean"][width] == pytest.approx(values.mean())
            assert rows["q75"][width] == pytest.approx(np.quantile(values, 0.75))
    assert facts["c_loss_wide"] == pytest.approx(uv["c_loss"].values[-1].mean(), rel=5e-3)
    runs = table[table["quantity"] == "traj_trace"].set_index(["width", "k", "run", "step"])
    wanted = (uv["traj_trace"] / uv["traj_trace"].isel(traj_step=0)).values[1, 1, 2, 7]
    assert runs["value"][512, 2.5, 2, 7] == pytest.approx(wanted)
    assert "9 of 18 runs diverged" not in drawing.figure._suptitle.get_text()
    lost = int(uv["traj_loss"].isel(traj_step=-1).isnull().sum())
    assert lost == 6
    assert "6 of 18 runs diverged" in drawing.figure._suptitle.get_text()


@pytest.mark.parametrize("case", ["one width", "all missing"])
def test_degenerate_uv_files_are_drawn(case):
    uv = uv_file().copy(deep=True)
    if case == "one width":
        dims = {
            d: [0] for d in ("width", "avg_width", "traj_width", "sat_width", "run", "traj_run")
        }
        uv = uv.isel(dims)
    else:
        for name in uv.data_vars:
            if uv[name].dtype.kind == "f":
                uv[name].values[:] = np.nan
    linear = linear_constants()
    for name in ("fig7", "a7"):
        assert len(draw(name, {"runs/uv": uv, "runs/variants": linear}).table)


def linear_constants() -> xr.Dataset:
    """Two widths, two exponents, four seeds; once c_sharp < c_loss, once c_max off the grid."""
    rng = np.random.default_rng(0)
    k = {"loss": rng.integers(12, 20, (4, 4)), "sharp": rng.integers(21, 25, (4, 4))}
    k["max"] = k["sharp"] + 10
    k["sharp"][0, 0], k["max"][1, 1] = 10, 71
    return linear_file(k, [64, 128], [0.0, 0.5])


def test_a7_table_and_facts_against_the_files():
    uv, linear = uv_file(), linear_constants()
    tanh = linear.assign_coords(activation=("run", np.full(16, "tanh")))
    both = xr.concat([tanh, linear], dim="run", combine_attrs="override")
    drawing = draw("a7", {"runs/uv": uv, "runs/variants": both}, arranged=True)
    table, facts = drawing.table, drawing.facts
    for panel, name, value in (
        ("b", "avg_trace_ratio", lambda k, w: 1 + k * (k - 4) / (4 * (w + 1))),
        ("c", "avg_loss_ratio",
         lambda k, w: (1 - k) ** 2 + (1 - k) * k**2 / (2 * (w + 1))
         + 3 * k**4 / (16 * (w + 1) * (w + 3))),
    ):  # fmt: skip
        rows = table[table["panel"] == panel]
        np.testing.assert_allclose(rows["mean"], uv[name].values.ravel())
        wanted = [value(k, w) for k, w in zip(rows["k"], rows["width"], strict=True)]
        np.testing.assert_allclose(rows["predicted"], wanted)
    scores = np.abs(uv["avg_a"].values - 0.25 / (uv["avg_width"].values + 1))
    score = (scores / uv["avg_a_error"].values).max()
    assert facts["a_score"] == pytest.approx(score, rel=0.05)
    k, w = 2, 8
    rows = table[(table["panel"] == "b") & (table["k"] == k) & (table["width"] == w)]
    share = abs((rows["mean"] - 1) / (k * (k - 4) / (4 * (w + 1))) - 1).item()
    assert facts["trace_percent"] >= 100 * share * 0.99
    assert facts["trace_percent"] == pytest.approx(facts["a_percent"], rel=0.05)  # the same mean
    assert facts["runs"] == 16
    rows = table[(table["constant"] == "c_loss") & (table["exponent"] == 0.5)].set_index("width")
    assert rows["mean"][128] == pytest.approx(linear["c_loss"].values[12:].mean())
    assert rows["n"].tolist() == [4, 4]
    assert table["above"].sum() == 1
    assert "1 value beyond the grid" in facts["censored"]


def test_a7_without_linear_networks_is_drawn():
    tanh = linear_constants().assign_coords(activation=("run", np.full(16, "tanh")))
    drawing = draw("a7", {"runs/uv": uv_file(), "runs/variants": tanh})
    assert drawing.facts["runs"] == 0
