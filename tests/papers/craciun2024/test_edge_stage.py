"""Descents to the edge of stability, and Hessians along them: against numpy and autograd alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from tiny_craciun import JOB, autograd_spectrum, layers_of, product, replay

from spectral_atlas.papers.craciun2024 import descents
from spectral_atlas.papers.craciun2024.along import along, eigenvalues
from spectral_atlas.papers.craciun2024.descents import descend
from spectral_atlas.papers.craciun2024.edge import chain, edge, edge_fresh
from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.papers.craciun2024.sections import Chain, Edge, EdgeFresh, EdgeStart
from spectral_atlas.papers.craciun2024.spectra_sections import EdgeSpectra
from spectral_atlas.stage import Job

Array = np.ndarray
WIDTHS = [3, 4, 2]
VALUES = [1.5, 0.7]
ONE = np.ones((1, 1))
EDGE = Edge(
    widths=WIDTHS, singular_values=VALUES, slowdown=3, every_step_until=7, every=4,
    starts=[
        EdgeStart(name="A", numpy_seed=2, scales=[1.2, 0.6], share=0.92, steps=30),
        EdgeStart(name="B", numpy_seed=3, scales=[0.8, 0.4], share=1.3, steps=21),
    ],
)  # fmt: skip
FRESH = EdgeFresh(
    widths=WIDTHS, singular_values=VALUES, slowdown=3, every_step_until=100,
    initialization_seeds=[4, 0], scales=[1.2, 0.6], share=0.9, steps=12,
)  # fmt: skip
CHAIN = Chain(start=[1.6, 1.0, 0.5], learning_rates=[0.2, 0.05], stop_loss=1e-6, max_steps=90,
              slowdown=4)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return edge(EDGE, {}, JOB)


@pytest.fixture(scope="module")
def chains() -> xr.Dataset:
    return chain(CHAIN, {}, JOB)


def target_and_start(rng: np.random.Generator, scales: list[float]) -> tuple[Array, Array]:
    """As the page of the paper says, with numpy alone."""
    U = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    V = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    W1 = scales[0] / np.sqrt(3) * rng.standard_normal((4, 3))
    W2 = scales[1] / np.sqrt(4) * rng.standard_normal((2, 4))
    return U @ np.diag(VALUES) @ V[:, :2].T, np.concatenate([W1.ravel(), W2.ravel()])


def rises(loss: Array) -> int:
    return sum(b > a * (1 + 1e-12) + 1e-24 for a, b in pairwise(loss))


def check_run(run: xr.Dataset, widths: list[int], steps: int, slowdown: int) -> None:
    """All of one run, against plain loops from its first parameters."""
    eta, target = float(run["learning_rate"]), run["target"].values
    at = run["checkpoint_step"].values
    n, X = int((at >= 0).sum()), np.eye(widths[0])
    first = run["theta"].values[0]
    near = {"rtol": 1e-9, "atol": 1e-12}
    thetas, losses, _ = replay(first, widths, X, target, eta, steps)
    np.testing.assert_allclose(run["loss"].values[: steps + 1], losses, **near)
    assert np.isnan(run["loss"].values[steps + 1 :]).all()
    np.testing.assert_allclose(run["theta"].values[:n], thetas[at[:n]], **near)
    assert np.isnan(run["theta"].values[n:]).all()
    assert (at[n:] == -1).all()
    assert int(run["increases"]) == rises(losses)
    slow, slow_losses, _ = replay(first, widths, X, target, eta / slowdown, steps * slowdown)
    np.testing.assert_allclose(run["reference_theta"][:n], slow[at[:n] * slowdown], **near)
    np.testing.assert_allclose(run["reference_loss"][:n], slow_losses[at[:n] * slowdown], **near)
    assert np.isnan(run["reference_theta"].values[n:]).all()
    assert int(run["reference_increases"]) == rises(slow_losses)


def test_starts_are_drawn_as_documented_by_numpy_alone(found: xr.Dataset) -> None:
    assert found["run"].values.tolist() == ["A", "B"]
    assert list(found.attrs["widths"]) == WIDTHS
    for start in EDGE.starts:
        run = found.sel(run=start.name)
        target, theta = target_and_start(np.random.default_rng(start.numpy_seed), start.scales)
        np.testing.assert_array_equal(run["target"], target)
        np.testing.assert_array_equal(run["theta"][0], theta)
        assert float(run["critical_step"]) == pytest.approx(1 / (2 * 1.5), rel=1e-12)
        assert float(run["learning_rate"]) == pytest.approx(start.share / 3, rel=1e-12)


def test_runs_are_gradient_descent_written_out(found: xr.Dataset) -> None:
    assert found.sizes["step"] == 31
    for start in EDGE.starts:
        check_run(found.sel(run=start.name), WIDTHS, start.steps, EDGE.slowdown)
    kept = found["checkpoint_step"].values
    assert kept[0].tolist() == [*range(8), 11, 15, 19, 23, 27, 30]
    assert kept[1].tolist() == [*range(8), 11, 15, 19, 21, -1, -1]
    assert found["last_step"].values.tolist() == [30, 21]
    assert int(found.sel(run="B")["increases"]) > 0
    assert found["reference_increases"].values.tolist() == [0, 0]


def test_fresh_starts_are_descents_too() -> None:
    fresh = edge_fresh(FRESH, {}, JOB)
    assert fresh["run"].values.tolist() == [4, 0]
    assert fresh["checkpoint_step"].values.tolist() == [list(range(13))] * 2
    for seed in (4, 0):
        run = fresh.sel(run=seed)
        check_run(run, WIDTHS, 12, FRESH.slowdown)
        values = np.linalg.svd(run["target"].values, compute_uv=False)
        np.testing.assert_allclose(values, VALUES, rtol=1e-13)
    assert not np.array_equal(fresh["theta"][0, 0], fresh["theta"][1, 0])
    assert fresh.identical(edge_fresh(FRESH, {}, JOB))
    assert not np.array_equal(edge_fresh(FRESH, {}, Job(seed=6))["theta"], fresh["theta"])
    alone = edge_fresh(FRESH.model_copy(update={"initialization_seeds": [0]}), {}, JOB)
    np.testing.assert_array_equal(alone["theta"][0], fresh["theta"][1])


def test_fresh_starts_are_scaled_layer_by_layer() -> None:
    config = FRESH.model_copy(update={"initialization_seeds": list(range(40)), "steps": 10})
    first = edge_fresh(config, {}, JOB)["theta"].values[:, 0]
    for part, std in ((first[:, :12], 1.2 / np.sqrt(3)), (first[:, 12:], 0.6 / 2)):
        assert part.std() == pytest.approx(std, rel=0.12)


def test_edge_needs_no_seed_of_ours(found: xr.Dataset) -> None:
    assert found.identical(edge(EDGE, {}, Job(seed=77, threads=2)))


def test_chains_stop_at_the_first_step_below(chains: xr.Dataset) -> None:
    assert chains["run"].values.tolist() == CHAIN.learning_rates
    for eta in CHAIN.learning_rates:
        run = chains.sel(run=eta)
        last = int(run["last_step"])
        check_run(run, [1, 1, 1, 1], last, CHAIN.slowdown)
        loss = run["loss"].values[: last + 1]
        assert (loss[:-1] >= CHAIN.stop_loss).all()
        assert loss[-1] < CHAIN.stop_loss or last == CHAIN.max_steps
        np.testing.assert_array_equal(run["checkpoint_step"].values[: last + 1], range(last + 1))
    assert int(chains["last_step"].max()) < CHAIN.max_steps
    assert float(chains["critical_step"][0]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("steps", [0, 1, 6, 7, 8, 14, 23])
@pytest.mark.parametrize("slower", [1, 3])
def test_chunks_leave_no_seam(monkeypatch: pytest.MonkeyPatch, steps: int, slower: int) -> None:
    rng = np.random.default_rng(4)
    target, theta = target_and_start(rng, [1.0, 1.0])
    wanted = np.array([0, 2, 6, 7, 8, 13, 14, 15, 23])
    whole = descend(linear(WIDTHS), theta, 0.2, target, steps, checkpoints=wanted, slower=slower)
    monkeypatch.setattr(descents, "CHUNK", 7)
    cut = descend(linear(WIDTHS), theta, 0.2, target, steps, checkpoints=wanted, slower=slower)
    for name in ("loss", "steps", "theta"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))
    assert (cut.last_step, cut.increases) == (whole.last_step, whole.increases)
    here = wanted[wanted <= steps]
    assert cut.last_step == steps * slower
    assert cut.steps.tolist() == here.tolist()
    thetas, losses, _ = replay(theta, WIDTHS, np.eye(3), target, 0.2 / slower, steps * slower)
    np.testing.assert_allclose(cut.theta, thetas[here * slower], rtol=1e-9, atol=1e-12)
    kept = losses if slower == 1 else losses[here * slower]
    np.testing.assert_allclose(cut.loss, kept, rtol=1e-9, atol=1e-12)
    assert cut.increases == rises(losses)


@pytest.mark.parametrize("at", [0, 6, 7, 8, 14, 15])
def test_a_run_that_stops_keeps_nothing_behind(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(descents, "CHUNK", 7)
    theta, target = np.array([1.5, 0.2]), np.ones((1, 1))
    thetas, losses, _ = replay(theta, [1, 1, 1], np.eye(1), target, 0.05, 30)
    stop = float(losses[at]) * (1 + 1e-9)
    assert (losses[:at] > stop).all()
    run = descend(linear([1, 1, 1]), theta, 0.05, target, 30, stop_loss=stop)
    assert run.last_step == at
    assert run.steps.tolist() == list(range(at + 1))
    np.testing.assert_allclose(run.loss, losses[: at + 1], rtol=1e-10)
    np.testing.assert_allclose(run.theta, thetas[: at + 1], rtol=1e-10)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("chunk", [2, 7, 2000])
@pytest.mark.parametrize("slower", [1, 3])
def test_a_run_that_diverges_ends_at_the_first_loss_that_is_no_number(
    monkeypatch: pytest.MonkeyPatch, chunk: int, slower: int
) -> None:
    monkeypatch.setattr(descents, "CHUNK", chunk)
    theta, target, eta = np.array([3.0, 2.0]), np.ones((1, 1)), 1.0
    run = descend(linear([1, 1, 1]), theta, eta * slower, target, 30, slower=slower)
    with np.errstate(over="ignore", invalid="ignore"):
        thetas, losses, _ = replay(theta, [1, 1, 1], np.eye(1), target, eta, 12)
    last = int(np.flatnonzero(~np.isfinite(losses))[0])
    assert 4 < last < 12
    assert run.last_step == last
    assert run.steps.tolist() == list(range(last // slower + 1))
    assert len(run.loss) == (last + 1 if slower == 1 else len(run.steps))
    assert len(run.theta) == len(run.steps)
    kept = losses[: last + 1 : slower]
    np.testing.assert_allclose(run.loss[np.isfinite(kept)], kept[np.isfinite(kept)], rtol=1e-9)
    assert not np.isfinite(run.loss[~np.isfinite(kept)]).any()
    np.testing.assert_allclose(run.theta[:2], thetas[: slower + 1 : slower], rtol=1e-12)
    assert run.increases >= last - 1


def test_a_chain_that_diverges_stops_and_so_does_its_reference() -> None:
    """The reference at 3.9 diverges as well; at 0.8 it does not, and is not followed further."""
    start = [1.6, 1.0, 0.5]
    config = CHAIN.model_copy(update={"learning_rates": [0.2, 0.8, 3.9], "max_steps": 20_000})
    runs = chain(config, {}, JOB)
    assert runs.sizes["step"] < 200
    whole = runs.sel(run=0.2)
    check_run(whole, [1, 1, 1, 1], int(whole["last_step"]), CHAIN.slowdown)
    for eta in (0.8, 3.9):
        run = runs.sel(run=eta)
        last = int(run["last_step"])
        with np.errstate(over="ignore", invalid="ignore"):
            _, losses, _ = replay(np.array(start), [1, 1, 1, 1], ONE, ONE, eta, last)
        assert np.isfinite(losses[:-1]).all()
        assert not np.isfinite(losses[-1])
        assert not np.isfinite(run["loss"].values[last:]).any()
        there = run["checkpoint_step"].values >= 0
        assert run["checkpoint_step"].values[there].tolist() == list(range(last + 1))
        slow = run["reference_loss"].values
        assert np.isfinite(slow[: last + 1]).all() == (eta == 0.8)
        assert np.isnan(slow[last + 1 :]).all()


def test_eigenvalues_are_those_of_autograd(found: xr.Dataset, chains: xr.Dataset) -> None:
    for runs, widths, count in ((found, WIDTHS, 5), (chains, [1, 1, 1, 1], 60)):
        spectra = along(EdgeSpectra(values=count), {"runs/any": runs}, JOB)
        shown = min(count, runs.sizes["weight"])
        assert spectra["value"].values.tolist() == list(range(1, shown + 1))
        for prefix in ("", "reference_"):
            for k in range(runs.sizes["run"]):
                run, at = runs.isel(run=k), runs["checkpoint_step"].values[k]
                last = int((at >= 0).sum()) - 1
                for c in sorted({0, 1, last // 2, last}):
                    theta = run[f"{prefix}theta"].values[c]
                    target = run["target"].values
                    values = autograd_spectrum(theta, widths, np.eye(widths[0]), target)
                    near = {"rtol": 1e-10, "atol": 1e-10}
                    top = spectra[f"{prefix}eigenvalues"].values[k, c]
                    np.testing.assert_allclose(top, values[::-1][:shown], **near)
                    low = spectra[f"{prefix}smallest"].values[k, c]
                    np.testing.assert_allclose(low, values[0], **near)
                assert np.isnan(spectra[f"{prefix}eigenvalues"].values[k, last + 1 :]).all()
                assert np.isnan(spectra[f"{prefix}smallest"].values[k, last + 1 :]).all()


def test_hessians_in_groups_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    theta, target = rng.standard_normal((7, 20)), rng.standard_normal((2, 3))
    weights = np.tile([2.0, 1.0, 0.5], (2, 1))
    whole = eigenvalues(linear(WIDTHS), theta, target, weights)
    monkeypatch.setattr("spectral_atlas.papers.craciun2024.along.MATRICES", 900)
    np.testing.assert_array_equal(eigenvalues(linear(WIDTHS), theta, target, weights), whole)
    X = np.diag(np.sqrt(weights[0]))
    for row, found in zip(theta, whole, strict=True):
        direct = autograd_spectrum(row, WIDTHS, X, target @ X)
        np.testing.assert_allclose(found, direct, rtol=1e-10, atol=1e-10)


def test_everything_has_a_name(found: xr.Dataset, chains: xr.Dataset) -> None:
    spectra = along(EdgeSpectra(values=2), {"runs/any": found}, JOB)
    for data in (found, chains, spectra):
        assert all(variable.attrs.get("long_name") for variable in data.data_vars.values())


def test_loss_is_that_of_the_maps(found: xr.Dataset) -> None:
    run = found.sel(run="A")
    for c, step in enumerate(run["checkpoint_step"].values):
        A = product(layers_of(run["theta"].values[c], WIDTHS), 3)
        loss = ((A - run["target"].values) ** 2).sum()
        assert float(run["loss"][step]) == pytest.approx(loss, rel=1e-10)


def test_hessians_of_a_run_that_diverges_are_nan_where_they_are_not_finite() -> None:
    start = EdgeStart(name="A", numpy_seed=2, scales=[1.2, 0.6, 0.6, 0.6], share=1.9, steps=60)
    config = Edge(widths=[5] * 5, singular_values=[3.0, 1.0], starts=[start], slowdown=2)
    runs = edge(config, {}, JOB)
    spectra = along(EdgeSpectra(values=2), {"runs/edge": runs}, JOB)
    top, loss = spectra["eigenvalues"].values[0, :, 0], runs["loss"].values[0]
    assert 0 < int(runs["last_step"][0]) == len(loss) - 1 < 60
    assert np.isfinite(loss[:-1]).all()
    assert not np.isfinite(loss[-1])
    assert np.isfinite(top[0])
    huge = np.full((1, linear([5] * 5).n_params), 1e80)
    target = runs["target"].values[0]
    assert np.isnan(eigenvalues(linear([5] * 5), huge, target, np.ones_like(target))).all()
