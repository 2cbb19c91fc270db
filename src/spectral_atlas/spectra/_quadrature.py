"""Lanczos from random probes, Gauss rules from its tridiagonals, and what these rules bound.

Arrays on the operator's side stay of its kind, dtype and device; recurrences and rules are
float64 on the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from array_api_compat import array_namespace, device

from spectral_atlas.spectra._sampling import multiply
from spectral_atlas.spectra._tridiagonal import _ql
from spectral_atlas.spectra.operators import SymmetricOperator, native, to_numpy

Array = np.ndarray
# The recurrence is closed below this times eps |H|: the rounding of a matrix or of its products.
CLOSING = 100.0


@dataclass(frozen=True)
class Rules:
    """Gauss rules of A members and b probes; rows are padded to m with NaN, 0 and NaN."""

    nodes: Array  # (A, b, m), ascending
    weights: Array  # (A, b, m)
    residuals: Array  # (A, b, m): |H y - theta y| of the unit Ritz vectors y
    steps: Array  # (A, b): nodes in use
    exact: Array  # (A, b): the recurrence closed, the rule is the probe measure itself


def gauss_rules(operator: SymmetricOperator, chosen: Array, start: Array, steps: int) -> Rules:
    """Lanczos from each of the start vectors (A, b, P); a non-finite member's rules are NaN.

    Full reorthogonalisation by classical Gram-Schmidt, twice. A probe that closes goes on as a
    zero vector; a member whose probes have all closed gets no more products.
    """
    members, probes, size = start.shape
    x = native(operator, start)
    xp = array_namespace(x)
    x, _ = _normalise(xp, x)
    closing = CLOSING * float(xp.finfo(x.dtype).eps)
    Q = xp.empty((members, probes, steps, size), dtype=x.dtype, device=device(x))
    alpha, beta = np.zeros((2, members, probes, steps))
    scale = np.zeros((members, probes))
    count = np.zeros((members, probes), dtype=np.int64)
    live = np.ones((members, probes), dtype=bool)
    exact, bad = ~live, np.zeros(members, dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        for j in range(steps):
            Q[:, :, j] = x
            seen = Q[:, :, : j + 1]
            w = _products(operator, x, chosen, np.any(live, axis=1))
            first = seen @ w[..., None]
            w = w - (xp.matrix_transpose(first) @ seen)[..., 0, :]
            second = seen @ w[..., None]
            w = w - (xp.matrix_transpose(second) @ seen)[..., 0, :]
            x, norm = _normalise(xp, w)
            a = to_numpy(first[..., -1, 0] + second[..., -1, 0])
            b = to_numpy(norm)
            count += live
            alpha[..., j] = np.where(live, a, 0.0)
            bad |= (live & ~(np.isfinite(a) & np.isfinite(b))).any(axis=1)
            live &= ~bad[:, None]
            scale = np.where(live, np.maximum(scale, np.maximum(abs(a), b)), scale)
            closed = live & ((b <= closing * scale) | (j + 1 == size))
            exact |= closed
            live &= ~closed
            beta[..., j] = np.where(live, b, 0.0)
            if not live.any():
                break
            if not live.all():
                x = xp.where(
                    native(operator, live[..., None].astype(np.float64)) > 0, x, xp.zeros_like(x)
                )
    shape = (members, probes, steps)
    nodes, residuals = np.full((2, members * probes, steps), np.nan)
    weights = np.zeros((members * probes, steps))
    count[bad] = 0
    tables = [t.reshape(-1, steps) for t in (alpha, beta)]
    _golub_welsch(*tables, count.ravel(), nodes, weights, residuals)
    nodes, weights, residuals = (t.reshape(shape) for t in (nodes, weights, residuals))
    weights[bad] = np.nan
    return Rules(nodes, weights, residuals, count, exact & ~bad[:, None])


def _normalise(xp: Any, w: Any) -> tuple[Any, Any]:
    """Unit vectors and norms; scaled, for the square of a small product must not vanish."""
    top = xp.max(xp.abs(w), axis=-1, keepdims=True)
    w = w / xp.where(top > 0, top, xp.ones_like(top))
    norm = xp.sqrt(xp.sum(w * w, axis=-1, keepdims=True))
    x = w / xp.where(norm > 0, norm, xp.ones_like(norm))
    return x, (top * norm)[..., 0]


def _products(operator: SymmetricOperator, x: Any, chosen: Array, live: Array) -> Any:
    if live.all():
        return multiply(operator, x, chosen)
    xp = array_namespace(x)
    rows = xp.asarray(np.flatnonzero(live), device=device(x))
    w = xp.zeros_like(x)
    w[rows] = multiply(operator, x[rows], chosen[live])
    return w


@numba.njit(cache=True, nogil=True)
def _golub_welsch(alpha, beta, count, nodes, weights, residuals):  # type: ignore[no-untyped-def]
    """Nodes: eigenvalues of T. Weights: squared first components of its eigenvectors.

    Residuals: beta_m |s_m| with the last components s_m. The same QL sweep runs once for each row
    of the eigenvector matrix; its rotations, and so the order, are the same.
    """
    for n in range(alpha.shape[0]):
        m = count[n]
        if m == 0:
            continue
        top = 0.0
        for i in range(m):
            top = max(top, abs(alpha[n, i]))
            if i + 1 < m:
                top = max(top, beta[n, i])
        scale = top if top > 0.0 else 1.0
        d, e, d2, e2 = np.empty(m), np.zeros(m), np.empty(m), np.zeros(m)
        first, last = np.zeros(m), np.zeros(m)
        first[0], last[m - 1] = 1.0, 1.0
        for i in range(m):
            d[i] = d2[i] = alpha[n, i] / scale
            if i + 1 < m:
                e[i] = e2[i] = beta[n, i] / scale
        _ql(d, e, first)
        _ql(d2, e2, last)
        order = np.argsort(d)
        for i in range(m):
            k = order[i]
            nodes[n, i] = d[k] * scale
            weights[n, i] = first[k] ** 2
            residuals[n, i] = abs(last[k]) * beta[n, m - 1]


def cdf_envelope(
    theta: Array, w: Array, r: Array, exact: bool, slack: float, grid: Array
) -> tuple[Array, Array]:
    """Bounds on the probe's CDF at the grid, nodes uncertain by `slack`: `SpectralDensity.cdf`."""
    left, right = grid - slack, grid + slack
    total = np.concatenate([[0.0], np.cumsum(w)])
    total /= total[-1]
    below = np.searchsorted(theta, left, side="right")
    if exact:
        return total[below], total[np.searchsorted(theta, right, side="right")]
    lower = total[np.maximum(below - 1, 0)]
    upper = total[np.minimum(np.searchsorted(theta, right, side="left") + 1, len(w))]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        beyond, before = (left - theta[-1]) / r[-1], (theta[0] - right) / r[0]
        lower = np.where(beyond > 0, np.fmax(lower, 1 - w[-1] / (1 + beyond**2)), lower)
        upper = np.where(before > 0, np.fmin(upper, w[0] / (1 + before**2)), upper)
    return lower, upper


def distance_bound(theta: Array, w: Array, r: Array) -> float:
    """A-posteriori bound on W_1(mu_v, rule): `SpectralDensity.wasserstein_bound`."""
    inner = np.maximum(w[1:], w[:-1]) @ np.diff(theta)
    return float(inner + (w[0] * r[0] + w[-1] * r[-1]) / 2)
