"""Numbers behind the maps of where starts end: counts for each rate, and the cells drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.papers.craciun2024.figures.common import (
    below_critical,
    outcome_counts,
    outcome_names,
)
from spectral_atlas.papers.craciun2024.theory import saddle_reach
from spectral_atlas.plotting.curves import spread

Array = np.ndarray
MAPS, SIDE = 6, 200  # rates, and starts along each axis, that are drawn at most


def basin_counts(runs: xr.Dataset) -> pd.DataFrame:
    """All starts of each rate, rows ordered by ``learning_rate``.

    Returns
    -------
    DataFrame with ``n`` and the starts of each outcome; ``expected``, those that theory sends to
    the saddle, ``missed`` and ``extra``, on how many of these and of the others runs disagree;
    ``off``, starts that end at the saddle without w_2 = -w_1; ``moved_minimum`` etc., where those
    of the saddle end when they are moved; ``moving``, bounded ones below eta_C; ``largest_ratio``
    of sharpness times eta over 2 at minima, ``least_sharpness`` there.
    """
    runs = runs.transpose("learning_rate", "w2", "w1").sortby("learning_rate")
    names = outcome_names(runs["outcome"])
    frame = outcome_counts(runs["outcome"], ["learning_rate"])
    etas, outcome = frame["learning_rate"].to_numpy(float), runs["outcome"].values
    frame.insert(1, "share_of_critical", etas / CRITICAL_STEP)
    saddle, wanted = outcome == names.index("saddle"), _expected(runs)
    frame["expected"] = wanted.sum((1, 2))
    frame["missed"] = (wanted & ~saddle).sum((1, 2))
    frame["extra"] = (saddle & ~wanted).sum((1, 2))
    frame["off"] = (saddle & ~antidiagonal(runs)).sum((1, 2))
    for code, name in enumerate(names):
        frame[f"moved_{name}"] = (runs["nudged"].values == code).sum((1, 2))
    frame["moving"] = np.where(below_critical(frame["share_of_critical"]), frame["bounded"], 0)
    sharpness = runs["sharpness"].values.reshape(len(etas), -1)
    most = np.nanmax(sharpness, axis=1, initial=-np.inf)
    least = np.nanmin(sharpness, axis=1, initial=np.inf)
    frame["largest_ratio"] = np.where(np.isfinite(most), most * etas / 2, np.nan)
    frame["least_sharpness"] = np.where(np.isfinite(least), least, np.nan)
    return frame


def antidiagonal(runs: xr.Dataset) -> Bool[Array, "w2 w1"]:
    """Where w_2 = -w_1."""
    w1, w2 = np.meshgrid(runs["w1"].values, runs["w2"].values)
    return w2 == -w1


def _expected(runs: xr.Dataset) -> Bool[Array, "rate w2 w1"]:
    """On the antidiagonal within the reach of the saddle, which itself rests at any rate."""
    reach = np.nan_to_num(saddle_reach(runs["learning_rate"].values))[:, None, None]
    w1 = np.abs(runs["w1"].values)
    return antidiagonal(runs) & ((w1 < reach) | (w1 == 0))


def drawn_rates(etas: Sequence[float] | Array) -> Float[Array, " n"]:
    """At most MAPS of the rates, ascending, the first and the last among them."""
    return np.sort(np.asarray(etas, dtype=float))[spread(len(etas), MAPS)]


def drawn_places(side: int) -> Int[Array, " n"]:
    """At most SIDE places along an axis, symmetric, so that the antidiagonal is among them."""
    if side <= SIDE:
        return np.arange(side)
    half = spread(side // 2, SIDE // 2)
    return np.concatenate([half, side - 1 - half[::-1]])


def drawn_cells(runs: xr.Dataset) -> xr.Dataset:
    """The rates and starts that are drawn."""
    at = drawn_places(runs.sizes["w1"])
    kept = runs.sel(learning_rate=drawn_rates(runs["learning_rate"].values))
    return kept.isel(w1=at, w2=at).transpose("learning_rate", "w2", "w1")


def cell_rows(cells: xr.Dataset) -> pd.DataFrame:
    """One row for each start that is drawn; outcome and sharpness are columns for each rate."""
    w1, w2 = np.meshgrid(cells["w1"].values, cells["w2"].values)
    frame = {"w_1": w1.ravel().round(5), "w_2": w2.ravel().round(5)}
    codes = ", ".join(f"{k} {name}" for k, name in enumerate(outcome_names(cells["outcome"])))
    for k, eta in enumerate(cells["learning_rate"].values):
        one = cells.isel(learning_rate=k)
        frame[f"outcome at {eta:g} ({codes})"] = one["outcome"].values.ravel()
        frame[f"sharpness at {eta:g}"] = one["sharpness"].values.ravel().round(3)
    return pd.DataFrame(frame).assign(kind="start")
