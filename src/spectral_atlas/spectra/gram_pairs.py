"""Leading eigenpairs of many matrices (1/n) X^T diag(w) X, w >= 0, that share X.

At d = 1000, n = 10 d, forming the matrix takes three quarters of the time and LAPACK the rest, both
at the speed of float64. Half of that is enough: the matrix in float32 gives a subspace that holds
the leading eigenvectors to about 1e-6, and one product with it in float64 a Rayleigh-Ritz step. Its
eigenvalues are wrong by the square of that error, so they have float64's digits; residuals in
float64 say how good the vectors are. No Krylov iteration comes close where there is no gap behind
the last wanted eigenvalue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from spectral_atlas.spectra.weighted_gram import WeightedGram, weighted_gram

Array = np.ndarray
SMALL = 256  # below this dimension the matrix itself is as fast
EXTRA = 8  # directions beyond the wanted ones: they keep neighbours of the last one apart
TOLERANCE = 1e-5  # residual over the largest eigenvalue, beyond which float64 does it all


@dataclass(frozen=True)
class GramPairs:
    """Leading eigenpairs of one matrix.

    Attributes
    ----------
    values : (r,), descending
    vectors : (r, d), orthonormal rows
    residuals : (r,), |A v - theta v|: some eigenvalue lies within it of each value, and the error
        of the value itself is of the order of its square over the gap
    """

    values: Float[Array, " r"]
    vectors: Float[Array, "r d"]
    residuals: Float[Array, " r"]


class GramSolver:
    """Solver for all weights on one set of samples.

    Parameters
    ----------
    X : (n, d)
        float64, numpy. A copy in float32 is kept.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import GramSolver, WeightedGram
    >>> X = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> GramSolver(X).leading(WeightedGram(X, np.ones((1, 2))), 0, 1).values  # X^T X / 2
    array([2.])
    """

    def __init__(self, X: Float[Array, "n d"]) -> None:
        self._X = X
        self._rough = X.astype(np.float32) if X.shape[1] >= SMALL else None

    def leading(self, operator: WeightedGram, member: int, count: int) -> GramPairs:
        """The ``count`` largest eigenvalues (at most d) of one member, with vectors.

        Parameters
        ----------
        operator : WeightedGram on the solver's own X, without ridge and without negative weights
        member : its number

        Raises
        ------
        ValueError
            For other samples, a negative weight or a ridge.

        Notes
        -----
        NaN throughout where a weight is not finite.
        """
        if operator.X is not self._X:
            raise ValueError("operator: its X must be the solver's own array")
        w = operator.weights[member]
        count = min(count, self._X.shape[1])
        if not np.isfinite(w).all():
            nothing = np.full(count, np.nan)
            return GramPairs(nothing, np.full((count, self._X.shape[1]), np.nan), nothing)
        if w.min() < 0 or operator.ridge[member] != 0:
            raise ValueError("operator: weights must be >= 0 and the ridge 0")
        found = self._mixed(operator, member, w, count)
        return self._dense(operator, member, count) if found is None else found

    def _mixed(
        self, operator: WeightedGram, member: int, w: Float[Array, " n"], count: int
    ) -> GramPairs | None:
        """Float32 first, float64 last; None where that is no use or not good enough."""
        d, top = self._X.shape[1], float(w.max())
        if self._rough is None or top == 0 or 4 * (count + EXTRA) > d:
            return None
        # Weights of largest size one: float32 has no room for small ones.
        rough = weighted_gram(self._rough, (w / top).astype(np.float32))
        first = d - count - EXTRA
        _, V = eigh(rough, subset_by_index=[first, d - 1], overwrite_a=True, check_finite=False)
        V = np.ascontiguousarray(np.linalg.qr(V.astype(np.float64))[0].T)
        AV = operator.block_product(V[None], np.array([member]))[0]
        T = V @ AV.T
        values, S = np.linalg.eigh((T + T.T) / 2)
        kept = S[:, ::-1][:, :count].T
        values, vectors = values[::-1][:count].copy(), kept @ V
        residuals = np.linalg.norm(kept @ AV - values[:, None] * vectors, axis=1)
        if not residuals.max() <= TOLERANCE * values[0]:
            return None
        return GramPairs(values, vectors, residuals)

    def _dense(self, operator: WeightedGram, member: int, count: int) -> GramPairs:
        A = operator.dense(np.array([member]))[0]
        d = A.shape[0]
        values, V = eigh(A, subset_by_index=[d - count, d - 1], check_finite=False)
        values, vectors = values[::-1].copy(), np.ascontiguousarray(V.T[::-1])
        residuals = np.linalg.norm(vectors @ A - values[:, None] * vectors, axis=1)
        return GramPairs(values, vectors, residuals)
