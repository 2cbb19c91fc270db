"""Greedy descent against Eckart-Young, a plain loop, autograd and a known instance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from spectral_atlas.networks.linear_maps import end_to_end, imbalance
from spectral_atlas.training.greedy_low_rank import (
    GreedyPaths,
    append_neuron,
    greedy_low_rank,
    needed_steps,
    no_neurons,
    top_triple,
)


def completion(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A 10 x 10 matrix of rank 3 and weights of 80 entries."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((10, 3)) @ rng.standard_normal((3, 10))
    weights = np.zeros(100)
    weights[rng.permutation(100)[:80]] = 1 / 80
    return target, weights.reshape(10, 10)


def seen(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A 4 x 6 matrix of singular values 5, 3, 2, 1, all observed."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    V = np.linalg.qr(rng.standard_normal((6, 4)))[0]
    return U * [5, 3, 2, 1] @ V.T, np.full((4, 6), 1 / 24)


def gradient(A: np.ndarray, observed: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return 2 * weights * (A - observed)


@pytest.mark.parametrize("s", [0.03, 0.3])
@pytest.mark.parametrize(("depth", "epsilon"), [(2, 1e-3), (2, 0.1), (3, 0.02), (4, 0.1), (6, 0.3)])
def test_needed_steps_of_one_neuron(depth, epsilon, s):
    """x' = s x^{L-1} (1 - x^L / reach): grown up and settled in time, and not long before."""
    eta, reach = 0.2, 4.0
    T, x = needed_steps(s, epsilon, eta, depth, reach=reach), epsilon
    early = int(T * (0.4 if depth == 2 else 0.65))
    for step in range(T):
        if step == early:
            assert x**depth < reach / 2
        x += eta * s * x ** (depth - 1) * (1 - x**depth / reach)
    assert abs(x**depth - reach) < (1.1 * epsilon**2 if depth == 2 else 1e-3)


def test_needed_steps_of_large_neurons_is_not_negative():
    assert needed_steps(0.1, 2.0, 0.2, 2, reach=1.0) == 0


# Costs at rank 1 and 2, to all digits that an independent implementation printed.
KNOWN = {0: (0.415619, 0.0993764), 1: (0.271333, 0.0318883)}


@pytest.mark.parametrize(
    ("seed", "depth", "epsilon"), [(0, 4, 0.1), (1, 4, 0.1), (0, 3, 0.03), (0, 2, 0.1), (1, 5, 0.2)]
)
def test_saddles_of_a_known_instance(seed, depth, epsilon):
    observed, weights = completion(seed)
    found = greedy_low_rank(observed, weights, depth, epsilon=epsilon, learning_rate=0.2)
    assert found.converged
    assert [stage.width for stage in found.stages] == [1, 2, 3]
    costs = [stage.cost for stage in found.stages]
    np.testing.assert_allclose(costs[:2], KNOWN[seed], rtol=2e-6)
    assert costs[2] < 1e-8
    A = end_to_end(found.stages[-1].layers)
    hidden = weights == 0
    assert np.mean((A - observed)[hidden] ** 2) < 1e-4 * np.mean(observed[hidden] ** 2)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_all_observed_stages_end_at_the_best_approximations(depth):
    observed, weights = seen(depth)
    found = greedy_low_rank(observed, weights, depth, epsilon=0.1, learning_rate=0.3)
    U, a, Vt = np.linalg.svd(observed, full_matrices=False)
    assert found.converged
    assert len(found.stages) == 4
    for k, stage in enumerate(found.stages, 1):
        best = (U[:, :k] * a[:k]) @ Vt[:k]
        np.testing.assert_allclose(end_to_end(stage.layers), best, atol=1e-3)
        assert stage.cost == pytest.approx(np.sum(a[k:] ** 2) / 24, rel=1e-7, abs=1e-8)
        # G = 2 (0 - rest) / 24: its top singular value belongs to the largest one left out
        assert stage.singular_value == pytest.approx(2 / 24 * a[k - 1], rel=1e-4)


@pytest.mark.parametrize("seed", [0, 3])
def test_stages_end_at_critical_points(seed):
    observed, weights = completion(seed)
    found = greedy_low_rank(observed, weights, 3, epsilon=0.1, learning_rate=0.2)
    for stage in found.stages[:-1]:
        assert stage.gradient_norm < 1e-5 * stage.singular_value
        layers = [torch.tensor(w, requires_grad=True) for w in stage.layers]
        A = layers[2] @ layers[1] @ layers[0]
        cost = (torch.tensor(weights) * (A - torch.tensor(observed)) ** 2).sum()
        norms = [torch.linalg.norm(g) for g in torch.autograd.grad(cost, layers)]
        assert cost.item() == pytest.approx(stage.cost, rel=1e-12)
        assert np.linalg.norm(norms) == pytest.approx(stage.gradient_norm, rel=1e-6)
        sizes = np.linalg.svd(A.detach().numpy(), compute_uv=False)
        assert np.sum(sizes > 0.3) == np.sum(sizes > 1e-9) == stage.width
        assert imbalance(stage.layers) < 0.05
    costs = [stage.cost for stage in found.stages]
    assert all(after < before for before, after in pairwise(costs))


def plain_loop(
    observed: np.ndarray, weights: np.ndarray, depth: int, epsilon: float, eta: float, steps: int
) -> list[list[np.ndarray]]:
    """The algorithm in its textbook form, two stages of it; layers at the end of each."""
    U, _, Vt = np.linalg.svd(gradient(np.zeros_like(observed), observed, weights))
    middle = [np.array([[epsilon]]) for _ in range(depth - 2)]
    layers, ends = [-epsilon * Vt[:1], *middle, epsilon * U[:, :1]], []
    for k in (1, 2):
        for _ in range(steps):
            G, slopes = gradient(end_to_end(layers), observed, weights), []
            for i in range(depth):
                above = np.eye(len(observed)) if i == depth - 1 else end_to_end(layers[i + 1 :])
                below = np.eye(observed.shape[1]) if i == 0 else end_to_end(layers[:i])
                slopes.append(above.T @ G @ below.T)
            layers = [w - eta * g for w, g in zip(layers, slopes, strict=True)]
        ends.append(layers)
        U, _, Vt = np.linalg.svd(gradient(end_to_end(layers), observed, weights))
        middle = [
            np.block([[w, np.zeros((k, 1))], [np.zeros((1, k)), np.full((1, 1), epsilon)]])
            for w in layers[1:-1]
        ]
        layers = [
            np.vstack([layers[0], -epsilon * Vt[:1]]),
            *middle,
            np.hstack([layers[-1], epsilon * U[:, :1]]),
        ]
    return ends


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_fixed_number_of_steps_against_a_plain_loop(depth):
    observed, weights = seen(7)
    steps = 400
    found = greedy_low_rank(
        *(observed, weights, depth),
        **dict(epsilon=0.3, learning_rate=0.3, steps=steps, margin=50, max_width=2),
    )
    assert not found.converged
    ends = plain_loop(observed, weights, depth, 0.3, 0.3, steps)
    for stage, end in zip(found.stages, ends, strict=True):
        assert stage.n_steps == steps >= stage.needed
        # The neurons' signs are open; the matrix and the balance are not.
        np.testing.assert_allclose(end_to_end(stage.layers), end_to_end(end), atol=1e-9)
        assert imbalance(stage.layers) == pytest.approx(float(imbalance(end)), abs=1e-9)


def test_a_neuron_starts_at_epsilon_along_the_top_triple():
    observed, weights = completion(2)
    found = greedy_low_rank(
        observed, weights, 4, epsilon=0.1, learning_rate=0.2, max_width=2, tolerance=1e-3
    )
    before = np.zeros((10, 10))
    for stage in found.stages:
        U, s, Vt = np.linalg.svd(gradient(before, observed, weights))
        assert stage.singular_value == pytest.approx(s[0], rel=1e-12)
        start = before - 0.1**4 * np.outer(U[:, 0], Vt[0])
        np.testing.assert_allclose(stage.paths.maps[0, 0], start, atol=1e-14)
        before = end_to_end(stage.layers)
    first = found.stages[0].layers
    assert first[3][np.abs(first[3]).argmax(), 0] > 0


@pytest.mark.parametrize("depth", [2, 4])
def test_neurons_are_appended_to_copies(depth):
    G = np.random.default_rng(depth).standard_normal((3, 5))
    s, u, v = top_triple(G)
    np.testing.assert_allclose(G @ v, s * u, atol=1e-14)
    assert s == pytest.approx(np.linalg.norm(G, 2), rel=1e-14)
    assert u[np.abs(u).argmax()] > 0
    np.testing.assert_array_equal(end_to_end(no_neurons(3, 5, depth)), np.zeros((3, 5)))
    one = append_neuron(no_neurons(3, 5, depth), 0.5, u, v)
    before = [w.copy() for w in one]
    two = append_neuron(one, 0.2, u, v)
    assert [w.shape for w in two] == [(2, 5), *[(2, 2)] * (depth - 2), (3, 2)]
    expected = -(0.5**depth + 0.2**depth) * np.outer(u, v)
    np.testing.assert_allclose(end_to_end(two), expected, atol=1e-15)
    for after, w in zip(one, before, strict=True):
        np.testing.assert_array_equal(after, w)


def run(steps: int | None, **changed: float) -> GreedyPaths:
    observed, weights = seen(1)
    settings = {"epsilon": 0.2, "learning_rate": 0.3, **changed}
    return greedy_low_rank(observed, weights, 3, steps=steps, **settings)


def test_too_few_steps_are_refused_with_the_stage_and_the_number():
    stages = run(None, margin=30, max_width=2).stages
    first, second = (stage.needed for stage in stages)
    assert first < second
    for stage in stages:
        assert stage.needed == 30 + needed_steps(stage.singular_value, 0.2, 0.3, 3)
    for steps, stage, needed in ((first - 1, 1, first), (second - 1, 2, second)):
        message = f"steps = {steps}: must be at least {needed} in stage {stage}, whose gradient"
        with pytest.raises(ValueError, match=message):
            run(steps, margin=30, max_width=2)
    with pytest.raises(ValueError, match=f"most_steps = 40: must be at least {first} in stage 1"):
        run(None, margin=30, most_steps=40)
    assert len(run(second, margin=30, max_width=2).stages) == 2
    cut = run(None, margin=30, most_steps=second - 1)  # the data's fault, not the caller's
    assert len(cut.stages) == 1
    assert not cut.converged


@pytest.mark.parametrize("name", ["epsilon", "learning_rate", "tolerance"])
def test_numbers_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name} = 0.0: must be finite and > 0"):
        run(None, **{name: 0.0})


def test_one_layer_is_refused():
    with pytest.raises(ValueError, match="depth = 1: must be at least 2"):
        greedy_low_rank(*seen(0), 1, epsilon=0.1, learning_rate=0.2)


def test_nothing_to_do():
    found = greedy_low_rank(np.zeros((3, 4)), np.ones((3, 4)), 3, epsilon=0.1, learning_rate=0.2)
    assert found == GreedyPaths((), True)


def test_divergence_ends_the_algorithm():
    found = run(None, learning_rate=30.0)
    assert not found.converged
    assert len(found.stages) == 1
    assert found.stages[0].paths.diverged.all()
