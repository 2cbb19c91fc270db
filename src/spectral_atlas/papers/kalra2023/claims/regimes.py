"""Which networks the claims speak of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spectral_atlas.papers.kalra2023.claims.study import Nets

FILES = {4: "runs/fcn", 8: "runs/fcn_deep", 16: "runs/fcn_deeper"}
SETTING = (
    "ReLU FCN, power-law mixture (D = 64, N = 512, K = 10), squared error, full batches, T = 10"
)
OTHERS = "measured independently, other code and seeds"


def fcn(depth: int, width: int) -> Nets:
    """Networks of the phase diagram."""
    return Nets(FILES[depth], depth, width)


def output(depth: int, width: int, kind: str = "standard", alpha: float = 1.0) -> Nets:
    """Networks whose output at initialization is changed."""
    return Nets("runs/output", depth, width, output=kind, alpha=alpha)


def entropy(depth: int, width: int, kind: str = "standard") -> Nets:
    """Networks with the cross-entropy."""
    return Nets("runs/cross_entropy", depth, width, loss_name="cross_entropy", output=kind)


def learning(data: str, depth: int, width: int) -> Nets:
    """Networks that learn another training set."""
    return Nets("runs/data_sets", depth, width, data=data)


def variant(depth: int, width: int, **changed: Any) -> Nets:
    """Other activations, batches, parameterizations."""
    return Nets("runs/variants", depth, width, **changed)


def linear(depth: int, width: int, exponent: float = 0.0) -> Nets:
    """Deep linear networks, their output over w^s."""
    return variant(
        depth,
        width,
        activation="linear",
        parameterization="neural_tangent",
        output_exponent=exponent,
    )


def tanh(depth: int, width: int) -> Nets:
    """Networks with another activation."""
    return variant(depth, width, activation="tanh", weight_variance=1.0)


def myrtle(depth: int, width: int) -> Nets:
    """Convolutional networks."""
    return Nets("runs/myrtle", depth, width, data="fields", network="myrtle")


WIDE = ((4, 256), (4, 128), (8, 256))  # d / w <= .035
SHALLOW = (*WIDE, (4, 64), (8, 128))  # d / w <= .07
NARROW = ((4, 32), (8, 64), (16, 128), (16, 64))  # d / w from .125 on


def listed(shapes: Iterable[tuple[int, int]]) -> str:
    """Depths and widths, as statements name them."""
    return f"(d, w) = {', '.join(map(str, shapes))}"
