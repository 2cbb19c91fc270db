"""Claims: each can hold and can fail, says why it is not measured, and is shown by a figure."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spectral_atlas
from spectral_atlas.claims import as_rows
from spectral_atlas.papers.marion2024 import data as data_stage
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims import CHECKS, evaluate, published
from spectral_atlas.papers.marion2024.claims.closed_form import balanced_rank_one
from spectral_atlas.papers.marion2024.claims.study import Study
from spectral_atlas.papers.marion2024.config import RegressionData
from spectral_atlas.papers.marion2024.experiments import PAPER
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.stage import Job

DEFAULTS = {
    "problem": 0, "initialization": "gaussian", "depth": 10, "scale": 0.25, "learning_rate": 0.02,
    "steps": 10_000, "seed": 0, "d": 5,
}  # fmt: skip


def linear(draws=2, is_published=True):
    config = RegressionData(n=50, d=5, noise=1.0, published=is_published, draws=draws)
    return data_stage.regression(config, {}, Job(seed=1))


def experiment(data, name, rows, readout=None):
    """Runs and spectra files from dicts; S, start, excess (relative), distance (relative), lost."""
    problems = [Problem.load(data, i) for i in range(data.sizes["problem"])]
    full = [
        {
            **DEFAULTS,
            "S": 20.0,
            "start": 1.0,
            "excess": 0.0,
            "distance": 0.0,
            "lost": False,
            "below": 1e-6,
            **row,
        }
        for row in rows
    ]

    def column(key):
        return np.array([row[key] for row in full])

    def both(first, last):
        lost = np.where(column("lost"), np.nan, 1.0)
        return (("checkpoint", "run"), np.stack([first, last * lost]))

    zero = np.array([problems[row["problem"]].zero_map_excess for row in full])
    coords = {key: ("run", column(key)) for key in DEFAULTS}
    coords["checkpoint"] = ["initial", "final"]
    outcome = np.where(column("lost"), 3, np.where(column("excess") <= column("below"), 0, 1))
    theta = np.array([row.get("theta", np.ones((2, 5))) for row in full])
    runs = xr.Dataset(
        {
            "theta": (("checkpoint", "run", "param"), np.moveaxis(theta, 1, 0)),
            "diverged_at": ("run", np.where(column("lost"), 7, -1)),
            "excess_risk": both(zero, column("excess") * zero),
            "squared_distance": both(np.ones(len(full)), column("distance")),
            "test_risk": both(np.ones(len(full)), np.ones(len(full))),
            "outcome": (
                "run",
                outcome,
                {"flag_meanings": "converged unconverged collapsed diverged"},
            ),
        },
        coords=coords,
    )
    if readout is not None:
        runs["readout"] = (("run", "feature"), np.tile(readout, (len(full), 1)))
    spectra = xr.Dataset(
        {
            "lambda_max": both(column("start"), column("S")),
            "lambda_min": both(-column("start"), 0 * column("S")),
            "power_estimate": both(column("start"), column("S")),
            "certified": (("checkpoint", "run"), np.ones((2, len(full)), dtype=np.int8)),
        },
        coords=runs.coords,
    )
    return {f"runs/{name}": runs, f"spectra/{name}": spectra}


def claim(id, *parts):
    inputs = {ref: ds for part in parts for ref, ds in part.items()}
    (wanted,) = (check for check in CHECKS if check.id == id)
    return wanted(Study(inputs))


def rate(problem, relative, depth=10):
    """The learning rate that is ``relative`` times eta*."""
    return relative * theory.critical_learning_rate(depth, problem.a)


DATA = linear()
HERE = {"data/linear": DATA}
PROBLEM = Problem.load(DATA, 0)
LEAST = theory.lower_bound(10, PROBLEM.a)


def test_without_inputs_nothing_is_measured_and_each_claim_says_why():
    found = evaluate({})
    assert {c.verdict for c in found} == {"not measured"}
    assert all(c.detail for c in found)


def test_ids_are_unique_and_rows_are_json():
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    assert len(as_rows("marion2024", evaluate({}))) == len(ids)


def test_all_numbered_claims_are_there():
    numbers = {int("".join(filter(str.isdigit, c.id))) for c in CHECKS if c.id.startswith("T")}
    assert numbers == set(range(1, 18))


def test_figures_and_claims_name_each_other():
    figures = {figure.id: figure for figure in PAPER.figures}
    ids = {check.id for check in CHECKS}
    for check in CHECKS:
        if check.figure:
            assert check.id in figures[check.figure].claims
    for figure in figures.values():
        assert set(figure.claims) <= ids
        assert figure.claims, figure.id


def test_every_claim_names_regime_tolerance_and_evidence():
    for check in CHECKS:
        assert check.statement.endswith(".")
        assert check.expected
        assert check.tolerance
        assert check.evidence
        assert check.low <= check.high


def test_evaluating_loads_no_torch_and_no_numba():
    code = (
        "import sys, spectral_atlas.papers.marion2024.claims as c; c.evaluate({});"
        "print(*sorted({'torch', 'numba', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(spectral_atlas.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.split() == []


# ----------------------------------------------------------- claims that hold and that fail


@pytest.mark.parametrize(("factor", "verdict"), [(1.0001, "holds"), (0.99, "fails")])
@pytest.mark.parametrize("id", ["T1c"])
def test_lower_bound(id, factor, verdict):
    assert (
        claim(id, HERE, experiment(DATA, "mlp_sweep", [{"S": factor * LEAST}])).verdict == verdict
    )


def test_lower_bound_ignores_runs_on_their_way():
    runs = experiment(DATA, "mlp_sweep", [{"S": 0.5 * LEAST, "excess": 0.1}])
    assert claim("T1c", HERE, runs).verdict == "not measured"


@pytest.mark.parametrize(("excess", "verdict"), [(0.5, "holds"), (1e-20, "fails"), (1e-7, "holds")])
def test_no_learning_above_the_critical_rate(excess, verdict):
    runs = experiment(
        DATA, "depth_sweep", [{"learning_rate": rate(PROBLEM, 1.2), "excess": excess}]
    )
    assert claim("T11a", HERE, runs).verdict == verdict


def depth_runs(threshold):
    """Residual runs that learn below ``threshold`` times eta* and stop at 0.05 above it."""
    rows = []
    for relative in np.geomspace(0.4, 2.4, 12):
        good = relative < threshold
        rows += [
            {"initialization": "residual", "learning_rate": rate(PROBLEM, relative), "seed": k,
             "steps": 1000, "excess": 1e-12 if good else 0.05, "distance": 1e-12 if good else 0.05}
            for k in range(12)
        ]  # fmt: skip
    return experiment(DATA, "depth_sweep", rows)


@pytest.mark.parametrize(("threshold", "verdict"), [(1.0, "holds"), (0.6, "fails"), (1.9, "fails")])
def test_threshold_lies_at_the_critical_rate(threshold, verdict):
    assert claim("T11d", HERE, depth_runs(threshold)).verdict == verdict


def test_threshold_outside_the_grid_is_not_measured():
    assert claim("T11d", HERE, depth_runs(9.0)).verdict == "not measured"


def test_success_below_and_failure_above_the_threshold():
    assert claim("T11b", HERE, depth_runs(1.0)).verdict == "holds"
    assert claim("T11b", HERE, depth_runs(0.6)).verdict == "fails"
    assert claim("T11c", HERE, depth_runs(1.0)).verdict == "holds"
    assert claim("T11c", HERE, depth_runs(1.9)).verdict == "fails"


@pytest.mark.parametrize(("edge", "verdict"), [(0.9, "holds"), (1.2, "fails")])
def test_rest_only_below_the_edge(edge, verdict):
    runs = experiment(DATA, "mlp_sweep", [{"S": edge * 2 / 0.02}])
    assert claim("T12a", HERE, runs).verdict == verdict


@pytest.mark.parametrize(("sharpness", "verdict"), [(20.0, "holds"), (500.0, "fails")])
@pytest.mark.parametrize("id", ["T8a", "T8b"])
def test_small_scale_bounds(id, sharpness, verdict):
    runs = experiment(DATA, "mlp_sweep", [{"S": sharpness}])
    assert claim(id, HERE, runs).verdict == verdict


def test_large_scales_do_not_count_against_the_small_scale_bound():
    runs = experiment(DATA, "mlp_sweep", [{"S": 500.0, "scale": 0.6}])
    assert claim("T8a", HERE, runs).verdict == "not measured"


@pytest.mark.parametrize(("lost", "verdict"), [(False, "holds"), (True, "fails")])
def test_residual_networks_learn_and_none_diverges(lost, verdict):
    rows = [{"initialization": "residual", "steps": 4000, "seed": k} for k in range(20)]
    rows[0]["lost"] = lost
    assert claim("T10a", HERE, experiment(DATA, "residual_sweep", rows)).verdict == verdict


def gaussian_rows(shares):
    return [
        {"scale": scale, "learning_rate": eta, "steps": published.STEPS[eta], "seed": k,
         "lost": k < round(share * 20)}
        for eta, row in shares.items()
        for scale, share in zip(published.MLP_SCALES, row, strict=True)
        for k in range(20)
    ]  # fmt: skip


def test_published_divergences_agree_with_themselves_and_not_with_others():
    same = experiment(DATA, "mlp_sweep", gaussian_rows(published.MLP_DIVERGED))
    assert claim("T14a", HERE, same).verdict == "holds"
    other = {eta: tuple(reversed(row)) for eta, row in published.MLP_DIVERGED.items()}
    wrong = experiment(DATA, "mlp_sweep", gaussian_rows(other))
    assert claim("T14a", HERE, wrong).verdict == "fails"


def test_published_numbers_are_compared_on_published_data_only():
    fresh = linear(is_published=False)
    runs = experiment(fresh, "mlp_sweep", gaussian_rows(published.MLP_DIVERGED))
    found = claim("T14a", {"data/linear": fresh}, runs)
    assert found.verdict == "not measured"
    assert "not the published data set" in found.detail


def test_other_steps_are_not_compared():
    rows = [{**row, "steps": 17} for row in gaussian_rows(published.MLP_DIVERGED)]
    assert claim("T14a", HERE, experiment(DATA, "mlp_sweep", rows)).verdict == "not measured"


def test_other_readouts_are_not_compared():
    rows = [{"initialization": "residual", "steps": 4000, "scale": 0.0, "S": 27.078,
             "learning_rate": 0.005}]  # fmt: skip
    runs = experiment(DATA, "residual_sweep", rows, readout=np.eye(5)[0])
    found = claim("T14e", HERE, runs)
    assert found.verdict == "not measured"
    assert "readout" in found.detail


@pytest.mark.parametrize(("sharper", "verdict"), [(True, "holds"), (False, "fails")])
def test_survivors_bias(sharper, verdict):
    rng = np.random.default_rng(3)
    rows = [
        {"scale": s, "seed": k, "lost": k < 5, "start": 10 + rng.random() + 3 * sharper * (k < 5)}
        for s in np.linspace(0.4, 0.6, 25)
        for k in range(20)
    ]
    assert claim("T14h", HERE, experiment(DATA, "mlp_sweep", rows)).verdict == verdict


def test_constants_of_the_published_data():
    assert claim("T17a", HERE).verdict == "holds"
    assert claim("T17a", {"data/linear": linear(is_published=False)}).verdict == "not measured"
    assert claim("T17d", HERE).verdict == "holds"


def test_uncertified_eigenvalues_are_seen():
    runs = experiment(DATA, "mlp_sweep", [{}, {}])
    assert claim("M1", HERE, runs).verdict == "holds"
    runs["spectra/mlp_sweep"]["certified"][-1, 0] = 0
    assert claim("M1", HERE, runs).verdict == "fails"


def oscillating(every, mean):
    """Trajectories of period two around ``mean`` times 2 / eta, just below eta*."""
    steps, eta = np.arange(0, 451, every), rate(PROBLEM, 0.95)
    edge = mean + 0.3 * (-1.0) ** steps
    made = experiment(DATA, "evolution", [{"learning_rate": eta, "seed": k} for k in range(3)])
    runs, spectra = (made[f"{kind}/evolution"] for kind in ("runs", "spectra"))
    shape = (len(steps), 3)
    runs = runs.isel(checkpoint=[0] + [1] * (len(steps) - 1)).assign_coords(checkpoint=steps)
    spectra = spectra.isel(checkpoint=[0] + [1] * (len(steps) - 1)).assign_coords(checkpoint=steps)
    spectra["lambda_max"] = (("checkpoint", "run"), np.broadcast_to(edge[:, None] * 2 / eta, shape))
    return {"runs/evolution": runs, "spectra/evolution": spectra}


def test_edge_of_stability_needs_odd_steps_between_records():
    assert claim("T15c", HERE, oscillating(5, 1.0)).verdict == "holds"
    assert claim("T15c", HERE, oscillating(5, 1.5)).verdict == "fails"
    aliased = claim("T15c", HERE, oscillating(10, 1.0))
    assert aliased.verdict == "not measured"
    assert "period two" in aliased.detail


# ------------------------------------------------------------------------------ as a whole


def test_a_handful_of_runs_fails_nothing():
    layers = balanced_rank_one(PROBLEM.w_star, 10)
    rows = [
        {
            "seed": k,
            "steps": 500,
            "S": theory.rank_one_limit(PROBLEM.Sigma, PROBLEM.w_star, 10),
            "theta": np.tile(np.concatenate([w.ravel() for w in layers]), (2, 1)),
        }
        for k in range(3)
    ]
    inputs = {**HERE, **experiment(DATA, "mlp_sweep", rows)}
    found = evaluate(inputs)
    assert not [c.id for c in found if c.verdict == "fails"]
    assert next(c for c in found if c.id == "T14a").measured is None


def test_sweeps_of_default_size_take_less_than_five_seconds():
    rng = np.random.default_rng(4)
    weights = 0.3 * rng.standard_normal((2, 230))
    rows = [
        {"problem": i, "scale": s, "learning_rate": eta, "seed": k, "theta": weights}
        for i in range(2)
        for s in published.MLP_SCALES
        for eta in published.STEPS
        for k in range(48)
    ]
    inputs = {**HERE, **experiment(DATA, "mlp_sweep", rows)}
    start = time.perf_counter()
    evaluate(inputs)
    assert time.perf_counter() - start < 5
