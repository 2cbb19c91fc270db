"""Initial weights of torch networks: float32 tensors made of numpy's random numbers.

A kernel has shape (outputs, inputs, ...): the fan-in is the product of all axes but the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, exp, pi, prod, sqrt

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

_CUT = 2.0  # standard deviations
# Var(z | |z| < a) = 1 - 2 a φ(a) / (2 Φ(a) - 1) of a standard normal z.
_KEPT_VARIANCE = 1.0 - 2.0 * _CUT * exp(-(_CUT**2) / 2.0) / sqrt(2.0 * pi) / erf(_CUT / sqrt(2.0))


def fan_in(shape: Sequence[int]) -> int:
    """How many inputs each output of a kernel of this shape sums over."""
    return prod(shape[1:])


def truncated_normal(rng: np.random.Generator, shape: Sequence[int]) -> Float32[Tensor, "*shape"]:
    """Normals within 2 standard deviations (others are drawn again), scaled to variance 1."""
    z = rng.standard_normal(prod(shape))
    while len(outside := np.flatnonzero(np.abs(z) > _CUT)):
        z[outside] = rng.standard_normal(len(outside))
    return _float32(z / sqrt(_KEPT_VARIANCE), shape)


def he_normal(
    rng: np.random.Generator, shape: Sequence[int], fan_in: int
) -> Float32[Tensor, "*shape"]:
    """Entries N(0, 2 / fan_in): the second moment of a ReLU layer is that of its inputs."""
    return _float32(sqrt(2.0 / fan_in) * rng.standard_normal(prod(shape)), shape)


def lecun_normal(
    rng: np.random.Generator, shape: Sequence[int], fan_in: int
) -> Float32[Tensor, "*shape"]:
    """Entries of variance 1 / fan_in, normal but truncated at 2 standard deviations.

    The default of flax's layers: the scale makes up for what the truncation takes away.
    """
    return truncated_normal(rng, shape) / sqrt(fan_in)


def stacked(draws: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The parameters (B, *shape) of an ensemble from those of its B members.

    Raises
    ------
    ValueError
        If there is no member, or a member's parameters have other names or shapes than the first's.
    """
    if not draws:
        raise ValueError("draws: an empty ensemble")
    first = {name: t.shape for name, t in draws[0].items()}
    for member, draw in enumerate(draws):
        if (found := {name: t.shape for name, t in draw.items()}) != first:
            name = min(dict(first.items() ^ found.items()))
            raise ValueError(f"draws: member {member} has another {name!r} than member 0")
    return {name: torch.stack([draw[name] for draw in draws]) for name in first}


def _float32(values: np.ndarray, shape: Sequence[int]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32).reshape(tuple(shape)))
