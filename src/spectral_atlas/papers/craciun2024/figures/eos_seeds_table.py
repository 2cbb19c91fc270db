"""Ends of the descents from fresh starts, and what the caption quotes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.edge_drawing import ZIGZAG
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path, fates
from spectral_atlas.plotting.facts import counted, quoted, span
from spectral_atlas.plotting.intervals import zero_bound


def ends_frame(runs: Sequence[Path]) -> pd.DataFrame:
    """One row for each seed, in the order of the reference's last ratio, which ranks them."""
    rows = [
        {
            "run": path.name,
            "fate": path.fate,
            "share": path.share,
            "start": float(path.ratio[0]),
            "peak": path.peak,
            "peak_step": path.peak_step,
            "crossing": path.crossing,
            "final": path.final,
            "final_loss": float(path.loss[-1]),
            "increases": path.increases,
            "slow_final": path.reference_final,
            "slow_settled": path.reference_settled,
            "slow_increases": path.reference_increases,
            "last_step": path.last_step,
        }
        for path in runs
    ]
    frame = pd.DataFrame(rows).sort_values("slow_final", ignore_index=True, kind="stable")
    return frame.assign(rank=np.arange(len(frame)))


def seed_facts(
    inputs: Mapping[str, xr.Dataset], runs: Sequence[Path], ends: pd.DataFrame
) -> dict[str, Any]:
    """Parameters, counts and ranges over seeds."""
    widths = np.atleast_1d(inputs["runs/edge_fresh"].attrs["widths"])
    settled = ends[ends["fate"] == "settled"]
    above, below = (settled[settled["slow_final"] > 1], settled[settled["slow_final"] <= 1])
    return fates(runs) | {
        "widths": "-".join(str(d) for d in widths),
        "seeds": len(ends),
        "seeds_text": counted(len(ends), "initialization seed"),
        "steps": span(ends["last_step"], 7),
        "share": span(ends["share"]),
        "eta": span([path.learning_rate for path in runs], 4),
        "slowdown": int(inputs["runs/edge_fresh"].attrs["slowdown"]),
        "zigzag": ZIGZAG,
        "start": span(ends["start"]),
        "crossed": int((ends["crossing"] >= 0).sum()),
        "crossing": span(ends["crossing"][ends["crossing"] >= 0], 6),
        "peak": span(ends["peak"]),
        "final": span(settled["final"], 4),
        "over_edge": int((settled["final"] > 1).sum()),
        "slow_above": len(above),
        "slow_above_final": span(above["final"], 4),
        "slow_above_slow": span(above["slow_final"], 4),
        "slow_below": len(below),
        "slow_below_final": span(below["final"], 4),
        "slow_below_slow": span(below["slow_final"], 4),
        "slow_below_increases": span(below["increases"], 6),
        "increases": span(ends["increases"], 6),
        "median_increases": quoted(float(ends["increases"].median()), 6),
        "without": int((ends["increases"] == 0).sum()),
        "slow_increases": int(ends["slow_increases"].sum()),
        "final_loss": span(settled["final_loss"], 2),
        "zero_bound": quoted(zero_bound(len(settled)), 2),
    }
