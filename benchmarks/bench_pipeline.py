"""Wall time of the pipeline: every scale from nothing, a redraw from caches, a dry run.

    python benchmarks/bench_pipeline.py [smoke] [default] [paper]

Works in a temporary clone, so caches of this folder are neither used nor touched. The first scale
also pays for compiling the kernels. Writes benchmarks/results/pipeline.csv.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "environment.yml", "workflow", "profiles", "scripts", "src")
DRY_RUNS = 5


def snakemake(clone: Path, scale: str, *arguments: str) -> float:
    """Seconds of one call."""
    overlay = [] if scale == "default" else ["--configfile", f"workflow/scales/{scale}.yaml"]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *overlay, *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return seconds


def measure(clone: Path, scale: str) -> list[dict[str, object]]:
    """From nothing, dry run after it (least of five), all figures again from caches."""
    full = snakemake(clone, scale)
    dry = min(snakemake(clone, scale, "-n") for _ in range(DRY_RUNS))
    shutil.rmtree(clone / "figures")
    redraw = snakemake(clone, scale)
    found = {"from nothing": full, "dry run": dry, "redraw from caches": redraw}
    return [{"scale": scale, "what": k, "seconds": f"{v:.2f}"} for k, v in found.items()]


def main() -> None:
    """Measure the named scales, smoke and default if none is named."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, clone / part)
        for cached in clone.rglob("__pycache__"):
            shutil.rmtree(cached)
        for scale in sys.argv[1:] or ["smoke", "default"]:
            for row in measure(clone, scale):
                print(*row.values(), f"({os.cpu_count()} cores)", flush=True)
                rows.append(row | {"cores": os.cpu_count()})
    path = ROOT / "benchmarks" / "results" / "pipeline.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
