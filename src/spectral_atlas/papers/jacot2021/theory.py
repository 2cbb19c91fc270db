"""What theory says about deep linear maps A = W_L ... W_1 on C(A) = sum weights (A - observed)^2.

Symbols: L the depth (number of matrices), w the width, w^-gamma the variance of every initial
weight, (s_1, u_1, v_1) the top singular triple of the gradient of C at A = 0, lambda the ridge of
C(A) + lambda |theta|^2, c the common weight of the entries where all are observed, m = 1 - 2/L.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray


def optimal_escape_speed(s_1: ArrayLike, depth: int) -> Array:
    """Fastest escape from the origin, s* = L^{-(L-2)/2} s_1: |theta|' = s* |theta|^{L-1}.

    With G the gradient of C at 0 and H(theta) = <G, A_theta> the leading term, gradient flow stays
    on the ray of a unit vector rho where grad H(rho) = -s rho; s* is the largest such s, that of
    the balanced layers of -u_1 v_1^T of any width.
    """
    return _float(s_1) * depth ** (-(depth - 2) / 2)


def escape_radius(t: ArrayLike, r_0: float, speed: float, depth: int) -> Array:
    """|theta| at time t on an escape ray: r' = speed r^{L-1}, r(0) = r_0.

    r_0 exp(speed t) for L = 2, else (r_0^{-(L-2)} - (L-2) speed t)^{-1/(L-2)}: infinite from the
    blow-up time on.
    """
    t = _float(t)
    if depth == 2:
        return r_0 * np.exp(speed * t)
    left = np.maximum(1 - t / blow_up_time(r_0, speed, depth), 0)
    with np.errstate(divide="ignore"):
        return r_0 * left ** (-1 / (depth - 2))


def blow_up_time(r_0: ArrayLike, speed: ArrayLike, depth: int) -> Array:
    """When `escape_radius` is infinite, r_0^{-(L-2)} / ((L-2) speed); never for L = 2."""
    if depth == 2:
        return np.full(np.broadcast_shapes(np.shape(r_0), np.shape(speed)), np.inf)
    return _float(r_0) ** (2 - depth) / ((depth - 2) * _float(speed))


def escape_time_scale(width: ArrayLike, gamma: ArrayLike, depth: int) -> Array:
    """w^{(gamma-1)(L-2)/2}: how s_1 T of the escape time T grows with w, for L > 2 and gamma > 1.

    One for L = 2, where T grows by sums: `shallow_escape_delay`.
    """
    return _float(width) ** ((_float(gamma) - 1) * (depth - 2) / 2)


def shallow_escape_delay(width: ArrayLike, gamma_step: ArrayLike) -> Array:
    """What s_1 T gains at L = 2 when gamma grows by ``gamma_step``: gamma_step ln(w) / 2."""
    return _float(gamma_step) * np.log(width) / 2


def smallest_gamma(depth: int) -> float:
    """1 - 1/L, the NTK parametrization: for any larger gamma A -> 0 at the start as w grows."""
    return 1 - 1 / depth


def kernel_scale(depth: int, width: ArrayLike, gamma: ArrayLike) -> Array:
    """Theta = L w^{(1-gamma)(L-1)}: the tangent kernel at the start is Theta times the identity.

    To leading order in 1/w: each of the L terms has the mean (w w^-gamma)^{L-1}.
    """
    return depth * _float(width) ** ((1 - _float(gamma)) * (depth - 1))


def lazy_rate(learning_rate: ArrayLike, kernel: ArrayLike, n_observed: int) -> Array:
    """Logarithm of what a step multiplies an observed residual by, ln(1 - 2 eta Theta / N).

    ``kernel`` is Theta. The train cost falls by twice this. NaN where the step overshoots.
    """
    with np.errstate(invalid="ignore"):
        return np.log1p(-2 * _float(learning_rate) * _float(kernel) / n_observed)


def distance_to_minima(residual_norm: ArrayLike, kernel: ArrayLike) -> Array:
    """Distance from a lazy start to a global minimum, |observed - A_0|_F / sqrt(Theta).

    ``residual_norm`` is that norm over the observed entries, ``kernel`` is Theta: the length of the
    shortest step for which the linearized map fits them.
    """
    return _float(residual_norm) / np.sqrt(_float(kernel))


def basin_radius(ridge: ArrayLike, speed: ArrayLike, depth: int) -> Array:
    """How far the origin's basin reaches along the optimal direction: (2 lambda / s*)^{1/(L-2)}.

    There r' = s* r^{L-1} - 2 lambda r changes sign. ValueError for L < 3: it never does.
    """
    if depth < 3:
        raise ValueError(f"depth = {depth}: must be at least 3")
    return (2 * _float(ridge) / _float(speed)) ** (1 / (depth - 2))


def stationary_values(
    a: ArrayLike, ridge: ArrayLike, c: ArrayLike, depth: int
) -> tuple[Array, Array]:
    """Stationary s > 0 of c (s - a)^2 + lambda L s^{2/L}: a = s + (lambda/c) s^{-m}.

    Where all entries have the weight c, each singular value a of the target shrinks on its own.
    Returns the maximum between 0 and the minimum (NaN for L = 2: there is none), and that minimum;
    both of the broadcast shape, and NaN where a < `a_critical`.
    """
    a, k = np.broadcast_arrays(_float(a), _ratio(ridge, c))
    m = 1 - 2 / depth
    exists = (a >= a_critical(ridge, c, depth)) & (a > 0)
    if depth == 2:
        return np.full(a.shape, np.nan), np.where(exists, a - k, np.nan)
    a = np.where(exists, a, 1.0)
    k = np.where(exists, k, 0.0) * a ** (-1 - m)  # now a = 1: x + k x^-m = 1
    middle = (m * k) ** (1 / (1 + m))
    upper = a * _newton(np.ones_like(k), middle, k, m)
    lower = np.where(k > 0, a * _newton(k ** (1 / m), middle, k, m), 0.0)
    return np.where(exists, lower, np.nan), np.where(exists, upper, np.nan)


def a_critical(ridge: ArrayLike, c: ArrayLike, depth: int) -> Array:
    """Least a with a minimum s > 0, s_c (1 + 1/m), s_c^{1+m} = m lambda/c; lambda/c at L = 2."""
    m = 1 - 2 / depth
    return (1 + m) * m ** (-m / (1 + m)) * _ratio(ridge, c) ** (1 / (1 + m))


def a_global(ridge: ArrayLike, c: ArrayLike, depth: int) -> Array:
    """Least a with that minimum as low as 0, s_g (L-1)/(L-2), s_g^{1+m} = (L-2) lambda/c."""
    m = 1 - 2 / depth
    return (depth - 1) * (depth - 2) ** (-m / (1 + m)) * _ratio(ridge, c) ** (1 / (1 + m))


def lambda_critical(a: ArrayLike, c: ArrayLike, depth: int) -> Array:
    """Largest ridge at which a has a minimum other than 0, (c/m) (a m / (1+m))^{1+m}."""
    m = 1 - 2 / depth
    return _float(c) * m**m * (_float(a) / (1 + m)) ** (1 + m)


def lambda_global(a: ArrayLike, c: ArrayLike, depth: int) -> Array:
    """Largest ridge at which it is the lowest, c (a (L-2)/(L-1))^{1+m} / (L-2).

    Between this and `lambda_critical` the minimum that keeps a is a local one only.
    """
    m = 1 - 2 / depth
    return _float(c) * (depth - 2) ** m * (_float(a) / (depth - 1)) ** (1 + m)


def _newton(x: Array, middle: Array, k: Array, m: float) -> Array:
    """Root of x + k x^-m = 1 between x, where the left side is larger, and its minimum `middle`.

    The left side is convex: Newton's iterates approach from the side of x. At worst, at a double
    root, each halves the distance. The clip keeps rounding from throwing them over.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(60):
            term = k * x**-m
            step = (x + term - 1) / (1 - m * term / x)
            x = np.clip(x - np.nan_to_num(step), np.minimum(x, middle), np.maximum(x, middle))
    return x


def _ratio(ridge: ArrayLike, c: ArrayLike) -> Array:
    return _float(ridge) / _float(c)


def _float(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)
