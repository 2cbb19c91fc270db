"""Saturation curves averaged over runs, and what resampling the runs does to the average."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectral_atlas.papers.kalra2023.figures.shared import MIN_RUNS
from spectral_atlas.plotting.intervals import LEVEL, RESAMPLES

Array = np.ndarray


def mean_of(members: Float[Array, "R M"]) -> Float[Array, " M"]:
    """Mean over the runs that have a value; NaN where none has."""
    finite = np.isfinite(members)
    count = finite.sum(axis=0)
    total = np.where(finite, members, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def resampled(members: Float[Array, "R M"]) -> Float[Array, "B M"]:
    """Mean curves of bootstrap samples of the runs, of a fixed seed."""
    count = len(members)
    picked = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    finite = np.isfinite(members)
    total = picked @ np.where(finite, members, 0.0)
    weight = picked @ finite.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(weight > 0, total / weight, np.nan))


def bands(members: Float[Array, "R M"]) -> Float[Array, "2 M"]:
    """95 % bootstrap interval of the mean curve at each c; NaN for fewer than `MIN_RUNS` runs."""
    if len(members) < MIN_RUNS:
        return np.full((2, members.shape[1]), np.nan)
    return np.array([interval(v) for v in resampled(members).T]).T.reshape(2, -1)


def interval(values: Float[Array, " B"]) -> tuple[float, float]:
    """Ends of the central 95 % of the finite values; NaN for none."""
    kept = values[np.isfinite(values)]
    if kept.size == 0:
        return np.nan, np.nan
    low, high = np.percentile(kept, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)
