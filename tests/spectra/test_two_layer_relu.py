"""Blocks of the two-layer ReLU classifier against float64 autograd of the loss."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra.two_layer_relu import (
    Forward,
    cross_block,
    forward,
    gradient,
    neuron_block,
    neuron_block_operator,
    readout_block,
    risk,
)

N, D, K, B = 30, 4, 3, 2
RNG = np.random.default_rng(4)
X = RNG.standard_normal((N, D))
LABELS = RNG.integers(2, size=N)
WS, VS = RNG.standard_normal((B, K, D)), RNG.standard_normal((B, K))
BETA = 0.2


def autograd(W, v, ridge):
    """Risk, per-sample gradients (n, Kd + K) and Hessian, by torch from the definition."""

    def loss(theta, x, y):
        weights, readout = theta[: K * D].reshape(K, D), theta[K * D :]
        f = readout @ torch.relu(weights @ x)
        return -y * f + torch.nn.functional.softplus(f) + ridge / 2 * (theta @ theta)

    theta = torch.from_numpy(np.concatenate([W.reshape(-1), v]))
    each = [(x, int(y)) for x, y in zip(torch.from_numpy(X), LABELS, strict=True)]
    value = sum(loss(theta, x, y) for x, y in each) / N
    g = torch.stack([torch.func.grad(loss)(theta, x, y) for x, y in each])
    H = sum(torch.func.hessian(loss)(theta, x, y) for x, y in each) / N
    return value.item(), g.numpy(), H.numpy()


def neuron(i):
    return slice(i * D, (i + 1) * D)


READOUT = slice(K * D, K * D + K)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("ridge", [0.0, BETA])
def test_risk_gradient_and_every_block_agree_with_autograd(ridge):
    fwd = forward(X, LABELS, WS, VS)
    singles = [forward(X, LABELS, W, v) for W, v in zip(WS, VS, strict=True)]
    everything = [autograd(W, v, ridge) for W, v in zip(WS, VS, strict=True)]
    close(risk(fwd, ridge), [value for value, _, _ in everything])
    dW, dv = gradient(fwd, ridge)
    for m, (value, g, H) in enumerate(everything):
        one = singles[m]
        close(risk(one, ridge), value)
        close(np.concatenate([dW[m].reshape(-1), dv[m]]), g.mean(0))
        matrices = {("hessian", False): H, ("gradient", False): g.T @ g / N}
        matrices["gradient", True] = np.cov(g.T, bias=True)
        for (matrix, centred), full in matrices.items():
            settings = (matrix, ridge, centred)
            vv = readout_block(fwd, *settings)
            close(vv[m], full[READOUT, READOUT])
            np.testing.assert_array_equal(vv[m], vv[m].T)
            close(readout_block(one, *settings), vv[m])
            for i in range(K):
                for j in range(K):
                    WW = neuron_block(fwd, i, j, *settings)
                    close(WW[m], full[neuron(i), neuron(j)])
                    close(neuron_block(one, i, j, *settings), WW[m])
                    Wv = cross_block(fwd, i, j, *settings)
                    close(Wv[m], full[neuron(i), K * D + j])
                    close(cross_block(one, i, j, *settings), Wv[m])


def test_gradient_agrees_with_finite_differences_of_the_risk():
    W, v, step = WS[0], VS[0], 1e-7
    dW, dv = gradient(forward(X, LABELS, W, v), BETA)
    for _ in range(5):
        U, u = RNG.standard_normal(W.shape), RNG.standard_normal(v.shape)
        up = risk(forward(X, LABELS, W + step * U, v + step * u), BETA)
        down = risk(forward(X, LABELS, W - step * U, v - step * u), BETA)
        assert abs((up - down) / (2 * step) - (dW * U).sum() - dv @ u) < 1e-6


def test_gates_are_shut_at_zero():
    # X = e_1 and W = e_2: the activation is 0 exactly
    x, W = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [-0.0, -1.0], [1.0, 0.0]])
    fwd = forward(x, np.array([1]), W, np.ones(3))
    np.testing.assert_array_equal(fwd.gates, [[0, 0, 1]])
    for matrix in ("hessian", "gradient"):
        for i in range(2):
            assert not neuron_block(fwd, i, i, matrix).any()
            assert not cross_block(fwd, i, i, matrix).any()
    assert neuron_block(fwd, 2, 2).any()


def test_signs_and_dead_neurons():
    W = WS[0].copy()
    W[1] = 0.0  # dead
    fwd = forward(X, LABELS, W, VS[0])
    for matrix in ("hessian", "gradient"):
        for i in range(K):
            assert np.linalg.eigvalsh(neuron_block(fwd, i, i, matrix)).min() > -1e-15
        assert np.linalg.eigvalsh(readout_block(fwd, matrix)).min() > -1e-15
        assert not neuron_block(fwd, 1, 1, matrix).any()
        assert not readout_block(fwd, matrix)[1].any()
    sign = np.sign(VS[0, 0] * VS[0, 2])
    assert (sign * np.linalg.eigvalsh(neuron_block(fwd, 0, 2))).min() > -1e-15
    assert np.linalg.eigvalsh(neuron_block(fwd, 1, 1, ridge=BETA)).min() == BETA


@pytest.mark.parametrize("f", [-800.0, -40.0, 0.0, 40.0, 800.0])
@pytest.mark.parametrize("label", [0, 1])
def test_sure_models_keep_their_digits_and_do_not_overflow(f, label):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        fwd = forward(np.ones((1, 1)), np.array([label]), np.ones((1, 1)), np.array([f]))
    margin = -f if label else f
    sure = np.exp(-abs(f))
    wrong = sure / (1 + sure) if margin <= 0 else 1 / (1 + sure)
    np.testing.assert_allclose(fwd.residual, [-wrong if label else wrong], rtol=1e-14)
    np.testing.assert_allclose(fwd.curvature, [sure / (1 + sure) ** 2], rtol=1e-14)
    np.testing.assert_allclose(fwd.loss, [max(margin, 0) + np.log1p(sure)], rtol=1e-14)


def test_the_operator_has_one_member_a_neuron():
    fwd = forward(X, LABELS, WS, VS)
    for matrix in ("hessian", "gradient"):
        ridge = BETA if matrix == "hessian" else 0.0
        operator = neuron_block_operator(fwd, matrix, ridge)
        assert (operator.n_members, operator.n_params) == (B * K, D)
        for i in range(K):
            expected = neuron_block(fwd, i, i, matrix, ridge)
            close(operator.dense()[i::K], expected)
    one = neuron_block_operator(forward(X, LABELS, WS[1], VS[1]))
    close(one.dense(), neuron_block_operator(fwd).dense()[K:])


def results(fwd, ridge):
    out = [risk(fwd, ridge), *gradient(fwd, ridge)]
    for matrix in ("hessian", "gradient"):
        out += [f(fwd, 0, 1, matrix, ridge) for f in (neuron_block, cross_block)]
        out.append(readout_block(fwd, matrix, ridge))
    return [*out, neuron_block_operator(fwd).dense()]


def test_torch_gives_the_same_and_float32_stays_float32():
    reference = results(forward(X, LABELS, WS, VS), BETA)
    t = torch.from_numpy
    for mine, expected in zip(
        results(forward(t(X), t(LABELS), t(WS), t(VS)), BETA), reference, strict=True
    ):
        close(mine.numpy(), expected)
    X32, W32, v32 = (a.astype(np.float32) for a in (X, WS, VS))
    for kind in (np.asarray, t):
        fwd = forward(kind(X32), kind(LABELS), kind(W32), kind(v32))
        for mine, expected in zip(results(fwd, BETA), reference, strict=True):
            assert mine.dtype == fwd.X.dtype
            np.testing.assert_allclose(np.asarray(mine), expected, rtol=0, atol=1e-5)


def test_nan_stays_in_its_checkpoint():
    W = WS.copy()
    W[1, 0, 0] = np.nan
    clean, broken = forward(X, LABELS, WS, VS), forward(X, LABELS, W, VS)
    for a, b in zip(results(clean, BETA), results(broken, BETA), strict=True):
        half = len(a) // B  # members, or members times neurons
        np.testing.assert_array_equal(a[:half], b[:half])
        assert np.isnan(b[half:]).any()
    assert np.isnan(neuron_block(broken, 1, 2)[1]).all()  # its own gates hide nothing


def test_forward_is_frozen_and_holds_no_copy_of_the_samples():
    fwd = forward(X, LABELS, WS, VS)
    assert isinstance(fwd, Forward)
    assert fwd.X is X
    with pytest.raises(AttributeError):
        fwd.X = X


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: forward(X, LABELS, WS[..., :2], VS), "X and W: expected"),
        (lambda f: forward(X, LABELS, WS, VS[:, :2]), r"v: expected \(2, 3\)"),
        (lambda f: forward(X, LABELS[:4], WS, VS), r"y: expected \(30,\)"),
        (lambda f: forward(np.ones((N, D), np.uint8), LABELS, WS, VS), "X: .* samples, got uint8"),
        (lambda f: forward(X, LABELS, np.ones((K, D), int), VS[0]), "W: .* numbers, got int64"),
        (lambda f: forward(X, 2 * LABELS - 1, WS, VS), "labels 0 and 1"),
        (lambda f: neuron_block(f, 0, K), r"neurons: expected 0 to 2, got \(0, 3\)"),
        (lambda f: cross_block(f, -1, 0), r"neurons: expected 0 to 2, got \(-1, 0\)"),
        (lambda f: readout_block(f, "fisher"), "matrix: expected"),
        (lambda f: readout_block(f, centred=True), "centred is for"),
        (lambda f: neuron_block_operator(f, "gradient", BETA), "takes no ridge"),
    ],
)
def test_misfits_are_refused_in_one_line(call, message, monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message) as error:
        call(forward(X, LABELS, WS, VS))
    assert "\n" not in str(error.value)
