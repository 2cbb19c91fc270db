"""Weights h and projections V of samples: what the effective theory knows of a block.

The weight of a sample in a block of Hessian or gradient matrix depends on it through its projection
on the span of parameters and means. Samples are drawn anew from the mixture, which gives the limit
of many samples, or are given, as those behind a measured matrix: then only their noise orthogonal
to that span is left to theory, and with it all that is random at M samples but not in the limit.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from spectral_atlas.papers.benarous2024.study import Matrix

Array = np.ndarray


def class_block_sample(
    rng: np.random.Generator,
    x: Array,
    means: Array,
    weights: Array,
    precision: float,
    c: int,
    matrix: Matrix,
    n: int,
) -> tuple[Array, Array]:
    """n new samples, for the block of class c of a softmax classifier.

    Parameters
    ----------
    x : (k, d)
        One vector for each class.
    means : (k, d)
        Component a has label a.
    weights : (k,)
        Probabilities of the components.
    matrix : str
        p_c (1 - p_c) for "hessian", (p_c - 1{label = c})^2 for "gradient".

    Returns
    -------
    h : (n,)
    V : (n, q)
        Coordinates in an orthonormal basis of the span of `x` and `means`.
    """
    basis = _basis(x, means)
    label, V = _projections(rng, means @ basis, weights, precision, n)
    return _class_weights(V @ (x @ basis).T, label, c, matrix), V


def class_block_given(
    Y: Array, label: Array, x: Array, means: Array, c: int, matrix: Matrix
) -> tuple[Array, Array]:
    """The samples Y (n, d) with labels (n,); else as `class_block_sample`."""
    V = Y @ _basis(x, means)
    return _class_weights(Y @ x.T, label, c, matrix), V


def neuron_block_sample(
    rng: np.random.Generator,
    W: Array,
    v: Array,
    means: Array,
    weights: Array,
    labels: Array,
    precision: float,
    i: int,
    matrix: Matrix,
    n: int,
) -> tuple[Array, Array]:
    """n new samples, for the block of neuron i of a two-layer ReLU classifier.

    Parameters
    ----------
    W : (K, d)
    v : (K,)
    means : (r, d)
    weights : (r,)
        Probabilities of the components.
    labels : (r,)
        0 or 1 for each component.
    matrix : str
        v_i^2 s (1 - s) 1_i for "hessian", v_i^2 (s - y)^2 1_i for "gradient".

    Returns
    -------
    h : (n,)
    V : (n, q)
        Coordinates in an orthonormal basis of the span of `W` and `means`.
    """
    basis = _basis(W, means)
    component, V = _projections(rng, means @ basis, weights, precision, n)
    return _neuron_weights(V @ (W @ basis).T, v, labels[component], i, matrix), V


def neuron_block_given(
    X: Array, y: Array, W: Array, v: Array, means: Array, i: int, matrix: Matrix
) -> tuple[Array, Array]:
    """The samples X (n, d) with labels (n,) of 0 and 1; else as `neuron_block_sample`."""
    return _neuron_weights(X @ W.T, v, y, i, matrix), X @ _basis(W, means)


def _class_weights(scores: Array, label: Array, c: int, matrix: Matrix) -> Array:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    total = odds.sum(axis=1)
    own = odds[:, c] / total
    others = np.delete(odds, c, axis=1).sum(axis=1) / total  # 1 - own without cancellation
    if _is_hessian(matrix):
        return np.asarray(own * others)
    return np.where(label == c, others, own) ** 2


def _neuron_weights(inputs: Array, v: Array, y: Array, i: int, matrix: Matrix) -> Array:
    f = np.maximum(inputs, 0) @ v
    scale = v[i] ** 2 * (inputs[:, i] > 0)
    if _is_hessian(matrix):
        return np.asarray(scale * expit(f) * expit(-f))
    return np.asarray(scale * expit(np.where(y == 1, -f, f)) ** 2)


def _basis(x: Array, means: Array) -> Array:
    """Orthonormal basis of the span of all rows, (d, q)."""
    rows = np.concatenate([x, means])
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(right[values > 1e-12 * values[0]].T)


def _projections(
    rng: np.random.Generator, means: Array, weights: Array, precision: float, n: int
) -> tuple[Array, Array]:
    """Components (n,) and samples (n, q) of a mixture whose means are given by coordinates."""
    # One random offset for all: shares are exact to 1/n, which takes their part of the variance.
    bounds = np.cumsum(weights) / np.sum(weights)
    component = np.searchsorted(bounds[:-1], (np.arange(n) + rng.random()) / n, side="right")
    noise = rng.standard_normal((n, means.shape[1])) / precision**0.5
    return component, means[component] + noise


def _is_hessian(matrix: Matrix) -> bool:
    if matrix not in ("hessian", "gradient"):
        raise ValueError(f"matrix: expected 'hessian' or 'gradient', got {matrix!r}")
    return matrix == "hessian"
