"""The runs of a sweep as a table, and the theory of the problems that they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.outcomes import OUTCOMES

Inputs = Mapping[str, xr.Dataset]
COORDINATES = ("problem", "scale", "learning_rate", "steps", "seed")


@dataclass(frozen=True)
class Setting:
    """What theory says of one problem at one depth.

    Attributes
    ----------
    lower, upper : 2 L a |w*|^{2-2/L} (Theorem 1) and 8 L Lambda |w*|^{2-2/L} (Corollary 2)
    critical : critical learning rate 2 / lower
    published : is it the data set of the published code?
    """

    depth: int
    d: int
    lower: float
    upper: float
    critical: float
    published: bool

    @property
    def data_name(self) -> str:
        """How captions call the data set."""
        return "the data set of the published code" if self.published else "a fresh data set"

    def facts(self) -> dict[str, float | int | str]:
        """Numbers of the theory, for captions."""
        return {
            "data": self.data_name,
            "depth": self.depth,
            "d": self.d,
            "lower_bound": quoted(self.lower, 4),
            "upper_bound": quoted(self.upper, 4),
            "critical_rate": quoted(self.critical),
        }


def stage(inputs: Inputs, name: str) -> xr.Dataset:
    """The one input of a stage: "data", "runs" or "spectra"."""
    (found,) = (v for ref, v in inputs.items() if ref.startswith(f"{name}/"))
    return found


def setting(inputs: Inputs, problem: int) -> Setting:
    """Theory of problem number ``problem`` at the depth of the runs."""
    data, depth = stage(inputs, "data"), int(stage(inputs, "runs")["depth"].values[0])
    one = Problem.load(data, problem)
    norm = float(np.linalg.norm(one.w_star))
    published = "published" in data and bool(data["published"][problem])
    return Setting(
        depth=depth,
        d=one.d,
        lower=theory.lower_bound(depth, one.a, norm),
        upper=theory.small_scale_bound(depth, float(one.eigenvalues[-1]), norm),
        critical=theory.critical_learning_rate(depth, one.a, norm),
        published=published,
    )


def members(inputs: Inputs) -> pd.DataFrame:
    """One row for each run, with its outcome and its quantities before and after training.

    Returns
    -------
    DataFrame with `COORDINATES`, ``outcome`` (text), and ``sharpness``, ``estimate`` (the published
    estimator), ``certified`` and, for linear networks, ``distance``, each also as ``start_*``.
    Quantities after training are NaN for diverged runs.
    """
    runs, spectra = stage(inputs, "runs"), stage(inputs, "spectra")
    frame = pd.DataFrame({name: runs[name].values for name in COORDINATES})
    meanings = np.array(runs["outcome"].attrs["flag_meanings"].split())
    frame["outcome"] = meanings[runs["outcome"].values]
    frame["diverged"] = frame["outcome"] == "diverged"
    sources = {
        "sharpness": spectra["lambda_max"],
        "estimate": spectra["power_estimate"],
        "certified": spectra["certified"],
    }
    if "squared_distance" in runs:
        sources["distance"] = runs["squared_distance"]
    for name, variable in sources.items():
        values = variable.values
        frame[f"start_{name}"] = values[0].astype(float)
        frame[name] = np.where(frame["diverged"], np.nan, values[-1].astype(float))
    return frame


def beginnings(frame: pd.DataFrame) -> pd.DataFrame:
    """The distinct initializations: equal seeds start alike whatever their learning rate."""
    return frame.drop_duplicates(["problem", "scale", "seed"])


def outcome_facts(frame: pd.DataFrame) -> dict[str, float | int | str]:
    """How many runs, draws and outcomes, for the problem that the main panel shows and for all."""
    shown = frame[frame["problem"] == frame["problem"].min()]
    repeats = shown.groupby(["learning_rate", "scale"]).size()
    low, high = int(repeats.min()), int(repeats.max())
    totals = {f"n_{o}": int((shown["outcome"] == o).sum()) for o in OUTCOMES}
    shares = {f"percent_{o}": quoted(100 * totals[f"n_{o}"] / len(shown)) for o in OUTCOMES}
    ended = frame[~frame["diverged"]]
    return {
        "n_runs": len(shown),
        "n_runs_all_draws": len(frame),
        "n_draws": int(frame["problem"].nunique()),
        "n_per_point": str(low) if low == high else f"{low} to {high}",
        "n_scales": int(shown["scale"].nunique()),
        "n_uncertified": int((ended["certified"] == 0).sum()),
        **totals,
        **shares,
    }


def by_rate(frame: pd.DataFrame, value: str, *, unit: str = "") -> str:
    """``"1 (η = 0.1) and 0.98 (η = 0.2)"``: the mean of a column over the runs of each rate."""
    means = frame.groupby("learning_rate")[value].mean()
    return listed([f"{quoted(v)}{unit} (η = {rate:g})" for rate, v in means.items()])
