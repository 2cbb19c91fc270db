"""The stage functions: who is trained, from where, and what is written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from spectral_atlas.papers.marion2024 import (
    alignment,
    data,
    gelu,
    gelu_spectra,
    linear_spectra,
    ratio,
    sweeps,
)
from spectral_atlas.papers.marion2024.config import (
    Alignment,
    AlignmentEnsemble,
    Block,
    DepthSweep,
    Evolution,
    Grid,
    Ratio,
    RatioArm,
    RatioData,
    RegressionData,
    Spectra,
    Sweep,
)
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.papers.marion2024.theory import lower_bound
from spectral_atlas.stage import Job

JOB = Job(seed=77)


@pytest.fixture(scope="module")
def linear() -> xr.Dataset:
    return data.regression(RegressionData(n=20, d=3, draws=2), {}, JOB)


def sweep(count: int = 2, **changes: float) -> Sweep:
    blocks = [
        Block(learning_rate=0.02, steps=50, repeats=3),
        Block(learning_rate=0.5, steps=80, repeats=2),
    ]
    return Sweep(depth=4, scales=Grid(start=0.3, stop=1.5, count=count), blocks=blocks, **changes)


def dense_sharpness(theta: np.ndarray, depth: int, problem: Problem, p: np.ndarray | None) -> float:
    """Largest Hessian eigenvalue of (1/n) |y - X w|^2 by automatic differentiation."""
    d = problem.d
    X, y = torch.tensor(problem.X), torch.tensor(problem.y)

    def risk(flat: torch.Tensor) -> torch.Tensor:
        row = torch.ones(1, 1, dtype=torch.float64) if p is None else torch.tensor(p)[None]
        rows = [1 if p is None and k == depth - 1 else d for k in range(depth)]
        stops = np.cumsum([r * d for r in rows])
        for k in reversed(range(depth)):
            row = row @ flat[stops[k] - rows[k] * d : stops[k]].reshape(rows[k], d)
        return ((y - X @ row[0]) ** 2).mean()

    H = torch.func.hessian(risk)(torch.tensor(theta[: stops_of(depth, d, p)]))
    return float(torch.linalg.eigvalsh(H)[-1])


def stops_of(depth: int, d: int, p: np.ndarray | None) -> int:
    return depth * d * d if p is not None else (depth - 1) * d * d + d


def test_members_of_one_seed_start_alike_at_every_learning_rate(linear: xr.Dataset) -> None:
    runs = sweeps.gaussian(sweep(), {"data/linear": linear}, JOB)
    start = runs["theta"].sel(checkpoint="initial")
    for scale in np.unique(runs["scale"]):
        one = (runs["scale"] == scale) & (runs["seed"] == 1) & (runs["problem"] == 1)
        assert int(one.sum()) == 2
        a, b = start.values[one.values]
        np.testing.assert_array_equal(a, b)
    first = start.values[(runs["seed"] == 0).values & (runs["problem"] == 0).values]
    assert len(np.unique(first, axis=0)) == 2, "scales differ"


def test_a_longer_sweep_contains_the_shorter_one(linear: xr.Dataset) -> None:
    inputs = {"data/linear": linear}
    short = sweeps.gaussian(sweep(), inputs, JOB)
    blocks = [Block(learning_rate=0.02, steps=50, repeats=5)]
    long = sweeps.gaussian(sweep().model_copy(update={"blocks": blocks}), inputs, JOB)
    mine = long.isel(run=(long["seed"] < 3).values)
    same = short.isel(run=(short["learning_rate"] == 0.02).values)
    np.testing.assert_array_equal(mine["theta"], same["theta"])


def test_another_root_seed_gives_other_runs_on_other_fresh_data() -> None:
    config = RegressionData(n=20, d=3, draws=2)
    a, b = (data.regression(config, {}, Job(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(a["X"][0], b["X"][0])  # the published data set
    assert not np.allclose(a["X"][1], b["X"][1])


def test_diverged_runs_are_kept_and_named(linear: xr.Dataset) -> None:
    runs = sweeps.gaussian(sweep(), {"data/linear": linear}, JOB)
    names = runs["outcome"].attrs["flag_meanings"].split()
    lost = runs["outcome"].values == names.index("diverged")
    assert lost.any()
    assert not lost.all()
    np.testing.assert_array_equal(lost, runs["diverged_at"].values >= 0)
    assert np.isnan(runs["squared_distance"].sel(checkpoint="final").values[lost]).all()
    assert np.isfinite(runs["squared_distance"].sel(checkpoint="final").values[~lost]).all()


@pytest.mark.parametrize("kind", ["gaussian", "residual"])
def test_spectra_are_those_of_dense_hessians(linear: xr.Dataset, kind: str) -> None:
    inputs = {"data/linear": linear}
    runs = getattr(sweeps, kind)(sweep(), inputs, JOB)
    spectra = linear_spectra.extremes(Spectra(), {**inputs, "runs/x": runs}, JOB)
    checked = 0
    for run in range(0, runs.sizes["run"], 5):
        for c in range(2):
            theta = runs["theta"].values[c, run]
            if not np.isfinite(theta).all():
                assert np.isnan(spectra["lambda_max"].values[c, run])
                assert spectra["certified"].values[c, run] == 0
                continue
            problem = Problem.load(linear, int(runs["problem"][run]))
            p = runs["readout"].values[run] if kind == "residual" else None
            wanted = dense_sharpness(theta, 4, problem, p)
            np.testing.assert_allclose(spectra["lambda_max"].values[c, run], wanted, rtol=1e-9)
            checked += 1
    assert checked > 4


def test_the_published_residual_run_without_noise_is_reproduced() -> None:
    """At s = 0 the published run has no randomness but data and readout; exact values from it."""
    config = RegressionData(n=50, d=5, draws=1)
    inputs = {"data/linear": data.regression(config, {}, JOB)}
    rates = {0.005: 27.078, 0.02: 26.490, 0.07: 24.160}
    blocks = [Block(learning_rate=eta, steps=4000, repeats=1) for eta in rates]
    runs = sweeps.residual(
        Sweep(depth=10, scales=Grid(start=0, stop=1, count=1), blocks=blocks), inputs, JOB
    )
    spectra = linear_spectra.extremes(Spectra(), {**inputs, "runs/x": runs}, JOB)
    np.testing.assert_allclose(spectra["lambda_max"].values[0], 45.00, atol=0.01)
    np.testing.assert_allclose(spectra["lambda_max"].values[1], [*rates.values()], atol=0.001)


def test_evolution_records_from_the_first_to_the_last_step(linear: xr.Dataset) -> None:
    config = Evolution(depth=3, steps=23, record_every=5, repeats=2)
    runs = sweeps.evolution(config, {"data/linear": linear}, JOB)
    assert runs["checkpoint"].values.tolist() == [0, 5, 10, 15, 20, 23]
    assert set(runs["initialization"].values) == {"gaussian", "residual"}
    assert runs.sizes["run"] == 2 * 2 * 2


def test_depths_of_one_sweep_are_padded_and_measured_apart(linear: xr.Dataset) -> None:
    grid = Grid(start=0.01, stop=0.02, count=2)
    config = DepthSweep(depths=[2, 5], learning_rates=grid, steps=10, repeats=1)
    inputs = {"data/linear": linear}
    runs = sweeps.depths(config, inputs, JOB)
    spectra = linear_spectra.extremes(Spectra(), {**inputs, "runs/x": runs}, JOB)
    for run in range(runs.sizes["run"]):
        depth = int(runs["depth"][run])
        assert int(np.isfinite(runs["theta"].values[1, run]).sum()) == depth * 9
        problem = Problem.load(linear, int(runs["problem"][run]))
        theta, p = runs["theta"].values[1, run], runs["readout"].values[run]
        wanted = dense_sharpness(theta, depth, problem, p)
        np.testing.assert_allclose(spectra["lambda_max"].values[1, run], wanted, rtol=1e-9)


def test_ratio_problems_have_the_spectra_they_ask_for() -> None:
    config = RatioData(n=40, condition_numbers=[1, 30], dimensions=[2, 7], draws=2)
    problems = data.ratio(config, {}, JOB)
    pairs = zip(problems["d"].values, problems["condition_number"].values, strict=True)
    found = {(int(d), round(float(kappa), 6)) for d, kappa in pairs}
    assert found == {(5, 1.0), (5, 30.0), (2, 3.0), (7, 3.0), (5, 3.0)}
    assert int(problems["base"].sum()) == 2
    for i in range(problems.sizes["problem"]):
        assert np.linalg.norm(Problem.load(problems, i).w_star) == pytest.approx(1)


def test_ratio_runs_converge_above_the_lower_bound() -> None:
    problems = data.ratio(RatioData(n=40, condition_numbers=[4], dimensions=[3], draws=1), {}, JOB)
    arms = {"depths": [3], "depth": 3, "steps": 20000}
    config = Ratio(
        gaussian=RatioArm(scale=0.1, **arms), residual=RatioArm(scale=0.25, **arms), repeats=2
    )
    inputs = {"data/ratio": problems}
    runs = ratio.ratio(config, inputs, JOB)
    spectra = linear_spectra.extremes(Spectra(), {**inputs, "runs/ratio": runs}, JOB)
    assert (runs["outcome"].values == 0).all()
    for run in range(runs.sizes["run"]):
        problem = Problem.load(problems, int(runs["problem"][run]))
        assert float(spectra["lambda_max"][1, run]) >= lower_bound(3, problem.a)


def test_structure_agrees_with_the_closed_form_where_training_has_converged() -> None:
    linear = data.regression(RegressionData(draws=1), {}, JOB)
    grid = Grid(start=0.05, stop=0.3, count=2)
    ensemble = AlignmentEnsemble(depth=3, scales=grid, steps=20000)
    runs = alignment.alignment(Alignment(ensembles=[ensemble], repeats=2), {"d": linear}, JOB)
    inputs = {"data/linear": linear, "runs/alignment": runs}
    spectra = linear_spectra.structure(Spectra(), inputs, JOB).sel(checkpoint="final")
    assert (runs["outcome"].values == 0).all()
    np.testing.assert_allclose(spectra["closed_form"], spectra["lambda_max"], rtol=1e-4)
    small = spectra["scale"].values < 0.1
    assert (
        spectra["rank_one_mass"].values[small].max() < spectra["rank_one_mass"].values[~small].min()
    )


def test_gelu_runs_and_spectra() -> None:
    noiseless = data.regression(RegressionData(n=20, d=3, noise=0, draws=1), {}, JOB)
    config = sweep(count=1).model_copy(update={"scales": Grid(start=0.6, stop=1, count=1)})
    runs = gelu.gelu_sweep(config, {"data/noiseless": noiseless}, JOB)
    inputs = {"data/noiseless": noiseless, "runs/gelu_sweep": runs}
    spectra = gelu_spectra.extremes(Spectra(), inputs, JOB)
    problem = Problem.load(noiseless, 0)
    X, y = torch.tensor(problem.X), torch.tensor(problem.y)

    def risk(flat: torch.Tensor) -> torch.Tensor:
        h = X.T
        for k in range(3):
            h = torch.nn.functional.gelu(
                flat[9 * k : 9 * k + 9].reshape(3, 3) @ h, approximate="tanh"
            )
        return ((y - (flat[27:][None] @ h)[0]) ** 2).mean()

    for c, run in ((0, 0), (1, 0)):
        H = torch.func.hessian(risk)(torch.tensor(runs["theta"].values[c, run]))
        values = torch.linalg.eigvalsh(H).numpy()
        np.testing.assert_allclose(spectra["lambda_max"].values[c, run], values[-1], rtol=1e-8)
        np.testing.assert_allclose(spectra["lambda_min"].values[c, run], values[0], rtol=1e-6)
    np.testing.assert_allclose(
        runs["risk"].values[1, 0], float(risk(torch.tensor(runs["theta"].values[1, 0]))), rtol=1e-12
    )
