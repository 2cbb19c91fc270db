"""Floating-point operations and parameters of the networks, by formula and without torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

POOLED_AFTER = {5: (1, 2, 3), 7: (1, 3, 5), 10: (2, 5, 8)}  # convolutions of a Myrtle network
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # of a ResNet, by stage


@dataclass(frozen=True)
class Size:
    """What a forward pass of one sample costs, and how many parameters there are."""

    flops: int
    parameters: int


def fully_connected(inputs: int, outputs: int, depth: int, width: int) -> Size:
    """`networks.fully_connected.FullyConnected`."""
    layers = [inputs, *[width] * (depth - 1), outputs]
    weights = sum(rows * columns for rows, columns in pairwise(layers))
    return Size(2 * weights, weights)


def myrtle(depth: int, width: int, side: int, channels: int, outputs: int) -> Size:
    """`networks.myrtle.Myrtle`; its pools cost no products."""
    flops = parameters = 0
    for i in range(depth - 1):
        kernel = 9 * (channels if i == 0 else width) * width
        flops += 2 * kernel * side**2
        parameters += kernel
        if i in POOLED_AFTER[depth] and side > 1:
            side //= 2
    for _ in range(2):
        side = side // 2 if side > 1 else side
    dense = side**2 * width * outputs
    return Size(flops + 2 * dense, parameters + dense)


def resnet(depth: int, width: int, side: int, channels: int, outputs: int) -> Size:
    """`networks.residual.ResNet`."""
    kernels: list[tuple[int, int]] = []  # weights, outputs that each makes
    side = (side - 1) // 2 + 1
    kernels.append((49 * channels * width, side**2))
    side = -(-side // 2)
    inner = width
    for stage, blocks in enumerate(BLOCKS[depth]):
        outer = width * 2**stage
        for block in range(blocks):
            if stage and not block:
                side = -(-side // 2)
                kernels.append((inner * outer, side**2))
            kernels.append((9 * inner * outer, side**2))
            kernels.append((9 * outer * outer, side**2))
            inner = outer
    dense = inner * outputs
    flops = 2 * sum(weights * places for weights, places in kernels) + 2 * dense
    return Size(flops, sum(weights for weights, _ in kernels) + dense + outputs)
