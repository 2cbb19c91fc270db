"""The certified front door to top-k eigenpairs of an ensemble, on numpy arrays or torch tensors."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from spectral_atlas.spectra._deflation import incomplete
from spectral_atlas.spectra._eigenpairs import Collected, Eigenpairs, dense_pairs
from spectral_atlas.spectra.block_lanczos import End, block_lanczos
from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    check_finite_members,
    native,
    products_of,
)
from spectral_atlas.spectra.unconverged import (
    Policy,
    UnconvergedError,
    check_policy,
    default_tolerance,
)

Array = np.ndarray
DENSE_LIMIT = 64


def top_eigenpairs(
    operator: SymmetricOperator,
    k: int,
    start: np.random.Generator | Float[Any, "B b P"],
    *,
    which: End = "LA",
    tolerance: float | None = None,
    block: int | None = None,
    verify: bool = True,
    basis: int | None = None,
    max_products: int | None = None,
    dense_limit: int | None = None,
    memory_mb: float = 1024.0,
    on_unconverged: Policy = "raise",
    on_nonfinite: Policy = "raise",
) -> Eigenpairs:
    """The k most wanted eigenpairs of every member, signed, each with a bound on its error.

    Parameters
    ----------
    operator : SymmetricOperator
        On numpy arrays or torch tensors; the work is done with its dtype, on its device.
    k : int
        Eigenpairs a member, 1 <= k <= P.
    start : numpy Generator or (B, b, P)
        Source of the random start block, or the block itself; `warm_start` makes one from
        eigenvectors of a nearby matrix.
    which : "LA", "SA", "LM", "BE"
        Largest, smallest (both signed), largest magnitude; "BE" with k = 2: the largest and the
        smallest.
    tolerance : float, optional
        Residual allowed, relative to max |Ritz value|. Default 1e-10 in float64, 1e-5 in float32;
        at least 64 eps.
    block : int, optional
        Rows in a block, b; default 1 for a random start. An eigenvalue is found with at most b of
        its copies in one go.
    verify : bool
        After k > b pairs, search once more from a random vector, with those pairs projected out. A
        member where that finds a better one (a further copy of a degenerate eigenvalue) is solved
        again with a block twice as large, until none is found or b = k.
    basis : int, optional
        Vectors kept before a restart; default max(64, 4 k, 8 b), at most P - b.
    max_products : int, optional
        Products a member may cost; default 20 times the basis.
    dense_limit : int, optional
        Size up to which the matrix is formed and LAPACK's (or the device's) solver used. Default:
        the operator's attribute ``dense_limit``, else 64, and whatever a basis would fill anyway.
    memory_mb : float
        Bound on the work space; members are worked through in chunks that respect it, one by one
        at worst: (basis + 4 b) P numbers (the matrix, three times, where it is formed).
    on_unconverged, on_nonfinite : "raise" or "flag"
        What to do with members over tolerance, or with NaN or infinite products.

    Returns
    -------
    Eigenpairs

    Raises
    ------
    UnconvergedError
        With ``on_unconverged="raise"``; holds the result.
    ValueError
        Bad settings; non-finite members with ``on_nonfinite="raise"``, named.

    Notes
    -----
    Each value is within its bound of an eigenvalue. That none of the wanted ones is missed rests on
    the random start block (with probability one in exact arithmetic). Cost: products, plus about
    4 j b P operations to orthogonalise a block against j rows.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, top_eigenpairs
    >>> operator = MatrixOperator(np.diag([3.0, 3.0, -5.0, 1.0])[None])
    >>> top_eigenpairs(operator, 2, np.random.default_rng(0)).values.round(12)
    array([[3., 3.]])
    >>> top_eigenpairs(operator, 1, np.random.default_rng(0), which="LM").values.round(12)
    array([[-5.]])
    """
    members, size = operator.n_members, operator.n_params
    like = native(operator, np.zeros((1, 1)))
    eps = float(array_namespace(like).finfo(like.dtype).eps)
    tolerance = default_tolerance(eps) if tolerance is None else tolerance
    rng, given = _source(start, members, size)
    if given is not None:
        block = given.shape[1]
    b = 1 if block is None else block
    _check(k, b, size, which, tolerance, eps)
    check_policy("on_unconverged", on_unconverged)
    check_policy("on_nonfinite", on_nonfinite)
    largest = max(b, k) if verify else b
    rows = min(max(64, 4 * k, 8 * largest) if basis is None else basis, size - largest)
    limit = getattr(operator, "dense_limit", DENSE_LIMIT) if dense_limit is None else dense_limit
    dense = size <= limit or rows < k + 2 * largest
    if basis is not None and size > limit and basis < k + 2 * largest:
        raise ValueError(f"basis: expected at least {k + 2 * largest} (k + 2 blocks), got {basis}")
    most = 20 * rows if max_products is None else max_products
    if not dense and most < k + b:
        raise ValueError(f"max_products: expected at least k + block = {k + b}, got {most}")
    each = (3 * size if dense else rows + 4 * b) * size * like.dtype.itemsize / 2**20
    chunk = max(1, min(members, int(memory_mb / each)))
    found = Collected(members, k, like)
    for first in range(0, members, chunk):
        chosen = np.arange(first, min(first + chunk, members))
        if dense:
            found.put(dense_pairs(operator, chosen, k, which, eps), chosen, eps)
            continue
        run = partial(
            _iterate,
            operator,
            eps=eps,
            into=found,
            k=k,
            which=which,
            tolerance=tolerance,
            basis=rows,
            max_products=most,
        )
        run(chosen, b, rng, None if given is None else given[first : first + len(chosen)])
        wide = b
        while verify and wide < k:
            chosen = incomplete(operator, chosen, found, which, tolerance, rows, rng)
            if not len(chosen):
                break
            wide = min(2 * wide, k)
            run(chosen, wide, rng, None)
    result = found.assembled()
    finite = np.isfinite(result.values).all(axis=1)
    if on_nonfinite == "raise":
        check_finite_members(finite)
    late = np.flatnonzero(finite & ~result.converged.all(axis=1))
    if len(late) and on_unconverged == "raise":
        raise UnconvergedError(late, result.bounds[late], tolerance, result)
    return result


def _source(start: Any, members: int, size: int) -> tuple[np.random.Generator, Any]:
    """The source of random vectors and, if they were given, the start vectors."""
    if isinstance(start, np.random.Generator):
        return start, None
    if start.ndim != 3 or (start.shape[0], start.shape[2]) != (members, size):
        raise ValueError(f"start: expected ({members}, b, {size}), got {tuple(start.shape)}")
    return np.random.default_rng(0), start


def _iterate(
    operator: SymmetricOperator,
    chosen: Array,
    b: int,
    rng: np.random.Generator,
    v0: Any,
    *,
    eps: float,
    into: Collected,
    **settings: Any,
) -> None:
    """Block Lanczos for the members chosen, from v0 or a random block of b rows."""
    if v0 is None:
        v0 = native(operator, rng.standard_normal((len(chosen), b, operator.n_params)))
    for part in block_lanczos(products_of(operator, chosen), v0, **settings):
        into.put(part, chosen[part.members], eps)


def _check(k: int, b: int, size: int, which: str, tolerance: float, eps: float) -> None:
    if not 1 <= k <= size:
        raise ValueError(f"k: expected 1 to the number of parameters, {size}, got {k}")
    if not 1 <= b <= size:
        raise ValueError(f"block: expected 1 to the number of parameters, {size}, got {b}")
    if which == "BE" and k > 2:
        raise ValueError(f"which: 'BE' takes k = 2, one pair of each end, got k = {k}")
    if which not in get_args(End):
        raise ValueError(f"which: expected one of {', '.join(get_args(End))}, got {which!r}")
    if not 64 * eps <= tolerance < 1:
        raise ValueError(f"tolerance: expected a number in [{64 * eps:.1e}, 1), got {tolerance}")


__all__ = ["Eigenpairs", "top_eigenpairs"]
