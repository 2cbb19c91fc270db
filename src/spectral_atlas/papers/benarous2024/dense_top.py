"""Dense symmetric blocks: eigenpairs by size, and whole spectra."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh, eigvalsh

Array = np.ndarray


def leading(A: Float[Array, "d d"], count: int) -> tuple[Float[Array, " r"], Float[Array, "r d"]]:
    """The ``count`` (at most d) eigenvalues of largest size, largest size first, vectors as rows.

    For indefinite or small blocks; NaN throughout where A is not finite.
    """
    count = min(count, A.shape[0])
    if not np.isfinite(A).all():
        return np.full(count, np.nan), np.full((count, A.shape[0]), np.nan)
    values, vectors = eigh(A, check_finite=False)
    order = np.argsort(-np.abs(values), kind="stable")[:count]
    return values[order], np.ascontiguousarray(vectors[:, order].T)


def spectrum(A: Float[Array, "d d"]) -> Float[Array, " d"]:
    """All eigenvalues, descending; NaN throughout where A is not finite."""
    if not np.isfinite(A).all():
        return np.full(A.shape[0], np.nan)
    return np.asarray(eigvalsh(A, check_finite=False))[::-1]
