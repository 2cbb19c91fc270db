"""The certified front door to top-k eigenpairs of an ensemble, on numpy arrays or torch tensors."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from spectral_atlas.spectra._deflation import incomplete
from spectral_atlas.spectra._eigenpairs import Collected, Eigenpairs, dense_pairs
from spectral_atlas.spectra._sampling import machine
from spectral_atlas.spectra.block_lanczos import End, block_lanczos
from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    check_finite_members,
    native,
    products_of,
)
from spectral_atlas.spectra.starts import random_blocks, source_of_starts
from spectral_atlas.spectra.unconverged import (
    Policy,
    UnconvergedError,
    check_policy,
    default_tolerance,
)

Array = np.ndarray
DENSE_LIMIT = 64
DENSE_MOST = 4000  # size up to which P / 16 pairs or more are cheaper from the matrix


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

    Members that Lanczos leaves over tolerance are solved from their matrix where that fits in
    `memory_mb`.

    Parameters
    ----------
    operator : SymmetricOperator
        On numpy arrays or torch tensors; the work is done with its dtype, on its device.
    k : int
        Eigenpairs a member, 1 <= k <= P.
    start : numpy Generator, (B, b, P) or (B, P)
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
        Vectors kept before a restart, at least k + 2 b; default max(64, 4 k, 8 b), at most P - b.
    max_products : int, optional
        Products a member may cost; default 20 times the basis.
    dense_limit : int, optional
        Size up to which the matrix is formed and LAPACK's (or the device's) solver used. Default:
        the operator's attribute ``dense_limit``, else 64; 16 k if that is more (4000 at most); and
        whatever a basis would fill anyway.
    memory_mb : float
        Bound on the work space; members are worked through in chunks that respect it, one by one
        at worst: (basis + 4 b + 3 k) P numbers (the matrix, three times, where it is formed), and
        the k P numbers of the result.
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
    4 j b P operations to orthogonalise a block against j rows. Verification adds at most as many
    products as the search took, some three quarters as a rule.

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
    eps, width = machine(operator)
    tolerance = default_tolerance(eps) if tolerance is None else tolerance
    rng, given = source_of_starts(operator, start, (members, None, size))
    if given is not None and block not in (None, given.shape[1]):
        raise ValueError(f"block: start has {given.shape[1]} rows a member, got block={block}")
    if given is not None:
        block = given.shape[1]
    b = 1 if block is None else block
    _check(k, b, size, which, tolerance, eps)
    check_policy("on_unconverged", on_unconverged)
    check_policy("on_nonfinite", on_nonfinite)
    verify = verify and which != "BE"  # of each end one pair, which has no copies to miss
    rows = min(max(64, 4 * k, 8 * b) if basis is None else basis, size - b)
    limit = dense_limit
    if limit is None:
        limit = max(getattr(operator, "dense_limit", DENSE_LIMIT), min(16 * k, DENSE_MOST))
    dense = size <= limit or rows < k + 2 * b
    if basis is not None and size > limit and basis < k + 2 * b:
        raise ValueError(f"basis: expected at least k + 2 block = {k + 2 * b}, got {basis}")
    most = 20 * rows if max_products is None else max_products
    if not dense and most < k + b:
        raise ValueError(f"max_products: expected at least k + block = {k + b}, got {most}")
    widest = min(k, (rows - k) // 2)  # for members that are searched again
    each = (3 * size if dense else rows + 4 * b + 3 * k) * size * width / 2**20
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
        if given is None:
            v0 = native(operator, rng.standard_normal((len(chosen), b, size)))
        else:
            v0 = given[first : first + len(chosen)]
        run(chosen, v0)
        wide = b
        while verify and wide < k:
            chosen = incomplete(operator, chosen, found, which, tolerance, rows, wide)
            if not len(chosen):
                break
            if wide >= widest:  # no room for a larger block: say so
                found.converged[chosen] = False
                break
            wide = min(2 * wide, widest)
            run(chosen, random_blocks(operator, chosen, wide, 0))
    late = ~found.converged.all(axis=1) & np.isfinite(found.values).all(axis=1)
    if 3 * size**2 * width <= memory_mb * 2**20:
        for m in np.flatnonzero(late):  # few, and one matrix at a time
            found.put(dense_pairs(operator, np.array([m]), k, which, eps), np.array([m]), eps)
    result = found.assembled()
    finite = np.isfinite(result.values).all(axis=1)
    if on_nonfinite == "raise":
        check_finite_members(finite)
    late = np.flatnonzero(finite & ~result.converged.all(axis=1))
    if len(late) and on_unconverged == "raise":
        raise UnconvergedError(late, result.bounds[late], tolerance, result)
    return result


def _iterate(
    operator: SymmetricOperator,
    chosen: Array,
    v0: Float[Any, "A b P"],
    *,
    eps: float,
    into: Collected,
    **settings: Any,
) -> None:
    """Block Lanczos for the members chosen; what they give goes into `into`."""
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
