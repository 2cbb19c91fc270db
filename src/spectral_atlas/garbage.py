"""Cached files that no planned run refers to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from spectral_atlas.keys import kernel_cache
from spectral_atlas.plan import ROOT, Plan

DAY = 86_400.0
SCALES = ROOT / "workflow" / "scales"
# Folders whose file names hold keys, and the suffixes of what lies there.
KEYED = {
    "data": ".nc", "runs": ".nc", "spectra": ".nc", "claims": ".json", "figures": ".json",
    "tables": ".json", "benchmarks": ".tsv", "logs": ".log",
}  # fmt: skip


def unreferenced(plans: Iterable[Plan]) -> list[Path]:
    """Files below results/ whose key none of the plans has, sorted; old half-written ones too."""
    keys: set[str] = set()
    for plan in plans:
        keys |= {node.key for node in plan.nodes}
        keys |= {figure.key for figure in plan.figures}
        keys |= {claims.key for claims in plan.claims}
        keys |= {plan.claims_key, plan.runs_key}
    left = []
    for folder, suffix in KEYED.items():
        for path in sorted(Path("results", folder).rglob("*")):
            # A younger one may belong to a job that is still writing.
            unfinished = ".tmp-" in path.name and time.time() - path.stat().st_mtime > DAY
            parts = path.name.split(".")
            keyed = path.suffix == suffix and len(parts) == 3
            if path.is_file() and (unfinished or (keyed and parts[1] not in keys)):
                left.append(path)
    current = kernel_cache()
    kernels = sorted(current.parent.rglob("*"))
    return left + [p for p in kernels if p.is_file() and current not in p.parents]
