"""Periodic orbits of the map on the diagonal w_1 = w_2 (E16 to E23)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim, one
from spectral_atlas.papers.craciun2024.claims.study import Study
from spectral_atlas.papers.craciun2024.theory import (
    DEAD_ZONE,
    DOUBLING,
    period_two_multipliers,
    period_two_points,
)

Array = np.ndarray
FILE = "runs/bifurcation"
FEIGENBAUM = 4.669201609


def _period_two(study: Study) -> xr.Dataset:
    """Points of the orbits of period two that descend from x = 1."""
    found = study.dataset(FILE)
    keep = (found["point_period"] == 2) & found["point_cascade"]
    some = found.isel(point=np.flatnonzero(keep.values))
    if some.sizes["point"] < 6:
        raise Unmeasured("fewer than 3 orbits of period two in runs/bifurcation")
    return some


def _named(found: xr.Dataset) -> list[str]:
    return [f"a = {a:.4f}" for a in found["point_a"].values]


def _points(study: Study) -> Sample:
    found = _period_two(study)
    x = found["point_x"].values
    wanted = np.stack(period_two_points(found["point_a"].values))
    return Sample(np.abs(x - wanted).min(axis=0), _named(found))


def _multipliers(study: Study) -> Sample:
    found = _period_two(study)
    along, across = period_two_multipliers(found["point_a"].values)
    apart = [found["point_along"].values - along, found["point_across"].values - across]
    return Sample(np.abs(apart).max(axis=0), _named(found))


def _doubling(study: Study, period: int) -> float:
    found = study.dataset(FILE)
    at = np.flatnonzero(found["doubled"].values == period)
    if not at.size:
        raise Unmeasured(f"no doubling of period {period} in {FILE}")
    return float(found["doubling"].values[at[0]])


def _doubles(period: int) -> Samples:
    return lambda study: one(_doubling(study, period), f"{period} to {2 * period}")


def _accumulation(study: Study) -> Sample:
    """From the last two doublings, whose distances shrink by Feigenbaum's constant."""
    last, before = _doubling(study, 16), _doubling(study, 8)
    return one(last + (last - before) / (FEIGENBAUM - 1), "from 8 and 16")


def _dead_zone(study: Study) -> Sample:
    return one(float(study.dataset(FILE)["dead_zone"]), "a")


def _iterated(study: Study) -> Sample:
    """Whether iterated orbits have the period that the doublings say; away from doublings."""
    found = study.dataset(FILE)
    a, period = found["a"].values, found["attractor_period"].transpose("start", "value").values
    ends = np.array([1.0, *(_doubling(study, p) for p in (2, 4, 8))])
    values, labels = [], []
    for wanted, low, high in zip((2, 4, 8), ends[:-1], ends[1:], strict=True):
        margin = 0.1 * (high - low)
        inside = np.flatnonzero((a > low + margin) & (a < high - margin))
        for k in inside:
            values.append(float((period[:, k] == wanted).all()))
            labels.append(f"a = {a[k]:.4f}")
    return Sample(np.array(values), labels)


MAP = "x -> x + a x (1 - x^2), a = eta / eta_C"
READ, DERIVED = "read in the follow-up", "derived"
SEEN = "another program; period doubling as the follow-up says"
CHECKS: tuple[Check, ...] = (
    claim(
        "E16", "bifurcation", f"{MAP}: the points of period two are (sqrt(1 + 3/a) +- "
        "sqrt(1 - 1/a)) / 2.",
        _points, high=1e-6, what="distance", tolerance="1e-6", evidence=DERIVED,
    ),
    claim(
        "E17", "bifurcation", f"{MAP}: their multipliers are 9 - 2 (1 + a)^2 along the diagonal "
        "and 3 - 2 a across it.",
        _multipliers, high=1e-6, what="distance", tolerance="1e-6", evidence=DERIVED,
    ),
    claim(
        "E18", "bifurcation", f"{MAP}: period 2 doubles at a = sqrt5 - 1.", _doubles(2),
        low=DOUBLING - 1e-3, high=DOUBLING + 1e-3, what="a", tolerance="+- .001", evidence=DERIVED,
    ),
    claim(
        "E19", "bifurcation", f"{MAP}: period 4 doubles at a = 1.288.", _doubles(4), low=1.287,
        high=1.289, what="a", tolerance="+- .001, as E18", evidence=SEEN,
    ),
    claim(
        "E20", "bifurcation", f"{MAP}: period 8 doubles at a = 1.2995.", _doubles(8), low=1.2985,
        high=1.3005, what="a", tolerance="+- .001, as E18", evidence=SEEN,
    ),
    claim(
        "E21", "bifurcation", f"{MAP}: doublings accumulate at a = 1.302.", _accumulation,
        low=1.301, high=1.303, what="a", tolerance="+- .001, as E18", evidence=SEEN,
    ),
    claim(
        "E22", "bifurcation", f"{MAP}: orbits leave x > 0, where ReLU is dead, from a = "
        "3 sqrt3 / 2 - 1.",
        _dead_zone, low=DEAD_ZONE - 1e-3, high=DEAD_ZONE + 1e-3, what="a", tolerance="+- .001",
        evidence=DERIVED,
    ),
    claim(
        "E23", "bifurcation", f"{MAP}, 1 < a < 1.2992: iterated orbits have the periods 2, 4 and 8 "
        "that these doublings say.",
        _iterated, kind="share", low=1, high=1, what="both starts end in that period",
        tolerance="none; a tenth of each interval is left out at either end, where convergence is "
        "slow",
        evidence=f"{READ}: orbits of higher order appear; the intervals derived",
    ),
)  # fmt: skip
