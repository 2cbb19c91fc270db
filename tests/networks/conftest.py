"""Slow, direct convolutions and counts for the tests of convolutional networks."""

import numpy as np
import pytest
from torch import nn


def _convolve(x, kernel, stride, before, after):
    """(n, c, s, s) and (o, c, k, k): one output pixel at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    k = kernel.shape[-1]
    side = (x.shape[-1] - k) // stride + 1
    out = np.empty((len(x), len(kernel), side, side))
    for i, j in np.ndindex(side, side):
        patch = x[:, :, stride * i : stride * i + k, stride * j : stride * j + k]
        out[:, :, i, j] = np.einsum("ncab,ocab->no", patch, kernel)
    return out


def _count(network, x):
    """Multiplications and additions of convolutions and dense layers, from what they put out."""
    found = []

    def hook(layer, _, output):
        per_output = layer.weight[0].numel()
        found.append(2 * per_output * output[0].numel())

    hooks = [
        layer.register_forward_hook(hook)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    network(x)
    for h in hooks:
        h.remove()
    return sum(found)


@pytest.fixture
def convolve():
    return _convolve


@pytest.fixture
def hooked_flops():
    return _count
