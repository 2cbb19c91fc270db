"""Where descents of L = (1 - w_1 w_2)^2 come to rest, and how far from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.plotting.curves import spread
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.intervals import zero_bound

Array = np.ndarray
SHOWN = 300  # limits that are drawn for each learning rate
ROUNDING = 1e-9  # of the bound: a norm above it by less is at it


def from_the_box(box: float) -> float:
    """Largest |w| at which gradient flow from [-box, box]^2 can end, (box^4 + 4)^(1/4).

    Flow keeps w_1^2 - w_2^2, at most box^2 in absolute value, and |w|^4 = (w_1^2 - w_2^2)^2 +
    4 (w_1 w_2)^2 with w_1 w_2 = 1 in the end.
    """
    return float((box**4 + 4) ** 0.25)


def norms_at_minima(runs: xr.Dataset) -> list[Float[Array, " n"]]:
    """Sorted |w| of the runs that rest at a minimum, for each learning rate."""
    named = str(runs["outcome"].attrs["flag_meanings"]).split()
    at_minimum = runs["outcome"].values == named.index("minimum")
    norm = np.linalg.norm(runs["theta"].transpose(..., "weight").values, axis=-1)
    return [np.sort(row[kept]) for row, kept in zip(norm, at_minimum, strict=True)]


def limits_of_descents(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each learning rate: how many starts, how many minima, the largest |w| of these.

    ``bound`` is the supremum over stable minimizers, NaN beyond the critical step; ``ratio`` the
    largest norm over it; ``above`` how many norms are above it.
    """
    rows = []
    for eta, norms in zip(runs["learning_rate"].values, norms_at_minima(runs), strict=True):
        bound = float(theory.stable_radius(eta))
        largest = float(norms[-1]) if norms.size else np.nan
        rows.append(
            {
                "panel": "a",
                "kind": "all limits",
                "learning_rate": float(eta),
                "starts": runs.sizes["start"],
                "minima": norms.size,
                "largest": largest,
                "median": float(np.median(norms)) if norms.size else np.nan,
                "bound": bound,
                "ratio": largest / bound,
                "above": int((norms > bound * (1 + ROUNDING)).sum()),
            }
        )
    return pd.DataFrame(rows).sort_values("learning_rate", ignore_index=True)


def sampled(runs: xr.Dataset) -> pd.DataFrame:
    """At most `SHOWN` norms of each learning rate, at even ranks: the least and the largest too."""
    parts = []
    for eta, norms in zip(runs["learning_rate"].values, norms_at_minima(runs), strict=True):
        shown = norms[spread(norms.size, SHOWN)]
        some = {"panel": "a", "kind": "sample", "learning_rate": float(eta), "norm": shown}
        parts.append(pd.DataFrame(some))
    return pd.concat(parts, ignore_index=True)


def limit_facts(runs: xr.Dataset, limits: pd.DataFrame, shown: pd.DataFrame) -> dict[str, Any]:
    """Numbers of panel a."""
    below = limits[limits["learning_rate"] < CRITICAL_STEP]
    beyond = limits[limits["learning_rate"] >= CRITICAL_STEP]
    reached, cap = below[below["minima"] > 0], from_the_box(float(runs.attrs["box"]))
    capped = [f"{eta:g}" for eta in below.loc[below["bound"] > cap, "learning_rate"]]
    free = reached[reached["bound"] <= cap]
    starts = runs.sizes["start"]
    return {
        "starts": starts,
        "steps": int(runs.attrs["steps"]),
        "box": quoted(float(runs.attrs["box"])),
        "rates_below": len(below),
        "rates_beyond": len(beyond),
        "minima_below": int(below["minima"].sum()),
        "minima_beyond": int(beyond["minima"].sum()),
        "minima_each": span(below["minima"]),
        "at_most": f"{zero_bound(starts):.2g}",
        "above": int(limits["above"].sum()),
        "ratio": quoted(float(reached["ratio"].max()) if len(reached) else None, 5),
        "ratios": span(free["ratio"], 4),
        "cap": quoted(cap, 4),
        "capped": ", ".join(capped) or "none",
        "drawn": len(shown),
        "critical": quoted(CRITICAL_STEP),
    }  # fmt: skip
