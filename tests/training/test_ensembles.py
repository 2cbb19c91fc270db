"""Ensembles by vmap against a loop over members with plain autograd."""

import itertools

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy, mse_loss

from spectral_atlas.networks.fully_connected import FullyConnected
from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.myrtle import Myrtle
from spectral_atlas.networks.outputs import Centred, Scaled
from spectral_atlas.networks.residual import ResNet
from spectral_atlas.training.ensembles import NetworkEnsemble, interpolated, select, stepped

N = 6
PICTURES = (2, 8, 8)
NETWORKS = {
    "fcn": (lambda: FullyConnected(5, 3, 4, 7), (5,)),
    "tangent": (lambda: FullyConnected(5, 3, 3, 7, parameterization="neural_tangent"), (5,)),
    "scaled": (lambda: Scaled(FullyConnected(5, 3, 3, 7), 0.3), (5,)),
    "centred": (lambda: Centred(FullyConnected(5, 3, 3, 7)), (5,)),
    "myrtle": (lambda: Myrtle(5, 3, 8, 2, 3), PICTURES),
    "resnet": (lambda: ResNet(18, 2, 8, 2, 3), PICTURES),
}
LOSSES = {"mse": mse_loss, "cross_entropy": cross_entropy}


def problem(name, loss="mse", members=3, batches=None):
    make, shape = NETWORKS[name]
    net, rng = make(), np.random.default_rng(4)
    theta = stacked([net.draw(np.random.default_rng(i)) for i in range(members)])
    # Away from initialization: constants and what is trained are no longer equal.
    theta = {
        n: p if n.startswith("reference") else p + 0.1 * torch.from_numpy(rng.normal(size=p.shape))
        for n, p in theta.items()
    }
    lead = (N,) if batches is None else (batches, N)
    x = torch.from_numpy(rng.standard_normal((*lead, *shape)))
    y = torch.from_numpy(rng.standard_normal((*lead, 3)))
    y = y.argmax(-1) if loss == "cross_entropy" else y
    double = {n: p.double() for n, p in theta.items()}
    return NetworkEnsemble(net, LOSSES[loss]), double, x, y


def alone(ensemble, theta, x, y, own):
    """Loss and gradients of each member, one after another."""
    found = []
    for r in range(len(next(iter(theta.values())))):
        mine = {n: p[r].clone().requires_grad_(n in ensemble.trained) for n, p in theta.items()}
        inputs, targets = (x[r], y[r]) if own else (x, y)
        loss = ensemble.loss(functional_call(ensemble.module, mine, (inputs,)), targets)
        gradients = torch.autograd.grad(loss, [mine[n] for n in ensemble.trained])
        found.append((loss.detach(), dict(zip(ensemble.trained, gradients, strict=True))))
    return found


SMALL = ("fcn", "tangent", "scaled", "centred")


@pytest.mark.parametrize(
    ("name", "members", "own", "loss"),
    [
        *itertools.product(SMALL, [1, 3], [False, True], list(LOSSES)),
        ("myrtle", 3, False, "mse"),
        ("myrtle", 3, True, "cross_entropy"),
        ("myrtle", 1, True, "mse"),
        ("resnet", 2, True, "mse"),
    ],
)
def test_losses_and_gradients_are_those_of_each_member_alone(name, members, own, loss):
    ensemble, theta, x, y = problem(name, loss, members, batches=members if own else None)
    before = {n: p.clone() for n, p in theta.items()}
    risks = ensemble.risks(theta, x, y, own=own)
    losses, gradients = ensemble.gradients(theta, x, y, own=own)
    assert list(gradients) == ensemble.trained
    assert not losses.requires_grad
    for r, (expected, each) in enumerate(alone(ensemble, theta, x, y, own)):
        assert torch.allclose(risks[r], expected, rtol=1e-12)
        assert torch.allclose(losses[r], expected, rtol=1e-12)
        for n, g in each.items():
            assert g.abs().max() > 0
            assert torch.allclose(gradients[n][r], g, rtol=1e-10, atol=1e-13), n
    if members > 1:
        assert losses.std() > 1e-3
    assert all(torch.equal(theta[n], before[n]) and not theta[n].requires_grad for n in theta)


def test_gradients_where_grad_is_switched_off():
    ensemble, theta, x, y = problem("fcn")
    with torch.no_grad():
        _, inside = ensemble.gradients(theta, x, y)
    _, outside = ensemble.gradients(theta, x, y)
    assert all(torch.equal(inside[n], outside[n]) for n in outside)


def test_constants_stay_and_have_no_gradient():
    ensemble, theta, x, y = problem("centred")
    _, gradients = ensemble.gradients(theta, x, y)
    assert all(n.startswith("network.") for n in gradients)
    assert len(theta) == 2 * len(gradients)
    moved = stepped(theta, gradients, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    for n, p in theta.items():
        assert torch.equal(moved[n], p) == n.startswith("reference."), n


def test_each_member_steps_at_its_own_rate():
    ensemble, theta, x, y = problem("fcn")
    _, gradients = ensemble.gradients(theta, x, y)
    rates = [0.0, 0.5, 2.0]
    moved = stepped(theta, gradients, torch.tensor(rates, dtype=torch.float64))
    for n, g in gradients.items():
        for r, rate in enumerate(rates):
            np.testing.assert_allclose(
                moved[n][r].numpy(), theta[n][r].numpy() - rate * g[r].numpy(), rtol=1e-13
            )


def test_a_parameter_that_is_not_used_has_gradient_zero():
    class Idle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))

        def forward(self, x):
            return x @ self.used

    ensemble = NetworkEnsemble(Idle(), mse_loss)
    theta = {"used": torch.ones(3, 2), "idle": torch.ones(3, 2)}
    _, gradients = ensemble.gradients(theta, torch.eye(2), torch.zeros(2))
    assert torch.equal(gradients["idle"], torch.zeros(3, 2))
    assert torch.equal(gradients["used"], torch.ones(3, 2))


def test_select_by_index_and_by_mask():
    theta = {"a": torch.arange(12.0).reshape(4, 3), "b": torch.arange(4.0)}
    mask = torch.tensor([True, False, False, True])
    for chosen in (torch.tensor([0, 3]), mask):
        found = select(theta, chosen)
        assert found["a"].tolist() == [[0, 1, 2], [9, 10, 11]]
        assert found["b"].tolist() == [0, 3]
    assert select(theta, torch.tensor([3, 0, 0]))["b"].tolist() == [3, 0, 0]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_interpolation_leaves_constants(share):
    ensemble, first, _, _ = problem("centred")
    last = {n: p + 1 for n, p in first.items()}
    found = interpolated(first, last, share, ensemble.trained)
    for n, p in first.items():
        expected = p + share if n in ensemble.trained else p
        assert torch.allclose(found[n], expected, rtol=1e-14), n
