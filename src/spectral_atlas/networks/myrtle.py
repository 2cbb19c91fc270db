"""Myrtle networks: plain stacks of 3 x 3 convolutions and average pools."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from spectral_atlas.networks import flops
from spectral_atlas.networks.flops import POOLED_AFTER
from spectral_atlas.networks.initialization import fan_in, he_normal, lecun_normal

_LAST_POOLS = 2  # before the dense layer


class Myrtle(nn.Module):
    """Depth - 1 convolutions of `width` filters, then a dense layer; no bias, no normalisation.

    Convolutions are 3 x 3 with stride 1 and keep the side (zero padding); the activation follows
    each of them. 2 x 2 average pools follow those of `POOLED_AFTER`, two more come before the dense
    layer. A pool halves the side and leaves out an odd last row and column. Only the pools that fit
    are there: none once the side is 1. That is all five from side 32 on, four for 28 (14, 7, 3, 1)
    and 16, three for 8. The parameters are zero until they are given: see `draw`.

    Parameters
    ----------
    depth : int
        5, 7 or 10: the number of layers with weights, the dense one included.
    width : int
        Filters of each convolution.
    side, channels : int
        Of the input images.
    outputs : int
    activation : callable

    Attributes
    ----------
    last : str
        Name of the last layer.

    Raises
    ------
    ValueError
        If the depth is none of these, or a size is below 1.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        side: int,
        channels: int = 3,
        outputs: int = 10,
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ) -> None:
        super().__init__()
        if depth not in POOLED_AFTER:
            raise ValueError(f"depth = {depth}: must be one of {', '.join(map(str, POOLED_AFTER))}")
        sizes = {"width": width, "side": side, "channels": channels, "outputs": outputs}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} = {size}: must be >= 1")
        self._size = flops.myrtle(depth, width, side, channels, outputs)
        self.activation = activation
        inputs = [channels, *[width] * (depth - 2)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(c, width, 3, padding=1, bias=False) for c in inputs
        )
        self._pools: list[int] = []  # how many follow it
        for i in range(depth - 1):
            wanted = int(i in POOLED_AFTER[depth]) + (_LAST_POOLS if i == depth - 2 else 0)
            self._pools.append(min(wanted, side.bit_length() - 1))
            side >>= self._pools[-1]
        self.dense = nn.Linear(width * side**2, outputs, bias=False)
        self.last = "dense"
        for p in self.parameters():
            nn.init.zeros_(p)

    def forward(self, x: Float[Tensor, "n channels side side"]) -> Float[Tensor, "n outputs"]:
        """The outputs f(x_i)."""
        for convolution, pools in zip(self.convolutions, self._pools, strict=True):
            x = self.activation(convolution(x))
            for _ in range(pools):
                x = avg_pool2d(x, 2)
        out: Tensor = self.dense(x.flatten(1))
        return out

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Initial parameters of one member by name, float32.

        N(0, 2 / fan_in) in the convolutions; variance 1 / fan_in, truncated, in the dense layer.
        """
        return {
            name: (lecun_normal if name == "dense.weight" else he_normal)(
                rng, p.shape, fan_in(p.shape)
            )
            for name, p in self.named_parameters()
        }

    @property
    def flops_per_sample(self) -> int:
        """Floating-point operations of the layers with weights, in one forward pass.

        Products with the zeros of the padding count.
        """
        return self._size.flops
