"""The certified front door: extreme Hessian eigenvalues of an ensemble, or an error."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from spectral_atlas.spectra._sampling import machine
from spectral_atlas.spectra._tridiagonal import EPS
from spectral_atlas.spectra.block_lanczos import End
from spectral_atlas.spectra.eigenpairs import top_eigenpairs
from spectral_atlas.spectra.lanczos import DEFAULT_STEPS, Extremes, Which, asked_for, lanczos
from spectral_atlas.spectra.operators import (
    CompressibleOperator,
    SymmetricOperator,
    name_members,
    native,
)
from spectral_atlas.spectra.starts import source_of_starts, start_vectors
from spectral_atlas.spectra.unconverged import (
    Policy,
    UnconvergedError,
    check_policy,
    default_tolerance,
)

Array = np.ndarray
# Up to this size LAPACK is quicker than Lanczos (benchmarks/bench_sharpness.py).
DENSE_LIMIT = 40
# Enough members to spread the cost of a Python step, few enough for their bases to stay in cache.
CHUNK = 128


def extreme_eigenvalues(
    operator: SymmetricOperator,
    start: np.random.Generator | Float[Any, "B P"],
    *,
    which: Which = "both",
    tolerance: float | None = None,
    dense_limit: int | None = None,
    max_steps: int | None = None,
    memory_mb: float = 256.0,
    on_unconverged: Policy = "raise",
    on_nonfinite: Policy = "raise",
) -> Extremes:
    """Largest and smallest eigenvalue of every member, signed, each with a bound on its error.

    The sharpness is ``.largest``: lambda_max, never max |lambda|. Operators that know a smaller
    space with the same non-zero spectrum (deep linear networks) are solved there. Up to
    `dense_limit` the solver is LAPACK's, above it Lanczos; members that Lanczos leaves over
    tolerance go to LAPACK where their matrix fits in `memory_mb`. Operators on torch tensors are
    solved by `top_eigenpairs`, on their device and in their dtype; the results here are float64
    numpy, but for the vectors.

    Parameters
    ----------
    operator : SymmetricOperator
        Closed form, of a torch module (`EmpiricalRisk`), or of your own.
    start : numpy Generator or (B, P)
        Source of start vectors, or the vectors.
    which, max_steps, on_nonfinite
        As in `lanczos`.
    tolerance : float, optional
        As in `lanczos`; default 1e-10, and 1e-5 for operators in float32.
    dense_limit : int, optional
        Size up to which the matrix is formed; default: the operator's attribute `dense_limit`,
        else `DENSE_LIMIT`. 0 always tries Lanczos first.
    memory_mb : float
        Bound on the work space; members are worked through in chunks that respect it.
    on_unconverged : "raise" or "flag"
        What to do with members that stay over tolerance.

    Returns
    -------
    Extremes
        With vectors only for operators on torch tensors. A dense value's bound is
        size * eps * max |lambda|, LAPACK's backward error.

    Raises
    ------
    UnconvergedError
        With ``on_unconverged="raise"``; names members and bounds.
    ValueError
        Non-finite members with ``on_nonfinite="raise"``, bad settings, or products that are not of
        a symmetric matrix.

    Examples
    --------
    The sum of squares over three outputs of a linear model has the Hessian 2 I ⊗ XᵀX.

    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, extreme_eigenvalues
    >>> X = np.array([[3.0, 0.0], [0.0, 1.0]])
    >>> operator = MatrixOperator(2 * np.kron(np.eye(3), X.T @ X)[None])
    >>> found = extreme_eigenvalues(operator, np.random.default_rng(0))
    >>> found.largest.round(12), found.smallest.round(12), found.converged
    (array([18.]), array([2.]), array([ True]))
    """
    check_policy("on_unconverged", on_unconverged)
    check_policy("on_nonfinite", on_nonfinite)
    members, params = operator.n_members, operator.n_params
    if which not in get_args(Which):
        raise ValueError(f"which: expected one of {', '.join(get_args(Which))}, got {which!r}")
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"tolerance: expected a number in (0, 1), got {tolerance}")
    if max_steps is not None and max_steps < 1:
        raise ValueError(f"max_steps: expected at least 1, got {max_steps}")
    rng, given = source_of_starts(operator, start, (members, params))
    like = native(operator, np.zeros((1, 1)))
    if not isinstance(like, np.ndarray) or like.dtype != np.float64:
        return _by_blocks(
            operator,
            rng if given is None else given[:, None],
            which,
            on_unconverged,
            tolerance=tolerance,
            dense_limit=dense_limit,
            max_products=max_steps,
            memory_mb=memory_mb,
            on_nonfinite=on_nonfinite,
        )
    tolerance = default_tolerance(EPS) if tolerance is None else tolerance
    inner = operator.compressed() if isinstance(operator, CompressibleOperator) else operator
    size = inner.n_params
    limit = getattr(inner, "dense_limit", DENSE_LIMIT) if dense_limit is None else dense_limit
    steps = min(size, DEFAULT_STEPS if max_steps is None else max_steps)
    dense = size <= limit
    fits = int(memory_mb * 2**20 / (8 * size * (2 * size if dense else 2 * steps + 2)))
    parts = []
    for first in range(0, members, chunk := max(1, min(CHUNK, fits))):
        chosen = np.arange(first, min(first + chunk, members))
        if dense:
            parts.append(_dense(inner, chosen, which, on_nonfinite))
            continue
        v0 = start_vectors(rng, len(chosen), params) if given is None else given[chosen]
        if isinstance(operator, CompressibleOperator):
            v0 = operator.restrict(v0, chosen)
            v0[~np.isfinite(v0).all(axis=1)] = 1.0  # let the product report the bad member
        part = _lanczos(inner, chosen, v0, which, tolerance, max_steps, on_nonfinite)
        part = _rescue(part, inner, chosen, which, memory_mb)
        parts.append(part)
    result = _join(parts)
    if size < params:  # the P - D eigenvalues left out are zero
        np.maximum(result.largest, 0.0, out=result.largest)
        np.minimum(result.smallest, 0.0, out=result.smallest)
    scale = np.fmax(np.abs(result.largest), np.abs(result.smallest))
    bad = ~result.converged & np.isfinite(scale)
    if bad.any() and on_unconverged == "raise":
        bounds = np.stack([result.bound_largest[bad], result.bound_smallest[bad]], axis=1)
        raise UnconvergedError(np.flatnonzero(bad), bounds, tolerance, result)
    return result


def _by_blocks(
    operator: SymmetricOperator,
    start: np.random.Generator | Float[Any, "B b P"],
    which: Which,
    on_unconverged: Policy,
    **settings: Any,
) -> Extremes:
    """For torch tensors: the solver that stays on their device."""
    end: End = "BE" if which == "both" else which
    k = min(2, operator.n_params) if which == "both" else 1
    found = top_eigenpairs(operator, k, start, which=end, on_unconverged="flag", **settings)
    both = Extremes(  # one column, if one end was asked for
        largest=found.values[:, 0],
        smallest=found.values[:, -1],
        bound_largest=found.bounds[:, 0],
        bound_smallest=found.bounds[:, -1],
        steps=found.products,
        converged=np.asarray(found.converged.all(axis=1)),
        vector_largest=None if which == "SA" else found.vectors[:, 0],
        vector_smallest=None if which == "LA" else found.vectors[:, -1],
    )
    result = asked_for(both, which)
    bad = ~result.converged & np.isfinite(found.values).all(axis=1)
    if bad.any() and on_unconverged == "raise":
        tolerance = settings["tolerance"] or default_tolerance(machine(operator)[0])
        raise UnconvergedError(np.flatnonzero(bad), found.bounds[bad], tolerance, result)
    return result


def _lanczos(
    operator: SymmetricOperator,
    chosen: Array,
    v0: Array,
    which: Which,
    tolerance: float,
    max_steps: int | None,
    on_nonfinite: Policy,
) -> Extremes:
    """One chunk; errors name members of the whole ensemble."""
    part = lanczos(
        lambda V, active: operator(V, chosen[active]),
        v0,
        which=which,
        tolerance=tolerance,
        max_steps=max_steps,
        on_nonfinite="flag",
    )
    bad = ~np.isfinite(np.fmax(part.largest, part.smallest))
    if bad.any() and on_nonfinite == "raise":
        _raise_nonfinite(bad, chosen)
    return part


def _raise_nonfinite(bad: Array, chosen: Array) -> None:
    raise ValueError(f"the Hessian is not finite for {name_members(bad, chosen)}")


def _dense(
    operator: SymmetricOperator, chosen: Array, which: Which, on_nonfinite: Policy
) -> Extremes:
    matrices = operator.dense(chosen)
    bad = ~np.isfinite(matrices).all(axis=(1, 2))
    if bad.any():
        if on_nonfinite == "raise":
            _raise_nonfinite(bad, chosen)
        matrices = np.where(bad[:, None, None], 0.0, matrices)
    values = np.linalg.eigvalsh(matrices)
    values[bad] = np.nan
    high, low = values[:, -1].copy(), values[:, 0].copy()
    bound = operator.n_params * EPS * np.maximum(np.abs(high), np.abs(low))
    found = Extremes(
        largest=high,
        smallest=low,
        bound_largest=bound,
        bound_smallest=bound.copy(),
        steps=np.zeros(len(chosen), dtype=np.int64),
        converged=~bad,
    )
    return asked_for(found, which)


def _rescue(
    part: Extremes, operator: SymmetricOperator, chosen: Array, which: Which, memory_mb: float
) -> Extremes:
    """Dense values for the unconverged members whose matrix fits in memory."""
    late = np.flatnonzero(~part.converged & np.isfinite(np.fmax(part.largest, part.smallest)))
    if 16 * operator.n_params**2 > memory_mb * 2**20:
        return part
    for m in late:  # few, and one matrix at a time
        exact = _dense(operator, chosen[m : m + 1], which, "flag")
        for f in fields(Extremes):
            value = getattr(part, f.name)
            if value is not None:
                value[m] = getattr(exact, f.name)[0]
    return part


def _join(parts: list[Extremes]) -> Extremes:
    names = [f.name for f in fields(Extremes) if not f.name.startswith("vector")]
    return Extremes(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})
