"""Limiting bulk and outliers of M_d = (1/M) sum_j h_j Y_j Y_j^T, with Y = mean + Z / sqrt(lambda).

The weight h of a sample depends on Y through its projection V on a space of q directions, few
compared with d, and phi = M / d samples a dimension are kept as d grows. Blocks of Hessian and
gradient matrix have this form; `effective_samples` has their h and V. Orthogonal to those
directions M_d is a weighted Wishart matrix: its Stieltjes transform, in the convention
S(z) = (1/d) tr (M_d - z)^{-1} ~ -1/z, solves

    z = z(S) = -1/S + phi E[h / (lambda phi + S h)].

On (-lambda phi / max h, 0) this z(S) is convex (both terms are) and infinite at both ends; right of
its minimum it runs through all real z beyond the bulk, so that the minimum is the right edge.
Eliminating the bulk leaves a q x q problem: z > edge is an eigenvalue iff

    det(z I - F(S)) = 0,  F(S) = lambda phi E[h V V^T / (lambda phi + S h)].

As S grows from the edge to 0, F(S) decreases, in the order of symmetric matrices, and z(S)
increases: an eigenvalue of F meets z(S) at most once, and does iff it exceeds the edge at the edge.

The equations are those of the authors' later work on empirical spectra of mixtures, checked here
against simulated matrices. In the code h = h_max u and S = -t lambda phi / h_max with t in (0, 1),
which leaves no scale: z = (h_max / (lambda phi)) zeta, zeta(t) = 1/t + phi E[u / (1 - t u)].
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

NODE_SPACING = 0.01  # of log(1/t - u)
RANK_STEPS = 500  # of the geometric grid of ranks that h is compressed on for the density
STEPS = 50  # from far above the real axis to a relative height of 1e-9
NEWTON = 3  # iterations at each of them; the last ones are at rounding


def bulk_edge(h: np.ndarray, precision: float, ratio: float) -> tuple[float, float]:
    """Right edge of the bulk, and S there.

    The edge is that of the n values of `h` as they are: where their distribution has a heavy tail,
    it moves with the largest of them, as the edge of a matrix of M samples does.

    Parameters
    ----------
    h : (n,)
        Not negative. If all are zero the matrix is zero: edge 0 at S = -inf.
    precision : float
        lambda.
    ratio : float
        phi = M / d.
    """
    u, scale = _scaled(h, precision, ratio)
    if scale == 0:
        return 0.0, -np.inf
    t = _edge(u, ratio)
    return scale * _zeta(t, u, ratio), -t / scale


def outliers(h: np.ndarray, V: np.ndarray, precision: float, ratio: float) -> np.ndarray:
    """All eigenvalues beyond the bulk, descending: (r,) with 0 <= r <= q.

    In directions of mere noise F is below z(S) by 1/|S|, at the edge about 1/sqrt(phi) of it. From
    n samples F is known to about 2 sqrt(q / n), worse where few samples carry the weight: for large
    phi and small n, eigenvalues just beyond the edge may be artefacts.

    Parameters
    ----------
    h : (n,)
    V : (n, q)
    precision, ratio : float
        As for `bulk_edge`.
    """
    u, scale = _scaled(h, precision, ratio)
    if scale == 0:
        return np.zeros(0)
    edge_t = _edge(u, ratio)
    nodes, sums = _node_sums(u, V, edge_t)
    shape = V.shape[1], V.shape[1]

    def eigenvalues(t: float) -> np.ndarray:
        F = ((precision * ratio) / (1 - t * nodes)) @ sums
        return np.linalg.eigvalsh(F.reshape(shape))[::-1]

    def gap(t: float, i: int) -> float:
        return float(eigenvalues(t)[i]) - _zeta(t, u, ratio)

    at_edge = eigenvalues(edge_t)
    count = int(np.sum(at_edge > _zeta(edge_t, u, ratio)))
    # No eigenvalue of F is larger than at the edge, and zeta(t) > 1/t: there the bracket ends.
    roots = [brentq(gap, 0.99 / at_edge[i], edge_t, (i,), 1e-300, 1e-13) for i in range(count)]
    return np.array([scale * _zeta(t, u, ratio) for t in roots])


def bulk_density(h: np.ndarray, precision: float, ratio: float, z: np.ndarray) -> np.ndarray:
    """Density of the bulk at the points z, (m,).

    It integrates to 1 less the atom max(0, 1 - phi P(h > 0)) at zero; for z <= 0 zero is returned.
    S is followed by Newton's method from far above z to 1e-9 z above it, with h compressed to bins:
    single samples at the top, a few percent of the samples in each at the bottom.
    """
    u, scale = _scaled(h, precision, ratio)
    density = np.zeros(len(z))
    inside = z > 0
    if scale == 0 or not inside.any():
        return density
    values, shares = _compressed(u)
    x = z[inside] / scale
    start, end = 10 * max(_zeta(_edge(u, ratio), u, ratio), float(x.max())), 1e-9 * x
    S = -1 / (x + 1j * start)
    for height in start * (end / start) ** np.linspace(0, 1, STEPS)[:, None]:
        for _ in range(NEWTON):
            terms = values / (1 + S[:, None] * values)
            excess = -1 / S + ratio * (terms @ shares) - (x + 1j * height)
            S = S - excess / (S**-2 - ratio * (terms**2 @ shares))
    density[inside] = np.maximum(S.imag, 0) / (np.pi * scale)
    return density


def _scaled(h: np.ndarray, precision: float, ratio: float) -> tuple[np.ndarray, float]:
    """u = h / h_max and the unit h_max / (lambda phi) of z; zero where all h are."""
    for name, value in (("precision", precision), ("ratio", ratio)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name}: expected a positive number, got {value:g}")
    top = float(np.max(h, initial=0.0))
    if not (np.isfinite(top) and np.min(h, initial=0.0) >= 0):
        raise ValueError("h: expected finite numbers that are not negative")
    return (h / top if top > 0 else h), top / (precision * ratio)


def _zeta(t: float, u: np.ndarray, ratio: float) -> float:
    return 1 / t + ratio * float(np.mean(u / (1 - t * u)))


def _edge(u: np.ndarray, ratio: float) -> float:
    """The t in (0, 1) where zeta is least: phi E[(t u / (1 - t u))^2] = 1, increasing in t."""

    def slope(log_odds: float) -> float:  # of odds = t / (1 - t), which resolves t near 1
        odds = np.exp(log_odds)
        return float(np.log(ratio * np.mean((odds * u / (1 + odds * (1 - u))) ** 2)))

    # The terms are at most odds^2, and one of the n is odds^2.
    low, high = -0.5 * np.log(ratio), 0.5 * np.log(len(u) / ratio)
    return float(expit(brentq(slope, low - 0.1, high + 0.1, xtol=1e-13)))


def _node_sums(u: np.ndarray, V: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (J,) and sums (J, q^2) with E[u V V^T / (1 - s u)] = sum_j sums_j / (1 - s nodes_j).

    For all s <= t, up to an error of NODE_SPACING^2 / 4: 1 / (1 - s u) is interpolated linearly in
    u. It bends most at s = t, where nodes equally spaced in log(1/t - u) spread the error evenly.
    """
    n, (V, u) = len(u), (V[u > 0], u[u > 0])
    count = 2 + int(-np.log1p(-t) / NODE_SPACING)
    nodes = -np.expm1(np.linspace(0, np.log1p(-t), count)) / t
    left = np.clip(np.searchsorted(nodes, u, side="right") - 1, 0, count - 2)
    share = (u - nodes[left]) / (nodes[left + 1] - nodes[left])
    order = np.argsort(left, kind="stable")
    V, left = V[order], left[order]
    weight = (np.stack([1 - share, share]) * u / n)[:, order]
    sums = np.zeros((count, V.shape[1], V.shape[1]))
    bounds = np.searchsorted(left, np.arange(count))
    for j in np.unique(left):
        rows = slice(bounds[j], bounds[j + 1])
        for side in (0, 1):
            sums[j + side] += (V[rows].T * weight[side, rows]) @ V[rows]
    return nodes, sums.reshape(count, -1)


def _compressed(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and probabilities of positive u, averaged over bins of geometrically growing rank."""
    ranked = np.sort(u[u > 0])[::-1]
    ends = np.unique(np.geomspace(1, len(ranked), RANK_STEPS).astype(int))
    starts = np.concatenate([[0], ends[:-1]])
    sizes = ends - starts
    return np.add.reduceat(ranked, starts) / sizes, sizes / len(u)
