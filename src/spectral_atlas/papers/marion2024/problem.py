"""One regression problem out of a data file, with the quantities that theory and training need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Problem:
    """A regression problem in its sufficient statistics.

    Attributes
    ----------
    X : (n, d), y : (n,), X_test : (m, d), y_test : (m,)
    w_star : (d,)
        Least-squares solution of minimal norm; |w*| = 1 in every experiment of the paper.
    """

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    w_star: np.ndarray

    @classmethod
    def load(cls, data: xr.Dataset, problem: int) -> Problem:
        """Read problem number ``problem``, without the zero padding."""
        one = data.isel(problem=problem)
        d = int(one["d"])
        return cls(
            X=one["X"].values[:, :d],
            y=one["y"].values,
            X_test=one["X_test"].values[:, :d],
            y_test=one["y_test"].values,
            w_star=one["w_star"].values[:d],
        )

    @property
    def d(self) -> int:
        """Input dimension."""
        return self.X.shape[1]

    @property
    def Sigma(self) -> np.ndarray:
        """X^T X / n, (d, d)."""
        return self.X.T @ self.X / len(self.y)

    @property
    def b(self) -> np.ndarray:
        """X^T y / n, (d,)."""
        return self.X.T @ self.y / len(self.y)

    @property
    def a(self) -> float:
        """(w*/|w*|)^T Sigma (w*/|w*|), the curvature along the optimal regressor."""
        u = self.w_star / np.linalg.norm(self.w_star)
        return float(u @ self.Sigma @ u)

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of Sigma, ascending, (d,)."""
        return np.linalg.eigvalsh(self.Sigma)

    @property
    def zero_map_excess(self) -> float:
        """R(0) - R_min = w*^T Sigma w*."""
        return float(self.w_star @ self.Sigma @ self.w_star)

    def risk_min(self) -> float:
        """Least risk of any linear map."""
        residual = self.y - self.X @ self.w_star
        return float(residual @ residual / len(self.y))

    def test_risk(self, predictors: np.ndarray) -> np.ndarray:
        """Mean squared error on the fresh sample, (..., d) -> (...)."""
        residual = self.y_test - predictors @ self.X_test.T
        return np.mean(residual**2, axis=-1)
