"""Spectra: multipliers of the orbits of period two that linear networks end in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.papers.craciun2024.period_two import at_period_two
from spectral_atlas.papers.craciun2024.problems import Problem, load
from spectral_atlas.spectra.gd_map import orbit_multipliers
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian
from spectral_atlas.training.long_runs import run_linear_maps

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import Orbits
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def orbits(config: Orbits, inputs: Inputs, job: Job) -> xr.Dataset:
    """Eigenvalues of the Jacobian of two steps, at the first ``orbits`` orbits of period two.

    Orbits lie on manifolds, like minimizers, so that many multipliers are 1.

    Returns
    -------
    Dataset with dimensions ``net, share, orbit, value``: ``multipliers``, complex numbers by
    ``part`` (real, imaginary), the largest modulus first; NaN where there are fewer orbits or
    parameters. ``found`` (net, share), runs that end in an orbit of period two.
    """
    data, runs = inputs["data/nets"].load(), inputs["runs/nets"].load()
    names = runs["net"].values.tolist()
    most = max(load(data, name).arch.n_params for name in names)
    shape = tuple(runs.sizes[d] for d in ("net", "share"))
    values = np.full((*shape, config.orbits, most, 2), np.nan)
    found = np.zeros(shape, dtype=np.int64)
    closed = at_period_two(runs, config.gap)
    for k, j in np.ndindex(shape):
        found[k, j] = closed[k, j].sum()
        kept = np.flatnonzero(closed[k, j])[: config.orbits]
        if not len(kept):
            continue
        eta = float(runs["critical_step"][k] * runs["share"][j])
        theta = runs[f"theta_{names[k]}"].values[j, kept]
        multipliers = _multipliers(load(data, names[k]), theta, eta)
        values[k, j, : len(kept), : multipliers.shape[1], 0] = multipliers.real
        values[k, j, : len(kept), : multipliers.shape[1], 1] = multipliers.imag
    return xr.Dataset(
        {
            "multipliers": (
                ("net", "share", "orbit", "value", "part"),
                values,
                {"long_name": "eigenvalues of the Jacobian of two steps"},
            ),
            "found": (("net", "share"), found, {"long_name": "runs that end in such an orbit"}),
        },
        coords={"net": runs["net"], "share": runs["share"], "part": ["real", "imaginary"]},
        attrs={"gap": config.gap},
    )


def _multipliers(problem: Problem, theta: Float[Array, "B P"], eta: float) -> Array:
    arch, (observed, weights, _) = problem.arch, problem.in_eigenbasis()
    after = run_linear_maps(arch, theta, eta, observed, weights, 1, window=1).theta
    hessians = [linear_map_hessian(arch, at, observed, weights).dense() for at in (theta, after)]
    return orbit_multipliers(np.stack(hessians, axis=1), eta)
