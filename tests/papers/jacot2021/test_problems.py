"""The matrices, what is observed of them, and who is trained on them from which start."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_jacot import JOB, MATRICES, data_files, directly, layers_of, product

from spectral_atlas.papers.jacot2021 import problems
from spectral_atlas.papers.jacot2021.members import Member, Network, coordinates, members, networks
from spectral_atlas.papers.jacot2021.sections import Descent, Matrices, Networks

NAMES = ("matrix", "order", "noise")
TEN = Matrices(rows=10, columns=10, rank=3, observed=80, target_seeds=[4, 2])


def test_a_file_holds_matrices_of_the_rank_orders_of_all_entries_and_normal_noise() -> None:
    data = data_files(TEN)["data/completion"]
    assert data["target"].values.tolist() == [4, 2]
    assert data.attrs == {"rank": 3, "observed": 80, "law": "Gaussian factors"}
    for t in range(2):
        s = np.linalg.svd(data["matrix"].values[t], compute_uv=False)
        assert s[2] > 0.1
        assert s[3] < 1e-12 * s[0]
        assert sorted(data["order"].values[t].ravel()) == list(range(100))
        assert abs(data["noise"].values[t].std() - 1) < 0.25
    assert not np.array_equal(data["order"][0], data["order"][1])


def test_a_chosen_spectrum_is_that_of_every_matrix() -> None:
    chosen = Matrices(
        rows=5, columns=4, rank=3, spectrum=[7, 2, 2 / 3], observed=20, target_seeds=[0, 1]
    )
    data = data_files(chosen)["data/completion"]
    assert data.attrs["law"] == "chosen spectrum"
    s = np.linalg.svd(data["matrix"].values, compute_uv=False)
    np.testing.assert_allclose(s[:, :3], [[7, 2, 2 / 3]] * 2, rtol=1e-12)
    assert not np.allclose(data["matrix"][0], data["matrix"][1])


def test_matrices_are_the_same_bits_in_any_company_and_others_for_another_root() -> None:
    one, again = (data_files()["data/completion"] for _ in range(2))
    xr.testing.assert_identical(one, again)
    alone = data_files(MATRICES.model_copy(update={"target_seeds": [3], "observed": 12}))
    for name in NAMES:
        np.testing.assert_array_equal(alone["data/completion"][name][0], one[name].sel(target=3))
    other = data_files(seed=6)["data/completion"]
    assert all(not np.array_equal(other[name], one[name]) for name in NAMES)


@pytest.mark.parametrize(("seed", "moves"), [("mask_seed", "order"), ("noise_seed", "noise")])
def test_seeds_of_mask_and_noise_change_nothing_else(seed: str, moves: str) -> None:
    one = data_files()["data/completion"]
    other = data_files(MATRICES.model_copy(update={seed: 1}))["data/completion"]
    assert [n for n in NAMES if not np.array_equal(one[n], other[n])] == [moves]


def test_the_first_fifty_entries_are_among_the_first_sixty() -> None:
    data = data_files(TEN)["data/completion"]
    few, more, default = (problems.problem(data, 2, observed=n) for n in (50, 60, None))
    assert (few.n_observed, more.n_observed, default.n_observed) == (50, 60, 80)
    assert (more.mask >= few.mask).all()
    assert (default.mask >= more.mask).all()
    np.testing.assert_array_equal(few.observed, np.where(few.mask, more.observed, 0))


def test_noise_is_on_observed_entries_only_and_the_scale_is_not_on_it() -> None:
    data = data_files()["data/completion"]
    one = problems.problem(data, 1, observed=14, noise=0.3, scale=0.5)
    A, observed, weights = directly(data, 1, 14, 0.3, 0.5)
    np.testing.assert_array_equal(one.target, A)
    np.testing.assert_allclose(one.observed, observed, rtol=1e-15)
    np.testing.assert_array_equal(one.weights, weights)
    assert (one.observed[~one.mask] == 0).all()
    assert (one.observed != A)[one.mask].all()
    assert (one.mask.sum(), one.mask.size) == (14, 20)
    clean = problems.problem(data, 1)
    np.testing.assert_array_equal(clean.observed[clean.mask], clean.target[clean.mask])


def test_stacked_problems_keep_their_order() -> None:
    data = data_files()["data/completion"]
    chosen = [problems.problem(data, t, observed=n) for t, n in ((3, 15), (0, 20))]
    observed, weights = problems.stacked(chosen)
    for m, one in enumerate(chosen):
        np.testing.assert_array_equal(observed[m], one.observed)
        np.testing.assert_array_equal(weights[m], one.weights)


def test_members_are_all_combinations_but_those_below_the_limit() -> None:
    config = Descent(
        depths=[2, 4],
        widths=[5, 6],
        gammas=["ntk", 0.6, 0.75, 2],
        initialization_seeds=[7, 8],
        targets=[3, 0],
        observed=[14, 16],
        max_steps=1,
    )
    chosen = members(config, 99)
    gammas = {2: [0.5, 0.6, 0.75, 2.0], 4: [0.75, 2.0]}  # at L = 4, ntk is 0.75
    assert chosen == [
        Member(L, w, gamma, seed, target, n)
        for L in (2, 4)
        for w in (5, 6)
        for gamma in gammas[L]
        for seed in (7, 8)
        for target in (3, 0)
        for n in (14, 16)
    ]
    assert {m.observed for m in members(config.model_copy(update={"observed": None}), 99)} == {99}
    coords = coordinates(chosen)
    assert set(coords) == {"depth", "width", "gamma", "initialization", "target", "observed"}
    for name, (dim, values) in coords.items():
        assert dim == "member"
        assert values.tolist() == [getattr(m, name) for m in chosen]


def test_every_limit_is_kept_to_rounding() -> None:
    config = Networks(depths=[3], widths=[5], gammas=["ntk", 2 / 3 - 1e-15, 2 / 3 - 1e-9])
    assert next(n.gamma for n in networks(config)) == 1 - 1 / 3
    assert all(n.gamma > 2 / 3 - 1e-12 for n in networks(config))


def test_one_set_of_normals_for_all_gamma_so_that_the_first_map_is_scaled() -> None:
    rows, columns, w, L = 4, 5, 6, 3
    thetas = {}
    for gamma in (1.0, 2.0, 2.5):
        network = Network(L, w, gamma, 1)
        thetas[gamma] = network.start(JOB.seed, network.architecture(rows, columns))
    for gamma in (2.0, 2.5):
        scale = w ** (-(gamma - 1) / 2)
        np.testing.assert_allclose(thetas[gamma], scale * thetas[1.0], rtol=1e-13)
        maps = [product(layers_of(thetas[g], L, w, rows, columns), columns) for g in (gamma, 1.0)]
        np.testing.assert_allclose(maps[0], scale**L * maps[1], rtol=1e-12)


def test_starts_differ_by_depth_width_seed_and_root_and_have_the_variance() -> None:
    base = Network(3, 60, 1.5, 0)
    theta = base.start(5, base.architecture(4, 4))
    assert theta.var() == pytest.approx(60**-1.5, rel=0.05)
    for other in (Network(4, 60, 1.5, 0), Network(3, 61, 1.5, 0), Network(3, 60, 1.5, 1)):
        assert not np.allclose(other.start(5, other.architecture(4, 4))[:9], theta[:9])
    assert not np.allclose(base.start(6, base.architecture(4, 4)), theta)
    np.testing.assert_array_equal(base.start(5, base.architecture(4, 4)), theta)
