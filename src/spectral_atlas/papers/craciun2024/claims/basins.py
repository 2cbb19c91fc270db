"""Where a grid of starts of two parameters ends (F1 to F8)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.kinds import counted
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    CLOSE,
    MINIMUM,
    ROUNDING,
    SADDLE,
    TWO,
    Study,
    enough,
    etas,
    largest,
    rates_between,
)

Array = np.ndarray
FILE = "runs/basins"
STEPS = 1000
GRID = ["w2", "w1"]


def _grid(study: Study, low: float, high: float) -> xr.Dataset:
    found = study.dataset(FILE)
    enough(found.rename(w1="start"), FILE, STEPS, 2)
    return rates_between(found, low, high, FILE)


def _reached(found: xr.Dataset) -> xr.DataArray:
    """Starts on the antidiagonal that the theory sends to the saddle."""
    on = found["w2"] == -found["w1"]
    if not bool(on.any()):
        raise Unmeasured(f"no start on the antidiagonal in {FILE}")
    return on & (found["w1"] ** 2 < 1 / found["learning_rate"] - 1)


def _sent(found: xr.Dataset) -> xr.DataArray:
    """Starts that one step takes to the antidiagonal: w_1 w_2 = 1 + 1 / (2 eta)."""
    product = 1 + 1 / (2 * found["learning_rate"])
    return abs(found["w1"] * found["w2"] - product) <= CLOSE * product


def _minima(study: Study) -> Sample:
    found = _grid(study, 0.5 + 1e-6, np.inf)
    return counted(found["outcome"] == MINIMUM, GRID, etas(found), random=False)


def _elsewhere(study: Study) -> Sample:
    found = _grid(study, 0, np.inf)
    sent = _sent(found)
    wrong = (found["outcome"] == SADDLE) & ~_reached(found) & ~sent
    number = wrong.sum(GRID).values.astype(float)
    sizes = (~sent).sum(GRID).values
    remark = f"{int(sent.sum())} that one step takes to w_2 = -w_1 are left out"
    return Sample(number, etas(found), remark, sizes, random=False)


def _on_antidiagonal(low: float, high: float) -> Samples:
    """Share of its starts that end at the saddle if, and only if, theory says so."""

    def samples(study: Study) -> Sample:
        found = _grid(study, low, high)
        wanted, on = _reached(found), found["w2"] == -found["w1"]
        right = ((found["outcome"] == SADDLE) == wanted).where(on)
        values = right.astype(float).mean(GRID).values
        reach = wanted.sum(GRID).values
        numbers = ", ".join(f"{int(n)} at {e}" for n, e in zip(reach, etas(found), strict=True))
        remark = f"of {int(on.sum())} starts each; to the saddle: {numbers}"
        return Sample(values, etas(found), remark)

    return samples


def _stay(study: Study) -> Sample:
    """Those that end at the saddle again after they were moved."""
    found = _grid(study, 0, np.inf)
    moved = (found["nudged"] >= 0).sum(GRID).values
    there = moved > 0
    if not there.any():
        raise Unmeasured("no start ended at the saddle")
    again = (found["nudged"] == SADDLE).sum(GRID).values
    labels = [e for e, kept in zip(etas(found), there, strict=True) if kept]
    return Sample(again[there].astype(float), labels, sizes=moved[there], random=False)


def _go_to(outcome: int, low: float, high: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = _grid(study, low, high)
        moved = (found["nudged"] >= 0).sum(GRID).values
        there = moved > 0
        if not there.any():
            raise Unmeasured("no start ended at the saddle")
        right = (found["nudged"] == outcome).sum(GRID).values
        labels = [e for e, kept in zip(etas(found), there, strict=True) if kept]
        return Sample(right[there] / moved[there], labels, f"of {moved[there].tolist()} starts")

    return samples


def _ratios(study: Study) -> Sample:
    found = _grid(study, 0, 0.5 - 1e-6)
    ratio = found["sharpness"] * found["learning_rate"] / 2
    values = largest(ratio, found["outcome"] == MINIMUM, GRID).values
    there = ~np.isneginf(values)
    if not there.any():
        raise Unmeasured("no start ended at a minimum")
    return Sample(values[there], [e for e, kept in zip(etas(found), there, strict=True) if kept])


SQUARE = f"{TWO} (eta_C = 1/2), a grid on [-3, 3]^2, T >= {STEPS}"
NULL = "after the abstracts: above eta_C only a null set of starts converges"
SET = "derived: on the antidiagonal w_1 -> w_1 (1 - 2 eta (1 + w_1^2))"
CHECKS: tuple[Check, ...] = (
    claim(
        "F1", "basins", f"{SQUARE}, eta > .5: no start on it ends at a minimum.", _minima,
        kind="sum", low=0, high=0, what="starts that end at a minimum", tolerance="none",
        evidence=NULL,
    ),
    claim(
        "F2", "basins", f"{SQUARE}, .5 < eta < 1: starts on w_2 = -w_1 end at the saddle 0 if, and "
        "only if, w_1^2 < 1/eta - 1; a null set of converging starts outlives eta_C.",
        _on_antidiagonal(0.5 + 1e-6, 1 - 1e-6), low=1, high=1, what="share of them that do",
        tolerance="none", evidence=SET,
    ),
    claim(
        "F3", "basins", f"{SQUARE}, eta < .5: the same.", _on_antidiagonal(0, 0.5 - 1e-6), low=1,
        high=1, what="share of them that do", tolerance="none", evidence=SET,
    ),
    claim(
        "F4", "basins", f"{SQUARE}, any eta: among the grid's points, no other ends at the "
        "saddle but those that one step takes to w_2 = -w_1, w_1 w_2 = 1 + 1 / (2 eta).",
        _elsewhere, kind="sum", low=0, high=0, what="others that end at the saddle",
        tolerance="none; earlier preimages are not left out",
        evidence="another program; saddles attract a null set of starts, which is more than the "
        "antidiagonal",
    ),
    claim(
        "F5", "basins", f"{SQUARE}, any eta: moved by 1e-10, none of them ends there.", _stay,
        kind="sum", low=0, high=0, what="moved starts that end at the saddle",
        tolerance="none", evidence="another program; derived",
    ),
    claim(
        "F6", "basins", f"{SQUARE}, eta < .5: they end at a minimum then.",
        _go_to(MINIMUM, 0, 0.5 - 1e-6), low=1, what="share of moved starts that do",
        tolerance="none", evidence="derived: 0 has one unstable direction, (1, 1)",
    ),
    claim(
        "F7", "basins", f"{SQUARE}, .5 < eta < 1: they stay bounded then, and do not converge.",
        _go_to(BOUNDED, 0.5 + 1e-6, 1 - 1e-6), low=1, what="share of moved starts that do",
        tolerance="none", evidence="derived: (1, 1) leads along the diagonal, which is bounded",
    ),
    claim(
        "F8", "basins", f"{SQUARE}, eta < .5: each minimum that is reached is stable.", _ratios,
        high=ROUNDING, what="largest sharpness over 2 / eta", tolerance="rounding",
        evidence="derived: one above 2 / eta is unstable",
    ),
)  # fmt: skip
