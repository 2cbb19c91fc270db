"""Thick-restart block Lanczos over an ensemble, on numpy arrays or torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float, Int

from spectral_atlas.spectra._orthogonal import orthonormal, remove, unit_of
from spectral_atlas.spectra.operators import as_like, to_numpy

Array = np.ndarray
End = Literal["LA", "SA", "LM", "BE"]


@dataclass(frozen=True)
class Finished:
    """Members that leave the iteration together, A of them, and their k wanted Ritz pairs."""

    members: Int[Array, " A"]  # indices into the chunk
    values: Float[Array, "A k"]  # wanted first; NaN for members that are not finite
    residuals: Float[Array, "A k"]  # |H y - theta y|
    vectors: Float[Any, "A k P"]  # as the operator's arrays
    products: int  # spent on each member
    passed: Bool[Array, "A k"]  # residual within tolerance


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

    Yields
    ------
    Finished
        Each member once: all k pairs within tolerance, or `max_products` spent, or not finite.
    """
    xp = array_namespace(start)
    eps = float(xp.finfo(start.dtype).eps)
    members, b, size = start.shape
    active = np.arange(members)
    Q = xp.empty((members, basis + b, size), dtype=start.dtype, device=start.device)
    T = np.zeros((members, basis, basis))
    lengths = to_numpy(xp.linalg.vector_norm(start, axis=2)).max(axis=1)
    Q[:, :b], _, _ = orthonormal(xp, start, None, 100 * eps * lengths, 0)
    unit, lost = np.ones(members), np.zeros(members)
    j, spent, step = b, 0, 0
    every = check_at = max(1, 4 // b)
    while True:
        W = product(Q[:, j - b : j], active)
        if tuple(W.shape) != (len(active), b, size):
            raise ValueError(
                f"the product has shape {tuple(W.shape)}, not {(len(active), b, size)}"
            )
        if not step:
            unit = unit_of(xp, W)
        if (unit != 1).any():  # squares would leave the dtype's range
            W = W * as_like(1 / unit[:, None, None], W)
        spent, step = spent + b, step + 1
        W, C = remove(xp, W, Q[:, :j], b)
        T[:, :j, j - b : j] = C
        T[:, j - b : j, :j] = C.swapaxes(1, 2)
        T[:, j - b : j, j - b : j] = (C[:, -b:] + C[:, -b:].swapaxes(1, 2)) / 2
        finite = np.isfinite(C).all(axis=(1, 2))
        if not finite.all():
            bad = np.flatnonzero(~finite)
            nan = np.full((len(bad), k), np.nan)
            vectors = xp.full((len(bad), k, size), float("nan"), dtype=W.dtype, device=W.device)
            yield Finished(active[bad], nan, nan, vectors, spent, np.zeros(nan.shape, dtype=bool))
            if not finite.any():
                return
            active, Q, T, W = active[finite], Q[finite], T[finite], W[finite]
            unit, lost = unit[finite], lost[finite]
        scale = np.abs(T[:, :j, :j]).max(axis=(1, 2))
        X, L, dropped = orthonormal(xp, W, Q[:, :j], 10 * eps * scale, step)
        lost = lost + dropped
        full, last = j + b > basis, spent + b > max_products
        closed = (np.abs(L).max(axis=(1, 2)) == 0) if j >= k else np.zeros(len(active), dtype=bool)
        if not (full or last or closed.any() or (step >= check_at and j >= k)):
            Q[:, j : j + b] = X
            j += b
            continue
        check_at = step + max(every, j // (10 * b))  # the eigenpairs of T cost j^3
        theta, S = np.linalg.eigh(T[:, :j, :j])
        best = order(theta, which)
        theta = np.take_along_axis(theta, best, axis=1)
        S = np.take_along_axis(S, best[:, None, :], axis=2)
        residuals = np.linalg.norm(L.swapaxes(1, 2) @ S[:, j - b :, :k], axis=1)
        residuals = np.sqrt(residuals**2 + lost[:, None])
        passed = residuals <= tolerance * np.abs(theta).max(axis=1, keepdims=True)
        leave = passed.all(axis=1) | last
        if leave.any():
            out = np.flatnonzero(leave)
            rows = as_like(S[out][:, :, :k].swapaxes(1, 2), Q)
            vectors = rows @ Q[out][:, :j]
            size_of = unit[out, None]
            values, errors = theta[out, :k] * size_of, residuals[out] * size_of
            yield Finished(active[out], values, errors, vectors, spent, passed[out])
            if leave.all():
                return
            active, Q, X = active[~leave], Q[~leave], X[~leave]
            T, theta, S = T[~leave], theta[~leave], S[~leave]
            unit, lost = unit[~leave], lost[~leave]
        if full:
            keep = min(k + (basis - k) // 2, basis - b)
            Q[:, :keep] = as_like(S[:, :, :keep].swapaxes(1, 2), Q) @ Q[:, :j]
            T[:] = 0
            T[:, np.arange(keep), np.arange(keep)] = theta[:, :keep]
            j = keep
        Q[:, j : j + b] = X
        j += b
