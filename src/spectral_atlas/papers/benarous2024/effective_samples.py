"""Weights h and projections V of samples: what the effective theory knows of a block.

The weight of a sample in a block of Hessian or gradient matrix depends on it through its projection
on the span of parameters and means. Samples are drawn anew from the mixture, which gives the limit
of many samples, or are given, as those behind a measured matrix: then only their noise orthogonal
to that span is left to theory, and with it all that is random at M samples but not in the limit.
"""

from __future__ import annotations

import numpy as np

from spectral_atlas.papers.benarous2024.study import MATRICES, Matrix
from spectral_atlas.spectra.softmax_regression import class_block_operator
from spectral_atlas.spectra.two_layer_relu import forward, neuron_block_operator

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
    return _class_weights(V, x @ basis, label, c, matrix), V


def class_block_given(
    Y: Array, label: Array, x: Array, means: Array, c: int, matrix: Matrix
) -> tuple[Array, Array]:
    """The samples Y (n, d) with labels (n,); else as `class_block_sample`."""
    basis = _basis(x, means)
    V = Y @ basis
    return _class_weights(V, x @ basis, label, c, matrix), V


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
    return _neuron_weights(V, W @ basis, v, labels[component], i, matrix), V


def neuron_block_given(
    X: Array, y: Array, W: Array, v: Array, means: Array, i: int, matrix: Matrix
) -> tuple[Array, Array]:
    """The samples X (n, d) with labels (n,) of 0 and 1; else as `neuron_block_sample`."""
    basis = _basis(W, means)
    V = X @ basis
    return _neuron_weights(V, W @ basis, v, y, i, matrix), V


def _class_weights(V: Array, x: Array, label: Array, c: int, matrix: Matrix) -> Array:
    """The library's own weights: V and x in coordinates give the same scores."""
    _check(matrix)
    operator = class_block_operator(V, x, [(c, c)], labels=label, matrix=matrix)
    return np.asarray(operator.weights[0])


def _neuron_weights(V: Array, W: Array, v: Array, y: Array, i: int, matrix: Matrix) -> Array:
    _check(matrix)
    return np.asarray(neuron_block_operator(forward(V, y, W, v), matrix).weights[i])


def _basis(x: Array, means: Array) -> Array:
    """Orthonormal basis of the span of all rows, (d, q); the noise drawn is in its coordinates."""
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


def _check(matrix: Matrix) -> None:
    if matrix not in MATRICES:
        raise ValueError(f"matrix: expected 'hessian' or 'gradient', got {matrix!r}")
