"""What the figures of logistic regression share: their two rows, time axes, fixed point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.benarous2024.figures.shared import REGIMES, TIME, Inputs, StudyFiles
from spectral_atlas.papers.benarous2024.theory import MixtureFixedPoint, mixture_fixed_point

TICKS = (0.0, 0.05, 0.2, 0.5, 1.0)  # of a time axis, in units of the last time


def rows(inputs: Inputs) -> dict[str, StudyFiles]:
    """The studies behind the rows of a figure, by the name of their regime."""
    return {regime: StudyFiles.of(inputs, f"mixture_{regime}") for regime in REGIMES}


def root_time_axis(ax: Axes, times: np.ndarray) -> None:
    """Time on a square-root scale: outliers emerge early, norms settle late. No label."""
    ax.set_xscale("function", functions=(_signed_root, _signed_square))
    ticks = np.unique(np.multiply(TICKS, times[-1]))
    ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    end = times[-1] or 1.0
    ax.set_xlim(-0.0004 * end, 1.02 * end)


def label_root_time(line: np.ndarray) -> None:
    """Name the time axes of one row of panels: each of two, the middle one of three."""
    for ax in line if len(line) < 3 else [line[len(line) // 2]]:
        ax.set_xlabel(f"{TIME} (square-root scale)")


def _signed_root(t: np.ndarray) -> np.ndarray:
    return np.sign(t) * np.sqrt(np.abs(t))


def _signed_square(u: np.ndarray) -> np.ndarray:
    return np.sign(u) * np.square(u)


def end_signs(files: StudyFiles) -> xr.DataArray:
    """Signs (matrix, run, time) for class 1's leading eigenvectors: along x^1 at the last time.

    The product is taken in the span of orthonormal means. One sign for all times keeps a vector
    that stays from flipping with the random sign of <x^1, u> at the start; 1 where it is unknown.
    """
    products = files.spectra["leading_on_means"]
    x = files.runs["on_means"].isel({"class": 0}).sel(time=products["time"].values[-1], drop=True)
    along = (products * x.drop_vars("step", errors="ignore")).sum("component")
    return along.copy(data=np.where(along < 0, -1.0, 1.0)).transpose("matrix", "run", "time")


def fixed_point(files: StudyFiles) -> MixtureFixedPoint | None:
    """Where the runs end at infinite precision; None where there is no formula for their mixture.

    There is one for orthonormal means, equal shares and a positive ridge.
    """
    means, weights = files.data["means"].values, files.data["weights"].values
    ridge = float(files.runs.attrs["ridge"])
    orthonormal = np.allclose(means @ means.T, np.eye(len(means)), atol=1e-9)
    if not (orthonormal and np.allclose(weights, 1 / len(weights)) and ridge > 0):
        return None
    return mixture_fixed_point(len(means), ridge)


def tidy(values: xr.DataArray, name: str, **labels: str | int) -> pd.DataFrame:
    """One row for each finite value; classes, components and ranks are counted from 1."""
    frame = values.drop_vars("step", errors="ignore").to_dataframe(name).reset_index()
    for column in {"class", "component", "rank", "coordinate"} & set(frame.columns):
        frame[column] += 1
    return frame[np.isfinite(frame[name])].assign(**labels)
