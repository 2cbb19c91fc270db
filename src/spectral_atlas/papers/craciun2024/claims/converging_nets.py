"""Share of starts of matrix networks that converge, and how sharp they end (D7 to D15, D17)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.fractions import MOST, REST, resting
from spectral_atlas.papers.craciun2024.claims.kinds import counted
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    MINIMUM,
    NETS,
    ROUNDING,
    SADDLE,
    NetRuns,
    Study,
    largest,
)

Array = np.ndarray
WHITE = ("2-3-2", "2-3-3-2", "1-4-1", "3-4-2")
COLORED = ("2-3-2-colored", "2-3-3-2-colored")
SEEN_STARTS = 50
SEEN = {"2-3-2": (0.96, 0.96), "2-3-3-2": (0.88, 0.84), "1-4-1": (1.0, 0.96), "3-4-2": (0.92, 0.9)}
SEEN_AT = (0.9, 0.99)
SLOWEST = 1.6  # beyond, deep networks linger near the saddle at 0 for longer than the runs last


def _share(found: NetRuns, outcome: int) -> Array:
    share = (found.outcome == outcome).mean("start").transpose("net", "share")
    return np.asarray(share.values)


def _converge(names: Sequence[str], shares: Sequence[float]) -> Samples:
    def samples(study: Study) -> Sample:
        found = study.nets(names).at(shares)
        remark = f"{found.runs.sizes['start']} starts each, T = {found.runs.attrs['steps']}"
        return Sample(_share(found, MINIMUM).ravel(), found.labels, remark)

    return samples


def _as_seen(study: Study) -> Sample:
    """|z| of two binomial samples: ours and another program's."""
    found = study.nets(tuple(SEEN)).at(SEEN_AT)
    ours, n = _share(found, MINIMUM), found.runs.sizes["start"]
    theirs = np.array(list(SEEN.values()))
    pooled = (ours * n + theirs * SEEN_STARTS) / (n + SEEN_STARTS)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1 / n) * (1 / n + 1 / SEEN_STARTS))
    each = zip(found.labels, ours.ravel(), theirs.ravel(), strict=True)
    listed = ", ".join(f"{label} {o:.3f} and {t:.2f}" for label, o, t in each)
    return Sample((np.abs(ours - theirs) / error).ravel(), found.labels, listed)


def _rest(names: Sequence[str], low: float, high: float = SLOWEST) -> Samples:
    def samples(study: Study) -> Sample:
        found = study.nets(names).between(low, high)
        return counted(resting(found.outcome), ["start"], found.labels)

    return samples


def _saddles(study: Study) -> Sample:
    found = study.nets().between(0, SLOWEST)
    return counted(found.outcome == SADDLE, ["start"], found.labels)


def _unfinished(study: Study) -> Sample:
    found = study.nets().between(0, 0.9)
    return counted(found.outcome == BOUNDED, ["start"], found.labels)


def _across(study: Study) -> Sample:
    every = study.nets(starts=400)
    below, above = every.at([0.99]), every.at([1.01])
    converged, bounded = _share(below, MINIMUM)[:, 0], _share(above, BOUNDED)[:, 0]
    names = every.runs["net"].values.tolist()
    return Sample(np.abs(bounded - converged), names, f"{every.runs.sizes['start']} starts each")


def _same_starts(study: Study) -> Sample:
    """Of the starts that converge at .99, how many are bounded, and not at rest, at 1.01."""
    every = study.nets(starts=400)
    below = every.at([0.99]).outcome.isel(share=0, drop=True) == MINIMUM
    above = every.at([1.01]).outcome.isel(share=0, drop=True) == BOUNDED
    number, kept = below.sum("start").values, (below & above).sum("start").values
    names = every.runs["net"].values.tolist()
    shares = np.where(number > 0, kept / np.maximum(number, 1), np.nan)
    return Sample(shares, names, f"of {number.min()} to {number.max()} starts each")


def _ratios(study: Study) -> Sample:
    """The largest sharpness over 2 / eta at minima reached; Unmeasured where there are none."""
    found = study.nets().between(0, SLOWEST)
    minimum = found.outcome == MINIMUM
    many = int(minimum.sum())
    if not many:
        raise Unmeasured("no run ended at a minimum")
    worst = largest(found.spectra["ratio"], minimum, ["start"]).transpose("net", "share")
    values = worst.values.ravel()
    there = ~np.isneginf(values)
    labels = [label for label, kept in zip(found.labels, there, strict=True) if kept]
    left = int(found.runs["left"].sum())
    remark = f"{many} minima; {left} runs left when they were moved, and are not among them"
    return Sample(values[there], labels, remark)


START = "W ~ N(0, std^2), T >= 20000"
ABOVE = "above eta_C only a null set of starts converges"
CHECKS: tuple[Check, ...] = (
    claim(
        "D7", "converging_fraction", f"{NETS}, S = I, {', '.join(WHITE)}, {START}, eta = .9 and "
        ".95 eta_C: most starts converge.",
        _converge(WHITE, (0.9, 0.95)), low=0.8, what="share of starts that end at a minimum",
        tolerance="84 % and more with 50 other starts", evidence="another program",
    ),
    claim(
        "D8", "converging_fraction", f"{NETS}, S = diag(2, .5), 2-3-2 and 2-3-3-2, {START}, eta = "
        ".9 and .95 eta_C: most starts converge.",
        _converge(COLORED, (0.9, 0.95)), low=0.8, what="share of starts that end at a minimum",
        tolerance="as D7", evidence="another program",
    ),
    claim(
        "D9", "converging_fraction", f"{NETS}, S = I, {', '.join(WHITE)}, {START}, eta = .9 and "
        ".99 eta_C: the shares are those of another program.",
        _as_seen, high=3, what="difference in standard errors",
        tolerance="3 standard errors, of our starts and 50 others", evidence="another program",
    ),
    claim(
        "D10", "converging_fraction", f"{NETS}, S = I, {', '.join(WHITE)}, {START}, eta = 1.01 "
        "eta_C: none converges.",
        _rest(WHITE, 1.01, 1.01), kind="sum", low=0, high=0, what=REST, tolerance="none",
        evidence=f"after the abstracts: {ABOVE}; 0 of 50 by another program",
    ),
    claim(
        "D11", "converging_fraction", f"{NETS}, every network and S, {START}, eta_C < eta <= 1.6 "
        "eta_C: none converges.",
        _rest((), 1 + 1e-6), kind="sum", low=0, high=0, what=REST, tolerance="none",
        evidence=f"after the abstracts: {ABOVE}",
    ),
    claim(
        "D12", "converging_fraction", f"{NETS}, every network and S, {START}, eta <= 1.6 eta_C: no "
        "run that lingers near a saddle is taken for one at rest.",
        _saddles, kind="sum", low=0, high=0, what="starts that end at a saddle",
        tolerance="none", evidence="derived: saddles attract a null set of starts",
    ),
    claim(
        "D13", "converging_fraction", f"{NETS}, every network and S, {START}, eta <= .9 eta_C: "
        "each run has come to rest or has diverged; nearer to eta_C some have not.",
        _unfinished, kind="sum", low=0, high=0, what="starts that are still moving",
        tolerance="none", evidence="another program: 100 / (1 - eta / eta_C) steps and more are "
        "needed",
    ),
    claim(
        "D14", "converging_fraction", f"{NETS}, every network and S, {START}: as large a share "
        "stays bounded at 1.01 eta_C as converges at .99 eta_C.",
        _across, high=0.03, what="difference of the two shares",
        tolerance="ours; .02 is known of two parameters", evidence="as of two parameters",
    ),
    claim(
        "D15", "converging_fraction", f"{NETS}, every network and S, {START}, any eta: each "
        "minimum that descent reaches is stable.",
        _ratios, high=ROUNDING, what="largest sharpness over 2 / eta", tolerance="rounding",
        evidence="derived: one above 2 / eta is unstable; .9995 by another program",
    ),
    claim(
        "D17", "converging_fraction", f"{NETS}, every network and S, {START}: most starts that "
        "converge at eta = .99 eta_C stay bounded at 1.01 eta_C, and do not converge.",
        _same_starts, low=MOST, what="share of the former", tolerance="that of D16",
        evidence="as D14, on the same starts; the number is ours, with runs in view",
    ),
)  # fmt: skip
