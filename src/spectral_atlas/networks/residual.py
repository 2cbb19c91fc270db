"""Residual networks without normalisation: ResNet-18 and 34 with identities for batch norm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad

from spectral_atlas.networks import flops
from spectral_atlas.networks.flops import BLOCKS
from spectral_atlas.networks.initialization import fan_in, lecun_normal

Activation = Callable[[Tensor], Tensor]


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Rows before and after an image for ceil(side / stride) outputs: "SAME" padding.

    The odd one of an odd number of rows comes after: (0, 1) for a 3 x 3 kernel with stride 2 on an
    even side, where torch's own ``padding=1`` would shift the kernel by one pixel.
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class ResNet(nn.Module):
    """A 7 x 7 stem, four stages of basic blocks and a dense layer on the mean over the image.

    The stem has stride 2, zero padding of 3 on all sides and the activation, then a 3 x 3 max pool
    with stride 2. A block is convolution, activation, convolution, all 3 x 3; its input is added,
    then the activation comes again. Stage k = 0..3 has width 2^k filters. The first block of stages
    1-3 has stride 2 in its first convolution and in a 1 x 1 convolution of its input. Padding
    is that of `same_padding` but in the stem. Only the dense layer has a bias. Images of any side
    will do: stages work on a single pixel too. The parameters are zero until they are given: see
    `draw`.

    Parameters
    ----------
    depth : int
        18 or 34.
    width : int
        Filters of the stem and of the first stage.
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
        activation: Activation = torch.relu,
    ) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise ValueError(f"depth = {depth}: must be one of {', '.join(map(str, BLOCKS))}")
        sizes = {"width": width, "side": side, "channels": channels, "outputs": outputs}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} = {size}: must be >= 1")
        self.activation = activation
        self._size = flops.resnet(depth, width, side, channels, outputs)
        self.stem = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
        blocks, inputs = [], width
        for stage, count in enumerate(BLOCKS[depth]):
            for i in range(count):
                stride = 2 if stage and not i else 1
                blocks.append(_Block(inputs, width * 2**stage, stride, activation))
                inputs = width * 2**stage
        self.blocks = nn.ModuleList(blocks)
        self.dense = nn.Linear(inputs, outputs)
        self.last = "dense"
        for p in self.parameters():
            nn.init.zeros_(p)

    def forward(self, x: Float[Tensor, "n channels side side"]) -> Float[Tensor, "n outputs"]:
        """The outputs f(x_i)."""
        x = _max_pool(self.activation(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.dense(x.mean((-2, -1)))
        return out

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Initial parameters of one member by name, float32.

        Truncated normals of variance 1 / fan_in in all kernels; the bias is zero.
        """
        return {
            name: torch.zeros(p.shape)
            if p.ndim == 1
            else lecun_normal(rng, p.shape, fan_in(p.shape))
            for name, p in self.named_parameters()
        }

    @property
    def flops_per_sample(self) -> int:
        """Floating-point operations of kernels and dense weights, in one forward pass.

        Products with the zeros of the padding count; the sum with the bias does not.
        """
        return self._size.flops


class _Block(nn.Module):
    """activation(x + C2 activation(C1 x)), with a projection of x where shapes change."""

    def __init__(self, inputs: int, filters: int, stride: int, activation: Activation) -> None:
        super().__init__()
        self.stride, self.activation = stride, activation
        # The padding of a strided convolution depends on the side: `forward` adds it.
        self.first = nn.Conv2d(inputs, filters, 3, stride, 0 if stride > 1 else 1, bias=False)
        self.second = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.projection = (
            nn.Conv2d(inputs, filters, 1, stride, bias=False) if inputs != filters else None
        )

    def forward(self, x: Tensor) -> Tensor:
        wide = pad(x, _around(x, self.stride)) if self.stride > 1 else x
        y = self.second(self.activation(self.first(wide)))
        return self.activation((x if self.projection is None else self.projection(x)) + y)


def _max_pool(x: Tensor) -> Tensor:
    """3 x 3 with stride 2."""
    return max_pool2d(pad(x, _around(x, 2), value=-torch.inf), 3, 2)


def _around(x: Tensor, stride: int) -> list[int]:
    """Padding of the last two axes, equal ones, for a 3 x 3 kernel."""
    return [*same_padding(x.shape[-1], 3, stride)] * 2
