"""The minimizers of two parameters, and which of them are stable (B1 to B7)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, claim
from spectral_atlas.papers.craciun2024.claims.study import (
    TWO,
    Study,
    at_rates,
    etas,
    rates_between,
)

Array = np.ndarray
ENDS = {
    0.1: (0.3178, 3.1463), 0.2: (0.4569, 2.1889), 0.3: (0.5774, 1.7321), 0.4: (0.7071, 1.4142),
    0.45: (0.7917, 1.2631), 0.49: (0.9041, 1.1061),
}  # fmt: skip
LENGTHS = {0.1: 4.5874, 0.2: 2.6517, 0.3: 1.7063, 0.4: 1.0191, 0.45: 0.6726, 0.49: 0.2862}
POINT = "point"
HYPERBOLA = "spectra/hyperbola"


def _branches(found: xr.Dataset) -> list[str]:
    signs = ["w_1 > 0" if b > 0 else "w_1 < 0" for b in found["branch"].values]
    return [f"{eta}, {sign}" for eta in etas(found) for sign in signs]


def _points(found: xr.Dataset) -> list[str]:
    return [f"w_1 = {w:.4g}" for w in found["w"].values[..., 0].ravel()]


def _formula(found: xr.Dataset) -> Array:
    """2 (w_1^2 + w_2^2)."""
    return np.asarray(2 * (found["w"] ** 2).sum("weight").values)


def _sharpness(study: Study) -> Sample:
    found = study.dataset(HYPERBOLA)
    values = np.abs(found["sharpness"].values / _formula(found) - 1)
    return Sample(values.ravel(), _points(found))


def _other(study: Study) -> Sample:
    found = study.dataset(HYPERBOLA)
    small = abs(found["eigenvalues"].isel(index=0)) / found["sharpness"]
    return Sample(small.values.ravel(), _points(found))


def _ends(study: Study) -> Sample:
    found = at_rates(study.dataset(HYPERBOLA), list(ENDS), HYPERBOLA)
    high = found["interval"].values
    wanted = np.array(list(ENDS.values()))[:, None] * np.ones((1, found.sizes["branch"], 1))
    negative = found["branch"].values < 0
    wanted[:, negative] = -wanted[:, negative][..., ::-1]
    return Sample(np.abs(high - wanted).max(-1).ravel(), _branches(found))


def _lengths(study: Study) -> Sample:
    found = at_rates(study.dataset(HYPERBOLA), list(LENGTHS), HYPERBOLA)
    wanted = np.array(list(LENGTHS.values()))[:, None]
    return Sample(np.abs(found["arclength"].values - wanted).ravel(), _branches(found))


def _radius(study: Study) -> Sample:
    found = rates_between(study.dataset(HYPERBOLA), 0, 0.4999, HYPERBOLA)
    scaled = found["largest_norm"] * np.sqrt(found["learning_rate"])
    return Sample(np.abs(scaled.values - 1).ravel(), _branches(found))


def _none_left(study: Study) -> Sample:
    """At eta = 1/2 the flattest minimizer alone, at the border; beyond none."""
    found = rates_between(study.dataset(HYPERBOLA), 0.5, np.inf, HYPERBOLA)
    kinds = found["kind"].attrs["flag_meanings"].split()
    at_border = np.isclose(found["learning_rate"].values, 0.5)
    wanted = np.where(at_border, kinds.index(POINT), kinds.index("empty"))
    held = found["kind"].transpose("learning_rate", "branch").values == wanted[:, None]
    return Sample(held.astype(float).ravel(), _branches(found))


def _flattest(study: Study) -> Sample:
    found = study.dataset(HYPERBOLA)
    labels = [f"branch {b}" for b in found["branch"].values]
    return Sample(2 / found["least_sharpness"].values, labels)


DERIVED, LISTED = "derived", "derived; numbers of another program"
CHECKS: tuple[Check, ...] = (
    claim(
        "B1", "minima_hyperbola", f"{TWO}, at w_1 w_2 = 1: the sharpness is 2 (w_1^2 + w_2^2).",
        _sharpness, high=1e-10, what="relative distance", tolerance="rounding", evidence=DERIVED,
    ),
    claim(
        "B2", "minima_hyperbola", f"{TWO}, at w_1 w_2 = 1: the other eigenvalue is 0.", _other,
        high=1e-12, what="size over the sharpness", tolerance="rounding", evidence=DERIVED,
    ),
    claim(
        "B3", "minima_hyperbola", f"{TWO}, eta = {', '.join(f'{e:g}' for e in ENDS)}: the stable "
        "part ends at w_1 = sqrt((1/eta -+ sqrt(1/eta^2 - 4)) / 2).",
        _ends, high=1e-3, what="distance of the ends", tolerance="numbers of four decimals",
        evidence=LISTED,
    ),
    claim(
        "B4", "minima_hyperbola", f"{TWO}, eta = {', '.join(f'{e:g}' for e in LENGTHS)}: the "
        "stable part gets shorter and shorter, from 4.5874 to .2862 for each sign.",
        _lengths, high=1e-3, what="distance of the arclength", tolerance="numbers of four "
        "decimals",
        evidence=LISTED,
    ),
    claim(
        "B5", "stable_set", f"{TWO}, eta < .5: stable minimizers are bounded, |theta| < "
        "sqrt(1 / eta).",
        _radius, high=1e-9, what="relative distance of the largest norm", tolerance="rounding",
        evidence="first abstract: stable minima are bounded; the radius derived",
    ),
    claim(
        "B6", "minima_hyperbola", f"{TWO}, eta >= .5: none is strictly stable; at .5 the flattest "
        "one is at the border.",
        _none_left, kind="share", low=1, high=1, what="it is so", tolerance="none",
        evidence="after the abstracts; derived",
    ),
    claim(
        "B7", "minima_hyperbola", f"{TWO}: 2 over the least sharpness is eta_C = 1/2.", _flattest,
        low=0.5 - 1e-9, high=0.5 + 1e-9, what="2 / min sharpness", tolerance="rounding",
        evidence=DERIVED,
    ),
)  # fmt: skip
