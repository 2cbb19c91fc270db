"""Orbits of period two among the ends of networks (E9 to E15).

With two layers the orbit is that of the leading mode, while the others rest. Perturbations that mix
two modes have the eigenvalue 2 (s_1 + s_2) at a minimizer, which passes 2 / eta at
a = 2 s_1 / (s_1 + s_2). Over the orbit their multiplier reaches 1 at the same a where the other
modes are balanced, and before where they are not: a test has both, from dense Hessians. No orbit is
stable beyond; up to there some are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.gradients import SHALLOW, SINGLE, START, TWO_MODES
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    CLOSE,
    NETS,
    TWO,
    NetRuns,
    Study,
    same_members,
)
from spectral_atlas.papers.craciun2024.period_two import GAP, at_period_two
from spectral_atlas.papers.craciun2024.theory import period_two_multipliers

Array = np.ndarray
LAST = 1.23  # eta / eta_C up to which orbits of one singular value are stable


def _closed(found: NetRuns) -> xr.DataArray:
    """Bounded runs at period two."""
    return xr.DataArray(at_period_two(found.runs), dims=found.outcome.dims)


def _share(names: Sequence[str], low: float, high: float) -> Samples:
    """Of the bounded runs; networks and shares without any are left out, and named."""

    def samples(study: Study) -> Sample:
        found = study.nets(names).between(low, high)
        number = (found.outcome == BOUNDED).sum("start").transpose("net", "share").values.ravel()
        closed = _closed(found).sum("start").transpose("net", "share").values.ravel()
        there = number > 0
        if not there.any():
            raise Unmeasured("no run stayed bounded")
        labels = [x for x, kept in zip(found.labels, there, strict=True) if kept]
        none = [x for x, kept in zip(found.labels, there, strict=True) if not kept]
        remark = f"all diverge: {', '.join(none)}" if none else ""
        return Sample(closed[there] / number[there], labels, remark)

    return samples


def _closed_count(names: Sequence[str], low: float, high: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = study.nets(names).between(low, high)
        number = (found.outcome == BOUNDED).sum("start").transpose("net", "share").values.ravel()
        if not number.any():
            raise Unmeasured("no run stayed bounded")
        closed = _closed(found).sum("start").transpose("net", "share").values.ravel()
        size = found.runs["period_two_gap"] + found.runs["step_length"]
        unknown = ((found.outcome == BOUNDED) & np.isnan(size)).any("start")
        lost = unknown.transpose("net", "share").values.ravel()
        closed, there = np.where(lost, np.nan, closed), number > 0
        labels = [x for x, kept in zip(found.labels, there, strict=True) if kept]
        return Sample(closed[there], labels, sizes=number[there])

    return samples


def _multipliers(study: Study) -> xr.DataArray:
    """(net, share, orbit, value): moduli with signs of real ones, the largest modulus first."""
    runs, found = study.nets().runs, study.dataset("spectra/orbits")
    same_members(runs, found, "runs/nets", "spectra/orbits")
    if float(found.attrs["gap"]) > GAP * (1 + 1e-9):
        raise Unmeasured(f"orbits in spectra/orbits close to {found.attrs['gap']:g} only")
    real, imaginary = (found["multipliers"].sel(part=p) for p in ("real", "imaginary"))
    size = (real**2 + imaginary**2) ** 0.5
    return size.where(~(real < 0), -size)


def _stable(study: Study) -> Sample:
    size = abs(_multipliers(study)).max(["orbit", "value"])
    above = size.isel(share=np.flatnonzero(size["share"].values > 1)).transpose("net", "share")
    values = above.values.ravel()
    names, shares = above["net"].values, above["share"].values
    there = np.isfinite(values)
    if not there.any():
        raise Unmeasured("no orbit of period two in spectra/orbits")
    labels = [f"{n} at {a:g}" for n in names for a in shares]
    kept = [x for x, found in zip(labels, there, strict=True) if found]
    every = study.dataset("spectra/orbits")
    return Sample(values[there], kept, _used(every.isel(share=every["share"].values > 1)))


def _used(orbits: xr.Dataset) -> str:
    """How many orbits have multipliers, of how many there are."""
    used = int(np.isfinite(orbits["multipliers"].isel(value=0, part=0)).sum())
    first = f"the first {orbits.sizes['orbit']} of each network and eta"
    return f"{first}: {used} of {int(orbits['found'].sum())} orbits"


def _formula(study: Study) -> Sample:
    study.nets(("two-parameter",))
    found = _multipliers(study)
    if "two-parameter" not in found["net"].values:
        raise Unmeasured("no network two-parameter in spectra/orbits")
    one = found.sel(net="two-parameter").isel(value=slice(0, 2))
    values, labels = [], []
    shares = one["share"].values
    for a in shares[(shares > 1) & (shares <= LAST * (1 + CLOSE))]:
        each = one.sel(share=a).dropna("orbit").values
        if len(each):
            wanted = np.sort(period_two_multipliers(a))
            values.append(np.abs(np.sort(each, axis=1) - wanted).max())
            labels.append(f"a = {a:g} ({len(each)} orbits)")
    return Sample(np.array(values), labels, f"at most the first {one.sizes['orbit']} of each eta")


TWO_PERIODS = "share of bounded runs at period two"
CLOSED = "runs that repeat after two steps, within 1e-8 and 1e-6 of a step"
CHECKS: tuple[Check, ...] = (
    claim(
        "E9", "asymptotic_gradient", f"{NETS}, H = 2, S = I, {START}, eta_C < eta <= 1.2 eta_C: "
        "every start that does not diverge ends in an orbit of period two.",
        _share(SHALLOW, 1 + 1e-6, 1.2), low=1, what=TWO_PERIODS, tolerance="none",
        evidence="seen by another program. Derived for one singular value, up to a = sqrt5 - 1; "
        "with s(W*) = 1.5, 1 mixed modes end it at a = 2 s_1 / (s_1 + s_2) = 1.2 itself",
    ),
    claim(
        "E10", "asymptotic_gradient", f"{NETS}, H = 2, S = I, one singular value, {START}, eta_C < "
        "eta <= 1.23 eta_C: every start that does not diverge ends in an orbit of period two.",
        _share(SINGLE, 1 + 1e-6, LAST), low=1, what=TWO_PERIODS, tolerance="none",
        evidence="derived, up to a = sqrt5 - 1 = 1.2361",
    ),
    claim(
        "E11", "asymptotic_gradient", f"{NETS}, H = 2, S = I, s(W*) = 1.5, 1, {START}, eta_C < eta "
        "<= 1.19 eta_C: every start that does not diverge ends in an orbit of period two.",
        _share(TWO_MODES, 1 + 1e-6, 1.19), low=1, what=TWO_PERIODS, tolerance="none",
        evidence="derived that beyond a = 2 s_1 / (s_1 + s_2) = 1.2 none of balanced layers is "
        "stable; that runs end in stable ones below is measured; weaker than E9",
    ),
    claim(
        "E12", "asymptotic_gradient", f"{NETS}, H = 2, S = I, s(W*) = 1.5, 1, {START}, 1.21 eta_C "
        "<= eta: no start does.",
        _closed_count(TWO_MODES, 1.21, 1.6), kind="sum", low=0, high=0, what=CLOSED,
        tolerance="none", evidence="derived: mixed modes are unstable from a = 1.2",
    ),
    claim(
        "E13", "asymptotic_gradient", f"{NETS}, every network and S, {START}, eta >= 1.3 eta_C: no "
        "start ends in an orbit of period two.",
        _closed_count((), 1.3, 1.6), kind="sum", low=0, high=0, what=CLOSED, tolerance="none",
        evidence="derived for one singular value, from a = 1.2361",
    ),
    claim(
        "E14", "asymptotic_gradient", f"{NETS}, every network and S, {START}, eta > eta_C: the "
        "orbits of period two that the first runs end in are stable.",
        _stable, high=1.002, what="largest modulus of a multiplier, 1 along a manifold of orbits",
        tolerance="ours: a growth by less in two steps is not seen in 20000",
        evidence="derived: unstable ones attract a null set of starts",
    ),
    claim(
        "E15", "asymptotic_gradient", f"{TWO}, random starts, eta_C < eta <= 1.23 eta_C: the "
        "multipliers of the first runs' orbits are 9 - 2 (1 + a)^2 and 3 - 2 a.",
        _formula, high=1e-6, what="distance", tolerance="1e-6", evidence="derived",
    ),
)  # fmt: skip
