"""Vectors against subspaces and subspaces against each other, from orthonormal rows.

A random vector is no zero mark: its expected squared alignment with an r-dimensional subspace of
R^P is r / P, and the alignment itself about sqrt(r / P). Arrays are numpy's or torch's; leading
axes are batches and broadcast.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from spectral_atlas.spectra.operators import check_floating, to_numpy

Array = np.ndarray


def alignment(
    u: Float[Any, "*#batch P"],
    basis: Float[Any, "*#batch r P"],
    *,
    tolerance: float | None = None,
) -> Float[Array, "*#batch"]:
    """rho = |P_V u| / |u|, the cosine of the angle between u and the subspace V.

    Parameters
    ----------
    u : (..., P)
        Vectors of any length; a gradient, an update.
    basis : (..., r, P)
        Orthonormal rows that span V; see `orthonormal_basis`.
    tolerance : float, optional
        Largest entry allowed in |V V^T - I|; default sqrt(eps) of the dtype. What is left of it
        is removed to second order.

    Returns
    -------
    (...), in [0, 1], float64 on the host; NaN for a zero or non-finite u.

    Raises
    ------
    ValueError
        If the rows are not orthonormal, there are none, or the sizes P differ.

    Notes
    -----
    About sqrt(r / P) for a random u.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import alignment
    >>> float(alignment(np.array([3.0, 0.0, 4.0]), np.eye(3)[:2]))  # with the first two axes
    0.6
    """
    allowed = _allowed(basis, tolerance, "basis")
    check_floating("u", u)
    u, basis = _one_kind(u, basis)
    V = _orthonormal(basis, allowed, "basis")
    xp = array_namespace(u, V)
    top = xp.max(xp.abs(u), axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        unit = u / top  # 0 / 0 is the NaN wanted
        part = (V @ unit[..., None])[..., 0]
        rho = xp.linalg.vector_norm(part, axis=-1) / xp.linalg.vector_norm(unit, axis=-1)
    return np.asarray(np.minimum(to_numpy(xp.asarray(rho)), 1.0))


def principal_angles(
    A: Float[Any, "*#batch r P"],
    B: Float[Any, "*#batch s P"],
    *,
    tolerance: float | None = None,
) -> Float[Array, "*#batch angles"]:
    """Principal angles between two subspaces in radians, ascending.

    Parameters
    ----------
    A, B : (..., r, P) and (..., s, P)
        Orthonormal rows.
    tolerance : float, optional
        As in `alignment`.

    Returns
    -------
    (..., min(r, s)), in [0, pi/2], with an error of a few eps at any angle; an angle below eps
    may come out as 0.

    Raises
    ------
    ValueError
        If the rows are not orthonormal, there are none, or the sizes P differ.

    Notes
    -----
    Cosines are the singular values of A B^T; sines, with r <= s, those of A - (A B^T) B. arccos
    loses half the digits near 0 and arcsin near pi/2; atan2(sine, cosine) loses none.

    References
    ----------
    Bjorck and Golub 1973, "Numerical methods for computing angles between linear subspaces".
    Knyazev and Argentati 2002, "Principal angles between subspaces in an A-based scalar product".

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import principal_angles
    >>> plane = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    >>> np.cos(principal_angles(np.eye(3)[:2], plane)).round(12)
    array([1. , 0.6])
    """
    A, B = _bases(A, B, tolerance)
    if A.shape[-2] > B.shape[-2]:
        A, B = B, A
    xp = array_namespace(A, B)
    inner = A @ xp.matrix_transpose(B)
    cosines = to_numpy(xp.linalg.svdvals(inner))  # descending
    sines = to_numpy(xp.linalg.svdvals(A - inner @ B))[..., ::-1]  # ascending: the same order
    return np.arctan2(sines, cosines)


def subspace_overlap(
    A: Float[Any, "*#batch r P"],
    B: Float[Any, "*#batch s P"],
    *,
    tolerance: float | None = None,
) -> Float[Array, "*#batch"]:
    """|P_A P_B|_F^2 / min(r, s) = |A B^T|_F^2 / min(r, s), in [0, 1].

    The mean squared cosine of the principal angles: 1 where the smaller subspace lies in the
    larger, 0 where they are orthogonal, max(r, s) / P on average for random ones. Arguments and
    errors as in `principal_angles`.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import subspace_overlap
    >>> axes = np.eye(4)
    >>> float(subspace_overlap(axes[:2], axes[1:]))  # one of the two lies in the other three
    0.5
    """
    A, B = _bases(A, B, tolerance)
    xp = array_namespace(A, B)
    square = xp.sum((A @ xp.matrix_transpose(B)) ** 2, axis=(-2, -1))
    mean = to_numpy(xp.asarray(square)) / min(A.shape[-2], B.shape[-2])
    return np.asarray(np.minimum(mean, 1.0))


def orthonormal_basis(
    vectors: Float[Any, "*batch r P"], *, dependent: Literal["drop", "raise"] = "drop"
) -> Float[Any, "*batch k P"]:
    """Orthonormal rows with the span of the rows given, by SVD.

    Parameters
    ----------
    vectors : (..., r, P)
        Rows of any length.
    dependent : "drop" or "raise"
        What to do where the rows, scaled to unit length, have singular values below
        max(r, P) eps times the largest: return fewer rows, or refuse.

    Returns
    -------
    (..., k, P), of the same kind, dtype and device; k is the rank.

    Raises
    ------
    ValueError
        On non-finite or only zero vectors, on dependent rows with ``"raise"``, and where ranks
        differ over a batch, which no one array can hold.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import alignment, orthonormal_basis
    >>> basis = orthonormal_basis(np.array([[2.0, 0.0, 0.0], [3.0, 4.0, 0.0], [0.0, 5.0, 0.0]]))
    >>> basis.shape  # three vectors in a plane
    (2, 3)
    >>> alignment(np.eye(3), basis).round(12)
    array([1., 1., 0.])
    """
    if dependent not in ("drop", "raise"):
        raise ValueError(f"dependent: expected 'drop' or 'raise', got {dependent!r}")
    _check_rows(vectors, "vectors")
    xp = array_namespace(vectors)
    if not bool(xp.all(xp.isfinite(vectors))):
        raise ValueError("vectors: not all are finite")
    rows, size = vectors.shape[-2:]
    for _ in range(2):  # by the largest entry first: squares must not leave the range
        top = xp.max(xp.abs(vectors), axis=-1, keepdims=True)
        vectors = vectors / xp.where(top > 0, top, xp.ones_like(top))
        norm = xp.linalg.vector_norm(vectors, axis=-1, keepdims=True)
        vectors = vectors / xp.where(norm > 0, norm, xp.ones_like(norm))
    _, values, basis = xp.linalg.svd(vectors, full_matrices=False)
    sigma = to_numpy(values)
    floor = max(rows, size) * float(xp.finfo(vectors.dtype).eps) * sigma[..., :1]
    ranks = (sigma > floor).sum(axis=-1)
    low, high = int(ranks.min()), int(ranks.max())
    if low == 0:
        raise ValueError("vectors: all rows of a basis are zero")
    if dependent == "raise" and low < rows:
        raise ValueError(f"vectors: {rows} rows span only {low} dimensions")
    if low < high:
        raise ValueError(f"vectors: ranks differ over the batch, from {low} to {high}")
    return basis[..., :low, :]


def _bases(A: Any, B: Any, tolerance: float | None) -> tuple[Any, Any]:
    """Two bases, checked, of one kind and dtype."""
    allowed = _allowed(A, tolerance, "A"), _allowed(B, tolerance, "B")
    A, B = _one_kind(A, B)
    return _orthonormal(A, allowed[0], "A"), _orthonormal(B, allowed[1], "B")


def _check_rows(basis: Any, name: str) -> None:
    if basis.ndim < 2 or 0 in basis.shape:
        shape = tuple(basis.shape)
        raise ValueError(f"{name}: expected (..., r, P), none 0, got {shape}")
    check_floating(name, basis)


def _allowed(basis: Any, tolerance: float | None, name: str) -> float:
    """How far from orthonormal rows may be, by the dtype they came in."""
    _check_rows(basis, name)
    eps = float(array_namespace(basis).finfo(basis.dtype).eps)
    return eps**0.5 if tolerance is None else tolerance


def _one_kind(u: Any, V: Any) -> tuple[Any, Any]:
    """Both, as numpy where only one of them is torch's, with the wider dtype."""
    if u.shape[-1] != V.shape[-1]:
        raise ValueError(f"the vectors have sizes {u.shape[-1]} and {V.shape[-1]}")
    if isinstance(u, Array) != isinstance(V, Array):
        return to_numpy(u), to_numpy(V)
    xp = array_namespace(u, V)
    dtype = xp.result_type(u, V)
    return xp.astype(u, dtype, copy=False), xp.astype(V, dtype, copy=False)


def _orthonormal(basis: Any, allowed: float, name: str) -> Any:
    """The rows after one Newton step V - (V V^T - I) V / 2, which squares what they are off."""
    xp = array_namespace(basis)
    gram = basis @ xp.matrix_transpose(basis)
    excess = gram - xp.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    off = float(xp.max(xp.abs(excess)))
    if not off <= allowed:
        raise ValueError(
            f"{name}: rows are not orthonormal, off by {off:.1e} > {allowed:.1e};"
            " see orthonormal_basis"
        )
    return basis - 0.5 * (excess @ basis)
