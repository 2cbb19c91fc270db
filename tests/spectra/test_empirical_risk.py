"""The risk itself: value, gradients, what it accepts and what it refuses."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

X = torch.randn(13, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = torch.arange(13) % 3


def mlp(seed=0, act=nn.Tanh):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), act(), nn.Linear(5, 3)).double()


def sample_gradient(net, x, y):
    loss = cross_entropy(net(x[None]), y[None])
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, net.parameters())])


@pytest.mark.parametrize("memory_mb", [1024.0, 1e-3])
def test_value_and_gradients_of_an_ensemble_against_a_loop(memory_mb):
    nets = [mlp(s) for s in range(3)]
    batches = [(X[:6], CLASSES[:6]), (X[6:7], CLASSES[6:7]), (X[7:], CLASSES[7:])]
    risk = EmpiricalRisk(nets, cross_entropy, batches, memory_mb=memory_mb)
    each = torch.stack(
        [
            torch.stack([sample_gradient(n, x, y) for x, y in zip(X, CLASSES, strict=True)])
            for n in nets
        ]
    )
    value = torch.stack([cross_entropy(n(X), CLASSES) for n in nets]).detach()
    torch.testing.assert_close(risk.value(), value, rtol=1e-14, atol=0)
    torch.testing.assert_close(risk.gradient(), each.mean(1), rtol=0, atol=1e-15)
    torch.testing.assert_close(risk.per_sample_gradients(), each, rtol=0, atol=1e-15)
    some = risk.per_sample_gradients(np.array([2, 0]), slice(11, 3, -3))
    torch.testing.assert_close(some, each[[2, 0]][:, [11, 8, 5]], rtol=0, atol=1e-15)
    part = risk.restrict({"0.weight": 2}).per_sample_gradients(samples=slice(4, 9))
    torch.testing.assert_close(part, each[:, 4:9, 8:12], rtol=0, atol=1e-15)
    flat = torch.stack([torch.cat([p.flatten() for p in n.parameters()]) for n in nets]).detach()
    assert torch.equal(risk.theta, flat)
    assert (risk.n_members, risk.n_params, risk.n_samples) == (3, 43, 13)
    assert not any(t.requires_grad for t in (risk.value(), risk.gradient(), risk.theta, some))


def test_data_loader_and_one_batch_agree():
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, CLASSES), batch_size=5)
    whole = EmpiricalRisk(mlp(), cross_entropy, (X, CLASSES))
    parts = EmpiricalRisk(mlp(), cross_entropy, loader)
    assert parts.n_samples == 13
    torch.testing.assert_close(parts.gradient(), whole.gradient(), rtol=0, atol=1e-15)


def test_the_module_and_the_data_are_not_changed():
    net, x = mlp().float(), X.float()
    before, samples = copy.deepcopy(net.state_dict()), x.clone()
    risk = EmpiricalRisk(net, cross_entropy, (x, CLASSES))
    risk.hessian().dense()
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == torch.float32
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert torch.equal(x, samples)
    first = risk.value()
    nn.init.zeros_(net[0].weight)  # nor does a later change of the module reach the risk
    assert torch.equal(risk.value(), first)
    assert risk.value().dtype == torch.float64


def test_values_for_an_ensemble_of_one_module():
    net = mlp()
    weights = torch.randn(4, 3, 5, dtype=torch.float64)
    risk = EmpiricalRisk(net, cross_entropy, (X, CLASSES), parameters={"2.weight": weights})
    expected = []
    for w in weights:
        member = copy.deepcopy(net)
        member[2].weight.data = w
        expected.append(cross_entropy(member(X), CLASSES).detach())
    torch.testing.assert_close(risk.value(), torch.stack(expected), rtol=1e-14, atol=0)
    assert risk.n_params == 43


def test_buffers_of_members_and_frozen_parameters():
    def normed(seed):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
        net(torch.randn(20, 4) * (1 + seed))  # its running statistics
        net[0].requires_grad_(False)
        return net.double().eval()

    nets = [normed(0), normed(1)]
    risk = EmpiricalRisk(nets, cross_entropy, (X, CLASSES))
    assert risk.names == ("1.weight", "1.bias", "3.weight", "3.bias")
    value = torch.stack([cross_entropy(n(X), CLASSES) for n in nets]).detach()
    torch.testing.assert_close(risk.value(), value, rtol=1e-14, atol=0)
    single = EmpiricalRisk(nets[1], cross_entropy, (X, CLASSES))
    torch.testing.assert_close(risk.hessian().dense()[1:], single.hessian().dense())


def test_mixed_dtypes_are_cast():
    net = mlp()
    net[0].bias.data = net[0].bias.data.to(torch.bfloat16)
    net[2].float()
    same = copy.deepcopy(net).double()
    risk = EmpiricalRisk(net, cross_entropy, (X.float(), CLASSES))
    other = EmpiricalRisk(same, cross_entropy, (X.float().double(), CLASSES))
    assert torch.equal(risk.gradient(), other.gradient())
    assert risk.gradient().dtype == torch.float64
    assert net[0].bias.dtype == torch.bfloat16


def test_nonfinite_parameters_are_named_or_flagged():
    nets = [mlp(s) for s in range(4)]
    nets[3][0].weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"not finite for member 3 \(0.weight\)"):
        EmpiricalRisk(nets, cross_entropy, (X, CLASSES))
    risk = EmpiricalRisk(nets, cross_entropy, (X, CLASSES), on_nonfinite="flag")
    good = EmpiricalRisk(nets[:3], cross_entropy, (X, CLASSES))
    for name in ("hessian", "ggn", "gradient_matrix"):
        products = getattr(risk, name)()(torch.ones(4, 43, dtype=torch.float64))
        assert products[3].isnan().all()
        expected = getattr(good, name)()(torch.ones(3, 43, dtype=torch.float64))
        torch.testing.assert_close(products[:3], expected)


class Casting(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x.float(), self.weight.float()).to(torch.float32)


def refused():
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 2.0], dtype=torch.float64))
    net, integer, mixed = mlp(), mlp(), mlp()
    integer[0].register_parameter("steps", nn.Parameter(torch.zeros(2, dtype=torch.complex128)))
    mixed.insert(1, nn.BatchNorm1d(5, track_running_stats=False).double())
    mixed.eval()
    good = (X, CLASSES)
    return {
        r"expected a scalar, the mean over the minibatch, got shape \(13,\)": (
            net,
            lambda o, t: cross_entropy(o, t, reduction="none"),
            good,
        ),
        "not the mean of the losses of single samples": (
            net,
            lambda o, t: cross_entropy(o, t, reduction="sum"),
            good,
        ),
        "class weights": (net, weighted, good),
        "Dropout '1' is in training mode; call .eval": (
            nn.Sequential(net[0], nn.Dropout(0.5)),
            cross_entropy,
            good,
        ),
        "BatchNorm1d '1' is in training mode": (
            nn.Sequential(net[0], nn.BatchNorm1d(5)),
            cross_entropy,
            good,
        ),
        "mixes samples": (mixed, cross_entropy, good),
        "'0.steps' is complex": (integer, cross_entropy, good),
        "computes in torch.float32 inside": (Casting(4, 3), cross_entropy, good),
        "another architecture": ([net, nn.Sequential(nn.Linear(4, 3))], cross_entropy, good),
        "empty ensemble": ([], cross_entropy, good),
        "no parameter requires grad": (mlp().requires_grad_(False), cross_entropy, good),
        "no samples": (net, cross_entropy, (X[:0], CLASSES[:0])),
        "13 samples but 12 targets": (net, cross_entropy, (X, CLASSES[:12])),
        "minibatch 1 is Tensor": (net, cross_entropy, [good, X]),
        "one row per sample": (nn.Sequential(net, nn.Flatten(0)), cross_entropy, good),
    }


@pytest.mark.parametrize("message", refused())
def test_one_line_says_what_is_wrong(message):
    with pytest.raises(ValueError, match=message) as caught:
        EmpiricalRisk(*refused()[message])
    assert "\n" not in str(caught.value)


def test_wrong_parameters_and_dtypes():
    for given in ({"0.wight": torch.zeros(2, 5, 4)}, {"0.weight": torch.zeros(2, 4, 5)}):
        with pytest.raises(ValueError, match="parameters: "):
            EmpiricalRisk(mlp(), cross_entropy, (X, CLASSES), parameters=given)
    with pytest.raises(ValueError, match="dtype"):
        EmpiricalRisk(mlp(), cross_entropy, (X, CLASSES), dtype=torch.bfloat16)


def test_a_later_training_mode_of_the_module_does_not_matter():
    net = nn.Sequential(mlp(), nn.Dropout(0.5)).eval()
    risk = EmpiricalRisk(net, mse_loss, (X, X[:, :3]))
    net.train()
    assert torch.equal(risk.value(), risk.value())
