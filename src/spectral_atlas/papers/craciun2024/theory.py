"""Closed forms for gradient descent on small linear networks, each with its source.

Sources: *derived* here, elementary and tested; *follow-up*, verified in
arXiv:2510.24466; *recalled*, known of the paper at second hand only.

Symbols: eta the learning rate, eta_C the critical one, a = eta / eta_C, H the depth, sigma_1 the
largest singular value of W*. The network of two parameters has L = (1 - w_1 w_2)^2, the minimizers
w_1 w_2 = 1 and eta_C = 1/2. The follow-up's own examples are in `follow_up`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spectral_atlas.papers.craciun2024.follow_up import as_floats, larger_root

# Not used here: handed on to those who import `theory`.
from spectral_atlas.papers.craciun2024.follow_up import gd_exponent as gd_exponent
from spectral_atlas.papers.craciun2024.follow_up import gd_stable as gd_stable
from spectral_atlas.papers.craciun2024.follow_up import sgd_exponent as sgd_exponent
from spectral_atlas.papers.craciun2024.follow_up import sgd_stable as sgd_stable
from spectral_atlas.papers.craciun2024.follow_up import singular_curvature as singular_curvature
from spectral_atlas.papers.craciun2024.follow_up import singular_gradient as singular_gradient
from spectral_atlas.papers.craciun2024.follow_up import singular_loss as singular_loss
from spectral_atlas.papers.craciun2024.follow_up import singular_map as singular_map

Array = np.ndarray

DOUBLING = 5**0.5 - 1
"""The a at which the period-2 orbit doubles, where 9 - 2 (1 + a)^2 = -1 (derived)."""
DEAD_ZONE = 1.5 * 3**0.5 - 1
"""The a from which x + a x (1 - x^2) takes (0, 1) to x <= 0 (derived).

Its largest value, 2 (1 + a) x / 3 at x^2 = (1 + a) / (3 a), is then sqrt(1 + 1/a), mapped to 0.
"""


def hessian(w_1: ArrayLike, w_2: ArrayLike) -> Array:
    """Hessian of (1 - w_1 w_2)^2, (..., 2, 2) (derived)."""
    x, y = np.broadcast_arrays(as_floats(w_1), as_floats(w_2))
    mixed = 4 * x * y - 2
    return np.stack([np.stack([2 * y**2, mixed], -1), np.stack([mixed, 2 * x**2], -1)], -2)


def determinant(w_1: ArrayLike, w_2: ArrayLike, eta: ArrayLike) -> Array:
    """det(I - eta Hessian) of the two-parameter network (derived).

    (1 - 2 eta w_1^2) (1 - 2 eta w_2^2) - eta^2 (4 w_1 w_2 - 2)^2.
    """
    x, y, eta = as_floats(w_1), as_floats(w_2), as_floats(eta)
    return (1 - 2 * eta * x**2) * (1 - 2 * eta * y**2) - (eta * (4 * x * y - 2)) ** 2


def sharpness_on_minima(w_1: ArrayLike) -> Array:
    """Larger Hessian eigenvalue at (w_1, 1 / w_1), 2 (w_1^2 + w_1^-2); the other is 0 (derived)."""
    x = as_floats(w_1)
    return 2 * (x**2 + x**-2)


def stable_interval(eta: ArrayLike) -> tuple[Array, Array]:
    """Ends of the w_1 > 0 with sharpness below 2 / eta, sqrt((1/eta -+ sqrt(1/eta^2 - 4)) / 2).

    NaN for eta > 1/2. At eta = 1/2 both are 1, a point that is not strictly stable (derived).
    """
    high = larger_root(1 / as_floats(eta))
    return 1 / high, high


def stable_arclength(eta: ArrayLike) -> Array:
    """Length of the stable minimizers with w_1 > 0; NaN for eta > 1/2 (derived).

    With w_1 = e^u it is the integral of sqrt(2 cosh 2u) between -+ ln of the interval's end.
    """
    reach = np.log(stable_interval(eta)[1])
    node, weight = np.polynomial.legendre.leggauss(128)
    return reach * (np.sqrt(2 * np.cosh(2 * reach[..., None] * node)) @ weight)


def stable_radius(eta: ArrayLike) -> Array:
    """Supremum of |(w_1, w_2)| over stable minimizers, sqrt(1 / eta); NaN for eta > 1/2 (derived).

    That it is finite is a claim of the paper's (verified).
    """
    eta = as_floats(eta)
    return np.where(eta <= 0.5, np.sqrt(1 / eta), np.nan)


def saddle_reach(eta: ArrayLike) -> Array:
    """On w_2 = -w_1 descent ends at the saddle 0 for |w_1| < sqrt(1/eta - 1), eta < 1 (derived).

    There w_1 -> w_1 (1 - 2 eta (1 + w_1^2)). A null set of starts that eta_C does not end: it lasts
    up to 2 eta_C. NaN beyond. It has preimages: see `lands_on_antidiagonal`.
    """
    with np.errstate(invalid="ignore"):
        return np.sqrt(1 / as_floats(eta) - 1)


def white_critical_step(sigma_1: ArrayLike, depth: ArrayLike) -> Array:
    """eta_C = 1 / (H sigma_1^(2 - 2/H)) for white data, from balanced minimizers (derived).

    That there is such a step is the paper's (verified).
    """
    depth, sigma_1 = as_floats(depth)[()], as_floats(sigma_1)[()]  # scalars: with libm's power
    return 1 / (depth * sigma_1 ** (2 - 2 / depth))


def flow_limit(start: Sequence[float]) -> Array:
    """Where gradient flow of (1 - w_1 ... w_H)^2 ends from positive weights, (H,) (derived).

    All w_h^2 change by the same u, and prod (w_h^2 + u) = 1. ValueError unless all are positive.
    """
    from scipy.optimize import brentq

    squares = np.square(as_floats(start))
    if not (squares.size and np.all(as_floats(start) > 0)):
        raise ValueError(f"start = {list(start)}: must be positive weights")
    low = -squares.min()  # a factor is 0 there; at 1 all are at least 1
    return np.sqrt(squares + brentq(lambda u: np.prod(squares + u) - 1, low, 1.0, xtol=1e-15))


def chain_sharpness(weights: ArrayLike) -> Array:
    """Sharpness where (1 - w_1 ... w_H)^2 is 0: 2 sum w_h^-2, over the last axis (derived)."""
    return 2 * (as_floats(weights) ** -2).sum(-1)


# ---- the diagonal w_1 = w_2 = x: x -> x + a x (1 - x^2) ----


def diagonal_map(x: ArrayLike, a: ArrayLike) -> Array:
    """x + a x (1 - x^2), gradient descent on the diagonal (derived)."""
    x = as_floats(x)
    return x * (1 + as_floats(a) * (1 - x**2))


def diagonal_multipliers(x: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Eigenvalues of the two-parameter map's Jacobian at (x, x) (derived).

    Along the diagonal 1 + a - 3 a x^2, across it 1 - a + a x^2. The directions are those of (1, 1)
    and (1, -1) for every x, so along an orbit each is multiplied up.
    """
    square, a = as_floats(x) ** 2, as_floats(a)
    return 1 + a - 3 * a * square, 1 - a + a * square


def lands_on_antidiagonal(eta: ArrayLike) -> Array:
    """The product w_1 w_2 = 1 + 1 / (2 eta) of starts that one step takes to w_2 = -w_1 (derived).

    The sum w_1 + w_2 is multiplied by 1 + 2 eta (1 - w_1 w_2) in a step.
    """
    return 1 + 1 / (2 * as_floats(eta))


def period_two_points(a: ArrayLike) -> tuple[Array, Array]:
    """The orbit (sqrt(1 + 3/a) +- sqrt(1 - 1/a)) / 2, for a > 1; NaN below 1 (derived).

    Its points x, y have x y = 1/a and x^2 + y^2 = 1 + 1/a.
    """
    a = as_floats(a)
    with np.errstate(invalid="ignore"):
        middle, half = np.sqrt(1 + 3 / a) / 2, np.sqrt(1 - 1 / a) / 2
    return middle + half, middle - half


def period_two_multipliers(a: ArrayLike) -> tuple[Array, Array]:
    """Of that orbit: along the diagonal 9 - 2 (1 + a)^2, across it 3 - 2 a (derived).

    Both are within -1 and 1 for 1 < a < `DOUBLING`.
    """
    a = as_floats(a)
    return 9 - 2 * (1 + a) ** 2, 3 - 2 * a


def asymptotic_gradient(a: ArrayLike, sigma_1: ArrayLike = 1.0) -> Array:
    """|gradient| in the end, 2 sqrt(2) sigma_1^1.5 sqrt(1 - 1/a) / a; 0 for a <= 1 (derived).

    Two layers and white data: the period-2 orbit of the leading mode, up to a = `DOUBLING`, or to
    2 sigma_1 / (sigma_1 + sigma_2) if that is less: there a second mode ends it.
    That it leaves 0 sharply at eta_C is an observation of the paper's (verified).
    """
    beyond = np.maximum(as_floats(a), 1)
    return 2 * 2**0.5 * as_floats(sigma_1) ** 1.5 * np.sqrt(1 - 1 / beyond) / beyond
