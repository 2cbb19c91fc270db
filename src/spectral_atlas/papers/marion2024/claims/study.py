"""The cached files as tables of runs in dimensionless form.

Columns of a table: the coordinates of the runs, and

==================  =============================================================================
``rate``            eta / eta*, with eta* = 2 / (2 L a |w*|^{2-2/L})
``ratio``           S / (2 L a |w*|^{2-2/L}) at the end
``edge``            S eta / 2 at the end; ``initial_edge`` at the start
``excess``          (R - R_min) / (R(0) - R_min) at the end
``distance``        |W_prod - w*|^2 / |w*|^2 at the end
``estimate``        the published estimator's reading of the sharpness at the end
``sharpness``       certified lambda_max at the end; ``initial_sharpness`` at the start
``finite``          False for diverged runs, whose other numbers are NaN
``converged``       the outcome of the run, by the configured ``converged_below``
``learned``         converged, and ``excess`` at most `NEAR_MINIMUM`
==================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.checks import Cached, Unmeasured
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.problem import Problem

COORDINATES = (
    "problem", "initialization", "depth", "scale", "spread", "learning_rate", "steps", "seed", "d",
)  # fmt: skip
DATA = {
    "underdetermined_sweep": "underdetermined",
    "gelu_sweep": "noiseless",
    "ratio": "ratio",
}
# Relative excess risk below which the sharpness is that of a minimizer to about 1e-3, and 1e-6.
NEAR_MINIMUM = 1e-6
AT_MINIMUM = 1e-12
SMALL = 0.367  # largest Gaussian scale of the published grid without a run that gets very sharp
RESIDUAL_SMALL = 0.57  # scale s up to which residual networks reach w* by the published runs


class Study(Cached):
    """All inputs of the claims, with what is derived from them computed once.

    Parameters
    ----------
    inputs : datasets by ``stage/name``; absent ones make the claims on them unmeasured.
    """

    def __init__(self, inputs: Mapping[str, xr.Dataset]) -> None:
        super().__init__(inputs)
        self.problems = cache(self._problems)
        self.runs = cache(self._runs)
        self.theta = cache(self._theta)

    def _problems(self, name: str) -> list[Problem]:
        data = self.dataset(f"data/{name}")
        return [Problem.load(data, i) for i in range(data.sizes["problem"])]

    def of_experiment(self, experiment: str) -> list[Problem]:
        """The problems that an experiment is trained on."""
        return self.problems(DATA.get(experiment, "linear"))

    def _theta(self, experiment: str, checkpoint: int = -1) -> np.ndarray:
        """Weights at one checkpoint, (runs, P)."""
        return self.dataset(f"runs/{experiment}")["theta"][checkpoint].values

    def _runs(self, experiment: str) -> pd.DataFrame:
        runs = self.dataset(f"runs/{experiment}")
        spectra = self.dataset(f"spectra/{experiment}")
        frame = pd.DataFrame({c: runs[c].values for c in COORDINATES if c in runs.coords})
        frame["experiment"] = experiment
        problems = self.of_experiment(experiment)
        rows = frame["problem"].to_numpy()
        bound = {
            (i, depth): theory.lower_bound(depth, p.a, float(np.linalg.norm(p.w_star)))
            for i, p in enumerate(problems)
            for depth in {int(v) for v in frame["depth"]}
        }
        least = np.array([bound[key] for key in zip(rows, frame["depth"], strict=True)])
        frame["sharpness"] = spectra["lambda_max"].values[-1]
        frame["estimate"] = spectra["power_estimate"].values[-1]
        frame["ratio"] = frame["sharpness"] / least
        spectrum = np.array([p.eigenvalues[[0, -1]] for p in problems])
        frame["kappa"] = (spectrum[:, 1] / np.maximum(spectrum[:, 0], 1e-300))[rows]
        if "learning_rate" in frame:
            frame["rate"] = frame["learning_rate"] * least / 2
            frame["edge"] = frame["sharpness"] * frame["learning_rate"] / 2
            frame["initial_sharpness"] = spectra["lambda_max"].values[0]
            frame["initial_edge"] = frame["initial_sharpness"] * frame["learning_rate"] / 2
            frame["finite"] = (runs["diverged_at"].values < 0) & np.isfinite(frame["sharpness"])
        if "squared_distance" in runs:
            zero = np.array([p.zero_map_excess for p in problems])[rows]
            square = np.array([p.w_star @ p.w_star for p in problems])[rows]
            frame["excess"] = runs["excess_risk"].values[-1] / zero
            frame["distance"] = runs["squared_distance"].values[-1] / square
        if "outcome" in runs:
            meanings = np.array(runs["outcome"].attrs["flag_meanings"].split())
            frame["converged"] = meanings[runs["outcome"].values] == "converged"
            if "excess" in frame:
                frame["learned"] = frame["converged"] & (frame["excess"] <= NEAR_MINIMUM)
        for name in ("rank_one_mass", "alignment"):
            if name in spectra:
                frame[name] = spectra[name].values[-1]
        return frame

    def linear(self, *experiments: str) -> pd.DataFrame:
        """Tables of several experiments, one below the other; absent ones are left out."""
        found = [self.runs(e) for e in experiments if f"spectra/{e}" in self.inputs]
        if not found:
            raise Unmeasured(f"none of {', '.join(experiments)} at hand")
        return pd.concat(found, ignore_index=True)


def demand(table: pd.DataFrame, what: str, least: int = 1) -> pd.DataFrame:
    """The table, or `Unmeasured` where it has fewer rows than needed."""
    if len(table) < least:
        raise Unmeasured(f"{len(table)} of at least {least} needed: {what}")
    return table


def draws(table: pd.DataFrame) -> int:
    """Number of data sets in a table of runs of experiments on the same data."""
    return int(table["problem"].nunique())


def cells(table: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Groups of rows with equal columns: their values, as a tuple, and the rows."""
    yield from table.groupby(list(columns))
