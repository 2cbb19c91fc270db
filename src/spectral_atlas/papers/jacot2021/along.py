"""Spectra: singular values of the map along training, with what is read off them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.data.matrix_completion import linear_model_limit
from spectral_atlas.papers.jacot2021.problems import data_of, problem

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.sections import Descent
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def along(config: Descent, inputs: Inputs, job: Job) -> xr.Dataset:
    """Singular values, test cost and alignment along every path of a runs file.

    Returns
    -------
    Dataset with dimensions ``member, record, value``: ``singular_values``, largest first;
    ``test_cost``, mean square distance to A* over entries that are not observed; ``cosine``, of A
    with -u_1 v_1^T, the direction of steepest descent of C at 0; ``slope``, s_1(dC/dA) at A. For
    each member ``origin_slopes``, the singular values of dC/dA at 0; ``test_at_zero``; ``limit``,
    what a linear model started at A_0 tends to, and its test cost ``test_of_limit``.
    """
    data = data_of(inputs, "completion")
    (runs,) = (d.load() for ref, d in inputs.items() if ref.startswith("runs/"))
    parts = [_member(runs.isel(member=i), data) for i in range(runs.sizes["member"])]
    joined = xr.concat(parts, "member")
    names = [name for name in runs.coords if runs[name].dims == ("member",)]
    return joined.assign_coords({name: runs[name] for name in names}).assign_attrs(runs.attrs)


def problem_of(run: xr.Dataset, data: xr.Dataset) -> MatrixCompletion:
    """The problem that one member of a runs file was trained on."""
    return problem(
        data,
        int(run["target"]),
        observed=int(run["observed"]),
        noise=float(run.attrs["noise"]),
        scale=float(run.attrs["scale"]),
    )


def _member(run: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    task = problem_of(run, data)
    maps = run["map"].values
    fine = np.isfinite(maps).all((-2, -1))
    A = maps[fine]
    zero = np.zeros_like(task.target)
    u, s, vt = np.linalg.svd(task.gradient(zero))
    norms = np.maximum(np.linalg.norm(A, axis=(-2, -1)), 1e-300)
    values = {
        "singular_values": np.linalg.svd(A, compute_uv=False),
        "test_cost": task.test_cost(A),
        "cosine": np.einsum("...ij,i,j->...", A, -u[:, 0], vt[0]) / norms,
        "slope": np.linalg.svd(task.gradient(A), compute_uv=False)[..., 0],
    }
    limit = linear_model_limit(task, maps[0])
    each = {name: _spread(value, fine) for name, value in values.items()}
    dims = {name: ("record", "value")[: value.ndim] for name, value in each.items()}
    return xr.Dataset(
        {
            **{name: (dims[name], each[name]) for name in each},
            "origin_slopes": ("value", s),
            "test_at_zero": float(task.test_cost(zero)),
            "limit": (("row", "column"), limit),
            "test_of_limit": float(task.test_cost(limit)),
        }
    )


def _spread(values: Array, fine: Array) -> Array:
    """Back into all records, NaN where there is none."""
    out = np.full((len(fine), *values.shape[1:]), np.nan)
    out[fine] = values
    return out
