"""Networks with a scaled, centred or zero output at initialization."""

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import mse_loss

from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.myrtle import Myrtle
from spectral_atlas.networks.outputs import Centred, Scaled, zero_last
from spectral_atlas.networks.residual import ResNet
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk


def problem(n=6, side=4, outputs=3):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((n, 3, side, side)).astype(np.float32))
    return x, torch.from_numpy(rng.standard_normal((n, outputs)).astype(np.float32))


def members(network, count=3):
    return stacked([network.draw(np.random.default_rng(seed)) for seed in range(count)])


def test_scaled_is_alpha_times_the_network():
    net, (x, _) = Myrtle(5, 3, 4, outputs=3), problem()
    scaled = Scaled(net, 0.1)
    theta, inner = (n.draw(np.random.default_rng(2)) for n in (scaled, net))
    assert all(torch.equal(theta[f"network.{name}"], inner[name]) for name in inner)
    out, plain = functional_call(scaled, theta, (x,)), functional_call(net, inner, (x,))
    assert plain.abs().min() > 0
    assert torch.allclose(out, 0.1 * plain, rtol=1e-6)
    assert scaled.flops_per_sample == net.flops_per_sample
    assert scaled.last == "network.dense"


def test_centred_members_have_references_of_their_own():
    net, (x, y) = Myrtle(5, 3, 4, outputs=3), problem()
    centred = Centred(net)
    theta = members(centred)
    start = EmpiricalRisk(centred, mse_loss, (x, y), parameters=theta, dtype=torch.float64)
    assert start.names == tuple(f"network.{name}" for name, _ in net.named_parameters())
    expected = y.double().square().mean().expand(3)
    torch.testing.assert_close(start.value(), expected, rtol=1e-12, atol=0)

    moved = {n: t + 0.1 if n.startswith("network.") else t for n, t in theta.items()}
    risk = EmpiricalRisk(centred, mse_loss, (x, y), parameters=moved, dtype=torch.float64)
    # The loss of f - f_0 and targets y is that of f and targets y + f_0, in one member at a time.
    net = net.double()
    for i in range(3):
        sets = [
            {n.removeprefix(p): t[i].double() for n, t in moved.items() if n.startswith(p)}
            for p in ("network.", "reference.")
        ]
        shifted = y.double() + functional_call(net, sets[1], (x.double(),)).detach()
        parameters = {name: t[None] for name, t in sets[0].items()}
        plain = EmpiricalRisk(net, mse_loss, (x, shifted), parameters=parameters)
        torch.testing.assert_close(risk.value()[i], plain.value()[0])
        torch.testing.assert_close(risk.gradient()[i], plain.gradient()[0])
        v = torch.ones(1, risk.n_params, dtype=torch.float64)
        torch.testing.assert_close(risk.hessian()(v.expand(3, -1))[i], plain.hessian()(v)[0])


def test_centred_starts_from_equal_copies_that_are_not_shared():
    centred = Centred(Scaled(Myrtle(5, 3, 4), 2.0))
    theta = centred.draw(np.random.default_rng(0))
    assert set(theta) == {name for name, _ in centred.named_parameters()}
    for name in [n for n in theta if n.startswith("network.")]:
        twin = theta["reference." + name.removeprefix("network.")]
        assert torch.equal(theta[name], twin)
        assert theta[name].data_ptr() != twin.data_ptr()
    assert centred.flops_per_sample == 2 * Myrtle(5, 3, 4).flops_per_sample
    assert centred.last == "network.network.dense"


@pytest.mark.parametrize("network", [Myrtle(5, 3, 4, outputs=3), ResNet(18, 2, 4, outputs=3)])
def test_zero_last_gives_a_zero_output_and_keeps_the_rest(network):
    scaled, (x, _) = Scaled(network, 3.0), problem()
    theta = members(scaled)
    if "network.dense.bias" in theta:
        theta["network.dense.bias"] = theta["network.dense.bias"] + 1
    before = {name: t.clone() for name, t in theta.items()}
    zeroed = zero_last(theta, scaled.last)
    assert list(zeroed) == list(theta)
    for name, t in zeroed.items():
        assert torch.equal(theta[name], before[name])
        assert torch.equal(t, theta[name] * (0.0 if "dense" in name else 1.0))
    for i in range(3):
        out = functional_call(scaled, {n: t[i] for n, t in zeroed.items()}, (x,))
        assert not out.any()


def test_zero_last_by_the_name_of_a_parameter_or_not_at_all():
    theta = {"weights.1": torch.ones(2), "weights.10": torch.ones(2)}
    assert {n: float(t.sum()) for n, t in zero_last(theta, "weights.1").items()} == {
        "weights.1": 0.0,
        "weights.10": 2.0,
    }
    with pytest.raises(ValueError, match=r"last = 'dense': must be a layer of weights\.1"):
        zero_last(theta, "dense")
