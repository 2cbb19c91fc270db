"""Formulas of Marion & Chizat 2024, and what follows from them. R(W) = (1/n) |y - X W_prod^T|^2.

Symbols: Sigma = X^T X / n with extreme eigenvalues lambda and Lambda, w* the least-squares
solution, a = (w*/|w*|)^T Sigma (w*/|w*|), L the depth, S the sharpness.
"""

from __future__ import annotations

import numpy as np

GOLDEN = (5**0.5 - 1) / 2


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
    """Corollary 2 as a ratio, recalled: S/S_min <= 4 Lambda/lambda, 8 L Lambda over 2 L lambda."""
    return 4 * condition_number


def rank_one_limit(Sigma: np.ndarray, w_star: np.ndarray, depth: int) -> float:
    """Sharpness of the balanced aligned rank-one minimizer, the limit of vanishing scale.

    S = 2 |w*|^{2-2/L} lambda_max(Sigma + (L-1) Sigma^{1/2} u u^T Sigma^{1/2}), u = w*/|w*|
    (derived from the Gauss-Newton form of the Hessian at a minimizer).
    """
    return rescaled_sharpness(Sigma, w_star, depth, 1.0)


def rescaled_sharpness(Sigma: np.ndarray, w_star: np.ndarray, depth: int, t: float) -> float:
    """Sharpness of that minimizer after W_1 is multiplied by t and W_2 by 1/t.

    The network computes the same map, yet the sharpness has no upper bound: it grows like t^2 for
    large and like t^{-2} for small t.
    """
    share = float(np.linalg.norm(w_star)) ** (1 / depth)
    norms = np.full(depth, share)
    norms[0] *= t
    norms[1:2] /= t
    return aligned_sharpness(Sigma, w_star, norms)


def aligned_sharpness(Sigma: np.ndarray, w_star: np.ndarray, norms: np.ndarray) -> float:
    """Sharpness of the aligned rank-one minimizer whose layers have the given norms, (L,).

    S = 2 |w*|^2 lambda_max(Sigma / norms_1^2 + c Sigma^{1/2} u u^T Sigma^{1/2}), u = w*/|w*| and c
    the sum of norms_k^{-2} over k > 1. ValueError unless the norms multiply to |w*|.
    """
    norm = float(np.linalg.norm(w_star))
    if not np.isclose(np.prod(norms), norm, rtol=1e-9):
        raise ValueError(f"layer norms multiply to {np.prod(norms):g}, not to |w*| = {norm:g}")
    values, vectors = np.linalg.eigh(Sigma)
    root_u = vectors @ (np.sqrt(np.maximum(values, 0)) * (vectors.T @ w_star)) / norm
    inverse = norms**-2.0
    inner = inverse[0] * Sigma + inverse[1:].sum() * np.outer(root_u, root_u)
    return float(2 * norm**2 * np.linalg.eigvalsh(inner)[-1])


def rank_one_sharpness(Sigma: np.ndarray, w_star: np.ndarray, depth: int, sigma_1: float) -> float:
    """Sharpness of an aligned rank-one minimizer whose first layer has norm ``sigma_1``.

    The other layers share the rest of |w*| evenly: each has norm (|w*| / sigma_1)^{1/(L-1)}.
    """
    rest = (float(np.linalg.norm(w_star)) / sigma_1) ** (1 / max(depth - 1, 1))
    return aligned_sharpness(Sigma, w_star, np.array([sigma_1, *[rest] * (depth - 1)]))


def least_rank_one_sharpness(Sigma: np.ndarray, w_star: np.ndarray, depth: int) -> float:
    """Least of `rank_one_sharpness` over the norm of the first layer: how tight Theorem 1 is.

    Golden-section search: in the logarithm of that norm the sharpness is convex, as the largest of
    sums of exponentials with non-negative weights.
    """
    if depth == 1:
        return rank_one_limit(Sigma, w_star, depth)

    def sharpness(log_norm: float) -> float:
        return rank_one_sharpness(Sigma, w_star, depth, float(np.exp(log_norm)))

    share = float(np.log(np.linalg.norm(w_star))) / depth
    low, high = share - 1, share + 1
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    values = [sharpness(x) for x in inner]
    while high - low > 1e-8:  # the value is then exact to rounding
        if values[0] < values[1]:
            high, inner = inner[1], [inner[1] - GOLDEN * (inner[1] - low), inner[0]]
            values = [sharpness(inner[0]), values[0]]
        else:
            low, inner = inner[0], [inner[1], inner[0] + GOLDEN * (high - inner[0])]
            values = [values[1], sharpness(inner[1])]
    return min(values)


def critical_learning_rate(depth: int, a: float, w_norm: float = 1.0) -> float:
    """eta* = 2 / (2 L a |w*|^{2-2/L}): above it no minimizer is stable (Figure 2)."""
    return 2 / lower_bound(depth, a, w_norm)


def edge_of_stability(learning_rate: float) -> float:
    """2 / eta, the largest sharpness at which gradient descent is stable."""
    return 2 / learning_rate
