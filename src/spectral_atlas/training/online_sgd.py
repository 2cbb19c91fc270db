"""One-pass stochastic gradient descent of whole ensembles: a fresh sample at every step, float64.

Members share nothing: each has its own stream of samples, and its numbers are the same bits for
any number of threads, any company and any checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from spectral_atlas.data.mixtures import SampleStream
from spectral_atlas.training.online_members import (
    Checkpoints,
    Member,
    checked,
    packed,
    run_members,
    unpacked,
)
from spectral_atlas.training.progress import Progress

Array = np.ndarray


@dataclass(frozen=True)
class SoftmaxTrajectory:
    """Recorded parameters of `train_softmax`.

    Attributes
    ----------
    steps : (C,), the checkpoints; step t is after t updates
    x : (C, M, k, d); NaN from the step on at which a member diverged
    diverged_at : (M,), the first step at which a parameter was not finite, or -1
    """

    steps: Int64[Array, " C"]
    x: Float64[Array, "C M k d"]
    diverged_at: Int64[Array, " M"]


@dataclass(frozen=True)
class TwoLayerTrajectory:
    """Recorded parameters of `train_two_layer_relu`.

    Attributes
    ----------
    steps : (C,), the checkpoints; step t is after t updates
    W, v : (C, M, K, d) and (C, M, K); NaN from the step on at which a member diverged
    diverged_at : (M,), the first step at which a parameter was not finite, or -1
    """

    steps: Int64[Array, " C"]
    W: Float64[Array, "C M K d"]
    v: Float64[Array, "C M K"]
    diverged_at: Int64[Array, " M"]


def train_softmax(
    x0: Float[Array, "M k d"],
    streams: Sequence[SampleStream],
    learning_rate: float,
    ridge: float,
    n_steps: int,
    checkpoints: Checkpoints | None = None,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> SoftmaxTrajectory:
    """Train M multi-class logistic regressions; the class of a sample is its component.

    A step is x <- x - learning_rate grad L(x; Y, c) with the loss of
    `spectral_atlas.spectra.softmax_regression`, L = -<x^c, Y> + log sum_a exp <x^a, Y>
    + (ridge / 2) |x|^2.

    Parameters
    ----------
    x0 : (M, k, d), initial parameters
    streams : M streams, of mixtures of k components in R^d
        No two members share a stream or a generator. A member draws ``n_steps`` samples, fewer if
        it diverges: it stops there.
    learning_rate, ridge : float >= 0
    n_steps : int >= 0
    checkpoints : increasing steps in 0 ... n_steps, at which parameters are kept
        Step t means after t updates. By default only the last, ``(n_steps,)``.
    threads : int >= 1
    progress : Progress, optional
        Told about every member-step.

    Raises
    ------
    ValueError
        If shapes, streams, rates or checkpoints do not fit.
    """
    x0 = np.asarray(x0, dtype=np.float64)
    if x0.ndim != 3 or 0 in x0.shape[1:]:
        raise ValueError(f"x0 {x0.shape}: must be (members, classes, dimensions)")
    M, k, d = x0.shape
    steps = checked(streams, M, k, d, (learning_rate, ridge), n_steps, checkpoints, threads)
    kept = np.full((len(steps), M, k, d), np.nan)
    from spectral_atlas.training.kernels_online import descend_softmax, first_scores

    decay = 1 - learning_rate * ridge

    def member(m: int) -> Member:
        x, scores = packed(x0[m]), np.empty(k)

        def begin(Y: Array) -> bool:
            return first_scores(x, scores, Y)

        def advance(Y: Array, component: Array, first: int, count: int) -> int:
            return descend_softmax(x, scores, Y, component, first, count, learning_rate, decay)

        def keep(i: int) -> None:
            kept[i, m] = unpacked(x, (k, d))

        return Member(begin, advance, keep)

    diverged_at = run_members(streams, d, n_steps, steps, member, threads, progress)
    return SoftmaxTrajectory(steps, kept, diverged_at)


def train_two_layer_relu(
    W0: Float[Array, "M K d"],
    v0: Float[Array, "M K"],
    labels: Sequence[int] | Int[Array, " r"],
    streams: Sequence[SampleStream],
    learning_rate: float,
    ridge: float,
    n_steps: int,
    checkpoints: Checkpoints | None = None,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> TwoLayerTrajectory:
    """Train M classifiers f(X) = v . max(W X, 0) on the logistic loss.

    A step moves W and v at once, (W, v) <- (W, v) - learning_rate grad L(W, v; X, y), with the loss
    of `spectral_atlas.spectra.two_layer_relu`, L = -y f + log(1 + e^f)
    + (ridge / 2) (|v|^2 + |W|^2), and a gate that is shut at W_i . X = 0.

    Parameters
    ----------
    W0, v0 : (M, K, d) and (M, K), initial parameters
    labels : (r,), the label 0 or 1 of each component of the mixtures
    streams : M streams, of mixtures of r components in R^d
    learning_rate, ridge, n_steps, checkpoints, threads, progress
        As in `train_softmax`.

    Raises
    ------
    ValueError
        If shapes, labels, streams, rates or checkpoints do not fit.
    """
    W0, v0 = np.asarray(W0, dtype=np.float64), np.asarray(v0, dtype=np.float64)
    if W0.ndim != 3 or 0 in W0.shape[1:] or v0.shape != W0.shape[:2]:
        raise ValueError(
            f"W0 {W0.shape}, v0 {v0.shape}: must be (members, neurons, d) and (members, neurons)"
        )
    label_of = np.asarray(labels)
    if label_of.ndim != 1 or not np.isin(label_of, (0, 1)).all():
        raise ValueError(f"labels {label_of.tolist()}: must be 0 or 1, one for each component")
    label_of = label_of.astype(np.int64)
    M, K, d = W0.shape
    r = len(label_of)
    steps = checked(streams, M, r, d, (learning_rate, ridge), n_steps, checkpoints, threads)
    kept_W, kept_v = np.full((len(steps), M, K, d), np.nan), np.full((len(steps), M, K), np.nan)
    from spectral_atlas.training.kernels_online import descend_two_layer, first_scores

    decay = 1 - learning_rate * ridge

    def member(m: int) -> Member:
        W, v, hidden = packed(W0[m]), v0[m].copy(), np.empty(K)

        def begin(Y: Array) -> bool:
            return first_scores(W, hidden, Y) and bool(np.isfinite(v).all())

        def advance(Y: Array, component: Array, first: int, count: int) -> int:
            y = label_of[component]
            return descend_two_layer(W, v, hidden, Y, y, first, count, learning_rate, decay)

        def keep(i: int) -> None:
            kept_W[i, m], kept_v[i, m] = unpacked(W, (K, d)), v

        return Member(begin, advance, keep)

    diverged_at = run_members(streams, d, n_steps, steps, member, threads, progress)
    return TwoLayerTrajectory(steps, kept_W, kept_v, diverged_at)
