"""Line fits against numpy's, with and without groups."""

import numpy as np
import pytest

from spectral_atlas.plotting.regression import fit_line, line_band


def cloud(n=40, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 3, n)
    groups = rng.integers(0, 4, n)
    return x, 0.7 * x + 2.0 * groups + 0.2 * rng.standard_normal(n), groups


def test_one_line():
    x, y, _ = cloud()
    (slope, intercept), covariance = np.polyfit(x, y, 1, cov=True)
    fit = fit_line(x, y)
    np.testing.assert_allclose((fit.slope, fit.intercept), (slope, intercept))
    np.testing.assert_allclose(fit.stderr, np.sqrt(covariance[0, 0]))
    np.testing.assert_allclose(fit.r2, np.corrcoef(x, y)[0, 1] ** 2)
    assert fit.n == 40


def test_common_slope_of_groups():
    x, y, groups = cloud()
    design = np.column_stack([x, groups[:, None] == np.arange(4)])
    solution, left, *_ = np.linalg.lstsq(design, y, rcond=None)
    fit = fit_line(x, y, groups)
    assert fit.slope == pytest.approx(solution[0])
    variance = left[0] / (40 - 5) * np.linalg.inv(design.T @ design)[0, 0]
    assert fit.stderr == pytest.approx(np.sqrt(variance))
    assert np.isnan(fit.intercept)


def test_band_holds_the_line_and_covers_the_slope():
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(40)
        at = np.array([-1.0, 0.0, 1.0])
        low, high, (first, last) = line_band(x, 0.5 * x + rng.standard_normal(40), at)
        assert (low < high).all()
        hits += first <= 0.5 <= last
    assert 50 <= hits <= 60


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0], [2.0, 2.0, 2.0, 2.0]])
def test_undetermined_lines_are_nan(x):
    x = np.array(x)
    fit = fit_line(x, x + 1)
    assert np.isnan([fit.slope, fit.stderr, fit.r2]).all()
    low, high, slope = line_band(x, x + 1, np.zeros(2))
    assert np.isnan([*low, *high, *slope]).all()
