"""Hessian, GGN and gradient matrix against independent loops and formulas by hand."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from spectral_atlas.spectra import SymmetricOperator, extreme_eigenvalues, top_eigenpairs
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

N = 11
KINDS = ("hessian", "ggn", "gradient_matrix")


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(4, 4)
        self.leave = nn.Linear(4, 4)
        self.leave.weight = self.enter.weight

    def forward(self, x):
        return self.leave(torch.tanh(self.enter(x)))[:, :3]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 5, batch_first=True)

    def forward(self, x):
        return self.layer(x.reshape(len(x), 2, 4)).mean(1)[:, :3]


NETS = {
    "tanh": lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
    "relu": lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3, bias=False)),
    "conv": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 4, 2)), nn.Conv2d(1, 2, 2), nn.GELU(), nn.Flatten(), nn.Linear(6, 3)
    ),
    "tied": Tied,
}
WIDTH = {"conv": 8}


def case(name, loss, seed=0):
    torch.manual_seed(seed)
    net = NETS[name]().double().eval()
    X = torch.randn(N, WIDTH.get(name, 4), dtype=torch.float64)
    y = torch.arange(N) % 3 if loss is cross_entropy else torch.randn(N, 3, dtype=torch.float64)
    return net, X, y


def by_hand(net, loss, X, y):
    """Hessian, GGN, gradient matrix from one flat vector, sample by sample."""
    names, values = zip(*net.named_parameters(), strict=True)
    shapes = [v.shape for v in values]
    theta = torch.cat([v.detach().flatten() for v in values])

    def f(t, x):
        parts = torch.split(t, [s.numel() for s in shapes])
        state = {n: p.reshape(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        return torch.func.functional_call(net, state, (x[None],))[0]

    H = GGN = G = 0
    for x, target in zip(X, y, strict=True):

        def of_output(z, target=target):
            return loss(z[None], target[None])

        def of_theta(t, x=x, of_output=of_output):
            return of_output(f(t, x))

        J = torch.autograd.functional.jacobian(lambda t, x=x: f(t, x), theta)
        g = torch.autograd.functional.jacobian(of_theta, theta)
        H = H + torch.autograd.functional.hessian(of_theta, theta, vectorize=True) / len(X)
        C = torch.autograd.functional.hessian(of_output, f(theta, x).detach())
        GGN = GGN + J.T @ C @ J / len(X)
        G = G + torch.outer(g, g) / len(X)
    return dict(zip(KINDS, (H, GGN, G), strict=True))


def close(a, b, factor=1e-13):
    torch.testing.assert_close(a, b, rtol=0, atol=factor * float(b.abs().max()))


@pytest.mark.parametrize("loss", [cross_entropy, mse_loss])
@pytest.mark.parametrize("name", NETS)
def test_dense_and_products_against_a_loop_over_samples(name, loss):
    net, X, y = case(name, loss)
    exact = by_hand(net, loss, X, y)
    risk = EmpiricalRisk(net, loss, [(X[:4], y[:4]), (X[4:], y[4:])])
    V = torch.randn(1, 3, risk.n_params, dtype=torch.float64)
    for kind in KINDS:
        operator = getattr(risk, kind)()
        assert isinstance(operator, SymmetricOperator)
        close(operator.dense()[0], exact[kind])
        close(operator(V[:, 0])[0], exact[kind] @ V[0, 0])
        close(operator.block_product(V)[0], V[0] @ exact[kind])
        assert not operator(V[:, 0]).requires_grad
    g = risk.gradient()[0]
    centred = exact["gradient_matrix"] - torch.outer(g, g)
    operator = risk.gradient_matrix(centred=True)
    close(operator.dense()[0], centred)
    close(operator(V[:, 0])[0], centred @ V[0, 0])


@pytest.mark.parametrize("name", ["tanh", "conv", "tied"])
def test_ensembles_equal_their_members_whatever_the_memory(name):
    nets = [case(name, cross_entropy, s)[0] for s in range(5)]
    _, X, y = case(name, cross_entropy)
    batches = [(X[:7], y[:7]), (X[7:], y[7:])]
    singles = [EmpiricalRisk(net, cross_entropy, (X, y)) for net in nets]
    V = torch.randn(5, 2, singles[0].n_params, dtype=torch.float64)
    memories = (1024.0, 0.02) if name == "tanh" else (1024.0,)
    for kind, memory_mb in itertools.product(KINDS, memories):
        operator = getattr(EmpiricalRisk(nets, cross_entropy, batches, memory_mb=memory_mb), kind)()
        exact = torch.cat([getattr(risk, kind)().dense() for risk in singles])
        if memory_mb > 1:
            close(operator.dense(), exact)
            close(operator.dense(np.array([3, 1])), exact[[3, 1]])
        expected = torch.einsum("mpq,mbq->mbp", exact, V)
        close(operator.block_product(V), expected)
        # Solvers drop members, and may come back to all of them.
        for members in ([0, 1, 3, 4], [4, 1], [1, 1, 3], [0, 1, 2, 3, 4], []):
            at = np.array(members, dtype=np.int64)
            close_rows(operator(V[at, 0], at), expected[at, 0], expected)
            torch_at = torch.from_numpy(at)
            close_rows(operator.block_product(V[at], torch_at), expected[at], expected)


def close_rows(a, b, scale):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-13 * float(scale.abs().max()))


def test_a_tiny_memory_builds_again_and_cuts_samples():
    net, X, y = case("tanh", cross_entropy)
    small = EmpiricalRisk(net, cross_entropy, (X, y), memory_mb=0.002).hessian()
    large = EmpiricalRisk(net, cross_entropy, (X, y)).hessian()
    assert len(small._map.products.pieces) > len(large._map.products.pieces) == 1
    V = torch.randn(1, large.n_params, dtype=torch.float64)
    close(small(V), large(V))
    close(small.dense(), large.dense())
    (few,), (all_,) = (op._map.products._chunks for op in (small, large))
    assert len(few.graphs) < len(small._map.products.pieces)  # the others are built each time
    assert len(all_.graphs) == 1


def test_graphs_are_kept_for_the_members_that_stay():
    nets = [case("tanh", mse_loss, s)[0] for s in range(8)]
    _, X, y = case("tanh", mse_loss)
    operator = EmpiricalRisk(nets, mse_loss, (X, y)).hessian()
    V = torch.randn(8, operator.n_params, dtype=torch.float64)

    def graph():
        (chunk,) = operator._map.products._chunks
        return chunk.graphs[0]

    operator(V)
    first = graph()
    operator(V[:6], np.arange(6))
    assert graph() is first
    operator(V[:5], np.arange(5))
    assert graph() is not first


def test_linear_regression():
    rng = torch.Generator().manual_seed(3)
    X = torch.randn(20, 4, generator=rng, dtype=torch.float64)
    Y = torch.randn(20, 3, generator=rng, dtype=torch.float64)
    model = nn.Linear(4, 3, bias=False)
    exact = torch.kron(torch.eye(3, dtype=torch.float64), X.T @ X / 20)
    mean = EmpiricalRisk(model, mse_loss, (X, Y))
    total = EmpiricalRisk(model, lambda o, t: ((o - t) ** 2).sum(1).mean(), (X, Y))
    for risk, factor in ((mean, 2 / 3), (total, 2.0)):
        close(risk.hessian().dense()[0], factor * exact)
        close(risk.ggn().dense()[0], factor * exact)


def test_logistic_regression():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((20, 4)), rng.integers(0, 2, (20, 1)).astype(float)
    model = nn.Linear(4, 1, bias=False).double()
    p = 1 / (1 + np.exp(-X @ model.weight.detach().numpy()[0]))
    exact = torch.from_numpy(X.T @ (X * (p * (1 - p))[:, None]) / 20)
    loss = nn.functional.binary_cross_entropy_with_logits
    risk = EmpiricalRisk(model, loss, (torch.from_numpy(X), torch.from_numpy(y)))
    close(risk.hessian().dense()[0], exact)
    close(risk.ggn().dense()[0], exact)


def test_softmax_regression_is_a_sum_of_kronecker_products():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((20, 4)), rng.integers(0, 3, 20)
    model = nn.Linear(4, 3, bias=False).double()
    z = X @ model.weight.detach().numpy().T
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    exact = sum(
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ) / len(X)
    onehot = np.eye(3)[y]
    grads = np.stack([np.kron(q - t, x) for q, t, x in zip(p, onehot, X, strict=True)])
    risk = EmpiricalRisk(model, cross_entropy, (torch.from_numpy(X), torch.from_numpy(y)))
    close(risk.hessian().dense()[0], torch.from_numpy(exact))
    close(risk.ggn().dense()[0], torch.from_numpy(exact))
    close(risk.gradient_matrix().dense()[0], torch.from_numpy(grads.T @ grads / 20))
    cov = np.cov(grads.T, bias=True)
    close(risk.gradient_matrix(centred=True).dense()[0], torch.from_numpy(cov))


@pytest.mark.parametrize("loss", [cross_entropy, mse_loss])
def test_ggn_and_gradient_matrix_are_positive_semidefinite(loss):
    net, X, y = case("tanh", loss)
    risk = EmpiricalRisk(net, loss, (X, y))
    assert float(torch.linalg.eigvalsh(risk.hessian().dense()).min()) < -1e-4
    for operator in (risk.ggn(), risk.gradient_matrix(), risk.gradient_matrix(centred=True)):
        values = torch.linalg.eigvalsh(operator.dense())
        assert float(values.min()) > -1e-14 * float(values.max())


def test_attention_has_second_derivatives():
    torch.manual_seed(0)
    nets = [Attention().double().eval() for _ in range(2)]
    X, y = torch.randn(5, 8, dtype=torch.float64), torch.arange(5) % 3
    operator = EmpiricalRisk(nets, cross_entropy, (X, y)).hessian()
    V = torch.randn(2, operator.n_params, dtype=torch.float64)
    for net, v, product in zip(nets, V, operator(V), strict=True):
        values = list(net.parameters())
        with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
            g = torch.autograd.grad(cross_entropy(net(X), y), values, create_graph=True)
        flat = torch.cat([part.flatten() for part in g])
        Hv = torch.autograd.grad(flat @ v, values)
        close(product, torch.cat([part.flatten() for part in Hv]))


def test_float32_on_request():
    net, X, y = case("tanh", cross_entropy)
    single = EmpiricalRisk(net, cross_entropy, (X, y), dtype=torch.float32)
    double = EmpiricalRisk(net, cross_entropy, (X, y))
    for kind in KINDS:
        a, b = getattr(single, kind)(), getattr(double, kind)()
        assert a.dense().dtype == a(a.native(np.ones((1, a.n_params)))).dtype == torch.float32
        assert b.native(np.ones(3)).dtype == torch.float64
        close(a.dense().double(), b.dense(), 1e-6)
        assert float((a.dense().double() - b.dense()).abs().max()) > 0
        with pytest.raises(
            ValueError, match=r"expected a tensor of torch.float32, got torch.float64"
        ):
            a(torch.ones(1, a.n_params, dtype=torch.float64))


def test_one_parameter():
    model = nn.Linear(1, 1, bias=False)
    X = torch.tensor([[1.0], [3.0]])
    risk = EmpiricalRisk(model, mse_loss, (X, torch.zeros(2, 1)))
    assert float(risk.hessian().dense()) == 10.0
    assert float(risk.ggn().dense()) == 10.0


def test_wrong_vectors_and_members():
    net, X, y = case("tanh", cross_entropy)
    operator = EmpiricalRisk(net, cross_entropy, (X, y)).hessian()
    for V, members in ((torch.ones(1, 5), None), (torch.ones(2, 43), None)):
        with pytest.raises(ValueError, match="V: expected"):
            operator(V.double(), members)
    with pytest.raises(ValueError, match="members: expected a 1-d array of integers from 0 to 0"):
        operator(torch.ones(1, 43).double(), np.array([1]))


def test_the_solver_takes_them():
    nets = [case("tanh", cross_entropy, s)[0] for s in range(3)]
    _, X, y = case("tanh", cross_entropy)
    operator = EmpiricalRisk(nets, cross_entropy, (X, y)).hessian()
    exact = torch.linalg.eigvalsh(operator.dense()).numpy()
    for limit in (0, 100):
        found = extreme_eigenvalues(operator, np.random.default_rng(0), dense_limit=limit)
        np.testing.assert_allclose(np.asarray(found.largest), exact[:, -1], rtol=1e-12)
        np.testing.assert_allclose(np.asarray(found.smallest), exact[:, 0], rtol=1e-10)


@pytest.mark.parametrize("ensemble", [1, 3])
def test_a_ridge_is_part_of_the_loss_of_every_sample(ensemble):
    beta = 0.3
    nets = [case("tanh", cross_entropy, seed)[0] for seed in range(ensemble)]
    _, X, y = case("tanh", cross_entropy)
    plain = EmpiricalRisk(nets, cross_entropy, (X, y))
    ridged = EmpiricalRisk(nets, cross_entropy, [(X[:4], y[:4]), (X[4:], y[4:])], ridge=beta)
    theta, eye = plain.theta, torch.eye(plain.n_params, dtype=torch.float64)
    close = {"rtol": 0, "atol": 1e-13}
    torch.testing.assert_close(
        ridged.value(), plain.value() + beta / 2 * (theta**2).sum(1), **close
    )
    torch.testing.assert_close(ridged.gradient(), plain.gradient() + beta * theta, **close)
    for kind in ("hessian", "ggn"):
        wanted = getattr(plain, kind)().dense() + beta * eye
        torch.testing.assert_close(getattr(ridged, kind)().dense(), wanted, **close)
        rows, columns = {"0.weight": [0, 1]}, {"0.weight": [1, 2]}
        wanted = getattr(plain, kind)().block(rows, columns).dense()
        shared = torch.zeros(8, 8, dtype=torch.float64)
        shared[4:, :4] = beta * torch.eye(4, dtype=torch.float64)
        torch.testing.assert_close(
            getattr(ridged, kind)().block(rows, columns).dense(), wanted + shared, **close
        )
    g = plain.per_sample_gradients() + beta * theta[:, None]
    wanted = g.mT @ g / len(X)
    torch.testing.assert_close(ridged.gradient_matrix().dense(), wanted, **close)
    centred = ridged.gradient_matrix(centred=True).dense()
    torch.testing.assert_close(centred, plain.gradient_matrix(centred=True).dense(), **close)


def test_singular_values_of_a_block_pair():
    net, X, y = case("relu", cross_entropy)
    pair = EmpiricalRisk(net, cross_entropy, (X, y)).hessian().block("0", "2")
    exact = torch.linalg.svdvals(pair.dense()[0])[:3].numpy()
    for dense_limit in (0, 100):
        found = top_eigenpairs(
            pair.augmented(), 3, np.random.default_rng(0), dense_limit=dense_limit
        )
        np.testing.assert_allclose(found.values[0], exact, rtol=1e-10)
    left = found.vectors[0, 0, : pair.shape[0]] * 2**0.5
    right = found.vectors[0, 0, pair.shape[0] :] * 2**0.5
    np.testing.assert_allclose(pair(right[None])[0], exact[0] * left, atol=1e-10)


def test_numpy_samples_and_a_list_of_two_will_do():
    net, X, y = case("tanh", cross_entropy)
    wanted = EmpiricalRisk(net, cross_entropy, (X, y)).value()
    for data in ((X.numpy(), y.numpy()), [X, y], [(X, y)]):
        assert torch.equal(EmpiricalRisk(net, cross_entropy, data).value(), wanted)


@pytest.mark.parametrize(
    ("data", "loss", "message"),
    [
        ([1, 2], mse_loss, r"data: expected \(x, y\), .* minibatch 0 is int"),
        (["ab"], mse_loss, "minibatch 0 is str"),
        ((torch.zeros(4, 4), torch.zeros(4)), cross_entropy, "loss: fails on outputs"),
    ],
)
def test_what_is_wrong_with_the_samples_is_said_in_one_line(data, loss, message):
    net, _, _ = case("tanh", loss)
    with pytest.raises(ValueError, match=message) as caught:
        EmpiricalRisk(net, loss, data)
    assert "\n" not in str(caught.value)


def test_products_with_arrays_of_another_kind_are_refused():
    net, X, y = case("tanh", cross_entropy)
    H = EmpiricalRisk(net, cross_entropy, (X, y)).hessian()
    with pytest.raises(ValueError, match=r"V: expected a tensor of torch.float64, got torch.flo"):
        H(torch.zeros(1, H.n_params, dtype=torch.float32))
    assert repr(H) == f"HessianOperator(n_members=1, n_params={H.n_params})"
