"""Closed forms of the examples in the follow-up, arXiv:2510.24466; `theory` hands them on.

*follow-up*: read there. *derived*: display formulas that were not legible, derived again and
checked against its captions.

Two samples (x_1, x_1), (x_2, x_2), the first drawn with probability p, learned by t_1 t_2 x with
half the squared error. At the minimizer (t_1, 1 / t_1) the Hessian of sample i has the eigenvalue
x_i^2 s, s = t_1^2 + t_1^-2, across the minimizers, and 0 along them, so a step multiplies the
distance by 1 - eta x_i^2 s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
Intervals = list[tuple[float, float]]


def singular_loss(t: ArrayLike) -> Array:
    """t^4 / 2 - 3 t^2 + 8 for |t| <= 2, else t^2: once differentiable at 2 (follow-up)."""
    t = as_floats(t)
    return np.where(np.abs(t) <= 2, 0.5 * t**4 - 3 * t**2 + 8, t**2)


def singular_gradient(t: ArrayLike) -> Array:
    """Its derivative: 2 t^3 - 6 t for |t| <= 2, else 2 t (derived)."""
    t = as_floats(t)
    return np.where(np.abs(t) <= 2, 2 * t**3 - 6 * t, 2 * t)


def singular_curvature(t: ArrayLike) -> Array:
    """Its second derivative: 6 t^2 - 6 for |t| <= 2, from inside at 2, else 2 (derived)."""
    t = as_floats(t)
    return np.where(np.abs(t) <= 2, 6 * t**2 - 6, 2.0)


def singular_map(t: ArrayLike, eta: ArrayLike) -> Array:
    """A step of gradient descent on it. At eta = 1/2 every |t| > 2 goes to 0 (follow-up)."""
    return as_floats(t) - as_floats(eta) * singular_gradient(t)


def gd_exponent(s: ArrayLike, eta: float, inputs: Sequence[float], p: float) -> Array:
    """mu(s) = ln |1 - eta (p x_1^2 + (1 - p) x_2^2) s| (derived).

    Descent on the loss that SGD descends on average; a minimizer with mu < 0 is stable and one with
    mu > 0 is not (follow-up).
    """
    with np.errstate(divide="ignore"):
        return np.log(np.abs(1 - eta * _mean_square(inputs, p) * as_floats(s)))


def sgd_exponent(s: ArrayLike, eta: float, inputs: Sequence[float], p: float) -> Array:
    """lambda(s) = p ln |1 - eta x_1^2 s| + (1 - p) ln |1 - eta x_2^2 s| (derived).

    Growth of a distance per step of SGD with one sample a step; decides likewise (follow-up).
    """
    first, second = (gd_exponent(s, eta, (x, x), p) for x in inputs)
    return p * first + (1 - p) * second


def gd_stable(eta: float, inputs: Sequence[float], p: float) -> Intervals:
    """Intervals of t_1 > 0 with mu < 0, ascending: s < 2 / (eta mean x^2) (derived)."""
    return _in_t([(0.0, 2 / (eta * _mean_square(inputs, p)))])


def sgd_stable(eta: float, inputs: Sequence[float], p: float) -> Intervals:
    """Intervals of t_1 > 0 with lambda < 0, ascending, up to three (derived).

    lambda falls from 0 to -inf at the lower of the poles s_i = 1 / (eta x_i^2), is concave between
    them, largest at p s_2 + (1 - p) s_1, and climbs from -inf to inf beyond both. So each root has
    a bracket, whatever the parameters.
    """
    from scipy.optimize import brentq

    def at(s: float) -> float:
        return float(sgd_exponent(s, eta, inputs, p))

    def root(low: float, high: float) -> float:
        """Of a bracket one end of which is a pole."""
        return float(brentq(lambda s: np.clip(at(s), -700, 700), low, high, xtol=1e-14))

    rates = [eta * x**2 for x in inputs]
    near, far = 1 / max(rates), 1 / min(rates)
    beyond = 2 * far
    while at(beyond) <= 0:
        beyond *= 2
    end = root(far, beyond)
    summit = (p * rates[0] + (1 - p) * rates[1]) / (rates[0] * rates[1])
    if not near < summit < far or at(summit) <= 0:
        return _in_t([(0.0, end)])
    return _in_t([(0.0, root(near, summit)), (root(summit, far), end)])


def _in_t(of_s: Intervals) -> Intervals:
    """Intervals of s = t^2 + t^-2 >= 2 as those of t > 0: each beside its mirror image 1 / t."""
    found: Intervals = []
    for low, high in of_s:
        if high <= 2:
            continue
        outer = float(larger_root(high))
        found += [(1 / outer, outer)] if low < 2 else [(1 / outer, 1 / float(larger_root(low)))]
        found += [] if low < 2 else [(float(larger_root(low)), outer)]
    return sorted(found)


def larger_root(s: ArrayLike) -> Array:
    """The larger t > 0 with t^2 + t^-2 = s; NaN for s < 2. The smaller is 1 / t."""
    s = as_floats(s)
    with np.errstate(invalid="ignore"):
        return np.sqrt((s + np.sqrt(s**2 - 4)) / 2)


def _mean_square(inputs: Sequence[float], p: float) -> float:
    first, second = inputs
    return p * first**2 + (1 - p) * second**2


def as_floats(value: ArrayLike) -> Array:
    """In double precision."""
    return np.asarray(value, dtype=np.float64)
