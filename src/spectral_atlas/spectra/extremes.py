"""The certified front door: extreme Hessian eigenvalues of an ensemble, or an error."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from jaxtyping import Float

from spectral_atlas.spectra._tridiagonal import EPS
from spectral_atlas.spectra.lanczos import DEFAULT_STEPS, Extremes, Policy, Which, lanczos
from spectral_atlas.spectra.operators import (
    CompressibleOperator,
    SymmetricOperator,
    name_members,
    start_vectors,
)

Array = np.ndarray
# Up to this size LAPACK is quicker than Lanczos (benchmarks/bench_sharpness.py).
DENSE_LIMIT = 40
# Enough members to spread the cost of a Python step, few enough for their bases to stay in cache.
CHUNK = 128


class UnconvergedError(RuntimeError):
    """Some members' bounds are over tolerance.

    Attributes
    ----------
    members : indices of those members
    bounds : (len(members), 2) their absolute bounds, largest and smallest eigenvalue
    """

    def __init__(self, members: np.ndarray, bounds: np.ndarray, tolerance: float) -> None:
        self.members, self.bounds = members, bounds
        shown = ", ".join(
            f"{m} (largest +- {b[0]:.1e}, smallest +- {b[1]:.1e})"
            for m, b in zip(members[:8], bounds, strict=False)
        )
        rest = f" and {len(members) - 8} more" if len(members) > 8 else ""
        super().__init__(
            f"eigenvalues are over the relative tolerance {tolerance:g} for members {shown}{rest};"
            " allow more steps, or take on_unconverged='flag'"
        )


def extreme_eigenvalues(
    operator: SymmetricOperator,
    start: np.random.Generator | Float[Array, "B P"],
    *,
    which: Which = "both",
    tolerance: float = 1e-10,
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
    tolerance go to LAPACK where their matrix fits in `memory_mb`.

    Parameters
    ----------
    operator : SymmetricOperator
        From `hessian_operator`, `torch_hessian_operator`, or of your own.
    start : numpy Generator or (B, P)
        Source of start vectors, or the vectors.
    which, tolerance, max_steps, on_nonfinite
        As in `lanczos`.
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
        A dense value's bound is size * eps * max |lambda|, LAPACK's backward error.

    Raises
    ------
    UnconvergedError
        With ``on_unconverged="raise"``; names members and bounds.
    ValueError
        Non-finite members with ``on_nonfinite="raise"``, or bad settings.
    """
    if on_unconverged not in ("raise", "flag"):
        raise ValueError(f"on_unconverged: expected 'raise' or 'flag', got {on_unconverged!r}")
    members, params = operator.n_members, operator.n_params
    if not isinstance(start, np.random.Generator) and start.shape != (members, params):
        raise ValueError(f"start: expected {(members, params)}, got {start.shape}")
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
        v0 = (
            start_vectors(start, len(chosen), params)
            if isinstance(start, np.random.Generator)
            else start[chosen]
        )
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
        raise UnconvergedError(np.flatnonzero(bad), bounds, tolerance)
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
    where = np.zeros(chosen[-1] + 1, dtype=bool)
    where[chosen[bad]] = True
    raise ValueError(f"the Hessian is not finite for {name_members(where)}")


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
    nan = np.full(len(chosen), np.nan)
    top, bottom = which in ("both", "LA"), which in ("both", "SA")
    return Extremes(
        largest=high if top else nan,
        smallest=low if bottom else nan.copy(),
        bound_largest=bound if top else nan.copy(),
        bound_smallest=bound.copy() if bottom else nan.copy(),
        steps=np.zeros(len(chosen), dtype=np.int64),
        converged=~bad,
    )


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
