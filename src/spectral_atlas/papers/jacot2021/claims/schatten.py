"""L2 on the weights as a Schatten quasi-norm: identity, thresholds, the origin's basin (F)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples
from spectral_atlas.papers.jacot2021 import theory
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Study, select, targets_of

Array = np.ndarray
RIDGE, WIDTH = 1e-3, 15
DEPTHS = (2, 3, 4, 5)
CURVATURE, RIDGES = 0.01, (0.005, 0.01)
BASIN_DEPTHS, BASIN_RIDGES, FACTORS = (3, 4), (0.001, 0.005), (0.97, 1.03)


def _minima(study: Study, depth: int) -> xr.Dataset:
    found = study.by_target("runs/identity", depth=depth)
    if not np.isclose(float(found.attrs["ridge"]), RIDGE):
        raise Unmeasured(f"runs/identity has lambda = {found.attrs['ridge']:g}")
    if int(found.attrs["width"]) != WIDTH:
        raise Unmeasured(f"runs/identity has w = {found.attrs['width']} instead of {WIDTH}")
    return found


def _at_minima(name: str) -> Samples:
    """Relative distance of |theta|^2 from the penalty, or the imbalance, at every minimum."""

    def samples(study: Study) -> Sample:
        values: list[Array] = []
        labels: list[str] = []
        for L in DEPTHS:
            found = _minima(study, L)
            if name == "identity":
                norm, penalty = found["norm_at_minimum"].values, found["penalty_at_minimum"].values
                values.append(np.abs(norm / penalty - 1))
            else:
                values.append(found["imbalance"].values)
            labels += [f"L = {L}, target {t}" for t in found["target"].values]
        return Sample(np.concatenate(values), labels)

    return samples


def _convex(study: Study) -> Sample:
    found = _minima(study, 2)
    gap = np.abs(found["value"].values / found["convex_value"].values - 1)
    return Sample(gap, [f"target {t}" for t in found["target"].values])


def _scan(study: Study, depth: int, ridge: float) -> xr.Dataset:
    """The scan over a of one depth and ridge."""
    ref = "runs/thresholds"
    found = study.dataset(ref)
    if not np.isclose(float(found.attrs["curvature"]), CURVATURE):
        raise Unmeasured(f"{ref} has c = {found.attrs['curvature']:g} instead of {CURVATURE:g}")
    needed, largest = theory.a_global(ridge, CURVATURE, depth), float(found["a"].max())
    if largest <= 1.01 * needed:
        raise Unmeasured(f"{ref} ends at a = {largest:g}, a threshold is {float(needed):.3g}")
    return select(found, ref, depth=depth, ridge=ridge)


def _thresholds(name: str, depths: tuple[int, ...]) -> Samples:
    """|a found - a derived| for every depth and ridge."""
    formula = {"appears_at": theory.a_critical, "wins_at": theory.a_global}[name]

    def samples(study: Study) -> Sample:
        values, labels = [], []
        for L in depths:
            for ridge in RIDGES:
                one = _scan(study, L, ridge)
                values.append(abs(float(one[name]) - float(formula(ridge, CURVATURE, L))))
                labels.append(f"L = {L}, lambda = {ridge:g}")
        return Sample(np.array(values), labels)

    return samples


def _shrinkage(study: Study) -> Sample:
    """Largest |s - s(a)| / a over a more than a percent above the threshold, s(a) as derived."""
    values, labels = [], []
    for L in DEPTHS:
        for ridge in RIDGES:
            one = _scan(study, L, ridge)
            a = one["a"].values
            some = a > 1.01 * theory.a_critical(ridge, CURVATURE, L)
            upper = theory.stationary_values(a[some], ridge, CURVATURE, L)[1]
            gap = np.abs(one["minimizer"].values[some] - upper) / a[some]
            values.append(float(gap.max()) if some.any() else np.nan)
            labels.append(f"L = {L}, lambda = {ridge:g}")
    return Sample(np.array(values), labels)


def _basin(study: Study) -> Sample:
    """Whether a start at .97 r_b dies and one at 1.03 r_b does not."""
    study.data(observed=80)
    ref = "runs/basin"
    found = study.dataset(ref)
    seeds = targets_of(found)
    held, labels = [], []
    for L in BASIN_DEPTHS:
        for ridge in BASIN_RIDGES:
            one = select(found, ref, depth=L, ridge=ridge)
            ratio = one["end_norm"] / one["data_norm"]
            low, high = (select(ratio.to_dataset(name="r"), ref, factor=f)["r"] for f in FACTORS)
            both = (low.values < 1e-6) & (high.values > 0.1)
            held.append(np.where(np.isnan(low.values + high.values), np.nan, both))
            labels += [f"L = {L}, lambda = {ridge:g}, target {t}" for t in seeds]
    return Sample(np.concatenate(held), labels)


D, SOFT = "derived", "derived: the soft threshold"
SCALAR = "One singular value a, c = .01, lambda = .005, .01"
TRAINED = f"{SETTING}, N = 80, w = {WIDTH}, lambda = {RIDGE:g}, L = 2, 3, 4, 5"
SCAN = "half a percent of the scale; another scan agreed within .003"
CHECKS: tuple[Check, ...] = (
    claim(
        "F1", "schatten", f"{TRAINED}: at a minimum |theta|^2 = L sum s_i(A)^(2/L), a Schatten "
        f"quasi-norm with p = 2/L.",
        _at_minima("identity"), high=1e-6, what="relative distance",
        tolerance="other runs agreed in eight digits", evidence="first abstract; derived",
    ),
    claim(
        "F2", "schatten", f"{TRAINED}: at a minimum layers are balanced.", _at_minima("imbalance"),
        high=1e-4, what="largest |W_(l+1)^T W_(l+1) - W_l W_l^T|", tolerance="other runs had "
        "1.5e-5",
        evidence="derived: at every critical point with lambda > 0",
    ),
    claim(
        "F3", "schatten", f"{SETTING}, N = 80, w = {WIDTH}, lambda = {RIDGE:g}, L = 2: the minimum "
        f"is that of the convex C(A) + 2 lambda |A|_*.",
        _convex, high=1e-9, what="relative distance of the values",
        tolerance="gap of the proximal gradient method 1e-12; others had 1e-12",
        evidence="first abstract: shallow critical points are global minima or strict saddles",
    ),
    *(
        claim(
            id, "schatten", f"{SCALAR}, {text}.", _thresholds(name, depths), high=0.005,
            what="|a found - a derived|", tolerance=SCAN, evidence=evidence,
        )
        for id, text, name, depths, evidence in (
            ("F4", "L = 3, 4, 5: a minimum s > 0 appears at a_crit", "appears_at", (3, 4, 5), D),
            ("F5", "L = 3, 4, 5: it is global from a_glob on", "wins_at", (3, 4, 5), D),
            ("F6", "L = 2: a minimum s > 0 appears at lambda / c", "appears_at", (2,), SOFT),
            ("F7", "L = 2: it is global at once, from lambda / c on", "wins_at", (2,), SOFT),
        )
    ),
    claim(
        "F8", "schatten", f"{SCALAR}, L = 2 to 5: the minimum shrinks a to the upper root of a = s "
        f"+ (lambda / c) s^-(1 - 2/L).",
        _shrinkage, high=1e-6, what="largest |s - s(a)| / a", tolerance="of the minimization",
        evidence="derived",
    ),
    claim(
        "F9", "schatten", f"{SETTING}, N = 80, w = 1, L = 3, 4, lambda = .001, .005: along the "
        f"optimal direction the origin's basin ends at r_b = (2 lambda / s*)^(1/(L - 2)).",
        _basin, kind="share", low=1, high=1, what="|A| dies from .97 r_b, not from 1.03 r_b",
        tolerance="3 % on either side", evidence="derived; seen on another target",
    ),
)  # fmt: skip
