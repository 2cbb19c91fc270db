"""Closed forms for Ben Arous, Gheissari, Huang & Jagannath: fixed points and their spectra.

Two tasks, trained by one-pass SGD with ridge beta/2 |parameters|^2, on samples mean + Z / sqrt(
lambda), Z standard normal in R^d and lambda the precision:

- the class mixture: k equally likely components with orthonormal means mu_1..mu_k, multi-class
  logistic regression with one vector x^c for each class;
- the XOR mixture: means mu, -mu with label 1 and nu, -nu with label 0 (mu, nu orthonormal), a
  two-layer ReLU network v . g(W X) with K neurons.

Fixed points are those of infinite precision. At finite precision, by Gaussian integration by parts
(derived here), a block E[w Y Y^T], with a sample weight w that depends on Y through few inner
products, is, given the component with mean m,

    E[w] (m m^T + I / lambda) + (m E[grad w]^T + E[grad w] m^T) / lambda + E[Hess w] / lambda^2:

few directions, and a multiple E[w] / lambda of the identity. What finitely many samples make of
that is in `effective`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.special import expit

XOR_RIDGE_LIMIT = 1 / 8  # from here on the only fixed point of the XOR network is zero


@dataclass(frozen=True)
class MixtureFixedPoint:
    """Where the class mixture ends at infinite precision: x^c = A mu_c + B sum_{a != c} mu_a.

    Attributes
    ----------
    A, B : float
        The coefficients; B = -A / (k - 1).
    p, q : float
        Probability of the right class, and of each of the others, at the means.
    norm : float
        |x^c|.
    rho_1 : float
        Cosine of the angle between x^c and mu_c, sqrt((k - 1) / k): short of one, always.
    hessian_top, hessian_mini : float
        Eigenvalues of the block H_cc without ridge: p (1 - p) / k along mu_c, q (1 - q) / k along
        each of the other means. Equal for k = 2.
    gradient_top, gradient_mini : float
        Likewise of G_cc: (1 - p)^2 / k and q^2 / k.
    """

    A: float
    B: float
    p: float
    q: float
    norm: float
    rho_1: float
    hessian_top: float
    hessian_mini: float
    gradient_top: float
    gradient_mini: float


def mixture_fixed_point(classes: int, ridge: float) -> MixtureFixedPoint:
    """The unique minimizer of the population risk at infinite precision (derived here).

    A solves k beta A = 1 - p with p = 1 / (1 + (k - 1) exp(-A k / (k - 1))), to rounding: the left
    side increases in A, the right side decreases.
    """
    from scipy.optimize import brentq  # a third of a second that most figures need not wait for

    k = _classes(classes)
    if not 0 < ridge < np.inf:
        raise ValueError(f"ridge: expected a positive number, got {ridge:g}: A is infinite at zero")

    def miss(A: float) -> float:  # 1 - p without cancellation, however close p is to one
        return float(expit(np.log(k - 1) - A * k / (k - 1)))

    # 1 - p <= (k - 1) / k, and 1 - p <= (k - 1) exp(-A k / (k - 1)) <= k beta A where A >= 1.
    by_exponent = (k - 1) / k * np.log((k - 1) / (k * ridge))
    high = min((k - 1) / (k**2 * ridge), max(1.0, by_exponent))
    # The bracket is widened: at its end the difference may vanish to rounding.
    rtol = 4 * np.finfo(float).eps
    A = float(brentq(lambda A: k * ridge * A - miss(A), 0.0, 2 * high, xtol=1e-300, rtol=rtol))
    wrong = miss(A)
    q = wrong / (k - 1)
    return MixtureFixedPoint(
        A=A,
        B=-A / (k - 1),
        p=1 - wrong,
        q=q,
        norm=A * (k / (k - 1)) ** 0.5,
        rho_1=((k - 1) / k) ** 0.5,
        hessian_top=(1 - wrong) * wrong / k,
        hessian_mini=q * (1 - q) / k,
        gradient_top=wrong**2 / k,
        gradient_mini=q**2 / k,
    )


def initial_hessian_outlier(classes: int) -> float:
    """(k - 1) / k^3, k-fold: the outliers of H_cc where all classes are equally likely.

    With x near zero p = 1/k everywhere, so that H_cc = p (1 - p) E[Y Y^T] (derived here, for
    orthonormal means, infinite precision).
    """
    k = _classes(classes)
    return (k - 1) / k**3


def initial_gradient_ratio(classes: int) -> float:
    """(k - 1)^2: top outlier of G_cc over each of the k - 1 others where p = 1/k (derived here)."""
    return float((_classes(classes) - 1) ** 2)


def random_alignment(rank: int, dimension: int) -> float:
    """sqrt(r / d): root mean square |P u| for a random unit u in R^d and a fixed r-dim. space."""
    if not 0 <= rank <= dimension or dimension < 1:
        raise ValueError(f"rank: expected 0..{dimension}, got {rank}")
    return (rank / dimension) ** 0.5


def xor_constant(ridge: float) -> float:
    """C_beta = -logit(4 beta): |f| at a learned mean, and the sum of v_i^2 over its neurons.

    After the 2022 companion paper on limits of SGD, where the ridge parameter is called alpha.
    """
    _xor_ridge(ridge)
    return float(np.log1p(-4 * ridge) - np.log(4 * ridge))


def xor_readout_eigenvalues(ridge: float) -> tuple[float, float]:
    """Eigenvalues of H_vv and G_vv at the XOR fixed points: beta (1 - 4 beta) C and 4 beta^2 C.

    One for each learned mean, all equal; the others are zero (derived here from the fixed points of
    the 2022 companion paper; without ridge).
    """
    hessian, gradient = xor_neuron_weights(ridge)
    return hessian * xor_constant(ridge), gradient * xor_constant(ridge)


def xor_neuron_weights(ridge: float) -> tuple[float, float]:
    """Outliers of H_{W_i W_i} and G_{W_i W_i} over v_i^2: beta (1 - 4 beta) and 4 beta^2.

    For a neuron with v_i != 0 where all four means are learned: both blocks are this multiple of
    v_i^2 (mu mu^T + nu nu^T). On the pair that a neuron is orthogonal to, noise opens the gate half
    of the time, which halves the weight of two means instead of dropping one (derived here).
    """
    _xor_ridge(ridge)
    return ridge * (1 - 4 * ridge), 4 * ridge**2


def learned_probabilities(neurons: int) -> np.ndarray:
    """Probabilities that exactly 1, 2, 3, 4 of the four means are learned, (4,).

    Each of K neurons is drawn to one of the four means, uniformly and independently (2022 companion
    paper, which has 3/32 for all four with K = 4). Occupancy by inclusion and exclusion, in
    integers: no cancellation for any K.
    """
    if neurons < 1:
        raise ValueError(f"neurons: expected at least 1, got {neurons}")
    onto = [
        sum((-1) ** (j - i) * comb(j, i) * i**neurons for i in range(j + 1)) for j in range(1, 5)
    ]
    return np.array([comb(4, j) * onto[j - 1] / 4**neurons for j in range(1, 5)])


def _classes(classes: int) -> int:
    if classes < 2:
        raise ValueError(f"classes: expected at least 2, got {classes}")
    return classes


def _xor_ridge(ridge: float) -> None:
    if not 0 < ridge < XOR_RIDGE_LIMIT:
        raise ValueError(f"ridge: expected a number in (0, 1/8), got {ridge:g}")
