"""What is computed anew after each kind of change: exactly what depends on it, nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pipeline_clone import SMOKE, Clone

from spectral_atlas.registry import Paper, papers

pytestmark = pytest.mark.pipeline
PAPER = papers()["marion2024"]
FIGURES = {f"figures/{figure.id}" for paper in papers().values() for figure in paper.figures}
SPECTRA = {node.ref for node in PAPER.nodes if node.stage == "spectra"}
VERDICTS = {"claims", "table of claims"}
RUNS = {"table of runs"}


def figures_of(*refs: str, paper: Paper = PAPER) -> set[str]:
    """Figures of a paper that read any of these files."""
    return {f"figures/{f.id}" for f in paper.figures if set(f.inputs) & set(refs)}


def test_nothing_after_a_complete_run(clone: Clone) -> None:
    assert clone.wanted() == set()


def test_a_comment_and_a_docstring_change_nothing(clone: Clone) -> None:
    clone.edit("src/spectral_atlas/spectra/lanczos.py", '"""', '# A remark.\n"""Other words. ')
    assert clone.wanted() == set()


def test_an_edit_of_the_common_style_redraws_every_figure(clone: Clone) -> None:
    clone.edit(
        "src/spectral_atlas/plotting/style.py", '"lines.markersize": 3.5', '"lines.markersize": 4'
    )
    assert clone.wanted() == FIGURES


def test_an_edit_of_one_figure_module_redraws_its_figures(clone: Clone) -> None:
    path = clone.path / "src/spectral_atlas/papers/marion2024/figures/depths.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert clone.wanted() == {"figures/fig2"}


def test_an_edit_of_the_eigensolver_recomputes_spectra_but_trains_nothing(clone: Clone) -> None:
    clone.edit("src/spectral_atlas/spectra/lanczos.py", "FIRST_ROOM = 32", "FIRST_ROOM = 40")
    other = papers()["jacot2021"]  # Hessians at saddles and minima, in one module
    hessians = {node.ref for node in other.nodes if ".hessians:" in node.function}
    drawn = figures_of(*SPECTRA) | figures_of(*hessians, paper=other)
    assert clone.wanted() == SPECTRA | hessians | drawn | VERDICTS | RUNS


def test_an_edit_of_one_training_module_recomputes_its_experiment(clone: Clone) -> None:
    path = clone.path / "src/spectral_atlas/papers/marion2024/alignment.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    changed = {"runs/alignment", "spectra/alignment"}
    assert clone.wanted() == changed | figures_of(*changed) | VERDICTS | RUNS


def test_an_edit_of_a_theory_draws_and_judges_but_computes_nothing(clone: Clone) -> None:
    path = clone.path / "src/spectral_atlas/papers/benarous2024/theory.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    wanted = clone.wanted()
    assert {"figures/fig3_4", *VERDICTS} < wanted
    assert wanted <= FIGURES | VERDICTS


def test_a_value_of_one_experiment_recomputes_that_experiment(clone: Clone) -> None:
    clone.edit(SMOKE, "evolution: {repeats: 4}", "evolution: {repeats: 3}")
    changed = {"runs/evolution", "spectra/evolution"}
    assert clone.wanted() == changed | figures_of(*changed) | VERDICTS | RUNS


def test_a_value_of_the_style_redraws_every_figure(clone: Clone) -> None:
    clone.edit("config.yaml", "font_size: 8", "font_size: 9")
    assert clone.wanted() == FIGURES


def test_a_fresh_clone_beside_an_old_cache_is_right_at_once(
    finished: Clone, tmp_path: Path
) -> None:
    fresh = finished.copy(tmp_path / "clone", without=(".snakemake",))
    assert fresh.wanted() == set()


def test_a_fresh_clone_with_the_cache_but_no_figures_only_draws(
    finished: Clone, tmp_path: Path
) -> None:
    fresh = finished.copy(tmp_path / "clone", without=(".snakemake",))
    shutil.rmtree(fresh.path / "figures")
    assert fresh.wanted() == FIGURES


def test_switching_there_and_back_reuses_both_caches(clone: Clone, tmp_path: Path) -> None:
    overlay = tmp_path / "other.yaml"
    overlay.write_text("marion2024: {evolution: {repeats: 2}}\n", encoding="utf-8")
    clone.run(str(overlay))
    assert clone.wanted(str(overlay)) == set()
    # The published figures are the other configuration's now; the computed files are all there.
    evolution = figures_of("runs/evolution")
    assert clone.wanted() == evolution | {"table of claims", "table of runs"}
    clone.run()
    assert clone.wanted() == set()
    assert clone.wanted(str(overlay)) == evolution | {"table of claims", "table of runs"}


def test_a_figure_replaced_by_hand_or_lost_is_drawn_again(clone: Clone) -> None:
    (clone.path / "figures/marion2024/fig2.png").write_bytes(b"not this one")
    (clone.path / "figures/marion2024/fig5.pdf").unlink()
    before = sorted((clone.path / "results").rglob("*.json"))
    assert clone.wanted() == {"figures/fig2", "figures/fig5"}
    assert sorted((clone.path / "results").rglob("*.json")) == before, "a dry run deleted something"


def test_a_table_replaced_by_hand_is_written_again(clone: Clone) -> None:
    (clone.path / "results/claims.json").write_text("[]\n", encoding="utf-8")
    assert clone.wanted() == {"table of claims"}


def test_one_file_of_a_stale_figure_can_be_asked_for_by_name(clone: Clone) -> None:
    fig2 = "figures/marion2024/fig2.pdf"
    assert clone.wanted(fig2) == set()
    clone.edit("config.yaml", "font_size: 8", "font_size: 9")
    assert clone.wanted(fig2) == {"figures/fig2"}
    assert clone.wanted("results/claims.json") == set()


def test_published_figures_carry_the_key_of_their_record(finished: Clone) -> None:
    for record in (finished.path / "results/figures/marion2024").glob("*.json"):
        figure, key, _ = record.name.split(".")
        assert json.loads(record.read_text(encoding="utf-8"))["key"] == key
        for form in ("pdf", "svg", "png", "csv"):
            published = finished.path / "figures/marion2024" / f"{figure}.{form}"
            assert key.encode() in published.read_bytes(), published.name
