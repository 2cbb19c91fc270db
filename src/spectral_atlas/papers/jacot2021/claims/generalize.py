"""Local minima against global ones, on hidden entries (H1 to H11)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.ranked import ranked, ridges
from spectral_atlas.papers.jacot2021.claims.study import RANK, SETTING, Study

Array = np.ndarray
NOISY, CLEAN = "runs/minima_noisy", "runs/minima_clean"
DEPTHS = (3, 4)
BETTER, MUCH_BETTER = 0.9, 0.7  # test of the local minimum over that of the global one
USUAL = 0.02  # settings that count are listed up to this lambda, too
MANY = 10  # targets that a share of them needs


def _global_rank(depth: int, ridge: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = ranked(study, NOISY, depth, ridge, MANY)
        return Sample(found.best_rank.astype(float), found.labels, _at_edge(found.censored))

    return samples


def _at_edge(censored: Array) -> str:
    count = int(censored.sum())
    return f"{count} at the largest rank searched, more may be lower" if count else ""


def _better(depth: int, ridge: float) -> Samples:
    """Whether the true-rank local minimum is better by more than a tenth."""

    def samples(study: Study) -> Sample:
        found = ranked(study, NOISY, depth, ridge, MANY)
        ratio = found.ratio()
        shown = ", ".join("none" if np.isnan(r) else f"{r:.2f}" for r in ratio)
        remark = "; ".join(filter(None, (f"ratios {shown}", _at_edge(found.censored))))
        return Sample(np.where(np.isnan(ratio), np.nan, ratio < BETTER), found.labels, remark)

    return samples


def _medians(study: Study) -> Sample:
    """Median ratio in each setting; a target without a minimum of true rank counts as infinite."""
    values = []
    for depth, ridge in SETTINGS:
        ratio = ranked(study, NOISY, depth, ridge, MANY).ratio()
        values.append(float(np.median(np.where(np.isnan(ratio), np.inf, ratio))))
    return Sample(np.array(values), [f"L = {d}, lambda = {r:g}" for d, r in SETTINGS])


def _exists(ref: str, bound: float, cells: tuple[tuple[int, float], ...] = ()) -> Samples:
    """Settings with a better local minimum of the true rank; where more ranks may be lower, none.

    All depths and ridges of a file, or the cells given. The remark counts every setting.
    """

    def samples(study: Study) -> Sample:
        parts, same, none, worse, edge, small = [], 0, 0, 0, 0, [0, 0]
        for L, ridge in cells or [(L, r) for L in DEPTHS for r in ridges(study, ref)]:
            found = ranked(study, ref, L, ridge)
            ratio, own = found.ratio(), found.best_rank == RANK
            same += int(own.sum())
            none += int((np.isnan(ratio) & ~own).sum())
            worse += int((ratio > 1 / bound).sum())
            edge += int(found.censored.sum())
            held = ~own & ~found.censored & (ratio < bound)  # NaN is not below
            if ridge <= USUAL * (1 + 1e-9):
                small = [small[0] + int(held.sum()), small[1] + len(held)]
            parts.append((f"L = {L}, lambda = {ridge:g},", Sample(held, found.labels)))
        all_of = joined(parts)
        remark = (
            f"of all {len(all_of.labels)} settings: global rank 3 in {same}, no local minimum of "
            f"rank 3 in {none}, worse by 1/{bound:g} or more in {worse}"
        )
        if small[1] < len(all_of.labels):
            remark += f"; up to lambda = {USUAL:g} {small[0]} of {small[1]} count"
        remark += f"; left out: {edge}, whose lowest is the largest rank searched" if edge else ""
        return Sample(all_of.values, all_of.labels, remark)

    return samples


def _small_ridge(study: Study) -> Sample:
    """Whether the global minimum has the true rank and no local one tests better."""
    parts = []
    for L in DEPTHS:
        for ridge in ridges(study, CLEAN, most=0.005):
            found = ranked(study, CLEAN, L, ridge)
            test = np.where(found.minimum, found.test, np.inf)
            at_best = found.test[np.arange(len(test)), found.best]
            held = (found.best_rank == RANK) & (at_best <= test.min(1) * (1 + 1e-9))
            parts.append((f"L = {L}, lambda = {ridge:g},", Sample(held, found.labels)))
    return joined(parts)


SETTINGS = ((3, 1e-3), (4, 1e-3), (3, 3e-3), (4, 3e-3))
SEEN = {(3, 1e-3): 7, (4, 1e-3): 7, (3, 3e-3): 6, (4, 3e-3): 6}
NOISE = f"{SETTING}, N = 80, noise .3"
NONE = f"{SETTING}, N = 80, no noise"
SOME = "first abstract, in some settings: local minima can generalize better"
BEAT = "test at the local minimum of rank 3 below {} of that at the global one"
CHECKS: tuple[Check, ...] = (
    claim(
        "H1", "generalize", f"{NOISE}, L = 3, lambda = .001: the global minimum has more than the "
        f"true rank 3.",
        _global_rank(3, 1e-3), low=4, what="global rank", tolerance="none",
        evidence="measured on ten other instances: 5 to 6",
    ),
    *(
        claim(
            f"H{i}", "generalize", f"{NOISE}, L = {L}, lambda = {ridge:g}: the local minimum of "
            f"the true rank 3 generalizes better than the global one for half of the targets or "
            "more.",
            _better(L, ridge), kind="share", low=0.5, high=1, what=BEAT.format(".9"),
            tolerance=f"half; other instances: {SEEN[L, ridge]} of 10",
            evidence=f"{SOME}; measured on ten other instances",
        )
        for i, (L, ridge) in enumerate(SETTINGS, start=2)
    ),
    claim(
        "H6", "generalize", f"{NOISE}, L = 3, 4, lambda = .001, .003: the median target's local "
        f"minimum of rank 3 generalizes better.",
        _medians, high=0.85, what="median of test at rank 3 over test at the global minimum",
        tolerance="ten other instances had .59 to .78", evidence="measured on ten other instances",
    ),
    claim(
        "H7", "generalize", f"{NOISE}, L = 3, 4: there are settings of target and lambda in which "
        f"the local minimum of rank 3 generalizes better.",
        _exists(NOISY, BETTER), kind="count", low=1, what=BEAT.format(".9"),
        tolerance="a statement of existence", evidence=SOME,
    ),
    claim(
        "H8", "generalize", f"{NONE}, L = 3, 4, lambda up to .005: the global minimum has the true "
        f"rank 3 and is the best one.",
        _small_ridge, kind="share", low=1, high=1, what="it has, and no minimum tests better",
        tolerance="none", evidence="measured on two other targets: the opposite of the noisy case",
    ),
    *(
        claim(
            id, "generalize", f"{NONE}, {text}: for some target rank 2 is global and a local "
            f"minimum of rank 3 generalizes much better.",
            _exists(CLEAN, MUCH_BETTER, cells), kind="count", low=1, what=BEAT.format(".7"),
            tolerance=f"a statement of existence; the ratio was {seen}",
            evidence=f"{SOME}; one other target, lambda chosen for it",
        )
        for id, text, cells, seen in (
            ("H9", "L = 4, lambda = .008", ((4, 0.008),), ".55"),
            ("H10", "L = 3, 4, lambda = .02", ((3, 0.02), (4, 0.02)), ".69 and .56"),
        )
    ),
    claim(
        "H11", "generalize", f"{NONE}, L = 3, 4: there are settings of target and lambda in which "
        f"a local minimum of rank 3 generalizes much better than the global one.",
        _exists(CLEAN, MUCH_BETTER), kind="count", low=1, what=BEAT.format(".7"),
        tolerance="a statement of existence", evidence=f"{SOME}; weaker: the lambda at which the "
        f"global rank falls differs among targets; with root seed 2024 it rests on "
        f"lambda above {USUAL:g}: up to there 1 of 220 settings counts",
    ),
)  # fmt: skip
