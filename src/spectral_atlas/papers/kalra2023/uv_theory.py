"""Closed forms of the uv model, f = v.u / sqrt(w), L = f^2 / 2, kappa = tr H.

Symbols: k = eta kappa_0 and c = eta lambda_0 are the learning rate in units of the trace and of the
largest Hessian eigenvalue at the start; a = f_0^2 / (w kappa_0^2), between 0 and 1/4, is all that a
start contributes: the first step has L_1 / L_0 = (1 - k + a k^2)^2 and
kappa_1 / kappa_0 = 1 + a k (k - 4). <...> is a mean over starts with u, v standard normal.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from jaxtyping import Float

Array = np.ndarray
T = TypeVar("T", float, Array)  # numbers or arrays alike

K_MAX = 4.0
"""Largest k without divergence, at every width.

For k < 4 kappa only falls, as kappa' - kappa = (eta f^2 / w) (eta kappa - 4), and f^2 <= w kappa^2
/ 4 bounds the loss by w kappa_0^2 / 8. For k > 4 kappa only grows and f = 0 repels. So 4 is also
where the trace first rises above its start.
"""


def mean_a(width: T) -> T:
    """<a> = 1 / (4 (w + 1)).

    a = s^2 / 4 with s = (P - Q) / (P + Q) and P, Q chi-square with w degrees of freedom; (1 + s)/2
    is Beta(w/2, w/2), so <s^2> = 1 / (w + 1).
    """
    return 1 / (4 * (width + 1))


def mean_a_squared(width: T) -> T:
    """<a^2> = 3 / (16 (w + 1) (w + 3)), from <s^4> = 3 / ((w + 1) (w + 3))."""
    return 3 / (16 * (width + 1) * (width + 3))


def mean_trace_ratio(k: T, width: T) -> T:
    """<kappa_1 / kappa_0> = 1 + k (k - 4) / (4 (w + 1)): the mean of 1 + a k (k - 4).

    Below 1 for every k < 4: sharpness is reduced at first order in 1/w.
    """
    return 1 + k * (k - 4) * mean_a(width)


def mean_loss_ratio(k: T, width: T) -> T:
    """<L_1 / L_0> = (1 - k)^2 + (1 - k) k^2 / (2 (w + 1)) + 3 k^4 / (16 (w + 1) (w + 3)).

    The mean of (1 - k + a k^2)^2.
    """
    return (1 - k) ** 2 + 2 * (1 - k) * k**2 * mean_a(width) + k**4 * mean_a_squared(width)


def k_loss(a: Float[Array, "*runs"]) -> Float[Array, "*runs"]:
    """The k from which the first step raises the loss, 4 / (1 + sqrt(1 - 8 a)); nan if a >= 1/8.

    L_1 > L_0 below k = 4 needs 1 - k + a k^2 < -1; this is the smaller root of a k^2 - k + 2. For
    a >= 1/8 no k below 4 raises the loss at once.
    """
    root = np.sqrt(np.where(a < 1 / 8, 1 - 8 * np.asarray(a), np.nan))
    return 4 / (1 + root)


def c_over_k(a: Float[Array, "*runs"]) -> Float[Array, "*runs"]:
    """c / k = lambda_0 / kappa_0 = (1 + sqrt(1 + 12 a)) / 2.

    The largest Hessian eigenvalue is (kappa + sqrt(kappa^2 + 12 f^2 / w)) / 2.
    """
    return (1 + np.sqrt(1 + 12 * a)) / 2


def mean_c_loss(width: T) -> T:
    """<c_loss> = 2 + 2.5 / (w + 1) to first order in 1/w.

    k_loss = 2 + 4 a + ..., times c / k = 1 + 3 a + ..., is 2 + 10 a + ...
    """
    return 2 + 10 * mean_a(width)


def mean_c_max(width: T) -> T:
    """<c_max> = 4 + 3 / (w + 1) to first order in 1/w: the mean of 4 c / k = 4 + 12 a + ..."""
    return K_MAX * (1 + 3 * mean_a(width))


def saturated_trace(k: T) -> T:
    """Final kappa / kappa_0 just above k = 2, at large width: (4 - k) / k.

    With x = eta kappa - 2 and G = eta^2 f^2 / w both small, x' = x - 2 G and G' = G (1 + 2 x), so
    G + x^2 / 2 is conserved: from G = 0 to G = 0, x changes sign.
    """
    return (4 - k) / k
