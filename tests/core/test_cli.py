"""The command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spectral_atlas import cli
from spectral_atlas.registry import papers

SMOKE = str(Path(__file__).parents[2] / "workflow/scales/smoke.yaml")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_figures_lists_every_figure_of_every_paper(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(run(capsys, "figures", "--json"))
    wanted = {(p.key, f.id) for p in papers().values() for f in p.figures}
    assert {(row["paper"], row["id"]) for row in rows} == wanted
    for row in rows:
        assert {"title", "evidence", "experiments", "outputs", "claims", "current"} <= set(row)
        assert set(row["outputs"]) == {"pdf", "svg", "png", "csv"}


def test_figures_prints_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "figures").splitlines()
    assert len(lines) == 1 + sum(len(p.figures) for p in papers().values())


def test_claims_before_any_run_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["claims"])
    assert "run snakemake first" in str(ended.value.code)


def test_gc_lists_what_no_scale_names_and_deletes_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plans = [cli.Plan(cli.parse(cli.read_config(o))) for o in ([], [SMOKE])]
    kept = [Path(plan.nodes[0].path) for plan in plans]
    kept.append(Path(plans[0].figures[0].record))
    old = Path("results/runs/marion2024/mlp_sweep.0123456789.nc")
    unfinished = Path(f"{plans[0].nodes[0].path}.tmp-123")
    kept.append(Path(f"{plans[0].nodes[0].path}.tmp-456"))  # a job is writing it now
    for path in (*kept, old, unfinished):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    os.utime(unfinished, (0, 0))
    assert set(run(capsys, "gc").split()) == {str(old), str(unfinished)}
    assert old.exists()
    run(capsys, "gc", "--delete")
    assert not old.exists()
    assert not unfinished.exists()
    assert all(path.exists() for path in kept)


def test_a_missing_overlay_is_one_line() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["figures", "--configfile", "nowhere.yaml"])
    assert ended.value.code == "config error: nowhere.yaml: no such file"


@pytest.mark.parametrize("text", ["a: [", "- a"])
def test_an_overlay_that_is_no_mapping_is_one_line(tmp_path: Path, text: str) -> None:
    overlay = tmp_path / "bad.yaml"
    overlay.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        cli.main(["figures", "--configfile", str(overlay)])
    assert str(ended.value.code).startswith(f"config error: {overlay}: ")
    assert "\n" not in str(ended.value.code)
