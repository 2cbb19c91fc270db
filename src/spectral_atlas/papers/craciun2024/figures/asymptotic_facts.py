"""What the caption of the asymptotic gradient quotes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.asymptotic_table import ENSEMBLE, MANIFOLD, MOST
from spectral_atlas.papers.craciun2024.figures.balanced_orbits import doubling
from spectral_atlas.papers.craciun2024.figures.common import (
    above_critical,
    below_critical,
    some_of,
)
from spectral_atlas.plotting.facts import listed, quoted, span


def asymptotic_facts(
    runs: xr.Dataset,
    two: xr.Dataset,
    table: pd.DataFrame,
    multipliers: pd.DataFrame,
    gap: float,
) -> dict[str, Any]:
    """Numbers of all panels."""
    nets = table[table["net"] != ENSEMBLE]
    a = nets["share_of_critical"].to_numpy(float)
    below, above = nets[below_critical(a)], nets[above_critical(a)]
    first = above[above["share_of_critical"] == above["share_of_critical"].min()]
    depths = sorted({2, *runs["depth"].values.tolist()})
    return {
        "nets": int(runs.sizes["net"]),
        "starts": int(runs.sizes["start"]),
        "steps": int(runs.attrs["steps"]),
        "window": int(runs.attrs["window"]),
        "members": MOST,
        "gap": f"{gap:g}",
        "ensemble_starts": int(two.sizes["start"]),
        "ensemble_steps": int(two.attrs["steps"]),
        "box": quoted(float(two.attrs["box"])),
        "below": span(below["share_of_critical"]),
        "rest": quoted(below["rest"].max(), 2),
        "resting": int(below["resting"].sum()),
        "moving": int(below["bounded"].sum()),
        "tried_below": int(below["starts"].sum()),
        "moving_gradient": span(below.loc[below["bounded"] > 0, "largest"], 2),
        "first": _share(first),
        "first_gradient": span((first["least"] / first["unit"]).to_numpy(float)),
        "doublings": listed([f"{doubling(d):.4f} (H = {d})" for d in depths]),
        "manifold": f"{MANIFOLD:g}",
        **_period_facts(above),
        **_theory_facts(table),
        **_multiplier_facts(multipliers),
    }


def _share(rows: pd.DataFrame) -> float | int | str:
    return quoted(float(rows["share_of_critical"].iloc[0])) if len(rows) else "n/a"


def _period_facts(above: pd.DataFrame) -> dict[str, Any]:
    """Up to where all runs are at period two, and where none is."""
    tried = above[above["n"] > 0]
    partly = tried[(tried["period_two"] > 0) & (tried["period_two"] < tried["n"])]
    kept, lost = [], []
    for net, own in tried.groupby("net", sort=False):
        without = own[own["period_two"] == 0]["share_of_critical"]
        having = own[own["period_two"] > 0]["share_of_critical"]
        kept.append(f"{net} {having.max():g}" if len(having) else f"{net} nowhere")
        lost.append(float(without.min()) if len(without) else np.nan)
    return {
        "period_two": int(tried["period_two"].sum()),
        "bounded_above": int(tried["n"].sum()),
        "last_period_two": some_of(kept, 12),
        "first_without": span(np.array(lost)),
        "partly": some_of(
            [f"{r.period_two} of {r.n} ({r.net} at {r.share_of_critical:g})"
             for r in partly.itertuples()]
        ),
    }  # fmt: skip


def _theory_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Largest relative deviations of mean |gradient| at period two, and its spread."""
    own = table[table["period_two"] > 0]
    ends = own[["period_least", "period_largest"]].to_numpy(float)
    off = np.abs(ends / own["theory"].to_numpy(float)[:, None] - 1).max(1, initial=0.0)
    spread = (ends[:, 1] - ends[:, 0]) / ends[:, 1]
    white, shallow = own["white"].to_numpy(bool), own["depth"].to_numpy() == 2
    ensemble = own["net"].to_numpy() == ENSEMBLE

    def most(values: np.ndarray, kept: np.ndarray) -> float | int | str:
        return quoted(float(values[kept].max()) if kept.any() else np.nan, 2)

    return {
        "spread": most(spread, ~ensemble),
        "shallow_off": most(off, white & shallow & ~ensemble),
        "deep_off": most(off, white & ~shallow),
        "colored_off": most(off, ~white),
        "ensemble_off": most(off, ensemble),
    }


def _multiplier_facts(multipliers: pd.DataFrame) -> dict[str, Any]:
    """Deviations from theory, and the largest moduli."""
    white, shallow = multipliers["white"].to_numpy(bool), multipliers["depth"].to_numpy() == 2
    kinds = ("longitudinal", "transverse")
    pairs = [
        (multipliers[k].to_numpy(float), multipliers[f"{k}_theory"].to_numpy(float)) for k in kinds
    ]
    off = np.max([np.abs(found - theory) for found, theory in pairs], axis=0)
    waves = multipliers[multipliers["complex_modulus"].notna()]
    largest = waves.loc[waves["complex_modulus"].idxmax()] if len(waves) else None

    def most(kept: np.ndarray) -> float | int | str:
        values = off[kept & np.isfinite(off)]
        return quoted(float(values.max()) if values.size else np.nan, 2)

    return {
        "orbits": len(multipliers),
        "shallow_multiplier_off": most(white & shallow),
        "deep_multiplier_off": most(white & ~shallow),
        "colored_multiplier_off": most(~white),
        "others": quoted(float(multipliers["others"].astype(float).max()), 4),
        "largest_complex": "n/a" if largest is None
        else f"{largest['complex_modulus']:.4f} ({largest['net']} at "
        f"{largest['share_of_critical']:g})",
    }  # fmt: skip
