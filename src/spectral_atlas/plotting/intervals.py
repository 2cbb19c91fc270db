"""Means with bootstrap intervals, from a generator of fixed seed so that figures are reproducible."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVEL = 95
RESAMPLES = 1000


def mean_interval(values: np.ndarray, *, log: bool = False) -> tuple[float, float, float]:
    """Mean and the ends of its 95 % percentile-bootstrap interval.

    Parameters
    ----------
    values : (n,)
        Finite numbers; n = 0 gives NaN, n = 1 an interval without width.
    log : bool
        Take the geometric mean, for positive values that are drawn on a log axis.
    """
    if values.size == 0:
        return (np.nan,) * 3
    x = np.log(values) if log else values
    rng = np.random.default_rng(0)
    means = x[rng.integers(0, x.size, (RESAMPLES, x.size))].mean(axis=1)
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    out = np.array([x.mean(), low, high])
    return tuple(float(v) for v in (np.exp(out) if log else out))


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share; 0 of n reaches up to about 3.8/n, never 0."""
    if n == 0:
        return np.nan, np.nan
    z = 1.959963984540054
    center = (hits + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(hits * (n - hits) / n + z**2 / 4)
    return float(max(center - half, 0.0)), float(min(center + half, 1.0))


def summarize(frame: pd.DataFrame, by: list[str], value: str, *, log: bool = False) -> pd.DataFrame:
    """One row for each group: n finite values of how many runs, their mean and its interval."""
    rows = []
    for group, part in frame.groupby(by, sort=True):
        finite = part[value].to_numpy(float)
        finite = finite[np.isfinite(finite)]
        mean, low, high = mean_interval(finite, log=log)
        names = dict(zip(by, group if isinstance(group, tuple) else (group,), strict=True))
        rows.append({**names, "n": finite.size, "runs": len(part), "mean": mean, "low": low, "high": high})  # fmt: skip
    return pd.DataFrame(rows)
