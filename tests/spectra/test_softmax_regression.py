"""Blocks and the whole Hessian against float64 autograd of the loss, sample by sample."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra import SoftmaxHessian, extreme_eigenvalues
from spectral_atlas.spectra.softmax_regression import (
    class_block_operator,
    class_probabilities,
    gradient,
    gradient_matrix_block,
    hessian_block,
    risk,
)

N, D, K, B = 40, 5, 4, 3
RNG = np.random.default_rng(11)
Y = RNG.standard_normal((N, D))
LABELS = RNG.integers(K, size=N)
LABELS[:K] = np.arange(K)
XS = RNG.standard_normal((B, K, D))
BETA = 0.3
PAIRS = [(a, b) for a in range(K) for b in range(K)]


def autograd(x, ridge):
    """Risk, per-sample gradients (n, kd) and Hessian (kd, kd), by torch from the definition."""
    samples, labels = torch.from_numpy(Y), torch.from_numpy(LABELS)

    def loss(flat, y, c):
        scores = flat.reshape(K, D) @ y
        return -scores[c] + torch.logsumexp(scores, 0) + ridge / 2 * (flat @ flat)

    flat = torch.from_numpy(x.reshape(-1).copy())
    each = [(y, int(c)) for y, c in zip(samples, labels, strict=True)]
    value = sum(loss(flat, y, c) for y, c in each) / N
    g = torch.stack([torch.func.grad(loss)(flat, y, c) for y, c in each])
    H = sum(torch.func.hessian(loss)(flat, y, c) for y, c in each) / N
    return value.item(), g.numpy(), H.numpy()


def block(M, a, b):
    return M[a * D : (a + 1) * D, b * D : (b + 1) * D]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_probabilities_do_not_overflow():
    p = class_probabilities(Y, 1e4 * XS)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(-1), 1.0, rtol=1e-14)
    assert np.isfinite(risk(Y, LABELS, 1e4 * XS)).all()


@pytest.mark.parametrize("ridge", [0.0, BETA])
def test_risk_gradient_and_every_block_agree_with_autograd(ridge):
    everything = [autograd(x, ridge) for x in XS]
    close(risk(Y, LABELS, XS, ridge), np.array([v for v, _, _ in everything]))
    close(gradient(Y, LABELS, XS, ridge).reshape(B, -1), [g.mean(0) for _, g, _ in everything])
    for a, b in PAIRS:
        H = hessian_block(Y, XS, a, b, ridge)
        G = gradient_matrix_block(Y, LABELS, XS, a, b, ridge)
        C = gradient_matrix_block(Y, LABELS, XS, a, b, ridge, centred=True)
        for m, (_, g, full) in enumerate(everything):
            close(H[m], block(full, a, b))
            close(G[m], block(g.T @ g / N, a, b))
            close(C[m], block(np.cov(g.T, bias=True), a, b))
            np.testing.assert_array_equal(hessian_block(Y, XS[m], a, b, ridge), H[m])
            close(gradient_matrix_block(Y, LABELS, XS[m], a, b, ridge), G[m])
            if a == b:
                np.testing.assert_array_equal(G[m], G[m].T)


def test_gradient_agrees_with_finite_differences_of_the_risk():
    x, step = XS[0], 1e-5
    g = gradient(Y, LABELS, x, BETA)
    for _ in range(5):
        u = RNG.standard_normal(x.shape)
        slope = risk(Y, LABELS, x + step * u, BETA) - risk(Y, LABELS, x - step * u, BETA)
        assert abs(slope / (2 * step) - (g * u).sum()) < 1e-8


@pytest.mark.parametrize("ridge", [0.0, BETA])
@pytest.mark.parametrize("as_kind", [np.asarray, torch.from_numpy])
def test_whole_hessian_is_the_kronecker_sum(ridge, as_kind):
    operator = SoftmaxHessian(as_kind(Y), as_kind(XS), ridge)
    p = class_probabilities(Y, XS)
    brute = np.zeros((B, K * D, K * D))
    for m in range(B):
        for i in range(N):
            inner = np.diag(p[m, i]) - np.outer(p[m, i], p[m, i])
            brute[m] += np.kron(inner, np.outer(Y[i], Y[i])) / N
        brute[m] += ridge * np.eye(K * D)
        close(brute[m], autograd(XS[m], ridge)[2])
    dense = np.asarray(operator.dense())
    close(dense, brute)
    np.testing.assert_array_equal(dense, dense.transpose(0, 2, 1))
    V = RNG.standard_normal((B, K * D))
    close(np.asarray(operator(as_kind(V))), np.einsum("bij,bj->bi", brute, V))
    pick = np.array([2, 0])
    block = RNG.standard_normal((2, 3, K * D))
    close(np.asarray(operator.block_product(as_kind(block), pick)), block @ brute[pick])
    close(np.asarray(operator.dense(pick)), brute[pick])


def test_one_model_is_an_ensemble_of_one():
    operator = SoftmaxHessian(Y, XS[1])
    assert (operator.n_members, operator.n_params) == (1, K * D)
    np.testing.assert_array_equal(operator.dense()[0], SoftmaxHessian(Y, XS).dense()[1])


def test_moving_all_classes_alike_is_flat_and_the_ridge_lifts_it():
    shift = np.kron(np.ones(K), np.eye(D))[:, None, :].transpose(1, 0, 2)  # (1, D, kd)
    flat = SoftmaxHessian(Y, XS[0])
    assert np.abs(flat.block_product(shift)).max() < 1e-15
    values = np.linalg.eigvalsh(flat.dense()[0])
    assert np.abs(values[:D]).max() < 1e-15
    assert values[D] > 1e-4
    lifted = SoftmaxHessian(Y, XS[0], BETA)
    np.testing.assert_allclose(lifted.block_product(shift), BETA * shift, atol=1e-15)
    result = extreme_eigenvalues(lifted, RNG, dense_limit=0)
    assert abs(result.smallest[0] - BETA) < 1e-10


def test_signs_of_the_blocks():
    for a, b in PAIRS:
        values = np.linalg.eigvalsh(hessian_block(Y, XS[0], a, b))
        assert (values > -1e-15).all() if a == b else (values < 1e-15).all()
    assert np.linalg.eigvalsh(gradient_matrix_block(Y, LABELS, XS[0], 2, 2)).min() > -1e-15
    # r_0 r_1 < 0 where the class is 0 or 1, else > 0
    ends = np.array([np.eye(D)[0], np.eye(D)[1]])
    mixed = gradient_matrix_block(ends, np.array([0, 2]), XS[0], 0, 1)
    assert mixed[0, 0] < 0 < mixed[1, 1]


def test_weights_keep_their_digits_when_the_model_is_sure():
    x = np.array([[40.0], [0.0], [-5.0]])  # p_0 = 1 - 4e-18: 1 - p_0 rounds to 0
    one = np.ones((1, 1))
    exact = np.exp(-40.0) + np.exp(-45.0)
    np.testing.assert_allclose(hessian_block(one, x, 0, 0), [[exact]], rtol=1e-13)
    g = gradient_matrix_block(one, np.array([0]), x, 0, 0)
    np.testing.assert_allclose(g, [[exact**2]], rtol=1e-13)


def test_operator_runs_over_checkpoints_and_pairs():
    operator = class_block_operator(Y, XS, [(0, 0), (2, 1)], ridge=BETA)
    assert operator.n_members == 2 * B
    for m in range(B):
        np.testing.assert_array_equal(
            operator.dense()[2 * m], hessian_block(Y, XS[m], 0, 0, ridge=BETA)
        )
        np.testing.assert_array_equal(operator.dense()[2 * m + 1], hessian_block(Y, XS[m], 2, 1))
    classes = class_block_operator(Y, XS[0], labels=LABELS, matrix="gradient")
    assert classes.n_members == K
    close(classes.dense()[3], gradient_matrix_block(Y, LABELS, XS[0], 3, 3))


def test_torch_gives_the_same_and_float32_stays_float32():
    labels = torch.from_numpy(LABELS)
    for function, arguments in (
        (hessian_block, (1, 1, BETA)),
        (hessian_block, (1, 2, BETA)),
    ):
        mine = function(torch.from_numpy(Y), torch.from_numpy(XS), *arguments)
        close(mine.numpy(), function(Y, XS, *arguments))
    for centred in (False, True):
        mine = gradient_matrix_block(
            torch.from_numpy(Y), labels, torch.from_numpy(XS), 0, 1, BETA, centred
        )
        close(mine.numpy(), gradient_matrix_block(Y, LABELS, XS, 0, 1, BETA, centred))
    y32, x32 = Y.astype(np.float32), XS.astype(np.float32)
    for kind in (np.asarray, torch.from_numpy):
        y, x, c = kind(y32), kind(x32), kind(LABELS)
        results = [
            risk(y, c, x, BETA),
            gradient(y, c, x, BETA),
            hessian_block(y, x, 0, 0, BETA),
            gradient_matrix_block(y, c, x, 0, 1, BETA),
            SoftmaxHessian(y, x, BETA).dense(),
            SoftmaxHessian(y, x, BETA)(kind(np.ones((B, K * D), dtype=np.float32))),
        ]
        assert all(result.dtype == y.dtype for result in results)
        close32 = {"rtol": 0, "atol": 1e-5}
        np.testing.assert_allclose(results[4], SoftmaxHessian(Y, XS, BETA).dense(), **close32)


def test_nan_stays_in_its_checkpoint():
    xs = XS.copy()
    xs[1, 2, 0] = np.nan
    V = RNG.standard_normal((B, K * D))
    clean, broken = SoftmaxHessian(Y, XS), SoftmaxHessian(Y, xs)
    pairs = [
        (hessian_block(Y, XS, 0, 1), hessian_block(Y, xs, 0, 1)),
        (gradient(Y, LABELS, XS), gradient(Y, LABELS, xs)),
        (clean(V), broken(V)),
        (clean.dense(), broken.dense()),
    ]
    for a, b in pairs:
        np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]])
        assert np.isnan(b[1]).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: class_probabilities(Y, XS[..., :2]), "Y and x: expected"),
        (lambda: gradient(Y, LABELS[:3], XS), "labels: expected"),
        (lambda: gradient(Y, LABELS + 1, XS), r"\(40,\) integers from 0 to 3"),
        (lambda: gradient(Y, LABELS - 1, XS), "integers from 0 to 3"),
        (lambda: gradient(Y, LABELS + 0.5, XS), "integers from 0 to 3, got float64"),
        (lambda: risk(Y, LABELS == 0, XS), "integers from 0 to 3, got bool"),
        (lambda: class_probabilities(Y, np.ones((K, D), int)), "x: expected .* numbers, got int64"),
        (lambda: hessian_block(Y, XS, 0, K), r"got \[\(0, 4\)\]"),
        (lambda: hessian_block(Y, XS, -1, 0), r"got \[\(-1, 0\)\]"),
        (lambda: class_block_operator(Y, XS, []), "classes from 0 to 3"),
        (lambda: class_block_operator(Y, XS, matrix="gradient"), "takes labels and no ridge"),
        (lambda: SoftmaxHessian(Y, XS)(np.ones((2, K * D))), r"V: expected \(3, 20\)"),
        (lambda: SoftmaxHessian(Y, XS).block_product(np.ones((3, K * D, 1))), "V: expected"),
    ],
)
def test_misfits_are_refused_in_one_line(call, message, monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_integer_samples_are_refused(kind, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    pixels, labels, xs = kind(np.full((N, D), 9, dtype=np.uint8)), kind(LABELS), kind(XS)
    for call in (
        lambda: hessian_block(pixels, xs, 0, 0),
        lambda: gradient_matrix_block(pixels, labels, xs, 0, 0),
        lambda: class_block_operator(pixels, xs),
        lambda: SoftmaxHessian(pixels, xs),
    ):
        with pytest.raises(ValueError, match=r"^Y: expected floating-point samples, got uint8$"):
            call()
