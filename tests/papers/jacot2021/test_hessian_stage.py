"""Hessians at saddles and minima whose signs are known, and tangent kernels at the start."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_jacot import JOB, Files, Layers, data_files, directly, flat, gradients, layers_of
from tiny_jacot import product as end_to_end

from spectral_atlas.networks.linear_maps import balanced_factors
from spectral_atlas.papers.jacot2021 import hessians
from spectral_atlas.papers.jacot2021.greedy import greedy
from spectral_atlas.papers.jacot2021.greedy_file import GreedyRun
from spectral_atlas.papers.jacot2021.members import Network
from spectral_atlas.papers.jacot2021.minima import minima
from spectral_atlas.papers.jacot2021.ridge_sections import Minima
from spectral_atlas.papers.jacot2021.sections import (
    Greedy,
    Included,
    IncludedSaddles,
    Matrices,
    Networks,
)
from spectral_atlas.stage import Job

Array = np.ndarray
ROWS, COLUMNS, WIDTH, SIZE = 5, 4, 6, 20
# All entries are observed: the saddles are the best approximations of each rank.
ALL = Matrices(rows=ROWS, columns=COLUMNS, rank=3, observed=SIZE, target_seeds=[1, 4])
GREEDY = Greedy(depths=[2, 3, 4], targets=[1, 4], epsilons=[0.1, 0.3], tolerance=0.02)
SADDLES = IncludedSaddles(width=WIDTH, epsilon=0.1)
RIDGES = Minima(depths=[2, 3], ridges=[0.01, 0.05], ranks=[0, 1, 2, 3], targets=[0, 1], noise=0.3)
MASKED = Matrices(rows=ROWS, columns=COLUMNS, rank=2, observed=16, target_seeds=[0, 1])


@pytest.fixture(scope="module")
def greedy_files() -> Files:
    files = data_files(ALL)
    return files | {"runs/greedy": greedy(GREEDY, files, JOB)}


@pytest.fixture(scope="module")
def saddles(greedy_files: Files) -> xr.Dataset:
    return hessians.saddles(SADDLES, greedy_files, JOB)


@pytest.fixture(scope="module")
def landscape_files() -> Files:
    files = data_files(MASKED)
    return files | {"runs/landscape": minima(RIDGES, files, JOB)}


@pytest.fixture(scope="module")
def landscape(landscape_files: Files) -> xr.Dataset:
    return hessians.landscape(Included(width=WIDTH), landscape_files, JOB)


def by_differences(layers: Layers, observed: Array, weights: Array, ridge: float) -> Array:
    """The Hessian from central differences of the gradient."""
    theta, h = flat(layers), 1e-5
    L, width = len(layers), len(layers[0])

    def slope(at: Array) -> Array:
        here = layers_of(at, L, width, ROWS, COLUMNS)
        G = 2 * weights * (end_to_end(here, COLUMNS) - observed)
        return flat(gradients(here, G, ridge))

    steps = h * np.eye(len(theta))
    H = np.array([(slope(theta + e) - slope(theta - e)) / (2 * h) for e in steps])
    return (H + H.T) / 2


def padded(layers: Layers, width: int) -> Layers:
    out = []
    for i, W in enumerate(layers):
        shape = (width if i < len(layers) - 1 else len(W), width if i else W.shape[1])
        out.append(np.zeros(shape))
        out[-1][: len(W), : W.shape[1]] = W
    return out


def saddle_cases(found: xr.Dataset) -> list[xr.Dataset]:
    return [found.isel(member=m) for m in range(found.sizes["member"])]


def test_members_are_the_runs_of_one_epsilon_with_their_own_number_of_stages(
    greedy_files: Files, saddles: xr.Dataset
) -> None:
    runs = greedy_files["runs/greedy"]
    wanted = runs.isel(member=np.flatnonzero(np.isclose(runs["epsilon"], 0.1)))
    for name in ("depth", "target", "epsilon"):
        np.testing.assert_array_equal(saddles[name], wanted[name])
    assert len(set(wanted["width"].values.tolist())) == 2, "members of two lengths"
    there = np.isfinite(saddles["largest"]).sum("stage").values
    np.testing.assert_array_equal(there, wanted["width"].values + 1)
    assert saddles["stage"].values.tolist() == [0, 1, 2, 3]
    assert saddles["certain"].dtype == bool
    assert saddles["certain"].values.sum() == there.sum()
    for one in saddle_cases(saddles):
        params = WIDTH * (ROWS + COLUMNS) + (int(one["depth"]) - 2) * WIDTH**2
        assert int(np.isfinite(one["eigenvalues"][0]).sum()) == params
        counts = one[["negative", "zero", "positive"]].to_array().sum("variable", skipna=False)
        assert (counts[np.isfinite(counts)] == params).all()


def test_the_origin_is_a_strict_saddle_at_depth_two_only(saddles: xr.Dataset) -> None:
    """At L = 2, +-s_i(dC/dA) each w times, and zeros; for L >= 3 the Hessian is zero."""
    for one in saddle_cases(saddles):
        origin, L = one.isel(stage=0), int(one["depth"])
        assert float(origin["gradient_norm"]) == 0
        values = origin["eigenvalues"].values
        values = values[np.isfinite(values)]
        assert int(origin["slope_rank"]) == 3
        assert int(origin["rotations"]) == 0
        if L == 2:
            assert (int(origin["negative"]), int(origin["positive"])) == (3 * WIDTH, 3 * WIDTH)
            np.testing.assert_allclose(values[:WIDTH], -float(origin["slope"]), rtol=1e-12)
        else:
            assert (values == 0).all()
            assert int(origin["zero"]) == len(values)


def test_saddles_of_rank_k_have_the_eigenvalues_of_the_best_approximation(
    greedy_files: Files, saddles: xr.Dataset
) -> None:
    """A neuron that is not in use turns to any value not yet learned: (w - k)(3 - k) ways down."""
    for one in saddle_cases(saddles):
        L, target = int(one["depth"]), int(one["target"])
        A_star, observed, weights = directly(greedy_files["data/completion"], target, SIZE)
        s = np.linalg.svd(A_star)[1][:3]
        run = GreedyRun.load(greedy_files["runs/greedy"], L, target, 0.1)
        for k, end in enumerate(run.ends[:-1], 1):
            here = one.isel(stage=k)
            assert float(here["gradient_norm"]) < 1e-4 * float(here["slope"])
            assert float(here["slope"]) == pytest.approx(2 / SIZE * s[k], rel=1e-4)
            assert int(here["slope_rank"]) >= 3 - k
            if L == 2:
                assert int(here["negative"]) == (WIDTH - k) * (3 - k)
                lowest = here["eigenvalues"].values[: WIDTH - k]
                np.testing.assert_allclose(lowest, -2 / SIZE * s[k], rtol=1e-4)
            else:
                smallest = float(here["smallest"])
                assert abs(smallest) < 1e-3 * float(here["largest"]), "not a strict saddle"
            norm = np.linalg.norm(
                flat(gradients(end, 2 * weights * (end_to_end(end, COLUMNS) - observed)))
            )
            assert float(here["gradient_norm"]) == pytest.approx(norm, rel=1e-6)


def test_eigenvalues_are_those_of_differences_of_the_gradient(
    greedy_files: Files, saddles: xr.Dataset
) -> None:
    for one in saddle_cases(saddles)[::3]:
        L, target = int(one["depth"]), int(one["target"])
        _, observed, weights = directly(greedy_files["data/completion"], target, SIZE)
        end = GreedyRun.load(greedy_files["runs/greedy"], L, target, 0.1).ends[0]
        H = by_differences(padded(end, WIDTH), observed, weights, 0.0)
        values = one["eigenvalues"].values[1]
        np.testing.assert_allclose(values[np.isfinite(values)], np.linalg.eigvalsh(H), atol=1e-8)


def test_the_ends_of_the_spectrum_by_lanczos_are_those_of_the_dense_matrix(
    saddles: xr.Dataset, landscape: xr.Dataset
) -> None:
    for found in (saddles, landscape):
        values = found["eigenvalues"]
        error = found["lanczos_bound"] + found["bound"] + 1e-15
        for name, end in (("smallest", values.min("index")), ("largest", values.max("index"))):
            gap = abs(found[name] - end)
            assert bool((gap <= error).where(np.isfinite(gap), True).all()), name
        tight = found["lanczos_bound"] <= 1e-8 * abs(values).max("index") + 1e-15
        assert bool(tight.where(np.isfinite(found["largest"]), True).all())


def test_points_of_the_landscape_are_critical_and_have_the_eigenvalues_of_differences(
    landscape_files: Files, landscape: xr.Dataset
) -> None:
    runs = landscape_files["runs/landscape"]
    assert landscape["eigenvalues"].dims[:4] == ("target", "depth", "ridge", "rank")
    assert float(landscape["gradient_norm"].max()) < 1e-6
    for at in ((0, 0, 1, 2), (1, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 3)):
        chosen = dict(zip(("target", "depth", "ridge", "rank"), at, strict=True))
        here, run = landscape.isel(chosen), runs.isel(chosen)
        assert [float(here[n]) for n in chosen] == [float(run[n]) for n in chosen]
        A, L, ridge = run["map"].values, int(run["depth"]), float(run["ridge"])
        _, observed, weights = directly(
            landscape_files["data/completion"], int(run["target"]), 16, RIDGES.noise
        )
        layers = balanced_factors(A, L, WIDTH)
        H = by_differences(layers, observed, weights, ridge)
        values = here["eigenvalues"].values
        np.testing.assert_allclose(values[np.isfinite(values)], np.linalg.eigvalsh(H), atol=1e-8)
        slopes = np.linalg.svd(2 * weights * (A - observed))[1]
        assert float(here["slope"]) == pytest.approx(slopes[0], rel=1e-10)


def test_the_smallest_eigenvalue_agrees_with_what_perturbations_do(
    landscape_files: Files, landscape: xr.Dataset
) -> None:
    runs = landscape_files["runs/landscape"]
    assert bool(landscape["certain"].all())
    stable = runs["stable"].transpose(*landscape["negative"].dims)
    np.testing.assert_array_equal(landscape["negative"] == 0, stable)
    assert 0 < int(stable.sum()) < stable.size


def test_zero_modes_of_minima_are_rotations(landscape: xr.Dataset) -> None:
    minima_only = landscape["negative"] == 0
    same = landscape["zero"] == landscape["rotations"]
    assert bool(same.where(minima_only, True).all())
    # At the origin of three layers nothing but 2 lambda |theta|^2 is of second order.
    origin = landscape.sel(depth=3, rank=0)
    assert (origin["rotations"] == 0).all()
    for j, ridge in enumerate(RIDGES.ridges):
        values = origin["eigenvalues"].values[:, j]
        np.testing.assert_allclose(values[np.isfinite(values)], 2 * ridge, rtol=1e-12)


def test_depth_two_goes_down_by_as_many_ways_as_slopes_exceed_the_ridge(
    landscape: xr.Dataset,
) -> None:
    """A dead neuron has the eigenvalues 2 lambda +- s_i(dC/dA), once for each dead neuron."""
    shallow = landscape.sel(depth=2, rank=0)
    for t in range(2):
        for j, ridge in enumerate(RIDGES.ridges):
            here = shallow.isel(target=t, ridge=j)
            values = here["eigenvalues"].values
            assert np.nanmin(values) == pytest.approx(2 * ridge - float(here["slope"]), rel=1e-9)
            assert int(here["negative"]) % WIDTH == 0
            assert int(here["negative"]) > 0


def test_hessians_are_the_same_bits_again(landscape_files: Files, landscape: xr.Dataset) -> None:
    again = hessians.landscape(Included(width=WIDTH), landscape_files, JOB)
    xr.testing.assert_identical(again, landscape)


def jacobian(layers: Layers) -> Array:
    """Of A with respect to every weight: A is linear in each, so one difference is exact."""
    theta, columns = flat(layers), []
    L, width = len(layers), len(layers[0])
    A = end_to_end(layers, COLUMNS)
    for e in np.eye(len(theta)):
        more = end_to_end(layers_of(theta + e, L, width, ROWS, COLUMNS), COLUMNS)
        columns.append((more - A).ravel())
    return np.array(columns).T


def test_kernels_are_those_of_the_jacobian_in_units_of_their_scale() -> None:
    config = Networks(
        depths=[2, 3], widths=[6, 9], gammas=["ntk", 1.5], initialization_seeds=[0, 2]
    )
    found = hessians.kernels(config, data_files(), JOB)
    assert found.sizes["network"] == 16
    for m in (0, 3, 6, 9, 13, 15):
        one = found.isel(network=m)
        L, w, gamma = int(one["depth"]), int(one["width"]), float(one["gamma"])
        network = Network(L, w, gamma, int(one["initialization"]))
        theta = network.start(JOB.seed, network.architecture(ROWS, COLUMNS))
        J = jacobian(layers_of(theta, L, w, ROWS, COLUMNS))
        scale = L * w ** ((1 - gamma) * (L - 1))
        assert float(one["scale"]) == pytest.approx(scale)
        K = J @ J.T / scale
        np.testing.assert_allclose(one["eigenvalues"], np.linalg.eigvalsh(K), atol=1e-11)
        gap = np.linalg.norm(K - np.eye(SIZE)) / np.sqrt(SIZE)
        assert float(one["deviation"]) == pytest.approx(gap, rel=1e-10)


def test_wide_kernels_are_closer_to_the_identity_by_the_square_root_of_the_width() -> None:
    config = Networks(depths=[2, 4], widths=[64, 256], gammas=["ntk"], initialization_seeds=[0, 1])
    found = hessians.kernels(config, data_files(), JOB)
    far = found["deviation"].groupby("width").mean()
    assert float(far.sel(width=256) / far.sel(width=64)) == pytest.approx(0.5, rel=0.25)
    other = hessians.kernels(config, data_files(), Job(seed=6))
    assert not np.isclose(other["deviation"], found["deviation"]).any()
