"""What an empirical risk refuses by what modules and losses compute, and what it must accept."""

import copy
import warnings

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import parametrizations

from spectral_atlas.spectra import extreme_eigenvalues, torch_hessian_operator
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(40) % 3


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: no annotation is checked."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def net(act=None, seed=0, width=3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), act or nn.Tanh(), nn.Linear(5, width))


def normed(seed=0, dim=0):
    torch.manual_seed(seed)
    first = parametrizations.weight_norm(nn.Linear(4, 5), dim=dim)
    return nn.Sequential(first, nn.Tanh(), nn.Linear(5, 3))


def differences(module, h=1e-5):
    """The Hessian by central differences of gradients, without torch.func."""
    module = copy.deepcopy(module).double()
    values = list(module.parameters())
    theta = nn.utils.parameters_to_vector(values).detach().clone()

    def gradient(at):
        nn.utils.vector_to_parameters(at, values)
        g = torch.autograd.grad(cross_entropy(module(X), Y), values)
        return nn.utils.parameters_to_vector(g)

    unit = h * torch.eye(len(theta), dtype=torch.float64)
    return torch.stack([(gradient(theta + e) - gradient(theta - e)) / (2 * h) for e in unit])


class Calls(nn.Module):
    """A linear layer after (or around) some function of the module and the samples."""

    def __init__(self, function, width=4):
        super().__init__()
        torch.manual_seed(0)
        self.function, self.last = function, nn.Linear(width, 3)

    def forward(self, x):
        return self.last(self.function(self, x))


def refused(module, message, loss=cross_entropy, data=(X, Y), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=message) as caught:
            EmpiricalRisk(module, loss, data, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm_has_the_hessian_of_its_formula(dim):
    H = EmpiricalRisk(normed(dim=dim), cross_entropy, (X, Y)).hessian().dense()[0]
    torch.testing.assert_close(H, differences(normed(dim=dim)), rtol=0, atol=1e-8)
    torch.testing.assert_close(H, H.T, rtol=0, atol=1e-14)


def test_two_modules_with_weight_norm_are_an_ensemble():
    nets = [normed(0), normed(1)]
    risk = EmpiricalRisk(nets, cross_entropy, (X, Y))
    for module, H in zip(nets, risk.hessian().dense(), strict=True):
        torch.testing.assert_close(H, differences(module), rtol=0, atol=1e-8)


class Skewed(torch.autograd.Function):
    """x^2 with a derivative that is none."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x.roll(1, -1)


def test_products_that_are_not_symmetric_are_refused():
    class Weights(nn.Linear):
        def forward(self, x):
            return F.linear(x, Skewed.apply(self.weight), self.bias)

    risk = EmpiricalRisk(Weights(4, 3), cross_entropy, (X, Y))
    with pytest.raises(ValueError, match=r"not symmetric \(off by .*weight_norm\?"):
        risk.hessian()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("scale", [30.0, 300.0])
def test_rounding_where_the_loss_is_flat_is_no_asymmetry(dtype, scale):
    module = nn.Linear(4, 3)
    nn.init.eye_(module.weight).data.mul_(scale)
    data = (torch.eye(4)[:3], torch.arange(3))
    H = EmpiricalRisk(module, cross_entropy, data, dtype=dtype).hessian().dense()
    assert float(H.abs().max()) < 1e-6


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.inner, self.scale = net(), scale

    def forward(self, x):
        return self.scale * self.inner(x)


def test_members_that_compute_something_else():
    message = "member 1 computes something else than member 0's layers with its parameters"
    refused([net(), net(nn.Sigmoid())], message)
    refused([Scaled(1.0), Scaled(1.001)], message)
    refused([net(seed=s) for s in range(40)] + [net(nn.Sigmoid())], "member 40 computes something")
    equal = [Scaled(2.0), Scaled(2.0)]
    assert EmpiricalRisk(equal, cross_entropy, (X, Y), dtype=torch.float32).n_members == 2
    bad = net(nn.Tanh(), 3)
    bad[0].weight.data[0, 0] = torch.nan
    for nets in ([net(), bad], [bad, net()]):
        risk = EmpiricalRisk(nets, cross_entropy, (X, Y), on_nonfinite="flag")
        assert risk.value().isnan().sum() == 1


def ignoring(at):
    y = Y.clone()
    y[at] = -100
    return y


SORTED = torch.cat([torch.zeros(33), torch.ones(4), torch.full((3,), 2.0)]).long()
WEIGHTS = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)


@pytest.mark.parametrize("memory_mb", [1024.0, 0.01, 1e-4])
def test_losses_that_are_no_means(memory_mb):
    def weighted(o, t):
        return cross_entropy(o, t, weight=WEIGHTS)

    def total(o, t):
        return cross_entropy(o, t, reduction="sum")

    options = {"memory_mb": memory_mb}
    refused(net(), "sample 37 alone is nan .an ignored target", data=(X, ignoring(37)), **options)
    parts = [(X[:20], Y[:20]), (X[20:], ignoring(39)[20:])]
    refused(net(), "sample 39 alone is nan", data=parts, **options)
    refused(net(), "class weights", weighted, (X, SORTED), **options)
    classes = [(X[c == SORTED], SORTED[c == SORTED]) for c in range(3)]
    refused(net(), "class weights", weighted, classes, **options)
    refused(net(), "a sum", total, [(X[:1], Y[:1]), (X[1:], Y[1:])], **options)
    refused(net(), "a sum", total, [(X[i : i + 1], Y[i : i + 1]) for i in range(40)], **options)


def test_a_loss_that_looks_at_values_is_a_mean_too():
    def loss(o, t):
        return cross_entropy(o, t) if float(o.detach().abs().max()) < 1e9 else o.sum()

    whole = EmpiricalRisk(net(), cross_entropy, (X, Y))
    assert torch.equal(EmpiricalRisk(net(), loss, (X, Y)).value(), whole.value())


def test_outputs_and_targets_that_broadcast():
    message = r"outputs \(40, 1\) and targets \(40,\) of torch.float64: broadcast\?"
    refused(net(width=1), message, mse_loss, (X, X[:, 0]))


def attention(module, x):
    z = x[:, None].expand(-1, 3, -1)
    return module.layer(z, z, z, need_weights=False)[0].mean(1)


def recurrent(module, x):
    return module.layer(x[:, None].expand(-1, 3, -1))[0].mean(1)


def layered(function, layer):
    module = Calls(function)
    module.layer = layer
    return module


def counting(module, x):
    module.count += 1
    return x


def with_buffer():
    module = Calls(counting)
    module.register_buffer("count", torch.zeros(()))
    return module


RANDOM = {
    "attention": lambda p: layered(attention, nn.MultiheadAttention(4, 2, p, batch_first=True)),
    "lstm": lambda p: layered(recurrent, nn.LSTM(4, 4, 2, dropout=p, batch_first=True)),
    "function": lambda p: Calls(lambda m, x: F.dropout(x, p, m.training)),
    "layer": lambda p: net(nn.Dropout(p)),
}


@pytest.mark.parametrize("name", RANDOM)
def test_dropout_of_any_kind(name):
    refused(RANDOM[name](0.5), r"call \.eval\(\)")
    evaluated = EmpiricalRisk(RANDOM[name](0.5).eval(), cross_entropy, (X, Y))
    assert torch.equal(
        EmpiricalRisk(RANDOM[name](0.0), cross_entropy, (X, Y)).theta, evaluated.theta
    )


@pytest.mark.parametrize("ensemble", [1, 2])
def test_other_random_layers_and_layers_that_change(ensemble):
    def spectral():
        return nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 5)), nn.Linear(5, 3))

    for make in (lambda: net(nn.RReLU()), spectral, with_buffer):
        refused([make() for _ in range(ensemble)], r"call \.eval\(\)")
    risk = EmpiricalRisk([spectral().eval() for _ in range(ensemble)], cross_entropy, (X, Y))
    assert torch.equal(risk.value(), risk.value())


def test_layers_that_torch_cannot_batch_over_members():
    nets = [RANDOM["lstm"](0.0) for _ in range(2)]
    assert EmpiricalRisk(nets[0], cross_entropy, (X, Y)).hessian().n_members == 1
    refused(nets, "cannot be batched over members, give them one by one: Batching rule")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("depth", range(1, 8))
def test_rounding_is_no_reason_to_refuse(depth, dtype):
    """Bits of a product may depend on the number of rows, and on where they lie in memory."""
    torch.manual_seed(depth)
    layers = [layer for _ in range(depth) for layer in (nn.Linear(5 + depth, 5 + depth), nn.GELU())]
    module = nn.Sequential(nn.Linear(6, 5 + depth), *layers, nn.Linear(5 + depth, 3))
    for size in (1, 3, 35, 56):
        data = (torch.randn(size, 6), torch.arange(size) % 3)
        EmpiricalRisk([module, module], cross_entropy, data, dtype=dtype).hessian()


def test_modules_that_mix_samples():
    for function in (lambda m, x: x - x.mean(0), lambda m, x: x + x.roll(1, 0)):
        refused(Calls(function), "mixes samples")
        refused(Calls(function), "mixes samples", data=[(X[:1], Y[:1]), (X[1:], Y[1:])])
    squeezed = nn.Sequential(net(width=1), Squeezed())
    refused(squeezed, r"got \(\) for one sample but \(20,\) for 20", mse_loss, (X, X[:, 0]))


class Squeezed(nn.Module):
    def forward(self, x):
        return x.squeeze()


@pytest.mark.parametrize("ensemble", [1, 3])
def test_a_module_that_writes_to_its_input(ensemble):
    def make(inplace, seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.ReLU(inplace=inplace), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))

    given = X.clone()
    written, plain = (
        EmpiricalRisk([make(flag, s) for s in range(ensemble)], cross_entropy, (given, Y))
        for flag in (True, False)
    )
    assert torch.equal(written.value(), plain.value())
    for kind in ("hessian", "ggn", "gradient_matrix"):
        a, b = (getattr(risk, kind)().dense() for risk in (written, plain))
        torch.testing.assert_close(a, b, rtol=0, atol=1e-15)
    torch.testing.assert_close(
        written.per_sample_gradients(), plain.per_sample_gradients(), rtol=0, atol=1e-15
    )
    assert torch.equal(given, X)


def test_a_parameter_written_into_the_input():
    def scale(module, x):
        return x.mul_(module.last.weight[0])

    risk = EmpiricalRisk(Calls(scale), cross_entropy, (X, Y))
    plain = EmpiricalRisk(Calls(lambda m, x: x * m.last.weight[0]), cross_entropy, (X, Y))
    torch.testing.assert_close(risk.hessian().dense(), plain.hessian().dense())
    refused([Calls(scale), Calls(scale)], "writes to its input in place")


def test_later_changes_of_the_data_do_not_matter():
    x, y = X.clone(), Y.clone()
    risk = EmpiricalRisk(net(), cross_entropy, (x, y))
    before = risk.value()
    x.mul_(2)
    y.zero_()
    assert torch.equal(risk.value(), before)


@pytest.mark.parametrize(
    "members",
    [np.array([True, False, True]), torch.tensor([True, False, True]), [0.0], 1, [3], [-1], [[0]]],
)
def test_members_are_indices(members, untyped):
    risk = EmpiricalRisk([net(seed=s) for s in range(3)], cross_entropy, (X, Y))
    operator = torch_hessian_operator(lambda t: (t**4).sum(), np.ones((3, 2)))
    for function in (risk.hessian().dense, risk.per_sample_gradients, operator.dense):
        with pytest.raises(ValueError, match="members: expected a 1-d array of integers"):
            function(members)


@pytest.mark.parametrize("members", [[], np.zeros(0), torch.zeros(0, dtype=torch.int64)])
def test_no_members_give_empty_results(members, untyped):
    risk = EmpiricalRisk([net(seed=s) for s in range(3)], cross_entropy, (X, Y))
    H = risk.hessian()
    assert H.dense(members).shape == (0, 43, 43)
    assert H(torch.zeros(0, 43, dtype=torch.float64), members).shape == (0, 43)
    assert risk.per_sample_gradients(members).shape == (0, 40, 43)
    assert risk.gradient_matrix(centred=True).dense(members).shape == (0, 43, 43)


class Returns(nn.Linear):
    def __init__(self, wrap):
        super().__init__(4, 3)
        self.wrap = wrap

    def forward(self, x):
        return self.wrap(super().forward(x))


class Buffered(nn.Linear):
    def __init__(self, value):
        super().__init__(4, 3)
        self.register_buffer("scale", value)


def test_outputs_and_buffers_of_another_kind(untyped):
    for wrap, kind in ((lambda o: (o, o), "tuple"), (lambda o: {"out": o}, "dict")):
        message = f"expected a tensor with one row per sample, got {kind}"
        refused(Returns(wrap), message)
        refused([Returns(wrap), Returns(wrap)], message)
    for other in (torch.ones(3), None):
        refused([Buffered(torch.ones(2)), Buffered(other)], "member 1 has another buffer 'scale'")
    refused([net(), "net"], "member 1 is str")


def test_a_module_that_cannot_be_copied():
    module = nn.Sequential(nn.Linear(4, 3))
    module[0].cache = module[0].weight * 2
    refused(module, "module: cannot be copied: Only Tensors created explicitly")


def test_a_dataset_is_no_data_loader(untyped):
    dataset = torch.utils.data.TensorDataset(X, Y)
    refused(net(), "wrap the Dataset in a DataLoader", data=dataset)
    loader = torch.utils.data.DataLoader(dataset, batch_size=7)
    assert EmpiricalRisk(net(), cross_entropy, loader).n_samples == 40


@pytest.mark.parametrize("memory_mb", [0, -1, float("nan"), float("inf")])
def test_memory_is_positive_and_finite(memory_mb, untyped):
    refused(net(), "memory_mb: expected a positive finite number", memory_mb=memory_mb)
    with pytest.raises(ValueError, match="memory_mb"):
        torch_hessian_operator(lambda t: (t**4).sum(), np.ones((1, 2)), memory_mb=memory_mb)


@pytest.mark.parametrize("samples", [[0, 1], 3, slice(0, 4, 1.5), slice(0, 4, 0)])
def test_samples_are_a_slice(samples, untyped):
    risk = EmpiricalRisk(net(), cross_entropy, (X, Y))
    with pytest.raises(ValueError, match="samples: expected") as caught:
        risk.per_sample_gradients(samples=samples)
    assert "\n" not in str(caught.value)


def test_the_kind_of_vectors_is_checked_first(untyped):
    risk = EmpiricalRisk(net(), cross_entropy, (X, Y), dtype=torch.float32)
    H = risk.hessian()
    pair = H.block("0", "2")
    double = np.ones((1, 43))
    message = "V: expected a tensor of torch.float32, got "
    for V in (double, torch.from_numpy(double), double.tolist()):
        for function in (H, risk.gradient_matrix(centred=True), pair.augmented(), pair):
            with pytest.raises(ValueError, match=message):
                function(V)
        for function in (H.block_product, pair.adjoint):
            with pytest.raises(ValueError, match=message):
                function(V)
    with pytest.raises(ValueError, match=r"expected 2 dimensions, got shape \(43,\)"):
        H(torch.ones(43))
    with pytest.raises(ValueError, match=r"expected 3 dimensions, got shape \(1, 43\)"):
        H.block_product(torch.ones(1, 43))


def test_a_vector_valued_function_has_no_hessian():
    with pytest.raises(ValueError, match=r"risk_fn: expected a scalar tensor .* got \(3,\)"):
        torch_hessian_operator(lambda t: t**2, np.ones((2, 3)))
    with pytest.raises(ValueError, match="got float"):
        torch_hessian_operator(lambda t: float(t.sum()), np.ones((2, 3)))


def test_a_solver_runs_on_an_ensemble_that_was_checked():
    risk = EmpiricalRisk([normed(s) for s in range(3)], cross_entropy, (X, Y))
    exact = torch.linalg.eigvalsh(risk.hessian().dense())[:, -1].numpy()
    found = extreme_eigenvalues(risk.hessian(), np.random.default_rng(0), dense_limit=0)
    np.testing.assert_allclose(np.asarray(found.largest), exact, rtol=1e-12)
