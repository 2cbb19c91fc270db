"""How far the layers of a deep linear network are from aligned rank-one matrices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray


def rank_one_mass(arch: DeepLinear, theta: Float[Array, "B P"]) -> Float[Array, " B"]:
    """max_k (|W_k|_F^2 - sigma_1(W_k)^2): squared mass outside the top singular pair.

    Parameters
    ----------
    arch : DeepLinear
    theta : (B, P)

    Returns
    -------
    (B,), at least 0; summed from the small singular values, so that tiny masses are exact.
    """
    tails = [(s[:, 1:] ** 2).sum(-1) for s in _singular_values(arch, theta)]
    return np.max(tails, axis=0)


def layer_alignment(arch: DeepLinear, theta: Float[Array, "B P"]) -> Float[Array, " B"]:
    """min_k <v_{k+1}, u_k>^2 over neighbours k, k+1; 1 is full alignment, also for depth 1.

    u_k is the top left singular vector of W_k, v_{k+1} the top right one of W_{k+1}. Where a
    layer's two top singular values coincide the vectors, and so this number, are arbitrary.

    Parameters
    ----------
    arch : DeepLinear
    theta : (B, P)

    Returns
    -------
    (B,), in [0, 1]
    """
    smallest = np.ones(len(theta))
    below = None
    for w in arch.unflatten(theta):
        u, _, vt = np.linalg.svd(w, full_matrices=False)
        if below is not None:
            smallest = np.minimum(smallest, np.einsum("bi,bi->b", vt[:, 0], below) ** 2)
        below = u[:, :, 0]
    return smallest


def balancedness_gap(arch: DeepLinear, theta: Float[Array, "B P"]) -> Float[Array, "B pairs"]:
    """|W_k W_k^T - W_{k+1}^T W_{k+1}|_F for k = 1 .. L-1: conserved by the gradient flow.

    Parameters
    ----------
    arch : DeepLinear
    theta : (B, P)

    Returns
    -------
    (B, L-1)
    """
    layers = arch.unflatten(theta)
    gaps = [
        np.linalg.norm(a @ a.swapaxes(1, 2) - b.swapaxes(1, 2) @ b, axis=(1, 2))
        for a, b in pairwise(layers)
    ]
    return np.stack(gaps, axis=1) if gaps else np.zeros((len(theta), 0))


def _singular_values(arch: DeepLinear, theta: np.ndarray) -> list[np.ndarray]:
    return [np.linalg.svd(w, compute_uv=False) for w in arch.unflatten(theta)]
