"""The whole pipeline at the smoke scale: what it leaves, and the same bytes twice."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from pipeline_clone import SMOKE, Clone

from spectral_atlas.registry import papers

pytestmark = pytest.mark.pipeline


def digests(clone: Clone, *folders: str) -> dict[str, str]:
    """Digest of every file below some folders."""
    files = [p for f in folders for p in sorted((clone.path / f).rglob("*")) if p.is_file()]
    return {
        str(p.relative_to(clone.path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def test_every_figure_and_every_file_is_there(finished: Clone) -> None:
    for paper in papers().values():
        for figure in paper.figures:
            for form in ("pdf", "svg", "png", "csv"):
                path = finished.path / "figures" / paper.key / f"{figure.id}.{form}"
                assert path.stat().st_size > 100, path
        for node in paper.nodes:
            folder = finished.path / "results" / node.stage / paper.key
            assert len(list(folder.glob(f"{node.name}.*.nc"))) == 1, node.ref


def test_every_claim_has_a_verdict(finished: Clone) -> None:
    rows = json.loads((finished.path / "results/claims.json").read_text(encoding="utf-8"))
    assert rows
    assert {row["verdict"] for row in rows} <= {"holds", "fails", "not measured"}
    for row in rows:
        assert row["statement"], row["id"]
        assert row["evidence"], row["id"]


def test_nothing_half_written_remains(finished: Clone) -> None:
    assert not list(finished.path.rglob("*.tmp-*"))


def test_one_core_gives_the_same_bytes_as_two(
    source: Clone, finished: Clone, tmp_path: Path
) -> None:
    """Caches and figures do not depend on cores, time or place. Four experiments stand for all."""
    again = source.copy(tmp_path / "clone")
    targets = [
        path
        for path in digests(finished, "results/spectra", "results/runs", "figures")
        if Path(path).name.split(".")[0]
        in ("gelu_sweep", "residual_sweep", "mixture_recalled", "xor_four")
        or Path(path).stem in ("fig4b", "fig7", "fig3_1", "outcome_law")
    ]
    again.snakemake("--configfile", SMOKE, "--cores", "1", *targets)
    first, second = (
        digests(c, "results/spectra", "results/runs", "figures") for c in (finished, again)
    )
    assert {p: second[p] for p in targets} == {p: first[p] for p in targets}


def test_the_report_is_one_offline_file_with_measured_captions(clone: Clone) -> None:
    clone.snakemake("--configfile", SMOKE, "--report", "report.html")
    page = (clone.path / "report.html").read_text(encoding="utf-8")
    (record,) = (clone.path / "results/figures/marion2024").glob("fig1a.*.json")
    facts = json.loads(record.read_text(encoding="utf-8"))["facts"]
    counted = f"{facts['n_converged']} converged, {facts['n_unconverged']} did not"
    assert f"Of {facts['n_runs']} runs ({facts['data']}; " in page
    assert counted in page
    assert not re.findall(r"<(?:script|link)[^>]*(?:src|href)=.https?:", page)
