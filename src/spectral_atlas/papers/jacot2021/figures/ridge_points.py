"""Best critical points of every rank, and what their Hessians say they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.jacot2021.figures.ridge_shared import CELL, minima_frame


def critical_points(runs: xr.Dataset, spectra: xr.Dataset) -> pd.DataFrame:
    """`minima_frame`, with what the Hessian says of every point.

    Returns
    -------
    DataFrame with ``negative``, ``zero``, ``positive`` and ``rotations``, ``bound`` and ``limit``
    of the spectra; ``excess``, value / lowest value - 1; ``eigenvalue``, the smallest after the
    ``rotations`` zero modes of the symmetry, which are those closest to zero, are set aside;
    ``kind``: saddle with a negative direction, minimum without one if all zero modes are of the
    symmetry, otherwise undecided.
    """
    names = ["negative", "zero", "positive", "rotations", "bound", "limit", "certain"]
    columns = spectra[names].assign(eigenvalue=_smallest(spectra))
    keys = ["target", "depth", "ridge", "rank"]
    frame = minima_frame(runs).merge(columns.to_dataframe().reset_index(), on=keys, how="left")
    values = frame["value"].where(frame["lowest"])
    least = values.groupby([frame[name] for name in CELL]).transform("min")
    frame["excess"] = frame["value"] / least - 1
    saddle = frame["certain"].eq(True) & (frame["negative"] > 0)
    minimum = frame["certain"].eq(True) & (frame["negative"] == 0)
    minimum &= frame["zero"] == frame["rotations"]
    frame["kind"] = np.select([saddle, minimum], ["saddle", "minimum"], "undecided")
    return frame


def _smallest(spectra: xr.Dataset) -> xr.DataArray:
    """Smallest eigenvalue of each point without its rotations, NaN where none is left."""
    values = spectra["eigenvalues"].transpose(..., "index").values
    order = np.argsort(np.abs(values), axis=-1)  # NaN last
    ordered = np.take_along_axis(values, order, axis=-1)
    template = spectra["rotations"].transpose(*spectra["eigenvalues"].dims[:-1])
    aside = np.arange(values.shape[-1]) < template.values[..., None]
    left = np.where(aside | np.isnan(ordered), np.inf, ordered).min(-1)
    return template.copy(data=np.where(np.isfinite(left), left, np.nan))
