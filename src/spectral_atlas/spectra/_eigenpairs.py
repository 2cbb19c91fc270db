"""Eigenpairs of an ensemble, put together from what the solvers hand out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float, Int

from spectral_atlas.spectra.block_lanczos import End, Finished, order
from spectral_atlas.spectra.operators import SymmetricOperator, as_like, to_numpy

Array = np.ndarray
# Rounding of the products and the recurrence, in eps max |Ritz value|: no bound goes below.
# What restarts add grows like the root of the products, measured.
ROUNDING = 64


@dataclass(frozen=True)
class Eigenpairs:
    """k eigenpairs of B symmetric matrices, the most wanted first; NaN for non-finite members."""

    values: Float[Array, "B k"]
    bounds: Float[Array, "B k"]  # absolute: |H y - theta y| and rounding
    # orthonormal rows, on the operator's device and in its dtype
    vectors: Float[Any, "B k P"] = field(repr=False)
    products: Int[Array, " B"]  # products with the matrix; 0 where it was formed
    converged: Bool[Array, "B k"]


class Collected:
    """Results of members in whatever order they finish; a later one replaces an earlier one."""

    def __init__(self, members: int, k: int, like: Any) -> None:
        self._like = like
        self.values, self.bounds = (np.full((members, k), np.nan) for _ in range(2))
        self.norm = np.full(members, np.nan)
        self.products = np.zeros(members, dtype=np.int64)
        self.converged = np.zeros((members, k), dtype=bool)
        self.vectors: Any = None

    def put(self, part: Finished, members: Array, eps: float) -> None:
        """Store one part under the numbers of its members in the ensemble."""
        if self.vectors is None:
            shape = (*self.values.shape, part.vectors.shape[2])
            self.vectors = as_like(np.full(shape, np.nan), self._like)
        floor = (ROUNDING + 4 * part.products**0.5) * eps * part.norm
        self.values[members], self.bounds[members] = part.values, part.residuals + floor[:, None]
        self.products[members] += part.products
        self.converged[members], self.norm[members] = part.passed, part.norm
        self.vectors[members] = part.vectors

    def assembled(self) -> Eigenpairs:
        """All members."""
        return Eigenpairs(self.values, self.bounds, self.vectors, self.products, self.converged)


def dense_pairs(
    operator: SymmetricOperator, chosen: Array, k: int, which: End, eps: float
) -> Finished:
    """All from the matrices of the members chosen; LAPACK's backward error as the residual."""
    matrices = operator.dense(chosen)
    xp = array_namespace(matrices)
    size = operator.n_params
    # zero times a non-finite entry is NaN: one number says whether a matrix is finite
    finite = np.isfinite(to_numpy(xp.sum(0 * matrices, axis=(1, 2))))
    good = np.flatnonzero(finite)
    values, norm = np.full((len(chosen), k), np.nan), np.full(len(chosen), np.nan)
    vectors = xp.full((len(chosen), k, size), float("nan"), dtype=matrices.dtype)
    vectors = xp.asarray(vectors, device=matrices.device)
    if len(good):
        theta, U = xp.linalg.eigh(matrices[good])
        theta = to_numpy(theta)
        best = order(theta, which)[:, :k].copy()  # torch takes no reversed view as an index
        values[good], norm[good] = np.take_along_axis(theta, best, axis=1), np.abs(theta).max(1)
        for row, m in enumerate(good):
            vectors[m] = U[row][:, best[row]].mT
    residuals = np.repeat(size * eps * norm[:, None], k, axis=1)
    passed = np.repeat(finite[:, None], k, axis=1)
    return Finished(np.arange(len(chosen)), values, residuals, vectors, 0, passed, norm)
