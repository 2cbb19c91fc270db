"""A loss on the line whose gradient-descent map is singular (C10 to C13)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.jacobians import FILE, epsilons_of
from spectral_atlas.papers.craciun2024.claims.study import Study

LINE = "L = t^4/2 - 3 t^2 + 8 for |t| <= 2, else t^2"
LINE_SLOPE = 1 / (6 * (10 / 6) ** 0.5)  # P(|G'| < eps) / eps at eta = 1/4 on (-4, 4)


def _line_at(study: Study, eta: float) -> xr.Dataset:
    found = study.dataset(FILE)
    at = np.flatnonzero(np.isclose(found["singular_rate"].values, eta))
    if not at.size:
        raise Unmeasured(f"no eta = {eta:g} for the example on the line in {FILE}")
    return found.isel(singular_rate=int(at[0]))


def _flat_share(study: Study) -> Sample:
    found = _line_at(study, 0.5)
    some = found.isel(epsilon=np.flatnonzero(found["epsilon"].values <= 1e-4 * (1 + 1e-9)))
    if int(found.attrs["points"]) < 40_000:
        raise Unmeasured(f"{found.attrs['points']} of at least 40000 points in {FILE}")
    labels = [f"eps = {eps:g}" for eps in some["epsilon"].values]
    return Sample(some["singular_share"].values, labels, f"{found.attrs['points']} points")


def _line_slope(study: Study) -> Sample:
    found = epsilons_of(_line_at(study, 0.25), [1e-1, 1e-2, 1e-3])
    if int(found.attrs["points"]) < 4_000_000:
        raise Unmeasured(f"{found.attrs['points']} of at least 4000000 points in {FILE}")
    values = found["singular_share"].values / found["epsilon"].values / LINE_SLOPE
    return Sample(values, [f"eps = {eps:g}" for eps in found["epsilon"].values])


def _image(eta: float, factor: float) -> Samples:
    """How far the ends of the image are from `factor` times those of the interval."""

    def samples(study: Study) -> Sample:
        found = _line_at(study, eta)
        ends = found["singular_interval"].values
        if not np.allclose(ends, (2.5, 3.5)):
            raise Unmeasured(f"another interval, {ends}, in {FILE}")
        distance = np.abs(found["singular_image"].values - factor * ends)
        return Sample(distance, [f"t = {t:g}" for t in ends])

    return samples


CHECKS: tuple[Check, ...] = (
    claim(
        "C10", "singular_map", f"{LINE}, eta = .5, t uniform in (-4, 4): the map is singular, half "
        "of the line has G' = 0.",
        _flat_share, low=0.49, high=0.51, what="P(|G'| < eps), eps <= 1e-4", tolerance=".5 +- .01",
        evidence="read in the follow-up; the share derived",
    ),
    claim(
        "C11", "singular_map", f"{LINE}, eta = .5: one step takes (2.5, 3.5) to one point, 0.",
        _image(0.5, 0.0), high=1e-12, what="distance of the image's ends from 0",
        tolerance="rounding", evidence="read in the follow-up",
    ),
    claim(
        "C12", "singular_map", f"{LINE}, eta = .25: it takes (2.5, 3.5) to (1.25, 1.75).",
        _image(0.25, 0.5), high=1e-12, what="distance of the image's ends",
        tolerance="rounding", evidence="read in the follow-up; the ends derived",
    ),
    claim(
        "C13", "singular_map", f"{LINE}, eta = .25, t uniform in (-4, 4): the map is not singular, "
        "P(|G'| < eps) = .129 eps.",
        _line_slope, low=0.9, high=1.1, what="P / eps over 1 / (6 sqrt(10/6))",
        tolerance="10 %, as C3", evidence="read in the follow-up; the factor derived",
    ),
)  # fmt: skip
