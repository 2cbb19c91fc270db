"""Hessian and gradient matrix of a two-layer ReLU classifier, block by block.

The network f(X) = v . g(W X), with g(u) = max(u, 0), K neurons W_i in R^d and readout v, has the
loss of a sample X with label y in {0, 1}

    L = -y f + log(1 + e^f) + (beta/2) (|v|^2 + |W|^2).

With s = 1 / (1 + e^-f), the gates 1_i = 1{W_i . X > 0} (shut at 0) and E the mean over n samples,
the blocks are

    H_{W_i W_j} = v_i v_j E[s (1 - s) 1_i 1_j X X^T]         + beta delta_ij I
    H_{v v}     = E[s (1 - s) g g^T]                         + beta I
    H_{W_i v_j} = E[(s (1 - s) v_i g_j + delta_ij (s - y)) 1_i X]
    G_{W_i W_j} = v_i v_j E[(s - y)^2 1_i 1_j X X^T]
    G_{v v}     = E[(s - y)^2 g g^T]
    G_{W_i v_j} = v_i E[(s - y)^2 1_i g_j X]

where G, the second moment of the gradients of single samples, is shown for beta = 0. H is that of
the empirical risk away from the kinks, without the point masses of g''.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from spectral_atlas.spectra.gram import add_mean_terms
from spectral_atlas.spectra.operators import check_floating
from spectral_atlas.spectra.weighted_gram import WeightedGram

Matrix = Literal["hessian", "gradient"]


@dataclass(frozen=True)
class Forward:
    """What all blocks share: one pass over the samples, for one model or B checkpoints.

    Attributes
    ----------
    X : (n, d)
    W : (K, d) or (B, K, d)
    v : (K,) or (B, K)
    hidden : (n, K) or (B, n, K)
        g(W X); the gates are where it is positive.
    residual : (n,) or (B, n)
        s - y, to full relative accuracy however sure the model is.
    curvature : (n,) or (B, n)
        s (1 - s), likewise.
    loss : (n,) or (B, n)
        Per sample, without ridge.
    """

    X: Float[Any, "n d"]
    W: Float[Any, "*B K d"]
    v: Float[Any, "*B K"]
    hidden: Float[Any, "*B n K"]
    residual: Float[Any, "*B n"]
    curvature: Float[Any, "*B n"]
    loss: Float[Any, "*B n"]

    @property
    def gates(self) -> Any:
        """1{W_i . X > 0} as numbers, of the shape of `hidden`."""
        return array_namespace(self.X).astype(self.hidden > 0, self.X.dtype)

    def sample_weights(self, matrix: Matrix) -> Any:
        """s (1 - s) for the Hessian, (s - y)^2 for the gradient matrix."""
        if matrix not in ("hessian", "gradient"):
            raise ValueError(f"matrix: expected 'hessian' or 'gradient', got {matrix!r}")
        return self.curvature if matrix == "hessian" else self.residual**2


def forward(
    X: Float[Any, "n d"], y: Int[Any, " n"], W: Float[Any, "*B K d"], v: Float[Any, "*B K"]
) -> Forward:
    """Activations, residuals and curvatures of all samples.

    Parameters
    ----------
    X, y : (n, d) and (n,)
        Samples and their labels, 0 or 1; numpy or torch.
    W, v : (K, d) and (K,), or (B, K, d) and (B, K)
        Parameters of one model, or of B checkpoints.

    Raises
    ------
    ValueError
        On a shape that does not fit, samples or parameters that are integers, or another label.
    """
    if X.ndim != 2 or W.ndim not in (2, 3) or W.shape[-1] != X.shape[1]:
        shapes = f"{tuple(X.shape)} and {tuple(W.shape)}"
        raise ValueError(f"X and W: expected (n, d) and (K, d) or (B, K, d), got {shapes}")
    if tuple(v.shape) != tuple(W.shape[:-1]):
        raise ValueError(f"v: expected {tuple(W.shape[:-1])}, got {tuple(v.shape)}")
    for name, array in (("X", X), ("W", W), ("v", v)):
        check_floating(name, array)
    xp = array_namespace(X, y, W, v)
    if tuple(y.shape) != (X.shape[0],) or not bool(xp.all((y == 0) | (y == 1))):
        raise ValueError(f"y: expected ({X.shape[0]},) labels 0 and 1")
    hidden = X @ xp.matrix_transpose(W)
    hidden = xp.where(hidden > 0, hidden, 0 * hidden)  # 0 * keeps NaN, and drops the sign of -0
    sign = 1 - 2 * xp.astype(y, X.dtype)
    margin = sign * (hidden @ v[..., None])[..., 0]  # the loss is log(1 + e^margin)
    e = xp.exp(-xp.abs(margin))
    half = e / (1 + e)
    residual = sign * xp.where(margin > 0, 1 / (1 + e), half)
    loss = xp.where(margin > 0, margin, 0 * margin) + xp.log1p(e)
    return Forward(X, W, v, hidden, residual, half / (1 + e), loss)


def risk(fwd: Forward, ridge: float = 0.0) -> Any:
    """Mean loss + (beta/2) (|v|^2 + |W|^2), one number a checkpoint; `ridge` is beta."""
    xp = array_namespace(fwd.X)
    squares = xp.sum(fwd.v**2, axis=-1) + xp.sum(fwd.W**2, axis=(-2, -1))
    return xp.mean(fwd.loss, axis=-1) + ridge / 2 * squares


def gradient(fwd: Forward, ridge: float = 0.0) -> tuple[Any, Any]:
    """Gradients (dW, dv) of the risk, in the shapes of W and v.

    dR/dW_i = v_i E[(s - y) 1_i X] + beta W_i and dR/dv = E[(s - y) g] + beta v.
    """
    mean = fwd.residual[..., None] / fwd.X.shape[0]
    dW = array_namespace(fwd.X).matrix_transpose(mean * fwd.gates) @ fwd.X
    dv = (mean * fwd.hidden).sum(-2)
    return fwd.v[..., None] * dW + ridge * fwd.W, dv + ridge * fwd.v


def neuron_block(
    fwd: Forward,
    i: int,
    j: int,
    matrix: Matrix = "hessian",
    ridge: float = 0.0,
    centred: bool = False,
) -> Float[Any, "*B d d"]:
    """H or G_{W_i W_j}; rows with a shut gate are left out.

    Parameters
    ----------
    fwd : Forward
    i, j : int
        Neurons from 0.
    matrix : "hessian" or "gradient"
    ridge : float
        beta. On the gradient matrix, whose gradients are (s - y) v_i 1_i X + beta W_i, it adds
        beta (m_i W_j^T + W_i m_j^T) + beta^2 W_i W_j^T with m_i the mean data gradient.
    centred : bool
        Covariance of the gradients, for ``matrix="gradient"``.

    Raises
    ------
    ValueError
        For a neuron that is not there, or bad settings.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import two_layer_relu
    >>> X = np.array([[2.0, 0.0], [2.0, 4.0]])
    >>> W, v = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([1.0, -1.0])  # f = 0: s = 1/2
    >>> fwd = two_layer_relu.forward(X, np.array([0, 1]), W, v)
    >>> two_layer_relu.neuron_block(fwd, 0, 1)  # open gates: -X^T X / (4 n)
    array([[-1., -1.],
           [-1., -2.]])
    """
    _check(fwd, matrix, centred, i, j)
    xp = array_namespace(fwd.X)
    w = fwd.sample_weights(matrix) * fwd.gates[..., i] * fwd.gates[..., j]
    w = xp.reshape(w * (fwd.v[..., i] * fwd.v[..., j])[..., None], (-1, fwd.X.shape[0]))
    own = ridge if matrix == "hessian" and i == j else 0.0
    blocks = WeightedGram(fwd.X, w, own).dense()
    if fwd.W.ndim == 2:
        blocks = blocks[0]
    if matrix == "hessian" or (ridge == 0 and not centred):
        return blocks
    m, _ = gradient(fwd)
    mean, params = (m[..., i, :], m[..., j, :]), (fwd.W[..., i, :], fwd.W[..., j, :])
    return add_mean_terms(blocks, mean, params, ridge, centred)


def neuron_block_operator(
    fwd: Forward, matrix: Matrix = "hessian", ridge: float = 0.0
) -> WeightedGram:
    """The diagonal blocks of all neurons as one ensemble that shares X.

    Member m * K + i is block W_i W_i of checkpoint m. `ridge` is for the Hessian; `neuron_block`
    has its terms on the gradient matrix, which are of rank two.
    """
    if matrix == "gradient" and ridge != 0:
        raise ValueError("matrix='gradient' takes no ridge")
    xp = array_namespace(fwd.X)
    w = fwd.sample_weights(matrix)[..., None] * fwd.gates * (fwd.v**2)[..., None, :]
    return WeightedGram(fwd.X, xp.reshape(xp.matrix_transpose(w), (-1, fwd.X.shape[0])), ridge)


def readout_block(
    fwd: Forward, matrix: Matrix = "hessian", ridge: float = 0.0, centred: bool = False
) -> Float[Any, "*B K K"]:
    """H or G_vv of all checkpoints; arguments as in `neuron_block`, exactly symmetric."""
    _check(fwd, matrix, centred)
    xp = array_namespace(fwd.X)
    A = xp.sqrt(fwd.sample_weights(matrix) / fwd.X.shape[0])[..., None] * fwd.hidden
    block = xp.matrix_transpose(A) @ A
    block = (block + xp.matrix_transpose(block)) / 2
    if matrix == "hessian":
        return block + ridge * xp.asarray(
            np.eye(block.shape[-1]), dtype=block.dtype, device=device(block)
        )
    if ridge == 0 and not centred:
        return block
    _, m = gradient(fwd)
    return add_mean_terms(block, (m, m), (fwd.v, fwd.v), ridge, centred)


def cross_block(
    fwd: Forward,
    i: int,
    j: int,
    matrix: Matrix = "hessian",
    ridge: float = 0.0,
    centred: bool = False,
) -> Float[Any, "*B d"]:
    """H or G_{W_i v_j}, a column of length d; arguments as in `neuron_block`."""
    _check(fwd, matrix, centred, i, j)
    v_i, gate = fwd.v[..., i, None], fwd.gates[..., i]
    w = fwd.sample_weights(matrix) * v_i * fwd.hidden[..., j]
    if matrix == "hessian":
        w = (w + fwd.residual if i == j else w) * gate
        return w @ fwd.X / fwd.X.shape[0]
    block = (w * gate) @ fwd.X / fwd.X.shape[0]
    dW, dv = gradient(fwd)
    mean, params = (dW[..., i, :], dv[..., j, None]), (fwd.W[..., i, :], fwd.v[..., j, None])
    return add_mean_terms(block[..., None], mean, params, ridge, centred)[..., 0]


def _check(fwd: Forward, matrix: Matrix, centred: bool, *neurons: int) -> None:
    fwd.sample_weights(matrix)
    if centred and matrix == "hessian":
        raise ValueError("centred is for matrix='gradient'")
    if not all(0 <= i < fwd.v.shape[-1] for i in neurons):
        raise ValueError(f"neurons: expected 0 to {fwd.v.shape[-1] - 1}, got {neurons}")
