"""docs/craciun2024.md names every figure, run and claim, with the words and numbers of the code."""

import inspect
import re

import numpy as np
import pytest
import yaml
from paper_page import ROOT, Page, PageTests

from spectral_atlas import spectra
from spectral_atlas.papers.craciun2024 import (
    descents,
    minibatch,
    period_two,
    theory,
    wide_spectra,
)
from spectral_atlas.papers.craciun2024.claims import CHECKS
from spectral_atlas.papers.craciun2024.config import Craciun, Data, Runs, Spectra
from spectral_atlas.papers.craciun2024.experiments import PAPER
from spectral_atlas.papers.craciun2024.figures import balanced_orbits
from spectral_atlas.papers.craciun2024.rules import second_moment_of, target_of
from spectral_atlas.spectra.least_sharpness import least_sharpness
from spectral_atlas.training.endings import Endings

PAGE = Page("craciun2024")
CONFIGURED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["craciun2024"]


class TestPage(PageTests):
    page, paper, checks = PAGE, PAPER, CHECKS


@pytest.fixture(scope="module")
def config():
    return Craciun.model_validate(CONFIGURED)


def numbers(cell):
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", cell)]


def test_all_versions_and_the_follow_up_are_cited():
    head = PAGE.head.lower()
    assert "arxiv.org/abs/2402.13108" in head
    assert "arxiv.org/abs/2510.24466" in head
    assert PAPER.title.lower() in head
    assert "on the convergence of gradient descent for large learning rates" in head


def test_all_data_runs_and_spectra_are_named():
    named = set(re.findall(r"`(\w+)`", PAGE.sections["1"]))
    assert {*Runs.model_fields, *Spectra.model_fields, *Data.model_fields} <= named


def test_the_table_of_runs_has_the_numbers_of_the_configuration(config):
    rows = {row[0].strip("`"): row[2:] for row in PAGE.table("1", "runs")}
    runs = config.runs
    assert [numbers(c) for c in rows["edge"]] == [
        [start.share for start in runs.edge.starts],
        [1],
        [start.steps for start in runs.edge.starts],
    ]
    for name in ("edge_fresh", "wide"):
        section = getattr(runs, name)
        seeds = len(section.initialization_seeds)
        assert [numbers(c) for c in rows[name]] == [[section.share], [seeds], [section.steps]]
    chain = runs.chain
    assert [numbers(c) for c in rows["chain"]] == [chain.learning_rates, [1], [chain.stop_loss]]
    side, etas = runs.basins.side, {}
    starts = {"basins": [side, side]}
    for name in ("two_parameter", "basins", "nets", "nonlinear"):
        section = getattr(runs, name)
        etas[name] = section.shares if name == "nets" else section.learning_rates
        ends = [len(etas[name]), min(etas[name]), max(etas[name])]
        start = starts.get(name) or [section.starts]
        assert [numbers(c) for c in rows[name]] == [ends, start, [section.steps]]


def test_other_settings_on_the_page_are_those_of_the_configuration(config):
    runs, first, measured = config.runs, PAGE.prose("1"), PAGE.prose("4")
    assert runs.edge.slowdown == runs.edge_fresh.slowdown == runs.chain.slowdown == 20
    assert "eta / 20, 20 times the steps" in first
    assert f"K = {runs.nonlinear.width}, on four points" in first
    random = len(runs.critical.random_widths) * runs.critical.random_problems
    assert f"all networks and {random} random problems" in first
    assert runs.nets.still == runs.two_parameter.still == runs.nonlinear.still == 1e-8
    assert "|grad L| < 1e-8 at all" in measured
    assert runs.nets.limit == 1e6
    assert "a weight beyond 1e6" in measured
    assert runs.nets.nudge == runs.nonlinear.nudge == 1e-6
    assert "is moved by 1e-6 in a random direction" in measured
    assert f"last {runs.nets.window} parameters ({runs.nonlinear.window} for nonlinear" in measured
    steps, starts = runs.minibatch.steps, runs.minibatch.starts
    assert f"products of {steps} factors over {starts} sequences" in measured
    assert f"{starts} starts at the distance" in measured
    assert f"augmented Lagrangians and L-BFGS, {runs.critical.restarts} starts" in measured
    assert f"A nudge of {runs.basins.nudge:g}" in measured


def test_rules_on_the_page_are_those_of_the_code():
    measured = PAGE.prose("4")
    rule = inspect.signature(Endings.outcomes).parameters
    assert rule["zero_loss"].default == 1e-12
    assert "stayed within 1e-12 of its minimum" in measured
    assert descents.ROUNDING == 1e-12
    assert descents.FLOOR == 1e-24
    assert "by more than 1e-12 of it and 1e-24" in measured
    assert minibatch.NUDGE == 1e-3
    assert "starts at the distance 1e-3 of a minimizer" in measured
    assert f"farther than {minibatch.NEAR} from it" in measured
    assert minibatch.ARRIVED == 1e-6
    assert "within 1e-6 of t_1 t_2 = 1" in measured
    assert (period_two.GAP, period_two.SHARE) == (1e-8, 1e-6)
    assert r"< 1e-8 and < 1e-6 \|theta_T - theta_(T-1)\|" in measured
    assert wide_spectra.SMALLEST == 1e-4
    assert "(1e-4 for the smallest eigenvalue)" in measured


def test_the_critical_steps_of_the_page_are_those_of_the_code(config):
    rows = {row[0]: row[1:] for row in PAGE.table("2", "network")}
    nets = {net.name: net for net in config.data.nets.nets}
    assert [name.strip("`") for name in rows] == [one.net for one in config.runs.nets.nets]
    for name, (depth, sharpness, step) in rows.items():
        net = nets[name.strip("`")]
        assert int(depth) == len(net.widths) - 1
        S = np.diag(np.array(second_moment_of(net), dtype=float))
        found = least_sharpness(np.array(target_of(net), dtype=float), S, int(depth))
        assert float(sharpness) == pytest.approx(found.value, rel=1e-5)
        assert float(step) == pytest.approx(2 / found.value, rel=1e-5)


def test_the_theory_table_names_what_there_is():
    lines, places = PAGE.table("2", "line"), (theory, balanced_orbits, spectra)
    assert lines
    for row in lines:
        names = re.findall(r"`(\w+)`", row[3])
        assert names
        assert all(any(hasattr(m, n) for m in places) for n in names), names
    assert set(re.findall(r"`(\w+)`", " ".join(row[4] for row in lines))) <= set(PAGE.figure_rows)
