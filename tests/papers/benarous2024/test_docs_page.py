"""docs/benarous2024.md names every figure, study and claim, with the registry's words."""

import re

import numpy as np
import pytest
from paper_page import WIDEST, Page, printed

from spectral_atlas.papers.benarous2024 import basins, effective, outcomes, theory
from spectral_atlas.papers.benarous2024.claims import CHECKS
from spectral_atlas.papers.benarous2024.config import Data
from spectral_atlas.papers.benarous2024.experiments import PAPER

PAGE = Page("benarous2024")
CLAIMS = {check.id for check in CHECKS}
MODULES = (basins, theory, effective, outcomes)


def test_the_evidence_table_has_the_figures_of_the_registry():
    assert list(PAGE.figure_rows) == [figure.id for figure in PAPER.figures]


@pytest.mark.parametrize("figure", PAPER.figures, ids=lambda figure: figure.id)
def test_the_evidence_table_repeats_the_registry(figure):
    _, evidence, _, _, claims = PAGE.figure_rows[figure.id]
    assert evidence == figure.evidence
    assert set(claims.split(", ")) == set(figure.claims or ["none"])


def test_every_claim_has_a_row_and_no_row_is_stale():
    cells = [row[0] for row in PAGE.rows("5") if len(row) == 5 and row[0] not in ("id", "---")]
    listed = [name for cell in cells for name in cell.split(", ")]
    assert sorted(listed) == sorted(CLAIMS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_bound_of_a_claim_is_in_its_row(check):
    (cell,) = [row[3] for row in PAGE.rows("5") if len(row) == 5 and check.id in row[0].split(", ")]
    numbers = printed(cell)
    trivial = (0, 1)  # in words, or the end of a range
    bounds = [b for b in (check.low, check.high) if np.isfinite(b)]
    bounds = [b for b in bounds if not np.isclose(b, trivial).any()]
    assert all(np.isclose(b, numbers).any() for b in bounds)


def test_claims_without_a_figure_are_named():
    spoken = re.search(r"Some\s+claims\s+\(([^)]*)\)\s+have\s+no\s+figure", PAGE.sections["3"])
    drawn = {claim for figure in PAPER.figures for claim in figure.claims}
    drawn |= {check.id for check in CHECKS if check.figure}
    assert set(re.split(r",\s+", spoken.group(1))) == CLAIMS - drawn


def test_claims_spoken_of_exist():
    spoken = set(re.findall(r"\b[A-L]\d{1,2}\b", PAGE.text))
    assert spoken <= CLAIMS


def test_the_table_of_studies_has_all_of_them():
    assert {row[0].strip("`") for row in PAGE.table("1", "study")} == set(Data.model_fields)


def test_the_theory_table_names_functions_that_exist():
    named = [row[3].strip("`") for row in PAGE.table("2", "line")]
    assert named
    assert all(any(callable(getattr(m, name, None)) for m in MODULES) for name in named)


def test_the_theory_table_names_figures_that_exist():
    cells = [row[4] for row in PAGE.table("2", "line")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) <= set(PAGE.figure_rows)


@pytest.mark.parametrize("ridge", [0.001, 0.01, 0.1])
def test_the_fixed_points_of_the_page_are_those_of_the_code(ridge):
    (row,) = [row for row in PAGE.rows("2") if row[0] == f"{ridge:g}" and len(row) == 7]
    point = theory.mixture_fixed_point(10, ridge)
    computed = [point.A, point.B, point.p, point.norm]
    computed += [point.hessian_top, point.hessian_mini, point.gradient_top, point.gradient_mini]
    shown = [float(number) for cell in row[1:] for number in cell.split(", ")]
    assert shown == pytest.approx(computed, rel=0.01)


@pytest.mark.parametrize("ridge", [0.01, 0.05, 0.1])
def test_the_xor_constants_of_the_page_are_those_of_the_code(ridge):
    (row,) = [row for row in PAGE.rows("2") if row[0] == f"{ridge:g}" and len(row) == 4]
    computed = [theory.xor_constant(ridge), *theory.xor_readout_eigenvalues(ridge)]
    assert [float(cell) for cell in row[1:]] == pytest.approx(computed, rel=0.002)


def test_sections_are_numbered_once_and_in_order():
    assert re.findall(r"^## (\d)\.", PAGE.text, flags=re.M) == list("1234567")


def test_lines_outside_tables_are_short():
    lines = [line for line in PAGE.text.splitlines() if not line.startswith("| ")]
    assert [line for line in lines if len(line) > WIDEST] == []
