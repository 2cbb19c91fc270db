"""Hessian and gradient matrix of multi-class logistic regression, block by block.

The loss of a sample Y in R^d with label c is

    L(x; Y, c) = -<x^c, Y> + log sum_a exp <x^a, Y> + (beta/2) |x|^2,    x = (x^1, ..., x^k),

and n samples have the risk R = (1/n) sum L. With p_a the class probabilities, y the one-hot label
and r = p - y, the d x d blocks are

    Hessian          H_ab = (1/n) sum p_a (delta_ab - p_b) Y Y^T + beta delta_ab I,
    gradient matrix  G_ab = (1/n) sum r_a r_b Y Y^T              (beta = 0),

or H = (1/n) sum (diag p - p p^T) (x) Y Y^T + beta I in the order x.reshape(-1). Without a ridge,
H is zero on the d directions that move all x^a alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from spectral_atlas.spectra.gram import add_mean_terms
from spectral_atlas.spectra.operators import check_floating
from spectral_atlas.spectra.weighted_gram import WeightedGram

Array = np.ndarray


def class_probabilities(Y: Float[Any, "n d"], x: Float[Any, "*B k d"]) -> Float[Any, "*B n k"]:
    """p_a = exp <x^a, Y> / sum_c exp <x^c, Y>, without overflow.

    Parameters
    ----------
    Y : (n, d)
        Samples.
    x : (k, d) or (B, k, d)
        Parameters of one model, or of B checkpoints.

    Returns
    -------
    (n, k) or (B, n, k)
    """
    xp, scores = _scores(Y, x)
    scores = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    return scores / xp.sum(scores, axis=-1, keepdims=True)


def risk(
    Y: Float[Any, "n d"], labels: Int[Any, " n"], x: Float[Any, "*B k d"], ridge: float = 0.0
) -> Float[Any, "*B"]:
    """R = (1/n) sum L, one number a checkpoint; `ridge` is beta."""
    xp, scores = _scores(Y, x)
    top = xp.max(scores, axis=-1, keepdims=True)
    scores = scores - top
    own = xp.sum(xp.where(_one_hot(labels, scores), scores, 0.0), axis=-1)
    loss = xp.log(xp.sum(xp.exp(scores), axis=-1)) - own
    return xp.mean(loss, axis=-1) + ridge / 2 * xp.sum(x * x, axis=(-2, -1))


def gradient(
    Y: Float[Any, "n d"], labels: Int[Any, " n"], x: Float[Any, "*B k d"], ridge: float = 0.0
) -> Float[Any, "*B k d"]:
    """dR/dx^a = (1/n) sum r_a Y + beta x^a."""
    r = _residuals(Y, labels, x)
    return array_namespace(r).matrix_transpose(r) @ Y / Y.shape[0] + ridge * x


def hessian_block(
    Y: Float[Any, "n d"], x: Float[Any, "*B k d"], a: int, b: int, ridge: float = 0.0
) -> Float[Any, "*B d d"]:
    """H_ab = (1/n) Y^T diag(p_a (delta_ab - p_b)) Y + beta delta_ab I.

    Parameters
    ----------
    Y, x
        As in `class_probabilities`.
    a, b : int
        Classes from 0. H_aa is positive, H_ab negative semi-definite; both are symmetric.
    ridge : float
        beta.

    Raises
    ------
    ValueError
        On a shape that does not fit, samples that are integers, or a class that is not there.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import softmax_regression
    >>> Y = np.array([[2.0, 0.0], [2.0, 4.0]])
    >>> softmax_regression.hessian_block(Y, np.zeros((2, 2)), 0, 0)  # p = 1/2: Y^T Y / (4 n)
    array([[1., 1.],
           [1., 2.]])
    """
    blocks = class_block_operator(Y, x, [(a, b)], ridge=ridge).dense()
    return blocks if x.ndim == 3 else blocks[0]


def gradient_matrix_block(
    Y: Float[Any, "n d"],
    labels: Int[Any, " n"],
    x: Float[Any, "*B k d"],
    a: int,
    b: int,
    ridge: float = 0.0,
    centred: bool = False,
) -> Float[Any, "*B d d"]:
    """G_ab, the (a, b) block of the second moment of the gradients of single samples.

    Parameters
    ----------
    Y, x, a, b
        As in `hessian_block`; G_aa is positive semi-definite, G_ab has both signs.
    labels : (n,)
        Classes of the samples, integers from 0.
    ridge : float
        beta: gradients are r_a Y + beta x^a, so that with m_a = (1/n) sum r_a Y the block gains
        beta (m_a x^b^T + x^a m_b^T) + beta^2 x^a x^b^T, which for a != b is not symmetric.
    centred : bool
        Covariance of the gradients, G_ab - m_a m_b^T, in which beta drops out.
    """
    blocks = class_block_operator(Y, x, [(a, b)], labels=labels, matrix="gradient").dense()
    blocks = blocks if x.ndim == 3 else blocks[0]
    if ridge == 0 and not centred:
        return blocks
    m = gradient(Y, labels, x)
    mean, params = (m[..., a, :], m[..., b, :]), (x[..., a, :], x[..., b, :])
    return add_mean_terms(blocks, mean, params, ridge, centred)


def class_block_operator(
    Y: Float[Any, "n d"],
    x: Float[Any, "*B k d"],
    pairs: Sequence[tuple[int, int]] | None = None,
    *,
    labels: Int[Any, " n"] | None = None,
    matrix: Literal["hessian", "gradient"] = "hessian",
    ridge: float = 0.0,
) -> WeightedGram:
    """Blocks of all checkpoints as one ensemble that shares Y.

    Parameters
    ----------
    Y, x
        As in `class_probabilities`.
    pairs : sequence of (a, b), optional
        Blocks of each checkpoint; default the k diagonal ones.
    labels : (n,)
        For ``matrix="gradient"``.
    matrix : "hessian" or "gradient"
        H_ab, or G_ab without ridge (see `gradient_matrix_block` for the terms of rank two).
    ridge : float
        beta, for the Hessian.

    Returns
    -------
    WeightedGram
        Member i * len(pairs) + j is block ``pairs[j]`` of checkpoint i.
    """
    k = x.shape[-2]
    pairs = [(a, a) for a in range(k)] if pairs is None else list(pairs)
    if not pairs or not all(0 <= c < k for pair in pairs for c in pair):
        raise ValueError(f"pairs: expected classes from 0 to {k - 1}, got {pairs}")
    if matrix == "gradient":
        if labels is None or ridge != 0:
            raise ValueError("matrix='gradient' takes labels and no ridge")
        r = _residuals(Y, labels, x)
        columns = [r[..., a] * r[..., b] for a, b in pairs]
    elif matrix == "hessian":
        p = class_probabilities(Y, x)
        rest = _complement(p)
        columns = [p[..., a] * (rest[..., a] if a == b else -p[..., b]) for a, b in pairs]
    else:
        raise ValueError(f"matrix: expected 'hessian' or 'gradient', got {matrix!r}")
    xp = array_namespace(Y)
    weights = xp.reshape(xp.stack(columns, axis=-2), (-1, Y.shape[0]))
    diagonal = np.array([ridge * (a == b) for a, b in pairs])
    return WeightedGram(Y, weights, np.tile(diagonal, weights.shape[0] // len(pairs)))


def _scores(Y: Any, x: Any) -> tuple[Any, Any]:
    """<x^a, Y> as (n, k) or (B, n, k), and the arrays' namespace; all shapes pass here."""
    if Y.ndim != 2 or x.ndim not in (2, 3) or x.shape[-1] != Y.shape[1]:
        shapes = f"{tuple(Y.shape)} and {tuple(x.shape)}"
        raise ValueError(f"Y and x: expected (n, d) and (k, d) or (B, k, d), got {shapes}")
    check_floating("Y", Y)
    check_floating("x", x)
    xp = array_namespace(Y, x)
    return xp, Y @ xp.matrix_transpose(x)


def _one_hot(labels: Any, scores: Any) -> Any:
    """(n, k) booleans: the label's column."""
    xp = array_namespace(scores)
    n, k = scores.shape[-2:]
    if not array_namespace(labels).isdtype(labels.dtype, "integral"):
        kind = str(labels.dtype).removeprefix("torch.")
        raise ValueError(f"labels: expected ({n},) integers from 0 to {k - 1}, got {kind}")
    if tuple(labels.shape) != (n,) or not 0 <= int(labels.min()) <= int(labels.max()) < k:
        raise ValueError(f"labels: expected ({n},) integers from 0 to {k - 1}")
    return labels[:, None] == xp.arange(k, device=device(scores))


def _complement(p: Any) -> Any:
    """1 - p_a as the sum of the other classes, which keeps its digits when p_a is close to 1."""
    xp = array_namespace(p)
    k = p.shape[-1]
    return p @ xp.asarray(1.0 - np.eye(k), dtype=p.dtype, device=device(p))


def _residuals(Y: Any, labels: Any, x: Any) -> Any:
    """r = p - y, (n, k) or (B, n, k)."""
    p = class_probabilities(Y, x)
    return array_namespace(p).where(_one_hot(labels, p), -_complement(p), p)
