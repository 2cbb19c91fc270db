"""Minima by rank, the Schatten identity, thresholds and basins of one value, against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_jacot import JOB, Files, data_files, directly, flat, layers_of, replay
from tiny_jacot import product as end_to_end

from spectral_atlas import parts
from spectral_atlas.papers.jacot2021 import theory
from spectral_atlas.papers.jacot2021.identity import GAMMA, identity
from spectral_atlas.papers.jacot2021.members import Network
from spectral_atlas.papers.jacot2021.minima import minima
from spectral_atlas.papers.jacot2021.ridge_sections import Basin, Identity, Minima, Thresholds
from spectral_atlas.papers.jacot2021.sections import Matrices
from spectral_atlas.papers.jacot2021.thresholds import basin, thresholds
from spectral_atlas.rng import generator
from spectral_atlas.stage import Job

Array = np.ndarray
ROWS, COLUMNS, OBSERVED, NOISE = 5, 4, 16, 0.3
SEEDS = [0, 1, 3]
FULL = Matrices(rows=4, columns=4, rank=2, spectrum=[5.0, 1.5], observed=16, target_seeds=[0, 1, 2])
CONFIG = Minima(
    depths=[2, 3], ridges=[0.003, 0.03, 0.3], ranks=[0, 1, 2, 3], targets=SEEDS, noise=NOISE
)


@pytest.fixture(scope="module")
def files() -> Files:
    return data_files() | data_files(FULL, name="full")


@pytest.fixture(scope="module")
def found(files: Files) -> xr.Dataset:
    return minima(CONFIG, files, JOB)


def cells(runs: xr.Dataset) -> list[dict[str, int]]:
    dims = ("target", "depth", "rank", "ridge")
    return [dict(zip(dims, at, strict=True)) for at in np.ndindex(*(runs.sizes[d] for d in dims))]


def value_of(A: Array, observed: Array, weights: Array, ridge: float, L: int) -> float:
    s = np.linalg.svd(A)[1]
    return float((weights * (A - observed) ** 2).sum() + ridge * L * (s ** (2 / L)).sum())


def test_values_are_those_of_the_map(files: Files, found: xr.Dataset) -> None:
    """C + lambda L sum s^{2/L}: the layers are balanced, and the numbers those of one A."""
    assert found["target"].values.tolist() == SEEDS
    assert found.attrs["true_rank"] == 2
    for at in cells(found):
        one = found.isel(at)
        A, ridge, L = one["map"].values, float(one["ridge"]), int(one["depth"])
        A_star, observed, weights = directly(
            files["data/completion"], int(one["target"]), OBSERVED, NOISE
        )
        hidden = weights == 0
        cost = (weights * (A - observed) ** 2).sum()
        assert float(one["cost"]) == pytest.approx(cost, rel=1e-8)
        assert float(one["value"]) == pytest.approx(
            value_of(A, observed, weights, ridge, L), rel=1e-7
        )
        assert float(one["test_cost"]) == pytest.approx(((A - A_star)[hidden] ** 2).mean())
        assert float(one["test_at_zero"]) == pytest.approx((A_star[hidden] ** 2).mean())
        s = np.linalg.svd(A)[1]
        assert int(one["rank_found"]) == (s > 1e-6 * max(s[0], 1)).sum() <= int(one["rank"])
        assert bool(one["converged"])
        assert float(one["gradient_norm"]) < 1e-6


def test_found_points_are_stationary_in_the_singular_vectors(
    files: Files, found: xr.Dataset
) -> None:
    """u_i^T (dC/dA) v_j is 0 for i != j, and -2 lambda s^{2/L - 1} for i = j, as long as s > 0."""
    for at in cells(found):
        one = found.isel(at)
        _, observed, weights = directly(
            files["data/completion"], int(one["target"]), OBSERVED, NOISE
        )
        A, r, L = one["map"].values, int(one["rank_found"]), int(one["depth"])
        u, s, vt = np.linalg.svd(A)
        G = u.T @ (2 * weights * (A - observed)) @ vt.T
        wanted = np.diag(-2 * float(one["ridge"]) * s[:r] ** (2 / L - 1))
        np.testing.assert_allclose(G[:r, :r], wanted, atol=2e-5)
        np.testing.assert_allclose(G[r:, :r], 0, atol=2e-5)
        np.testing.assert_allclose(G[:r, r:], 0, atol=2e-5)


def test_at_depth_two_only_the_convex_minimum_is_stable(files: Files, found: xr.Dataset) -> None:
    """The nuclear norm's minimum, by proximal gradient descent written out."""
    for t, target in enumerate(SEEDS):
        _, observed, weights = directly(files["data/completion"], target, OBSERVED, NOISE)
        for j, ridge in enumerate(CONFIG.ridges):
            A = np.zeros((ROWS, COLUMNS))
            for _ in range(4000):
                u, s, vt = np.linalg.svd(A - (A - observed) * (weights > 0), full_matrices=False)
                A = u * np.maximum(s - OBSERVED * ridge, 0) @ vt
            least = value_of(A, observed, weights, ridge, 2)
            here = found.isel(target=t, depth=0, ridge=j)
            for r in range(len(CONFIG.ranks)):
                excess = float(here["value"][r]) / least - 1
                assert excess > -1e-7
                assert bool(here["stable"][r]) == (excess < 1e-5), (target, ridge, r, excess)


def test_at_depth_three_the_origin_is_always_stable_and_others_are(found: xr.Dataset) -> None:
    deep = found.sel(depth=3)
    assert deep["stable"].sel(rank=0).all()
    assert (deep["rank_found"].sel(rank=0) == 0).all()
    several = (deep["stable"] & (deep["rank_found"] == deep["rank"])).sum("rank")
    assert int(several.max()) >= 3, "local minima of several ranks"
    # The largest ridge leaves fewer minima than the smallest.
    ranks = deep["rank_found"].max("rank")
    assert int(ranks.sel(ridge=0.3).sum()) < int(ranks.sel(ridge=0.003).sum())


def test_parts_of_the_targets_give_the_same_file(files: Files, found: xr.Dataset) -> None:
    config = CONFIG.model_copy(update={"parts": 2})
    shares = {
        f"runs/m_part{i + 1}of2": minima(config.part(i), files, JOB) for i in range(config.parts)
    }
    joined = parts.join(parts.Join("target"), shares, JOB)
    assert joined["target"].values.tolist() == [0, 3, 1]
    xr.testing.assert_identical(joined.sel(target=SEEDS), found)


def test_minima_are_the_same_bits_again_and_those_of_other_starts(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def noted(*names: str | int) -> np.random.Generator:
        drawn.append(names)
        return generator(*names)

    monkeypatch.setattr("spectral_atlas.papers.jacot2021.minima.generator", noted)
    config = CONFIG.model_copy(update={"targets": [1], "depths": [3], "starts": 2})
    one, again, other = (minima(config, files, Job(seed)) for seed in (5, 5, 6))
    assert drawn == [(seed, "jacot2021", "minima", "completion", 1, 3) for seed in (5, 5, 6)]
    xr.testing.assert_identical(one, again)
    np.testing.assert_allclose(other["value"], one["value"], rtol=1e-9)


def test_where_all_is_observed_minima_shrink_each_value_on_its_own(files: Files) -> None:
    config = Minima(
        data="full", depths=[2, 3, 4], ridges=[0.01, 0.05, 0.09], ranks=[1, 2], targets=[0, 2]
    )
    found = minima(config, files, JOB)
    assert found.attrs["data"] == "full"
    c, values = 1 / 16, np.array([5.0, 1.5])
    for L in config.depths:
        for ridge in config.ridges:
            _, upper = theory.stationary_values(values, ridge, c, L)
            for rank in (1, 2):
                here = found.sel(depth=L, ridge=ridge, rank=rank)
                wanted = np.nan_to_num(np.where(upper > 0, upper, 0))
                wanted[rank:] = 0
                for t in range(2):
                    s = np.linalg.svd(here["map"].values[t])[1]
                    np.testing.assert_allclose(s[:2], wanted, atol=1e-6)
                    A_star = files["data/full"]["matrix"].sel(target=config.targets[t]).values
                    test = ((here["map"].values[t] - A_star) ** 2).mean()
                    assert float(here["test_cost"][t]) == pytest.approx(test)


def test_the_squared_norm_comes_down_to_the_schatten_penalty(files: Files) -> None:
    config = Identity(depths=[2, 3, 4], width=6, ridge=0.01, targets=[0, 3], steps=1500)
    runs = identity(config, files, JOB)
    assert list(zip(runs["depth"].values, runs["target"].values, strict=True)) == [
        (L, t) for L in (2, 3, 4) for t in (0, 3)
    ]
    for m in range(runs.sizes["member"]):
        run = runs.isel(member=m)
        L, n = int(run["depth"]), int(run["n_records"])
        _, observed, weights = directly(files["data/completion"], int(run["target"]), OBSERVED)
        network = Network(L, 6, GAMMA, 0)
        theta = network.start(JOB.seed, network.architecture(ROWS, COLUMNS))
        path = replay(layers_of(theta, L, 6, ROWS, COLUMNS), observed, weights, 0.1, 200, 0.01)
        for r in np.flatnonzero((run["step"].values >= 0) & (run["step"].values <= 200)):
            layers = path[int(run["step"][r])]
            s = np.linalg.svd(end_to_end(layers, COLUMNS))[1]
            assert float(run["penalty"][r]) == pytest.approx(L * (s ** (2 / L)).sum(), rel=1e-6)
            assert float(run["squared_norm"][r]) == pytest.approx((flat(layers) ** 2).sum())
        assert (run["squared_norm"][:n] > run["penalty"][:n] * (1 - 1e-12)).all()
        gap = (run["squared_norm"] / run["penalty"] - 1).values
        assert gap[n - 1] < 0.01 * gap[0]
        at_minimum = float(run["norm_at_minimum"] / run["penalty_at_minimum"])
        assert at_minimum == pytest.approx(1, abs=1e-7)
        assert float(run["imbalance"]) < 1e-6
        assert float(run["gradient_at_minimum"]) < 1e-7
        if L == 2:
            assert float(run["value"]) == pytest.approx(float(run["convex_value"]), rel=1e-9)
        else:
            assert np.isnan(run["convex_value"])
    assert runs.attrs == {"ridge": 0.01, "width": 6}
    xr.testing.assert_identical(identity(config, files, JOB), runs)


def test_thresholds_are_those_of_the_theory() -> None:
    config = Thresholds(depths=[2, 3, 4], ridges=[0.005, 0.02], curvature=0.02, points=12)
    found = thresholds(config, {}, JOB)
    a = found["a"].values
    np.testing.assert_allclose(a, np.arange(1, 13) / 3)
    np.testing.assert_allclose(found["value_at_zero"], 0.02 * a**2)
    for L in config.depths:
        for ridge in config.ridges:
            here = found.sel(depth=L, ridge=ridge)
            near = 2e-6 if L == 2 else 1e-8  # at L = 2 the minimum grows from 0
            appears = float(theory.a_critical(ridge, 0.02, L))
            assert float(here["appears_at"]) == pytest.approx(appears, rel=near)
            wins = float(theory.a_global(ridge, 0.02, L))
            assert float(here["wins_at"]) == pytest.approx(wins, rel=near)
            _, upper = theory.stationary_values(a, ridge, 0.02, L)
            s = np.nan_to_num(upper)
            np.testing.assert_allclose(here["minimizer"], s, atol=1e-6)
            value = 0.02 * (s - a) ** 2 + ridge * L * s ** (2 / L)
            np.testing.assert_allclose(here["value"], value, rtol=1e-9)


def test_a_threshold_beyond_the_largest_a_is_unknown_and_one_below_the_first_is_not() -> None:
    """Of one network each: the grid does not reach the first, and starts beyond the second."""
    config = Thresholds(depths=[3], ridges=[1e-7, 5.0], largest=4.0, points=10)
    found = thresholds(config, {}, JOB).sel(depth=3)
    assert np.isnan(found["appears_at"].sel(ridge=5.0))
    assert np.isnan(found["wins_at"].sel(ridge=5.0))
    small = float(theory.a_critical(1e-7, 0.01, 3))
    assert small < 0.4
    assert float(found["appears_at"].sel(ridge=1e-7)) == pytest.approx(small, rel=1e-6)


def test_descents_on_both_sides_of_the_boundary_go_both_ways(files: Files) -> None:
    config = Basin(
        depths=[3, 4], ridges=[0.002, 0.01], factors=[0.9, 1.1], targets=[3], max_steps=100_000
    )
    found = basin(config, files, JOB)
    for t, target in enumerate(config.targets):
        _, observed, weights = directly(files["data/completion"], target, OBSERVED)
        s = np.linalg.svd(2 * weights * observed)[1][0]
        for L in config.depths:
            for ridge in config.ridges:
                here = found.sel(depth=L, ridge=ridge).isel(target=t)
                r = (2 * ridge / (s * L ** (-(L - 2) / 2))) ** (1 / (L - 2))
                np.testing.assert_allclose(here["boundary"], r)
                assert float(here["data_norm"][0]) == pytest.approx(np.linalg.norm(observed))
                below, above = here["end_norm"].values
                assert below < 1e-6
                assert above > 0.1 * np.linalg.norm(observed)
    assert float(found["gradient_norm"].max()) < 1e-7
    assert float(found["last_step"].max()) < config.max_steps
