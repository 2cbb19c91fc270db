"""Where descents of the regularized loss end, compared with the minima that were searched for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.jacot2021.figures.common import at_end, members_frame
from spectral_atlas.papers.jacot2021.figures.ridge_shared import minima_frame

COUNTS = 1e-2  # singular values above this make the rank at the end of a regularized descent
NEAR = 1e-3  # relative distance to the value of a minimum at which a run has ended in it
DESCENT_DATA = "completion"  # what descents are trained on
MARKS = {"minimum": "o", "other": "s", "cut": "o", "diverged": "x"}


def ends_frame(runs: xr.Dataset, spectra: xr.Dataset, landscape: xr.Dataset) -> pd.DataFrame:
    """One row for each member of a regularized descent.

    Returns
    -------
    DataFrame with the member's coordinates; ``loss``, C + lambda |theta|^2 at its last record;
    ``rank``, of singular values above `COUNTS`; ``gradient_norm``; ``test_relative``; ``value``,
    that of the best critical point of this rank, and ``lowest``, of all ranks, both NaN where
    `comparable` says no; ``excess``, loss / lowest - 1, or over the least loss of the runs where
    that is NaN; ``settled``, whether the gradient reached its stop; ``end``: minimum (`NEAR` that
    of its rank, or the lowest), cut (not, and cut off before it settled), other, or diverged.
    """
    frame = members_frame(runs).drop(columns="fate")
    ridge = float(runs.attrs["ridge"])
    loss = at_end(runs, runs, "train_cost") + ridge * at_end(runs, runs, "squared_norm")
    lost = runs["diverged_at"].values >= 0
    frame["loss"] = np.where(lost, np.nan, loss)
    values = at_end(spectra, runs, "singular_values")
    frame["rank"] = np.where(lost, -1, (values > COUNTS).sum(-1))
    frame["gradient_norm"] = np.where(lost, np.nan, at_end(runs, runs, "gradient_norm"))
    test = at_end(spectra, runs, "test_cost") / spectra["test_at_zero"].values
    frame["test_relative"] = np.where(lost, np.nan, test)
    minima = searched(runs, landscape)
    keys = ["target", "depth", "observed"]
    best = minima[minima["own"]].set_index([*keys, "rank"])["value"]
    lowest = minima[minima["lowest"]].groupby(keys)["value"].min()
    frame = frame.join(best, on=[*keys, "rank"]).join(lowest.rename("lowest"), on=keys)
    least = frame.groupby(keys)["loss"].transform("min")
    frame["excess"] = frame["loss"] / frame["lowest"].fillna(least) - 1
    near = (frame["loss"] / frame["value"] - 1).abs() < NEAR
    near |= (frame["loss"] / frame["lowest"] - 1).abs() < NEAR
    frame["settled"] = runs["settled"].values & ~lost
    kinds = ["diverged", "minimum", "cut"]
    frame["end"] = np.select([lost, near, ~frame["settled"]], kinds, "other")
    return frame


def searched(runs: xr.Dataset, landscape: xr.Dataset) -> pd.DataFrame:
    """Rows of `minima_frame` for the same loss, with ``observed``; none where no ridge is equal."""
    minima = minima_frame(landscape).assign(observed=int(landscape.attrs["observed"]))
    if not comparable(runs, landscape):
        return minima.iloc[:0]
    return minima[np.isclose(minima["ridge"], float(runs.attrs["ridge"]))]


def comparable(runs: xr.Dataset, landscape: xr.Dataset) -> bool:
    """Whether both are about one loss: the same matrices, noise and scale, and a common ridge."""
    same = landscape.attrs["data"] == DESCENT_DATA
    same &= bool(np.isclose(runs.attrs["noise"], landscape.attrs["noise"]))
    same &= bool(np.isclose(runs.attrs["scale"], 1.0))
    return same and bool(np.isclose(landscape["ridge"].values, runs.attrs["ridge"]).any())


def excess(lines: pd.DataFrame) -> np.ndarray:
    """Values over the lowest of them, minus 1."""
    values = lines["value"].to_numpy(float)
    return values / values[lines["lowest"].to_numpy()].min(initial=np.inf) - 1
