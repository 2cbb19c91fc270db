"""Synthetic linear regression y = X w + noise with one output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from spectral_atlas.data import threefry

Array = np.ndarray


@dataclass(frozen=True)
class Regression:
    """One draw of a regression problem. The risk of a linear map w is (1/n) |y - X w|^2.

    Attributes
    ----------
    X, y : the training set, (n, d) and (n,)
    X_test, y_test : fresh samples of the same distribution, (n_test, d) and (n_test,)
    w_star : (d,), the least-squares solution on the training set of smallest norm
    """

    X: Float[Array, "n d"]
    y: Float[Array, " n"]
    X_test: Float[Array, "n_test d"]
    y_test: Float[Array, " n_test"]
    w_star: Float[Array, " d"]

    @property
    def Sigma(self) -> Float[Array, "d d"]:
        """Empirical covariance X^T X / n (not centred)."""
        return self.X.T @ self.X / len(self.X)

    @property
    def b(self) -> Float[Array, " d"]:
        """X^T y / n; the gradient of the risk at w is 2 (Sigma w - b)."""
        return self.X.T @ self.y / len(self.X)

    @property
    def a(self) -> float:
        """u^T Sigma u for u = w* / |w*|, between the extreme eigenvalues of Sigma."""
        u = self.w_star / np.linalg.norm(self.w_star)
        return float(u @ self.Sigma @ u)

    @property
    def risk_min(self) -> float:
        """Smallest training risk of any linear map, that of w*."""
        return float(np.mean((self.y - self.X @ self.w_star) ** 2))

    @property
    def risk_zero(self) -> float:
        """Training risk of the zero map, mean y^2."""
        return float(np.mean(self.y**2))


def linear_regression(
    rng: np.random.Generator,
    n: int,
    d: int,
    *,
    noise: float = 1.0,
    condition_number: float | None = None,
    normalise: bool = True,
    n_test: int | None = None,
) -> Regression:
    """Draw a problem with Gaussian inputs, a Gaussian true map and Gaussian noise.

    Parameters
    ----------
    n, d : int >= 1
        Samples and dimensions; n < d gives an underdetermined problem.
    noise : float >= 0
        Standard deviation of the label noise, before normalisation.
    condition_number : float >= 1, optional, only for n >= d
        Condition number of Sigma: its eigenvalues become geometrically spaced with trace d, its
        eigenvectors stay. This is a linear map of the inputs, x -> A x; the test inputs go through
        the same A, so train and test inputs keep one common distribution N(0, A A^T).
    normalise : bool
        Divide w*, y and y_test by |w*|, so that |w*| = 1.
    n_test : int >= 1, optional
        Number of test samples, n by default.

    Raises
    ------
    ValueError
        If an argument is outside the range given above.
    """
    n_test = n if n_test is None else n_test
    for name, value in (("n", n), ("d", d), ("n_test", n_test)):
        if value < 1:
            raise ValueError(f"{name} = {value}: must be an integer >= 1")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise = {noise}: must be a finite standard deviation >= 0")
    X = rng.standard_normal((n, d))
    X_test = rng.standard_normal((n_test, d))
    w_true = rng.standard_normal(d)
    eps, eps_test = rng.standard_normal(n), rng.standard_normal(n_test)
    if condition_number is not None:
        if not 1 <= condition_number < np.inf:
            raise ValueError(f"condition_number = {condition_number}: must be finite and >= 1")
        if n < d:
            raise ValueError(
                f"condition_number = {condition_number}: needs n >= d, got n = {n}, d = {d}"
            )
        X, X_test = _conditioned(X, X_test, condition_number)
    return _solved(
        X, X @ w_true + noise * eps, X_test, X_test @ w_true + noise * eps_test, normalise
    )


def threefry_regression(
    n: int, d: int, noise: float, seed: int = 0, position: int = 0
) -> Regression:
    """The problem that ``jax.random`` with the original threefry numbers draws from a seed.

    Same distribution as `linear_regression` (n_test = n, normalised), other stream: keys split off
    `threefry.subkey(seed, position)` in the order inputs, test inputs, true map, noise, test noise.
    JAX before version 0.5, or later with ``JAX_THREEFRY_PARTITIONABLE=0``, draws the same numbers
    to float32 rounding.
    """
    key = threefry.subkey(seed, position)
    draws = []
    for shape in ((n, d), (n, d), (d,), (n,), (n,)):
        key, sub = threefry.split(key)
        draws.append(threefry.normal(sub, shape))
    X, X_test, w_true, eps, eps_test = draws
    return _solved(X, X @ w_true + noise * eps, X_test, X_test @ w_true + noise * eps_test, True)


def _conditioned(X: Array, X_test: Array, kappa: float) -> tuple[Array, Array]:
    n, d = X.shape
    _, singular, Vt = np.linalg.svd(X, full_matrices=False)
    eigenvalues = np.geomspace(kappa, 1.0, d)
    eigenvalues *= d / eigenvalues.sum()
    A = (Vt.T * (np.sqrt(n * eigenvalues) / singular)) @ Vt
    return X @ A, X_test @ A


def _solved(X: Array, y: Array, X_test: Array, y_test: Array, normalise: bool) -> Regression:
    w_star = np.linalg.lstsq(X, y, rcond=None)[0]
    scale = float(np.linalg.norm(w_star)) if normalise else 1.0
    return Regression(X, y / scale, X_test, y_test / scale, w_star / scale)
