"""Thick-restart block Lanczos over an ensemble, on numpy arrays or torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float, Int

from spectral_atlas.spectra._orthogonal import orthonormal, remove, unit_of
from spectral_atlas.spectra.operators import as_like, check_symmetry, to_numpy

Array = np.ndarray
End = Literal["LA", "SA", "LM", "BE"]
SLAB = 1 << 16


@dataclass(frozen=True)
class Finished:
    """Members that leave the iteration together, A of them, and their k wanted Ritz pairs."""

    members: Int[Array, " A"]  # indices into the chunk
    values: Float[Array, "A k"]  # wanted first; NaN for members that are not finite
    residuals: Float[Array, "A k"]  # |H y - theta y|
    vectors: Float[Any, "A k P"]  # as the operator's arrays
    products: int  # spent on each member
    passed: Bool[Array, "A k"]  # residual within tolerance
    norm: Float[Array, " A"]  # max |lambda| as far as seen: what rounding is relative to


@dataclass
class _Active:
    """The members still iterating, A of them, and what is kept for each."""

    members: Int[Array, " A"]
    Q: Float[Any, "A m P"]  # the basis, rows
    T: Float[Array, "A n n"]  # Q H Q^T
    unit: Float[Array, " A"]  # H is worked on as H / unit
    norm: Float[Array, " A"]  # largest |Ritz value|, or |entry of T|, so far
    skew: Float[Array, " A"]  # largest |T - T^T| met
    lost: Float[Array, " A"]  # squared norm of what was dropped from H Q
    coupling: Float[Array, "A b b"]  # L of the last block, that its successor must give back

    def keep(self, which: Bool[Array, " A"]) -> None:
        """Drop the others."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name)[which])


def order(values: Float[Array, "A n"], which: End) -> Int[Array, "A n"]:
    """Indices that sort each row of `values` from the most to the least wanted.

    "LA" largest first, "SA" smallest first, "LM" largest magnitude first, "BE" both ends in turn:
    largest, smallest, second largest, and so on.
    """
    if which == "LM":
        return np.argsort(-np.abs(values), axis=1, kind="stable")
    up = np.argsort(values, axis=1, kind="stable")
    if which == "SA":
        return up
    down = up[:, ::-1]
    if which == "LA":
        return down
    return np.stack([down, up], axis=2).reshape(len(up), -1)[:, : up.shape[1]]


def block_lanczos(
    product: Callable[[Any, Int[Array, " A"]], Any],
    start: Float[Any, "B b P"],
    k: int,
    *,
    which: End,
    tolerance: float,
    basis: int,
    max_products: int,
    norm: Float[Array, " B"] | None = None,
) -> Iterator[Finished]:
    """The k most wanted eigenpairs of B symmetric matrices, members given out as they finish.

    A basis Q of the block Krylov space of `start` is kept orthonormal (against all of it, twice);
    T = Q H Q^T, and its eigenpairs are the Ritz pairs, whose residuals come from the last block.
    At `basis` rows it restarts from the best half of the Ritz vectors (thick restart: Wu & Simon
    2000, SIAM J. Matrix Anal. Appl. 22), so that memory stays bounded. With b rows in the block an
    eigenvalue is found with up to b of its copies. Directions that vanish (an invariant subspace)
    are replaced by random ones.

    Parameters
    ----------
    product : callable (V (A, b, P), members (A,)) -> (A, b, P)
    start : (B, b, P)
        Linearly independent rows for each member; numpy or torch, dtype and device are kept.
    k : int
        Wanted pairs, at most `basis` - 2 b.
    which : "LA", "SA", "LM", "BE"
        See `order`.
    tolerance : float
        Residual allowed, relative to max |Ritz value|.
    basis : int
        Most rows of Q; at most P - b.
    max_products : int
        Products a member may cost.
    norm : (B,), optional
        Lower bounds on max |lambda| of what the products are a part of: rounding and tolerance are
        relative to no less.

    Yields
    ------
    Finished
        Each member once: all k pairs within tolerance, or `max_products` spent, or not finite.

    Raises
    ------
    ValueError
        If products are not of a symmetric matrix, or of another shape.
    """
    xp = array_namespace(start)
    eps = float(xp.finfo(start.dtype).eps)
    members, b, size = start.shape
    lengths = to_numpy(xp.linalg.vector_norm(start, axis=2)).max(axis=1)
    at = _Active(
        members=np.arange(members),
        Q=xp.empty((members, basis + b, size), dtype=start.dtype, device=start.device),
        T=np.zeros((members, basis, basis)),
        unit=np.ones(members),
        norm=np.zeros(members),
        skew=np.zeros(members),
        lost=np.zeros(members),
        coupling=np.full((members, b, b), np.nan),
    )
    at.Q[:, :b], _, _ = orthonormal(xp, start, None, 100 * eps * lengths, 0)
    j, spent, step = b, 0, 0
    every = check_at = max(1, 4 // b)
    while True:
        W = product(at.Q[:, j - b : j], at.members)
        if tuple(W.shape) != (len(at.members), b, size):
            wanted = (len(at.members), b, size)
            raise ValueError(f"the product has shape {tuple(W.shape)}, expected {wanted}")
        if not step:
            at.unit = unit_of(xp, W)
            if norm is not None:
                at.norm = norm / at.unit
        if (at.unit != 1).any():  # squares would leave the dtype's range
            W = W * as_like(1 / at.unit[:, None, None], W)
        spent, step = spent + b, step + 1
        W, C = remove(xp, W, at.Q[:, :j], b)
        finite = np.isfinite(C).all(axis=(1, 2))
        if not finite.all():
            yield _not_finite(xp, at.members[~finite], k, W, spent)
            if not finite.any():
                return
            at.keep(finite)
            W, C = W[finite], C[finite]
        _project(at, C, j, b)
        scale = np.abs(at.T[:, :j, :j]).max(axis=(1, 2))
        X, L, dropped = orthonormal(xp, W, at.Q[:, :j], 10 * eps * scale, step)
        at.lost, at.coupling = at.lost + dropped, L
        full, last = j + b > basis, spent + b > max_products
        closed = j >= k and bool((np.abs(L).max(axis=(1, 2)) == 0).any())
        if not (full or last or closed or (step >= check_at and j >= k)):
            at.Q[:, j : j + b] = X
            j += b
            continue
        check_at = step + max(every, j // (10 * b))  # the eigenpairs of T cost j^3
        theta, S = np.linalg.eigh(at.T[:, :j, :j])
        at.norm = np.maximum(at.norm, np.abs(theta).max(axis=1))
        best = order(theta, which)
        theta = np.take_along_axis(theta, best, axis=1)
        S = np.take_along_axis(S, best[:, None, :], axis=2)
        residuals = np.linalg.norm(L.swapaxes(1, 2) @ S[:, j - b :, :k], axis=1)
        residuals = np.sqrt(residuals**2 + at.lost[:, None])
        passed = residuals <= tolerance * at.norm[:, None]
        leave = passed.all(axis=1) | last
        if leave.any():
            check_symmetry(at.skew[leave], at.norm[leave], at.members[leave], eps)
            rows = as_like(S[leave][:, :, :k].swapaxes(1, 2), at.Q)
            units = at.unit[leave]
            yield Finished(
                at.members[leave],
                theta[leave, :k] * units[:, None],
                residuals[leave] * units[:, None],
                rows @ at.Q[leave][:, :j],
                spent,
                passed[leave],
                at.norm[leave] * units,
            )
            if leave.all():
                return
            at.keep(~leave)
            X, theta, S = X[~leave], theta[~leave], S[~leave]
        if full:
            j = _restart(at, theta, S, j, min(k + (basis - k) // 2, basis - b))
        at.Q[:, j : j + b] = X
        j += b


def _project(at: _Active, C: Array, j: int, b: int) -> None:
    """T with the coefficients C of its last b columns, and how far it is from symmetric."""
    at.T[:, :j, j - b : j] = C
    at.T[:, j - b : j, :j] = C.swapaxes(1, 2)
    at.T[:, j - b : j, j - b : j] = (C[:, -b:] + C[:, -b:].swapaxes(1, 2)) / 2
    at.norm = np.maximum(at.norm, np.abs(C).max(axis=(1, 2)))
    off = np.abs(C[:, -b:] - C[:, -b:].swapaxes(1, 2)).max(axis=(1, 2))
    if j >= 2 * b:  # <q_i, H x> of the block before is known: W = L X there
        off = np.fmax(off, np.abs(C[:, -2 * b : -b] - at.coupling).max(axis=(1, 2)))
    at.skew = np.fmax(at.skew, off)


def _restart(at: _Active, theta: Array, S: Array, j: int, keep: int) -> int:
    """The basis becomes its `keep` most wanted Ritz vectors; returns their number."""
    rotation = as_like(S[:, :, :keep].swapaxes(1, 2), at.Q)
    for first in range(0, at.Q.shape[2], SLAB):  # in slabs: no second basis in memory
        columns = slice(first, first + SLAB)
        at.Q[:, :keep, columns] = rotation @ at.Q[:, :j, columns]
    at.T[:] = 0
    at.T[:, np.arange(keep), np.arange(keep)] = theta[:, :keep]
    at.coupling[:] = np.nan  # no block before the next one
    return keep


def _not_finite(xp: Any, members: Array, k: int, like: Any, spent: int) -> Finished:
    nan = np.full((len(members), k), np.nan)
    vectors = as_like(np.full((len(members), k, like.shape[2]), np.nan), like)
    return Finished(members, nan, nan, vectors, spent, np.zeros(nan.shape, dtype=bool), nan[:, 0])
