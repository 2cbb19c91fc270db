"""A wrong configuration stops snakemake before any job, with one line for each wrong key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_clone import Clone

pytestmark = pytest.mark.pipeline
BLOCK = "{blocks: [{learning_rate: -1, steps: 5, repeats: 2}]}"
KEY = "config error: marion2024."
BAD = {
    "scale: huge": "config error: scale = 'huge': must be 'smoke', 'default', 'paper'",
    "seeed: 3": "config error: seeed: unknown key; allowed here: scale, seed, style, benarous2024",
    "style: {dpi: .inf}": "config error: style.dpi = inf: ",
    "marion2024: 3": "config error: marion2024 = 3: must be a section with keys of its own",
    "marion2024: {mlp_sweep: {depth: 0}}": (
        f"{KEY}mlp_sweep.depth = 0: must be greater than or equal to 1"
    ),
    f"marion2024: {{mlp_sweep: {BLOCK}}}": (
        f"{KEY}mlp_sweep.blocks[0].learning_rate = -1: must be greater than 0"
    ),
    "marion2024: {mlp_sweep: {scales: {start: 1}}}": "stop must be greater than start = 1",
    "marion2024: {data: {linear: {n: 2.5}}}": f"{KEY}data.linear.n = 2.5: must be a valid integer",
    "marion2024: {data: {ratio: {n: 3}}}": (
        f"{KEY}data.ratio.n = 3 must be at least the largest dimension, 5"
    ),
    "benarous2024: {train: {xor_theorem: {ridge: 0.125}}}": (
        "config error: benarous2024.train.xor_theorem.ridge = 0.125: must be less than 0.125"
    ),
    "benarous2024: {train: {xor_theorem: {step: 5000}}}": (
        "config error: benarous2024.train.xor_theorem.step = 5000: must be less than"
    ),
    "kalra2023: {early: {fcn_deep: {models: [{data: fields, depth: 4, widths: [8], seeds: 1}]}}}": (
        "config error: kalra2023.early.fcn_deep.models[0].data = fields: must be images"
    ),
    "kalra2023: {early: {fcn: {parts: 9}}}": (
        "config error: kalra2023.early.fcn.parts = 9: must be at most the number of runs, "
    ),
    "kalra2023: {data: {images: {source: idx, folder: /nowhere}}}": (
        "config error: kalra2023.data.images.folder = '/nowhere': "
    ),
    "marion2024: {spectra: {tolerance: abc}}": (
        f"{KEY}spectra.tolerance = 'abc': must be a valid number"
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_one_line_names_key_value_and_what_is_allowed(
    source: Clone, tmp_path: Path, text: str
) -> None:
    overlay = tmp_path / "bad.yaml"
    overlay.write_text(text + "\n", encoding="utf-8")
    done = source.snakemake("--configfile", "workflow/scales/smoke.yaml", str(overlay), check=False)
    announced = ("Using workflow specific profile", "Config file config.yaml is extended")
    lines = [line for line in done.stderr.splitlines() if not line.startswith(announced)]
    assert done.returncode != 0
    assert len(lines) == 1
    assert BAD[text] in lines[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (source.path / "results").exists(), "a job ran"


def test_two_wrong_keys_are_both_named(source: Clone, tmp_path: Path) -> None:
    overlay = tmp_path / "bad.yaml"
    overlay.write_text("seed: -1\nstyle: {dpi: 1}\n", encoding="utf-8")
    done = source.snakemake("-n", "--configfile", str(overlay), check=False)
    assert [line for line in done.stderr.splitlines() if "config error: seed" in line]
    assert [line for line in done.stderr.splitlines() if "config error: style.dpi" in line]
