"""Multilayer perceptrons x -> W_L g(W_{L-1} ... g(W_1 x)) with GELU, one output and no bias.

g is GELU in its tanh form, g(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Shapes and flat
parameters are those of `DeepLinear` without a readout: the linear network is the case g(x) = x.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear

if TYPE_CHECKING:
    import torch

Array = np.ndarray


def gelu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """GELU in its tanh form."""
    return 0.5 * x * (1.0 + np.tanh(sqrt(2.0 / pi) * (x + 0.044715 * x**3)))


def forward(
    arch: DeepLinear, theta: Float[Array, "*members P"], X: Float[Array, "n d"]
) -> Float[Array, "*members n"]:
    """Outputs f(x_i) of every member at every row of X.

    Raises
    ------
    ValueError
        If the architecture has a fixed readout.
    """
    _check(arch)
    layers = arch.unflatten(theta)
    h = np.einsum("...ij,nj->...in", layers[0], X)
    for w in layers[1:]:
        h = w @ gelu(h)
    return h[..., 0, :]


def risk(
    arch: DeepLinear,
    theta: Float[Array, "*members P"],
    X: Float[Array, "n d"],
    y: Float[Array, " n"],
) -> Float[Array, "*members"]:
    """Mean squared error (1/n) |y - f(X)|^2, without a factor 1/2."""
    return np.asarray(np.mean((y - forward(arch, theta, X)) ** 2, axis=-1))


def torch_risk(
    arch: DeepLinear, X: Float[Array, "n d"], y: Float[Array, " n"]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The risk as a function of one flat float64 torch vector (P,), for ``torch.func``.

    Batch it with ``torch.func.vmap``; see `risk` for the formula. Imports torch when called.
    """
    _check(arch)
    import torch
    from torch.nn.functional import gelu as torch_gelu

    inputs = torch.as_tensor(np.ascontiguousarray(X.T), dtype=torch.float64)
    labels = torch.as_tensor(y, dtype=torch.float64)

    def value(theta: torch.Tensor) -> torch.Tensor:
        h, start = inputs, 0
        for k, (rows, columns) in enumerate(arch.shapes):
            w = theta[start : start + rows * columns].reshape(rows, columns)
            h = w @ (torch_gelu(h, approximate="tanh") if k else h)
            start += rows * columns
        return ((labels - h[0]) ** 2).mean()

    return value


def _check(arch: DeepLinear) -> None:
    if arch.readout:
        raise ValueError("a GELU network has no fixed readout: use DeepLinear.plain for its shapes")
    if arch.outputs != 1:
        raise ValueError(f"arch.outputs = {arch.outputs}: must be 1")
