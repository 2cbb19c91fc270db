"""Ensembles from random starts: where they end, against plain loops and autograd."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
import pytest
import torch
import xarray as xr
from tiny_craciun import COLORED, DEEP, JOB, OUTCOMES, TWO, WHITE, Files, data_file, replay

from spectral_atlas.networks.two_layer import TwoLayer, initialize
from spectral_atlas.papers.craciun2024 import problems
from spectral_atlas.papers.craciun2024.basins import basins
from spectral_atlas.papers.craciun2024.nets import nets
from spectral_atlas.papers.craciun2024.nonlinear import nonlinear
from spectral_atlas.papers.craciun2024.nudged import run_nudged
from spectral_atlas.papers.craciun2024.orbits import orbits
from spectral_atlas.papers.craciun2024.problems import Problem, linear, load
from spectral_atlas.papers.craciun2024.rest import nonlinear as rest_of_nonlinear
from spectral_atlas.papers.craciun2024.rest import rest
from spectral_atlas.papers.craciun2024.run_sections import (
    Basins,
    NetRuns,
    NetStarts,
    Nonlinear,
    TwoParameter,
)
from spectral_atlas.papers.craciun2024.sections import Points
from spectral_atlas.papers.craciun2024.spectra_sections import NonlinearSpectra, Orbits
from spectral_atlas.papers.craciun2024.two_parameter import two_parameter
from spectral_atlas.rng import generator
from spectral_atlas.stage import Job
from spectral_atlas.training.endings import Endings
from spectral_atlas.training.long_runs import run_linear_maps

Array = np.ndarray
MINIMUM, SADDLE, BOUNDED, DIVERGED = range(4)
ONE = np.ones((1, 1))
NEAR = {"rtol": 1e-6, "atol": 1e-9}
TWO_CONFIG = TwoParameter(learning_rates=[0.2, 0.55, 1.1], starts=12, steps=400, window=30)
BASINS = Basins(learning_rates=[0.2, 0.55], side=7, steps=400, window=30, box=1.5)
NETS = NetRuns(
    nets=[
        NetStarts(net="deep", std=0.6),
        NetStarts(net="two", std=1.0),
        NetStarts(net="colored", std=0.5),
    ],
    shares=[0.7, 1.1, 6.0], starts=4, steps=500, window=30, still=1e-6, nudge=1e-5,
)  # fmt: skip
NONLINEAR = Nonlinear(
    activations=["tanh", "elu"], width=3, learning_rates=[0.1, 0.3, 40.0], starts=3, steps=1200,
    window=30, still=1e-6, nudge=1e-4,
)  # fmt: skip
STATISTICS = ("loss", "loss_least", "loss_most", "gradient_norm", "gradient_mean",
              "gradient_least", "gradient_most", "period_two_gap")  # fmt: skip


def summary(
    path: tuple[Array, Array, Array], window: int, still: float, limit: float = 1e6
) -> tuple[int, dict[str, float]]:
    """Outcome and statistics of one path: parameters, losses, |gradients| at every step."""
    thetas, losses, norms = path
    if not (np.abs(thetas[-1]) <= limit).all():
        return DIVERGED, dict.fromkeys(STATISTICS, np.nan)
    L, g = losses[-window:], norms[-window:]
    gap = np.linalg.norm(thetas[-1] - thetas[-3])
    values = (L[-1], L.min(), L.max(), g[-1], g.mean(), g.min(), g.max(), gap)
    at_rest = MINIMUM if L.max() <= 1e-12 else SADDLE
    return at_rest if g.max() < still else BOUNDED, dict(zip(STATISTICS, values, strict=True))


@np.errstate(over="ignore", invalid="ignore")
def descent(
    theta: Array, widths: list[int], X: Array, Y: Array, eta: float, steps: int
) -> tuple[Array, Array, Array]:
    return replay(theta, widths, X, Y, eta, steps)


def eigenbasis(problem: Problem) -> tuple[Array, Array]:
    """X and Y of the same problem where S is diagonal, without noise."""
    observed, weights, _ = problem.in_eigenbasis()
    X = np.diag(np.sqrt(weights[0]))
    return X, observed @ X


@pytest.fixture(scope="module")
def pairs() -> xr.Dataset:
    return two_parameter(TWO_CONFIG, {}, JOB)


@pytest.fixture(scope="module")
def files() -> Files:
    data = {"data/nets": data_file(TWO, DEEP, COLORED, WHITE)}
    return data | {"runs/nets": nets(NETS, data, JOB)}


@pytest.fixture(scope="module")
def lines() -> Files:
    data = {"data/points": problems.points(Points(x=[-0.5, 1], y=[0.2, 0.7]), {}, JOB)}
    return data | {"runs/nonlinear": nonlinear(NONLINEAR, data, JOB)}


# Two parameters


def test_two_parameters_end_as_in_a_plain_loop(pairs: xr.Dataset) -> None:
    first = pairs["first"].values
    assert (np.abs(first) <= 3).all()
    assert pairs["outcome"].attrs["flag_meanings"].split() == list(OUTCOMES)
    for eta in TWO_CONFIG.learning_rates:
        for k, start in enumerate(first):
            run, path = pairs.sel(learning_rate=eta, start=k), descent(
                start, [1, 1, 1], ONE, ONE, eta, 400
            )  # fmt: skip
            outcome, values = summary(path, 30, TWO_CONFIG.still)
            assert int(run["outcome"]) == outcome
            if eta == 1.1 and outcome == BOUNDED:
                continue  # chaotic
            ends = path[0][-1] if outcome != DIVERGED else [np.nan] * 2
            np.testing.assert_allclose(run["theta"], ends, **NEAR)
            for name in ("gradient_mean", "period_two_gap"):
                np.testing.assert_allclose(run[name], values[name], **NEAR)
    seen = pairs["outcome"].values
    assert {MINIMUM, BOUNDED, DIVERGED} <= set(seen.ravel().tolist())
    assert (seen[1] != MINIMUM).all(), "above the critical step"


def test_two_parameters_are_uniform_in_the_square() -> None:
    config = TWO_CONFIG.model_copy(update={"starts": 4000, "steps": 10, "window": 2, "box": 2.0})
    first = two_parameter(config, {}, JOB)["first"].values
    assert np.abs(first).max() == pytest.approx(2, abs=0.01)
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=4 * 2 / np.sqrt(3 * 4000))
    np.testing.assert_allclose((first**2).mean(axis=0), 4 / 3, rtol=0.06)


def test_a_rate_has_the_same_runs_in_any_company(pairs: xr.Dataset) -> None:
    alone = two_parameter(TWO_CONFIG.model_copy(update={"learning_rates": [0.55]}), {}, JOB)
    assert alone.identical(pairs.sel(learning_rate=[0.55]))


def test_basins_end_as_in_a_plain_loop() -> None:
    found = basins(BASINS, {}, JOB)
    np.testing.assert_allclose(found["w1"], np.linspace(-1.5, 1.5, 7))
    seen: set[tuple[int, int]] = set()
    for eta in BASINS.learning_rates:
        for w1 in found["w1"].values:
            for w2 in found["w2"].values:
                run = found.sel(learning_rate=eta, w1=w1, w2=w2)
                path = descent(np.array([w1, w2]), [1, 1, 1], ONE, ONE, eta, 400)
                outcome, _ = summary(path, 30, BASINS.still)
                assert int(run["outcome"]) == outcome
                sharpness = 2 * (path[0][-1] ** 2).sum() if outcome == MINIMUM else np.nan
                np.testing.assert_allclose(run["sharpness"], sharpness, rtol=1e-7)
                again = -1
                if outcome == SADDLE:
                    moved = np.array([w1 + BASINS.nudge, w2])
                    path = descent(moved, [1, 1, 1], ONE, ONE, eta, 400)
                    again, _ = summary(path, 30, BASINS.still)
                assert int(run["nudged"]) == again
                seen.add((outcome, again))
    assert {(MINIMUM, -1), (SADDLE, MINIMUM), (SADDLE, BOUNDED), (BOUNDED, -1)} <= seen


# Networks


def moved_once(
    theta: Array, shape: tuple[int, ...], rng: np.random.Generator, nudge: float
) -> Array:
    """Ends beside which second runs begin, if they do."""
    directions = rng.standard_normal((shape[0] * shape[1], theta.shape[-1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return theta + nudge * directions.reshape(*shape, -1)


def test_nets_end_as_in_a_plain_loop(files: Files) -> None:
    runs, seen = files["runs/nets"], set()
    for one in NETS.nets:
        problem = load(files["data/nets"], one.net)
        X, Y = eigenbasis(problem)
        rng = generator(JOB.seed, "craciun2024", "nets", one.net)
        first = one.std * rng.standard_normal((4, problem.arch.n_params))
        run = runs.sel(net=one.net)
        etas = float(run["critical_step"]) * np.array(NETS.shares)
        paths = [[descent(t, problem.widths, X, Y, eta, 500) for t in first] for eta in etas]
        ends = np.array([[path[0][-1] for path in row] for row in paths])
        second = moved_once(ends, (3, 4), rng, NETS.nudge)
        for j, k in np.ndindex(3, 4):
            path = paths[j][k]
            outcome, values = summary(path, 30, NETS.still)
            left = False
            if outcome in (MINIMUM, SADDLE):
                path = descent(second[j, k], problem.widths, X, Y, etas[j], 500)
                outcome, values = summary(path, 30, NETS.still)
                left = outcome not in (MINIMUM, SADDLE)
            here = run.isel(share=j, start=k)
            assert int(here["outcome"]) == outcome
            assert bool(here["left"]) == left
            seen.add(outcome)
            for name in STATISTICS:
                np.testing.assert_allclose(here[name], values[name], **NEAR, err_msg=name)
            theta = path[0][-1] if outcome != DIVERGED else np.nan
            np.testing.assert_allclose(here[f"theta_{one.net}"], theta, rtol=1e-6, atol=1e-7)
    assert {MINIMUM, BOUNDED, DIVERGED} <= seen


def test_facts_about_nets(files: Files) -> None:
    runs = files["runs/nets"]
    assert runs["net"].values.tolist() == ["deep", "two", "colored"]
    assert runs["share"].values.tolist() == NETS.shares
    assert runs["depth"].values.tolist() == [3, 2, 2]
    assert runs["std"].values.tolist() == [0.6, 1.0, 0.5]
    assert runs["white"].values.tolist() == [True, True, False]
    largest = [1.5, 1.0, np.linalg.norm(COLORED.target, 2)]
    np.testing.assert_allclose(runs["largest_singular_value"], largest, rtol=1e-12)
    np.testing.assert_allclose(runs["critical_step"][:2], [1 / (3 * 1.5 ** (4 / 3)), 0.5])


def test_a_rotated_second_moment_is_descent_in_the_original_coordinates(files: Files) -> None:
    problem = load(files["data/nets"], "colored")
    Q = problem.in_eigenbasis()[2]
    rng = generator(JOB.seed, "craciun2024", "nets", "colored")
    first = 0.5 * rng.standard_normal((4, 12))
    short = {"steps": 20, "window": 20, "nets": NETS.nets[2:], "shares": [0.3, 0.7]}
    runs = nets(NETS.model_copy(update=short), files, JOB)
    assert (runs["outcome"].values != DIVERGED).sum() == 7
    for j, share in enumerate((0.3, 0.7)):
        for k, theta in enumerate(first):
            turned = theta.copy()
            turned[:6] = (theta[:6].reshape(3, 2) @ Q.T).ravel()
            eta = share * float(runs["critical_step"][0])
            _, losses, norms = descent(turned, problem.widths, problem.X, problem.Y, eta, 20)
            here = runs.isel(net=0, share=j, start=k)
            if int(here["outcome"]) == DIVERGED:
                assert not losses[-1] < 1e12
                continue
            assert float(here["loss"]) == pytest.approx(losses[-1] - problem.smallest_loss)
            worst = losses[-20:].max() - problem.smallest_loss
            assert float(here["loss_most"]) == pytest.approx(worst)
            assert float(here["gradient_mean"]) == pytest.approx(norms[-20:].mean())


# Nudged runs


def run_two(theta0: Array, rates: Array, steps: int = 2000) -> Endings:
    return run_linear_maps(linear([1, 1, 1]), theta0, rates, ONE, ONE, steps, window=20)


def nudged(theta0: Array, rates: Array, steps: int = 2000) -> tuple[Endings, Array]:
    return run_nudged(
        lambda a, b: run_two(a, b, steps), theta0, rates, np.random.default_rng(0),
        nudge=1e-6, still=1e-8,
    )  # fmt: skip


def test_runs_that_rest_where_nothing_is_stable_leave() -> None:
    """All products are 1 exactly; (1, 1) is stable below 1/2, (2, 1/2) below 4/17, 0 never."""
    starts = np.array([[1, 1], [1, 1], [2, 0.5], [4, 0.25], [0, 0], [1.2, 0.9], [9, 9]])
    rates = np.array([0.4, 0.55, 0.3, 0.2, 0.2, 0.55, 0.55])
    first = run_two(starts, rates)
    at_rest = [MINIMUM, MINIMUM, MINIMUM, MINIMUM, SADDLE]
    assert first.outcomes().tolist() == [*at_rest, BOUNDED, DIVERGED]
    ends, left = nudged(starts, rates)
    assert left.tolist() == [False, True, False, True, False, False, False]
    moved = [MINIMUM, BOUNDED, MINIMUM, DIVERGED, MINIMUM]
    assert ends.outcomes().tolist() == [*moved, BOUNDED, DIVERGED]
    np.testing.assert_allclose(ends.theta[0], 1, atol=2e-6)
    assert np.linalg.norm(ends.theta[2] - starts[2]) > 0.1
    for f in fields(Endings):  # what did not rest is what it was
        np.testing.assert_array_equal(getattr(ends, f.name)[5:], getattr(first, f.name)[5:])


def test_the_direction_of_a_run_does_not_depend_on_others() -> None:
    rates = np.array([0.4, 0.4, 0.4])
    starts = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    other = starts.copy()
    other[1] = 50.0
    ends, _ = nudged(starts, rates)
    same, _ = nudged(other, rates)
    np.testing.assert_array_equal(ends.theta[[0, 2]], same.theta[[0, 2]])
    assert not np.array_equal(ends.theta[0], ends.theta[2])


def test_where_nothing_rests_nothing_is_moved() -> None:
    starts, rates = np.array([[1.2, 0.9], [0.3, 0.4]]), np.array([0.55, 0.55])
    ends, left = nudged(starts, rates, 30)
    assert not left.any()
    np.testing.assert_array_equal(ends.theta, run_two(starts, rates, 30).theta)


# Orbits


@cache
def orbit_files() -> Files:
    config = NETS.model_copy(
        update={
            "nets": [NetStarts(net="two", std=1.0), NetStarts(net="white", std=0.5)],
            "shares": [0.8, 1.1],
            "starts": 6,
            "steps": 20_000,
        }
    )
    data = {"data/nets": data_file(TWO, WHITE)}
    return data | {"runs/nets": nets(config, data, JOB)}


def two_steps(problem: Problem, theta: Array, eta: float) -> Array:
    """Jacobian of G(G(theta)) by autograd; S is white here."""
    x, y = torch.from_numpy(np.eye(problem.widths[0])), torch.from_numpy(problem.target)

    def loss(parameters: torch.Tensor) -> torch.Tensor:
        out, at = x, 0
        for rows, columns in problem.arch.shapes:
            out = parameters[at : at + rows * columns].reshape(rows, columns) @ out
            at += rows * columns
        return ((out - y) ** 2).sum()

    def step(parameters: torch.Tensor) -> torch.Tensor:
        return parameters - eta * torch.func.grad(loss)(parameters)

    twice = torch.func.jacrev(lambda p: step(step(p)))
    return twice(torch.from_numpy(theta)).numpy()


def test_multipliers_are_those_of_two_steps_by_autograd() -> None:
    files = orbit_files()
    runs = files["runs/nets"]
    found = orbits(Orbits(orbits=2), files, JOB)
    assert dict(found.sizes) == {"net": 2, "share": 2, "orbit": 2, "value": 12, "part": 2}
    counts = found["found"].values
    assert (counts[:, 0] == 0).all(), "below the critical step"
    assert (counts[:, 1] > 2).all()
    closed = (runs["outcome"] == BOUNDED) & (runs["period_two_gap"] < 1e-8)
    np.testing.assert_array_equal(counts, closed.sum("start"))
    values = found["multipliers"].values[..., 0] + 1j * found["multipliers"].values[..., 1]
    assert np.isnan(values[:, 0]).all()
    for k, name in enumerate(("two", "white")):
        problem = load(files["data/nets"], name)
        eta = 1.1 * float(runs["critical_step"][k])
        kept = np.flatnonzero(closed.values[k, 1])[:2]
        for o, start in enumerate(kept):
            theta = runs[f"theta_{name}"].values[1, start]
            jacobian, mine = two_steps(problem, theta, eta), values[k, 1, o, : len(theta)]
            direct = np.sort(np.abs(np.linalg.eigvals(jacobian)))[::-1]
            np.testing.assert_allclose(np.abs(mine), direct, atol=1e-6)
            assert mine.sum() == pytest.approx(np.trace(jacobian), abs=1e-10)
            assert np.prod(mine) == pytest.approx(np.linalg.det(jacobian), abs=1e-10)
            assert np.isnan(values[k, 1, o, len(theta) :]).all()


def test_there_may_be_fewer_orbits_than_asked_for() -> None:
    files = orbit_files()
    few, many = (orbits(Orbits(orbits=n), files, JOB) for n in (2, 9))
    assert few["found"].identical(many["found"])
    np.testing.assert_array_equal(many["multipliers"].values[:, :, :2], few["multipliers"])
    for k in range(2):
        n = int(many["found"][k, 1])
        rows = np.isfinite(many["multipliers"].values[k, 1, :, 0, 0])
        assert rows.tolist() == [True] * n + [False] * (9 - n)


def test_the_gap_decides_what_has_closed() -> None:
    files = dict(orbit_files())
    runs = files["runs/nets"].copy(deep=True)
    gap = runs["period_two_gap"].values
    gap[:, 1] = 10.0 ** -np.arange(8, 20, 2)  # of the six starts; steps are some 0.1
    files["runs/nets"] = runs
    bounded = (runs["outcome"].values == BOUNDED) & (gap < 1e-6 * runs["step_length"].values)
    counts = []
    for most in (2e-8, 1e-11, 1e-13, 1e-30):
        found = orbits(Orbits(orbits=2, gap=most), files, JOB)
        np.testing.assert_array_equal(found["found"], (bounded & (gap < most)).sum(-1))
        assert found.attrs["gap"] == most
        counts.append(int(found["found"][0, 1]))
    assert counts[0] > counts[1] > counts[2] > counts[3] == 0


# tanh and ELU networks


def by_torch(
    activation: str, theta: Array, rates: Array, steps: int, x: Array, y: Array
) -> tuple[Array, Array, Array]:
    """Parameters, losses and |gradients| of all members at every step, by autograd."""
    points, labels = torch.from_numpy(x), torch.from_numpy(y)
    eta, at = torch.from_numpy(rates)[:, None], torch.from_numpy(theta.copy())
    phi = torch.tanh if activation == "tanh" else torch.nn.functional.elu
    kept: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for _ in range(steps + 1):
        at.requires_grad_(True)
        w, b, v = at[:, None].chunk(3, dim=-1)
        f = (v * phi(w * points[:, None] + b)).sum(-1)
        losses = ((f - labels) ** 2).mean(-1)
        (slope,) = torch.autograd.grad(losses.sum(), at)
        now = at.detach()
        for values, new in zip(kept, (now, losses.detach(), slope.norm(dim=1)), strict=True):
            values.append(new.numpy())
        at = now - eta * slope
    return tuple(np.moveaxis(np.array(values), 0, 1) for values in kept)  # type: ignore[return-value]


def test_nonlinear_networks_end_as_by_autograd(lines: Files) -> None:
    x, y = np.array([-0.5, 1]), np.array([0.2, 0.7])
    runs, seen, steps = lines["runs/nonlinear"], set(), NONLINEAR.steps
    assert runs["outcome"].attrs["flag_meanings"].split() == ["at_rest", "bounded", "diverged"]
    rates, codes = np.repeat(NONLINEAR.learning_rates, 3), {0: 0, 1: 0, 2: 1, 3: 2}
    for activation in NONLINEAR.activations:
        net = TwoLayer(1, 3, activation)
        rng = generator(JOB.seed, "craciun2024", "nonlinear")
        first = np.stack([initialize(rng, net) for _ in range(3)])
        paths = by_torch(activation, np.tile(first, (3, 1)), rates, steps, x, y)
        ends = paths[0][:, -1].reshape(3, 3, -1)
        moved = moved_once(ends, (3, 3), rng, NONLINEAR.nudge).reshape(9, -1)
        again = by_torch(activation, moved, rates, steps, x, y)
        for m in range(9):
            outcome, values = summary(tuple(p[m] for p in paths), 30, NONLINEAR.still)
            left, theta = False, paths[0][m, -1]
            if codes[outcome] == 0:
                outcome, values = summary(tuple(p[m] for p in again), 30, NONLINEAR.still)
                left, theta = codes[outcome] > 0, again[0][m, -1]
            here = runs.sel(activation=activation).isel(learning_rate=m // 3, start=m % 3)
            assert int(here["outcome"]) == codes[outcome]
            assert bool(here["left"]) == left
            seen.add(codes[outcome])
            if rates[m] > 1 and outcome == BOUNDED:
                continue  # chaotic
            for name in STATISTICS:
                np.testing.assert_allclose(here[name], values[name], **NEAR, err_msg=name)
            theta = theta if outcome != DIVERGED else np.nan
            np.testing.assert_allclose(here["theta"], theta, rtol=1e-5, atol=1e-7)
    assert {0, 2} <= seen


# All of them


def test_everything_has_a_name(files: Files, lines: Files, pairs: xr.Dataset) -> None:
    few = orbits(Orbits(orbits=2), orbit_files(), JOB)
    ends = rest(NETS, files, JOB), rest_of_nonlinear(NonlinearSpectra(values=2), lines, JOB)
    for data in (*files.values(), *lines.values(), pairs, basins(BASINS, {}, JOB), few, *ends):
        assert all(variable.attrs.get("long_name") for variable in data.data_vars.values())


def test_threads_change_no_bit_and_seeds_all(files: Files, lines: Files, pairs: xr.Dataset) -> None:
    basin = basins(BASINS, {}, JOB)
    for stage, config, inputs, once in (
        (two_parameter, TWO_CONFIG, {}, pairs),
        (basins, BASINS, {}, basin),
        (nets, NETS, files, files["runs/nets"]),
        (nonlinear, NONLINEAR, lines, lines["runs/nonlinear"]),
    ):
        assert once.identical(stage(config, inputs, JOB))
        assert once.identical(stage(config, inputs, Job(JOB.seed, threads=2)))
        other = stage(config, inputs, Job(JOB.seed + 1))
        assert other.identical(once) == (stage is basins), "a grid has no seed"
