"""Networks with another output at initialization: scaled, less its initial value, or zero."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn


@runtime_checkable
class Network(Protocol):
    """A torch module that draws the initial parameters of a member and knows its cost.

    Attributes
    ----------
    last : str
        Name of the last layer, or of its weights.
    """

    last: str

    def __call__(self, x: Tensor) -> Tensor:
        """The outputs (n, outputs)."""
        ...

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Initial parameters of one member by name."""
        ...

    @property
    def flops_per_sample(self) -> int:
        """Floating-point operations of one forward pass."""
        ...

    def requires_grad_(self, requires_grad: bool = True) -> nn.Module:
        """`torch.nn.Module.requires_grad_`."""
        ...


class Scaled(nn.Module):
    """alpha f(x). The parameters are those of f, under the names "network.*"."""

    def __init__(self, network: Network, alpha: float) -> None:
        super().__init__()
        self.network, self.alpha = network, float(alpha)
        self.last = f"network.{network.last}"

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n outputs"]:
        """The outputs alpha f(x_i)."""
        return self.alpha * self.network(x)

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Initial parameters of f."""
        return {f"network.{name}": t for name, t in self.network.draw(rng).items()}

    @property
    def flops_per_sample(self) -> int:
        """Those of f."""
        return self.network.flops_per_sample


class Centred(nn.Module):
    """f(theta; x) - f(theta_0; x), zero at initialization.

    theta has the names "network.*"; theta_0, "reference.*", does not require grad: it is a constant
    of each member.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.reference = network, copy.deepcopy(network)
        self.reference.requires_grad_(False)
        self.last = f"network.{network.last}"

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n outputs"]:
        """The outputs f(theta; x_i) - f(theta_0; x_i)."""
        return self.network(x) - self.reference(x)

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """theta and theta_0, equal."""
        drawn = self.network.draw(rng)
        return {f"network.{name}": t for name, t in drawn.items()} | {
            f"reference.{name}": t.clone() for name, t in drawn.items()
        }

    @property
    def flops_per_sample(self) -> int:
        """Of both networks."""
        return self.network.flops_per_sample + self.reference.flops_per_sample


def zero_last(parameters: Mapping[str, Tensor], last: str) -> dict[str, Tensor]:
    """The same parameters, of one member or stacked, with those of the layer `last` zero.

    Parameters
    ----------
    parameters : mapping
    last : str
        Name of a layer ("dense": its weight and bias) or of one parameter.

    Raises
    ------
    ValueError
        If no parameter belongs to it.
    """
    wanted = [name for name in parameters if name == last or name.startswith(f"{last}.")]
    if not wanted:
        raise ValueError(f"last = {last!r}: must be a layer of {', '.join(parameters)}")
    return {n: torch.zeros_like(t) if n in wanted else t for n, t in parameters.items()}
