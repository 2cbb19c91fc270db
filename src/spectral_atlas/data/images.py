"""Stand-ins for image data sets: power-law Gaussian mixtures and random fields, standardised.

The class means have the law of the noise around them, so that as much of the variance lies between
the classes as within them. Each kind of number is drawn from a stream of its own: more samples
leave the rotation, the means and the samples before them as they were.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int64, Integer, Real

Array = np.ndarray
Streams = Callable[[str], np.random.Generator]  # a fresh generator for the name of a purpose


def power_law_mixture(
    stream: Streams, n: int, D: int, K: int, decay: float
) -> tuple[Float64[Array, "n D"], Int64[Array, " n"]]:
    """Samples x = mu_y + noise of K classes, mu_y and noise both N(0, Sigma).

    Sigma has the eigenvalues c i^-decay, i = 1 ... D, in one random rotation. The factor c makes
    the mean variance of a coordinate, tr(Sigma) / D, equal to 1. At decay 0, Sigma is the identity.

    Parameters
    ----------
    stream : called with "rotation", "means", "labels" and "noise"
    n, D, K : int >= 1
        Samples, dimension, classes.
    decay : float >= 0

    Returns
    -------
    x : (n, D), not standardised
    labels : (n,), as `balanced_labels` draws them

    Raises
    ------
    ValueError
        If an argument is outside the range given above.
    """
    _check(decay, n=n, D=D, K=K)
    deviations = np.arange(1, D + 1) ** (-decay / 2)
    deviations *= np.sqrt(D / np.sum(deviations**2))
    root = deviations[:, None] * random_rotation(stream("rotation"), D)
    labels = balanced_labels(stream("labels"), n, K)
    means = stream("means").standard_normal((K, D))
    return (means[labels] + stream("noise").standard_normal((n, D))) @ root, labels


def random_fields(
    stream: Streams, n: int, side: int, channels: int, K: int, decay: float
) -> tuple[Float64[Array, "n channels side side"], Int64[Array, " n"]]:
    """Images x = mu_y + noise of K classes, mu_y and noise both Gaussian fields of one law.

    A field is white noise on a periodic grid whose Fourier modes are multiplied by
    c (1 + k)^-decay, where k is the length of the wave vector in cycles per side. The factor c
    makes the variance of a pixel 1. Channels are independent.

    Parameters
    ----------
    stream : called with "means", "labels" and "noise"
    n, side, channels, K : int >= 1
        Samples, pixels along a side, channels, classes.
    decay : float >= 0

    Returns
    -------
    x : (n, channels, side, side), not standardised
    labels : (n,), as `balanced_labels` draws them

    Raises
    ------
    ValueError
        If an argument is outside the range given above.
    """
    _check(decay, n=n, side=side, channels=channels, K=K)
    waves = np.fft.fftfreq(side, 1 / side)
    amplitude = (1 + np.hypot(waves[:, None], waves)) ** -decay
    amplitude /= np.sqrt(np.mean(amplitude**2))
    labels = balanced_labels(stream("labels"), n, K)
    white = stream("noise").standard_normal((n, channels, side, side))
    white += stream("means").standard_normal((K, channels, side, side))[labels]
    modes = np.fft.rfft2(white) * amplitude[:, : side // 2 + 1]
    return np.fft.irfft2(modes, s=(side, side)), labels


def random_rotation(rng: np.random.Generator, D: int) -> Float64[Array, "D D"]:
    """Orthogonal matrix of Haar's law: Q of a Gaussian matrix, where R has a positive diagonal."""
    Q, R = np.linalg.qr(rng.standard_normal((D, D)))
    return np.asarray(Q * np.where(np.diag(R) < 0, -1.0, 1.0))


def balanced_labels(rng: np.random.Generator, n: int, K: int) -> Int64[Array, " n"]:
    """Labels 0 ... K-1 in random order; each run of K, from the first on, holds every class once.

    So the classes differ by one sample at most for every n, and a larger n adds at the end.
    """
    runs = np.tile(np.arange(K, dtype=np.int64), (-(-n // K), 1))
    return rng.permuted(runs, axis=1).ravel()[:n]


def standardised(x: Real[Array, "*shape"]) -> Float64[Array, "*shape"]:
    """Each sample less its own mean, over its own standard deviation; all its axes count as one.

    Raises
    ------
    ValueError
        If all values of a sample are equal.
    """
    axes = tuple(range(1, x.ndim))
    constant = np.flatnonzero(x.max(axis=axes) == x.min(axis=axes))
    if constant.size:
        raise ValueError(
            f"sample {constant[0]}: has equal values only and cannot be standardised"
            f" ({constant.size} of {len(x)} samples)"
        )
    centred = x - x.mean(axis=axes, keepdims=True, dtype=np.float64)
    return np.asarray(centred / centred.std(axis=axes, keepdims=True))


def one_hot(labels: Integer[Array, " n"], K: int) -> Float64[Array, "n K"]:
    """Rows of the identity.

    Raises
    ------
    ValueError
        If a label is outside 0 ... K-1.
    """
    outside = (labels < 0) | (labels >= K)
    if outside.any():
        raise ValueError(f"label {labels[outside][0]}: must be >= 0 and < K = {K}")
    return np.eye(K)[labels]


def _check(decay: float, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} = {size}: must be an integer >= 1")
    if not 0 <= decay < np.inf:
        raise ValueError(f"decay = {decay}: must be finite and >= 0")
