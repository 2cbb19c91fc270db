"""The compiled two-layer runs against plain loops, their own Hessian, and other company."""

import inspect

import numpy as np
import pytest

from spectral_atlas.networks.two_layer import (
    ACTIVATIONS,
    TwoLayer,
    gradient,
    hessian,
    initialize,
    loss,
)
from spectral_atlas.training.endings import OUTCOMES
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.two_layer_runs import run_two_layer

X = np.array([[-1.0], [-0.3], [0.4], [1.0]])
Y = np.array([0.8, -0.5, 0.3, -0.6])
SIZES = {"one input": (1, 20, 4), "padded": (3, 5, 7), "thin": (2, 1, 1), "two passes": (1, 3, 8)}


def starts(net, M, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([initialize(rng, net) for _ in range(M)])


def loop(net, theta, eta, x, y, n_steps):
    """Parameters after 0 ... n_steps updates, by numpy."""
    path = [theta]
    for _ in range(n_steps):
        path.append(path[-1] - eta[:, None] * gradient(net, path[-1], x, y))
    return np.array(path)


@pytest.mark.parametrize("phi", ACTIVATIONS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_runs_are_gradient_descent(phi, size, seed):
    d, width, n = SIZES[size]
    net, rng = TwoLayer(d, width, phi), np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    theta, eta = starts(net, 11, seed), rng.uniform(0.01, 0.1, 11)
    path = loop(net, theta, eta, x, y, 40)
    ends = run_two_layer(net, theta, eta, x, y, 40, window=10)
    assert np.abs(path[-1] - path[0]).max() > 0.01
    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(ends.theta, path[-1], **close)
    np.testing.assert_allclose(ends.previous[:, 0], path[-2], **close)
    np.testing.assert_allclose(ends.previous[:, 1], path[-3], **close)
    np.testing.assert_allclose(ends.loss, loss(net, path[-1], x, y), **close)
    norms = np.linalg.norm(gradient(net, path[-10:], x, y), axis=-1)
    losses = loss(net, path[-10:], x, y)
    np.testing.assert_allclose(ends.gradient_norm, norms[-1], **close)
    np.testing.assert_allclose(ends.gradient_mean, norms.mean(0), **close)
    np.testing.assert_allclose(ends.gradient_least, norms.min(0), **close)
    np.testing.assert_allclose(ends.gradient_most, norms.max(0), **close)
    np.testing.assert_allclose(ends.loss_least, losses.min(0), **close)
    np.testing.assert_allclose(ends.loss_most, losses.max(0), **close)
    assert ends.diverged_at.tolist() == [-1] * 11


def mixed_fates(phi, members, **options):
    """29 runs, or a selection: some diverge at once, the others are still moving or at rest."""
    net = TwoLayer(1, 20, phi)
    theta, eta = starts(net, 29), np.tile([0.1, 0.22, 0.3, 0.45], 8)[:29]
    return run_two_layer(net, theta[members], eta[members], X, Y, 3000, **options)


@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_bits_do_not_depend_on_company_threads_or_window(phi):
    everyone = mixed_fates(phi, np.arange(29))
    assert 5 < (everyone.diverged_at >= 0).sum() < 20
    others = [(np.arange(29), {"threads": 2}), (np.arange(29)[::-1], {}), (np.arange(29)[::3], {})]
    for members, options in [*others, *((np.array([m]), {}) for m in (0, 14, 28))]:
        ends = mixed_fates(phi, members, **options)
        for name, value in vars(ends).items():
            assert np.array_equal(value, getattr(everyone, name)[members], equal_nan=True), name
    for window in (1, 1234):
        ends = mixed_fates(phi, np.arange(29), window=window)
        assert np.array_equal(ends.theta, everyone.theta, equal_nan=True)
        assert np.array_equal(ends.loss, everyone.loss, equal_nan=True)


@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_what_diverges_is_nan_and_stays_so(phi):
    net = TwoLayer(1, 6, phi)
    theta, eta = starts(net, 12), np.full(12, 0.01)
    theta[1, 3], theta[2, 9], theta[3, 17], theta[4, 0] = np.nan, np.inf, -np.inf, 1e7
    eta[5] = 1e3
    ends = run_two_layer(net, theta, eta, X, Y, 500, window=3)
    lost = np.isin(np.arange(12), [1, 2, 3, 4, 5])
    assert np.array_equal(ends.diverged_at >= 0, lost)
    assert np.isnan(ends.theta[lost]).all()
    assert np.isnan(ends.gradient_most[lost]).all()
    assert np.isfinite(ends.theta[~lost]).all()
    assert (ends.outcomes()[lost] == OUTCOMES.index("diverged")).all()


@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_runs_converge_to_stable_minima_only(phi):
    net = TwoLayer(1, 20, phi)
    eta = np.tile([0.05, 0.2], 12)
    ends = run_two_layer(net, starts(net, 24), eta, X, Y, 20_000)
    done = ends.outcomes(still=1e-6, zero_loss=1e-6) == OUTCOMES.index("minimum")
    assert done.sum() > 12
    tops = np.linalg.eigvalsh(hessian(net, ends.theta[done], X, Y))[:, -1]
    assert (tops < 2 / eta[done] + 1e-3).all()


def test_progress_counts_every_member_step():
    counts = []

    class Counter(Progress):
        def update(self, n):
            counts.append(n)

    net = TwoLayer(1, 3, "elu")
    run_two_layer(net, starts(net, 9), np.full(9, 0.1), X, Y, 50, progress=Counter("", 0), window=5)
    assert sum(counts) == 9 * 50


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"theta0": np.zeros((2, 8))}, r"theta0 \(2, 8\): must be \(members, 9\)"),
        ({"learning_rate": np.ones(3)}, r"learning_rate \(3,\): must be \(2,\)"),
        ({"learning_rate": np.array([0.1, 0.0])}, r"learning_rate = 0.0: must be finite and > 0"),
        ({"learning_rate": np.array([np.nan, 1])}, r"learning_rate = nan: must be finite and > 0"),
        ({"x": np.zeros((4, 2))}, r"x \(4, 2\), y \(4,\)"),
        ({"x": np.zeros((0, 1)), "y": np.zeros(0)}, r"x \(0, 1\), y \(0,\)"),
        ({"y": np.zeros(3)}, r"x \(4, 1\), y \(3,\)"),
        ({"n_steps": -1}, "n_steps = -1"),
        ({"window": 12}, "window = 12"),
        ({"limit": 0.0}, "limit = 0.0"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_bad_arguments_are_refused(changes, words):
    arguments = {"theta0": np.zeros((2, 9)), "learning_rate": np.full(2, 0.1), "x": X, "y": Y}
    arguments = {**arguments, "n_steps": 10, "window": 5, **changes}
    with pytest.raises(ValueError, match=words):
        # Unwrapped: shape annotations may be checked too, and would refuse first, in other words.
        inspect.unwrap(run_two_layer)(TwoLayer(1, 3, "tanh"), **arguments)
