"""What every operator of this package offers, and what the solvers ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Bool, Float, Int

Array = np.ndarray
SYMMETRY_NUMBERS = 2**22  # matrix entries compared with their transpose at once


@runtime_checkable
class SymmetricOperator(Protocol):
    """An ensemble of symmetric P x P matrices (Hessians, gradient matrices), by their products.

    Arrays are numpy's or torch's. Whose they are, their dtype and their device are the
    operator's; see `native`.

    Attributes
    ----------
    n_members : int
        Number of members B.
    n_params : int
        Size P of each matrix.

    Notes
    -----
    An operator may also offer ``block_product(V (A, b, P), members) -> (A, b, P)``, b products a
    member at once (see `block_product`), ``native(array)`` and an integer ``dense_limit``, the
    size up to which its dense matrix costs less than a Lanczos run.
    """

    n_members: int
    n_params: int

    def __call__(
        self, V: Float[Any, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A P"]:
        """Row i of the result is H_{members[i]} V[i]; all B members, in order, if None."""
        ...

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Any, "A P P"]:
        """The matrices themselves, for the members named."""
        ...


@runtime_checkable
class CompressibleOperator(SymmetricOperator, Protocol):
    """A Hessian H = Q C Q^T with orthonormal columns Q that span a known, smaller space.

    The spectrum of H is that of C and P - D zeros.
    """

    def compressed(self) -> SymmetricOperator:
        """The operator C, of size D <= P."""
        ...

    def restrict(
        self, V: Float[Array, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A D"]:
        """Q^T V, for start vectors."""
        ...


class MatrixOperator:
    """Explicit symmetric matrices as an operator.

    Parameters
    ----------
    matrices : (B, P, P), numpy or torch
        One symmetric matrix per member; not copied.

    Raises
    ------
    ValueError
        On a shape that does not fit, integers, or a finite matrix further from symmetric than
        rounding, max |H - H^T| > 1000 eps max |H|: LAPACK would read one triangle, products both.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator
    >>> MatrixOperator(np.array([[[2.0, 1.0], [1.0, 2.0]]]))(np.array([[1.0, -1.0]]))
    array([[ 1., -1.]])
    """

    def __init__(self, matrices: Float[Any, "B P P"]) -> None:
        if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or 0 in matrices.shape:
            raise ValueError(f"matrices: expected (B, P, P), got {tuple(matrices.shape)}")
        check_floating("matrices", matrices)
        _check_symmetric(matrices)
        self.matrices = matrices
        self.n_members, self.n_params = matrices.shape[:2]

    def __call__(
        self, V: Float[Any, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A P"]:
        """Products H_m V, one per row of V."""
        return (self.dense(members) @ V[..., None])[..., 0]

    def block_product(
        self, V: Float[Any, "A b P"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A b P"]:
        """Products of H_m with the rows of V[m]."""
        return V @ self.dense(members)

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Any, "A P P"]:
        """The matrices of the members named."""
        members = check_members(members, self.n_members)
        return self.matrices if members is None else self.matrices[members]

    def native(self, array: Float[Array, "*shape"]) -> Float[Any, "*shape"]:
        """A numpy array with the kind, dtype and device of the matrices."""
        return as_like(array, self.matrices)


def as_like(array: Any, reference: Any) -> Any:
    """An array or a number as the kind of array that `reference` is, with its dtype and device."""
    xp = array_namespace(reference)
    return xp.asarray(array, dtype=reference.dtype, device=device(reference))


def native(operator: SymmetricOperator, array: Float[Array, "*shape"]) -> Float[Any, "*shape"]:
    """A numpy array as the kind of array that the operator works on.

    Operators on torch tensors have a method ``native``, which gives their dtype and device; all
    others take float64 numpy.
    """
    convert = getattr(operator, "native", None)
    return np.asarray(array, dtype=np.float64) if convert is None else convert(array)


def to_numpy(array: Float[Any, "*shape"]) -> Float[Array, "*shape"]:
    """A float64 numpy copy of a numpy array or of a torch tensor on any device."""
    if not isinstance(array, np.ndarray):
        array = array.detach().cpu().numpy()
    return np.array(array, dtype=np.float64)


def block_product(
    operator: SymmetricOperator,
    V: Float[Any, "A b P"],
    members: Int[Array, " A"] | None = None,
) -> Float[Any, "A b P"]:
    """b products for each member named: row (i, j) is H_{members[i]} V[i, j].

    The operator's own ``block_product`` where it has one (what the products of one matrix share is
    then computed once), else b calls.
    """
    own = getattr(operator, "block_product", None)
    if own is not None:
        return own(V, members)
    columns = [operator(V[:, j], members) for j in range(V.shape[1])]
    return array_namespace(V).stack(columns, axis=1)


def products_of(
    operator: SymmetricOperator, chosen: Int[Array, " C"]
) -> Callable[[Any, Int[Array, " A"]], Any]:
    """Block products for a solver that counts the members chosen from 0."""
    return lambda V, active: block_product(operator, V, chosen[active])


def check_members(members: Any, n_members: int) -> Int[Array, " A"] | None:
    """The members asked for as a 1-d array of indices, None for all; an empty array is allowed.

    Parameters
    ----------
    members : None, (A,) integers of numpy or torch, or a list of them
    n_members : int
        Number B of members there are.

    Raises
    ------
    ValueError
        On what is no 1-d integer array (booleans are none), or an index outside 0, ..., B - 1.
    """
    if members is None:
        return None
    indices = _host(members)
    wanted = f"members: expected a 1-d array of integers from 0 to {n_members - 1}"
    if indices.ndim != 1:
        raise ValueError(f"{wanted}, got shape {indices.shape}")
    if not indices.size:
        return np.zeros(0, dtype=np.intp)
    if indices.dtype.kind not in "iu":
        raise ValueError(f"{wanted}, got {indices.dtype}: {indices[0]}")
    for extreme in (indices.min(), indices.max()):
        if not 0 <= extreme < n_members:
            raise ValueError(f"{wanted}, got {extreme}")
    return indices.astype(np.intp, copy=False)


def check_floating(name: str, array: Any) -> None:
    """ValueError unless the array, numpy's or torch's, has a real floating-point dtype."""
    if not array_namespace(array).isdtype(array.dtype, "real floating"):
        kind = str(array.dtype).removeprefix("torch.")
        what = "samples" if name in ("X", "Y") else "numbers"
        raise ValueError(f"{name}: expected floating-point {what}, got {kind}")


def check_memory(memory_mb: float) -> None:
    """ValueError unless the bound is a positive, finite number."""
    number = isinstance(memory_mb, int | float | np.integer | np.floating)
    if not number or isinstance(memory_mb, bool) or not 0 < memory_mb < np.inf:
        raise ValueError(f"memory_mb: expected a positive, finite number, got {memory_mb!r}")


def check_rng(rng: Any) -> None:
    """ValueError unless it is a numpy Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng: expected a numpy Generator, got {type(rng).__name__}")


def _check_symmetric(matrices: Any) -> None:
    """ValueError that names finite members further from symmetric than rounding."""
    xp = array_namespace(matrices)
    count, size = matrices.shape[:2]
    group = max(1, SYMMETRY_NUMBERS // size**2)
    rows = size if group > 1 else max(1, SYMMETRY_NUMBERS // size)
    off, top = np.zeros((2, count))
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, count, group):
            some = slice(first, first + group)
            for at in range(0, size, rows):
                upper = matrices[some, at : at + rows, at:]
                lower = matrices[some, at:, at : at + rows]
                gap = xp.abs(upper - xp.matrix_transpose(lower))
                off[some] = np.maximum(off[some], to_numpy(xp.max(gap, axis=(1, 2))))
                for part in (upper, lower):
                    top[some] = np.maximum(top[some], to_numpy(_largest(xp, part)))
    bad = np.isfinite(top) & (off > 1e3 * float(xp.finfo(matrices.dtype).eps) * top)
    if bad.any():
        worst = float((off[bad] / top[bad]).max())
        raise ValueError(
            f"matrices: not symmetric for {name_members(bad)}: max |H - H^T| is {worst:.1e} max |H|"
        )


def _largest(xp: Any, matrices: Any) -> Any:
    """max |H| of each matrix, NaN if one entry is, without a copy."""
    axes = {"axis": (1, 2)}
    return xp.maximum(xp.max(matrices, **axes), -xp.min(matrices, **axes))


def _host(array: Any) -> Array:
    """What numpy makes of an array, a tensor on any device or a list, without a change of dtype."""
    return np.asarray(array.detach().cpu().numpy() if hasattr(array, "detach") else array)


def check_finite_members(finite: Bool[Array, " B"]) -> None:
    """ValueError that names the members that are not finite."""
    if not finite.all():
        raise ValueError(f"the matrix is not finite for {name_members(~finite)}")


def check_symmetry(
    skew: Float[Array, " A"],
    norm: Float[Array, " A"],
    members: Int[Array, " A"],
    eps: float = float(np.finfo(np.float64).eps),
) -> None:
    """ValueError that names members whose <q_i, H q_j> and <q_j, H q_i> differ beyond rounding.

    `skew` is the largest difference met, `norm` the largest |eigenvalue| by the end of the search
    (a start vector may see little of it). In float32 the products of networks with tens of millions
    of parameters differ by more than sqrt(eps); what is wrong by its code differs by far more.
    """
    wrong = skew > max(eps**0.5, 1e5 * eps) * norm
    if wrong.any():
        named = name_members(wrong, members)
        raise ValueError(f"the products are not of a symmetric matrix for {named}")


def check_rows(
    V: Any, members: Array | None, operator: SymmetricOperator, ndim: Literal[2, 3] = 2
) -> None:
    """ValueError unless V is (A, P), or (A, b, P) for ndim 3, for the A members asked for."""
    A, P = operator.n_members if members is None else len(members), operator.n_params
    if V.ndim != ndim or V.shape[0] != A or V.shape[-1] != P:
        wanted = f"({A}, {P})" if ndim == 2 else f"({A}, b, {P})"
        raise ValueError(f"V: expected {wanted}, got {tuple(V.shape)}")


def name_members(bad: np.ndarray, members: np.ndarray | None = None, most: int = 8) -> str:
    """'members 3, 7 and 12 more', for messages: those for which `bad` is True.

    Entry i of `bad` speaks of member ``members[i]``, by default of member i.
    """
    indices = np.flatnonzero(bad) if members is None else np.unique(members[bad])
    text = ", ".join(str(i) for i in indices[:most])
    rest = len(indices) - most
    return (
        ("member " if len(indices) == 1 else "members ")
        + text
        + (f" and {rest} more" if rest > 0 else "")
    )
