"""Full-batch gradient descent of whole ensembles, W_k <- W_k - eta dR/dW_k in float64.

The risk is R = (1/n) |y - f(X)|^2 and all layers move at once. Members share nothing: each one's
numbers are the same bits for any number of threads and any company it is trained in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.training.blocks import Trajectory, aligned, lanes_of, run_blocks
from spectral_atlas.training.progress import Progress

Array = np.ndarray
Descend = Callable[[Array, int, int, Array], int]


def train_deep_linear(
    arch: DeepLinear,
    theta0: Float[Array, "M P"],
    learning_rate: Float[Array, " M"],
    n_steps: int,
    Sigma: Float[Array, "*#M d d"],
    b: Float[Array, "*#M d"],
    *,
    readout: Float[Array, "*#M _"] | None = None,
    checkpoints: Sequence[int] | Int[Array, " C"] | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Trajectory:
    """Train M deep linear networks.

    Parameters
    ----------
    theta0 : (M, P), flat initial parameters
    learning_rate : (M,)
    n_steps : int >= 0
        Updates made, the same for every member.
    Sigma, b : (d, d) and (d,), or one for each member, (M, d, d) and (M, d)
        X^T X / n and X^T y / n: all that the gradient 2 (Sigma w - b) of the predictor w needs.
    readout : (rows of W_L,) or (M, rows), only for architectures with a fixed readout
    checkpoints : increasing steps in 0 ... n_steps, at which parameters are kept
        Step t means after t updates. By default only the last, ``(n_steps,)``.
    threads : int >= 1
    progress : Progress, optional
        Told about every member-step.

    Returns
    -------
    Trajectory
        A member has diverged at the first step whose predictor W_L ... W_1 is not finite (as it is
        when any weight is not).

    Raises
    ------
    ValueError
        If shapes or checkpoints do not fit.

    Notes
    -----
    A step costs three multiply-adds per weight. Members are trained eight at a time, so ensembles
    of fewer than eight waste lanes.
    """
    theta0, eta = _ensemble(arch, theta0, learning_rate)
    M, d = len(theta0), arch.d
    Sigma = _per_member("Sigma", Sigma, M, (d, d)).reshape(M, d * d)
    b = _per_member("b", b, M, (d,))
    if arch.readout != (readout is not None):
        raise ValueError(
            f"readout {'missing' if arch.readout else 'given'}, but arch.readout = {arch.readout}"
        )
    top = np.ones(1) if readout is None else readout
    top = _per_member("readout", top, M, (arch.shapes[-1][0],))
    widths = _widths(arch)
    from spectral_atlas.training.kernels_linear import descend  # compiles on first use

    def block(members: slice) -> Descend:
        packed = [lanes_of(v[members]) for v in (top, eta[:, None], Sigma, b)]
        work = aligned(2 * int(widths.sum()))

        def advance(weights: Array, first: int, steps: int, diverged_at: Array) -> int:
            return descend(weights, widths, *packed, work, first, steps, diverged_at)

        return advance

    chunk = 1 + 100_000_000 // arch.n_params
    return run_blocks(theta0, n_steps, checkpoints, block, chunk, threads, progress)


def train_gelu_mlp(
    arch: DeepLinear,
    theta0: Float[Array, "M P"],
    learning_rate: Float[Array, " M"],
    n_steps: int,
    X: Float[Array, "n d"],
    y: Float[Array, " n"],
    *,
    checkpoints: Sequence[int] | Int[Array, " C"] | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Trajectory:
    """Train M GELU networks (`spectral_atlas.networks.gelu_mlp`) on one data set.

    Parameters and errors are those of `train_deep_linear`, with the samples X (n, d) and y (n,) in
    place of Sigma and b. A member has diverged at the first step at which an output f(x_i) is not
    finite (as all are when any weight is not).
    """
    if arch.readout:
        raise ValueError("arch: a GELU network has no fixed readout")
    theta0, eta = _ensemble(arch, theta0, learning_rate)
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != arch.d or len(X) < 1 or y.shape != X.shape[:1]:
        raise ValueError(f"X {X.shape}, y {y.shape}: must be (n, {arch.d}) and (n,) with n >= 1")
    widths, n = _widths(arch), len(X)
    from spectral_atlas.training.kernels_gelu import GROUP, descend  # compiles on first use

    padding = -n % GROUP
    inputs = np.ascontiguousarray(np.pad(X, ((0, padding), (0, 0))))
    labels = np.pad(y, (0, padding))

    def block(members: slice) -> Descend:
        rate = lanes_of(eta[members, None])
        change = aligned(arch.n_params)
        work = aligned(8 * int(widths.sum() + widths.max()))

        def advance(weights: Array, first: int, steps: int, diverged_at: Array) -> int:
            return descend(
                *(weights, widths, rate, inputs, labels, n, change, work),
                *(first, steps, diverged_at),
            )

        return advance

    chunk = 1 + 50_000_000 // (arch.n_params * n)
    return run_blocks(theta0, n_steps, checkpoints, block, chunk, threads, progress)


def _widths(arch: DeepLinear) -> Int[Array, " depth_and_1"]:
    return np.array([arch.d, *[rows for rows, _ in arch.shapes]], dtype=np.int64)


def _ensemble(arch: DeepLinear, theta0: Array, eta: Array) -> tuple[Array, Array]:
    if arch.outputs != 1:
        raise ValueError(f"outputs = {arch.outputs}: must be 1 for this training")
    theta0, eta = np.asarray(theta0, dtype=np.float64), np.asarray(eta, dtype=np.float64)
    if theta0.ndim != 2 or theta0.shape[1] != arch.n_params:
        raise ValueError(f"theta0 {theta0.shape}: must be (members, {arch.n_params})")
    if eta.shape != theta0.shape[:1]:
        raise ValueError(f"learning_rate {eta.shape}: must be ({len(theta0)},), one per member")
    return theta0, eta


def _per_member(name: str, value: Array, M: int, shape: tuple[int, ...]) -> Array:
    value = np.asarray(value, dtype=np.float64)
    if value.shape not in (shape, (M, *shape)):
        raise ValueError(f"{name} {value.shape}: must be {shape} or {(M, *shape)}")
    return np.broadcast_to(value, (M, *shape))
