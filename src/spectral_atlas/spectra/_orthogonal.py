"""Orthogonalisation of rows, batched over members, on numpy arrays or torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectral_atlas.spectra.operators import as_like, to_numpy

Array = np.ndarray


def unit_of(xp: Any, W: Any) -> Array:
    """The size of each member's products where squares of them would leave the dtype's range."""
    top = to_numpy(xp.max(xp.abs(W), axis=(1, 2)))
    edge = float(xp.finfo(W.dtype).max) ** 0.25
    far = (top > edge) | ((top < 1 / edge) & (top > 0))
    return np.where(far & np.isfinite(top), top, 1.0)


def remove(xp: Any, W: Any, Q: Any, b: int) -> tuple[Any, Array]:
    """W minus its part in the rows of Q, and that part's coefficients (A, j, b) on the host.

    In exact arithmetic only the last two blocks (after a restart: all rows) contribute. They go
    first; then one pass over all of Q is enough unless it still takes away much of W.
    """
    C = np.zeros((Q.shape[0], Q.shape[1], b))
    near = max(0, Q.shape[1] - 2 * b)
    W, C[:, near:] = _project_out(xp, W, Q[:, near:], 1)
    for _ in range(3):
        before = xp.linalg.vector_norm(W, axis=2)
        W, more = _project_out(xp, W, Q, 1)
        C += more
        if bool(xp.all(xp.linalg.vector_norm(W, axis=2) >= 0.7 * before)):
            break
    return W, C


def _project_out(xp: Any, W: Any, Q: Any, passes: int = 2) -> tuple[Any, Array]:
    """W minus its part in the rows of Q, and that part's coefficients (A, j, b) on the host."""
    total = np.zeros((Q.shape[0], Q.shape[1], W.shape[1]))
    for _ in range(passes):  # twice is enough
        C = Q @ W.mT
        W = W - C.mT @ Q
        total += to_numpy(C)
    return W, total


def orthonormal(xp: Any, W: Any, Q: Any, negligible: Array, step: int) -> tuple[Any, Array, Array]:
    """X with orthonormal rows, orthogonal to those of Q, L (A, b, b) with W = L X, and |W - L X|^2.

    W is orthogonal to Q already. A row that is left with at most `negligible` counts as zero, and
    a random direction takes its place in X: one that no other `step` has drawn.
    """
    members, b, size = W.shape
    L, lost = np.zeros((members, b, b)), np.zeros(members)
    X = xp.empty_like(W)
    for i in range(b):
        w = W[:, i : i + 1]
        before = to_numpy(xp.linalg.vector_norm(w, axis=(1, 2)))
        if i:
            w, C = _project_out(xp, w, X[:, :i])
            L[:, i, :i] = C[:, :, 0]
        norm = to_numpy(xp.linalg.vector_norm(w, axis=(1, 2)))
        dead = ~(norm > negligible)
        lost[dead] += norm[dead] ** 2
        if dead.any():  # the same direction for every member: nobody depends on the batch
            v = np.random.default_rng([step, i, size]).standard_normal((1, 1, size))
            fresh = as_like(np.repeat(v / np.sqrt(size), int(dead.sum()), axis=0), W)
            w = xp.concat([w, fresh], axis=0)[_pick(dead)]
        if dead.any() or (norm < 0.1 * before).any():
            # What was lost to cancellation shows up as a part along Q.
            if Q is not None:
                w, _ = _project_out(xp, w, Q)
            if i:
                w, _ = _project_out(xp, w, X[:, :i])
        length = xp.linalg.vector_norm(w, axis=(1, 2), keepdims=True)
        X[:, i : i + 1] = w / length
        L[:, i, i] = np.where(dead, 0.0, to_numpy(length)[:, 0, 0])
    return X, L, lost


def _pick(dead: Array) -> Array:
    """Indices into (all rows, then one replacement for each dead row)."""
    index = np.arange(len(dead))
    index[dead] = len(dead) + np.arange(int(dead.sum()))
    return index
