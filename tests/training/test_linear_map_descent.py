"""Descent of deep linear maps against autograd, a plain loop and itself in other company."""

import inspect
from io import StringIO
from itertools import pairwise

import numpy as np
import pytest
import torch

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.training._linear_map_step import Step
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.path_recorder import RecordRules
from spectral_atlas.training.progress import Progress

EVERY = RecordRules(moved=1e-12)  # so fine that each check is a record
SHAPES = [  # depth, width, inputs, outputs
    (2, 1, 4, 4),
    (2, 7, 3, 5),
    (2, 40, 5, 3),
    (3, 3, 6, 2),
    (3, 40, 4, 4),
    (5, 1, 3, 3),
    (5, 7, 2, 6),
    (5, 40, 10, 10),
    (3, 7, 1, 1),
    (4, 3, 5, 1),
]


def problem(depth, width, n_in, n_out, seed=0, members=None):
    """Architecture, theta0, targets and masked weights; hidden sizes are not all equal."""
    rng = np.random.default_rng(seed)
    hidden = [width + (k % 2 if width > 1 else 0) for k in range(depth - 1)]
    sizes = [n_in, *hidden, n_out]
    shapes = tuple((above, below) for below, above in pairwise(sizes))
    arch = DeepLinear(shapes, outputs=n_out)
    many = () if members is None else (members,)
    scale = 0.9 * width ** (-(depth - 1) / (2 * depth))
    theta = scale * rng.standard_normal((*many, arch.n_params))
    observed = rng.standard_normal((*many, n_out, n_in))
    mask = rng.random((*many, n_out, n_in)) < 0.8
    mask[..., 0, 0] = True
    return arch, theta, observed, mask / mask.sum((-1, -2), keepdims=True)


def autograd(arch, theta, observed, weights, ridge):
    """C(A), the gradient of the whole loss and A, by torch."""
    theta = torch.tensor(theta, requires_grad=True)
    A, start = None, 0
    for rows, columns in arch.shapes:
        W = theta[start : start + rows * columns].reshape(rows, columns)
        A, start = W if A is None else W @ A, start + rows * columns
    cost = (torch.tensor(weights) * (A - torch.tensor(observed)) ** 2).sum()
    (gradient,) = torch.autograd.grad(cost + ridge * (theta**2).sum(), theta)
    return cost.item(), gradient.numpy(), A.detach().numpy()


def loop(arch, theta, eta, steps, observed, weights, ridge):
    """Parameters, costs, gradient norms and maps before each of the steps and at the end."""
    seen = []
    for _ in range(steps + 1):
        cost, gradient, A = autograd(arch, theta, observed, weights, ridge)
        seen.append((theta, cost, np.linalg.norm(gradient), A))
        theta = theta - eta * gradient
    return [np.array(column) for column in zip(*seen, strict=True)]


@pytest.mark.parametrize("ridge", [0.0, 0.02])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_paths_are_those_of_autograd(case, ridge):
    arch, theta, observed, weights = problem(*case)
    eta, steps, every = 0.05, 23, 3
    out = train_linear_maps(
        arch, theta[None], eta, steps, observed, weights, ridge=ridge,
        check_every=every, rules=EVERY, probes=np.eye(arch.n_params)[:2], keep_at=(0, 3, 7, 23),
    )  # fmt: skip
    thetas, costs, gradients, maps = loop(arch, theta, eta, steps, observed, weights, ridge)
    at = [*range(0, steps, every), steps]
    assert out.step[0].tolist() == at
    close = {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(out.theta[0], thetas[-1], **close)
    np.testing.assert_allclose(out.kept[0], thetas[[0, 3, 7, 23]], **close)
    np.testing.assert_allclose(out.maps[0], maps[at], **close)
    np.testing.assert_allclose(out.train_cost[0], costs[at], **close)
    np.testing.assert_allclose(out.gradient_norm[0], gradients[at], **close)
    np.testing.assert_allclose(out.squared_norm[0], (thetas[at] ** 2).sum(1), **close)
    np.testing.assert_allclose(out.probes[0], thetas[at, :2], **close)


def test_wide_layers_are_multiplied_in_blocks():
    """At width 330 the forward products are split into columns, unevenly."""
    arch, theta, observed, weights = problem(4, 330, 10, 10)
    theta = theta / 3
    step = Step(arch, theta, 0.01, observed, weights, 0.0)
    step.run(2)
    thetas, *_ = loop(arch, theta, 0.01, 2, observed, weights, 0.0)
    assert len(step._up) > arch.depth - 1
    np.testing.assert_allclose(step.theta(), thetas[2], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("n_in", "n_out"), [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_gradient_near_a_saddle_keeps_its_digits(n_in, n_out, ridge):
    """Rank one of a target of rank two: residual and layers are of order one, not the gradient."""
    arch, noise, target, _ = problem(3, 6, n_in, n_out)
    U, _, Vt = np.linalg.svd(target)
    layers = [np.zeros(shape) for shape in arch.shapes]
    layers[0][0], layers[1][0, 0], layers[2][:, 0] = Vt[0], 1, U[:, 0]
    observed = (1 + ridge) * np.outer(U[:, 0], Vt[0]) + np.outer(U[:, 1], Vt[1])
    theta = arch.flatten(layers) + 1e-9 * noise
    step = Step(arch, theta, 0.1, observed, np.ones((n_out, n_in)), ridge)
    step.evaluate()
    _, gradient, _ = autograd(arch, theta, observed, np.ones((n_out, n_in)), ridge)
    assert np.linalg.norm(gradient) < 1e-7
    assert step.numbers()[1] == pytest.approx(gradient @ gradient, rel=1e-5, abs=0)


@pytest.mark.parametrize("seed", range(3))
def test_each_plateau_is_recorded_at_its_quietest_check(seed):
    """From saddle to saddle: between two rises of A the gradient has one minimum, to the step."""
    arch = DeepLinear.plain(4, 3, 6, outputs=4)
    theta = 0.03 * np.random.default_rng(seed).standard_normal((1, arch.n_params))
    given = arch, theta, 0.05, 6000, np.diag([2.0, 0.7, 0.0, 0.0]), np.full((4, 4), 1 / 4)
    every = train_linear_maps(*given, rules=EVERY)
    few = train_linear_maps(*given)
    assert few.n_records[0] < every.n_records[0] / 5
    A, gradients = every.maps[0], every.gradient_norm[0]
    first, second = np.argmax(A[:, 0, 0] > 1), np.argmax(A[:, 1, 1] > 0.35)
    quietest = first + np.argmin(gradients[first:second])
    assert gradients[quietest] < 0.1 * min(gradients[first], gradients[second])
    at = few.step[0].tolist().index(every.step[0, quietest])
    assert few.gradient_norm[0, at] == gradients[quietest]
    np.testing.assert_array_equal(few.maps[0, at], A[quietest])


def test_members_are_the_same_bits_in_any_company():
    arch, theta, observed, weights = problem(4, 7, 5, 3, seed=3, members=4)
    rates, steps = np.array([0.05, 0.1, 0.02, 0.08]), np.array([40, 0, 33, 17])
    ridges, probes = np.array([0.0, 0.1, 0.01, 0.0]), np.ones((1, arch.n_params))
    together = train_linear_maps(
        arch, theta, rates, steps, observed, weights, ridge=ridges, probes=probes, keep_at=[2, 30]
    )
    assert together.last_step.tolist() == steps.tolist()
    assert np.isnan(together.kept[1]).all()
    assert np.isnan(together.kept[3, 1]).all()
    for m in range(4):
        alone = train_linear_maps(
            arch, theta[[m]], rates[m], int(steps[m]), observed[m], weights[m],
            ridge=ridges[m], probes=probes[None], keep_at=[2, 30],
        )  # fmt: skip
        n = alone.n_records[0]
        assert together.n_records[m] == n
        assert (together.step[m, n:] == -1).all()
        assert np.isnan(together.maps[m, n:]).all()
        for name in ("step", "maps", "train_cost", "gradient_norm", "squared_norm", "probes"):
            np.testing.assert_array_equal(getattr(together, name)[m, :n], getattr(alone, name)[0])
        np.testing.assert_array_equal(together.theta[m], alone.theta[0])
        np.testing.assert_array_equal(together.kept[m], alone.kept[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_where_a_path_ends(seed):
    arch, theta, observed, weights = problem(2, 12, 3, 3, seed)
    weights = weights * 9
    every = train_linear_maps(
        arch, theta[None], 0.02, 600, observed, weights, rules=EVERY, check_every=4
    )
    costs, gradients, steps = every.train_cost[0], every.gradient_norm[0], every.step[0]
    cost, gradient = costs[0] / 100, gradients[0] / 50
    for names, hit in (
        ({"stop_below": cost}, costs < cost),
        ({"stop_gradient": gradient}, gradients < gradient),
        ({"stop_below": cost, "stop_gradient": gradient}, (costs < cost) | (gradients < gradient)),
    ):
        out = train_linear_maps(
            arch, theta[None], 0.02, 600, observed, weights, check_every=4, **names
        )
        assert out.last_step[0] == steps[np.argmax(hit)] < 600
        assert out.step[0, -1] == out.last_step[0]
        assert out.train_cost[0, -1] == costs[np.argmax(hit)]


def test_a_member_that_diverges_has_no_records_after():
    arch, theta, observed, weights = problem(3, 8, 4, 4, members=2)
    rates = np.array([50.0, 0.01])
    log = StringIO()
    with Progress("both", 2 * 3000, log) as progress:
        out = train_linear_maps(
            arch, theta, rates, 3000, observed, weights, rules=EVERY, progress=progress
        )
    assert progress.done == 6000
    assert out.diverged.tolist() == [True, False]
    assert out.diverged_at[1] == -1
    assert 0 < out.diverged_at[0] == out.last_step[0] <= 100
    assert out.n_records[0] == out.diverged_at[0] / 5
    assert not np.isfinite(out.theta[0]).all()
    assert np.isfinite(out.maps[0, : out.n_records[0]]).all()
    assert out.last_step[1] == 3000


def test_diverged_from_the_start():
    arch, theta, observed, weights = problem(2, 3, 2, 2)
    out = train_linear_maps(arch, 1e200 * theta[None], 0.1, 10, observed, weights)
    assert out.n_records.tolist() == [0]
    assert out.step.shape == (1, 0)
    assert out.diverged_at.tolist() == out.last_step.tolist() == [0]


def test_no_members():
    arch, theta, observed, weights = problem(2, 3, 2, 4)
    out = train_linear_maps(arch, theta[None][:0], np.empty(0), 10, observed, weights, keep_at=[1])
    assert out.maps.shape == (0, 0, 4, 2)
    assert out.theta.shape == (0, arch.n_params)
    assert out.kept.shape == (0, 1, arch.n_params)


def test_the_start_is_not_changed():
    arch, theta, observed, weights = problem(3, 4, 3, 3)
    before = theta.copy()
    train_linear_maps(arch, theta[None], 0.1, 10, observed, weights, ridge=0.1)
    np.testing.assert_array_equal(theta, before)


def test_weight_decay_alone_shrinks_all_parameters():
    arch, theta, observed, weights = problem(4, 5, 4, 4)
    out = train_linear_maps(arch, theta[None], 0.1, 20, observed, 0 * weights, ridge=0.3)
    np.testing.assert_allclose(out.theta[0], 0.94**20 * theta, rtol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": DeepLinear.plain(4, 1)}, "two layers"),
        ({"arch": DeepLinear.residual(4, 3)}, "no readout"),
        ({"theta0": np.ones((2, 3))}, "theta0 "),
        ({"learning_rate": 0.0}, "learning_rate = 0.0: must be finite and > 0"),
        ({"learning_rate": np.ones(3)}, "learning_rate "),
        ({"n_steps": -1}, "n_steps = -1: must be finite and >= 0"),
        ({"ridge": -0.1}, "ridge = -0.1"),
        ({"stop_below": np.nan}, "stop_below = nan"),
        ({"observed": np.full((4, 4), np.nan)}, "observed = "),
        ({"observed": np.ones((4, 3))}, "observed "),
        ({"weights": -np.ones((4, 4))}, "weights = "),
        ({"check_every": 0}, "check_every = 0: must be >= 1"),
        ({"keep_at": (3, 3)}, "keep_at = "),
        ({"keep_at": (-1, 3)}, "keep_at = "),
        ({"probes": np.ones(4)}, "probes "),
    ],
)
def test_errors(change, message):
    arch, theta, observed, weights = problem(2, 3, 4, 4)
    given = {
        "arch": arch, "theta0": theta[None], "learning_rate": 0.1, "n_steps": 3,
        "observed": observed, "weights": weights,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(train_linear_maps)(**(given | change))  # wrapped, it raises of the types
