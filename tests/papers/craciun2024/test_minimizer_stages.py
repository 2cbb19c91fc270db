"""Hessians where runs rest, flattest and random minimizers, how far stable ones reach."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import xarray as xr
from tiny_craciun import (
    COLORED,
    DEEP,
    DEFICIENT,
    JOB,
    TWO,
    WHITE,
    Files,
    autograd_spectrum,
    data_file,
    layers_of,
    loss_and_gradient,
    product,
)

from spectral_atlas.papers.craciun2024 import problems, rest
from spectral_atlas.papers.craciun2024.critical import critical
from spectral_atlas.papers.craciun2024.manifold import manifold
from spectral_atlas.papers.craciun2024.nets import nets
from spectral_atlas.papers.craciun2024.nonlinear import nonlinear
from spectral_atlas.papers.craciun2024.problems import load
from spectral_atlas.papers.craciun2024.run_sections import Critical, NetRuns, NetStarts, Nonlinear
from spectral_atlas.papers.craciun2024.sections import Net, Points
from spectral_atlas.papers.craciun2024.spectra_sections import Manifold, NonlinearSpectra, StableSet
from spectral_atlas.papers.craciun2024.stable_set import stable_set
from spectral_atlas.rng import generator
from spectral_atlas.stage import Job

Array = np.ndarray
RUNS = NetRuns(
    nets=[NetStarts(net="two", std=1.0), NetStarts(net="colored", std=0.5)],
    shares=[0.6, 1.1, 9.0], starts=5, steps=2000, window=30,
)  # fmt: skip
NONLINEAR = Nonlinear(activations=["tanh", "elu"], width=3, learning_rates=[0.2, 40.0], starts=4,
                      steps=6000, window=30, still=1e-5)  # fmt: skip
NEAR = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(scope="module")
def files() -> Files:
    data = {"data/nets": data_file(TWO, COLORED)}
    return data | {"runs/nets": nets(RUNS, data, JOB)}


def test_spectra_of_nets_at_rest_are_those_of_autograd_on_the_data(files: Files) -> None:
    runs = files["runs/nets"]
    found = rest.rest(RUNS, files, JOB)
    resting = runs["outcome"].isin([0, 1])
    assert resting.sum() > 3
    assert (runs["outcome"] == 2).any()
    for name, net in (("two", TWO), ("colored", COLORED)):
        problem = load(files["data/nets"], name)
        Q = problem.in_eigenbasis()[2]
        for j, k in np.ndindex(3, 5):
            here = found.sel(net=name).isel(share=j, start=k)
            rate = float(runs["critical_step"].sel(net=name)) * RUNS.shares[j]
            assert float(here["learning_rate"]) == pytest.approx(rate)
            if not resting.sel(net=name).values[j, k]:
                assert all(np.isnan(here[v]) for v in ("sharpness", "smallest", "ratio"))
                continue
            layers = layers_of(runs[f"theta_{name}"].values[j, k], net.widths)
            layers[0] = layers[0] @ Q.T
            theta = np.concatenate([W.ravel() for W in layers])
            values = autograd_spectrum(theta, net.widths, problem.X, problem.Y)
            np.testing.assert_allclose(here["sharpness"], values[-1], **NEAR)
            np.testing.assert_allclose(here["smallest"], values[0], **NEAR)
            assert float(here["ratio"]) == pytest.approx(values[-1] * rate / 2)
            if int(runs["outcome"].sel(net=name)[j, k]) == 0:
                assert float(here["ratio"]) <= 1 + 1e-6


def test_a_net_may_rest_nowhere(files: Files) -> None:
    runs = files["runs/nets"].copy()
    runs["outcome"] = xr.full_like(runs["outcome"], 2)
    found = rest.rest(RUNS, files | {"runs/nets": runs}, JOB)
    assert np.isnan(found["sharpness"]).all()
    assert np.isfinite(found["learning_rate"]).all()


def nonlinear_spectrum(activation: str, theta: Array, x: Array, y: Array) -> Array:
    phi = torch.tanh if activation == "tanh" else torch.nn.functional.elu

    def loss(parameters: torch.Tensor) -> torch.Tensor:
        w, b, v = parameters.chunk(3)
        out = (v * phi(torch.outer(torch.from_numpy(x), w) + b)).sum(-1)
        return ((out - torch.from_numpy(y)) ** 2).mean()

    hessian = torch.autograd.functional.hessian(loss, torch.from_numpy(theta.copy()))
    return np.linalg.eigvalsh(hessian.numpy())


@pytest.mark.parametrize("values", [2, 60])
def test_spectra_of_nonlinear_nets_at_rest_are_those_of_autograd(
    values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "GROUP", 3)
    x, y = np.array([-0.5, 1]), np.array([0.2, 0.7])
    files = {"data/points": problems.points(Points(x=x.tolist(), y=y.tolist()), {}, JOB)}
    files["runs/nonlinear"] = runs = nonlinear(NONLINEAR, files, JOB)
    found = rest.nonlinear(NonlinearSpectra(values=values), files, JOB)
    shown = min(values, 9)
    assert found["value"].values.tolist() == list(range(1, shown + 1))
    resting = runs["outcome"].values == 0
    assert resting[:, 0].all()
    assert not resting.all()
    for a, j, k in np.ndindex(2, 2, 4):
        here = found.isel(activation=a, learning_rate=j, start=k)
        if not resting[a, j, k]:
            assert all(np.isnan(here[v]).all() for v in ("eigenvalues", "smallest", "ratio"))
            continue
        theta = runs["theta"].values[a, j, k]
        direct = nonlinear_spectrum(NONLINEAR.activations[a], theta, x, y)
        np.testing.assert_allclose(here["eigenvalues"], direct[::-1][:shown], **NEAR)
        np.testing.assert_allclose(here["smallest"], direct[0], **NEAR)
        assert float(here["ratio"]) == pytest.approx(direct[-1] * NONLINEAR.learning_rates[j] / 2)


# Flattest minimizers


CRITICAL = Critical(restarts=2, random_widths=[[2, 2, 1], [1, 2, 2, 1]], random_problems=2)


def test_the_flattest_minimizers_are_as_flat_as_the_formula_says() -> None:
    log, files = io.StringIO(), {"data/nets": data_file(TWO, DEEP, COLORED)}
    found = critical(CRITICAL, files, Job(JOB.seed, log=log))
    names = ["two", "deep", "colored"]
    random = [f"{w} random {k}" for w in ("2-2-1", "1-2-2-1") for k in (0, 1)]
    assert found["problem"].values.tolist() == names + random
    assert found["random"].values.tolist() == [False] * 3 + [True] * 4
    assert found["depth"].values.tolist() == [2, 3, 2, 2, 2, 3, 3]
    assert found["white"].values.tolist()[:4] == [True, True, False, False]
    assert found["widths"].values.tolist()[1:4] == ["2-3-3-2", "2-3-2", "2-2-1"]
    np.testing.assert_allclose(found["bound"][:2], [4, 6 * 1.5 ** (4 / 3)], rtol=1e-12)
    assert (found["misfit"] < 1e-6).all()
    ratio = found["sharpness"] / found["bound"]
    assert (ratio > 1 - 1e-6).all()
    assert (ratio < 1 + 1e-3).all()
    assert log.getvalue().count("\n") == 7


def test_random_problems_are_drawn_as_documented() -> None:
    """The bound is the largest 2 H |R b|^(2/H) |W* R b|^(2 - 2/H), here over a grid of b."""
    few = CRITICAL.model_copy(update={"restarts": 1})
    found = critical(few, {"data/nets": data_file(TWO)}, JOB)
    angles = np.linspace(0, np.pi, 20_001)
    for widths in few.random_widths:
        label, d, H = "-".join(map(str, widths)), widths[0], len(widths) - 1
        b = np.stack([np.cos(angles), np.sin(angles)])[:d] if d == 2 else np.ones((1, 1))
        for k in (0, 1):
            rng = generator(JOB.seed, "craciun2024", "critical", label, k)
            target, G = rng.standard_normal((widths[-1], d)), rng.standard_normal((d, d))
            values, vectors = np.linalg.eigh(G @ G.T / d)
            R = (vectors * np.sqrt(values)) @ vectors.T
            seen, mapped = (np.linalg.norm(m @ b, axis=0) for m in (R, target @ R))
            bound = (2 * H * seen ** (2 / H) * mapped ** (2 - 2 / H)).max()
            here = float(found["bound"].sel(problem=f"{label} random {k}"))
            assert here == pytest.approx(bound, rel=1e-6)


def test_random_problems_have_their_own_streams() -> None:
    files = {"data/nets": data_file(TWO)}
    few = CRITICAL.model_copy(update={"random_widths": [[2, 2, 1]], "restarts": 1})
    once, again = (critical(few, files, JOB) for _ in range(2))
    assert once.identical(again)
    alone = critical(few.model_copy(update={"random_problems": 1}), files, JOB)
    assert alone.identical(once.isel(problem=slice(2)))
    other = critical(few, files, Job(JOB.seed + 1))
    assert len({*once["bound"].values[1:].tolist(), *other["bound"].values[1:].tolist()}) == 4


# How far stable minimizers reach


STABLE = StableSet(net="two", learning_rates=[0.1, 0.3, 0.5, 0.7], restarts=2,
                   stretches=[1, 30], narrow=[0.1, 0.5])  # fmt: skip


def test_stable_minimizers_of_two_parameters_reach_the_square_root() -> None:
    """lambda = 2 |theta|^2 on the hyperbola, so that |theta|^2 reaches 1 / eta."""
    found = stable_set(STABLE, {"data/nets": data_file(TWO)}, JOB)
    np.testing.assert_allclose(found["largest_squared_norm"][:2], [10, 1 / 0.3], rtol=1e-4)
    assert (found["largest_squared_norm"][:2] <= [10, 1 / 0.3]).all()
    assert np.isnan(found["largest_squared_norm"][2:]).all()
    assert found.attrs["net"] == "two"


def test_families_of_minimizers_have_the_spectra_that_are_claimed() -> None:
    found = stable_set(STABLE, {"data/nets": data_file(TWO)}, JOB)
    np.testing.assert_allclose(found["stretched_sharpness"], 6, rtol=1e-9)
    np.testing.assert_allclose(found["stretched_loss"], 0, atol=1e-20)
    norms = [np.sqrt(3 + t**2) for t in STABLE.stretches]
    np.testing.assert_allclose(found["stretched_norm"], norms, rtol=1e-14)
    for k, t in enumerate(STABLE.stretches):
        theta = np.array([1, 0, 1, 0, 0, t, 1, 0], dtype=float)
        assert float(found["stretched_norm"][k]) == pytest.approx(np.linalg.norm(theta))
        values = autograd_spectrum(theta, [1, 2, 2, 1], np.eye(1), np.eye(1))
        np.testing.assert_allclose(found["stretched_sharpness"][k], values[-1], rtol=1e-9)
    for k, e in enumerate(STABLE.narrow):
        theta = np.array([1 / e, 0, 0, 0, e, 0])
        values = autograd_spectrum(theta, [2, 2, 1], np.eye(2), np.array([[1.0, 0.0]]))
        np.testing.assert_allclose(found["narrow_eigenvalues"][k], values, atol=1e-9)
        assert np.sort(values)[-2] == pytest.approx(2 * e**2)
    np.testing.assert_allclose(found["narrow_loss"], 0, atol=1e-20)


def test_stable_sets_repeat_to_the_bit_and_grow_as_the_rate_falls() -> None:
    config = STABLE.model_copy(update={"net": "white", "learning_rates": [0.1, 0.2]})
    files = {"data/nets": data_file(WHITE)}
    found = stable_set(config, files, JOB)
    assert found.identical(stable_set(config, files, JOB))
    largest = found["largest_squared_norm"].values
    assert largest[0] > largest[1] > 2 * (1.5 + 1) - 1e-9, "the least of |theta|^2 is 2 (s_1 + s_2)"


# Random minimizers


def expected_rank(problem: problems.Problem) -> int:
    return problem.widths[-1] * np.linalg.matrix_rank(problem.X, tol=1e-9)


NARROW = Net(name="narrow", widths=[4, 1, 4], singular_values=[2], samples=5,
             allow_rank_deficient=True)  # fmt: skip


def test_spectra_at_random_minimizers_are_the_closed_ones() -> None:
    data = data_file(TWO, WHITE, DEEP, COLORED, DEFICIENT, NARROW)
    config = Manifold(points=3, std=0.8)
    found = manifold(config, {"data/regressions": data}, JOB)
    assert found.sizes["value"] == 21
    for name in data["net"].values.tolist():
        problem, one = load(data, name), found.sel(net=name)
        P, entries = problem.arch.n_params, problem.widths[0] * problem.widths[-1]
        assert int(one["n_params"]) == P
        assert (int(one["inputs"]), int(one["outputs"])) == (problem.widths[0], problem.widths[-1])
        assert int(one["data_rank"]) == np.linalg.matrix_rank(problem.X, tol=1e-9)
        assert float(one["noise"]) == pytest.approx(problem.smallest_loss, abs=1e-25)
        values, closed = one["eigenvalues"].values, one["closed"].values
        assert np.isnan(values[:, P:]).all()
        assert np.isnan(closed[:, entries:]).all()
        assert np.isfinite(values[:, :P]).all()
        assert (np.diff(np.abs(values[:, :P])) <= 0).all()
        assert (one["gradient_norm"] < 1e-10 * values[:, 0]).all()
        r = min(expected_rank(problem), P)
        near = {"rtol": 1e-7, "atol": 1e-9 * values[:, 0].max()}
        np.testing.assert_allclose(values[:, :r], closed[:, :r], **near)
        np.testing.assert_allclose(values[:, r:P], 0, atol=near["atol"])
        assert len({*values[:, 0].tolist()}) == 3, "three different minimizers"


def test_a_net_may_have_fewer_parameters_than_its_map_has_entries() -> None:
    found = manifold(Manifold(points=1), {"data/regressions": data_file(NARROW)}, JOB)
    assert np.isfinite(found["eigenvalues"].values[0, 0]).tolist() == [True] * 8 + [False] * 8
    assert np.isfinite(found["closed"].values).all()


def test_minimizers_repeat_to_the_bit_and_change_with_seeds() -> None:
    files = {"data/regressions": data_file(WHITE)}
    config = Manifold(points=2)
    found = manifold(config, files, JOB)
    assert found.identical(manifold(config, files, JOB))
    assert not found.identical(manifold(config, files, Job(JOB.seed + 1)))
    assert not found.identical(manifold(config.model_copy(update={"seed": 1}), files, JOB))
    assert found.isel(point=[0]).identical(
        manifold(config.model_copy(update={"points": 1}), files, JOB)
    )


def test_everything_has_a_name() -> None:
    nets, points = data_file(TWO, WHITE), Points(x=[-0.5, 1], y=[0.2, 0.7])
    random = Critical(random_widths=[[2, 3, 2]], random_problems=1)
    for data in (
        nets,
        problems.points(points, {}, JOB),
        critical(random, {"data/nets": nets}, JOB),
        stable_set(STABLE.model_copy(update={"restarts": 1}), {"data/nets": nets}, JOB),
        manifold(Manifold(points=1), {"data/regressions": nets}, JOB),
    ):
        assert all(variable.attrs.get("long_name") for variable in data.data_vars.values())


def test_gradients_written_out_are_those_of_differences() -> None:
    """What the other files compare with, once checked itself."""
    problem = load(data_file(DEEP), "deep")
    theta = np.random.default_rng(2).standard_normal(problem.arch.n_params)
    loss, slope = loss_and_gradient(theta, problem.widths, problem.X, problem.Y)
    A = product(layers_of(theta, problem.widths), 2)
    assert loss == pytest.approx(((A @ problem.X - problem.Y) ** 2).sum())
    for k, h in enumerate(1e-6 * np.eye(len(theta))):
        up, down = (
            loss_and_gradient(at, problem.widths, problem.X, problem.Y)[0]
            for at in (theta + h, theta - h)
        )
        assert slope[k] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)
