"""Figures 1 to 4 and the pieces they share, on made-up runs against brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from synthetic_early import TIMES, chosen, regimes
from synthetic_variants import draw, early, files, with_constants

from spectral_atlas.papers.kalra2023.figures.diagram import order_reversed, phase_panel
from spectral_atlas.papers.kalra2023.figures.diagram_parts import PHASES
from spectral_atlas.papers.kalra2023.figures.fig1 import regime_steps
from spectral_atlas.papers.kalra2023.figures.fig4 import PAIRS
from spectral_atlas.papers.kalra2023.figures.relations import compare, violation_shares
from spectral_atlas.papers.kalra2023.figures.shared import (
    CONSTANTS,
    MIN_RUNS,
    runs_frame,
    summarize_constants,
)
from spectral_atlas.papers.kalra2023.figures.trajectories import (
    diverged_count,
    rate_map,
    recorded,
    trajectory_panel,
)
from spectral_atlas.papers.kalra2023.figures.width_fit import WidthFit, fit_in_width

TWO = [{"depth": 4, "width": 256}, {"depth": 8, "width": 64}]
RATES = (1.0, 2.0, 4.0)


def main_files(seeds: int = 3) -> dict[str, xr.Dataset]:
    late = [{"depth": 5, "width": 64}, {"depth": 10, "width": 32}]
    return files(seeds) | {
        "runs/regimes": regimes(late, RATES, seeds),
        "runs/trajectories": early(TWO, RATES, seeds=seeds),
    }  # fmt: skip


def frame_of(runs: xr.Dataset) -> pd.DataFrame:
    return runs_frame({"runs/a": runs}, ["a"])


@pytest.mark.parametrize(
    ("constant", "k", "value", "end"),
    [
        ("c_loss", -9, np.nan, 0), ("c_loss", -1, 2**-0.1, -1), ("c_loss", 0, 1.0, -1),
        ("c_loss", 1, 2**0.1, 0), ("c_loss", 70, 128.0, 0), ("c_loss", 71, 2**7.1, 1),
        ("c_max", -1, 2**-0.1, -1), ("c_max", 0, 1.0, 0), ("c_max", 69, 2**6.9, 0),
        ("c_max", 71, 2**7.1, 1), ("c_barrier", 71, 2**7.1, 1), ("c_barrier", 69, 2**6.9, 0),
    ],
)  # fmt: skip
def test_constants_beyond_the_grid_are_bounds(constant, k, value, end):
    frame = frame_of(chosen([64], **{constant[2:]: k}))
    np.testing.assert_allclose(frame[constant], value)
    assert frame[f"end{constant[1:]}"].item() == end


def test_a_missing_barrier_is_a_bound_where_c_max_is():
    frame = frame_of(chosen([64, 128, 256], barrier=[71, 69, -9], max=[71, 71, 71]))
    assert list(frame["end_barrier"]) == [1, 0, 0]


def test_summaries_are_those_of_each_width():
    frame = frame_of(chosen([32, 64], seeds=4, loss=[3, 9, 20, 71, 0, 5, -9, 8]))
    found = summarize_constants(frame).query("constant == 'c_loss'").set_index("width")
    for width, ks in ((32, [3, 9, 20, 71]), (64, [0, 5, 8])):
        c = 2.0 ** (0.1 * np.array(ks))
        assert found.loc[width, "n"] == len(ks)
        assert found.loc[width, "mean"] == pytest.approx(sum(c) / len(c))
        assert found.loc[width, "median"] == pytest.approx(sorted(c)[1] if len(c) == 3 else
                                                           (c[1] + c[2]) / 2)  # fmt: skip
        assert found.loc[width, "q25"] == pytest.approx(np.percentile(c, 25))
        assert found.loc[width, "q75"] == pytest.approx(np.percentile(c, 75))
    assert list(found["below"]) == [0, 1]
    assert list(found["above"]) == [1, 0]


def synthetic_constants(widths, seeds=5, noise=0.0):
    """Rows with c_loss = 2 + 150 / w, off the grid."""
    frame = frame_of(early([{"width": list(widths)}], seeds=seeds))
    spread = noise * np.random.default_rng(0).standard_normal(len(frame))
    return frame.assign(c_loss=2 + 150 / frame["width"] + spread)


def test_a_fit_leaves_out_narrow_networks_and_finds_a_line():
    frame = synthetic_constants([16, 64, 128, 256])
    frame.loc[frame["width"] == 16, "c_loss"] = 1e3
    fit = fit_in_width(frame, "c_loss")
    assert fit.widths == (64, 128, 256)
    assert not fit.exact
    np.testing.assert_allclose(fit.coefficients, [2, 150])
    np.testing.assert_allclose([fit.low, fit.high], 2)
    assert fit.text() == "2 + 150/w"
    np.testing.assert_allclose(fit.at(np.array([1 / 100])), 3.5)


@pytest.mark.parametrize(("widths", "order"), [((64, 128, 256), 1), ((64, 96, 128, 256, 512), 2)])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_fits_are_least_squares_of_the_widths_statistics(widths, order, statistic):
    frame = synthetic_constants(widths, seeds=5, noise=0.3)
    fit = fit_in_width(frame, "c_loss", statistic)
    points = frame.groupby("width")["c_loss"].agg(statistic)
    oracle = np.polyfit(1 / points.index.to_numpy(float), points.to_numpy(), order)[::-1]
    np.testing.assert_allclose(fit.coefficients, oracle, rtol=1e-8)
    assert fit.low < fit.coefficients[0] < fit.high


@pytest.mark.parametrize(
    ("coefficients", "text"),
    [
        ([-2.5, 1340.0], "−2.5 + 1340/w"),
        ([13.5, -1e-13], "13.5 + 0/w"),
        ([2, -3, 4], "2 − 3/w + 4/w²"),
    ],
)
def test_fits_are_quoted_with_their_signs(coefficients, text):
    fit = WidthFit("c_loss", "mean", (64, 128), np.array(coefficients, dtype=float), 0.0, 0.0)
    assert fit.text() == text


@pytest.mark.parametrize("widths", [(16, 32), (32, 64)])
def test_no_fit_with_fewer_than_two_wide_networks(widths):
    assert fit_in_width(synthetic_constants(widths), "c_loss") is None


def test_a_fit_through_two_widths_says_that_it_is_exact():
    assert fit_in_width(synthetic_constants([64, 128]), "c_loss").exact


@pytest.mark.parametrize("dropped", [0, 1])
def test_a_width_with_too_few_runs_leaves_no_interval(dropped):
    frame = synthetic_constants([64, 128], seeds=MIN_RUNS).iloc[dropped:]
    fit = fit_in_width(frame, "c_loss")
    assert np.isnan([fit.low, fit.high]).tolist() == [bool(dropped)] * 2


def test_comparisons_of_pairs_count_violations_ties_and_bounds():
    ks = [(5, 9), (9, 9), (10, 9), (20, 9), (0, 0), (71, 71), (71, 30), (-9, 4), (0, 3)]
    loss, sharp = np.array(ks).T
    widths = [64] * 4 + [128] * 5
    runs = early([{"width": [w]} for w in widths], seeds=1)
    frame = frame_of(with_constants(runs, k_loss=loss, k_sharp=sharp))
    found = compare(frame, "c_loss", "c_sharp")
    assert len(found) == 8
    assert list(found["decided"]) == [True, True, True, True, False, False, True, True]
    assert list(found["violated"]) == [False, False, True, True, False, False, True, False]
    assert list(found["by_one"]) == [False, False, True, False, False, False, False, False]
    shares = violation_shares(found, ["width"]).set_index("width")
    assert list(shares["n"]) == [4, 2]
    np.testing.assert_allclose(shares["share"], [0.5, 0.5])
    assert ((shares["low"] < 0.5) & (shares["high"] > 0.5)).all()


def colours_at(ax, c, width):
    """Phases whose area holds a point, and whether a hatched one does."""
    from matplotlib.colors import to_hex

    names = {tone.lower(): name for name, tone in PHASES.items()}
    areas = [a for a in ax.collections if hasattr(a, "get_hatch") and len(a.get_paths())]
    inside = [a for a in areas if any(p.contains_point((c, 1 / width)) for p in a.get_paths())]
    filled = [names.get(to_hex(a.get_facecolor()[0])) for a in inside if len(a.get_facecolor())]
    return [n for n in filled if n], any(a.get_hatch() for a in inside)


@pytest.mark.parametrize(
    ("loss", "sharp", "top", "expected"),
    [
        (20, 30, 40, {1.5: "calm", 3: "reduction", 6: "loss", 12: "both", 18: "divergence"}),
        (5, 30, 40, {1.2: "calm", 1.7: "loss", 6: "loss", 12: "both", 18: "divergence"}),
        (30, 20, 40, {1.5: "calm", 3: "reduction", 6: "reduction", 12: "both"}),
    ],
)
def test_phases_are_bounded_by_the_medians(loss, sharp, top, expected):
    frame = frame_of(chosen([64, 128], seeds=3, loss=loss, sharp=sharp, max=top))
    figure, ax = plt.subplots()
    table = phase_panel(ax, frame)
    for c, name in expected.items():
        assert colours_at(ax, c, 90)[0] == [name]
    assert colours_at(ax, 6, 90)[1] == (sharp < loss) == order_reversed(table)
    assert not colours_at(ax, 3, 90)[1]
    assert len(ax.get_lines()) >= 1
    plt.close(figure)


def lost_after(step=3):
    """Two runs at two c; the first diverges at a step at the larger c."""
    runs = early([{"width": 64}], (1.0, 4.0), seeds=2)
    for name in ("loss", "sharpness"):
        runs[name].values[0, 1, step:] = np.nan
    runs["loss"].values[0, 1, step] = np.inf
    return runs


def test_recorded_trajectories_count_divergence_as_infinite():
    runs = lost_after()
    table = recorded(runs, np.ones(2, dtype=bool))
    assert diverged_count(table) == (1, 4)
    own = table.query("row == 0 and multiple == 4")
    assert np.isposinf(own["loss"]).tolist() == [False] * 3 + [True] * 8
    assert np.isposinf(own["ratio"]).tolist() == [False] * 3 + [True] * 8
    row = table.query("row == 1 and multiple == 4 and step == 7")
    ratio = runs["sharpness"].values[1, 1, 7] / runs["lambda0"].values[1]
    np.testing.assert_allclose(row["ratio"], ratio)
    np.testing.assert_allclose(row["scaled"], 4 * ratio)
    assert len(recorded(runs, np.array([False, True]))) == 22
    figure, ax = plt.subplots()
    medians = trajectory_panel(ax, table, "loss", rate_map([1.0, 4.0]))
    plt.close(figure)
    at = medians.query("multiple == 4").set_index("step")
    assert at.loc[2, "median"] == pytest.approx(runs["loss"].values[:, 1, 2].mean())
    assert np.isposinf(at.loc[3, "median"])
    assert list(at["diverged"]) == [0] * 3 + [1] * 8


def test_runs_that_were_not_recorded_are_left_out():
    runs = early([{"width": 64}], (1.0,), seeds=3, shown=1)
    assert set(recorded(runs, np.ones(3, dtype=bool))["row"]) == {0}


@pytest.mark.parametrize("c", [0.9, 1.0, 4.0])
def test_regimes_begin_where_the_sharpness_says(c):
    runs = regimes([{"width": 64}], (c,), seeds=1)
    found = regime_steps(recorded(runs, np.ones(1, dtype=bool), "time")).iloc[0]
    assert (found["settled"], found["leaves"], found["edge"], found["last"]) == (5, 100, 500, 1000)


def test_regimes_that_are_not_reached_stay_open():
    runs = regimes([{"width": 64}], (1.0,), seeds=3)
    runs["sharpness"].values[0, 0, TIMES >= 500] = 1.5 * runs["lambda0"].values[0]  # below 2/eta
    runs["sharpness"].values[1, 0] = runs["lambda0"].values[1] / (1 + TIMES)  # never leaves
    runs["loss"].values[2, 0, 4] = np.inf
    runs["loss"].values[2, 0, 5:] = np.nan
    found = regime_steps(recorded(runs, np.ones(3, dtype=bool), "time"))
    assert list(found["row"]) == [0, 1]
    assert list(found["leaves"].isna()) == [False, True]
    assert found["edge"].isna().all()


@pytest.mark.parametrize("name", ["fig1", "fig2", "fig3", "fig4"])
def test_figures_draw_a_single_seed(name):
    drawing = draw(name, main_files(1))
    assert len(drawing.table)
    assert all(str(value) for value in drawing.facts.values())


@pytest.mark.parametrize("name", ["fig1", "fig2", "fig3", "fig4"])
def test_figures_draw_without_anything_to_show(name):
    inputs = main_files(1)
    for ref, runs in inputs.items():
        lost = runs.copy(deep=True)
        for variable in lost.data_vars:
            if lost[variable].dtype.kind == "f":
                lost[variable].values[...] = np.nan
            elif variable.startswith("k_"):
                lost[variable].values[...] = -9
        inputs[ref] = lost
    draw(name, inputs)


def test_figures_draw_without_recorded_rates():
    inputs = main_files(1)
    draw("fig2", inputs | {"runs/trajectories": early(TWO, (), seeds=1)})
    draw("fig1", inputs | {"runs/regimes": regimes([{"width": 64}], (), seeds=1)})


def test_fig1_and_fig2_tell_of_divergence():
    runs = lost_after()
    drawing = draw("fig2", {"runs/trajectories": runs})
    assert (drawing.facts["diverged"], drawing.facts["trajectories"]) == (1, 4)
    whole = regimes([{"width": 64}], RATES)
    whole["loss"].values[1, 2, 3] = np.inf
    whole["loss"].values[1, 2, 4:] = np.nan
    whole["sharpness"].values[1, 2, 3:] = np.nan
    facts = draw("fig1", {"runs/regimes": whole}).facts
    assert (facts["diverged"], facts["trajectories"]) == (1, 9)


def test_fig1_quotes_medians_of_the_boundaries():
    text = draw("fig1", {"runs/regimes": regimes([{"width": 64}], (1.0, 4.0))}).facts["networks"]
    assert text == "FCN, d = 4, w = 64: c = 1: 0.6, 2 (5/100/500); c = 4: 0.6, 2 (5/100/500)"


def test_fig3_tells_which_networks_have_no_fit():
    drawing = draw("fig3", main_files())
    facts = drawing.facts
    expected = "Myrtle CNN, d = 5 (0 widths) and ResNet, d = 18 (0 widths)"
    assert facts["without_fit"] == expected
    fitted = drawing.table[drawing.table["fit"].notna()]
    assert set(fitted["network"]) == {"fcn"}
    assert (fitted["width"] >= 64).all()
    assert not set(fitted["constant"]) - {"c_loss", "c_sharp", "c_max"}
    panels = drawing.table.groupby("panel")[["network", "depth"]].first()
    assert list(panels["network"]) == ["fcn"] * 3 + ["myrtle", "resnet"]
    assert list(panels["depth"]) == [4, 8, 16, 5, 18]


def test_fig4_counts_violations_as_brute_force_does():
    inputs = main_files()
    rng = np.random.default_rng(4)
    names = ("fcn", "fcn_deep", "fcn_deeper", "myrtle", "resnet")
    for name in names:
        runs = inputs[f"runs/{name}"]
        n = runs.sizes["run"]
        ks = {f"k_{c[2:]}": rng.integers(2, 60, n) for c in CONSTANTS if c != "c_barrier"}
        inputs[f"runs/{name}"] = with_constants(runs, **ks)
    drawing = draw("fig4", inputs)
    for x, y in PAIRS.values():
        bad = total = 0
        for name in names:
            pair = (inputs[f"runs/{name}"][f"k{v[1:]}"].values for v in (x, y))
            for a, b in zip(*pair, strict=True):
                if min(a, b) >= 0:
                    total, bad = total + 1, bad + (a > b)
        assert drawing.facts[f"{x[2:]}_{y[2:]}"] == f"{bad} of {total} runs"
        rows = drawing.table.query("panel == 'e' and first == @x and second == @y")
        assert (rows["violated"].sum(), rows["n"].sum()) == (bad, total)
    assert bad > 0
