"""Fully connected networks of constant width, without bias."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import sqrt
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectral_atlas.networks import flops

Activation = Literal["relu", "tanh", "linear"]
Parameterization = Literal["standard", "neural_tangent"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "linear": lambda x: x,
}


class FullyConnected(nn.Module):
    r"""x -> w^{-s} h W_d, with h = g(... g(x W_1) ... W_{d-1}).

    Parameters
    ----------
    inputs, outputs : int
        D and K. Samples with more than one axis are flattened.
    depth : int
        d, the number of weight matrices, at least 2.
    width : int
        w, neurons of each hidden layer.
    activation : "relu", "tanh", "linear"
        g.
    parameterization : "standard" or "neural_tangent"
        Standard: weights from N(0, v / fan_in), those of the last layer from N(0, 1 / fan_in).
        Neural tangent: weights from N(0, 1), and each layer multiplied by fan_in^{-1/2}.
    output_exponent : float
        s.
    weight_variance : float
        v: 2 keeps the size of signals for ReLU, 1 for tanh.

    Raises
    ------
    ValueError
        On a depth below 2 or an unknown name.

    Examples
    --------
    >>> net = FullyConnected(64, 10, depth=4, width=32)
    >>> [tuple(p.shape) for p in net.parameters()]
    [(64, 32), (32, 32), (32, 32), (32, 10)]
    >>> net.flops_per_sample
    8832
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        depth: int,
        width: int,
        *,
        activation: Activation = "relu",
        parameterization: Parameterization = "standard",
        output_exponent: float = 0.0,
        weight_variance: float = 2.0,
    ) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth = {depth}: must be at least 2, it counts weight matrices")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation = {activation!r}: must be one of {', '.join(ACTIVATIONS)}"
            )
        if parameterization not in get_args(Parameterization):
            names = ", ".join(get_args(Parameterization))
            raise ValueError(f"parameterization = {parameterization!r}: must be one of {names}")
        self._size = flops.fully_connected(inputs, outputs, depth, width)
        sizes = [inputs, *[width] * (depth - 1), outputs]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(rows, columns)) for rows, columns in pairwise(sizes)
        )
        self.activation = ACTIVATIONS[activation]
        self.standard = parameterization == "standard"
        self.output_scale = float(width) ** -output_exponent
        self.weight_variance = weight_variance
        self.last = f"weights.{depth - 1}"

    @property
    def flops_per_sample(self) -> int:
        """Floating-point operations of the matrix products of one forward pass."""
        return self._size.flops

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n K"]:
        """Outputs of n samples."""
        h = x.flatten(1)
        *hidden, last = self.weights
        for W in hidden:
            h = self.activation(self._through(h, W))
        out = self._through(h, last)
        return out if self.output_scale == 1.0 else out * self.output_scale

    def _through(self, h: Tensor, W: Tensor) -> Tensor:
        return h @ W if self.standard else (h @ W) * W.shape[0] ** -0.5

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Initial weights of one member, float32, layer after layer from one generator."""
        found = {}
        for name, W in self.named_parameters():
            rows = W.shape[0]
            kept = 1.0 if name == self.last else self.weight_variance
            variance = kept / rows if self.standard else 1.0
            drawn = rng.standard_normal(W.shape, dtype=np.float32) * np.float32(sqrt(variance))
            found[name] = torch.from_numpy(drawn)
        return found
