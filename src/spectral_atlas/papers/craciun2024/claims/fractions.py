"""Share of starts of the two-parameter network that converge (D1 to D6, D16)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim, one
from spectral_atlas.papers.craciun2024.claims.kinds import counted
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    DIVERGED,
    MINIMUM,
    SADDLE,
    TWO,
    Study,
    at_rates,
    etas,
    rates_between,
)
from spectral_atlas.training.endings import OUTCOMES

Array = np.ndarray
FILE = "runs/two_parameter"
CONVERGED = {
    0.15: 0.9503, 0.2: 0.8337, 0.25: 0.6797, 0.3: 0.5557, 0.35: 0.4653, 0.4: 0.3994, 0.45: 0.3467,
    0.48: 0.319, 0.49: 0.3106,
}  # fmt: skip
MOST = 0.94  # of the starts that converge below eta_C, those that stay bounded above
OSCILLATING = {0.51: 0.2949, 0.55: 0.2652, 0.6: 0.2306, 0.7: 0.179, 0.8: 0.1341, 0.9: 0.0867}


def _runs(study: Study, starts: int = 10_000) -> xr.Dataset:
    return study.two_parameter(steps=5000, starts=starts)


def share(found: xr.Dataset, outcome: int) -> xr.DataArray:
    """Of the starts that end so."""
    return (found["outcome"] == outcome).mean("start")


def _shares(wanted: Mapping[float, float], outcome: int) -> Samples:
    """Distance of shares from those of another program."""

    def samples(study: Study) -> Sample:
        found = at_rates(_runs(study), list(wanted), FILE)
        values = share(found, outcome).values
        listed = ", ".join(f"{v:.4f}" for v in values)
        return Sample(
            np.abs(values - np.array(list(wanted.values()))), etas(found),
            f"{found.sizes['start']} starts each; {OUTCOMES[outcome]}: {listed}",
        )  # fmt: skip

    return samples


def resting(outcome: xr.DataArray) -> xr.DataArray:
    """Runs that converged, be it to a minimum or to a saddle."""
    return outcome.isin([MINIMUM, SADDLE])


def _rest_from(low: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = rates_between(study.two_parameter(steps=2000, starts=100), low, np.inf, FILE)
        return counted(resting(found["outcome"]), ["start"], etas(found))

    return samples


def _diverged(study: Study) -> Sample:
    found = rates_between(study.two_parameter(steps=2000, starts=100), 1.0, np.inf, FILE)
    kept = (found["outcome"] != DIVERGED).sum("start").values.tolist()
    remark = f"{found.sizes['start']} starts each, of which {kept} do not"
    return Sample(share(found, DIVERGED).values, etas(found), remark)


def _across(study: Study) -> Sample:
    """Bounded at .51 less converged at .49."""
    found = at_rates(_runs(study), (0.49, 0.51), FILE)
    below, above = share(found, MINIMUM).values[0], share(found, BOUNDED).values[1]
    remark = f"{below:.4f} converge at .49, {above:.4f} stay bounded at .51"
    return Sample(np.array([abs(above - below)]), [f"{found.sizes['start']} starts"], remark)


def _same_starts(study: Study) -> Sample:
    """Of the starts that converge at .49, how many are bounded, and not at rest, at .51."""
    found = at_rates(_runs(study), (0.49, 0.51), FILE)
    below, above = (found["outcome"].isel(learning_rate=k) for k in (0, 1))
    number = int((below == MINIMUM).sum())
    if not number:
        raise Unmeasured("no start converges at eta = .49")
    kept, gone = (int(((below == MINIMUM) & (above == o)).sum()) for o in (BOUNDED, DIVERGED))
    return one(kept / number, f"{number} starts", f"{gone} of them diverge at .51")


BOX = f"{TWO} (eta_C = 1/2), starts uniform in [-3, 3]^2"
RECALLED = "after the abstracts"
REST = "starts that end at a minimum or at a saddle"
SEEN = "another program with 20000 other starts"
CHECKS: tuple[Check, ...] = (
    claim(
        "D1", "converging_fraction", f"{BOX}, T >= 5000, eta = "
        f"{', '.join(f'{e:g}' for e in CONVERGED)}: a share of .95 to .31 converges.",
        _shares(CONVERGED, MINIMUM), high=0.01, what="distance of the share",
        tolerance="+- .01 with 10000 starts or more", evidence=SEEN,
    ),
    claim(
        "D2", "converging_fraction", f"{BOX}, eta >= .505: none converges.", _rest_from(0.505),
        kind="sum", low=0, high=0, what=REST, tolerance="none",
        evidence=f"{RECALLED}: above eta_C only a null set of starts converges",
    ),
    claim(
        "D3", "converging_fraction", f"{BOX}, eta >= .5, eta_C itself included: none converges "
        "within the steps that were made.",
        _rest_from(0.5), kind="sum", low=0, high=0, what=REST,
        tolerance="none", evidence="another program; at eta_C linearization does not decide",
    ),
    claim(
        "D4", "converging_fraction", f"{BOX}, eta >= 1 = 2 eta_C: all but 1 % diverge within "
        "the steps that were made.",
        _diverged, low=0.99, what="share of starts that diverge", tolerance="1 %",
        evidence=SEEN,
    ),
    claim(
        "D5", "converging_fraction", f"{BOX}, T >= 5000: as large a share stays bounded at eta = "
        ".51 as converges at .49.",
        _across, high=0.02, what="difference of the two shares", tolerance="+- .02; the starts "
        "need not be the same ones, see D16",
        evidence=SEEN,
    ),
    claim(
        "D6", "converging_fraction", f"{BOX}, T >= 5000, eta = "
        f"{', '.join(f'{e:g}' for e in OSCILLATING)}: a share of .29 to .09 stays bounded.",
        _shares(OSCILLATING, BOUNDED), high=0.01, what="distance of the share",
        tolerance="as D1", evidence=SEEN,
    ),
    claim(
        "D16", "converging_fraction", f"{BOX}, T >= 5000: most starts that converge at eta = .49 "
        "stay bounded at .51, and do not converge; the others diverge.",
        _same_starts, low=MOST, what="share of the former", tolerance="ours: 6 % may be lost",
        evidence="as D5, on the same starts; the number is ours, with runs in view",
    ),
)  # fmt: skip
