"""Fits of the critical constants in 1/width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spectral_atlas.papers.kalra2023.figures.shared import MIN_RUNS
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.intervals import LEVEL, RESAMPLES

MIN_FIT_WIDTH = 64
MIN_QUADRATIC = 5  # widths: fewer make the parabola an interpolation


@dataclass(frozen=True)
class WidthFit:
    """A least-squares polynomial in y = 1/w through a statistic of a constant at each width.

    Attributes
    ----------
    constant, statistic : str
    widths : the fitted ones, all at least `MIN_FIT_WIDTH`
    coefficients : (order + 1,), constant term (the limit of infinite width) first
    low, high : float
        95 % interval of the constant term: runs resampled within each width; NaN where a width has
        fewer than `MIN_RUNS`.
    """

    constant: str
    statistic: str
    widths: tuple[int, ...]
    coefficients: np.ndarray
    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether it goes through all points because there are no more than coefficients."""
        return len(self.widths) == len(self.coefficients)

    def at(self, y: np.ndarray) -> np.ndarray:
        """Values at y = 1/w."""
        return np.polynomial.polynomial.polyval(y, self.coefficients)

    def text(self) -> str:
        """``"1.93 + 165/w"``; what vanishes to rounding is 0."""
        c = np.where(np.abs(self.coefficients) < 1e-9 * np.abs(self.coefficients).max(), 0.0,
                     self.coefficients)  # fmt: skip
        terms = [
            f"{quoted(abs(float(v)))}{tail}" for v, tail in zip(c, ("", "/w", "/w²"), strict=False)
        ]
        signs = ["−" if v < 0 else "+" for v in c]
        first = f"−{terms[0]}" if c[0] < 0 else terms[0]
        rest = zip(signs[1:], terms[1:], strict=True)
        return " ".join([first, *(f"{sign} {term}" for sign, term in rest)])


def fit_in_width(frame: pd.DataFrame, constant: str, statistic: str = "mean") -> WidthFit | None:
    """Fit of one family (one network, depth and so on); None with fewer than two widths >= 64.

    Order 1 in 1/w, as in the authors' demonstrations; order 2 from five widths on.

    Parameters
    ----------
    frame : rows of `runs_frame` of one family
    statistic : "mean" or "median" of each width's runs, fitted with equal weights
    """
    used = frame[(frame["width"] >= MIN_FIT_WIDTH) & frame[constant].notna()]
    groups = {int(w): part[constant].to_numpy(float) for w, part in used.groupby("width")}
    if len(groups) < 2:
        return None
    order = 2 if len(groups) >= MIN_QUADRATIC else 1
    y = 1.0 / np.array(list(groups))
    center = np.mean if statistic == "mean" else np.median
    rng = np.random.default_rng(0)
    points = np.array([center(v) for v in groups.values()])
    drawn = [
        center(v[rng.integers(0, v.size, (RESAMPLES, v.size))], axis=1) for v in groups.values()
    ]
    solve = np.linalg.pinv(np.vander(y, order + 1, increasing=True))
    low, high = np.nan, np.nan
    if min(v.size for v in groups.values()) >= MIN_RUNS:
        limits = solve[0] @ np.array(drawn)
        low, high = np.percentile(limits, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return WidthFit(constant, statistic, tuple(groups), solve @ points, float(low), float(high))
