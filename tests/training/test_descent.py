"""Descent of ensembles against one member at a time in float64, and who is stopped when."""

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import mse_loss

from spectral_atlas.networks.fully_connected import FullyConnected
from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.outputs import Centred
from spectral_atlas.training.descent import Samples, descend
from spectral_atlas.training.ensembles import NetworkEnsemble, select

N, T = 12, 6


def problem(members=3, dtype=torch.float64, wrap=lambda net: net):
    net = wrap(FullyConnected(4, 2, 3, 6, activation="tanh"))
    theta = stacked([net.draw(np.random.default_rng(i)) for i in range(members)])
    rng = np.random.default_rng(9)
    x = torch.from_numpy(rng.standard_normal((N, 4))).to(dtype)
    y = torch.from_numpy(rng.standard_normal((N, 2))).to(dtype)
    return NetworkEnsemble(net, mse_loss), {n: p.to(dtype) for n, p in theta.items()}, x, y


def orders(members, batch, seed=0):
    rng = np.random.default_rng(seed)
    picked = [[rng.permutation(N)[:batch] for _ in range(T)] for _ in range(members)]
    return torch.from_numpy(np.array(picked))


def alone(ensemble, theta, r, rate, samples, steps=T, divergence=1e5):
    """Losses of member r, one autograd step after another, and where it ends."""
    mine = {n: p[r].clone() for n, p in theta.items()}
    losses = []

    def loss_of(parameters, x, y):
        return ensemble.loss(functional_call(ensemble.module, parameters, (x,)), y)

    shown = slice(samples.shown)
    for t in range(steps + 1):
        worst = losses_now = float(loss_of(mine, samples.x[shown], samples.y[shown]))
        losses.append(losses_now)
        if t < steps:
            batch = slice(None) if samples.orders is None else samples.orders[r, t]
            leaves = {n: mine[n].clone().requires_grad_() for n in ensemble.trained}
            loss = loss_of({**mine, **leaves}, samples.x[batch], samples.y[batch])
            worst = max(worst, float(loss.detach()))
            gradients = torch.autograd.grad(loss, list(leaves.values()))
            for n, g in zip(leaves, gradients, strict=True):
                mine[n] = mine[n] - rate * g
        if not worst <= divergence:
            losses[-1] = np.inf
            return np.array(losses + [np.nan] * (steps - t)), mine
    return np.array(losses), mine


@pytest.mark.parametrize("wrap", [lambda net: net, Centred], ids=["plain", "centred"])
@pytest.mark.parametrize("shown", [None, 5, 100])
@pytest.mark.parametrize("batch", [None, 4])
def test_the_whole_way_is_that_of_each_member_alone(batch, shown, wrap):
    ensemble, theta, x, y = problem(wrap=wrap)
    samples = Samples(x, y, None if batch is None else orders(3, batch), shown)
    rates = np.array([0.05, 0.3, 0.8])
    found = descend(ensemble, theta, rates, samples, T)
    assert found.members.tolist() == [0, 1, 2]
    assert (found.diverged_at == -1).all()
    for r, rate in enumerate(rates):
        losses, end = alone(ensemble, theta, r, rate, samples)
        np.testing.assert_allclose(found.losses[r], losses, rtol=1e-10)
        assert np.ptp(losses) > 1e-2
        for n, p in end.items():
            torch.testing.assert_close(found.parameters[n][r], p, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(found.highest, found.losses[:, 1:].max(axis=1))
    assert not found.diverged.any()


def test_a_minibatch_of_everything_is_the_full_batch():
    ensemble, theta, x, y = problem()
    rates = np.array([0.05, 0.3, 0.8])
    full = descend(ensemble, theta, rates, Samples(x, y), T)
    batches = descend(ensemble, theta, rates, Samples(x, y, orders(3, N)), T)
    np.testing.assert_allclose(batches.losses, full.losses, rtol=1e-11)


def test_losses_with_minibatches_are_those_of_the_training_set():
    ensemble, theta, x, y = problem()
    found = descend(ensemble, theta, np.full(3, 0.1), Samples(x, y, orders(3, 2)), T)
    assert found.losses[:, 0] == pytest.approx(ensemble.risks(theta, x, y).numpy(), rel=1e-12)
    assert found.losses[:, -1] == pytest.approx(
        ensemble.risks(found.parameters, x, y).numpy(), rel=1e-12
    )


RATES = np.array([0.1, 40.0, 0.3, 8.0, 0.2])


@pytest.mark.parametrize("batch", [None, 4])
def test_those_that_diverge_are_frozen_and_the_others_go_on(batch):
    """Bound 30: members 1 and 3 exceed it at different times."""
    ensemble, theta, x, y = problem(5)
    samples = Samples(x, y, None if batch is None else orders(5, batch))
    found = descend(ensemble, theta, RATES, samples, T, divergence=30.0)
    for r, rate in enumerate(RATES):
        losses, _ = alone(ensemble, theta, r, rate, samples, divergence=30.0)
        np.testing.assert_allclose(found.losses[r], losses, rtol=1e-9)
        late = np.flatnonzero(np.isinf(losses))
        assert found.diverged_at[r] == (late[0] if len(late) else -1)
    assert found.diverged.tolist() == [False, True, False, True, False]
    assert found.members.tolist() == [0, 2, 4]
    assert all(len(p) == 3 for p in found.parameters.values())
    assert np.isinf(found.highest[[1, 3]]).all()
    assert np.isfinite(found.highest[[0, 2, 4]]).all()
    for r in (1, 3):
        at = found.diverged_at[r]
        assert np.isnan(found.losses[r, at + 1 :]).all()
        assert np.isfinite(found.losses[r, :at]).all()


def test_the_company_changes_nothing_but_rounding():
    ensemble, theta, x, y = problem(5, torch.float32)
    samples = Samples(x, y, orders(5, 4))
    together = descend(ensemble, theta, RATES, samples, T, divergence=30.0)
    for r in range(5):
        mine = Samples(x, y, samples.orders[r : r + 1])
        one = select(theta, torch.tensor([r]))
        single = descend(ensemble, one, RATES[r : r + 1], mine, T, divergence=30.0)
        np.testing.assert_allclose(single.losses[0], together.losses[r], rtol=1e-4)
        assert single.diverged_at[0] == together.diverged_at[r]


def test_a_minibatch_over_the_bound_ends_a_run_though_the_training_loss_is_not():
    ensemble, theta, x, y = problem(1)
    y[0] += 20.0
    bound = 2 * float(ensemble.risks(theta, x, y)[0])
    assert bound < float(ensemble.risks(theta, x[:1], y[:1])[0])
    order = torch.tensor([[[3], [0], [4], [5], [6], [7]]])
    found = descend(ensemble, theta, np.array([1e-6]), Samples(x, y, order), T, divergence=bound)
    assert found.diverged_at.tolist() == [1]
    assert np.isinf(found.losses[0, 1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_divergence_and_a_start_may_be(bad):
    ensemble, theta, x, y = problem(2)
    theta["weights.2"][1, 0, 0] = bad
    found = descend(ensemble, theta, np.array([0.1, 0.1]), Samples(x, y), T)
    assert found.diverged_at.tolist() == [-1, 0]
    assert np.isinf(found.losses[1, 0])
    assert np.isnan(found.losses[1, 1:]).all()
    assert found.highest[1] == np.inf


def test_all_diverge():
    ensemble, theta, x, y = problem(2)
    found = descend(ensemble, theta, np.full(2, 0.1), Samples(x, y), T, divergence=1e-6)
    assert found.diverged_at.tolist() == [0, 0]
    assert len(found.members) == 0
    assert found.highest.tolist() == [np.inf, np.inf]


def test_what_is_observed_and_who_is_stopped_by_it():
    """Member 1 is stopped at t = 2, member 3 diverges, all are stopped at t = 4 but member 4."""
    ensemble, theta, x, y = problem(5)
    samples, seen = Samples(x, y), []

    def observe(t, parameters, members, losses):
        seen.append((t, members.tolist()))
        assert torch.allclose(losses, ensemble.risks(parameters, x, y), rtol=1e-12)
        if t == 2:
            return members != 1
        return members == 4 if t == 4 else None

    rates = np.array([0.1, 0.2, 0.3, 40.0, 0.2])
    found = descend(ensemble, theta, rates, samples, T, divergence=30.0, observe=observe)
    at = int(found.diverged_at[3])
    assert 0 < at <= 2
    for t, members in seen:
        expected = {0, 2, 4} if t > 2 else {0, 1, 2, 4}
        expected = {4} if t > 4 else expected
        assert set(members) == (expected | {3} if t < at else expected)
    assert [t for t, _ in seen] == list(range(T + 1))
    assert found.members.tolist() == [4]
    assert found.diverged.tolist() == [False, False, False, True, False]
    for r, last in {0: 4, 1: 2, 2: 4, 4: T}.items():
        losses, _ = alone(ensemble, theta, r, rates[r], samples)
        np.testing.assert_allclose(found.losses[r, : last + 1], losses[: last + 1], rtol=1e-10)
        assert np.isnan(found.losses[r, last + 1 :]).all()
        assert found.highest[r] == found.losses[r, 1 : last + 1].max()


def test_a_member_stopped_at_the_start_has_no_highest_loss():
    ensemble, theta, x, y = problem(2)
    found = descend(
        ensemble, theta, np.full(2, 0.1), Samples(x, y), T, observe=lambda t, p, m, _: m != 0
    )
    assert np.isnan(found.highest[0])
    assert np.isfinite(found.highest[1])


def test_the_start_is_not_changed():
    ensemble, theta, x, y = problem()
    before = {n: p.clone() for n, p in theta.items()}
    descend(ensemble, theta, np.full(3, 0.5), Samples(x, y), T)
    assert all(torch.equal(theta[n], before[n]) for n in theta)


@pytest.mark.parametrize("steps", [0, 1])
def test_few_steps(steps):
    ensemble, theta, x, y = problem(1)
    found = descend(ensemble, theta, np.array([0.3]), Samples(x, y), steps)
    losses, _ = alone(ensemble, theta, 0, 0.3, Samples(x, y), steps)
    np.testing.assert_allclose(found.losses[0], losses, rtol=1e-12)


def test_sizes_of_samples():
    _, _, x, y = problem()
    assert (Samples(x, y).batch_size, Samples(x, y).n_shown) == (N, N)
    some = Samples(x, y, orders(2, 5), 7)
    assert (some.batch_size, some.n_shown) == (5, 7)
    assert Samples(x, y, shown=99).n_shown == N
