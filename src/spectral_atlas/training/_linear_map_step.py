"""One step of gradient descent of a deep linear map: BLAS calls only, without allocations.

With layers W_1, ..., W_L, the cost C(A) of A = W_L ... W_1, and n_l the rows of W_l:

    R_l = W_l ... W_1  (n_l x n_0),   B_l = -eta W_{l+1}^T ... W_L^T dC/dA  (n_l x n_0),
    W_l <- (1 - 2 eta ridge) W_l + B_l R_{l-1}^T.

Every product has a side of n_0: a hidden layer costs 6 n_0 operations a weight. Where n_L < n_0,
the problem of A^T = W_1^T ... W_L^T is solved instead.

A weight is read for R, read for B, read and written by the update: 32 bytes a step. At n_0 = 10
these take 0.6 ns from a third-level cache of 50 GB/s, and its operations 1.2 ns at 50 GFLOP/s: the
operations are the floor, though W^T B, which reads across the columns, waits for distant memory.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import dcopy, ddot, dgemm

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray
Call = tuple[Any, ...]  # dgemm's alpha, a, b, beta, c, trans_a, trans_b, overwrite_c

_UNPACKED = 1_000_000  # multiply-adds up to which OpenBLAS copies no operands: twice as quick here
_CANCELLED = 1e-8  # of the terms of |gradient|^2 at least so much is left, or it has few digits


class Step:
    """The state of one member: weights, and the work space of a step.

    `evaluate` then `update` make a step, as does `run`. Between the two the numbers of the step's
    start can be asked for.

    Attributes
    ----------
    map : (n_L, n_0), A at the last evaluation; a view that changes
    order : ``flat = theta[order]`` with parameters in their natural order
    flat : (P,), the weights: all W_l^T column by column
    """

    def __init__(
        self,
        arch: DeepLinear,
        theta: Float[Array, " P"],
        learning_rate: float,
        observed: Float[Array, "o i"],
        weights: Float[Array, "o i"],
        ridge: float,
    ) -> None:
        sizes = [arch.d, *[rows for rows, _ in arch.shapes]]
        self.order: Any = slice(None)
        transposed = sizes[-1] < sizes[0]
        if transposed:
            natural = arch.unflatten(np.arange(arch.n_params, dtype=np.float64))
            self.order = np.concatenate([W.ravel("F") for W in natural[::-1]]).astype(np.int64)
            sizes, observed, weights = sizes[::-1], observed.T, weights.T
        n, outputs = sizes[0], sizes[-1]

        self.flat = np.array(theta[self.order], dtype=np.float64)
        layers, start = [], 0
        for pair in pairwise(sizes):
            stop = start + pair[0] * pair[1]
            layers.append(self.flat[start:stop].reshape(pair, order="F"))
            start = stop
        # R_l is kept transposed. R_0 = I makes the update of W_1 a product like the others.
        R = [np.asfortranarray(np.eye(n)), layers[0], *[_fortran(n, m) for m in sizes[2:-1]]]
        B = [_fortran(m, n) for m in sizes[1:]]
        self._map, self._error, self._difference = _fortran(outputs, n), B[-1], _fortran(outputs, n)
        self.map = self._map.T if transposed else self._map
        self._observed = np.array(observed, order="F")
        self._factor = np.array(-2 * learning_rate * weights, order="F")
        self._rate, self._shrink = learning_rate, -2 * learning_rate * ridge

        self._up = [
            call
            for V, r, s in zip(layers[1:-1], R[1:-1], R[2:], strict=True)
            for call in _forward(V, r, s)
        ]
        self._up.append((1.0, layers[-1], R[-1], 0.0, self._map, 1, 1, 1))
        self._down: list[Call] = [
            (1.0, V, above, 0.0, below, 0, 0, 1)
            for V, below, above in zip(layers[1:], B[:-1], B[1:], strict=True)
        ][::-1]
        self._gradients = list(zip(R, B, layers, strict=True))
        # W_1 last: it is R_1, which the update of W_2 needs as it was.
        self._updates: list[Call] = [
            (1.0, r, b, 1.0 + self._shrink, V, 1, 1, 1) for r, b, V in self._gradients[::-1]
        ]
        self._gram = Gram(self._gradients)
        self._scratch = np.empty(max(V.size for V in layers))

    def evaluate(self) -> None:
        """A and the B_l of the present weights."""
        for call in self._up:
            dgemm(*call)
        np.subtract(self._map, self._observed, self._error)
        np.multiply(self._error, self._factor, self._error)
        for call in self._down:
            dgemm(*call)

    def update(self) -> None:
        """Move all layers; after `evaluate`."""
        for call in self._updates:
            dgemm(*call)

    def run(self, n_steps: int) -> None:
        """So many whole steps."""
        A, observed, error, factor = self._map, self._observed, self._error, self._factor
        up, rest, gemm = self._up, self._down + self._updates, dgemm
        subtract, multiply = np.subtract, np.multiply
        for _ in range(n_steps):
            for call in up:
                gemm(*call)
            subtract(A, observed, error)
            multiply(error, factor, error)
            for call in rest:
                gemm(*call)

    def numbers(self) -> tuple[float, float, float]:
        """C(A), |dC/dtheta + 2 ridge theta|^2 and |theta|^2; after `evaluate`."""
        np.subtract(self._map, self._observed, self._difference)
        cost = _dot(self._difference, self._error) / (-2 * self._rate)
        norm = ddot(self.flat, self.flat)
        total, size = self._gram.squares()
        if self._shrink:  # <dC/dW_l, W_l> is <dC/dA, A> for each l
            cross, own = _dot(self._map, self._error), self._shrink**2 * norm
            total += 2 * self._shrink * len(self._gradients) * cross + own
            size += own
        if total < _CANCELLED * size:
            total = self._formed_gradient()
        return cost, total / self._rate**2, norm

    def theta(self) -> Float[Array, " P"]:
        """The parameters in their natural order; a copy."""
        theta = np.empty_like(self.flat)
        theta[self.order] = self.flat
        return theta

    def _formed_gradient(self) -> float:
        """eta^2 |gradient|^2 from the very products that the update adds."""
        total = 0.0
        for r, b, V in self._gradients:
            change = self._scratch[: V.size].reshape(V.shape, order="F")
            dcopy(V.ravel("K"), change.ravel("K"))
            dgemm(1.0, r, b, self._shrink, change, 1, 1, 1)
            total += _dot(change, change)
        return total


class Gram:
    """sum_l |B_l R_{l-1}^T|_F^2 from n_0 x n_0 matrices, without the products themselves."""

    def __init__(self, factors: list[tuple[Array, Array, Array]]) -> None:
        self._pairs = []
        for r, b, _ in factors:
            n = len(r)
            rr, bb = _fortran(n, n), _fortran(n, n)
            calls = (1.0, r, r, 0.0, rr, 0, 1, 1), (1.0, b, b, 0.0, bb, 1, 0, 1)
            self._pairs.append((*calls, rr.ravel("K"), bb.ravel("K")))

    def squares(self) -> tuple[float, float]:
        """The sum, and the size of its terms before what cancels."""
        total = size = 0.0
        for r_r, b_b, rr, bb in self._pairs:
            dgemm(*r_r)
            dgemm(*b_b)
            total += ddot(rr, bb)
            size += (ddot(rr, rr) * ddot(bb, bb)) ** 0.5
        return total, size


def _fortran(rows: int, columns: int) -> Array:
    return np.zeros((rows, columns), order="F")


def _dot(a: Array, b: Array) -> float:
    return ddot(a.ravel("K"), b.ravel("K"))


def _forward(V: Array, below: Array, above: Array) -> list[Call]:
    """The calls of R_l^T = R_{l-1}^T W_l^T, in blocks of columns that OpenBLAS need not pack."""
    n, width = below.shape
    block = max(_UNPACKED // (n * width), 16)
    return [
        (1.0, below, V[:, k : k + block], 0.0, above[:, k : k + block], 0, 0, 1)
        for k in range(0, V.shape[1], block)
    ]
