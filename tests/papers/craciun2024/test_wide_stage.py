"""Descents of wide networks: against descent written out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.craciun2024.sections import Wide
from spectral_atlas.papers.craciun2024.wide import WideProblem, checkpoints, wide
from spectral_atlas.stage import Job

Array = np.ndarray
JOB = Job(seed=5)
CONFIG = Wide(
    widths=[3, 7, 6, 2],
    singular_values=[1.5, 0.7],
    initialization_seeds=[4, 1],
    scales=[1, 0.5, 0.6],
    share=0.9,
    steps=300,
    checkpoints=20,
)


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return wide(CONFIG, {}, JOB)


def written_out(config: Wide, seed: int, eta: float, steps: int) -> tuple[Array, Array]:
    """Loss and |gradient| before every update, and after the last."""
    task = WideProblem.of(config.widths, config.singular_values, config.scales)
    W = [layer.copy() for layer in task.arch.unflatten(task.start(JOB.seed, seed))]
    target = np.array([[1.5, 0, 0], [0, 0.7, 0]])
    losses, norms = [], []
    for _ in range(steps + 1):
        E = W[2] @ W[1] @ W[0] - target
        slopes = [
            2 * (W[2] @ W[1]).T @ E,
            2 * W[2].T @ E @ W[0].T,
            2 * E @ (W[1] @ W[0]).T,
        ]
        losses.append((E**2).sum())
        norms.append(np.sqrt(sum((g**2).sum() for g in slopes)))
        W = [w - eta * g for w, g in zip(W, slopes, strict=True)]
    return np.array(losses), np.array(norms)


def test_losses_are_those_of_descent_written_out(found: xr.Dataset) -> None:
    eta = 0.9 / (3 * 1.5 ** (4 / 3))
    assert float(found["learning_rate"]) == pytest.approx(eta, rel=1e-14)
    assert float(found["critical_step"]) == pytest.approx(eta / 0.9, rel=1e-14)
    assert found["run"].values.tolist() == [4, 1]
    for m, seed in enumerate(CONFIG.initialization_seeds):
        loss, norm = written_out(CONFIG, seed, eta, CONFIG.steps)
        np.testing.assert_allclose(found["loss"][m], loss, rtol=1e-6, atol=1e-20)
        np.testing.assert_allclose(found["gradient_norm"][m], norm, rtol=1e-5, atol=1e-10)
        rises = (np.diff(loss) > 1e-12 * loss[:-1] + 1e-24).sum()
        assert int(found["increases"][m]) == pytest.approx(rises, abs=3)
    assert (found["diverged_at"] == -1).all()


def test_starts_have_the_scales_of_the_layers_and_seeds_of_their_own() -> None:
    task = WideProblem.of([40, 90, 120, 30], [1.0], [1.2, 0.6, 0.3])
    layers = task.arch.unflatten(task.start(5, 0))
    for W, scale in zip(layers, (1.2, 0.6, 0.3), strict=True):
        assert W.std() * W.shape[1] ** 0.5 == pytest.approx(scale, rel=0.05)
        assert abs(W.mean()) < 4 * W.std() / W.size**0.5
    assert task.target.shape == (30, 40)
    assert (task.target.sum(), task.target[0, 0]) == (1.0, 1.0)
    for root, seed in ((5, 1), (6, 0)):
        assert not np.isclose(task.start(root, seed), task.start(5, 0)).any()
    np.testing.assert_array_equal(task.start(5, 0), task.start(5, 0))


def test_a_run_is_the_same_bits_in_any_company(found: xr.Dataset) -> None:
    alone = wide(CONFIG.model_copy(update={"initialization_seeds": [1]}), {}, JOB)
    np.testing.assert_array_equal(alone["loss"][0], found["loss"][1])


def test_what_diverges_is_kept_and_named() -> None:
    config = CONFIG.model_copy(update={"scales": [4.0, 4.0, 4.0], "share": 1.9})
    found = wide(config, {}, JOB)
    for m in range(2):
        at = int(found["diverged_at"][m])
        assert 0 < at <= config.steps
        assert np.isnan(found["loss"].values[m, at:]).all()
        assert not np.isnan(found["loss"].values[m, :at]).any()


def test_checkpoints_are_log_spaced_with_both_ends() -> None:
    steps = checkpoints(12000, 45)
    assert (steps[0], steps[1], steps[-1]) == (0, 1, 12000)
    assert (np.diff(steps) > 0).all()
    late = steps[steps > 200]
    np.testing.assert_allclose(np.diff(np.log(late)), np.log(12000) / 44, rtol=0.03)
    assert checkpoints(10, 5000).tolist() == list(range(11))
