"""Two-layer networks f(x) = sum_i v_i phi(w_i . x + b_i) with tanh or ELU, one output.

The loss is the mean square (1/n) sum_s (f(x_s) - y_s)^2, without a factor 1/2. Parameters travel as
flat float64 vectors ``theta``: W (K x d) row by row, then b (K), then v (K). All functions take any
number of members at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Array = np.ndarray
ACTIVATIONS = ("tanh", "elu")


@dataclass(frozen=True)
class TwoLayer:
    """Sizes of a two-layer network.

    Attributes
    ----------
    d : int >= 1
        Input dimension.
    width : int >= 1
        Number K of neurons, each with a bias; the output has none.
    activation : "tanh" or "elu"
        ELU is z for z > 0 and exp(z) - 1 else.

    Raises
    ------
    ValueError
        For another activation, or a size below 1.
    """

    d: int
    width: int
    activation: str

    def __post_init__(self) -> None:
        for name in ("d", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be >= 1")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation = {self.activation!r}: must be one of {ACTIVATIONS}")

    @property
    def n_params(self) -> int:
        """Length P = K (d + 2) of the flat parameter vector."""
        return self.width * (self.d + 2)

    def unflatten(
        self, theta: Float[Array, "*members P"]
    ) -> tuple[
        Float[Array, "*members K d"], Float[Array, "*members K"], Float[Array, "*members K"]
    ]:
        """Views W, b, v into the flat parameters."""
        W, b, v = np.split(theta, [self.width * self.d, self.width * (self.d + 1)], axis=-1)
        return W.reshape(*theta.shape[:-1], self.width, self.d), b, v

    def flatten(
        self,
        W: Float[Array, "*members K d"],
        b: Float[Array, "*members K"],
        v: Float[Array, "*members K"],
    ) -> Float[Array, "*members P"]:
        """Inverse of `unflatten`; copies."""
        return np.concatenate([W.reshape(*W.shape[:-2], -1), b, v], axis=-1)


def initialize(
    rng: np.random.Generator,
    net: TwoLayer,
    std_hidden: float = 1.0,
    std_readout: float | None = None,
) -> Float[Array, " P"]:
    """W ~ N(0, std_hidden^2), b = 0 and v ~ N(0, std_readout^2), by default N(0, 1/K)."""
    std_readout = net.width**-0.5 if std_readout is None else std_readout
    W = std_hidden * rng.standard_normal((net.width, net.d))
    return net.flatten(W, np.zeros(net.width), std_readout * rng.standard_normal(net.width))


def predict(
    net: TwoLayer, theta: Float[Array, "*members P"], x: Float[Array, "n d"]
) -> Float[Array, "*members n"]:
    """Outputs f(x_s) of every member at every row of x."""
    W, b, v = net.unflatten(theta)
    return _readout(_phi(net, _hidden(W, b, x)), v)


def loss(
    net: TwoLayer,
    theta: Float[Array, "*members P"],
    x: Float[Array, "n d"],
    y: Float[Array, " n"],
) -> Float[Array, "*members"]:
    """Mean square (1/n) |f - y|^2 of every member."""
    return np.asarray(np.mean((predict(net, theta, x) - y) ** 2, axis=-1))


def gradient(
    net: TwoLayer,
    theta: Float[Array, "*members P"],
    x: Float[Array, "n d"],
    y: Float[Array, " n"],
) -> Float[Array, "*members P"]:
    """Gradient (2/n) sum_s (f(x_s) - y_s) grad f(x_s) of the loss."""
    W, b, v = net.unflatten(theta)
    z = _hidden(W, b, x)
    h = _phi(net, z)
    slope = _slope(net, z, h)
    pull = (2 / len(x) * (_readout(h, v) - y))[..., None]
    back = pull * slope * v[..., None, :]
    return net.flatten(np.swapaxes(back, -1, -2) @ x, back.sum(-2), (pull * h).sum(-2))


def hessian(
    net: TwoLayer,
    theta: Float[Array, "*members P"],
    x: Float[Array, "n d"],
    y: Float[Array, " n"],
) -> Float[Array, "*members P P"]:
    """Dense Hessian (2/n) sum_s (grad f grad f^T + (f - y) Hess f) of the loss, symmetric.

    With z = (x, 1), a neuron's part of grad f is (v phi' z, phi). Hess f does not mix neurons: it
    has v phi'' z z^T for (w, b), and phi' z between these and v. ELU's phi'' jumps at 0, where it
    counts as 0.
    """
    W, b, v = net.unflatten(theta)
    n, d, K = len(x), net.d, net.width
    hidden = _hidden(W, b, x)
    h = _phi(net, hidden)
    slope = _slope(net, hidden, h)
    bend = -2 * h * slope if net.activation == "tanh" else np.where(hidden < 0, slope, 0.0)
    z = np.concatenate([x, np.ones((n, 1))], axis=1)
    pull = 2 / n * (_readout(h, v) - y)

    tangents = np.empty((*h.shape, d + 2))  # (*members, n, K, d + 2)
    tangents[..., :-1] = (v[..., None, :] * slope)[..., None] * z[:, None, :]
    tangents[..., -1] = h
    flat = tangents.reshape(*h.shape[:-1], K * (d + 2))
    out = 2 / n * np.swapaxes(flat, -1, -2) @ flat

    own = np.zeros((*v.shape, d + 2, d + 2))  # a neuron's block of sum_s pull Hess f
    own[..., :-1, :-1] = np.einsum("...n,...nk,ni,nj->...kij", pull, bend, z, z)
    own[..., :-1, :-1] *= v[..., None, None]
    own[..., :-1, -1] = own[..., -1, :-1] = np.einsum("...n,...nk,ni->...ki", pull, slope, z)
    neurons = np.arange(K * (d + 2)).reshape(K, d + 2)
    out[..., neurons[:, :, None], neurons[:, None, :]] += own

    order = np.concatenate([neurons[:, :d].ravel(), neurons[:, d], neurons[:, d + 1]])
    out = out[..., order[:, None], order]
    return (out + np.swapaxes(out, -1, -2)) / 2  # to the last bit


def _hidden(W: Array, b: Array, x: Array) -> Array:
    """Preactivations (*members, n, K)."""
    return x @ np.swapaxes(W, -1, -2) + b[..., None, :]


def _readout(h: Array, v: Array) -> Array:
    return np.einsum("...nk,...k->...n", h, v)


def _phi(net: TwoLayer, z: Array) -> Array:
    if net.activation == "tanh":
        return np.tanh(z)
    return np.maximum(z, 0) + np.expm1(np.minimum(z, 0))


def _slope(net: TwoLayer, z: Array, h: Array) -> Array:
    return 1 - h * h if net.activation == "tanh" else np.exp(np.minimum(z, 0))
