"""Optimization over minimizers with a bound on the Hessian: augmented Lagrangians and L-BFGS.

In units where the largest eigenvalue of S and the largest singular value of W* are 1, minimize
f subject to (A - W*) Q = 0, Q an orthonormal basis of the range of S, and K(theta) <= level I
for the matrix K whose eigenvalues `minimizer_spectrum` gives, where either the level is minimized
(f = level) or it is given and f = -|theta|^2. With multipliers Y and Z >= 0 the inner problems are

    f + <Y, C> + penalty/2 |C|^2 + 1/(2 penalty) |[Z + penalty (K - level I)]_+|_F^2,

smooth also where the largest eigenvalue of K is degenerate, as it is at flattest minimizers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray
POSITIVE = 1e-10  # of the largest eigenvalue of S: what spans its range
OUTER, INNER = 40, 300  # rounds; iterations in each
FIRST, GROWTH, MOST = 10.0, 2.0, 1e4  # of the penalty
SETTLED = 1e-8  # constraints, in units of the data


class Program:
    def __init__(self, arch: DeepLinear, target: Array, S: Array) -> None:
        values, vectors = np.linalg.eigh(S)
        kept = values > POSITIVE * values[-1]
        self.arch, self.range = arch, vectors[:, kept]
        self.unit = np.linalg.norm(target @ self.range, 2) ** (1 / arch.depth)  # of weights
        self.curvature = values[-1] * self.unit ** (2 * arch.depth - 2)  # of the Hessian
        self.root = np.sqrt(values[kept] / values[-1])
        self.target = target @ self.range / self.unit**arch.depth

    def flattest(self, start: Array) -> Array:
        """Weights of a local minimum of the sharpness over the minimizers."""
        return self._solve(start / self.unit, None) * self.unit

    def widest(self, start: Array, level: float) -> Array:
        """Weights of a local maximum of |theta| over the minimizers of at most that sharpness."""
        return self._solve(start / self.unit, level / self.curvature) * self.unit

    def onto_minimizers(self, theta: Array, rounds: int = 8) -> Array:
        """The nearest minimizer to first order, by Gauss-Newton steps of least norm."""
        theta = theta / self.unit
        for _ in range(rounds):
            below, above, misfit = self._chains(theta)
            J = np.hstack([np.kron(a, b.T) for a, b in zip(above, below, strict=True)])
            theta = theta - np.linalg.lstsq(J, misfit.ravel(), rcond=POSITIVE)[0]
        return theta * self.unit

    def misfit(self, theta: Array) -> float:
        """|(A - W*) Q|_F."""
        gap = self._chains(theta / self.unit)[2]
        return float(np.linalg.norm(gap) * self.unit**self.arch.depth)

    def _chains(self, theta: Array) -> tuple[list[Array], list[Array], Array]:
        """W_{<h} Q and W_{>h} for h = 1, ..., H, and (A - W*) Q."""
        layers = self.arch.unflatten(theta)
        below, above = [self.range], [np.eye(len(self.target))]
        for w in layers:
            below.append(w @ below[-1])
        for w in layers[:0:-1]:
            above.append(above[-1] @ w)
        return below[:-1], above[::-1], below[-1] - self.target

    def _curved(self, below: list[Array], above: list[Array]) -> Array:
        """The matrix K (o, q, o, q)."""
        K = np.zeros((len(self.target), len(self.root)) * 2)
        for b, a in zip(below, above, strict=True):
            c = b * self.root
            K += (2 * a @ a.T)[:, None, :, None] * (c.T @ c)[None, :, None, :]
        return K

    def _back(
        self, theta: Array, chains: tuple[list[Array], list[Array]], Z: Array, Y: Array
    ) -> Array:
        """Gradient in theta of <Z, K> + <Y, C>, by hand."""
        below, above = chains
        layers = self.arch.unflatten(theta)
        on_below, on_above = [], []
        for b, a in zip(below, above, strict=True):
            c = b * self.root
            on_above.append(4 * np.einsum("iajb,ab->ij", Z, c.T @ c) @ a)
            inner = np.einsum("iajb,ij->ab", Z, a @ a.T)
            on_below.append(4 * (c @ inner) * self.root)
        out: list[Array] = [np.zeros(0)] * len(layers)
        down = Y  # on W_h ... W_1 Q, from above
        for h in range(len(layers) - 1, -1, -1):
            out[h] = down @ below[h].T
            down = layers[h].T @ down + on_below[h]
        up = np.zeros_like(above[0])  # on W_H ... W_{h+1}, from below
        for h in range(len(layers)):
            if h:
                out[h] += above[h].T @ up
                up = up @ layers[h].T
            up = up + on_above[h]
        return np.concatenate([g.ravel() for g in out])

    def _solve(self, start: Array, level: float | None) -> Array:
        free = level is None
        size = self.target.size
        unit = level if level is not None else 1.0  # the bound is on K / unit
        x = start
        if free:
            first = self._curved(*self._chains(start)[:2]).reshape(size, size)
            unit = 2.0 * self.arch.depth
            x = np.append(start, np.linalg.eigvalsh(first)[-1] / unit)
        scale = 1.0 if free else 1.0 / float(start @ start)
        Y, Z, penalty = np.zeros_like(self.target), np.zeros((size, size)), FIRST
        before = np.inf
        for _ in range(OUTER):
            inner = self._lagrangian(Y, Z, penalty, unit, free, scale)
            x = minimize(
                lambda v, inner=inner: inner(v)[:2],
                x,
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": INNER, "maxcor": 30, "gtol": 1e-9, "ftol": 1e-15},
            ).x
            _, _, next_Y, next_Z = inner(x)
            change = max(np.abs(next_Y - Y).max(), np.abs(next_Z - Z).max()) / penalty
            Y, Z = next_Y, next_Z
            if change < SETTLED:
                break
            if change > 0.25 * before:
                penalty = min(penalty * GROWTH, MOST)
            before = change
        return x[:-1] if free else x

    def _lagrangian(
        self, Y: Array, Z: Array, penalty: float, unit: float, free: bool, scale: float
    ) -> Callable[[Array], tuple[float, Array, Array, Array]]:
        n_out, rank = self.target.shape
        size = n_out * rank

        def inner(x: Array) -> tuple[float, Array, Array, Array]:
            theta, level = (x[:-1], x[-1]) if free else (x, 1.0)
            below, above, C = self._chains(theta)
            K = self._curved(below, above).reshape(size, size) / unit
            values, vectors = np.linalg.eigh(Z + penalty * (K - level * np.eye(size)))
            positive = np.maximum(values, 0.0)
            Z_new, Y_new = (vectors * positive) @ vectors.T, Y + penalty * C
            value = float(np.sum(positive**2) + np.sum(Y_new**2)) / (2 * penalty)
            pull = Z_new.reshape(n_out, rank, n_out, rank) / unit
            gradient = self._back(theta, (below, above), pull, Y_new)
            if free:
                gradient = np.append(gradient, 1.0 - positive.sum())
                return value + level, gradient, Y_new, Z_new
            return value - scale * theta @ theta, gradient - 2 * scale * theta, Y_new, Z_new

        return inner
