"""Lanczos along a descent that is run again: against dense Hessians."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.craciun2024 import wide_spectra as module
from spectral_atlas.papers.craciun2024.sections import Wide
from spectral_atlas.papers.craciun2024.spectra_sections import WideSpectra
from spectral_atlas.papers.craciun2024.wide import WideProblem, wide
from spectral_atlas.papers.craciun2024.wide_spectra import replay, wide_spectra
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian
from spectral_atlas.stage import Job
from spectral_atlas.training.linear_map_descent import train_linear_maps

Array = np.ndarray
JOB = Job(seed=5)
CONFIG = Wide(
    widths=[4, 12, 12, 12, 3],  # 372 weights: Lanczos, not LAPACK
    singular_values=[2, 1.5, 0.8],
    initialization_seeds=[0, 3],
    scales=[0.9, 0.5, 0.5, 0.5],
    share=0.9,
    steps=800,
    checkpoints=16,
)
TASK = WideProblem.of(CONFIG.widths, CONFIG.singular_values, CONFIG.scales)


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    return wide(CONFIG, {}, JOB)


@pytest.fixture(scope="module")
def found(runs: xr.Dataset) -> xr.Dataset:
    return wide_spectra(WideSpectra(values=3, tolerance=1e-7), {"runs/wide": runs}, JOB)


def parameters(runs: xr.Dataset, seed: int) -> Array:
    """At all checkpoints, from one descent."""
    eta, steps = float(runs["learning_rate"]), runs["checkpoint_step"].values
    theta0 = TASK.start(JOB.seed, seed)[None]
    return train_linear_maps(
        TASK.arch, theta0, eta, CONFIG.steps, TASK.target, TASK.weights, keep_at=steps
    ).kept[0]


def test_both_ends_are_within_their_bounds_of_the_dense_spectrum(
    runs: xr.Dataset, found: xr.Dataset
) -> None:
    assert found["converged"].values.all()
    for m, seed in enumerate(CONFIG.initialization_seeds):
        theta = parameters(runs, seed)
        H = linear_map_hessian(TASK.arch, theta, TASK.target, TASK.weights).dense()
        exact = np.linalg.eigvalsh(H)
        error = np.abs(found["eigenvalues"].values[m] - exact[:, :-4:-1])
        assert (error <= found["bound"].values[m]).all()
        low = np.abs(found["smallest"].values[m] - exact[:, 0])
        assert (low <= found["smallest_bound"].values[m]).all()
        ratio = exact[:, -1] * float(runs["learning_rate"]) / 2
        np.testing.assert_allclose(found["ratio"][m], ratio, rtol=1e-6)
    scale = found["eigenvalues"].values.max()
    assert (found["bound"].values <= 1.01e-7 * scale).all()
    assert (found["smallest_bound"].values <= 1.01e-4 * 1.1 * scale).all()
    assert (found["products"].values > 0).all()
    assert (found["smallest_products"].values > 0).all()


def test_descents_that_are_run_again_in_pieces_are_the_same_to_the_bit(
    runs: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, eta = runs["checkpoint_step"].values, float(runs["learning_rate"])
    start = TASK.start(JOB.seed, 3)
    whole = parameters(runs, 3)
    for held in (1, 5 * len(start), 10**9):
        monkeypatch.setattr(module, "HELD", held)
        np.testing.assert_array_equal(list(replay(TASK, start, eta, steps)), whole)


def test_what_is_measured_has_the_losses_of_the_runs(runs: xr.Dataset, found: xr.Dataset) -> None:
    steps = runs["checkpoint_step"].values
    theta = parameters(runs, 3)
    A = [np.linalg.multi_dot(TASK.arch.unflatten(w)[::-1]) for w in theta]
    loss = ((np.array(A) - TASK.target) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(found["loss"][1], loss, rtol=1e-9, atol=1e-25)
    recorded = runs["loss"].values[:, steps]
    np.testing.assert_allclose(found["loss"], recorded, rtol=1e-9, atol=1e-25)


def test_small_networks_are_solved_from_their_matrix(runs: xr.Dataset) -> None:
    config = CONFIG.model_copy(update={"widths": [2, 3, 3, 3, 2], "singular_values": [1.0]})
    small = wide(config, {}, JOB)
    found = wide_spectra(WideSpectra(values=50), {"runs/wide": small}, JOB)
    assert found.sizes["value"] == 30, "all there are"
    assert (found["products"] == 0).all()
    np.testing.assert_allclose(found["eigenvalues"][..., -1], found["smallest"], atol=1e-12)


def test_a_run_that_diverges_has_no_spectrum_behind_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = CONFIG.model_copy(update={"scales": [3.0, 3.0, 3.0, 3.0], "steps": 50})
    runs = wide(config, {}, JOB)
    monkeypatch.setattr(module, "HELD", 1)
    found = wide_spectra(WideSpectra(), {"runs/wide": runs}, JOB)
    for m in range(2):
        behind = runs["checkpoint_step"].values >= int(runs["diverged_at"][m])
        assert behind.any()
        assert np.isnan(found["eigenvalues"].values[m, behind]).all()
        assert not found["converged"].values[m, behind].any()
        assert (found["products"].values[m, behind] == 0).all()
        assert np.isfinite(found["eigenvalues"].values[m, 0]).all()


def test_a_run_has_the_same_bits_again_and_in_any_company(
    runs: xr.Dataset, found: xr.Dataset
) -> None:
    one = runs.isel(run=[1])
    again = wide_spectra(WideSpectra(values=3, tolerance=1e-7), {"runs/wide": one}, JOB)
    xr.testing.assert_identical(again, found.isel(run=[1]))
