"""Claims: all hold on ideal files, and each fails where what it is about is spoiled."""

from __future__ import annotations

import numpy as np
import pytest
from ideal_craciun_runs import ideal_files
from spoiled_craciun import SPOILED, changed

from spectral_atlas.claims import as_rows
from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims import CHECKS, evaluate
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
    assert found["D10"].detail.startswith("0 of 1600; a share of at most 3/n = 0.0019")
    assert "in each row at most 3/400" in found["D10"].detail


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
