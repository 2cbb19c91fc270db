"""Matrix completion with a nuclear norm: min_A C(A) + 2 ridge |A|_*, with a certified gap.

C(A) = sum_ij weights_ij (A_ij - observed_ij)^2. This is what the ridge C(A) + ridge |theta|^2 on a
linear network of two layers amounts to, and convex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from spectral_atlas.training._ridge_loss import check_data

Array = np.ndarray


@dataclass(frozen=True)
class SoftImputed:
    """The result.

    Attributes
    ----------
    A : (n_out, n_in)
    value : C(A) + 2 ridge |A|_*
    gap : value minus that of a feasible dual point, and so at least value minus the minimum
    n_steps : proximal gradient steps
    """

    A: Float[Array, "n_out n_in"]
    value: float
    gap: float
    n_steps: int


def soft_impute(
    observed: Float[Array, "n_out n_in"],
    weights: Float[Array, "n_out n_in"],
    ridge: float,
    *,
    tolerance: float = 1e-12,
    max_steps: int = 20_000,
) -> SoftImputed:
    r"""Accelerated proximal gradient, restarted whenever the momentum points uphill.

    A step is a gradient step of length :math:`1 / (2 \max w)`, which for equal weights fills
    unobserved entries in from A, and then lowers all singular values by ``ridge / max w`` (to
    zero at least). The gap is that of the dual point -dC/dA, scaled to have no singular value above
    2 ridge.

    Parameters
    ----------
    observed, weights : (n_out, n_in)
        Entries of weight 0 do not count and may be NaN.
    ridge : float > 0
    tolerance : float
        End where ``gap <= tolerance * value``.
    max_steps : int
        End there at the latest; the gap tells.

    Returns
    -------
    SoftImputed

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is outside its range.
    """
    check_data(observed, weights, ridge)
    if not ridge > 0:
        raise ValueError(f"ridge = {ridge}: must be > 0")
    data, top = np.where(weights > 0, observed, 0.0), float(weights.max())
    A = ahead = np.zeros(data.shape)
    momentum, value, gap = 1.0, *_value_and_gap(A, 0.0, data, weights, ridge)
    steps = 0
    while gap > tolerance * value and steps < max_steps:
        U, s, Vt = np.linalg.svd(ahead - weights / top * (ahead - data), full_matrices=False)
        s = np.maximum(s - ridge / top, 0.0)
        new = (U * s) @ Vt
        if float(np.vdot(ahead - new, new - A)) > 0:
            momentum = 1.0
        grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = new + (momentum - 1.0) / grown * (new - A)
        A, momentum, steps = new, grown, steps + 1
        value, gap = _value_and_gap(A, float(s.sum()), data, weights, ridge)
    return SoftImputed(A, value, gap, steps)


def _value_and_gap(
    A: Array, nuclear: float, data: Array, weights: Array, ridge: float
) -> tuple[float, float]:
    """C(A) + 2 ridge |A|_*, and how far the dual point made of dC/dA lies below.

    The dual is to maximize sum_ij Y_ij b_ij - Y_ij^2 / (4 w_ij) over Y that live on the observed
    entries with largest singular value at most 2 ridge.
    """
    error = A - data
    slope = 2.0 * weights * error
    cost = 0.5 * float(np.vdot(slope, error))
    largest = float(np.linalg.norm(slope, 2))
    shrink = min(1.0, 2.0 * ridge / largest) if largest > 0 else 1.0
    dual = -shrink * float(np.vdot(slope, data)) - shrink**2 * cost
    value = cost + 2.0 * ridge * nuclear
    return value, value - dual
