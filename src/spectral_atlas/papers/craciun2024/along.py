"""Spectra: full Hessians along the descents to the edge of stability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import EdgeSpectra
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
MATRICES = 2**22  # numbers in the Hessians that are held at once


def along(config: EdgeSpectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Eigenvalues of the Hessian, residual included, at every checkpoint.

    Returns
    -------
    Dataset with dimensions ``run, checkpoint, value``: ``eigenvalues``, the largest first, and
    ``smallest``; the same as ``reference_eigenvalues`` and ``reference_smallest`` along the slow
    descents. NaN behind the end of a run. Eigenvalues of LAPACK, in float64.
    """
    ((_, runs),) = inputs.items()
    runs = runs.load()
    arch = linear([int(d) for d in runs.attrs["widths"]])
    count = min(config.values, arch.n_params)
    shape = (runs.sizes["run"], runs.sizes["checkpoint"])
    found: dict[str, tuple[tuple[str, ...], Array, dict[str, str]]] = {}
    for prefix, whose in (("", ""), ("reference_", " of the reference")):
        top, low = np.full((*shape, count), np.nan), np.full(shape, np.nan)
        for k in range(shape[0]):
            theta, target = runs[f"{prefix}theta"].values[k], runs["target"].values[k]
            there = np.isfinite(theta).all(axis=1)
            values = eigenvalues(arch, theta[there], target, np.ones_like(target))
            top[k, there], low[k, there] = values[:, ::-1][:, :count], values[:, 0]
        found[f"{prefix}eigenvalues"] = (
            ("run", "checkpoint", "value"),
            top,
            {"long_name": f"largest Hessian eigenvalues{whose}"},
        )
        found[f"{prefix}smallest"] = (
            ("run", "checkpoint"),
            low,
            {"long_name": f"smallest Hessian eigenvalue{whose}"},
        )
    return xr.Dataset(found, coords={"run": runs["run"], "value": np.arange(1, count + 1)})


def eigenvalues(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    observed: Float[Array, "o i"],
    weights: Float[Array, "o i"],
) -> Float[Array, "B P"]:
    """All eigenvalues of the full Hessian at B parameter vectors, ascending; NaN if not finite."""
    found = np.empty(theta.shape)
    group = max(1, MATRICES // arch.n_params**2)
    for first in range(0, len(theta), group):
        some = slice(first, first + group)
        with np.errstate(over="ignore", invalid="ignore"):  # runs that diverge
            hessians = linear_map_hessian(arch, theta[some], observed, weights).dense()
        finite = np.isfinite(hessians).all(axis=(1, 2))
        hessians[~finite] = 0.0
        found[some] = np.where(finite[:, None], np.linalg.eigvalsh(hessians), np.nan)
    return found
