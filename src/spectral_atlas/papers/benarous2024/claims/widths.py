"""More neurons: how many of the four means are learned (L)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.benarous2024 import outcomes, theory
from spectral_atlas.papers.benarous2024.claims.learned import (
    END,
    FEWEST,
    histogram,
    moved,
    shown_law,
)
from spectral_atlas.papers.benarous2024.claims.regimes import WIDTHS, WIDTHS_MODERATE
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at

Array = np.ndarray
LEVEL = 0.0027  # two-sided, of three standard deviations


def exact(counts: Array, neurons: int) -> tuple[float, str]:
    """Smallest exact binomial p-value of the four numbers against the law, times four."""
    seen, law = histogram(counts), theory.learned_probabilities(neurons)
    n = len(counts)
    p = [float(stats.binomtest(int(s), n, q).pvalue) for s, q in zip(seen, law, strict=True)]
    return min(1.0, 4 * min(p)), shown_law(seen, n * law, n)


def _width(id: str, neurons: int, what: str, figure: str) -> Check:
    of_start = what == "basins"
    subject = (
        "neurons are drawn, at the start, to 1, 2, 3, 4 means"
        if of_start
        else "1, 2, 3, 4 means are learned"
    )

    @check(
        id, figure,
        f"K = {neurons}, d = {WIDTHS.d}, lambda = {WIDTHS.precision:g}, beta = {WIDTHS.ridge:g}"
        f"{', t = 0' if of_start else ', t = 80'}: {subject} with the probabilities of dropping "
        f"{neurons} balls into four boxes.",
        expected=f"smallest of four exact binomial p-values, times four, at least {LEVEL:g}",
        low=LEVEL, high=1, tolerance="three standard deviations, corrected for four numbers",
        evidence="derived for infinite precision; companion paper for K = 4",
    )  # fmt: skip
    def measure(study: Study) -> tuple[float, str]:
        learned, basins = _widths(study, neurons)
        return exact(basins if of_start else learned, neurons)

    return measure


def _widths(study: Study, neurons: int, regime: Regime = WIDTHS) -> tuple[Array, Array]:
    _, runs = study.runs(regime)
    if neurons not in runs["neurons"].values:
        raise Unmeasured(f"no runs with K = {neurons}")
    runs = runs.sel(neurons=neurons)
    if runs.sizes["run"] < FEWEST:
        raise Unmeasured(f"{runs.sizes['run']} of at least {FEWEST} runs")
    f = at(runs, END)["f_means"].values
    return outcomes.learned_count(f, regime.ridge), runs["basins"].values


@check(
    "L7", "outcome_law",
    f"{WIDTHS_MODERATE.text}, K = 8, t = 80: of the runs that do not learn as many means as "
    f"neurons are drawn to at the start, most learn more.",
    expected="one-sided p-value of the exact sign test at most .01", low=0, high=0.01,
    tolerance="level of the test",
    evidence="measured in independent runs",
)  # fmt: skip
def _gains(study: Study) -> tuple[float, str]:
    learned, basins = _widths(study, 8, WIDTHS_MODERATE)
    more, fewer, lost = moved(learned, basins)
    if not more + fewer:
        raise Unmeasured("as many means are learned as neurons are drawn to in every run")
    p = float(stats.binomtest(more, more + fewer, alternative="greater").pvalue)
    _, against_law = exact(learned, 8)
    return p, f"{more} runs learn more, {fewer} fewer, {lost} lost; {against_law}"


CHECKS: tuple[Check, ...] = (
    *(_width(f"L{i}", K, "learned", "outcome_law") for i, K in ((1, 6), (2, 8), (3, 20))),
    *(_width(f"L{i}", K, "basins", "outcome_law") for i, K in ((4, 6), (5, 8), (6, 20))),
    _gains,
)
