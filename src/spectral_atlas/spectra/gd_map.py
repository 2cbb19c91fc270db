"""The gradient-descent map G(theta) = theta - eta grad L(theta), to first order.

Its Jacobian is I - eta H with the full Hessian H of L. G is singular where the determinant of that
is 0; a fixed point is stable where every |1 - eta lambda| < 1, but for the directions along a
manifold of minimizers, and an orbit of period k where that holds for the product of k Jacobians.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

Array = np.ndarray
Rate = float | Float[Array, "*#B"]


def log_determinant(
    hessians: Float[Array, "*B P P"], eta: Rate
) -> tuple[Float[Array, "*B"], Float[Array, "*B"]]:
    """(sign, log |det|) of I - eta H: no overflow however many parameters there are.

    Parameters
    ----------
    hessians : (..., P, P)
    eta : float or (...), > 0

    Returns
    -------
    sign : (...)
        -1, 1, or 0 where the matrix is exactly singular.
    log : (...)
        -inf where the sign is 0; NaN where the matrix is not finite.

    Raises
    ------
    ValueError
        If eta is not positive, or the matrices are not square.

    Notes
    -----
    By an LU factorization with partial pivoting: the determinant is that of a matrix within some
    P eps |I - eta H| of the one given. Sign and digits mean something where no 1 - eta lambda is of
    that size; a determinant of 0 in exact arithmetic seldom comes out as 0.

    Examples
    --------
    At a minimizer with w_1^2 + w_2^2 = s of L = (1 - w_1 w_2)^2 it is 1 - 2 eta s:

    >>> import numpy as np
    >>> from spectral_atlas.spectra import log_determinant
    >>> sign, log = log_determinant(2 * np.array([[0.25, 1.0], [1.0, 4.0]]), 0.25)
    >>> round(float(sign * np.exp(log)), 12)
    -1.125
    """
    with np.errstate(invalid="ignore"):
        sign, log = np.linalg.slogdet(_jacobians(hessians, eta))
    return np.asarray(sign), np.asarray(log)


def orbit_multipliers(hessians: Float[Array, "*B k P P"], eta: Rate) -> Complex[Array, "*B P"]:
    """Eigenvalues of (I - eta H_k) ... (I - eta H_1): the multipliers of an orbit of period k.

    Parameters
    ----------
    hessians : (..., k, P, P)
        At theta_1, theta_2 = G(theta_1), ..., theta_k, in this order; k = 1 at a fixed point.
    eta : float or (...), > 0

    Returns
    -------
    (..., P), complex
        Those of the largest modulus first. The orbit is stable where all moduli are below 1. NaN
        where a matrix is not finite.

    Raises
    ------
    ValueError
        If eta is not positive, or there are no square matrices.

    Notes
    -----
    The product is not symmetric, and complex pairs do occur. Multipliers far below the largest one
    lose digits to it: errors are of the order of eps times the norm of the product, and more where
    eigenvectors are nearly parallel. At a fixed point 1 - eta eigvalsh(H) is better. Multipliers do
    not depend on the point that the orbit is started from.
    """
    H = np.asarray(hessians, dtype=np.float64)
    if H.ndim < 3 or not H.shape[-3]:
        raise ValueError(f"hessians: expected (..., k, P, P) with k >= 1, got {H.shape}")
    jacobians = _jacobians(H, np.asarray(eta, dtype=np.float64)[..., None])
    product = jacobians[..., 0, :, :]
    for h in range(1, H.shape[-3]):
        product = jacobians[..., h, :, :] @ product
    good = np.isfinite(product).all(axis=(-2, -1))[..., None]
    values = np.linalg.eigvals(np.where(good[..., None], product, 0.0)).astype(np.complex128)
    order = np.argsort(-np.abs(values), axis=-1, kind="stable")
    return np.where(good, np.take_along_axis(values, order, axis=-1), np.nan)


def _jacobians(hessians: Float[Array, "*B P P"], eta: Rate) -> Float[Array, "*B P P"]:
    H, rate = np.asarray(hessians, dtype=np.float64), np.asarray(eta, dtype=np.float64)
    if H.ndim < 2 or H.shape[-1] != H.shape[-2]:
        raise ValueError(f"hessians: expected (..., P, P), got {H.shape}")
    if not (rate > 0).all():
        raise ValueError(f"eta = {rate.min()}: must be > 0")
    return np.eye(H.shape[-1]) - rate[..., None, None] * H
