"""Plateaus of a path: by how many singular values stand out, and where it is quietest."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

Array = np.ndarray
STANDS_OUT = 0.3  # a singular value above this counts; those of A* are of order 1 to 10
AT_REST = 1e-3  # a stage rests if |dC/dtheta| is below this times s_1(dC/dA) where it began
QUIET = 0.2  # a path rests if |grad| falls below this share of its maxima before and after


def at_rest(
    gradient_norm: Float[Array, " *stages"], slope: Float[Array, " *stages"]
) -> Bool[Array, " *stages"]:
    """Whether stages came to a critical point; ``slope`` is s_1(dC/dA) where each began.

    They may not, if a rank has no minimum: then the path goes on to infinity.
    """
    return np.asarray(np.asarray(gradient_norm) < AT_REST * np.asarray(slope))


def outstanding(singular_values: Float[Array, "*records n"]) -> Int[Array, "*records"]:
    """Number of singular values above `STANDS_OUT`; -1 where these are NaN."""
    fine = np.isfinite(singular_values).all(-1)
    return np.where(fine, (np.nan_to_num(singular_values) > STANDS_OUT).sum(-1), -1)


def ranks(maps: Float[Array, "*records n_out n_in"]) -> Int[Array, "*records"]:
    """Number of singular values above `STANDS_OUT`; -1 where a map is not finite."""
    fine = np.isfinite(maps).all((-2, -1))
    out = np.full(maps.shape[:-2], -1)
    out[fine] = outstanding(np.linalg.svd(maps[fine], compute_uv=False))
    return out


def quietest(run: xr.Dataset, rank: int) -> int | None:
    """The record of smallest gradient norm while the map has a rank; None where it never has it.

    ``run`` is one member of a runs file, with ``map`` and ``gradient_norm`` along ``record``.
    """
    mine = np.flatnonzero(ranks(run["map"].values) == rank)
    if not mine.size:
        return None
    return int(mine[np.argmin(run["gradient_norm"].values[mine])])
