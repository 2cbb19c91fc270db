"""Online SGD against the formulas, autograd, the library's gradients, and itself cut otherwise."""

import inspect

import numpy as np
import pytest

from spectral_atlas.data.mixtures import (
    XOR_LABELS,
    GaussianMixture,
    SampleStream,
    gaussian_means,
    xor_means,
)
from spectral_atlas.spectra import softmax_regression, two_layer_relu
from spectral_atlas.training import online_members
from spectral_atlas.training.online_sgd import train_softmax, train_two_layer_relu
from spectral_atlas.training.progress import Progress


def streams(mixture, M, seed=0):
    rngs = [[np.random.default_rng([seed, m, i]) for i in range(2)] for m in range(M)]
    return [SampleStream(mixture, *pair) for pair in rngs]


def samples(mixture, m, n, seed=0):
    return streams(mixture, m + 1, seed)[m].draw(n)


def classes(k, d, precision=10.0, seed=0):
    weights = np.arange(1.0, k + 1)
    means = gaussian_means(np.random.default_rng(seed), k, d) if k <= d else np.ones((k, d))
    return GaussianMixture(means, weights / weights.sum(), precision)


def xor(d, precision=10.0):
    return GaussianMixture(xor_means(d), np.array([0.1, 0.2, 0.3, 0.4]), precision)


def softmax_start(M, k, d, seed=0):
    return np.random.default_rng([seed, 9]).standard_normal((M, k, d)) / np.sqrt(d)


def neurons(M, K, d, seed=0):
    rng = np.random.default_rng([seed, 9])
    return rng.standard_normal((M, K, d)) / np.sqrt(d), rng.standard_normal((M, K))


def softmax_loop(x, Y, labels, delta, beta):
    """Slow reference, straight from the formulas: x_0 ... x_n."""
    path = [x]
    for y, c in zip(Y, labels, strict=True):
        z = x @ y
        g = np.exp(z - z.max())
        g /= g.sum()
        g[c] -= 1
        x = x - delta * (np.outer(g, y) + beta * x)
        path.append(x)
    return np.array(path)


def two_layer_loop(W, v, X, labels, delta, beta, late_v=False, late_W=False):
    """Slow reference; `late_*` are the wrong orders of updates, which must be told apart."""
    path_W, path_v = [W], [v]
    for x, y in zip(X, labels, strict=True):
        h = W @ x
        a = np.maximum(h, 0)
        s = 1 / (1 + np.exp(-(v * a).sum())) - y  # `@` may fuse inf - inf into inf
        new_v = v - delta * (s * a + beta * v)
        used = new_v if late_v else v
        W = W - delta * (np.outer(s * used * (h > 0), x) + beta * W)
        if late_W:
            new_v = v - delta * (s * np.maximum(W @ x, 0) + beta * v)
        v = new_v
        path_W.append(W)
        path_v.append(v)
    return np.array(path_W), np.array(path_v)


SIZES = [(1, 1), (2, 3), (3, 8), (4, 250), (5, 17), (10, 64)]  # rows or classes, and d


@pytest.mark.parametrize("beta", [0.0, 0.03])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k", "d"), SIZES)
def test_softmax_is_the_loop(k, d, seed, beta):
    mixture, M, n, delta = classes(k, d, seed=seed), 2, 400, 0.5 / np.sqrt(d)
    x0 = softmax_start(M, k, d, seed)
    checkpoints = (0, 1, 2, 100, n)
    run = train_softmax(x0, streams(mixture, M, seed), delta, beta, n, checkpoints)
    assert run.steps.tolist() == list(checkpoints)
    assert run.diverged_at.tolist() == [-1] * M
    for m in range(M):
        expected = softmax_loop(x0[m], *samples(mixture, m, n, seed), delta, beta)
        assert k == 1 or np.abs(expected[-1] - x0[m]).max() > 0.1
        np.testing.assert_allclose(run.x[:, m], expected[list(checkpoints)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.03])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("K", "d"), [(1, 2), *SIZES[1:]])
def test_two_layer_is_the_loop(K, d, seed, beta):
    mixture, M, n, delta = xor(d), 2, 400, 0.5 / np.sqrt(d)
    W0, v0 = neurons(M, K, d, seed)
    checkpoints = (0, 1, 2, 100, n)
    run = train_two_layer_relu(
        W0, v0, XOR_LABELS, streams(mixture, M, seed), delta, beta, n, checkpoints
    )
    assert run.steps.tolist() == list(checkpoints)
    assert run.diverged_at.tolist() == [-1] * M
    for m in range(M):
        X, component = samples(mixture, m, n, seed)
        y = np.array(XOR_LABELS)[component]
        W, v = two_layer_loop(W0[m], v0[m], X, y, delta, beta)
        np.testing.assert_allclose(run.W[:, m], W[list(checkpoints)], rtol=0, atol=1e-11)
        np.testing.assert_allclose(run.v[:, m], v[list(checkpoints)], rtol=0, atol=1e-11)


def test_two_layer_step_uses_the_old_readout_and_the_old_neurons():
    mixture, n, delta = xor(12), 50, 0.2
    W0, v0 = neurons(1, 6, 12)
    run = train_two_layer_relu(W0, v0, XOR_LABELS, streams(mixture, 1), delta, 0.01, n)
    X, component = samples(mixture, 0, n)
    y = np.array(XOR_LABELS)[component]
    errors = []
    for late in ({}, {"late_v": True}, {"late_W": True}):
        W, v = two_layer_loop(W0[0], v0[0], X, y, delta, 0.01, **late)
        errors.append(max(np.abs(run.W[0, 0] - W[-1]).max(), np.abs(run.v[0, 0] - v[-1]).max()))
    assert errors[0] < 1e-13
    assert min(errors[1:]) > 1e-3


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_one_step_is_the_gradient_of_the_library_and_of_autograd(beta):
    torch = pytest.importorskip("torch")
    mixture, M, delta = classes(5, 20), 20, 0.3
    x0 = 3 * softmax_start(M, 5, 20)
    run = train_softmax(x0, streams(mixture, M), delta, beta, 1)
    for m in range(M):
        Y, c = samples(mixture, m, 1)
        step = (x0[m] - run.x[0, m]) / delta
        expected = softmax_regression.gradient(Y, c, x0[m], ridge=beta)
        np.testing.assert_allclose(step, expected, rtol=0, atol=1e-14)
        x = torch.tensor(x0[m], requires_grad=True)
        loss = torch.nn.functional.cross_entropy(torch.tensor(Y) @ x.T, torch.tensor(c))
        (g,) = torch.autograd.grad(loss + beta / 2 * (x**2).sum(), x)
        np.testing.assert_allclose(step, g.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_one_two_layer_step_is_the_gradient_of_the_library_and_of_autograd(beta):
    torch = pytest.importorskip("torch")
    mixture, M, delta = xor(20), 20, 0.3
    W0, v0 = neurons(M, 7, 20)
    run = train_two_layer_relu(W0, v0, XOR_LABELS, streams(mixture, M), delta, beta, 1)
    for m in range(M):
        X, component = samples(mixture, m, 1)
        y = np.array(XOR_LABELS)[component]
        steps = (W0[m] - run.W[0, m]) / delta, (v0[m] - run.v[0, m]) / delta
        W, v = (torch.tensor(p, requires_grad=True) for p in (W0[m], v0[m]))
        f = torch.relu(torch.tensor(X) @ W.T) @ v
        loss = torch.nn.functional.binary_cross_entropy_with_logits(f, torch.tensor(1.0 * y))
        loss = loss + beta / 2 * ((W**2).sum() + (v**2).sum())
        autograd = torch.autograd.grad(loss, (W, v))
        library = two_layer_relu.gradient(two_layer_relu.forward(X, y, W0[m], v0[m]), beta)
        for step, g, other in zip(steps, library, autograd, strict=True):
            np.testing.assert_allclose(step, g, rtol=0, atol=1e-14)
            np.testing.assert_allclose(step, other.numpy(), rtol=0, atol=1e-14)


class Given(SampleStream):
    """A stream of given samples."""

    def __init__(self, mixture, Y, component):
        super().__init__(mixture, np.random.default_rng(0), np.random.default_rng(1))
        self.Y, self.component, self.at = np.array(Y), np.array(component), 0

    def draw_into(self, Y, component):
        part = slice(self.at, self.at + len(Y))
        Y[:], component[:] = self.Y[part], self.component[part]
        self.at += len(Y)


def test_a_gate_is_shut_at_zero():
    given = Given(xor(2), [[1.0, 1.0]] * 2, [0, 2])
    W0, v0 = np.array([[[1.0, -1.0], [1.0, 1.0], [-1.0, 0.0]]]), np.array([[5.0, 0.5, 2.0]])
    run = train_two_layer_relu(W0, v0, XOR_LABELS, [given], 0.1, 0.0, 2)
    assert np.array_equal(run.W[0, 0, [0, 2]], W0[0, [0, 2]])
    assert np.array_equal(run.v[0, 0, [0, 2]], v0[0, [0, 2]])
    assert (run.W[0, 0, 1] != W0[0, 1]).all()


@pytest.mark.parametrize("size", [1.0, 50.0, 1e3, 1e6])
def test_large_scores_do_not_overflow(size):
    Y = size * np.random.default_rng(0).standard_normal((60, 5))
    component = np.arange(60) % 4
    mixture = GaussianMixture(np.zeros((4, 5)), np.full(4, 0.25), 1.0)
    x0 = softmax_start(1, 4, 5)
    run = train_softmax(x0, [Given(mixture, Y, component)], 0.01, 0.0, 60, range(61))
    expected = softmax_loop(x0[0], Y, component, 0.01, 0.0)
    np.testing.assert_allclose(run.x[:, 0], expected, rtol=0, atol=1e-11 * size)
    assert run.diverged_at[0] == -1
    given = Given(mixture, Y, component)
    two = train_two_layer_relu(*neurons(1, 3, 5), XOR_LABELS, [given], 1e-3 / size, 0.0, 60)
    assert two.diverged_at[0] == -1
    assert np.isfinite(two.W).all()


def test_a_sure_and_right_model_still_moves():
    """1 - p keeps its digits where p rounds to 1."""
    mixture = GaussianMixture(np.zeros((2, 1)), np.full(2, 0.5), 1.0)
    run = train_softmax(np.array([[[0.0], [0.0]]]), [Given(mixture, [[50.0]], [0])], 1.0, 0.0, 1)
    assert np.allclose(run.x[0, 0, :, 0], [25, -25])
    x0 = np.array([[[0.0], [-1.0]]])
    for score in (40.0, 100.0):
        run = train_softmax(x0, [Given(mixture, [[score]], [0])], 1.0, 0.0, 1)
        assert run.x[0, 0, 0, 0] == pytest.approx(score * np.exp(-score), rel=1e-12)


def fates(train, M=12, n=400):
    """Members of which some diverge; as a function of options."""
    mixture = classes(4, 37) if train is train_softmax else xor(37)

    def run(members=range(M), steps=n, **options):
        members = list(members)
        everyone = streams(mixture, M)
        if train is train_softmax:
            parameters = (softmax_start(M, 4, 37)[members],)
        else:
            W, v = neurons(M, 5, 37)
            W *= np.linspace(1, 40, M)[:, None, None]
            parameters = W[members], v[members], XOR_LABELS
        chosen = [everyone[m] for m in members]
        return train(*parameters, chosen, 0.4, RIDGE[train], steps, **options)

    return run


# Softmax gradients are bounded: only a ridge beyond 2 / learning_rate makes its members diverge.
RIDGE = {train_softmax: 20.0, train_two_layer_relu: 0.0}


def arrays(run):
    parameters = [run.x] if hasattr(run, "x") else [run.W, run.v]
    return [*parameters, run.diverged_at]


def same(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("train", [train_softmax, train_two_layer_relu])
def test_bits_do_not_depend_on_windows_checkpoints_threads_or_company(train, monkeypatch):
    run = fates(train)
    kept = [0, 1, 63, 150, 399, 400]
    everyone = arrays(run(checkpoints=kept))
    assert not np.isnan(everyone[0][3]).all()
    often = arrays(run(checkpoints=np.arange(401)))
    assert same([a[kept] for a in often[:-1]], everyone[:-1])
    assert same(often[-1:], everyone[-1:])
    for threads in (2, 5):
        assert same(arrays(run(checkpoints=kept, threads=threads)), everyone)
    for window in (1, 41, 80, 10_000, 16_040):
        monkeypatch.setattr(online_members, "_WINDOW", window)
        assert same(arrays(run(checkpoints=kept)), everyone)
        assert same([a[0] for a in arrays(run())[:-1]], [a[-1] for a in everyone[:-1]])
        shorter = arrays(run(steps=150))  # ends without a next sample to look at
        assert same([a[0] for a in shorter[:-1]], [a[3] for a in everyone[:-1]])
    backwards = arrays(run(range(12)[::-1], checkpoints=kept))
    assert same([a[:, ::-1] for a in backwards[:-1]], everyone[:-1])
    alone = arrays(run([5], checkpoints=kept))
    assert same([a[:, 0] for a in alone[:-1]], [a[:, 5] for a in everyone[:-1]])


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_a_member_draws_one_sample_a_step_and_no_more(n):
    mixture = classes(3, 9)
    (stream,) = streams(mixture, 1)
    run = train_softmax(softmax_start(1, 3, 9), [stream], 0.1, 0.0, n)
    assert run.x.shape == (1, 1, 3, 9)
    expected = samples(mixture, 0, n + 5)
    Y, component = stream.draw(5)
    assert np.array_equal(Y, expected[0][n:])
    assert np.array_equal(component, expected[1][n:])


def test_members_of_their_own_streams_only():
    mixture = classes(3, 9)
    x0 = np.repeat(softmax_start(1, 3, 9), 2, axis=0)
    run = train_softmax(x0, streams(mixture, 2), 0.1, 0.0, 20)
    assert not np.array_equal(run.x[0, 0], run.x[0, 1])


def test_softmax_divergence_step_is_that_of_brute_force():
    mixture, n, M = classes(3, 6), 700, 4
    x0 = softmax_start(M, 3, 6)
    run = train_softmax(x0, streams(mixture, M), 1.0, 6.0, n, np.arange(n + 1))
    for m in range(M):
        with np.errstate(all="ignore"):
            path = softmax_loop(x0[m], *samples(mixture, m, n), 1.0, 6.0)
        first = int(np.flatnonzero(~np.isfinite(path).all((1, 2)))[0])
        assert 300 < first < n
        assert abs(run.diverged_at[m] - first) <= 1  # the last roundings before 1e308
        assert np.isfinite(run.x[: run.diverged_at[m], m]).all()
        assert np.isnan(run.x[run.diverged_at[m] :, m]).all()


def test_two_layer_divergence_is_seen_and_ends_the_member():
    mixture, n, M = xor(6), 700, 4
    W0, v0 = neurons(M, 4, 6)
    own = streams(mixture, M)
    run = train_two_layer_relu(W0, v0, XOR_LABELS, own, 1.0, 6.0, n, np.arange(n + 1))
    for m in range(M):
        X, component = samples(mixture, m, n)
        with np.errstate(all="ignore"):
            W, v = two_layer_loop(W0[m], v0[m], X, np.array(XOR_LABELS)[component], 1.0, 6.0)
        first = np.flatnonzero(~(np.isfinite(W).all((1, 2)) & np.isfinite(v).all(1)))[0]
        end = run.diverged_at[m]
        assert 150 < end < n  # f, of second degree, overflows first
        assert abs(end - first) <= 1  # the last roundings before 1e308
        assert np.isfinite(run.W[:end, m]).all()
        assert np.isfinite(run.v[:end, m]).all()
        assert np.isnan(run.W[end:, m]).all()
        assert np.isnan(run.v[end:, m]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [0, 3])
def test_any_bad_parameter_is_seen_at_once(bad, n):
    x0 = np.zeros((11, 2, 5))
    for p in range(10):
        x0[p].flat[p] = bad
    run = train_softmax(x0, streams(classes(2, 5), 11), 0.1, 0.0, n)
    assert run.diverged_at.tolist() == [0] * 10 + [-1]
    W0, v0 = np.zeros((13, 2, 5)), np.zeros((13, 2))
    for p in range(10):
        W0[p].flat[p] = bad
    v0[10, 0] = v0[11, 1] = bad
    two = train_two_layer_relu(W0, v0, XOR_LABELS, streams(xor(5), 13), 0.1, 0.0, n)
    assert two.diverged_at.tolist() == [0] * 12 + [-1]
    assert np.isnan(two.W[0, :12]).all()
    assert np.isnan(two.v[0, :12]).all()


def test_overflow_in_the_last_step_is_seen():
    given = Given(classes(1, 2), [[1.0, 1.0]], [0])
    run = train_softmax(np.full((1, 1, 2), 1e308), [given], 1.0, 11.0, 1)
    assert run.diverged_at[0] == 1
    assert np.isnan(run.x).all()


def test_overflow_of_the_readout_alone_is_seen():
    given = Given(xor(2), [[1.0, 0.0]] * 2, [0, 0])
    W0, v0 = np.array([[[-1.0, 0.0]]]), np.array([[1e308]])  # its gate is shut
    run = train_two_layer_relu(W0, v0, XOR_LABELS, [given], 1.0, 11.0, 1)
    assert run.diverged_at[0] == 1
    assert np.isnan(run.W).all()


def test_a_score_that_overflows_is_not_yet_a_parameter():
    """x_0 is finite and kept; the step that meets the infinite score is the one that diverges."""
    given = Given(classes(2, 2), [[10.0, 10.0]] * 3, [0, 1, 0])
    x0 = np.array([[[1e308, 1e308], [0.0, 0.0]]])
    run = train_softmax(x0, [given], 0.1, 0.0, 3, range(4))
    assert run.diverged_at[0] == 1
    assert np.array_equal(run.x[0], x0)


def test_inputs_are_left_alone():
    W0, v0 = neurons(2, 3, 8)
    W1, v1 = W0.copy(), v0.copy()
    train_two_layer_relu(W0, v0, XOR_LABELS, streams(xor(8), 2), 0.1, 0.1, 20)
    assert same([W0, v0], [W1, v1])


@pytest.mark.parametrize("train", [train_softmax, train_two_layer_relu])
def test_progress_counts_every_member_step(train):
    counts = []

    class Counter(Progress):
        def update(self, n):
            counts.append(n)

    fates(train)(checkpoints=(0, 7), progress=Counter("", 0))
    assert sum(counts) == 12 * 400


SHARED = streams(classes(3, 5), 1)[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x0": np.zeros((2, 3))}, r"x0 \(2, 3\)"),
        ({"x0": np.zeros((2, 3, 0))}, r"x0 \(2, 3, 0\)"),
        ({"x0": np.zeros((3, 3, 5))}, "streams: must be 3"),
        ({"x0": np.zeros((2, 4, 5))}, r"means \(4, 5\), got \(3, 5\)"),
        ({"streams": [SHARED, SHARED]}, "share generators"),
        ({"learning_rate": -1.0}, "learning_rate = -1.0"),
        ({"learning_rate": np.inf}, "learning_rate = inf"),
        ({"ridge": np.nan}, "ridge = nan"),
        ({"n_steps": -1}, "n_steps = -1"),
        ({"checkpoints": (0, 11)}, "checkpoints"),
        ({"checkpoints": (3, 3)}, r"checkpoints \[3, 3\]"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_refusals(changes, words):
    good = {
        "x0": np.zeros((2, 3, 5)),
        "streams": streams(classes(3, 5), 2),
        "learning_rate": 0.1,
        "ridge": 0.0,
        "n_steps": 10,
    }
    with pytest.raises(ValueError, match=words) as refusal:
        # Unwrapped: shape annotations may be checked too, and would refuse first, in other words.
        inspect.unwrap(train_softmax)(**{**good, **changes})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W0": np.zeros((2, 3))}, r"W0 \(2, 3\)"),
        ({"v0": np.zeros((2, 4))}, r"v0 \(2, 4\)"),
        ({"labels": (1, 1, 0)}, r"means \(3, 5\), got \(4, 5\)"),
        ({"labels": (1, 1, 2, 0)}, r"labels \[1, 1, 2, 0\]"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_two_layer_refusals(changes, words):
    good = {
        "W0": np.zeros((2, 3, 5)),
        "v0": np.zeros((2, 3)),
        "labels": XOR_LABELS,
        "streams": streams(xor(5), 2),
        "learning_rate": 0.1,
        "ridge": 0.0,
        "n_steps": 10,
    }
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(train_two_layer_relu)(**{**good, **changes})


def test_kernels_are_cached_under_their_whole_source():
    from spectral_atlas.training import kernels_online, simd

    for name in ("descend_softmax", "descend_two_layer", "first_scores"):
        kernel = getattr(kernels_online, name)
        assert simd.source_digest() in [c.cell_contents for c in kernel.py_func.__closure__]
