"""Numbers behind the share of starts that converge: one row for each learning rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.papers.craciun2024.figures.common import (
    add_shares,
    below_critical,
    outcome_counts,
    outcome_names,
)


def rate_table(two: xr.Dataset) -> pd.DataFrame:
    """Two parameters: rows ordered by ``learning_rate``.

    Returns
    -------
    DataFrame with ``share_of_critical``, eta / eta_C; ``n`` and the runs of each outcome;
    ``moving``, bounded ones below eta_C; ``share, low, high`` of minima; ``diverged_share`` and
    ``bounded_share``, with the ends of their intervals ``diverged_low`` etc.
    """
    frame = outcome_counts(two["outcome"], ["learning_rate"])
    frame.insert(1, "share_of_critical", frame["learning_rate"] / CRITICAL_STEP)
    frame["moving"] = np.where(below_critical(frame["share_of_critical"]), frame["bounded"], 0)
    for name in ("diverged", "bounded"):
        own = add_shares(frame, name)
        for column, values in (("share", own["share"]), ("low", own["low"]), ("high", own["high"])):
            frame[f"{name}_{column}"] = values
    return add_shares(frame, "minimum").sort_values("learning_rate", ignore_index=True)


def net_table(runs: xr.Dataset, spectra: xr.Dataset) -> pd.DataFrame:
    """Networks: one row for each and each learning rate, ordered within each by the latter.

    Returns
    -------
    DataFrame with ``net``, ``share_of_critical``, ``learning_rate``, ``depth``, ``white``; counts
    and shares as in `rate_table`; ``left``, runs that the nudge set moving; ``largest_ratio``, of
    sharpness times eta over 2 at minima, and how many are ``over`` 1; ``moving_loss`` and
    ``moving_gradient``, the largest loss of the window and mean |gradient| of runs still moving
    below eta_C.
    """
    outcome = runs["outcome"].transpose("net", "share", "start")
    frame = outcome_counts(outcome, ["net", "share"]).rename(columns={"share": "share_of_critical"})
    steps, shares = runs["critical_step"].values, runs["share"].values
    frame.insert(2, "learning_rate", (steps[:, None] * shares).ravel())
    for name in ("depth", "white"):
        frame[name] = np.repeat(runs[name].values, len(shares))
    names = outcome_names(outcome)
    frame["left"] = runs["left"].transpose(*outcome.dims).values.sum(-1).ravel()
    below = np.broadcast_to(below_critical(shares)[:, None], outcome.shape)
    moving = (outcome.values == names.index("bounded")) & below
    frame["moving"] = moving.sum(-1).ravel()
    for name, variable in (("moving_loss", "loss_most"), ("moving_gradient", "gradient_mean")):
        frame[name] = _largest(runs[variable].transpose(*outcome.dims).values, moving)
    ratio = spectra["ratio"].transpose(*outcome.dims).values
    at_minimum = outcome.values == names.index("minimum")
    frame["largest_ratio"] = _largest(ratio, at_minimum)
    frame["over"] = (at_minimum & (ratio > 1)).sum(-1).ravel()
    order = ["net", "share_of_critical"]
    place = {net: i for i, net in enumerate(runs["net"].values.tolist())}
    frame = frame.sort_values(
        order, ignore_index=True, key=lambda c: c.map(place) if c.name == "net" else c
    )
    return add_shares(frame, "minimum")


def _largest(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Largest chosen value along the last axis, NaN where there is none."""
    found = np.where(chosen & np.isfinite(values), values, -np.inf).max(-1, initial=-np.inf).ravel()
    return np.where(np.isfinite(found), found, np.nan)
