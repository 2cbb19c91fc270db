"""Costs and sizes by formula against the modules themselves and counts at their layers."""

from itertools import pairwise

import pytest
import torch
from torch.overrides import TorchFunctionMode

from spectral_atlas.networks import flops
from spectral_atlas.networks.fully_connected import FullyConnected
from spectral_atlas.networks.myrtle import Myrtle
from spectral_atlas.networks.residual import ResNet


def parameters(network):
    return sum(p.numel() for p in network.parameters())


class Products(TorchFunctionMode):
    """Multiplications and additions of matrix products."""

    count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.matmul, torch.matmul, torch.Tensor.__matmul__):
            self.count += 2 * args[0].numel() * args[1].shape[-1]
        return function(*args, **(kwargs or {}))


def products(network, x):
    with Products() as found:
        network(x)
    return found.count


@pytest.mark.parametrize("depth", [2, 3, 8])
@pytest.mark.parametrize("width", [1, 7])
def test_fully_connected(depth, width):
    net = FullyConnected(5, 4, depth, width)
    size = flops.fully_connected(5, 4, depth, width)
    layers = [5, *[width] * (depth - 1), 4]
    assert size.parameters == parameters(net) == sum(a * b for a, b in pairwise(layers))
    assert size.flops == net.flops_per_sample == products(net, torch.zeros(1, 5))
    assert 3 * size.flops == products(net, torch.zeros(3, 5))


@pytest.mark.parametrize("depth", [5, 7, 10])
@pytest.mark.parametrize("side", [8, 16, 28, 32])
def test_myrtle(depth, side, hooked_flops):
    net = Myrtle(depth, 3, side, channels=2, outputs=4)
    size, x = flops.myrtle(depth, 3, side, 2, 4), torch.zeros(1, 2, side, side)
    assert size.parameters == parameters(net)
    assert size.flops == net.flops_per_sample == hooked_flops(net, x)


@pytest.mark.parametrize("depth", [18, 34])
@pytest.mark.parametrize("side", [8, 16, 28, 32])
def test_resnet(depth, side, hooked_flops):
    net = ResNet(depth, 2, side, channels=3, outputs=5)
    size, x = flops.resnet(depth, 2, side, 3, 5), torch.zeros(1, 3, side, side)
    assert size.parameters == parameters(net)
    assert size.flops == net.flops_per_sample == hooked_flops(net, x)
