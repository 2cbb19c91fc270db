"""Figures that sort networks by what they learned, on made-up outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from xor_runs import RIDGE, Files, draw, drawn, files

from spectral_atlas.papers.benarous2024 import outcomes
from spectral_atlas.papers.benarous2024.theory import xor_constant


def with_outcomes(name: str, margins: np.ndarray, eigenvalues: np.ndarray | None = None) -> Files:
    """The files with other networks at the end: margins (run, 4), eigenvalues of both blocks."""
    inputs = dict(files())
    runs = inputs[f"runs/{name}"].copy(deep=True)
    signs = np.array([1, 1, -1, -1])
    runs["f_means"].values[:, -1] = margins * signs * xor_constant(RIDGE[name])
    spectra = inputs[f"spectra/{name}"].copy(deep=True)
    if eigenvalues is not None:
        spectra["readout_eigenvalues"].values[:, :, -1] = eigenvalues
    return inputs | {f"runs/{name}": runs, f"spectra/{name}": spectra}


MARGINS = np.zeros((12, 4))
MARGINS[0] = [1, 1, 0.5, 0]  # learned 2, not settled
MARGINS[1, 0] = 1
MARGINS[2:5, :2] = 1
MARGINS[5:10, :3] = 1
MARGINS[10] = 1
MARGINS[11] = [1, 1, 1, 0.6]  # learned 4, not settled


def test_fig4_3_chooses_the_first_settled_run_of_each_count():
    drawing = draw("fig4_3", with_outcomes("xor_four_theorem", MARGINS))
    chosen = drawing.table.query("study == 'xor_four_theorem'").groupby("panel")["run"].unique()
    assert {count: list(run) for count, run in chosen.items()} == {1: [1], 2: [2], 3: [5], 4: [10]}
    values = files()["spectra/xor_four_theorem"]["readout_eigenvalues"].values[0]
    rows = drawing.table.query("study == 'xor_four_theorem' and panel == 3")
    np.testing.assert_array_equal(rows["eigenvalue"], values[5].T.ravel())
    assert (drawing.facts["theorem_unsettled"], drawing.facts["theorem_absent"]) == (2, "none")


def test_fig4_3_says_which_counts_no_run_has():
    drawing = draw(
        "fig4_3", with_outcomes("xor_four_theorem", np.where(MARGINS > 0.9, MARGINS, 0)[[4] * 12])
    )
    panels = drawing.figure.subfigs[1].axes
    empty = [any("no such run" in text.get_text() for text in ax.texts) for ax in panels]
    assert empty == [True, False, True, True]
    assert drawing.facts["theorem_absent"] == "1, 3 and 4"
    assert drawing.facts["theorem_shown"] == 1


def test_fig4_3_recalled_panels_say_basins_and_what_was_learned():
    margins = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]])
    drawing = draw("fig4_3", with_outcomes("xor_four_recalled", margins))
    titles = [ax.get_title(loc="left") for ax in drawing.figure.subfigs[0].axes]
    assert [f"{n} basin" in title for n, title in enumerate(titles, 1)] == [True] * 4
    assert [title.split("end: ")[1] for title in titles] == [f"{n} learned" for n in (4, 1, 0, 3)]
    assert drawing.facts["recalled_as_basins"] == 0
    assert drawing.facts["recalled_learned"].startswith("4 (run ")


def test_outcome_law_counts_runs_and_compares_with_the_law():
    eigenvalues = np.zeros((2, 12, 4))
    counts = outcomes.learned_count(MARGINS * np.array([1, 1, -1, -1]) * xor_constant(0.05), 0.05)
    for run, count in enumerate(counts):
        eigenvalues[:, run, :count] = 1.0
    eigenvalues[1, 5, 2] = 0.05  # of G: one outlier less
    drawing = draw("outcome_law", with_outcomes("xor_four", MARGINS, eigenvalues))
    table, facts = drawing.table, drawing.facts
    bars = table.query("panel == 'a'")
    assert list(bars["runs"]) == [0, 1, 4, 5, 2]
    assert list(bars["unsettled"]) == [0, 0, 1, 0, 1]
    law = np.array([1, 21, 36, 6]) / 64
    np.testing.assert_allclose(bars["predicted"], [0, *(12 * law)])
    spread = 3 * binom.std(12, law)
    np.testing.assert_allclose(bars["high"][1:], np.minimum(12 * law + spread, 12))
    inside = np.abs(np.array([1, 4, 5, 2]) - 12 * law) <= spread
    assert facts["within"] == inside.sum()
    assert facts["counts"] == "1/4/5/2"
    assert (facts["settled"], facts["unsettled"]) == (10, 2)
    assert (facts["hessian_all_percent"], facts["hessian_settled_percent"]) == (100, 100)
    assert facts["gradient_all_percent"] == pytest.approx(100 * 11 / 12, rel=5e-3)
    assert facts["gradient_settled_percent"] == 90
    cells = table.query("predictor == 'gradient'")
    assert cells[["settled", "unsettled"]].to_numpy().sum() == 12
    moved = cells.query("learned == 3 and value == 2")
    assert (moved["settled"].item(), moved["unsettled"].item()) == (1, 0)


def test_outcome_law_has_every_width():
    drawing = drawn("outcome_law")
    rows = drawing.table.query("panel == 'b' and quantity == 'all_four'")
    table = rows.set_index(["precision", "neurons"])
    assert list(table.index) == [(100, 4), (100, 9), (1000, 6), (1000, 9)]
    starts = drawing.table.query("panel == 'b' and quantity == 'four_basins'")
    starts = starts.set_index(["precision", "neurons"])
    for name, precision in (("xor_widths", 1000), ("xor_widths_moderate", 100)):
        widths = files()[f"runs/{name}"]
        for i, neurons in enumerate(widths["neurons"].values):
            own = outcomes.learned_count(widths["f_means"].values[i, :, -1], 0.05)
            assert table["share"][precision, neurons] == (own == 4).mean()
            assert table["n"][precision, neurons] == 10
            basins = (widths["basins"].values[i] == 4).mean()
            assert starts["share"][precision, neurons] == basins
    assert (starts["share"] != table["share"]).any()
    surjections = {4: 24 / 4**4, 6: 1560 / 4**6, 9: 186480 / 4**9}
    wanted = [surjections[neurons] for _, neurons in table.index]
    np.testing.assert_allclose(table["predicted"], wanted)
