"""Batched Lanczos over an ensemble, with a residual bound beside every eigenvalue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.spectra import _tridiagonal
from spectral_atlas.spectra.operators import check_symmetry, name_members
from spectral_atlas.spectra.unconverged import Policy, check_policy

Array = np.ndarray
Which = Literal["both", "LA", "SA"]
CHECK_EVERY = 4
DEFAULT_STEPS = 300
FIRST_ROOM = 32
# Rounding of the product and of the recurrence, in units of the largest |Ritz value|: no bound
# is stated below it, however small beta_m |s_m| becomes.
ROUNDING = 64 * _tridiagonal.EPS


@dataclass(frozen=True)
class Extremes:
    """Extreme eigenvalues of B symmetric matrices, signed; NaN where not asked for or not finite.

    Each value is within its bound of an eigenvalue. That it is the extreme one follows from the
    random start vector (with probability one in exact arithmetic), not from the bound.
    """

    largest: Float[Array, " B"]
    smallest: Float[Array, " B"]
    bound_largest: Float[Array, " B"]  # absolute, same unit as the eigenvalues
    bound_smallest: Float[Array, " B"]
    steps: Int[Array, " B"]  # products spent; 0 where a dense solver was used
    converged: Bool[Array, " B"]  # False: over tolerance, or a non-finite member (values NaN)
    # Unit Ritz vectors, if asked for; of torch operators always, as tensors.
    vector_largest: Float[Any, "B P"] | None = field(default=None, repr=False)
    vector_smallest: Float[Any, "B P"] | None = field(default=None, repr=False)


def lanczos(
    hvp: Callable[..., Float[Array, "A P"]],
    v0: Float[Array, "B P"],
    *,
    tolerance: float = 1e-10,
    max_steps: int | None = None,
    which: Which = "both",
    on_nonfinite: Policy = "raise",
    eigenvectors: bool = False,
) -> Extremes:
    """Extreme eigenvalues of the ensemble's Hessians by Lanczos with full reorthogonalisation.

    Every `CHECK_EVERY` steps the residual bound beta_m |s_m| of the wanted Ritz values is compared
    with ``tolerance * max |Ritz value|``; members that pass leave the batch. An invariant subspace
    (zero Hessian, fewer distinct eigenvalues than steps, P steps done) ends a member early, and
    exactly. A member's numbers do not depend on who else is in the batch.

    Parameters
    ----------
    hvp : callable (V (A, P), members (A,)) -> (A, P)
        Products of the Hessians of the members named with the rows of V; a `SymmetricOperator`.
    v0 : (B, P)
        Start vectors, one per member, not zero; see `start_vectors`.
    tolerance : float
        Relative, in [1e-13, 1). The eigenvalue's error is about the square of the residual over
        the gap, so that 1e-6 already gives values good to about 1e-12 when the gap is wide.
    max_steps : int, optional
        At most this many products a member; the default is min(P, 300).
    which : "both", "LA", "SA"
        Largest, smallest (both signed), or both. What is not asked for is NaN.
    on_nonfinite : "raise" or "flag"
        What to do with members whose products hold NaN or infinity.
    eigenvectors : bool
        Also return the Ritz vectors.

    Returns
    -------
    Extremes
        Members over tolerance after `max_steps` have ``converged`` False and their honest bound.

    Raises
    ------
    ValueError
        On bad settings, a zero or non-finite start vector, products that are not of a symmetric
        matrix, or (with ``"raise"``) not finite; the message names the members.

    Examples
    --------
    Products of your own take the members still asked for beside the vectors.

    >>> import numpy as np
    >>> from spectral_atlas.spectra import lanczos
    >>> diagonals = np.array([[3.0, 1.0, -4.0], [1.0, 0.5, 0.25]])
    >>> found = lanczos(lambda V, members: diagonals[members] * V, np.ones((2, 3)))
    >>> found.largest.round(12), found.smallest.round(12)
    (array([3., 1.]), array([-4.  ,  0.25]))
    """
    v0 = np.asarray(v0, dtype=np.float64)
    if v0.ndim != 2 or 0 in v0.shape:
        raise ValueError(f"v0: expected (B, P) with B, P >= 1, got {v0.shape}")
    if not 1e-13 <= tolerance < 1:
        raise ValueError(f"tolerance: expected a number in [1e-13, 1), got {tolerance}")
    if which not in ("both", "LA", "SA"):
        raise ValueError(f"which: expected 'both', 'LA' or 'SA' (signed ends), got {which!r}")
    check_policy("on_nonfinite", on_nonfinite)
    if max_steps is not None and max_steps < 1:
        raise ValueError(f"max_steps: expected at least 1, got {max_steps}")
    norms = np.linalg.norm(v0, axis=1)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError(f"v0 is zero or not finite for {name_members(~(norms > 0))}")
    members, size = v0.shape
    limit = min(size, DEFAULT_STEPS if max_steps is None else max_steps)
    room = min(FIRST_ROOM, limit)
    Q = np.empty((members, room, size))
    x = v0 / norms[:, None]
    Q[:, 0] = x
    alpha, beta = np.zeros((members, limit)), np.zeros((members, limit))
    ritz = np.full((members, 4), np.nan)  # theta_max, residual, theta_min, residual
    steps, skew = np.zeros(members, dtype=np.int64), np.zeros(members)
    converged = np.zeros(members, dtype=bool)
    active = np.arange(members)
    for j in range(limit):
        if j + 1 >= room and room < limit:  # room doubles: most members need few steps
            grown = np.empty((members, min(2 * room, limit), size))
            grown[:, :room] = Q
            Q, room = grown, grown.shape[1]
        w = np.array(hvp(x, active), dtype=np.float64, order="C")
        if w.shape != x.shape:
            raise ValueError(f"the product has shape {w.shape}, its argument {x.shape}")
        _tridiagonal.step(Q, active, w, j, alpha, beta, x, skew)
        steps[active] = j + 1
        a, b = alpha[active, j], beta[active, j]
        good = np.isfinite(a) & np.isfinite(b)
        if not good.all() and on_nonfinite == "raise":
            named = name_members(~good, active)
            raise ValueError(f"Hessian products are not finite for {named}")
        scale = np.maximum(np.abs(alpha[active, : j + 1]).max(1), beta[active, : max(j, 1)].max(1))
        closed = good & ((b <= 10 * _tridiagonal.EPS * scale) | (j + 1 == size))
        leave = closed | ~good
        if (j + 1) % CHECK_EVERY == 0 or j + 1 == limit or closed.any():
            found = np.full((len(active), 4), np.nan)
            _tridiagonal.ritz_extremes(alpha, beta, active, j + 1, found)
            found[~good] = np.nan
            ritz[active] = found
            passed = good & _passes(found, tolerance, which)
            converged[active] = passed
            leave |= passed
        if leave.any():
            active = active[~leave]
            x = np.ascontiguousarray(x[~leave])
            if not len(active):
                break
    check_symmetry(skew, np.maximum(np.abs(ritz[:, 0]), np.abs(ritz[:, 2])), np.arange(members))
    return _assemble(ritz, steps, converged, which, (Q, alpha, beta) if eigenvectors else None)


def _passes(found: np.ndarray, tolerance: float, which: Which) -> np.ndarray:
    allowed = tolerance * np.maximum(np.abs(found[:, 0]), np.abs(found[:, 2]))
    top, bottom = found[:, 1] <= allowed, found[:, 3] <= allowed
    return {"both": top & bottom, "LA": top, "SA": bottom}[which]


def asked_for(found: Extremes, which: Which) -> Extremes:
    """NaN in place of the end that was not asked for."""
    nan = np.full(len(found.steps), np.nan)
    if which == "LA":
        return replace(found, smallest=nan, bound_smallest=nan.copy())
    if which == "SA":
        return replace(found, largest=nan, bound_largest=nan.copy())
    return found


def _assemble(
    ritz: Array,
    steps: Array,
    converged: Array,
    which: Which,
    basis: tuple[Array, Array, Array] | None,
) -> Extremes:
    """Results, with the rounding floor in the bounds, and NaN for what was not asked for."""
    floor = ROUNDING * np.maximum(np.abs(ritz[:, 0]), np.abs(ritz[:, 2]))
    result = Extremes(
        largest=ritz[:, 0].copy(),
        smallest=ritz[:, 2].copy(),
        bound_largest=ritz[:, 1] + floor,
        bound_smallest=ritz[:, 3] + floor,
        steps=steps,
        converged=converged,
    )
    result = asked_for(result, which)
    if basis is not None:
        result = _with_vectors(result, *basis)
    return result


def _with_vectors(result: Extremes, Q: Array, alpha: Array, beta: Array) -> Extremes:
    """Ritz vectors Q s, from the eigenvectors s of each tridiagonal."""
    members, _, size = Q.shape
    high, low = np.full((members, size), np.nan), np.full((members, size), np.nan)
    for m in range(members):
        n = result.steps[m]
        if not np.isfinite(alpha[m, :n]).all() or not np.isfinite(beta[m, :n]).all():
            continue
        off = beta[m, : n - 1]
        _, S = np.linalg.eigh(np.diag(alpha[m, :n]) + np.diag(off, 1) + np.diag(off, -1))
        high[m], low[m] = S[:, -1] @ Q[m, :n], S[:, 0] @ Q[m, :n]
    return replace(result, vector_largest=high, vector_smallest=low)
