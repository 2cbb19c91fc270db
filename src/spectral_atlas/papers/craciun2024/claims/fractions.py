"""Share of starts of the two-parameter network that converge (D1 to D6)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.papers.craciun2024.claims.kinds import Sample, Samples, claim, counted
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    DIVERGED,
    MINIMUM,
    OUTCOMES,
    TWO,
    Study,
    at_rates,
    etas,
    rates_between,
)

Array = np.ndarray
FILE = "runs/two_parameter"
CONVERGED = {
    0.15: 0.9503, 0.2: 0.8337, 0.25: 0.6797, 0.3: 0.5557, 0.35: 0.4653, 0.4: 0.3994, 0.45: 0.3467,
    0.48: 0.319, 0.49: 0.3106,
}  # fmt: skip
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


def _minima_from(low: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = rates_between(study.two_parameter(steps=2000, starts=100), low, np.inf, FILE)
        return counted(found["outcome"] == MINIMUM, ["start"], etas(found))

    return samples


def _diverged(study: Study) -> Sample:
    found = rates_between(study.two_parameter(steps=2000, starts=100), 1.0, np.inf, FILE)
    return Sample(share(found, DIVERGED).values, etas(found), f"{found.sizes['start']} starts each")


def _across(study: Study) -> Sample:
    """Bounded at .51 less converged at .49."""
    found = at_rates(_runs(study), (0.49, 0.51), FILE)
    below, above = share(found, MINIMUM).values[0], share(found, BOUNDED).values[1]
    remark = f"{below:.4f} converge at .49, {above:.4f} stay bounded at .51"
    return Sample(np.array([abs(above - below)]), [f"{found.sizes['start']} starts"], remark)


BOX = f"{TWO} (eta_C = 1/2), starts uniform in [-3, 3]^2"
RECALLED = "after the abstracts"
SEEN = "another program with 20000 other starts"
CHECKS: tuple[Check, ...] = (
    claim(
        "D1", "converging_fraction", f"{BOX}, T >= 5000, eta = "
        f"{', '.join(f'{e:g}' for e in CONVERGED)}: a share of .95 to .31 converges.",
        _shares(CONVERGED, MINIMUM), high=0.01, what="distance of the share",
        tolerance="+- .01 with 10000 starts or more", evidence=SEEN,
    ),
    claim(
        "D2", "converging_fraction", f"{BOX}, eta >= .505: none converges.", _minima_from(0.505),
        kind="count", low=0, high=0, what="starts that end at a minimum", tolerance="none",
        evidence=f"{RECALLED}: above eta_C only a null set of starts converges",
    ),
    claim(
        "D3", "converging_fraction", f"{BOX}, eta >= .5, eta_C itself included: none converges "
        "within the steps that were made.",
        _minima_from(0.5), kind="count", low=0, high=0, what="starts that end at a minimum",
        tolerance="none", evidence="another program; at eta_C linearization does not decide",
    ),
    claim(
        "D4", "converging_fraction", f"{BOX}, eta >= 1 = 2 eta_C: all diverge.", _diverged,
        low=0.99, what="share of starts that diverge", tolerance="1 - .01", evidence=SEEN,
    ),
    claim(
        "D5", "converging_fraction", f"{BOX}, T >= 5000: what converges at eta = .49 stays bounded "
        "at .51 and does not converge.",
        _across, high=0.02, what="difference of the two shares", tolerance="+- .02",
        evidence=SEEN,
    ),
    claim(
        "D6", "converging_fraction", f"{BOX}, T >= 5000, eta = "
        f"{', '.join(f'{e:g}' for e in OSCILLATING)}: a share of .29 to .09 stays bounded.",
        _shares(OSCILLATING, BOUNDED), high=0.01, what="distance of the share",
        tolerance="as D1", evidence=SEEN,
    ),
)  # fmt: skip
