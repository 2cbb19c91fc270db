"""Sharpness at a minimizer of a deep linear network, from a d x d eigenproblem."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray


def sharpness_at_minimizer(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    Sigma: Float[Array, "*#B d d"],
    readout: Float[Array, "*#B m"] | None = None,
) -> Float[Array, " B"]:
    """S = 2 lambda_max(Sigma^{1/2} K Sigma^{1/2}), the sharpness where the gradient of R in w is 0.

    With A_k = W_{k-1} ... W_1 and v_k = W_{k+1}^T ... W_L^T p,

        K = sum_k |v_k|^2 A_k^T A_k,

    since at a minimizer the residual is orthogonal to the data, so that the Hessian is
    J^T (2 Sigma) J. Noise in the targets does not matter. Sigma may be singular.

    Parameters
    ----------
    arch : DeepLinear
    theta : (B, P)
        Flat parameters with Sigma w(theta) = b. That is not checked (b is not asked for): elsewhere
        the value is the Gauss-Newton part of the sharpness only.
    Sigma : (d, d) or (B, d, d)
        X^T X / n.
    readout : (m,) or (B, m), optional
        The fixed vector p; exactly where ``arch.readout``.

    Returns
    -------
    (B,)
        In units of Sigma times |W|^{2 (L-1)}. NaN for members with non-finite parameters.

    Raises
    ------
    ValueError
        If Sigma has a negative eigenvalue beyond rounding, or a readout is missing or unwanted.
    """
    if arch.outputs != 1:
        raise ValueError(f"arch.outputs = {arch.outputs}: must be 1")
    if arch.readout != (readout is not None):
        raise ValueError(f"this architecture {'needs' if arch.readout else 'takes no'} readout p")
    values, vectors = np.linalg.eigh(np.asarray(Sigma, dtype=np.float64))
    if (values[..., 0] < -1e-12 * np.abs(values[..., -1])).any():
        raise ValueError(f"Sigma: expected no negative eigenvalue, got {values.min():.3e}")
    root = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]  # root root^T = Sigma
    layers = arch.unflatten(theta)
    v = np.ones(1) if readout is None else np.asarray(readout, dtype=np.float64)
    squares: list[np.ndarray] = []
    for w in reversed(layers):
        squares.append((v * v).sum(-1))
        v = np.einsum("bi,bij->bj", np.broadcast_to(v, (len(theta), w.shape[1])), w)
    inner = np.zeros((len(theta), arch.d, arch.d))
    chain = np.broadcast_to(root, (len(theta), arch.d, arch.d))
    for w, square in zip(layers, reversed(squares), strict=True):
        inner += np.reshape(square, (-1, 1, 1)) * (chain.swapaxes(1, 2) @ chain)
        chain = w @ chain
    bad = ~np.isfinite(inner).all(axis=(1, 2))
    inner[bad] = 0.0
    top = 2.0 * np.linalg.eigvalsh(inner)[:, -1]
    return np.where(bad, np.nan, top)
