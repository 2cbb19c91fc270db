"""Runs of nonlinear networks as rows, and shares of each learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.common import (
    add_shares,
    outcome_counts,
    outcome_names,
)
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.intervals import zero_bound
from spectral_atlas.training.endings import ZERO_LOSS

DIMS = ("activation", "learning_rate", "start")
NAMES = {"elu": "ELU"}
NEAR_ZERO = 1e-9  # bounded runs whose loss stays below this are on their way to a minimum, or off
MEASURED = ("gradient_mean", "gradient_least", "gradient_most", "gradient_norm",
            "loss", "loss_least", "loss_most")  # fmt: skip


def name_of(activation: str) -> str:
    """As figures print it."""
    return NAMES.get(activation, activation)


def run_rows(runs: xr.Dataset, spectra: xr.Dataset) -> pd.DataFrame:
    """One row for each run, ordered by activation (as in the file) and learning rate.

    Returns
    -------
    DataFrame with ``activation``, ``learning_rate``, ``start``, ``outcome``, ``left``, ``ratio`` of
    the sharpness times eta over 2 at rest, the measured gradients and losses, and ``trend``:
    "falls", "rises" or "" of |gradient| in bounded runs with a loss next to 0.
    """
    runs, spectra = runs.sortby("learning_rate"), spectra.sortby("learning_rate")
    names = np.array(outcome_names(runs["outcome"]))
    activations, etas = runs["activation"].values.tolist(), runs["learning_rate"].values
    index = pd.MultiIndex.from_product([activations, etas, range(runs.sizes["start"])], names=DIMS)
    frame = index.to_frame(index=False)
    frame["outcome"] = names[runs["outcome"].transpose(*DIMS).values.ravel()]
    frame["left"] = runs["left"].transpose(*DIMS).values.ravel()
    frame["ratio"] = spectra["ratio"].transpose(*DIMS).values.ravel()
    for name in MEASURED:
        frame[name] = runs[name].transpose(*DIMS).values.ravel()
    near = (frame["outcome"] == "bounded") & (frame["loss_most"] < NEAR_ZERO)
    falls = near & (frame["gradient_norm"] <= frame["gradient_mean"])
    frame["trend"] = np.select([falls, near], ["falls", "rises"], "")
    return frame


def rate_rows(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each activation and learning rate: counts, share at rest, its interval."""
    frame = outcome_counts(runs["outcome"].sortby("learning_rate"), DIMS[:2])
    return add_shares(frame, "at_rest")


def leaves_one(own: pd.DataFrame) -> float:
    """Lowest rate of one activation with a start that does not come to rest, NaN if none."""
    return float(own.loc[own["at_rest"] < own["n"], "learning_rate"].min())


def reaches_zero(own: pd.DataFrame) -> float:
    """Lowest rate from which on no start of one activation comes to rest, NaN if none."""
    last = own.loc[own["at_rest"] > 0, "learning_rate"].max()
    return float(own.loc[~(own["learning_rate"] <= last), "learning_rate"].min())


def nonlinear_facts(runs: xr.Dataset, every: pd.DataFrame, rates: pd.DataFrame) -> dict[str, Any]:
    """What the caption quotes; of each activation by name."""
    rest, bounded = every[every["outcome"] == "at_rest"], every[every["outcome"] == "bounded"]
    order = list(dict.fromkeys(rates["activation"]))
    n = int(runs.sizes["start"])
    moving = bounded[bounded["trend"] == ""]
    beyond = [
        moving[(moving["activation"] == a) & (moving["learning_rate"] >= reaches_zero(own))]
        for a, own in rates.groupby("activation", sort=False)
    ]
    return {
        "names": listed([name_of(a) for a in order]),
        "width": int(runs.attrs["width"]),
        "steps": int(runs.attrs["steps"]),
        "window": int(runs.attrs["window"]),
        "still": quoted(float(runs.attrs["still"])),
        "starts": n,
        "rates": int(runs.sizes["learning_rate"]),
        "etas": span(runs["learning_rate"]),
        "leaves": _each(rates, leaves_one),
        "reaches": _each(rates, reaches_zero),
        "zero_bound": quoted(zero_bound(n), 2),
        "zeros": int((rates["at_rest"] == 0).sum()),
        "resting": len(rest),
        "minima": int((rest["loss_most"] <= ZERO_LOSS).sum()),
        "largest_loss": quoted(float(rest["loss_most"].max()), 2),
        "largest_ratio": _each(every, lambda own: float(own["ratio"].max()), 4),
        "over": int((rest["ratio"] > 1).sum()),
        "left": int(every["left"].sum()),
        "bounded": _each(every, lambda own: int((own["outcome"] == "bounded").sum())),
        "diverged": _each(every, lambda own: int((own["outcome"] == "diverged").sum())),
        "slow": int((bounded["trend"] != "").sum()),
        "falling": int((bounded["trend"] == "falls").sum()),
        "slow_gradient": span(bounded.loc[bounded["trend"] != "", "gradient_mean"], 2),
        "slow_where": _where(bounded[bounded["trend"] != ""]),
        "moving": len(moving),
        "moving_gradient": span(moving["gradient_mean"], 2),
        "beyond": sum(len(own) for own in beyond),
        "beyond_gradient": span(pd.concat(beyond)["gradient_mean"], 2),
    }


def _each(frame: pd.DataFrame, measure: Any, digits: int = 3) -> str:
    parts: Sequence[Any] = [
        f"{name_of(str(a))} {quoted(measure(own), digits)}"
        for a, own in frame.groupby("activation", sort=False)
    ]
    return ", ".join(parts)


def _where(frame: pd.DataFrame) -> str:
    groups = frame.groupby(["activation", "learning_rate"], sort=False)
    return ", ".join(f"{len(own)} of {name_of(a)} at {eta:g}" for (a, eta), own in groups)
