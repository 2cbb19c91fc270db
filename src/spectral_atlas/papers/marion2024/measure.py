"""From an operator to the variables of a spectra file: certified extremes and the old estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.spectra.extremes import extreme_eigenvalues
from spectral_atlas.spectra.power_iteration import power_iteration_norm
from spectral_atlas.spectra.starts import start_vectors

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Spectra
    from spectral_atlas.spectra.operators import SymmetricOperator

LONG_NAMES = {
    "lambda_max": "largest Hessian eigenvalue, signed: the sharpness",
    "lambda_min": "smallest Hessian eigenvalue, signed",
    "bound_max": "residual bound on lambda_max",
    "bound_min": "residual bound on lambda_min",
    "power_estimate": "published estimator: norm after power iteration, estimates max |eigenvalue|",
    "certified": "1: both bounds are within the tolerance; 0: not, or the run diverged",
}


def measure(
    operator: SymmetricOperator, config: Spectra, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Variables of a spectra file for one ensemble, each (members,). Diverged members are NaN."""
    found = extreme_eigenvalues(
        operator, rng, tolerance=config.tolerance, on_unconverged="flag", on_nonfinite="flag"
    )
    start = start_vectors(rng, operator.n_members, operator.n_params)
    with np.errstate(all="ignore"):
        estimate = power_iteration_norm(operator, start, config.power_iterations)
    return {
        "lambda_max": found.largest,
        "lambda_min": found.smallest,
        "bound_max": found.bound_largest,
        "bound_min": found.bound_smallest,
        "power_estimate": estimate,
        "certified": found.converged.astype(np.int8),
    }


def empty(runs: xr.Dataset) -> dict[str, np.ndarray]:
    """Arrays (checkpoint, run) to be filled from `measure`."""
    shape = (runs.sizes["checkpoint"], runs.sizes["run"])
    out = {name: np.full(shape, np.nan) for name in LONG_NAMES}
    out["certified"] = np.zeros(shape, dtype=np.int8)
    return out


def dataset(runs: xr.Dataset, values: dict[str, np.ndarray]) -> xr.Dataset:
    """The filled arrays as a dataset with the coordinates of the runs."""
    dims = ("checkpoint", "run")
    variables = {n: (dims, v, {"long_name": LONG_NAMES[n]}) for n, v in values.items()}
    return xr.Dataset(variables, coords=runs.coords)
