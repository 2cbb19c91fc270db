"""What the caption of the figure of single descents quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.edge_drawing import ZIGZAG
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path, each, fates
from spectral_atlas.plotting.facts import listed, quoted


def run_facts(
    inputs: Mapping[str, xr.Dataset], nets: Sequence[Path], chain: Sequence[Path]
) -> dict[str, Any]:
    """Parameters, and what was measured of every run, as text."""
    widths = np.atleast_1d(inputs["runs/edge"].attrs["widths"])
    first = nets[0]
    found: dict[str, Any] = {}
    for prefix, runs in (("nets", nets), ("chain", chain)):
        found |= {
            f"{prefix}_eta": each(runs, [p.learning_rate for p in runs], 5),
            f"{prefix}_share": each(runs, [p.share for p in runs]),
            f"{prefix}_steps": each(runs, [p.last_step for p in runs]),
            f"{prefix}_start": each(runs, [float(p.ratio[0]) for p in runs], 3),
            f"{prefix}_crossing": _steps(runs, [p.crossing for p in runs]),
            f"{prefix}_peak": each(runs, [p.peak for p in runs]),
            f"{prefix}_peak_step": _steps(runs, [p.peak_step for p in runs]),
            f"{prefix}_final": each(runs, [p.final for p in runs]),
            f"{prefix}_loss": each(runs, [float(p.loss[-1]) for p in runs], 2),
            f"{prefix}_increases": each(runs, [p.increases for p in runs]),
            f"{prefix}_slow_final": each(runs, [p.reference_final for p in runs]),
            f"{prefix}_slow_increases": each(runs, [p.reference_increases for p in runs]),
            f"{prefix}_diverged": fates(runs)["diverged"],
            f"{prefix}_unfinished": fates(runs)["unfinished"],
            f"{prefix}_slow_unfinished": fates(runs)["slow_unfinished"],
        }
    return found | {
        "widths": "-".join(str(d) for d in widths),
        "weights": inputs["runs/chain"].sizes["weight"],
        "sigmas": listed([str(quoted(s)) for s in _singular_values(inputs["runs/edge"])]),
        "slowdown": int(inputs["runs/edge"].attrs["slowdown"]),
        "chain_slowdown": int(inputs["runs/chain"].attrs["slowdown"]),
        "first": first.name,
        "n_values": first.values.shape[1],
        "second": quoted(float(np.nanmax(first.values[:, 1:2], initial=-np.inf))),
        "smallest": quoted(float(np.nanmin(first.smallest, initial=np.inf))),
        "dense": _dense(first),
        "longest": max(len(p.steps) for p in [*nets, *chain]),
        "zigzag": ZIGZAG,
        "settled_at": "10⁻⁶",
    }


def _steps(runs: Sequence[Path], steps: Sequence[int]) -> str:
    return ", ".join(
        f"{p.label}: {'never' if s < 0 else s}" for p, s in zip(runs, steps, strict=True)
    )


def _dense(path: Path) -> int:
    """Up to which step every step is a checkpoint."""
    gaps = np.flatnonzero(np.diff(path.steps) > 1)
    return int(path.steps[gaps[0]] if gaps.size else path.steps[-1])


def _singular_values(runs: xr.Dataset) -> np.ndarray:
    return np.linalg.svd(runs["target"].values[0], compute_uv=False)
