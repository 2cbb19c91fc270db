import inspect
from dataclasses import fields
from math import sqrt

import numpy as np
import pytest
import torch

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.training import _long_group, long_runs
from spectral_atlas.training.endings import OUTCOMES, Endings
from spectral_atlas.training.long_runs import run_linear_maps, run_to_end
from spectral_atlas.training.progress import Progress

NETS = ("1-1-1", "1-1-1-1", "2-3-2", "1-4-1", "2-3-3-2", "3-4-2", "2-1-3", "5-5-5-5-5")
ONE = np.ones((1, 1))
PAIR = DeepLinear.plain(1, 2)


def network(widths):
    d = [int(width) for width in widths.split("-")]
    return DeepLinear(tuple(zip(d[1:], d, strict=False)), outputs=d[-1])


def problem(widths, M, seed=0, scale=0.5):
    """A network, starts, learning rates, targets and unequal weights."""
    arch, rng = network(widths), np.random.default_rng(seed)
    shape = (arch.outputs, arch.d)
    return (
        arch,
        scale * rng.standard_normal((M, arch.n_params)),
        rng.uniform(0.002, 0.01, M),
        rng.standard_normal(shape),
        rng.uniform(0.2, 2.0, shape),
    )


def loss_and_gradient(arch, theta, observed, weights):
    """By autograd, for one member."""
    x = torch.tensor(theta, requires_grad=True)
    layers, at = [], 0
    for rows, columns in arch.shapes:
        layers.append(x[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    loss = (torch.tensor(weights) * (product - torch.tensor(observed)) ** 2).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    return loss.item(), gradient.numpy()


def plain_path(arch, theta, eta, observed, weights, n_steps):
    """All parameters (n_steps + 1, P), losses and gradient norms of one member, by a plain loop."""
    path, losses, norms, theta = [], [], [], theta.copy()
    for _ in range(n_steps + 1):
        loss, gradient = loss_and_gradient(arch, theta, observed, weights)
        path.append(theta)
        losses.append(loss)
        norms.append(np.linalg.norm(gradient))
        theta = theta - eta * gradient
    return np.array(path), np.array(losses), np.array(norms)


def same_bits(a, b, order=slice(None)):
    for field in fields(Endings):
        x, y = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_array_equal(x, y[order], err_msg=field.name)


@pytest.mark.parametrize("widths", NETS)
@pytest.mark.parametrize("window", [1, 2, 9, 31])
def test_runs_are_those_of_a_plain_loop_with_autograd(widths, window):
    M, T = 3, 30
    arch, theta, eta, observed, weights = problem(widths, M, seed=window)
    runs = run_linear_maps(arch, theta, eta, observed, weights, T, window=window)
    for m in range(M):
        path, loss, norm = plain_path(arch, theta[m], eta[m], observed, weights, T)
        close = {"rtol": 1e-11, "atol": 1e-13}
        np.testing.assert_allclose(runs.theta[m], path[-1], **close)
        np.testing.assert_allclose(runs.previous[m], path[-2:-4:-1], **close)
        last = slice(T + 1 - window, None)
        expected = {
            "loss": loss[-1],
            "gradient_norm": norm[-1],
            "gradient_mean": norm[last].mean(),
            "gradient_least": norm[last].min(),
            "gradient_most": norm[last].max(),
            "loss_least": loss[last].min(),
            "loss_most": loss[last].max(),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(runs, name)[m], value, **close, err_msg=name)
    assert (runs.diverged_at == -1).all()


def test_weights_of_zero_leave_entries_free():
    arch, theta, eta, observed, weights = problem("2-3-2", 2, seed=5)
    weights[0, 1] = 0.0
    runs = run_linear_maps(arch, theta, eta, observed, weights, 20, window=5)
    path, loss, _ = plain_path(arch, theta[1], eta[1], observed, weights, 20)
    np.testing.assert_allclose(runs.theta[1], path[-1], rtol=1e-11)
    np.testing.assert_allclose(runs.loss[1], loss[-1], rtol=1e-11)


@pytest.mark.parametrize("n_steps", [0, 1, 2, 3])
def test_short_runs(n_steps):
    arch, theta, eta, observed, weights = problem("2-3-2", 3, seed=1)
    options = {"window": n_steps + 1}
    runs = run_linear_maps(arch, theta, eta, observed, weights, n_steps, **options)
    path, loss, norm = plain_path(arch, theta[2], eta[2], observed, weights, n_steps)
    np.testing.assert_allclose(runs.theta[2], path[-1], rtol=1e-12)
    assert runs.gradient_mean[2] == pytest.approx(norm.mean(), rel=1e-12)
    assert runs.loss_most[2] == pytest.approx(loss.max(), rel=1e-12)
    for back in (1, 2):
        previous = runs.previous[2, back - 1]
        if n_steps >= back:
            np.testing.assert_allclose(previous, path[-1 - back], rtol=1e-12)
        else:
            assert np.isnan(previous).all()


def test_no_members():
    runs = run_linear_maps(PAIR, np.empty((0, 2)), 0.1, ONE, ONE, 300)
    assert runs.theta.shape == (0, 2)
    assert runs.outcomes().shape == (0,)


def fates(widths, n_steps=1500, **options):
    """A function that runs some members of an ensemble which converges, oscillates and diverges."""
    arch, rng = network(widths), np.random.default_rng(3)
    theta = 0.8 * rng.standard_normal((61, arch.n_params))
    observed = np.zeros((arch.outputs, arch.d))
    np.fill_diagonal(observed, (1.5, 1.0))
    weights = np.ones_like(observed)
    critical = 1 / (arch.depth * 1.5 ** (2 - 2 / arch.depth))
    eta = critical * rng.permutation(np.linspace(0.3, 1.25, 61))

    def run(members=slice(None), **more):
        more = {**options, **more}
        return run_linear_maps(
            arch, theta[members], eta[members], observed, weights, n_steps, **more
        )

    return run


@pytest.mark.parametrize("widths", ["1-1-1", "2-3-2", "1-2-2-1"])
def test_bits_depend_on_no_company_threads_or_groups(widths, monkeypatch):
    run = fates(widths)
    everyone = run()
    counts = np.bincount(everyone.outcomes(), minlength=4)
    assert min(counts[[0, 2, 3]]) > 1  # minimum, bounded, diverged
    same_bits(run(threads=2), everyone)
    same_bits(run(slice(None, None, -1)), everyone, slice(None, None, -1))
    for m in (0, 7, 30, 60):
        same_bits(run([m]), everyone, [m])
    monkeypatch.setattr(long_runs, "_CACHED", 40)
    same_bits(run(), everyone)


@pytest.mark.parametrize("widths", ["1-1-1", "2-3-2", "1-2-2-1"])
@pytest.mark.parametrize(("n_steps", "window"), [(1500, 200), (1561, 1), (4040, 1000)])
def test_rest_gives_the_bits_of_the_whole_run(widths, n_steps, window, monkeypatch):
    run = fates(widths, n_steps, window=window)
    rested, steps = [], []
    let_rest, advance = _long_group.Group._let_rest, long_runs._advance

    def watch(group):
        before, members = group.running.copy(), group.members
        let_rest(group)
        lanes = np.flatnonzero(before)
        rested.extend(set(members[lanes]) - set(group.members[np.flatnonzero(group.running)]))

    def count(*arguments):
        steps.append(arguments[4].shape[0] * arguments[5])
        advance(*arguments)

    monkeypatch.setattr(_long_group.Group, "_let_rest", watch)
    monkeypatch.setattr(long_runs, "_advance", count)
    short, short_steps = run(), sum(steps)
    kinds = [OUTCOMES[code] for code in short.outcomes()[rested]]
    assert kinds.count("minimum") > 10
    assert "bounded" in kinds  # orbits of a short period
    steps.clear()
    monkeypatch.setattr(_long_group.Group, "_let_rest", lambda group: None)
    same_bits(run(), short)
    assert short_steps < 0.8 * sum(steps)


def test_divergence_is_seen_at_the_first_look_after_it():
    arch, theta, _, observed, weights = problem("2-3-2", 12, seed=2)
    eta, T, limit = np.geomspace(0.05, 2.0, 12), 250, 50.0
    runs = run_linear_maps(arch, theta, eta, observed, weights, T, window=9, limit=limit)
    expected = []
    with np.errstate(all="ignore"):
        for m in range(12):
            path, _, _ = plain_path(arch, theta[m], eta[m], observed, weights, T)
            looks = [t for t in (0, 120, 240, 250) if not (np.abs(path[t]) <= limit).all()]
            expected.append(looks[0] if looks else -1)
    assert runs.diverged_at.tolist() == expected
    assert {-1, 120} <= set(expected)
    lost = runs.diverged_at >= 0
    for field in fields(Endings)[:-1]:
        values = getattr(runs, field.name).reshape(12, -1)
        assert (np.isnan(values).all(axis=1) == lost).all(), field.name
        assert np.isfinite(values[~lost]).all()
    assert ((runs.outcomes() == OUTCOMES.index("diverged")) == lost).all()


@pytest.mark.parametrize("widths", ["1-1-1", "2-3-2"])
def test_bad_starts_are_seen_at_once_and_bad_last_steps_too(widths):
    arch, theta, _, observed, weights = problem(widths, 5, seed=4)
    theta[0, -1], theta[1, 0], theta[2, 1] = np.nan, -np.inf, 11.0
    theta[3] = 9.0  # the next step is far away
    runs = run_linear_maps(arch, theta, 0.02, observed, weights, 1, window=1, limit=10.0)
    assert runs.diverged_at.tolist() == [0, 0, 0, 1, -1]


def test_orbits_of_period_two_have_the_gradient_of_the_closed_form():
    a = np.array([1.01, 1.05, 1.1, 1.2])  # eta over the critical step 1/2
    theta = np.random.default_rng(1).uniform(0.6, 1.0, (4, 2))
    runs = run_linear_maps(PAIR, theta, a / 2, ONE, ONE, 6000)
    np.testing.assert_allclose(runs.gradient_mean, 2 * sqrt(2) * np.sqrt(1 - 1 / a) / a, rtol=1e-6)
    assert (runs.period_two_gap < 1e-14).all()
    apart = np.linalg.norm(runs.theta - runs.previous[:, 0], axis=1)
    np.testing.assert_allclose(apart, np.sqrt(2 * (1 - 1 / a)), rtol=1e-6)
    points = np.sort([runs.theta[:, 0], runs.previous[:, 0, 0]], axis=0)
    for sign, x in zip((-1, 1), points, strict=True):
        np.testing.assert_allclose(x, (np.sqrt(1 + 3 / a) + sign * np.sqrt(1 - 1 / a)) / 2)
    assert (runs.outcomes() == OUTCOMES.index("bounded")).all()


def test_convergence_ends_at_the_critical_step():
    theta = np.random.default_rng(0).uniform(-3, 3, (4000, 2))
    share = []
    for eta in (0.25, 0.45, 0.505, 0.75, 1.1):
        runs = run_linear_maps(PAIR, theta, eta, ONE, ONE, 3000, threads=2)
        share.append(np.bincount(runs.outcomes(), minlength=4) / len(theta))
        at_rest = runs.theta[runs.outcomes() == 0]
        assert np.all((at_rest**2).sum(axis=1) <= 1 / eta * (1 + 1e-9))
    np.testing.assert_allclose(np.array(share)[:2, 0], [0.680, 0.347], atol=0.025)
    assert not np.array(share)[2:, 0].any()
    assert share[-1][3] == 1


def test_orbits_that_linger_at_the_degenerate_saddle_are_no_minima():
    arch = DeepLinear.plain(1, 3)
    theta = np.random.default_rng(1).standard_normal((2000, 3))
    early, late = (
        run_linear_maps(arch, theta, 2.2 / 3, ONE, ONE, T, threads=2) for T in (4000, 12000)
    )
    saddle = OUTCOMES.index("saddle")
    here = early.outcomes(still=1e-6) == saddle
    assert here.sum() > 20
    assert (early.gradient_most[here] < 1e-6).all()
    np.testing.assert_allclose(early.loss_least[here], 1.0, atol=1e-6)
    assert (late.outcomes(still=1e-6)[here] != saddle).sum() > 3  # they leave again
    assert not (late.outcomes(still=1e-2) == 0).any()


def test_any_function_can_be_run():
    """A map of the line, in blocks that come in threes."""
    rates, asked = np.linspace(2.5, 3.5, 21), []

    def block(members):
        asked.append(members)
        a = np.zeros(-(-len(members) // 24) * 24)
        a[: len(members)] = rates[members]
        a = a.reshape(-1, 1, 8)

        def advance(weights, n_steps, tally):
            assert weights.shape == a.shape
            assert tally.shape in ((len(a), 0, 8), (len(a), 5, 8))
            for _ in range(n_steps):
                move = a * weights * (1 - weights) - weights
                if tally.shape[1]:
                    size = np.abs(move[:, 0])
                    tally[:, 0] += size
                    tally[:, 1] = np.minimum(tally[:, 1], size)
                    tally[:, 2] = np.maximum(tally[:, 2], size)
                    tally[:, 3] = np.minimum(tally[:, 3], weights[:, 0])
                    tally[:, 4] = np.maximum(tally[:, 4], weights[:, 0])
                weights += move

        return advance

    runs = run_to_end(np.full((21, 1), 0.3), 5003, 4, 10.0, block, tile=3)
    path = [np.full(21, 0.3)]
    for _ in range(5003):
        path.append(path[-1] + (rates * path[-1] * (1 - path[-1]) - path[-1]))
    np.testing.assert_array_equal(runs.theta[:, 0], path[-1])
    np.testing.assert_array_equal(runs.previous[..., 0].T, path[-2:-4:-1])
    np.testing.assert_array_equal(runs.loss_least, np.min(path[-4:], axis=0))
    np.testing.assert_array_equal(runs.loss_most, np.max(path[-4:], axis=0))
    moves = np.abs(rates * np.array(path[-4:]) * (1 - np.array(path[-4:])) - path[-4:])
    np.testing.assert_array_equal(runs.gradient_least, moves.min(axis=0))
    np.testing.assert_array_equal(runs.gradient_most, moves.max(axis=0))
    np.testing.assert_allclose(runs.gradient_mean, moves.mean(axis=0), atol=1e-15)
    assert sorted(asked[0]) == sorted(asked[-1]) == list(range(21))
    assert min(map(len, asked)) < 18  # lanes changed hands


def test_progress_counts_every_member_step():
    counts = []

    class Counter(Progress):
        def update(self, n):
            counts.append(n)

    fates("1-1-1", 700)(progress=Counter("", 0))
    assert sum(counts) == 61 * 700


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arch": DeepLinear.plain(2, 1, outputs=2)}, "two layers or more"),
        ({"arch": DeepLinear.residual(2, 2)}, "no readout"),
        ({"theta0": np.zeros((2, 5))}, r"theta0 \(2, 5\): must be \(members, 8\)"),
        ({"learning_rate": np.ones(3)}, r"learning_rate \(3,\): must be"),
        ({"learning_rate": 0.0}, r"learning_rate = 0.0: must be finite and > 0"),
        ({"learning_rate": np.nan}, r"learning_rate = nan: must be finite and > 0"),
        ({"observed": np.eye(3)}, r"observed \(3, 3\): must be \(2, 2\)"),
        ({"observed": np.full((2, 2), np.nan)}, "observed = .*: must be finite"),
        ({"weights": -np.eye(2)}, "weights = .*: must be finite and >= 0"),
        ({"n_steps": -1}, "n_steps = -1: must be >= 0"),
        ({"window": 0}, "window = 0: must be within 1 ... n_steps"),
        ({"window": 302}, "window = 302: must be within"),
        ({"limit": 0.0}, "limit = 0.0: must be > 0"),
        ({"threads": 0}, "threads = 0: must be > 0"),
    ],
)
def test_refusals(changes, words):
    arguments = {
        "arch": DeepLinear.plain(2, 2, outputs=2),
        "theta0": np.zeros((2, 8)),
        "learning_rate": 0.1,
        "observed": np.eye(2),
        "weights": np.ones((2, 2)),
        "n_steps": 300,
        **changes,
    }
    with pytest.raises(ValueError, match=words):
        # Unwrapped: shape annotations may be checked too, and would refuse first, in other words.
        inspect.unwrap(run_linear_maps)(**arguments)


def test_kernels_are_cached_under_their_whole_source():
    from spectral_atlas.training import kernels_maps, simd

    for kernel in (kernels_maps.descend_pair, kernels_maps.descend_maps):
        assert simd.source_digest() in [c.cell_contents for c in kernel.py_func.__closure__]
