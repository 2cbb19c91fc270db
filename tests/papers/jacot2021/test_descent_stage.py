"""Descents against plain numpy, and what is read off their paths against the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_jacot import (
    JOB,
    MATRICES,
    Files,
    Layers,
    data_files,
    directly,
    flat,
    gradients,
    layers_of,
    product,
    replay,
)

from spectral_atlas.papers.jacot2021.along import along
from spectral_atlas.papers.jacot2021.descent import descend, learning_rate
from spectral_atlas.papers.jacot2021.members import Network
from spectral_atlas.papers.jacot2021.plateaus import STANDS_OUT, quietest, ranks
from spectral_atlas.papers.jacot2021.sections import Descent, Matrices
from spectral_atlas.stage import Job

ROWS, COLUMNS = MATRICES.rows, MATRICES.columns
CONFIG = Descent(
    depths=[2, 3],
    widths=[5, 7],
    gammas=["ntk", 1.3],
    targets=[3, 0],
    initialization_seeds=[0, 4],
    observed=[15, 16],
    noise=0.2,
    ridge=1e-3,
    scale=0.5,
    learning_rate=0.15,
    max_steps=58,
    stop_share=0.1,
)
ALONE = {"depth": [3], "width": [7], "gamma": [1.3], "target": [0]}
PATH = ("map", "train_cost", "gradient_norm", "squared_norm")


@pytest.fixture(scope="module")
def files() -> Files:
    found = data_files()
    return found | {"runs/tiny": descend(CONFIG, found, JOB)}


def start_of(run: xr.Dataset) -> Layers:
    L, w = int(run["depth"]), int(run["width"])
    network = Network(L, w, float(run["gamma"]), int(run["initialization"]))
    theta = network.start(JOB.seed, network.architecture(ROWS, COLUMNS))
    return layers_of(theta, L, w, ROWS, COLUMNS)


def problem_of(run: xr.Dataset, files: Files) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data, numbers = files["data/completion"], (int(run["target"]), int(run["observed"]))
    return directly(data, *numbers, CONFIG.noise, CONFIG.scale)


def test_every_member_is_gradient_descent_written_out(files: Files) -> None:
    runs, ends = files["runs/tiny"], []
    assert runs.sizes["member"] == 2 * 2 * 2 * 2 * 2 * 2
    for m in range(runs.sizes["member"]):
        run, n = runs.isel(member=m), int(runs["n_records"][m])
        _, observed, weights = problem_of(run, files)
        layers, last = start_of(run), int(run["last_step"])
        zero = (weights * observed**2).sum()
        kernel = run["depth"] * run["width"] ** ((1 - run["gamma"]) * (run["depth"] - 1))
        eta = min(CONFIG.learning_rate, float(run["observed"] / (8 * kernel)))
        path = replay(layers, observed, weights, eta, last, CONFIG.ridge)
        steps = run["step"].values
        assert steps[0] == 0
        assert steps[n - 1] == last
        assert all(s % CONFIG.check_every == 0 for s in steps[: n - 1])
        assert (np.diff(steps[:n]) > 0).all()
        for r in {0, 1, n // 2, n - 1}:
            here = path[steps[r]]
            A = product(here, COLUMNS)
            G = 2 * weights * (A - observed)
            near = {"rtol": 1e-9, "atol": 1e-13}
            np.testing.assert_allclose(run["map"][r], A, **near)
            cost = (weights * (A - observed) ** 2).sum()
            assert float(run["train_cost"][r]) == pytest.approx(cost, rel=1e-9)
            slope = np.linalg.norm(flat(gradients(here, G, CONFIG.ridge)))
            assert float(run["gradient_norm"][r]) == pytest.approx(slope, rel=1e-7)
            assert float(run["squared_norm"][r]) == pytest.approx((flat(here) ** 2).sum(), rel=1e-9)
        moved = np.linalg.norm(flat(path[-1]) - flat(layers))
        ends_norm = np.sqrt((layers[0] ** 2).sum() + (layers[-1] ** 2).sum())
        for name, value in {
            "learning_rate": eta,
            "cost_at_zero": zero,
            "displacement": moved,
            "first_norm": np.linalg.norm(flat(layers)),
            "end_layers": ends_norm,
        }.items():
            assert float(run[name]) == pytest.approx(value, rel=1e-9), name
        stopped = float(run["train_cost"][n - 1]) < CONFIG.stop_share * zero
        assert bool(run["stopped"]) == stopped
        assert stopped or last == CONFIG.max_steps
        assert last % CONFIG.check_every == 0 or last == CONFIG.max_steps
        ends.append(stopped)
    assert len(set(ends)) == 2, "one that stops and one that does not"


def test_members_are_in_order_and_have_their_numbers(files: Files) -> None:
    runs = files["runs/tiny"]
    names = ("depth", "width", "gamma", "initialization", "target", "observed")
    rows = list(zip(*(runs[name].values.tolist() for name in names), strict=True))
    assert rows == [
        (L, w, gamma, seed, target, n)
        for L in (2, 3)
        for w in (5, 7)
        for gamma in (1 - 1 / L, 1.3)
        for seed in (0, 4)
        for target in (3, 0)
        for n in (15, 16)
    ]
    kept = {
        "noise": 0.2,
        "ridge": 1e-3,
        "scale": 0.5,
        "stop_share": 0.1,
        "max_steps": 58,
        "stop_gradient": 0,
    }
    assert runs.attrs == kept


def test_behind_a_members_records_there_is_nothing(files: Files) -> None:
    runs = files["runs/tiny"]
    groups = runs["n_records"].groupby("depth").max().values
    assert groups[0] != groups[1], "groups of different lengths, of which the shorter is padded"
    assert runs.sizes["record"] == groups.max()
    assert runs["step"].dtype == np.int64
    behind = np.arange(runs.sizes["record"]) >= runs["n_records"].values[:, None]
    np.testing.assert_array_equal(runs["step"].values < 0, behind)
    for name in PATH:
        bad = np.isnan(runs[name].values).reshape(*behind.shape, -1)
        assert (bad.any(-1) == behind).all(), name
        assert (bad.all(-1) == behind).all(), name


def test_a_stage_is_the_same_bits_again_and_a_member_in_any_company(files: Files) -> None:
    again = descend(CONFIG, files, JOB)
    xr.testing.assert_identical(again, files["runs/tiny"])
    alone = descend(CONFIG.model_copy(update={f"{k}s": v for k, v in ALONE.items()}), files, JOB)
    mine = [
        m
        for m in range(again.sizes["member"])
        if all(again[name].values[m] in wanted for name, wanted in ALONE.items())
    ]
    chosen = again.isel(member=mine, record=slice(alone.sizes["record"]))
    xr.testing.assert_identical(chosen, alone)


def test_another_root_gives_other_runs_on_the_same_matrices(files: Files) -> None:
    other = descend(CONFIG, files, Job(seed=6))
    assert not np.isclose(other["first_norm"], files["runs/tiny"]["first_norm"]).any()


def test_the_rate_is_lowered_only_where_the_kernel_is_large() -> None:
    assert learning_rate(0.2, 4, 100, 2.0, 80) == 0.2
    lowered = learning_rate(0.2, 4, 1000, 0.75, 80)  # Theta = 4 w^{3/4}
    assert lowered == pytest.approx(80 / (8 * 4 * 1000**0.75))
    assert learning_rate(50.0, 2, 10, 0.5, 80) == pytest.approx(80 / (8 * 2 * 10**0.5))


def test_along_is_what_the_formulas_say(files: Files) -> None:
    found, runs = along(CONFIG, files, JOB), files["runs/tiny"]
    for m in (0, 5, 30, 47, 62):
        run, here = runs.isel(member=m), found.isel(member=m)
        target, observed, weights = problem_of(run, files)
        hidden = weights == 0
        G0 = -2 * weights * observed
        u, s, vt = np.linalg.svd(G0)
        np.testing.assert_allclose(here["origin_slopes"], s, atol=1e-14)
        A0 = run["map"].values[0]
        limit = np.where(hidden, A0, observed)
        np.testing.assert_allclose(here["limit"], limit, atol=1e-15)
        for name, A in (("test_at_zero", 0 * A0), ("test_of_limit", limit)):
            wanted = np.mean((A - target)[hidden] ** 2)
            assert float(here[name]) == pytest.approx(wanted, rel=1e-12)
        for r in (0, int(run["n_records"]) - 1):
            A = run["map"].values[r]
            np.testing.assert_allclose(
                here["singular_values"][r], np.linalg.svd(A)[1], rtol=1e-10, atol=1e-15
            )
            test = np.mean((A - target)[hidden] ** 2)
            assert float(here["test_cost"][r]) == pytest.approx(test, rel=1e-12)
            down = -np.outer(u[:, 0], vt[0])
            cosine = (A * down).sum() / np.linalg.norm(A)
            assert float(here["cosine"][r]) == pytest.approx(cosine, rel=1e-9)
            slope = np.linalg.svd(2 * weights * (A - observed))[1][0]
            assert float(here["slope"][r]) == pytest.approx(slope, rel=1e-12)
    behind = runs["step"] < 0
    for name in ("singular_values", "test_cost", "cosine", "slope"):
        bad = np.isnan(found[name])
        bad = bad.all("value") if "value" in bad.dims else bad
        np.testing.assert_array_equal(bad, behind)
    for name in ("depth", "gamma", "target", "observed"):
        np.testing.assert_array_equal(found[name], runs[name])
    assert found.attrs == runs.attrs


def test_where_all_entries_are_observed_there_is_no_test_cost() -> None:
    files = data_files(Matrices(rows=4, columns=4, rank=2, observed=16, target_seeds=[0]))
    config = Descent(depths=[2], widths=[5], gammas=[1], targets=[0], max_steps=20)
    runs = descend(config, files, JOB)
    assert int(runs["observed"][0]) == 16
    found = along(config, files | {"runs/x": runs}, JOB)
    assert np.isnan(found["test_cost"]).all()
    assert np.isnan(found["test_of_limit"]).all()
    assert np.isfinite(found["singular_values"][0, : int(runs["n_records"][0])]).all()


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_member_that_diverges_costs_only_its_own_numbers() -> None:
    files = data_files()
    update = {"gammas": [1.0, 10.0], "depths": [3], "widths": [6], "scale": 9.0}
    config = CONFIG.model_copy(update=update)
    runs = descend(config, files, JOB)
    lost = runs["diverged_at"].values >= 0
    assert lost.any()
    assert not lost.all()
    assert not runs["stopped"].values[lost].any()
    assert (runs["step"].max("record") < runs["diverged_at"]).values[lost].all()
    found = along(config, files | {"runs/x": runs}, JOB)
    for m in range(runs.sizes["member"]):
        n = int(runs["n_records"][m])
        assert np.isfinite(found["slope"].values[m, :n]).all()
        assert np.isnan(found["slope"].values[m, n:]).all()


def test_plateaus_are_counted_by_singular_values_that_stand_out() -> None:
    sizes = [[0, 0, 0], [1, 0.01, 0], [STANDS_OUT * 1.01, STANDS_OUT * 0.99, 0], [2, 1, 0.5]]
    maps = np.array([np.diag(s) for s in sizes] + [np.full((3, 3), np.nan)])
    assert ranks(maps).tolist() == [0, 1, 1, 3, -1]
    slopes = [1.0, 0.5, 0.2, 0.1, np.nan]
    run = xr.Dataset(
        {"map": (("record", "row", "column"), maps), "gradient_norm": ("record", slopes)}
    )
    assert [quietest(run, rank) for rank in (0, 1, 2, 3)] == [0, 2, None, 3]
