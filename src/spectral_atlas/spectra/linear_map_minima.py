"""Minimizers of L(theta) = |(A - W*) S^{1/2}|_F^2 with A = W_H ... W_1, and Hessians there.

Up to the loss of the best linear map this is |Y - A X|_F^2 with S = X X^T and W* = Y X^+. At a
minimizer (A - W*) S = 0, so that the Hessian is 2 J^T (I kron S) J, where J is the derivative of A
in theta; noise in Y does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end, tangent_kernel

Array = np.ndarray
Layers = Sequence[Float[Array, "*members _ _"]]
NEGLIGIBLE = 1e-10  # of the largest singular value: what counts as zero in a rank


def second_moment_root(S: Float[Array, "i i"]) -> Float[Array, "i i"]:
    """S^{1/2}, symmetric.

    Raises
    ------
    ValueError
        If S is not finite and symmetric, or has a negative eigenvalue, beyond rounding.
    """
    S = np.asarray(S, dtype=np.float64)
    if S.ndim != 2 or S.shape[0] != S.shape[1] or not S.size or not np.isfinite(S).all():
        raise ValueError(f"S: expected a finite square matrix, got shape {S.shape}")
    if np.abs(S - S.T).max() > 1e-12 * np.abs(S).max():
        raise ValueError(f"S - S^T = {np.abs(S - S.T).max():.3e}: must be 0")
    values, vectors = np.linalg.eigh(S)
    if values[0] < -1e-12 * np.abs(values[-1]):
        raise ValueError(f"S: expected no negative eigenvalue, got {values[0]:.3e}")
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def minimizer_spectrum(layers: Layers, S: Float[Array, "i i"]) -> Float[Array, "*members entries"]:
    """Eigenvalues of A = 2 sum_h (W_{>h} W_{>h}^T) kron (S^{1/2} W_{<h}^T W_{<h} S^{1/2}).

    W_{>h} = W_H ... W_{h+1} and W_{<h} = W_{h-1} ... W_1. At a minimizer these are the nonzero
    eigenvalues of the Hessian: o rank(S) of them on a smooth manifold of minimizers, so for S of
    full rank o i, and P - o i zeros. A = 2 (I kron R) Theta (I kron R) with the tangent kernel
    Theta and R = S^{1/2}.

    Parameters
    ----------
    layers : [W_1, ..., W_H]
        With the same leading dimensions, if any. That (A - W*) S = 0 is not checked (W* is not
        asked for): elsewhere these are the eigenvalues of the Gauss-Newton part.
    S : (i, i)
        X X^T, symmetric and without negative eigenvalues.

    Returns
    -------
    (..., o i), ascending
        To about eps times the largest. NaN for members with weights that are not finite.

    Raises
    ------
    ValueError
        If S is not symmetric, or has a negative eigenvalue, beyond rounding, or does not fit.

    Notes
    -----
    The least of them is no proper function of the minimizer where o i > 1: 2-2-1 with
    W_1 = diag(1/e, 0) and W_2 = (e, 0) fits W* = (1, 0) with 2 e^2 and 2 (e^2 + e^{-2}) for every
    e > 0. Nor is the largest, in general, from three layers on; see
    `spectral_atlas.spectra.stable_set_is_bounded`.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import minimizer_spectrum
    >>> minimizer_spectrum([np.diag([10.0, 0.0]), np.array([[0.1, 0.0]])], np.eye(2)).round(10)
    array([2.0000e-02, 2.0002e+02])
    """
    R = second_moment_root(S)
    n_out, n_in = layers[-1].shape[-2], layers[0].shape[-1]
    if len(R) != n_in:
        raise ValueError(f"S: expected ({n_in}, {n_in}), got {R.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        kernel = tangent_kernel(layers)
    good = np.isfinite(kernel).all(axis=(-2, -1))
    kernel = np.where(good[..., None, None], kernel, 0.0)
    blocks = kernel.reshape(*kernel.shape[:-2], n_out, n_in, n_out, n_in)
    weighted = 2 * np.einsum("ja,...ojpk,kb->...oapb", R, blocks, R, optimize=True)
    values = np.linalg.eigvalsh(weighted.reshape(kernel.shape))
    return np.where(good[..., None], values, np.nan)


def minimizer_sharpness(layers: Layers, S: Float[Array, "i i"]) -> Float[Array, "*members"]:
    """The largest eigenvalue of the Hessian at minimizers: the last of `minimizer_spectrum`."""
    return minimizer_spectrum(layers, S)[..., -1]


def random_minimizer(
    rng: np.random.Generator, arch: DeepLinear, target: Float[Array, "o i"], std: float = 1.0
) -> Float[Array, " P"]:
    """A generic point of {W_H ... W_1 = W*}.

    Layers W_h are drawn with entries N(0, std^2 / d_{h-1}). Where no hidden layer is narrower than
    the output, K = W_H ... W_2 has a right inverse, and W_1 = K^+ W* + (I - K^+ K) W_1 keeps the
    part of the draw that K does not see. Where none is narrower than the input, the same with the
    order reversed. Else W* = U U^T W* with r = rank W* orthonormal columns U: the net of r outputs
    is led to U^T W* in that way, and W_H = U W_H + (I - U U^T) G (I - F F^+) with Gaussian G and
    F = W_{H-1} ... W_1.

    Parameters
    ----------
    arch : DeepLinear
        Without readout; all hidden widths at least r.
    target : (o, i)
        W*. For singular S any matrix that agrees with W* on the range of S will do.
    std : float > 0
        Of the weights that are drawn freely, times sqrt(d_{h-1}).

    Raises
    ------
    ValueError
        If a hidden layer is narrower than r, shapes do not fit, or std is not positive.
    """
    target, rank = check_target(arch, target)
    if not std > 0:
        raise ValueError(f"std = {std}: must be > 0")
    hidden = [rows for rows, _ in arch.shapes[:-1]]
    least = min(hidden, default=max(target.shape))
    draws = [
        std / np.sqrt(columns) * rng.standard_normal((rows, columns))
        for rows, columns in arch.shapes
    ]
    n_out, n_in = target.shape
    if least >= n_out:
        return arch.flatten(_solve_first(draws, target))
    if least >= n_in:
        turned = _solve_first([w.T for w in draws[::-1]], target.T)
        return arch.flatten([w.T for w in turned[::-1]])
    U = np.linalg.svd(target)[0][:, :rank]
    layers = _solve_first([*draws[:-1], U.T @ draws[-1]], U.T @ target)
    unseen = draws[-1] - U @ (U.T @ draws[-1])
    F = end_to_end(layers[:-1])
    unseen -= unseen @ F @ np.linalg.pinv(F, rcond=NEGLIGIBLE)
    return arch.flatten([*layers[:-1], U @ layers[-1] + unseen])


def check_target(arch: DeepLinear, target: Float[Array, "o i"]) -> tuple[Float[Array, "o i"], int]:
    """(W* as float64, its rank); ValueError where the network cannot represent it."""
    if arch.readout:
        raise ValueError("arch.readout = True: must be False, all layers are trained")
    target = np.asarray(target, dtype=np.float64)
    shape = (arch.shapes[-1][0], arch.d)
    if target.shape != shape or not np.isfinite(target).all():
        raise ValueError(f"target: expected {shape}, finite, got {target.shape}")
    s = np.linalg.svd(target, compute_uv=False)
    rank = int(np.sum(s > NEGLIGIBLE * s[0]))
    for h, (rows, _) in enumerate(arch.shapes[:-1], 1):
        if rows < rank:
            raise ValueError(
                f"widths[{h}] = {rows}: must be at least {rank}, the rank of the target"
            )
    return target, rank


def _solve_first(
    layers: list[Float[Array, "_ _"]], target: Float[Array, "o i"]
) -> list[Float[Array, "_ _"]]:
    """The layers with W_1 moved as little as possible for their product to be the target."""
    if len(layers) == 1:
        return [target.copy()]
    K, first = end_to_end(layers[1:]), layers[0]
    inverse = np.linalg.pinv(K)
    for _ in range(2):  # the second round takes off the rounding of the first
        first = first + inverse @ (target - K @ first)
    return [first, *layers[1:]]
