"""docs/jacot2021.md names every figure, run and claim, with the words and numbers of the code."""

import re

import pytest
import yaml
from paper_page import ROOT, Page, PageTests

from spectral_atlas.papers.jacot2021 import descent, greedy, plateaus, readings, theory
from spectral_atlas.papers.jacot2021.claims import CHECKS
from spectral_atlas.papers.jacot2021.config import Runs, Spectra
from spectral_atlas.papers.jacot2021.experiments import DESCENTS, PAPER
from spectral_atlas.papers.jacot2021.sections import Descent
from spectral_atlas.training.path_recorder import RecordRules

PAGE = Page("jacot2021")
CONFIGURED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")).get("jacot2021")


class TestPage(PageTests):
    page, paper, checks = PAGE, PAPER, CHECKS
    no_claims = ("G1", "G2")  # Gaussian matrices


def test_both_versions_are_cited():
    head = PAGE.head.lower()
    assert "arxiv.org/abs/2106.15933" in head
    assert PAPER.title.lower() in head
    assert "saddle-to-saddle dynamics in deep linear networks" in head


def test_all_runs_and_spectra_are_named():
    named = set(re.findall(r"`(\w+)`", PAGE.sections["1"]))
    assert set(Runs.model_fields) | set(Spectra.model_fields) <= named
    assert [row[0].strip("`") for row in PAGE.table("1", "runs")] == list(DESCENTS)


def numbers(cell):
    """What a cell lists: words and numbers."""
    return [word if word == "ntk" else float(word) for word in cell.split(", ")]


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section jacot2021")
@pytest.mark.parametrize("name", DESCENTS)
def test_the_table_of_runs_has_the_numbers_of_the_configuration(name):
    (row,) = (row for row in PAGE.table("1", "runs") if row[0] == f"`{name}`")
    section = Descent.model_validate(CONFIGURED["runs"][name])
    default = CONFIGURED["data"]["completion"]["observed"]
    lists = section.depths, section.widths, section.gammas, section.observed or [default]
    assert [numbers(row[i]) for i in (1, 2, 3, 6)] == [list(values) for values in lists]
    counts = len(section.targets), len(section.initialization_seeds), section.max_steps
    assert [int(row[i]) for i in (4, 5, 7)] == list(counts)


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section jacot2021")
def test_other_settings_on_the_page_are_those_of_the_configuration():
    runs, text = CONFIGURED["runs"], PAGE.prose("1")
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
    text = PAGE.prose("4")
    assert f"moved by {100 * rules.moved:g} % of" in text
    assert f"changed by a factor of {rules.grown:g}" in text
    assert f"grown by {100 * (rules.later - 1):.0f} %" in text
    assert f"After {descent.MOST} records ({greedy.MOST} in a greedy stage)" in text
    assert rules.quiet == 0.9
    assert "a tenth below" in text
    assert default["learning_rate"].default == 0.2
    assert "0.2, or N / (8 Theta)" in text
    assert default["stop_share"].default == 1e-6
    assert "(1e-6 unless" in PAGE.prose("1")
    assert f"k singular values above {plateaus.STANDS_OUT:g}" in text
    assert readings.HALF == 0.5
    assert "first exceeds half" in text


def test_the_theory_table_names_what_there_is():
    lines = PAGE.table("2", "line")
    assert lines
    for row in lines:
        names = re.findall(r"`(\w+)`", row[3])
        assert names
        assert all(callable(getattr(theory, name)) for name in names)
    assert set(re.findall(r"`(\w+)`", " ".join(row[4] for row in lines))) <= set(PAGE.figure_rows)


@pytest.mark.parametrize(
    "row", PAGE.table("2", "L", "gamma = 1 - 1/L"), ids=lambda row: f"L = {row[0]}"
)
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
    (cell,) = (row[5] for row in PAGE.table("2", "L", "gamma = 1 - 1/L") if row[0] == "2")
    delay = float(re.search(r"grows by ([\d.]+)", cell)[1])
    assert delay == pytest.approx(float(theory.shallow_escape_delay(100, 0.5)), abs=1e-3)


@pytest.mark.parametrize(
    "row", PAGE.table("2", "L", "a_crit, lambda = 0.005"), ids=lambda row: row[0]
)
def test_the_thresholds_of_the_page_are_those_of_the_code(row):
    L, c = int(row[0]), 0.01
    pairs = [
        (f(ridge, c, L)) for ridge in (0.005, 0.01) for f in (theory.a_critical, theory.a_global)
    ]
    window = [f(3.0, c, L) for f in (theory.lambda_global, theory.lambda_critical)]
    computed = [float(value) for value in (*pairs, *window)]
    assert [float(cell) for cell in row[1:]] == pytest.approx(computed, rel=1e-3)
