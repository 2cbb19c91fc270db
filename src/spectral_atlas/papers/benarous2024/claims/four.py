"""How many of the four means are learned, and how many outliers there are (H)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.benarous2024 import outcomes, theory
from spectral_atlas.papers.benarous2024.basins import basin_count
from spectral_atlas.papers.benarous2024.claims.blocks import VV
from spectral_atlas.papers.benarous2024.claims.learned import (
    FEWEST,
    Outcome,
    histogram,
    moved,
    shown_law,
)
from spectral_atlas.papers.benarous2024.claims.regimes import FOUR, FOUR_RECALLED
from spectral_atlas.papers.benarous2024.claims.seeds import LOST
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at
from spectral_atlas.papers.benarous2024.study import MATRICES

Array = np.ndarray
SETTLED = "settled: every margin +-f / C_beta below .1 in size or above .7"


@check(
    "H1", "outcome_law",
    f"{FOUR.text}, t = 80: 1, 2, 3, 4 means are learned with probabilities 1, 21, 36, 6 of 64.",
    expected="largest distance of a number from its mean, in standard deviations, at most 3",
    low=0, high=3, tolerance="binomial, three standard deviations",
    evidence="neurons are drawn to one of four means each; companion paper",
)  # fmt: skip
def _law(study: Study) -> tuple[float, str]:
    outcome = Outcome.of(study)
    n, law = len(outcome.learned), theory.learned_probabilities(4)
    seen = histogram(outcome.learned)
    z = (seen - n * law) / np.sqrt(n * law * (1 - law))
    shown = ", ".join(f"{v:+.2f}" for v in z)
    return float(np.abs(z).max()), f"{shown_law(seen, n * law, n)}; z = {shown}"


def _share(id: str, m: int, settled: bool, low: float, seen: str) -> Check:
    runs = "settled runs" if settled else "all runs"

    @check(
        id, "outcome_law",
        f"{FOUR.text}, t = 80, {runs}: {VV[MATRICES[m]]} has as many eigenvalues above a "
        f"tenth of its largest as means are learned.",
        expected=f"share of {runs} at least {low:g}", low=low, high=1,
        tolerance=f"independent runs had {seen}", evidence="theorem on the rank at fixed points",
    )  # fmt: skip
    def measure(study: Study) -> tuple[float, str]:
        outcome = Outcome.of(study)
        kept = outcome.settled if settled else np.ones(len(outcome.learned), dtype=bool)
        agree = outcome.agree(m)[kept]
        if not agree.size:
            raise Unmeasured("no run is settled")
        remark = f"{SETTLED}; " if settled else ""
        return float(agree.mean()), (
            f"{int(agree.sum())} of {agree.size} runs; {remark}{outcome.lost} lost"
        )

    return measure


@check(
    "H6", "fig4_3",
    f"{FOUR.text}, t = 80: in settled runs that learned r < 4 means, eigenvalue r + 1 of H_vv is "
    f"gone.",
    expected="share with lambda_{r+1} / lambda_1 below .02 at least .9", low=0.9, high=1,
    tolerance="independent runs: 95 % below .007", evidence="rank r at sub-optimal fixed points",
)  # fmt: skip
def _deficient(study: Study) -> tuple[float, str]:
    outcome = Outcome.of(study)
    some = np.flatnonzero(outcome.settled & (outcome.learned >= 1) & (outcome.learned < 4))
    if len(some) < FEWEST // 4:
        raise Unmeasured(f"{len(some)} settled runs have learned 1 to 3 means")
    values = outcome.eigenvalues[0]
    ratio = values[some, outcome.learned[some]] / values[some, 0]
    return float((ratio < 0.02).mean()), (
        f"{len(some)} runs, 95 % below {np.quantile(ratio, 0.95):.2g}, largest {ratio.max():.2g}; "
        f"{outcome.lost} lost"
    )


@check(
    "H7", "fig4_3",
    f"{FOUR.text}, t = 80: in settled runs v lives in the top-r eigenspace of H_vv, r the number "
    f"of learned means.",
    expected="rho_r at least .9 in the worst run", low=0.9, high=1 + 1e-9,
    tolerance="independent runs: .949 and more, 95 % above .999",
    evidence="theorem on the second layer",
)  # fmt: skip
def _lives(study: Study) -> tuple[float, str]:
    outcome = Outcome.of(study)
    some = np.flatnonzero(outcome.settled & (outcome.learned >= 1))
    if not some.size:
        raise Unmeasured("no run is settled")
    rho = outcome.rho[0][some, outcome.learned[some] - 1]
    rho = np.where(np.isnan(rho), -LOST, rho)
    return float(rho.min()), (
        f"{len(some)} runs, 5 % below {np.quantile(rho, 0.05):.4f}; {outcome.lost} lost"
    )


@check(
    "H8", "outcome_law", f"{FOUR.text}: nine tenths of the runs are settled at t = 80.",
    expected="share at least .9", low=0.9, high=1, tolerance="independent runs had .92 to .96",
    evidence="measured in independent runs",
)  # fmt: skip
def _settled(study: Study) -> tuple[float, str]:
    outcome = Outcome.of(study)
    return float(outcome.settled.mean()), (
        f"{int(outcome.settled.sum())} of {len(outcome.settled)}; {SETTLED}; {outcome.lost} lost"
    )


@check(
    "H9", "outcome_law",
    f"{FOUR.text}, t = 80: the eigenvalues of H_vv that belong to learned means have median "
    f"beta (1 - 4 beta) C_beta = {theory.xor_readout_eigenvalues(FOUR.ridge)[0]:.4f}.",
    expected="relative distance at most 5 %", low=0, high=0.05,
    tolerance="independent runs: 1.7 % above, finite lambda", evidence="derived fixed points",
)  # fmt: skip
def _size(study: Study) -> tuple[float, str]:
    outcome = Outcome.of(study)
    some = np.flatnonzero(outcome.settled & (outcome.learned >= 1))
    if not some.size:
        raise Unmeasured("no run is settled")
    found = np.concatenate([outcome.eigenvalues[0, i, : outcome.learned[i]] for i in some])
    median = float(np.median(found))
    return abs(median / theory.xor_readout_eigenvalues(FOUR.ridge)[0] - 1), (
        f"median {median:.4f} of {found.size}, settled runs; {outcome.lost} lost"
    )


def _same(id: str, source: Callable[[Study], tuple[Array, Array]], regime: Regime) -> Check:
    @check(
        id, "outcome_law",
        f"{regime.text}, t = 80: as many means are learned as neurons are drawn to at the start.",
        expected="share of runs at least .75", low=0.75, high=1,
        tolerance="a quarter: at lambda < d gates are noisy and neurons change sides",
        evidence="fixed points of infinite precision; no bound is known at finite precision",
    )  # fmt: skip
    def measure(study: Study) -> tuple[float, str]:
        learned, basins = source(study)
        more, fewer, lost = moved(learned, basins)
        return float((learned == basins).mean()), (
            f"{len(learned)} runs; {more} learned more, {fewer} fewer, {lost} lost"
        )

    return measure


def _of_four(study: Study) -> tuple[Array, Array]:
    outcome = Outcome.of(study)
    return outcome.learned, outcome.basins


@check(
    "H11", "fig4_3",
    f"{FOUR_RECALLED.text}, t = 100: runs are not stuck with the means that they start for; some "
    f"have learned more.",
    expected="at least one run", low=1, high=np.inf,
    tolerance="chosen starts, too few for a rate", evidence="seen in independent runs",
)  # fmt: skip
def _drift(study: Study) -> tuple[float, str]:
    _, runs = study.runs(FOUR_RECALLED)
    learned = outcomes.learned_count(at(runs, 100)["f_means"].values, FOUR_RECALLED.ridge)
    basins = basin_count(runs["basin"].values)
    short = basins < 4
    if short.sum() < 3:
        raise Unmeasured(f"{int(short.sum())} runs start with neurons for fewer than four means")
    pairs = ", ".join(
        f"{b} to {'lost' if n == outcomes.MISSING else n}"
        for b, n in zip(basins, learned, strict=True)
    )
    return float((learned > basins)[short].sum()), f"{len(basins)} runs: {pairs}"


CHECKS: tuple[Check, ...] = (
    _law,
    _share("H2", 0, False, 0.88, ".94 to .95"),
    _share("H3", 1, False, 0.88, ".93 to .95"),
    _share("H4", 0, True, 0.97, ".995"),
    _share("H5", 1, True, 0.94, ".973 to .989"),
    _deficient,
    _lives,
    _settled,
    _size,
    _same("H10", _of_four, FOUR),
    _drift,
)
