"""Claims: all hold on ideal files, and each fails where what it is about is spoiled."""

from __future__ import annotations

import numpy as np
import pytest
from ideal_craciun_runs import basins, ideal_files
from spoiled_craciun import SPOILED, changed

from spectral_atlas.claims import as_rows
from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims import CHECKS, evaluate
from spectral_atlas.papers.craciun2024.claims.sgd import stable_parts
from spectral_atlas.papers.craciun2024.claims.study import Study
from spectral_atlas.papers.craciun2024.experiments import FIGURES
from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.spectra.gd_map import orbit_multipliers
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

BY_ID = {check.id: check for check in CHECKS}
REFUTED = {"H9"}  # contradicts H8, by what is known now


@pytest.fixture(scope="module")
def ideal():
    return ideal_files()


@pytest.fixture(scope="module")
def claims(ideal):
    return evaluate(ideal)


def test_ideal_files_hold_every_claim_but_a_refuted_one(claims):
    wrong = [(c.id, c.verdict, c.detail) for c in claims if c.verdict != "holds"]
    assert {id for id, *_ in wrong} == REFUTED, wrong


def test_every_claim_is_spoiled_by_something():
    assert set(SPOILED) == set(BY_ID)
    assert len(BY_ID) == len(CHECKS)


@pytest.mark.parametrize("id", sorted(id for id, how in SPOILED.items() if how))
def test_one_spoiled_variable_fails_the_claim(ideal, id):
    claim = BY_ID[id](Study(changed(ideal, *SPOILED[id])))
    assert claim.verdict == "fails", (claim.measured, claim.detail)


def test_without_the_island_sgd_is_stable_where_gd_is(ideal):
    ref = "runs/minibatch"
    ds = ideal[ref].copy(deep=True)
    far = np.abs(np.log(ds["t_1"].values)) > np.log(2.5)
    ds["sgd_exponent"][0, far] = 1.0
    study = Study(ideal | {ref: ds})
    assert BY_ID["H9"](study).verdict == "holds"
    assert BY_ID["H8"](study).verdict == "fails"


def test_claims_name_their_regime_their_source_and_a_figure():
    figures = {figure.id for figure in FIGURES}
    assert {check.figure for check in CHECKS} == figures
    for check in CHECKS:
        assert check.tolerance
        assert check.evidence
        assert any(sign in check.statement for sign in ("L = ", "a = ", "x = ", "mean of"))
        assert check.statement.endswith("."), check.statement


def test_claims_are_in_order_and_json(claims):
    assert [c.id[0] for c in claims] == sorted(c.id[0] for c in claims)
    assert len({row["id"] for row in as_rows("craciun2024", claims)}) == len(claims)


def test_none_of_n_says_what_share_that_allows(claims):
    found = {c.id: c for c in claims}
    assert found["D10"].detail.startswith("0 of 1600; each row allows a share of 3/400 = 0.0075 of")
    assert "3/n of random cases (95 %), n from 40000 to 4000000" in found["C6"].detail
    for id in ("F1", "F4", "F5"):
        assert "random" not in found[id].detail


def test_a_saddle_one_step_before_the_antidiagonal_is_no_other(ideal):
    grid = basins(13)["runs/basins"]
    at = dict(learning_rate=0, w1=list(grid["w1"].values).index(1.5), w2=-3)
    assert grid["w2"].values[-3] == 2.0
    grid["outcome"][at] = 1
    assert BY_ID["F4"](Study(ideal | {"runs/basins": grid})).verdict == "holds"
    grid["outcome"][at | {"w2": -4}] = 1
    assert BY_ID["F4"](Study(ideal | {"runs/basins": grid})).measured == 1


def test_shares_alone_do_not_tell_that_starts_are_the_same(ideal):
    ref = "runs/nets"
    ds = ideal[ref].copy(deep=True)
    at = int(np.flatnonzero(np.isclose(ds["share"].values, 1.01))[0])
    ds["outcome"][:, at] = ds["outcome"][:, at].values[:, ::-1]
    study = Study(ideal | {ref: ds})
    assert [BY_ID[id](study).verdict for id in ("D14", "D17")] == ["holds", "fails"]


def test_slow_convergence_is_no_orbit(ideal):
    ref = "runs/nets"
    ds = ideal[ref].assign(period_two_gap=ideal[ref]["period_two_gap"] * 0 + 1e-10)
    ds["step_length"] = ds["period_two_gap"] * 100
    assert BY_ID["E13"](Study(ideal | {ref: ds})).verdict == "holds"
    assert BY_ID["E11"](Study(ideal | {ref: ds})).verdict == "fails"
    ds["step_length"] = ds["step_length"] * 1e6
    assert BY_ID["E13"](Study(ideal | {ref: ds})).verdict == "fails"


def test_multipliers_say_of_how_many_orbits_they_are(ideal):
    study = Study(ideal)
    assert "the first 2 of each network and eta: 106 of 19504" in BY_ID["E14"](study).detail
    far = ideal["spectra/orbits"].copy(deep=True)
    far["multipliers"][:, far["share"].values > 1.24] = 0.5
    assert BY_ID["E15"](Study(ideal | {"spectra/orbits": far})).verdict == "holds"


def test_a_slow_run_that_has_not_ended_is_set_aside(ideal):
    ds = ideal["runs/edge_fresh"].copy(deep=True)
    ds["reference_loss"][1] = 0.05 * ds["reference_loss"][1, 0]
    study = Study(ideal | {"runs/edge_fresh": ds})
    for id in ("A22", "A23", "A24"):
        detail = BY_ID[id](study).detail
        assert "below: run 3 (0.97); not ended: run 1 (1.2)" in detail


@pytest.mark.parametrize(("id", "point"), [("H7", 200), ("H8", 390), ("H8", 8)])
def test_one_more_stable_interval_is_one_too_many(ideal, id, point):
    ds = ideal["runs/minibatch"].copy(deep=True)
    ds["sgd_exponent"][0, point] *= -1
    assert BY_ID[id](Study(ideal | {"runs/minibatch": ds})).verdict == "fails"


def test_stable_intervals_are_found_up_to_the_ends():
    t = np.exp(np.array([0.0, 1, 2, 3, 4]))
    found = np.log(stable_parts(t, np.array([1.0, -1, -1, 1, -1])))
    np.testing.assert_allclose(found, [[0.5, 2.5], [3.5, np.nan]])
    assert np.isnan(stable_parts(t, np.full(5, -1.0))).all()
    assert stable_parts(t, np.full(5, np.nan)).shape == (0, 2)


def test_the_detail_names_who_fails(ideal):
    assert "1 outside: 2-3-2 at 1.2" in BY_ID["E9"](Study(changed(ideal, *SPOILED["E9"]))).detail
    assert "3-4-2 at 1.01 1" in BY_ID["D10"](Study(changed(ideal, *SPOILED["D10"]))).detail


def test_a_weaker_claim_stands_beside(ideal):
    study = Study(changed(ideal, *SPOILED["B13"]))
    assert [BY_ID[id](study).verdict for id in ("B13", "B14")] == ["fails", "holds"]


@pytest.mark.parametrize(("first", "second"), [(1.5, 1.0), (1.0, 0.9), (2.0, 1.5)])
def test_mixed_modes_lose_stability_where_the_claims_say(first, second):
    """The orbit of the leading mode in 2-2-2, the other mode at rest."""
    arch, target = linear([2, 2, 2]), np.diag([first, second])
    end = 2 * first / (first + second)
    largest = []
    for a in (end - 1e-3, end, end + 1e-3):
        points = np.sqrt(first) * np.array(theory.period_two_points(a))
        theta = np.array([[x, 0, 0, second**0.5] * 2 for x in points])
        hessians = linear_map_hessian(arch, theta, target, np.ones((2, 2))).dense()
        moduli = np.abs(orbit_multipliers(hessians, a / (2 * first)))
        largest.append(np.sort(moduli)[::-1])
    assert largest[0][0] <= 1 + 1e-7
    assert largest[1][0] <= 1 + 1e-6
    assert largest[2][0] > 1 + 1e-4


@pytest.mark.parametrize(("a", "u"), [(1.05, 1.3), (1.1, 1.2), (1.19, 1.1)])
def test_an_unbalanced_second_mode_loses_stability_earlier(a, u):
    """2-3-2 with W* = diag(1.5, 1), the weights of the second mode u and 1/u."""
    arch, target = linear([2, 3, 2]), np.diag([1.5, 1.0])
    largest = []
    for second in (1.0, u):
        theta = np.zeros((2, 12))
        for k, x in enumerate(np.sqrt(1.5) * np.array(theory.period_two_points(a))):
            first, last = np.diag([x, second])[[0, 1, 1]], np.diag([x, 1 / second])[:, [0, 1, 1]]
            first[2], last[:, 2] = 0, 0
            theta[k] = np.concatenate([first.ravel(), last.ravel()])
        hessians = linear_map_hessian(arch, theta, target, np.ones((2, 2))).dense()
        largest.append(np.abs(orbit_multipliers(hessians, a / 3)).max())
    assert largest[0] <= 1 + 1e-7
    assert largest[1] > 1.02
