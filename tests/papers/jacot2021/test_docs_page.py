"""docs/jacot2021.md names every figure, run and claim, with the words and numbers of the code."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from spectral_atlas.papers.jacot2021 import descent, greedy, plateaus, readings, theory
from spectral_atlas.papers.jacot2021.claims import CHECKS
from spectral_atlas.papers.jacot2021.config import Runs, Spectra
from spectral_atlas.papers.jacot2021.experiments import DESCENTS, PAPER
from spectral_atlas.papers.jacot2021.sections import Descent
from spectral_atlas.training.path_recorder import RecordRules

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "jacot2021.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
CONFIGURED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")).get("jacot2021")
SECTIONS = dict(re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S))
CLAIMS = {check.id for check in CHECKS}
NUMBER = r"(-?\d*\.?\d+(?:e[+-]?\d+)?)( ?%)?"
ROUNDING = 0.006  # of three digits


def rows(section):
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def table(section, *head):
    """The rows of the only table whose head starts with these words."""
    found = rows(section)
    (at,) = (i for i, row in enumerate(found) if tuple(row[: len(head)]) == head)
    heads = [i - 1 for i, row in enumerate(found) if re.fullmatch(r"-+", row[0])]
    return found[at + 2 : min((i for i in heads if i > at), default=len(found))]


def prose(section):
    return " ".join(SECTIONS[section].split())


def figure_rows():
    return {row[0].strip("`"): row for row in table("3", "figure", "evidence")}


def claim_rows():
    kept = [row for row in rows("5") if len(row) == 5 and row[0] not in ("id", "---")]
    assert len({row[0] for row in kept}) == len(kept)
    return {row[0]: row for row in kept}


def printed(cell):
    return [float(n) / (100 if percent else 1) for n, percent in re.findall(NUMBER, cell)]


def test_sections_are_numbered_once_and_in_order():
    assert re.findall(r"^## (\d)\.", PAGE, flags=re.M) == list("12345678")


def test_there_are_four_words_of_evidence():
    head = PAGE.split("**The two versions")[0]
    words = re.findall(r"^\| (\w+) \| (?!meaning)", head, flags=re.M)
    assert words == ["verified", "recalled", "derived", "measured"]


def test_both_versions_are_cited():
    head = " ".join(PAGE.split("## 1.")[0].split()).lower()
    assert "arxiv.org/abs/2106.15933" in head
    assert PAPER.title.lower() in head
    assert "saddle-to-saddle dynamics in deep linear networks" in head


def test_the_evidence_table_has_the_figures_of_the_registry():
    assert list(figure_rows()) == [figure.id for figure in PAPER.figures]


@pytest.mark.parametrize("figure", PAPER.figures, ids=lambda figure: figure.id)
def test_the_evidence_table_repeats_the_registry(figure):
    _, evidence, _, _, claims = figure_rows()[figure.id]
    assert evidence == figure.evidence
    assert set(claims.split(", ")) == set(figure.claims or ["none"])


def test_every_claim_has_a_row_and_no_row_is_stale():
    assert set(claim_rows()) == CLAIMS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_bounds_of_a_claim_are_in_its_row(check):
    numbers = printed(claim_rows()[check.id][3])
    bounds = [b for b in (check.low, check.high) if np.isfinite(b)]
    assert all(np.isclose(b, numbers).any() for b in bounds)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_measured_numbers_are_marked_where_they_fail(check):
    cell = claim_rows()[check.id][2]
    if cell == "not measured":
        return
    value = float(re.match(r"(?:\*\*)?(-?[\d.e+-]+)", cell)[1])
    slack = ROUNDING * abs(value) + 1e-8
    if cell.startswith("**"):
        assert cell.endswith(", fails**")
        assert value < check.low + slack or value > check.high - slack
    else:
        assert check.low - slack <= value <= check.high + slack


def test_failures_are_listed_and_explained():
    failed = {name for name, row in claim_rows().items() if row[2].endswith("fails**")}
    (listed,) = re.findall(r"Claims that fail at default scale: ([^.]*)\.", prose("5"))
    explained = [
        name
        for row in table("5", "claims", "why they fail, as far as we see")
        for name in row[0].split(", ")
    ]
    assert len(set(explained)) == len(explained)
    assert set(listed.split(", ")) == set(explained or ["none"]) == (failed or {"none"})


def test_claims_spoken_of_exist():
    spoken = SECTIONS["4"] + SECTIONS["5"] + SECTIONS["6"]  # W_1, S^(1/L) are not claims
    assert set(re.findall(r"\b[A-H]\d{1,2}[a-z]?\b", spoken)) - {"G1", "G2"} <= CLAIMS


def test_all_runs_and_spectra_are_named():
    named = set(re.findall(r"`(\w+)`", SECTIONS["1"]))
    assert set(Runs.model_fields) | set(Spectra.model_fields) <= named
    assert [row[0].strip("`") for row in table("1", "runs")] == list(DESCENTS)


def numbers(cell):
    """What a cell lists: words and numbers."""
    return [word if word == "ntk" else float(word) for word in cell.split(", ")]


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section jacot2021")
@pytest.mark.parametrize("name", DESCENTS)
def test_the_table_of_runs_has_the_numbers_of_the_configuration(name):
    (row,) = (row for row in table("1", "runs") if row[0] == f"`{name}`")
    section = Descent.model_validate(CONFIGURED["runs"][name])
    default = CONFIGURED["data"]["completion"]["observed"]
    lists = section.depths, section.widths, section.gammas, section.observed or [default]
    assert [numbers(row[i]) for i in (1, 2, 3, 6)] == [list(values) for values in lists]
    counts = len(section.targets), len(section.initialization_seeds), section.max_steps
    assert [int(row[i]) for i in (4, 5, 7)] == list(counts)


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section jacot2021")
def test_other_settings_on_the_page_are_those_of_the_configuration():
    runs, text = CONFIGURED["runs"], prose("1")
    assert f"paths of target {runs['plane']['target']} projected" in text
    listed = {
        name: (len(s["ridges"]), f"{min(s['ridges']):g} to {max(s['ridges']):g}", s["ranks"][-1])
        for name, s in runs.items()
        if name.startswith("minima_")
    }
    for name, (count, ends, rank) in listed.items():
        assert f"`{name}`: rank 0 to {rank}, {count} values of lambda from {ends}" in text
    assert runs["ridge_gd"]["stop_gradient"] == 3e-6
    assert "|gradient| < 3e-6 instead" in text
    assert runs["ridge_gd"]["ridge"] == 0.001
    assert runs["ridge_gd"]["noise"] == 0.3
    assert runs["distances"]["scale"] == 0.25


def test_rules_on_the_page_are_those_of_the_code():
    rules, default = RecordRules(), Descent.model_fields
    text = prose("4")
    assert f"moved by {100 * rules.moved:g} % of" in text
    assert f"changed by a factor of {rules.grown:g}" in text
    assert f"grown by {100 * (rules.later - 1):.0f} %" in text
    assert f"After {descent.MOST} records ({greedy.MOST} in a greedy stage)" in text
    assert rules.quiet == 0.9
    assert "a tenth below" in text
    assert default["learning_rate"].default == 0.2
    assert "0.2, or N / (8 Theta)" in text
    assert default["stop_share"].default == 1e-6
    assert "(1e-6 unless" in prose("1")
    assert f"k singular values above {plateaus.STANDS_OUT:g}" in text
    assert readings.HALF == 0.5
    assert "first exceeds half" in text


def test_the_theory_table_names_what_there_is():
    lines = table("2", "line")
    assert lines
    for row in lines:
        names = re.findall(r"`(\w+)`", row[3])
        assert names
        assert all(callable(getattr(theory, name)) for name in names)
    assert set(re.findall(r"`(\w+)`", " ".join(row[4] for row in lines))) <= set(figure_rows())


@pytest.mark.parametrize("row", table("2", "L", "gamma = 1 - 1/L"), ids=lambda row: f"L = {row[0]}")
def test_the_kernels_of_the_page_are_those_of_the_code(row):
    L = int(row[0])
    gamma = theory.smallest_gamma(L)
    kernel = [float(theory.kernel_scale(L, w, gamma)) for w in (100, 1000)]
    growth = theory.escape_time_scale(100, 2.5, L) / theory.escape_time_scale(100, 2.0, L)
    computed = [
        gamma,
        *kernel,
        descent.learning_rate(0.2, L, 1000, gamma, 80),
        growth,
        theory.optimal_escape_speed(1.0, L),
    ]
    assert [float(cell.split()[0]) for cell in row[1:]] == pytest.approx(computed, rel=1e-3)


def test_the_delay_of_shallow_networks_is_that_of_the_code():
    (cell,) = (row[5] for row in table("2", "L", "gamma = 1 - 1/L") if row[0] == "2")
    delay = float(re.search(r"grows by ([\d.]+)", cell)[1])
    assert delay == pytest.approx(float(theory.shallow_escape_delay(100, 0.5)), abs=1e-3)


@pytest.mark.parametrize("row", table("2", "L", "a_crit, lambda = 0.005"), ids=lambda row: row[0])
def test_the_thresholds_of_the_page_are_those_of_the_code(row):
    L, c = int(row[0]), 0.01
    pairs = [
        (f(ridge, c, L)) for ridge in (0.005, 0.01) for f in (theory.a_critical, theory.a_global)
    ]
    window = [f(3.0, c, L) for f in (theory.lambda_global, theory.lambda_critical)]
    computed = [float(value) for value in (*pairs, *window)]
    assert [float(cell) for cell in row[1:]] == pytest.approx(computed, rel=1e-3)


def test_no_number_is_missing():
    assert "<!--" not in PAGE
    assert "TODO" not in PAGE
    assert "@" not in PAGE


def test_relative_links_resolve():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert "://" in target or (ROOT / "docs" / target).exists(), target


def test_lines_outside_tables_are_short():
    long = [line for line in PAGE.splitlines() if len(line) > 112 and not line.startswith("|")]
    assert long == []


def test_the_glossary_names_what_the_code_names():
    (own,) = re.findall(r"\(\[jacot2021\.md\].*?(?=\n\n[A-Z]|\Z)", GLOSSARY, flags=re.S)
    cells = [line.split(" | ")[-1] for line in own.splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`(?:\w+\.|\.)?(\w+)`", " ".join(cells)))
    source = "\n".join(p.read_text() for p in (ROOT / "src" / "spectral_atlas").rglob("*.py"))
    assert len(named) > 20
    assert {name for name in named if not re.search(rf"\b{name}\b", source)} == set()
