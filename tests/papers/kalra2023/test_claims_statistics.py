"""What claims are made of: samples, ranks, worst values, fits, differences, standard errors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from synthetic_claims import GRID, STEP, early, ideal_inputs

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.kalra2023.claims.constants import at_infinity
from spectral_atlas.papers.kalra2023.claims.kinds import farthest, paired
from spectral_atlas.papers.kalra2023.claims.regimes import entropy, fcn
from spectral_atlas.papers.kalra2023.claims.samples import (
    LOST,
    Sample,
    constants,
    loss_peak,
    outranks,
    ratio_by_seed,
    sharpness_ratio,
    sign_test,
)
from spectral_atlas.papers.kalra2023.claims.saturation import derivatives, steepest
from spectral_atlas.papers.kalra2023.claims.study import Nets, Study

NETS = Nets("runs/fcn", 4, 64)


def test_constants_count_what_is_censored():
    rows = early(NETS, (4.0, 6.0, 9.0, 20.0), {})
    rows["k_loss"][:3] = GRID
    rows["k_sharp"][:2] = 0
    rows["k_max"][:1] = -1
    rows["k_max"][1:3] = GRID - 1
    loss, sharp, top = (constants(rows, n) for n in ("c_loss", "c_sharp", "c_max"))
    assert loss.note == "3 beyond the grid"
    assert loss.values[0] == 2 ** (STEP * GRID)
    assert sharp.note == "2 at the first c of the grid or below"
    assert sharp.values[0] == 1
    assert top.note == "1 at the first c of the grid or below; 2 beyond the grid"
    rows["k_barrier"][1] = -9
    with pytest.raises(Unmeasured, match="not sought"):
        constants(rows, "c_barrier")


def test_ratios_and_peaks_are_those_of_a_loop():
    study = Study(ideal_inputs())
    nets = fcn(4, 64)
    rows = study.rows(nets)
    i = rows["multiple"].values.tolist().index(0.5)
    ratio, highest, peak = [], [], []
    for run in range(rows.sizes["run"]):
        s, loss = rows["sharpness"].values[run, i], rows["loss"].values[run, i]
        ratio.append(s[-1] / s[0])
        highest.append(max(x / s[0] for x in s[1:]))
        peak.append(max(x / loss[0] for x in loss[1:]))
    assert np.allclose(sharpness_ratio(nets, 0.5)(study).values, ratio)
    assert np.allclose(sharpness_ratio(nets, 0.5, highest=True)(study).values, highest)
    assert np.allclose(loss_peak(nets, 0.5)(study).values, peak)


def test_ranks():
    a, b = Sample("a", np.array([3.0, 4, 5, 6])), Sample("b", np.array([1.0, 2, 2.5, 2.9]))
    assert outranks(a, b) == pytest.approx(1 / 70)  # one of the 8 choose 4 orders
    assert outranks(b, a) == pytest.approx(1)
    assert outranks(a, a) > 0.4
    assert outranks(Sample("", np.ones(5)), Sample("", np.ones(4))) == 1.0


def test_farthest_is_the_worst_of_an_interval():
    assert farthest([2.0, 2.5, 2.9], 1, 3) == 2.9
    assert farthest([2.0, 0.5, 3.2], 1, 3) == 0.5
    assert farthest([2.0, 3.6, 0.5], 1, 3) == 3.6
    assert farthest([2.0, 1.0], -np.inf, 3) == 2.0
    assert farthest([2.0, LOST], 1, np.inf) == 2.0
    assert np.isnan(farthest([2.0, np.nan], 1, 3))


def test_the_line_in_one_over_width_is_that_of_polyfit():
    rng = np.random.default_rng(0)
    widths = (64, 128, 256)
    samples = [Sample("", rng.normal(3, 0.5, 8)) for _ in widths]
    value, error = at_infinity(samples, widths)
    means = [s.mean for s in samples]
    assert value == pytest.approx(np.polyfit(1 / np.array(widths), means, 1)[1])
    draws = [
        np.polyfit(1 / np.array(widths), [rng.normal(s.mean, s.error) for s in samples], 1)[1]
        for _ in range(4000)
    ]
    assert error == pytest.approx(np.std(draws), rel=0.05)


def test_constants_of_a_run_are_joined_by_seed():
    ds = ideal_inputs()["runs/fcn"].copy(deep=True)
    rows = np.flatnonzero(ds["width"].values == 64)
    ds["k_loss"][rows] = 20 + np.arange(8)
    ds["k_max"][rows] = 25 + 2 * np.arange(8)
    turned = ds.isel(run=np.r_[rows[[7, 2, 5, 0, 3]], rows[:1] - 8])
    cross = ds.isel(run=rows).assign_coords(loss_name=("run", ["cross_entropy"] * 8))
    inputs = ideal_inputs() | {"runs/fcn": turned, "runs/cross_entropy": cross}
    found = ratio_by_seed((entropy(4, 64), "c_max"), (fcn(4, 64), "c_loss"))(Study(inputs))
    assert np.allclose(found.values, 2 ** (STEP * (5 + np.array([0, 2, 3, 5, 7]))))


def test_disjoint_seeds_are_no_pairs():
    ds = ideal_inputs()["runs/cross_entropy"]
    inputs = ideal_inputs() | {
        "runs/cross_entropy": ds.assign_coords(seed=("run", ds["seed"].values + 6))
    }
    with pytest.raises(Unmeasured, match="2 of at least 3 seeds in common"):
        ratio_by_seed((entropy(4, 64), "c_max"), (fcn(4, 64), "c_max"))(Study(inputs))


def ratios(*values):
    check = paired("A1", "fig1", "A.", lambda _: [Sample("a", np.array(values))], evidence="none")
    return check(Study({}))


def test_the_sign_test_counts_orders():
    for n in range(1, 9):
        for k in range(n + 1):
            signs = [sum(s) for s in product((0, 1), repeat=n)]
            assert sign_test(k, n) == pytest.approx(np.mean([s >= k for s in signs]))
    assert sign_test(0, 0) == 1


def test_pairs_that_are_equal_count_against_a_claim():
    assert ratios(2, 2, 2, 2, 1.1).measured == pytest.approx(1 / 32)
    assert ratios(2, 2, 2, 2, 1.0).measured == pytest.approx(6 / 32)
    assert ratios(2, 2, 2, 2, 1.0).verdict == "fails"
    assert ratios(*[2] * 7, 0.5).verdict == "holds"  # 9 / 256


def test_four_pairs_are_too_few_for_the_level():
    found = ratios(2, 2, 2, 2)
    assert found.measured is None
    assert "4 pairs are too few" in found.detail


@pytest.mark.parametrize(
    "c",
    [np.concatenate([[0.25, 0.5], np.arange(1, 3.51, 0.125), [5.0]]), 50 / np.arange(100, 5, -1)],
)
def test_derivatives_of_a_parabola(c):
    r = np.stack([1 - 0.1 * c**2, 2 - 0.3 * c**2])
    x, chi, bend = derivatives(c, r, 0.25, 1.0, 2.5)
    assert np.allclose(chi, np.outer([0.2, 0.6], x))
    assert np.allclose(bend, [[0.2], [0.6]])
    assert np.array_equal(x, c[(c >= 1) & (c <= 2.5)])


def test_derivatives_need_neighbours():
    even = np.arange(0, 5, 0.25)
    assert derivatives(even, even**2, 0.25, 0, 1)[0].tolist() == [0.25, 0.5, 0.75, 1]
    with pytest.raises(Unmeasured, match="steps of up to"):
        derivatives(even[::2], even[::2], 0.25, 0.5, 3.25)
    with pytest.raises(Unmeasured, match="2 c from 4 to 5 "):
        derivatives(even, even, 0.5, 4, 5)


def test_the_steepest_slope_is_each_runs_own():
    ds = ideal_inputs()["runs/saturation"].copy(deep=True)
    rows = np.flatnonzero(ds["width"].values == 64)
    c = ds["multiple"].values
    ds["sharpness"][rows] = 5 * np.stack([1 - 0.1 * (i + 1) * c for i in range(len(rows))])
    found = steepest(4, 64)(Study(ideal_inputs() | {"runs/saturation": ds}))
    assert np.allclose(found.values, 0.1 * (1 + np.arange(len(rows))))
