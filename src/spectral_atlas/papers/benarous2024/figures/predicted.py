"""Measured spectra of first-layer blocks paired with what the effective theory predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024.figures.shared import StudyFiles

COLUMNS = 4  # times of a figure
MARGIN = 1.05  # times the predicted edge: from there on eigenvalues count as outliers


@dataclass(frozen=True)
class Spectrum:
    """One block of run 0 at one time, with what is predicted for it.

    Attributes
    ----------
    values : (d,), descending; without ridge
    at, density : predicted density of the bulk
    outliers : predicted, descending
    """

    time: float
    values: np.ndarray
    edge: float
    at: np.ndarray
    density: np.ndarray
    outliers: np.ndarray

    def clear(self, values: np.ndarray) -> np.ndarray:
        """Those beyond the edge by more than its own accuracy."""
        return values[values > MARGIN * self.edge]

    @property
    def edge_error(self) -> float:
        """The first eigenvalue that is no outlier by prediction, over the edge, less one."""
        return float(self.values[len(self.outliers)] / self.edge - 1) if self.edge > 0 else np.nan


def spectra_of(study: StudyFiles, predicted: xr.Dataset, m: int) -> list[Spectrum]:
    """Those of the measured times that are predicted, the last `COLUMNS` if there are more."""
    found = []
    for i, time in enumerate(study.spectra["density_time"].values):
        if time not in predicted["time"].values:
            continue
        own = predicted.isel(matrix=m).sel(time=time)
        outliers = own["outliers"].values[0]
        values = study.spectra["spectrum"].values[m, i]
        spectrum = Spectrum(
            float(time), values, float(own["edge"].values[0]), own["density_at"].values,
            own["density"].values, outliers[np.isfinite(outliers)],
        )  # fmt: skip
        if np.isfinite(values).all() and np.isfinite(spectrum.edge):
            found.append(spectrum)
    return found[-COLUMNS:]


def top_error(study: StudyFiles, predicted: xr.Dataset, m: int) -> float:
    """Largest relative error of the top outlier, over runs and times; NaN if none is measured."""
    name = "eigenvalues" if "eigenvalues" in study.spectra else "neuron_eigenvalues"
    spectra = study.spectra[name].isel(matrix=m).sel(time=predicted["time"].values)
    outliers = predicted["outliers"].values[m, :, :, 0]
    if name == "eigenvalues":
        top = spectra.values[:, :, 0, 0]
    else:
        neurons = predicted["spectrum_neuron"].values
        top = np.stack(
            [one[:, i, 0] for one, i in zip(spectra.values, neurons[: len(spectra)], strict=True)]
        )
        outliers = outliers[: len(top)]
    errors = np.abs(top / outliers - 1)
    errors = errors[np.isfinite(errors)]
    return float(errors.max()) if errors.size else np.nan
