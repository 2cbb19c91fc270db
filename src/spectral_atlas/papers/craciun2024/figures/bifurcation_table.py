"""What the bifurcation diagram draws of attractors and orbits, and what its caption quotes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.theory import (
    DEAD_ZONE,
    DOUBLING,
    period_two_multipliers,
    period_two_points,
)
from spectral_atlas.plotting.curves import spread
from spectral_atlas.plotting.facts import listed, quoted, span

VALUES = 1500  # values of a that are drawn, at most
POINTS = 40  # points of an attractor whose period was not found
OTHERS = 4  # orbits that are not of the cascade are drawn up to this period


def drawn_values(runs: xr.Dataset) -> np.ndarray:
    """Which values of a are drawn, evenly spaced."""
    return spread(runs.sizes["value"], VALUES)


def attractor_rows(runs: xr.Dataset) -> pd.DataFrame:
    """Each point of a periodic attractor once, some of the others; from the critical point."""
    one, frames = runs.sel(start="critical"), []
    for v in drawn_values(runs):
        period = int(one["attractor_period"].values[v])
        x = one["attractor"].values[v, : period or POINTS]
        frames.append((runs["a"].values[v], period, np.sort(x[np.isfinite(x)])))
    counts = [len(x) for *_, x in frames]
    return pd.DataFrame(
        {
            "a": np.repeat([f[0] for f in frames], counts),
            "attractor_period": np.repeat([f[1] for f in frames], counts),
            "x": np.concatenate([np.zeros(0), *(x for *_, x in frames)]),
        }
    )


def orbit_rows(runs: xr.Dataset) -> pd.DataFrame:
    """Points of the cascade's orbits, and of others of short periods.

    ``branch`` counts the points of an orbit from the least x: two points of one orbit never meet,
    so that a branch is one curve over a.
    """
    names = ("value", "a", "period", "orbit", "x", "along", "across", "stable", "cascade")
    frame = pd.DataFrame({name: runs[f"point_{name}"].values for name in names})
    keep = frame["cascade"] | (frame["period"] <= OTHERS)
    frame = frame[keep & frame["value"].isin(drawn_values(runs))]
    frame = frame.sort_values(["period", "value", "orbit", "x"], kind="stable")
    branch = frame.groupby(["period", "orbit"]).cumcount()
    return frame.assign(branch=branch, panel="a, b, d").drop(columns=["value"])


def bifurcation_facts(runs: xr.Dataset, orbits: pd.DataFrame) -> dict[str, Any]:
    """Thresholds beside formulas, the attractors' periods, and where trajectories end."""
    doubling = dict(zip(runs["doubled"].values.tolist(), runs["doubling"].values, strict=True))
    gaps = [high - low for low, high in pairwise(doubling.values())]
    found = runs["attractor_period"].sel(start="critical").values
    left = runs["left_at"].sel(start="critical").values >= 0
    apart = _apart(runs)
    two = runs["point_period"].values == 2
    first = float(runs["a"].values[left].min()) if left.any() else float("nan")
    facts: dict[str, Any] = {
        "n_values": runs.sizes["value"],
        "lowest": quoted(float(runs["a"].values.min())),
        "highest": quoted(float(runs["a"].values.max())),
        "transient": int(runs.attrs["transient"]),
        "kept": runs.sizes["kept"],
        "periods": listed([str(int(k)) for k in runs["period"].values]),
        "doublings": listed([f"{v:.5f} ({k} to {2 * k})" for k, v in doubling.items()]),
        "doubling_error": quoted(abs(doubling.get(2, np.nan) - DOUBLING), 2),
        "gap_ratios": listed([f"{a / b:.3f}" for a, b in pairwise(gaps)]),
        "dead": f"{float(runs['dead_zone']):.5f}",
        "dead_error": quoted(abs(float(runs["dead_zone"]) - DEAD_ZONE), 2),
        "left": int(left.sum()),
        "left_from": quoted(first, 4),
        "settled": int((found > 0).sum()),
        "one": int((found == 1).sum()),
        "two": int((found == 2).sum()),
        "wandering": int(((found == 0) & ~left).sum()),
        "starts_agree": _agreement(runs),
        "others": OTHERS,
        "other_orbits": int(orbits[~orbits["cascade"]]["orbit"].nunique()),
        "mean_square": quoted(float(runs.attrs["mean_square"]), 4),
        "two_orbits": int(two.sum()) // 2,
        "two_along": quoted(apart["along"], 2),
        "two_across": quoted(apart["across"], 2),
        "two_points": quoted(apart["x"], 2),
        "most_orbits": int(runs.attrs["most_orbits"]),
        "steps": int(runs.attrs["steps"]),
        "points": POINTS,
        "start": f"({_point(runs)})",
    }
    for name in runs["normalization"].values.tolist():
        facts |= {
            f"{name}_{key}": text for key, text in _ends(runs.sel(normalization=name)).items()
        }
    return facts


def _apart(runs: xr.Dataset) -> dict[str, float]:
    """Largest difference of the period-2 orbits from their formulas."""
    two = np.flatnonzero(runs["point_period"].values == 2)
    if not two.size:
        return {name: float("nan") for name in ("along", "across", "x")}
    a, x = runs["point_a"].values[two], runs["point_x"].values[two]
    along, across = period_two_multipliers(a)
    high, low = period_two_points(a)
    return {
        "along": float(np.abs(runs["point_along"].values[two] - along).max()),
        "across": float(np.abs(runs["point_across"].values[two] - across).max()),
        "x": float(np.minimum(np.abs(x - high), np.abs(x - low)).max()),
    }


def _agreement(runs: xr.Dataset) -> str:
    """At how many a both starts come to attractors of the same period."""
    first, *others = runs["attractor_period"].values
    known = first > 0
    same = known & np.all([other == first for other in others], axis=0)
    return f"{int(same.sum())} of {int(known.sum())}"


def _ends(runs: xr.Dataset) -> dict[str, str]:
    """Where the trajectories of one normalization end, as text."""
    kinds = str(runs["ending"].attrs.get("flag_meanings", "")).split()
    ends, multipliers = [], []
    for k, eta in enumerate(runs["rate_eta"].values):
        kind = kinds[int(runs["ending"].values[k])].replace("_", " ")
        cycle = runs["cycle"].values[k]
        points = cycle if kind == "period two" else cycle[-1:]
        where = " and ".join(f"({t:.4g}, {u:.4g})" for t, u in points)
        ends.append(f"η = {float(eta):g}: {kind}, {where}")
        values = runs["multiplier"].values[k]
        if np.isfinite(values).all():
            multipliers.append(f"{span(values[:1])} and {span(values[1:])}")
    return {"ends": "; ".join(ends), "multipliers": "; ".join(multipliers) or "none"}


def _point(runs: xr.Dataset) -> str:
    first = runs["trajectory"].values.reshape(-1, 2)[0]
    return ", ".join(f"{t:.4g}" for t in first)
