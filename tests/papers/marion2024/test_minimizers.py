"""Random minimizers: their map is w*, and Theorem 1 bounds their sharpness from below only."""

from __future__ import annotations

import numpy as np
import pytest

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.marion2024 import data
from spectral_atlas.papers.marion2024.config import Minimizers, RegressionData
from spectral_atlas.papers.marion2024.minimizers import minimizers, random_minimizers
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.papers.marion2024.theory import lower_bound
from spectral_atlas.spectra import sharpness_at_minimizer
from spectral_atlas.stage import Job

JOB = Job(seed=5)


def product(layers: list[np.ndarray]) -> np.ndarray:
    row = layers[-1]
    for layer in layers[-2::-1]:
        row = row @ layer
    return row[0]


def setting(seed: int, d: int, norm: float) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((3 * d, d))
    w = rng.standard_normal(d)
    return rng, X.T @ X / len(X), norm * w / np.linalg.norm(w)


def one(rng: np.random.Generator, w_star: np.ndarray, depth: int, spread: float) -> list:
    return [layer[0] for layer in random_minimizers(rng, w_star, depth, spread, 1)]


def sharpness(layers: list[np.ndarray], Sigma: np.ndarray) -> float:
    arch = DeepLinear.plain(len(Sigma), len(layers))
    return float(sharpness_at_minimizer(arch, arch.flatten(layers)[None], Sigma)[0])


@pytest.mark.parametrize("norm", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("depth", [2, 3, 10, 40])
def test_map_and_lower_bound(depth, spread, norm):
    rng, Sigma, w_star = setting(depth, 4, norm)
    a = w_star @ Sigma @ w_star / norm**2
    stacks = random_minimizers(rng, w_star, depth, spread, 10)
    for member in range(10):
        layers = [stack[member] for stack in stacks]
        assert [layer.shape for layer in layers] == [(4, 4)] * (depth - 1) + [(1, 4)]
        np.testing.assert_allclose(product(layers), w_star, rtol=1e-6, atol=1e-9 * norm)
        assert sharpness(layers, Sigma) >= lower_bound(depth, a, norm) * (1 - 1e-6)


def test_no_spread_means_orthogonal_layers():
    rng, Sigma, w_star = setting(1, 4, 2.0)
    layers = one(rng, w_star, 5, 0.0)
    share = 2.0**0.2
    for layer in layers[:-1]:
        np.testing.assert_allclose(layer @ layer.T, share**2 * np.eye(4), atol=1e-12)
    expected = 2 * 5 * share**8 * np.linalg.eigvalsh(Sigma)[-1]
    assert sharpness(layers, Sigma) == pytest.approx(expected, rel=1e-10)


def test_rescaling_two_layers_keeps_the_map_and_not_the_sharpness():
    rng, Sigma, w_star = setting(2, 3, 1.0)
    layers = one(rng, w_star, 4, 0.3)
    found = []
    for t in (1.0, 1e2, 1e4):
        scaled = [t * layers[0], layers[1], layers[2] / t, layers[3]]
        np.testing.assert_allclose(product(scaled), w_star, rtol=1e-9)
        found.append(sharpness(scaled, Sigma))
    assert found[1] > 1e3 * found[0]
    assert found[2] / found[1] == pytest.approx(1e4, rel=1e-2)


def test_stage_holds_every_member_once_and_repeats_itself():
    sets = data.regression(RegressionData(n=20, d=3, draws=2), {}, JOB)
    config = Minimizers(depths=[2, 4], samples=3, spreads=[0.0, 0.5])
    runs = minimizers(config, {"data/linear": sets}, JOB)
    assert runs["theta"].shape == (1, 2 * 2 * 2 * 3, DeepLinear.plain(3, 4).n_params)
    assert runs.equals(minimizers(config, {"data/linear": sets}, JOB))
    firsts = set()
    for i in range(runs.sizes["run"]):
        run = runs.isel(run=i, checkpoint=0)
        arch = DeepLinear.plain(3, int(run["depth"]))
        theta = run["theta"].values
        w_star = Problem.load(sets, int(run["problem"])).w_star
        layers = arch.unflatten(theta[: arch.n_params])
        np.testing.assert_allclose(product(layers), w_star, rtol=1e-8, atol=1e-12)
        assert np.isnan(theta[arch.n_params :]).all()
        firsts.add(float(theta[0]))
    assert len(firsts) == runs.sizes["run"]
