"""Straight-line fits by least squares, with groups as fixed effects and bootstrap bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectral_atlas.plotting.intervals import LEVEL, RESAMPLES


@dataclass(frozen=True)
class Line:
    """A fitted line y = intercept + slope x; NaN where the points do not determine it.

    Attributes
    ----------
    slope, intercept, stderr, r2 : float
        stderr is that of the slope, for independent errors of equal variance; r2 is the explained
        share of the variance, within groups where there are groups (the intercept is then NaN).
    n : int
    """

    slope: float
    intercept: float
    stderr: float
    r2: float
    n: int


def fit_line(x: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> Line:
    """Least squares of y on x; with ``groups``, one intercept for each group and a common slope.

    Parameters
    ----------
    x, y : (n,) finite numbers
    groups : (n,), optional
        Labels. Centring x and y in each group gives the same slope as one dummy variable for each.
    """
    labels = np.zeros(x.size, dtype=int)
    if groups is not None:
        labels = np.unique(groups, return_inverse=True)[1]
    count = np.bincount(labels) if x.size else np.zeros(0, dtype=int)
    u = x - (np.bincount(labels, x) / count)[labels] if x.size else x
    v = y - (np.bincount(labels, y) / count)[labels] if x.size else y
    free, sxx = x.size - count.size - 1, float(u @ u)
    if free < 1 or sxx <= 1e-24 * max(float(x @ x), 1e-300):
        return Line(np.nan, np.nan, np.nan, np.nan, x.size)
    slope = float(u @ v) / sxx
    left = v - slope * u
    stderr = float(np.sqrt(left @ left / free / sxx))
    total = float(v @ v)
    intercept = float(y.mean() - slope * x.mean()) if groups is None else float("nan")
    r2 = 1 - float(left @ left) / total if total > 0 else float("nan")
    return Line(slope, intercept, stderr, r2, x.size)


def line_band(
    x: np.ndarray, y: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """95 % percentile-bootstrap band of the fitted line at ``at``, and interval of its slope.

    Resamples the pairs (x, y), so that it does not assume errors of equal variance. (k,), (k,) and
    two numbers; NaN where no line is determined.
    """
    if not np.isfinite(fit_line(x, y).slope):
        return np.full(at.shape, np.nan), np.full(at.shape, np.nan), (np.nan, np.nan)
    picked = np.random.default_rng(0).integers(0, x.size, (RESAMPLES, x.size))
    xs, ys = x[picked], y[picked]
    mx, my = xs.mean(axis=1, keepdims=True), ys.mean(axis=1, keepdims=True)
    sxx = ((xs - mx) ** 2).sum(axis=1)
    usable = sxx > 0
    slopes = ((xs - mx) * (ys - my)).sum(axis=1)[usable] / sxx[usable]
    lines = my[usable] + slopes[:, None] * (at - mx[usable])
    ends = [(100 - LEVEL) / 2, (100 + LEVEL) / 2]
    low, high = np.percentile(lines, ends, axis=0)
    first, last = np.percentile(slopes, ends)
    return low, high, (float(first), float(last))
