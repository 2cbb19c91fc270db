"""docs/marion2024.md names every figure and claim, with the registry's words."""

import re

import pytest
from paper_page import WIDEST, Page

from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims import CHECKS
from spectral_atlas.papers.marion2024.experiments import PAPER

PAGE = Page("marion2024")
CLAIMS = {claim for figure in PAPER.figures for claim in figure.claims}
CLAIMS |= {check.id for check in CHECKS}


@pytest.mark.parametrize("figure", PAPER.figures, ids=lambda figure: figure.id)
def test_the_evidence_table_repeats_the_registry(figure):
    _, evidence, _, _, claims = PAGE.figure_rows[figure.id]
    assert evidence == figure.evidence
    assert set(claims.split(", ")) == set(figure.claims)


def test_every_claim_has_a_row_and_no_row_is_stale():
    cells = [row[0] for row in PAGE.rows("5") if len(row) == 5 and row[0] not in ("id", "---")]
    listed = [name for cell in cells for name in cell.split(", ")]
    assert sorted(listed) == sorted(CLAIMS)


def test_claims_spoken_of_exist():
    spoken = set(re.findall(r"\b(?:T\d+[a-z]|F7[a-z]|M\d)\b", PAGE.text))
    assert spoken <= CLAIMS


def test_the_theory_table_names_functions_that_exist():
    named = [row[3].strip("`") for row in PAGE.rows("2")[2:]]
    assert named
    assert all(callable(getattr(theory, name)) for name in named)


def test_lines_outside_tables_are_short():
    lines = [line for line in PAGE.text.splitlines() if not line.startswith("| ")]
    assert [line for line in lines if len(line) > WIDEST] == []
