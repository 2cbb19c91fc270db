"""What claims are made of: samples, ranks, worst values, fits, differences, standard errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from synthetic_claims import GRID, STEP, early, ideal_inputs

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.kalra2023.claims.constants import at_infinity
from spectral_atlas.papers.kalra2023.claims.kinds import farthest
from spectral_atlas.papers.kalra2023.claims.regimes import fcn
from spectral_atlas.papers.kalra2023.claims.samples import (
    LOST,
    Sample,
    constants,
    loss_peak,
    outranks,
    sharpness_ratio,
)
from spectral_atlas.papers.kalra2023.claims.saturation import differences, jackknife
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


@pytest.mark.parametrize(
    "c",
    [np.concatenate([[0.25, 0.5], np.arange(1, 3.51, 0.125), [5.0]]), 50 / np.arange(100, 5, -1)],
)
def test_differences_of_a_parabola(c):
    x, chi, bend = differences(c, 1 - 0.1 * c**2, 0.25, 1.0, 2.5)
    assert np.allclose(chi, 0.2 * x, atol=0.01)
    assert np.allclose(bend, 0.2, atol=0.03)
    assert set(x) <= set(c)
    assert len(x) > 10
    assert x.min() >= 1
    assert x.max() <= 2.5


def test_differences_need_neighbours():
    even = np.arange(0, 5, 0.25)
    x, chi, bend = differences(even, even**3, 0.25, 1, 3)
    assert np.allclose(bend, -6 * x)
    assert np.allclose(chi, -3 * x**2 - 0.25**2)
    assert 4.0 not in differences(np.append(even, 6), np.append(even, 6) ** 2, 0.25, 4, 5)[0][3:]
    with pytest.raises(Unmeasured):
        differences(even[::2], even[::2], 0.25, 0.5, 3.25)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    r = np.random.default_rng(1).normal(size=(7, 1))
    left = np.array([np.delete(r, i).mean() for i in range(7)])
    assert jackknife(r, left) == pytest.approx(stats.sem(r.ravel()))
