"""Matrices (1/n) X^T diag(w) X, one or many that share X: what most Hessian blocks come down to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array
from jaxtyping import Float, Int

from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    as_like,
    check_floating,
    check_members,
    check_memory,
    check_rows,
)

Array = np.ndarray
# A slab of X that stays in a core's cache between the two GEMMs of a product.
CACHE_BYTES = 4 * 2**20


class WeightedGram:
    """The ensemble A_m = (1/N) X^T diag(w_m) X + ridge_m I, as a `SymmetricOperator`.

    Products of all members asked for are two GEMMs, ((V X^T) * w) X, so that X is read once for
    the whole ensemble. A member with non-finite weights gives non-finite results in its own rows
    only. A row of X that is not finite makes NaN of the members that give it a weight and is
    nothing to those that give it 0; X and the weights are copied then. Which other members are
    asked for may change a member's last bits: BLAS chooses its kernel by shape.

    Parameters
    ----------
    X : (n, d)
        Samples, numpy or torch; they set the dtype and the device of everything else.
    weights : (B, n)
        One weight per member and sample, of any sign.
    ridge : float or (B,)
        Multiple of the identity to add.
    normalisation : float, optional
        N, positive; default n.
    memory_mb : float
        Bound on the work space beside X, the weights and the result.

    Raises
    ------
    ValueError
        On a shape or a number that does not fit, or samples that are integers.

    Notes
    -----
    For d = 1000, n = 10^4, float64, one thread: the matrix costs 0.22 s and its eigenvalues 0.06 s;
    a product costs 6 ms alone and 1.6 ms a member in tens. Both ends of a bulk to 1e-10 take 90 to
    220 Lanczos steps at d = 300 to 1000, twice the time of the dense matrix or more, whence
    `dense_limit`. For a few outliers, ask Lanczos.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import WeightedGram
    >>> X = np.array([[1.0, 0.0], [1.0, 2.0]])
    >>> H = WeightedGram(X, np.array([[1.0, 1.0], [1.0, -1.0]]))  # two members
    >>> H(np.array([[1.0, 0.0], [1.0, 0.0]]))
    array([[ 1.,  1.],
           [ 0., -1.]])
    """

    dense_limit = 2000

    def __init__(
        self,
        X: Float[Any, "n d"],
        weights: Float[Any, "B n"],
        ridge: float | Sequence[float] | Float[Any, " B"] = 0.0,
        normalisation: float | None = None,
        memory_mb: float = 64.0,
    ) -> None:
        if X.ndim != 2 or 0 in X.shape:
            raise ValueError(f"X: expected (n, d) with n, d >= 1, got {tuple(X.shape)}")
        check_floating("X", X)
        check_memory(memory_mb)
        if weights.ndim != 2 or weights.shape[1] != X.shape[0]:
            raise ValueError(f"weights: expected (B, {X.shape[0]}), got {tuple(weights.shape)}")
        self._xp = array_namespace(X)
        self.X = X
        self.weights = self.native(weights)
        self._drop_nonfinite_rows()
        self.n_members, self.n_params = weights.shape[0], X.shape[1]
        ridge = self.native(ridge)
        shape = tuple(ridge.shape)
        if shape not in ((), (self.n_members,)):
            raise ValueError(f"ridge: expected a number or ({self.n_members},), got {shape}")
        self.ridge = self._xp.broadcast_to(ridge, (self.n_members,))
        if normalisation is not None and not 0 < normalisation < np.inf:
            raise ValueError(f"normalisation: expected a positive number, got {normalisation}")
        self.scale = 1.0 / (X.shape[0] if normalisation is None else normalisation)
        self.memory_mb = memory_mb

    def _drop_nonfinite_rows(self) -> None:
        """Zeros for them, and NaN for their weights that are not 0."""
        xp = self._xp
        with np.errstate(invalid="ignore", over="ignore"):
            suspect = ~xp.isfinite(xp.sum(self.X, axis=1))  # a sum may also overflow
        if not bool(xp.any(suspect)):
            return
        bad = ~xp.all(xp.isfinite(self.X), axis=1)
        self.X = xp.where(bad[:, None], 0.0, self.X)
        self.weights = xp.where(bad & (self.weights != 0), xp.nan, self.weights)

    def native(self, array: Any) -> Any:
        """An array or a number with the kind, dtype and device of X."""
        return as_like(array, self.X)

    def __call__(
        self, V: Float[Any, "A d"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A d"]:
        """Products A_m V, one per row of V."""
        members = check_vectors(V, members, self, 2)
        return self.block_product(V[:, None, :], members)[:, 0]

    def block_product(
        self, V: Float[Any, "A b d"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A b d"]:
        """b products for each member named, in two GEMMs over all of them."""
        members = check_vectors(V, members, self, 3)
        V = self.native(V)
        w, ridge = pick(self.weights, members), pick(self.ridge, members)

        def weigh(Z: Any, rows: slice) -> Any:
            Z *= w[:, None, rows]
            return Z

        out = two_gemms(self.X, V, weigh, V.shape[0] * V.shape[1], self.memory_mb)
        out *= self.scale
        return out + ridge[:, None, None] * V

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Any, "A d d"]:
        """The matrices, exactly symmetric; see `weighted_gram`."""
        members = check_members(members, self.n_members)
        w, ridge = pick(self.weights, members), pick(self.ridge, members)
        d = self.n_params
        out = self._xp.empty((w.shape[0], d, d), dtype=self.X.dtype, device=device(self.X))
        eye = self.native(np.eye(d))
        for m in range(w.shape[0]):
            out[m] = weighted_gram(self.X, w[m], scale=self.scale, memory_mb=self.memory_mb)
            out[m] += ridge[m] * eye
        return out


def weighted_gram(
    X: Float[Any, "n d"],
    w: Float[Any, " n"],
    *,
    scale: float | None = None,
    memory_mb: float = 64.0,
) -> Float[Any, "d d"]:
    """scale * X^T diag(w) X, symmetric to the last bit, at half the cost of the plain product.

    Rows of weight zero are left out (ReLU gates close half of them). Rows of positive and of
    negative weight become one symmetric rank-k product each, S^T S with S = sqrt(|scale w|) X:
    BLAS computes one triangle.

    Parameters
    ----------
    X : (n, d)
        numpy or torch. Tensors in main memory are worked on as numpy arrays, without a copy;
        tensors on an accelerator stay there and take the plain product, where NaN times a weight
        of zero is NaN.
    w : (n,)
        Weights of any sign. One that is not finite makes the whole matrix NaN.
    scale : float, optional
        Default 1/n.
    memory_mb : float
        Bound on the scaled copy of the rows, which is made in chunks; the result and one more
        matrix of its size come on top. Each chunk beyond the first costs about 5 % at d = 1000.

    Returns
    -------
    (d, d), of X's dtype.

    Raises
    ------
    ValueError
        On a shape that does not fit, or samples that are integers.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import weighted_gram
    >>> X = np.array([[1.0, 0.0], [1.0, 2.0]])
    >>> weighted_gram(X, np.ones(2))  # X^T X / n
    array([[1., 1.],
           [1., 2.]])
    """
    check_memory(memory_mb)
    if X.ndim != 2 or tuple(w.shape) != (X.shape[0],) or not X.shape[0]:
        shapes = f"{tuple(X.shape)} and {tuple(w.shape)}"
        raise ValueError(f"X and w: expected (n, d) and (n,) with n >= 1, got {shapes}")
    check_floating("X", X)
    xp = array_namespace(X, w)
    n, d = X.shape
    w = xp.astype(w, X.dtype) * (1.0 / n if scale is None else scale)
    step = max(1, int(memory_mb * 2**20 / (d * X.dtype.itemsize)))
    if isinstance(X, np.ndarray):
        return _rank_k(X, w, step)
    if on_cpu(X) and is_torch_array(X):
        return xp.asarray(_rank_k(X.detach().numpy(), w.detach().numpy(), step))
    out = xp.zeros((d, d), dtype=X.dtype, device=device(X))
    for first in range(0, n, step):
        rows = slice(first, first + step)
        out += X[rows].T @ (w[rows, None] * X[rows])
    return (out + out.T) / 2


def _rank_k(X: Array, w: Array, step: int) -> Array:
    """X^T diag(w) X for numpy arrays, from at most `step` rows at a time."""
    n, d = X.shape
    if not np.isfinite(w).all():
        return np.full((d, d), np.nan, dtype=X.dtype)
    out = None
    buffer = np.empty((0, d), dtype=X.dtype)
    for negative, chosen in ((False, np.flatnonzero(w > 0)), (True, np.flatnonzero(w < 0))):
        if not len(chosen):
            continue
        chunks = -(-len(chosen) // step)
        size = -(-len(chosen) // chunks)  # chunks of equal size: none is too thin for BLAS
        roots = np.sqrt(np.abs(w[chosen]))[:, None]
        if size > len(buffer):
            buffer = np.empty((size, d), dtype=X.dtype)
        for first in range(0, len(chosen), size):
            rows = slice(first, first + size)
            S = buffer[: len(roots[rows])]
            if len(chosen) == n:
                np.multiply(X[rows], roots[rows], out=S)
            else:
                np.take(X, chosen[rows], axis=0, out=S, mode="clip")
                S *= roots[rows]
            part = S.T @ S  # the same array twice: numpy calls syrk
            if out is None:
                out = np.negative(part, out=part) if negative else part
            else:
                (np.subtract if negative else np.add)(out, part, out=out)
    return np.zeros((d, d), dtype=X.dtype) if out is None else out


def two_gemms(
    X: Float[Any, "n d"],
    V: Float[Any, "*lead d"],
    inner: Callable[[Any, slice], Any],
    columns: int,
    memory_mb: float,
) -> Float[Any, "*lead d"]:
    """f(V X^T) X in slabs of rows of X, for all vectors at once.

    Parameters
    ----------
    X, V : (n, d) and (..., d)
    inner : callable (Z (..., m), rows) -> (..., m)
        f on the columns of V X^T that belong to these rows; may write to Z.
    columns : int
        Numbers per row of X that f holds.
    memory_mb : float
    """
    xp = array_namespace(X)
    flat = xp.reshape(V, (-1, X.shape[1]))
    out = xp.zeros_like(flat)
    for rows in row_slabs(X, columns, memory_mb):
        slab = X[rows]
        Z = inner(xp.reshape(flat @ slab.T, (*V.shape[:-1], slab.shape[0])), rows)
        out += xp.reshape(Z, (flat.shape[0], slab.shape[0])) @ slab
    return xp.reshape(out, tuple(V.shape))


def row_slabs(X: Float[Any, "n d"], columns: int, memory_mb: float) -> list[slice]:
    """Ranges of rows for ((V X^T) * w) X with `columns` vectors V.

    Slabs are small enough for the cache of a core, and for `memory_mb` wherever X lies.
    """
    n, d = X.shape
    itemsize = X.dtype.itemsize
    step = memory_mb * 2**20 / (max(1, columns) * itemsize)
    if on_cpu(X):
        step = min(step, CACHE_BYTES / (d * itemsize))
    size = max(64, int(step))
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def check_vectors(
    V: Any, members: Any, operator: SymmetricOperator, ndim: Literal[2, 3]
) -> Int[Array, " A"] | None:
    """`check_members`, then `check_rows`."""
    members = check_members(members, operator.n_members)
    check_rows(V, members, operator, ndim)
    return members


def pick(array: Any, members: Int[Array, " A"] | None) -> Any:
    """The rows of the members named, all of them if None; see `check_members`."""
    if members is None:
        return array
    return array[array_namespace(array).asarray(members, device=device(array))]


def on_cpu(X: Any) -> bool:
    """Whether an array lies in main memory."""
    return isinstance(X, np.ndarray) or getattr(X.device, "type", "cpu") == "cpu"
