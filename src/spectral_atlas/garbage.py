"""Cached files that no planned run refers to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spectral_atlas.plan import ROOT, Plan

SCALES = ROOT / "workflow" / "scales"
# Folders whose file names hold keys, and the suffixes of what lies there.
KEYED = {
    "data": ".nc", "runs": ".nc", "spectra": ".nc", "claims": ".json", "figures": ".json",
    "tables": ".json", "benchmarks": ".tsv", "logs": ".log",
}  # fmt: skip


def unreferenced(plans: Iterable[Plan]) -> list[Path]:
    """Files below results/ whose key none of the plans has, sorted; half-written ones too."""
    keys: set[str] = set()
    for plan in plans:
        keys |= {node.key for node in plan.nodes}
        keys |= {figure.key for figure in plan.figures}
        keys |= {claims.key for claims in plan.claims}
        keys |= {plan.claims_key, plan.runs_key}
    left = []
    for folder, suffix in KEYED.items():
        for path in sorted(Path("results", folder).rglob("*")):
            unfinished = ".tmp-" in path.name
            parts = path.name.split(".")
            keyed = path.suffix == suffix and len(parts) == 3
            if path.is_file() and (unfinished or (keyed and parts[1] not in keys)):
                left.append(path)
    return left
