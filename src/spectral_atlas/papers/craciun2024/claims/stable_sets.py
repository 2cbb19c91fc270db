"""How far stable minimizers reach, and where they have no end (B8 to B12)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, claim
from spectral_atlas.papers.craciun2024.claims.study import (
    MINIMUM,
    ROUNDING,
    TWO,
    Study,
    etas,
    places_of,
    rates_between,
)

REACHED = (0.15, 0.2, 0.25, 0.3, 0.4, 0.49)


def reached(study: Study, starts: int = 100) -> tuple[xr.DataArray, xr.DataArray]:
    """|theta| sqrt(eta) where descents of the two-parameter network end, and which are minima."""
    runs = study.two_parameter(steps=2000, starts=starts)
    square = (runs["theta"] ** 2).sum("weight", skipna=False)
    return (square * runs["learning_rate"]) ** 0.5, runs["outcome"] == MINIMUM


def _beyond(study: Study) -> Sample:
    norm, minimum = reached(study)
    sizes = minimum.sum("start").values
    there = np.flatnonzero(sizes)
    if not there.size:
        raise Unmeasured("no minimum was reached")
    wrong = (minimum & ~(norm <= ROUNDING)).isel(learning_rate=there)
    at_minima = norm.where(minimum)
    return Sample(
        wrong.sum("start").values.astype(float),
        [f"eta = {eta:g}" for eta in wrong["learning_rate"].values],
        f"|theta| sqrt(eta) from {float(at_minima.min()):.4g} to {float(at_minima.max()):.6g}",
        sizes[there],
    )


def _comes_near(study: Study) -> Sample:
    norm, minimum = reached(study, starts=20_000)
    rates = places_of(norm["learning_rate"].values, REACHED, "eta", "runs/two_parameter")
    largest = norm.where(minimum).max("start").isel(learning_rate=rates)
    return Sample(largest.values, [f"eta = {eta:g}" for eta in REACHED])


def _widest(study: Study) -> Sample:
    found = study.dataset("spectra/stable_set")
    study.problem(str(found.attrs["net"]))
    if found.attrs["net"] != "2-3-2":
        raise Unmeasured(f"spectra/stable_set is on {found.attrs['net']}")
    some = rates_between(found, 0, 0.3333, "spectra/stable_set")
    scaled = some["largest_squared_norm"] * some["learning_rate"]
    return Sample(scaled.values, etas(some))


def _stretched(study: Study) -> Sample:
    found = study.dataset("spectra/stable_set")
    values = np.abs(found["stretched_sharpness"].values - 6)
    labels = [f"t = {t:g}" for t in found["stretch"].values]
    misfit, norm = float(found["stretched_loss"].max()), float(found["stretched_norm"].max())
    return Sample(
        np.where(found["stretched_loss"].values < 1e-20, values, np.nan), labels,
        f"losses up to {misfit:.2g}, |theta| up to {norm:.4g}",
    )  # fmt: skip


def _narrow(study: Study) -> Sample:
    found = study.dataset("spectra/stable_set")
    e = found["e"].values
    wanted = np.stack([2 * e**2, 2 * (e**2 + e**-2)], axis=1)
    values = np.abs(found["narrow_eigenvalues"].values[:, -2:] / wanted - 1).max(1)
    labels = [f"e = {one:g}" for one in e]
    return Sample(np.where(found["narrow_loss"] < 1e-20, values, np.nan), labels)


CHECKS: tuple[Check, ...] = (
    claim(
        "B8", "stable_set", f"{TWO}, uniform starts, any eta: descents end at no minimizer beyond "
        "sqrt(1 / eta).",
        _beyond, kind="sum", low=0, high=0, what="minima reached with |theta| sqrt(eta) > 1 + "
        "1e-6",
        tolerance="rounding", evidence="after the abstracts; derived",
    ),
    claim(
        "B9", "stable_set", f"{TWO}, 20000 uniform starts or more, eta = "
        f"{', '.join(f'{e:g}' for e in REACHED)}: they come near that radius.",
        _comes_near, low=0.99, high=ROUNDING, what="largest |theta| sqrt(eta)",
        tolerance=".9977 to .9990 with another 20000 starts; extremes fluctuate",
        evidence="another program",
    ),
    claim(
        "B10", "stable_set", "L = |A - W*|_F^2, 2-3-2, s(W*) = 1.5, 1, white data, eta < 1/3: "
        "stable minimizers of two layers are bounded, sup |theta|^2 = 2 / eta.",
        _widest, low=2 - 2e-3, high=2 + 1e-6, what="eta max |theta|^2",
        tolerance="1e-3 below, as a maximization finds it",
        evidence="first abstract: stable minima are bounded; the number as another program "
        "found it",
    ),
    claim(
        "B11", "stable_set", "L = (1 - W_3 W_2 W_1)^2, 1-2-2-1, W_2 = diag(1, t): the stable set "
        "of three layers is not bounded, the sharpness is 6 = 2 / eta_C for every t.",
        _stretched, high=1e-9, what="distance from 6", tolerance="rounding",
        evidence="derived; against the first abstract, unless its hypotheses exclude it",
    ),
    claim(
        "B12", "stable_set", "L = |W_2 W_1 - (1, 0)|^2, 2-2-1, W_1 = diag(1/e, 0), W_2 = (e, 0): "
        "the least nonzero eigenvalue has no lower bound.",
        _narrow, high=1e-6, what="relative distance from 2 e^2 and 2 (e^2 + e^-2)",
        tolerance="rounding: they are up to 1e8 apart",
        evidence="derived; against what is recalled of the paper",
    ),
)  # fmt: skip
