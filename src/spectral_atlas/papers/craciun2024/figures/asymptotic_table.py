"""Numbers behind the asymptotic gradient: members, orbits of period two, their multipliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.papers.craciun2024.figures.balanced_orbits import (
    balanced_gradient,
    balanced_multipliers,
)
from spectral_atlas.papers.craciun2024.figures.common import (
    above_critical,
    add_shares,
    outcome_names,
)
from spectral_atlas.papers.craciun2024.period_two import GAP, at_period_two
from spectral_atlas.plotting.curves import spread

Array = np.ndarray
MOST = 60  # runs of a network and learning rate that are drawn
REAL = 1e-9  # imaginary parts below are rounding
MANIFOLD = 1e-6  # multipliers this near to 1 belong to the manifold of orbits
MEASURED = ["outcome", "gradient_mean", "period_two_gap", "step_length"]
ENSEMBLE = "two-parameter, uniform starts"


def gradient_table(runs: xr.Dataset, two: xr.Dataset, gap: float) -> pd.DataFrame:
    """One row for each network and learning rate, and for each of the two-parameter ensemble.

    Returns
    -------
    DataFrame with ``net``, ``share_of_critical``, ``depth``, ``white``, ``starts``; ``unit``,
    sigma_1^(1/H) / (H eta_C); ``resting`` and ``bounded`` runs with the ``least`` and ``largest``
    mean |gradient| of the latter and ``rest``, the largest of the former; ``n``, bounded runs above
    eta_C, and ``period_two``, those of them that `at_period_two` finds with ``gap``, with share,
    low, high, and ``period_least, period_largest`` mean |gradient|; ``theory``, in the same units.
    """
    rows = []
    for net, one in _groups(runs, two, gap):
        for a, outcome, gradient, closed in one["parts"]:
            bounded, resting = outcome == one["bounded"], np.isin(outcome, one["rest"])
            period = closed & bool(above_critical(a))
            rows.append(
                {
                    "net": net, "share_of_critical": a, "depth": one["depth"],
                    "white": one["white"], "starts": len(outcome), "unit": one["unit"],
                    "resting": int(resting.sum()), "rest": _end(gradient[resting], np.max),
                    "bounded": int(bounded.sum()), "least": _end(gradient[bounded], np.min),
                    "largest": _end(gradient[bounded], np.max),
                    "n": int(bounded.sum()) if above_critical(a) else 0,
                    "period_two": int(period.sum()),
                    "period_least": _end(gradient[period], np.min),
                    "period_largest": _end(gradient[period], np.max),
                    "theory": one["unit"] * float(balanced_gradient(a, one["depth"])[0]),
                }
            )  # fmt: skip
    return add_shares(pd.DataFrame(rows), "period_two")


def member_table(runs: xr.Dataset, two: xr.Dataset) -> pd.DataFrame:
    """Mean |gradient| of runs: at most `MOST` of each network and rate, by rank, ends included.

    Columns ``net``, ``share_of_critical``, ``gradient``, ``scaled`` by the unit, and ``resting``.
    """
    parts = []
    for net, one in _groups(runs, two):
        for a, outcome, gradient, _ in one["parts"]:
            for resting, kind in ((True, one["rest"]), (False, [one["bounded"]])):
                values = np.sort(gradient[np.isin(outcome, kind) & np.isfinite(gradient)])
                shown = values[spread(len(values), MOST)]
                frame = {"net": net, "share_of_critical": a, "gradient": shown}
                frame |= {"scaled": shown / one["unit"], "resting": resting}
                parts.append(pd.DataFrame(frame))
    return pd.concat(parts, ignore_index=True)


def multiplier_table(runs: xr.Dataset, orbits: xr.Dataset) -> pd.DataFrame:
    """Multipliers of each orbit above eta_C; rows for each network, rate and orbit.

    Returns
    -------
    DataFrame with ``longitudinal`` and ``transverse``, the real ones nearest to those of the
    balanced orbit of this depth; ``longitudinal_theory, transverse_theory``; ``complex_modulus``,
    of the largest that are not real; ``others``, the largest modulus of all that are not within
    `MANIFOLD` of 1; ``ones``, how many are. NaN where there are none.
    """
    depths = dict(zip(runs["net"].values.tolist(), runs["depth"].values.tolist(), strict=True))
    white = dict(zip(runs["net"].values.tolist(), runs["white"].values.tolist(), strict=True))
    values = orbits["multipliers"].transpose("net", "share", "orbit", "value", "part").values
    rows = []
    for k, net in enumerate(orbits["net"].values.tolist()):
        for j, a in enumerate(orbits["share"].values.tolist()):
            if not above_critical(a):
                continue
            along, across = (float(m[0]) for m in balanced_multipliers(a, depths[net]))
            for i, pairs in enumerate(values[k, j]):
                found = (pairs[:, 0] + 1j * pairs[:, 1])[np.isfinite(pairs).all(1)]
                if not found.size:
                    continue
                real = found.real[np.abs(found.imag) <= REAL]
                rest = np.abs(found[np.abs(found - 1) > MANIFOLD])
                waves = np.abs(found[np.abs(found.imag) > REAL])
                row = {"net": net, "share_of_critical": a, "depth": depths[net]}
                row |= {"white": bool(white[net]), "orbit": i}
                row |= {"longitudinal": _nearest(real, along), "longitudinal_theory": along}
                row |= {"transverse": _nearest(real, across), "transverse_theory": across}
                row |= {"complex_modulus": _end(waves, np.max), "others": _end(rest, np.max)}
                rows.append(row | {"ones": int(found.size - rest.size)})
    columns = [
        "net", "share_of_critical", "depth", "white", "orbit", "longitudinal",
        "longitudinal_theory", "transverse", "transverse_theory", "complex_modulus", "others",
        "ones",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _groups(
    runs: xr.Dataset, two: xr.Dataset, gap: float = GAP
) -> list[tuple[str, dict[str, Any]]]:
    """For each network: depth, unit, codes of outcomes, and parts by rate.

    A part is a, and of each run the outcome, mean |gradient| and whether it is at period two.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    outcome, gradient, closed = _measured(runs, ("net", "share", "start"), gap)
    order = np.argsort(runs["share"].values)
    for k, net in enumerate(runs["net"].values.tolist()):
        depth, step = int(runs["depth"][k]), float(runs["critical_step"][k])
        unit = float(runs["largest_singular_value"][k]) ** (1 / depth) / (depth * step)
        parts = [
            (float(runs["share"][j]), outcome[k, j], gradient[k, j], closed[k, j]) for j in order
        ]
        one = {"depth": depth, "white": bool(runs["white"][k]), "unit": unit, "parts": parts}
        found.append((net, one | _codes(runs)))
    flat = _measured(two, ("learning_rate", "start"), gap)
    rates = two["learning_rate"].values
    parts = [
        (float(rates[j]) / CRITICAL_STEP, *(values[j] for values in flat))
        for j in np.argsort(rates)
    ]
    one = {"depth": 2, "white": True, "unit": 0.5 / CRITICAL_STEP, "parts": parts}
    return [*found, (ENSEMBLE, one | _codes(two))]


def _measured(runs: xr.Dataset, dims: Sequence[str], gap: float) -> tuple[Array, Array, Array]:
    """Outcome, mean |gradient| and whether at period two, along the dimensions in order."""
    own = runs[MEASURED].transpose(*dims)
    return own["outcome"].values, own["gradient_mean"].values, at_period_two(own, gap)


def _codes(runs: xr.Dataset) -> dict[str, Any]:
    names = outcome_names(runs["outcome"])
    rest = [names.index(name) for name in ("minimum", "saddle")]
    return {"bounded": names.index("bounded"), "rest": rest}


def _end(values: Float[Array, " n"], function: Callable[[Array], Any]) -> float:
    kept = values[np.isfinite(values)]
    return float(function(kept)) if kept.size else np.nan


def _nearest(values: Float[Array, " n"], to: float) -> float:
    if not values.size or not np.isfinite(to):
        return np.nan
    return float(values[np.abs(values - to).argmin()])
