"""The matrix A = W_L ... W_1 of a deep linear network, and what leaves it as it is.

Definitions
-----------
Layers [W_1, ..., W_L] with W_l of shape (n_l, n_{l-1}); n_0 = n_in, n_L = n_out, and "width" is the
common size w = n_1 = ... = n_{L-1} of the hidden layers. Two symmetries leave A and every cost of
it unchanged, and map gradient flows to gradient flows:

- rotations O = (O_1, ..., O_{L-1}): W_l -> O_l W_l O_{l-1}^T with orthogonal O_l, O_0 = O_L = I;
- inclusions of width w in width w' >= w: hidden layers padded by zeros. They keep |theta| too.

Among all theta of a given A, the smallest |theta|^2 is L sum_i s_i(A)^{2/L}: L times the p-th power
of the Schatten (quasi)norm of exponent p = 2/L. It is attained by balanced layers, those of
W_{l+1}^T W_{l+1} = W_l W_l^T for all l.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray
Layers = Sequence[Float[Array, "*members _ _"]]


def end_to_end(layers: Layers) -> Float[Array, "*members n_out n_in"]:
    """The product A = W_L ... W_1, of every member."""
    product = layers[0]
    for w in layers[1:]:
        product = w @ product
    return product


def init_power_law(rng: np.random.Generator, arch: DeepLinear, gamma: float) -> Float[Array, " P"]:
    """All weights N(0, w^{-gamma}), where w is the width of the first hidden layer.

    gamma = 1 - 1/L keeps the entries of A of order 1 as w grows (lazy regime); gamma > 1 starts
    near the saddle at the origin.

    Raises
    ------
    ValueError
        If the network has one layer, and so no hidden one.
    """
    if arch.depth < 2:
        raise ValueError(f"depth = {arch.depth}: must be >= 2 for a hidden layer to have a width")
    scale = float(arch.shapes[0][0]) ** (-gamma / 2)
    return scale * rng.standard_normal(arch.n_params)


def balanced_factors(
    A: Float[Array, "n_out n_in"], depth: int, width: int
) -> list[Float[Array, "_ _"]]:
    """Layers of the smallest norm whose product is A.

    With the SVD A = U S V^T, restricted to the rank r of A: W_1 = S^{1/L} V^T, W_l = S^{1/L},
    W_L = U S^{1/L}, all hidden layers padded by zeros to `width`. Only r neurons of each are in
    use: singular values up to 1e-12 s_1 max(n_out, n_in) count as zero, since the L-th root would
    make weights of some 1e-4 (L = 4) of what is rounding in A.

    Parameters
    ----------
    A : (n_out, n_in)
    depth : int >= 1
        L.
    width : int
        At least the rank of A, unless the depth is 1.

    Returns
    -------
    list of L layers, (width, n_in), (width, width), ..., (n_out, width)

    Raises
    ------
    ValueError
        If the depth is below 1, or the width below the rank of A.
    """
    if depth < 1:
        raise ValueError(f"depth = {depth}: must be an integer >= 1")
    if depth == 1:
        return [A.copy()]
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    rank = int(np.sum(s > 1e-12 * max(A.shape) * s.max(initial=0.0)))
    if width < max(rank, 1):
        raise ValueError(f"width = {width}: must be >= 1 and at least the rank {rank} of A")
    root = s[:rank] ** (1 / depth)
    middle = [np.diag(root) for _ in range(depth - 2)]
    return include([root[:, None] * Vt[:rank], *middle, U[:, :rank] * root], width)


def include(layers: Layers, width: int) -> list[Float[Array, "*members _ _"]]:
    """Pad all hidden layers by zeros to `width`: A, |theta| and the gradient's norm stay.

    Raises
    ------
    ValueError
        If a hidden layer is wider already.
    """
    widest = max((w.shape[-2] for w in layers[:-1]), default=0)
    if width < widest:
        raise ValueError(f"width = {width}: must be at least {widest}, that of the widest layer")
    padded = []
    for k, w in enumerate(layers):
        rows, columns = w.shape[-2:]
        below = width - rows if k < len(layers) - 1 else 0
        right = width - columns if k > 0 else 0
        padded.append(np.pad(w, [(0, 0)] * (w.ndim - 2) + [(0, below), (0, right)]))
    return padded


def rotate(layers: Layers, rotations: Layers) -> list[Float[Array, "*members _ _"]]:
    """W_l -> O_l W_l O_{l-1}^T with O_0 = O_L = I.

    Parameters
    ----------
    layers : [W_1, ..., W_L]
    rotations : [O_1, ..., O_{L-1}], orthogonal, O_l of shape (n_l, n_l)
        Not checked for orthogonality.

    Raises
    ------
    ValueError
        If their number is not L - 1.
    """
    if len(rotations) != len(layers) - 1:
        raise ValueError(f"rotations = {len(rotations)}: must be {len(layers) - 1} matrices")
    out = list(layers)
    for k, turn in enumerate(rotations):
        out[k] = turn @ out[k]
        out[k + 1] = out[k + 1] @ np.swapaxes(turn, -1, -2)
    return out


def imbalance(layers: Layers) -> Float[Array, "*members"]:
    """max_l |W_{l+1}^T W_{l+1} - W_l W_l^T|_F, of every member; 0 at depth 1.

    The matrices in it are constant under gradient flow, and decay like exp(-4 ridge t) where the
    cost has a term ridge |theta|^2.
    """
    gaps = [np.zeros(layers[0].shape[:-2])]
    for w, above in pairwise(layers):
        gap = np.swapaxes(above, -1, -2) @ above - w @ np.swapaxes(w, -1, -2)
        gaps.append(np.linalg.norm(gap, axis=(-2, -1)))
    return np.asarray(np.max(gaps, axis=0))


def schatten_penalty(
    A: Float[Array, "*members n_out n_in"], depth: int
) -> Float[Array, "*members"]:
    """L sum_i s_i(A)^{2/L}: the smallest |theta|^2 of L layers whose product is A.

    Singular values up to eps s_1 max(n_out, n_in), the rounding of the others, count as zero.

    Raises
    ------
    ValueError
        If the depth is below 1.
    """
    if depth < 1:
        raise ValueError(f"depth = {depth}: must be an integer >= 1")
    s = np.linalg.svd(A, compute_uv=False)
    rounding = np.finfo(s.dtype).eps * max(A.shape[-2:]) * s[..., :1]
    return np.asarray(depth * np.sum(np.where(s > rounding, s, 0.0) ** (2 / depth), axis=-1))


def tangent_kernel(layers: Layers) -> Float[Array, "*members entries entries"]:
    """The neural tangent kernel Theta (n_out n_in, n_out n_in), on A flattened row by row.

    Theta = sum_l (W_L ... W_{l+1} W_{l+1}^T ... W_L^T) kron (W_1^T ... W_{l-1}^T W_{l-1} ... W_1):
    gradient flow of a cost C(A) moves vec(A) at the velocity -Theta vec(dC/dA).
    """
    n_out, n_in = layers[-1].shape[-2], layers[0].shape[-1]
    above: list[Array] = [np.eye(n_out)]  # W_L ... W_{l+1} for l = L, ..., 1
    for w in layers[:0:-1]:
        above.append(above[-1] @ w)
    below: Array = np.eye(n_in)  # W_{l-1} ... W_1
    members = layers[0].shape[:-2]
    kernel = np.zeros((*members, n_out, n_in, n_out, n_in))
    for w, top in zip(layers, above[::-1], strict=True):
        left, right = top @ np.swapaxes(top, -1, -2), np.swapaxes(below, -1, -2) @ below
        kernel += left[..., :, None, :, None] * right[..., None, :, None, :]
        below = w @ below
    return kernel.reshape(*members, n_out * n_in, n_out * n_in)
