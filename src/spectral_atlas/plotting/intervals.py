"""Means with bootstrap intervals, of a fixed seed so that figures are reproducible."""

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
        return np.nan, np.nan, np.nan
    x = np.log(values) if log else values
    rng = np.random.default_rng(0)
    means = x[rng.integers(0, x.size, (RESAMPLES, x.size))].mean(axis=1)
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return _back(x.mean(), low, high, log)


def clustered_interval(
    values: np.ndarray, clusters: np.ndarray, *, log: bool = False
) -> tuple[float, float, float]:
    """Mean of the clusters' means, with the ends of a 95 % two-stage bootstrap interval.

    Resamples clusters first, then the members of each, so that the interval covers both the spread
    between clusters (data draws) and within them (initializations). One cluster leaves the latter.

    Parameters
    ----------
    values, clusters : (n,)
        Finite numbers and the label of the cluster of each; n = 0 gives NaN.
    log : bool
        Take geometric means, for positive values that are drawn on a log axis.
    """
    if values.size == 0:
        return np.nan, np.nan, np.nan
    x = np.log(values) if log else values
    rng = np.random.default_rng(0)
    labels = np.unique(clusters)
    means = np.empty((labels.size, labels.size, RESAMPLES))  # cluster, place in the resample
    centers = np.empty(labels.size)
    for i, label in enumerate(labels):
        own = x[clusters == label]
        means[i] = own[rng.integers(0, own.size, (labels.size, RESAMPLES, own.size))].mean(axis=2)
        centers[i] = own.mean()
    picked = rng.integers(0, labels.size, (labels.size, RESAMPLES))
    places = np.arange(labels.size)[:, None]
    totals = means[picked, places, np.arange(RESAMPLES)].mean(axis=0)
    low, high = np.percentile(totals, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return _back(centers.mean(), low, high, log)


def _back(mean: float, low: float, high: float, log: bool) -> tuple[float, float, float]:
    undo = np.exp if log else float
    return float(undo(mean)), float(undo(low)), float(undo(high))


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share; 0 of n reaches up to about 3.8/n, never 0."""
    if n == 0:
        return np.nan, np.nan
    z = 1.959963984540054
    center = (hits + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(hits * (n - hits) / n + z**2 / 4)
    return float(max(center - half, 0.0)), float(min(center + half, 1.0))


def zero_bound(n: int) -> float:
    """What a share is at most (95 %) if none of n independent draws had it: 3/n, never above 1."""
    return min(3 / max(n, 1), 1.0)


def summarize(
    frame: pd.DataFrame, by: list[str], value: str, *, log: bool = False, cluster: str | None = None
) -> pd.DataFrame:
    """One row for each group: n finite values of how many runs, their mean and its interval.

    ``cluster`` names the column of the data draw, for a two-stage interval (`clustered_interval`).
    """
    rows = []
    for group, part in frame.groupby(by, sort=True):
        finite = part[np.isfinite(part[value])]
        values = finite[value].to_numpy(float)
        if cluster is None:
            mean, low, high = mean_interval(values, log=log)
        else:
            mean, low, high = clustered_interval(values, finite[cluster].to_numpy(), log=log)
        names = dict(zip(by, group, strict=True))
        counts = {"n": len(finite), "runs": len(part)}
        rows.append({**names, **counts, "mean": mean, "low": low, "high": high})
    return pd.DataFrame(rows)
