"""Formulas of Marion & Chizat 2024, and what follows from them. R(W) = (1/n) |y - X W_prod^T|^2.

Symbols: Sigma = X^T X / n with extreme eigenvalues lambda and Lambda, w* the least-squares solution,
a = (w*/|w*|)^T Sigma (w*/|w*|), L the depth, S the sharpness.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar


def lower_bound(depth: int, a: float, w_norm: float = 1.0) -> float:
    """Least sharpness of any minimizer, S_min >= 2 L a |w*|^{2 - 2/L} (Theorem 1)."""
    return 2 * depth * a * w_norm ** (2 - 2 / depth)


def upper_end(depth: int, a: float, Lambda: float, w_norm: float = 1.0) -> float:
    """Upper end of Theorem 1: S_min <= 2 |w*|^{2-2/L} sqrt((2L-1) Lambda^2 + (L-1)^2 a^2).

    Recalled; it does dominate the sharpness of the balanced rank-one minimizer.
    """
    root = np.sqrt((2 * depth - 1) * Lambda**2 + (depth - 1) ** 2 * a**2)
    return float(2 * w_norm ** (2 - 2 / depth) * root)


def small_scale_bound(depth: int, Lambda: float, w_norm: float = 1.0) -> float:
    """Gradient flow from small scale ends with S <= 8 L Lambda |w*|^{2 - 2/L} (Corollary 2)."""
    return 8 * depth * Lambda * w_norm ** (2 - 2 / depth)


def ratio_bound(condition_number: float) -> float:
    """Corollary 2 as a ratio: S / S_min <= 4 Lambda / lambda (recalled; 8 L Lambda over 2 L lambda)."""
    return 4 * condition_number


def rank_one_limit(Sigma: np.ndarray, w_star: np.ndarray, depth: int) -> float:
    """Sharpness of the balanced aligned rank-one minimizer, the limit of vanishing scale.

    S = 2 |w*|^{2-2/L} lambda_max(Sigma + (L-1) Sigma^{1/2} u u^T Sigma^{1/2}), u = w*/|w*|
    (derived from the Gauss-Newton form of the Hessian at a minimizer).
    """
    share = float(np.linalg.norm(w_star)) ** (1 / depth)
    return rank_one_sharpness(Sigma, w_star, depth, share)


def rank_one_sharpness(Sigma: np.ndarray, w_star: np.ndarray, depth: int, sigma_1: float) -> float:
    """Sharpness of an aligned rank-one minimizer whose first layer has norm ``sigma_1``.

    The other layers share the rest of |w*| evenly, sigma = (|w*| / sigma_1)^{1/(L-1)}.
    """
    norm = float(np.linalg.norm(w_star))
    u = w_star / norm
    values, vectors = np.linalg.eigh(Sigma)
    root_u = vectors @ (np.sqrt(np.maximum(values, 0)) * (vectors.T @ u))
    first = (norm / sigma_1) ** 2
    others = 0.0 if depth == 1 else (depth - 1) * norm**2 * (norm / sigma_1) ** (-2 / (depth - 1))
    return float(2 * np.linalg.eigvalsh(first * Sigma + others * np.outer(root_u, root_u))[-1])


def least_rank_one_sharpness(Sigma: np.ndarray, w_star: np.ndarray, depth: int) -> float:
    """Least of `rank_one_sharpness` over the norm of the first layer: how tight Theorem 1 is."""
    share = np.log(np.linalg.norm(w_star)) / depth
    found = minimize_scalar(
        lambda log_sigma: rank_one_sharpness(Sigma, w_star, depth, float(np.exp(log_sigma))),
        bounds=(share - 1, share + 1),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.fun)


def critical_learning_rate(depth: int, a: float, w_norm: float = 1.0) -> float:
    """eta* = 2 / (2 L a |w*|^{2-2/L}): above it no minimizer is stable (Figure 2)."""
    return 2 / lower_bound(depth, a, w_norm)


def edge_of_stability(learning_rate: float) -> float:
    """2 / eta, the largest sharpness at which gradient descent is stable."""
    return 2 / learning_rate
