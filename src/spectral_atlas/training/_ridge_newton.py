"""Newton's method on C(A_theta) + ridge |theta|^2 for deep linear networks of few parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg.lapack import dpotrf, dpotrs

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end
from spectral_atlas.training._ridge_loss import RidgeLoss, diagonal

Array = np.ndarray


@dataclass(frozen=True)
class Minimum:
    """Where a minimization of C(A_theta) + ridge |theta|^2 ended.

    Attributes
    ----------
    arch : DeepLinear
    theta : (P,)
    A : (n_out, n_in), W_L ... W_1
    rank : of A: singular values above 1e-6 of the first one and of the observed entries' root mean
        square; may be below the width, as neurons die
    value : C(A) + ridge |theta|^2
    cost : C(A)
    gradient_norm : of the value, at theta
    n_evaluations : of the value
    converged : whether the last Newton step promised less than the tolerance
    """

    arch: DeepLinear
    theta: Float[Array, " P"]
    A: Float[Array, "n_out n_in"]
    rank: int
    value: float
    cost: float
    gradient_norm: float
    n_evaluations: int
    converged: bool

    @property
    def layers(self) -> list[Float[Array, "_ _"]]:
        """Views [W_1, ..., W_L] into theta."""
        return self.arch.unflatten(self.theta)


def minimize_ridge(
    arch: DeepLinear,
    theta0: Float[Array, " P"],
    observed: Float[Array, "n_out n_in"],
    weights: Float[Array, "n_out n_in"],
    ridge: float,
    *,
    tolerance: float = 1e-14,
    max_evaluations: int = 1000,
) -> Minimum:
    r"""A critical point of C(A_theta) + ridge |theta|^2, downhill from theta0 by Newton's method.

    A step solves :math:`(H + \sigma |g| / |\theta|) p = -g`, with sigma raised until the matrix is
    positive definite and the value falls by at least a tenth of what the step promises. Rotations
    of the hidden layers give H a kernel, in which g has no part. The method ends with a step that
    promises less than ``tolerance * value``; since convergence is quadratic, the error of the value
    is then rounding.

    Parameters
    ----------
    arch : DeepLinear
        Without readout; (n_out, n_in) is the shape of its A.
    theta0 : (P,)
        If its gradient is zero, it is the result, saddle or not.
    observed, weights : (n_out, n_in)
        Entries of weight 0 do not count and may be NaN.
    ridge : float > 0
    tolerance : float > 0
    max_evaluations : int

    Returns
    -------
    Minimum

    Raises
    ------
    ValueError
        If shapes do not fit, a number is outside its range, or the loss overflows at theta0.
    """
    for name, number in (("ridge", ridge), ("tolerance", tolerance)):
        if not number > 0:
            raise ValueError(f"{name} = {number}: must be > 0")
    if theta0.shape != (arch.n_params,) or not np.isfinite(theta0).all():
        raise ValueError(f"theta0.shape = {theta0.shape}: must be {(arch.n_params,)}, all finite")
    loss = RidgeLoss(arch, observed, weights, ridge)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no step down
        theta, value, norm, count, converged = _newton(loss, theta0, tolerance, max_evaluations)
    A = end_to_end(arch.unflatten(theta))
    s = np.linalg.svd(A, compute_uv=False)
    scale = np.sqrt(np.mean(loss.observed[loss.rows, loss.columns] ** 2))
    rank = int(np.sum(s > 1e-6 * max(s[0], scale)))
    cost = value - ridge * float(theta @ theta)
    return Minimum(arch, theta, A, rank, value, cost, norm, count, converged)


def _newton(
    loss: RidgeLoss, theta: Array, tolerance: float, max_evaluations: int
) -> tuple[Array, float, float, int, bool]:
    """Theta, value, gradient norm, evaluations, and whether it converged."""
    value, g = loss(theta)
    g, norm, count, sigma, last = g.copy(), float(np.linalg.norm(g)), 1, 1.0, False
    if not np.isfinite(norm):
        raise ValueError(f"theta0: must have a finite gradient, got norm {norm}")
    while norm > 0 and not last:
        H = loss.hessian()
        pure, size = diagonal(H).copy(), float(np.linalg.norm(theta))
        unit = norm / size if size > 0 else 0.0
        while True:
            if count >= max_evaluations or sigma > 1e60:
                return theta, value, norm, count, False
            damping = sigma * unit + 1e-12 * pure.max()
            diagonal(H)[:] = pure + damping
            factor, failed = dpotrf(H, lower=1, clean=0)
            if failed:
                sigma *= 4
                continue
            step = dpotrs(factor, -g, lower=1)[0]
            promised = 0.5 * (damping * float(step @ step) - float(g @ step))
            new_value, new_g = loss(theta + step)
            count += 1
            gain = (value - new_value) / promised
            # Below the rounding of the value the gain says nothing. Where so little is promised
            # only since the damping had to outdo a negative curvature, this is a saddle to leave.
            little = promised <= tolerance * value
            last = little and damping <= loss.ridge
            if gain > 0.1 or last or (little and new_value <= value * (1 + tolerance)):
                break
            sigma *= 4
        new_norm = float(np.linalg.norm(new_g))
        if last and new_norm >= norm:
            break
        theta, value, g, norm = theta + step, new_value, new_g.copy(), new_norm
        if gain > 0.7:
            sigma = max(sigma / 4, 1e-3)
    return theta, value, norm, count, True
