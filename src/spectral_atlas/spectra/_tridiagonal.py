"""Compiled steps of batched Lanczos: orthogonalisation, and Ritz values with their residuals."""

from __future__ import annotations

from math import sqrt

import numba
import numpy as np

# reassoc lets dot products use vector registers; the order stays fixed from run to run
_jit = numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
EPS = float(np.finfo(np.float64).eps)


@_jit
def step(Q, active, w, j, alpha, beta, x, skew):
    """One Lanczos step for the members `active`: w (A, P) holds H q_j and is overwritten.

    Classical Gram-Schmidt against all of q_0..q_j, twice ("twice is enough"), so that Ritz values
    have no ghosts. Writes alpha[m, j], beta[m, j], the next vector to Q[m, j+1] (where there is
    room) and to x (A, P), and the largest |q_{j-1} H q_j - beta_{j-1}| so far to skew[m]: zero but
    for rounding where H is symmetric.
    """
    size = Q.shape[2]
    c = np.empty(j + 1)
    for a in range(active.shape[0]):
        m = active[a]
        for sweep in range(2):
            for i in range(j + 1):
                total = 0.0
                for s in range(size):
                    total += Q[m, i, s] * w[a, s]
                c[i] = total
            for i in range(j + 1):
                for s in range(size):
                    w[a, s] -= c[i] * Q[m, i, s]
            alpha[m, j] = c[j] if sweep == 0 else alpha[m, j] + c[j]
            if sweep == 0 and j > 0:
                skew[m] = max(skew[m], abs(c[j - 1] - beta[m, j - 1]))
        top = 0.0  # scaled: the square of a small product must not vanish and end the member
        for s in range(size):
            top = max(top, abs(w[a, s]))
        unit = 1.0 / top if top > 1e-290 else 1.0
        total = 0.0
        for s in range(size):
            total += (w[a, s] * unit) ** 2
        b = sqrt(total) / unit
        beta[m, j] = b
        scale = 1.0 / b if b > 0.0 else 0.0
        for s in range(size):
            x[a, s] = w[a, s] * scale
            if j + 1 < Q.shape[1]:
                Q[m, j + 1, s] = x[a, s]


@_jit
def ritz_extremes(alpha, beta, active, m, out):
    """out[a] = (theta_max, its residual, theta_min, its residual) of the m-step tridiagonals.

    The residual |H y - theta y| of a Ritz pair is beta_m |s_m|, s_m the last component of the
    eigenvector of the tridiagonal T. Implicit QL (imtql) carries only the last row of the
    eigenvector matrix: O(m^2) in all.
    """
    d, e, z = np.empty(m), np.empty(m), np.empty(m)
    for a in range(active.shape[0]):
        member = active[a]
        top = 0.0
        for i in range(m):
            top = max(top, abs(alpha[member, i]))
            if i + 1 < m:
                top = max(top, abs(beta[member, i]))
        scale = top if top > 0.0 else 1.0
        for i in range(m):
            d[i] = alpha[member, i] / scale
            e[i] = beta[member, i] / scale if i + 1 < m else 0.0
            z[i] = 1.0 if i + 1 == m else 0.0
        _ql(d, e, z)
        high, low = np.argmax(d), np.argmin(d)
        out[a, 0] = d[high] * scale
        out[a, 1] = abs(z[high]) * beta[member, m - 1]
        out[a, 2] = d[low] * scale
        out[a, 3] = abs(z[low]) * beta[member, m - 1]


@_jit
def _ql(d, e, z):
    """Implicit QL on diagonal d and off-diagonal e (scaled to 1), rotating the row z along."""
    n = d.shape[0]
    for first in range(n):
        for _ in range(200):
            last = first
            while last < n - 1 and abs(e[last]) > 0.5 * EPS:
                last += 1
            if last == first:
                break
            g = (d[first + 1] - d[first]) / (2.0 * e[first])
            r = sqrt(g * g + 1.0)
            g = d[last] - d[first] + e[first] / (g + (r if g >= 0.0 else -r))
            s, c, p = 1.0, 1.0, 0.0
            cut = False
            for i in range(last - 1, first - 1, -1):
                f, b = s * e[i], c * e[i]
                r = sqrt(f * f + g * g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[last] = 0.0
                    cut = True
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                f = z[i + 1]
                z[i + 1] = s * z[i] + c * f
                z[i] = c * z[i] - s * f
            if not cut:
                d[first] -= p
                e[first] = g
                e[last] = 0.0
