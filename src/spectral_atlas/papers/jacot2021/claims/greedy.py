"""The greedy low-rank algorithm, at three depths (A20 to A27)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.saddles import REST, greedy, greedy_at
from spectral_atlas.papers.jacot2021.claims.study import OBSERVED, RANK, SETTING, Study
from spectral_atlas.papers.jacot2021.plateaus import at_rest

Array = np.ndarray
DEPTHS, EPSILONS = (2, 3, 4), (0.1, 0.05)
ALG = "the greedy algorithm"
OTHERS = "measured on four other targets"


def labels_of(found: xr.Dataset) -> list[str]:
    """Targets of members in words."""
    return [f"target {t}" for t in found["target"].values]


def _each(depths: tuple[int, ...], values: Callable[[xr.Dataset], Array]) -> Samples:
    """A function of the runs of one depth and epsilon, for all of them."""

    def samples(study: Study) -> Sample:
        parts = []
        for L in depths:
            for epsilon in EPSILONS:
                found = greedy(study, L, epsilon)
                parts.append(
                    (f"L = {L}, eps {epsilon:g},", Sample(values(found), labels_of(found)))
                )
        return joined(parts)

    return samples


def _at_true_rank(found: xr.Dataset) -> Array:
    last = _last(found, "cost")
    return (found["width"].values == RANK) & (last < 1e-5) & found["converged"].values


def _last(found: xr.Dataset, name: str) -> Array:
    at = found["width"].values.astype(int) - 1
    return np.asarray(found[name].values[np.arange(len(at)), at])


def _test(found: xr.Dataset) -> Array:
    return _last(found, "test") / found["test_at_zero"].values


def _saddles(found: xr.Dataset, only_at_rest: bool) -> Array:
    """C_1 and C_2, (member, 2); -1 where a stage did not come to rest and that is asked for."""
    cost = found["cost"].values[:, : RANK - 1]
    if not only_at_rest:
        return cost
    rests = at_rest(found["gradient_norm"].values, found["slope"].values)
    return np.where(rests[:, : RANK - 1], cost, -1.0)


def _pairs(one: Array, other: Array, labels: list[str]) -> Sample:
    """|C / C' - 1| for k = 1, 2, without the stages that are left out in either."""
    kept = (one != -1) & (other != -1)
    with np.errstate(invalid="ignore"):
        gap = np.abs(one / other - 1)
    named = [f"{label} k = {k + 1}" for label in labels for k in range(one.shape[1])]
    some = np.flatnonzero(kept.ravel())
    left_out = int((~kept).sum())
    remark = f"{left_out} of {kept.size} not at rest, left out" if left_out else ""
    return Sample(gap.ravel()[some], [named[i] for i in some], remark)


def _two_epsilons(depths: tuple[int, ...], only_at_rest: bool) -> Samples:
    def samples(study: Study) -> Sample:
        parts = []
        for L in depths:
            large = greedy(study, L, EPSILONS[0])
            small = greedy_at(greedy(study, L, EPSILONS[1]), large["target"].values)
            one, other = (_saddles(g, only_at_rest) for g in (large, small))
            parts.append((f"L = {L},", _pairs(one, other, labels_of(large))))
        return joined(parts)

    return samples


def _three_depths(only_at_rest: bool) -> Samples:
    def samples(study: Study) -> Sample:
        deep = greedy(study, 4)
        one, parts = _saddles(deep, only_at_rest), []
        for L in DEPTHS[:-1]:
            other = greedy_at(greedy(study, L), deep["target"].values)
            pairs = _pairs(_saddles(other, only_at_rest), one, labels_of(deep))
            parts.append((f"L = {L} against 4,", pairs))
        return joined(parts)

    return samples


EVERY = f"{SETTING}, N = {OBSERVED}, eps = .1, .05"
SAME = "|C_k / C_k - 1|"
CHECKS: tuple[Check, ...] = (
    *(
        claim(
            id, "fig1c", f"{EVERY}, {text}: {ALG} ends at width 3, the true rank, with C < 1e-5.",
            _each(depths, _at_true_rank), kind="share", low=1, high=1, what="it does",
            tolerance="none", evidence=evidence,
        )
        for id, text, depths, evidence in (
            ("A20", "L = 4", (4,), f"second abstract: a low-rank minimum; {OTHERS}"),
            ("A21", "L = 2, 3", (2, 3), "derived: rank-k critical points do not depend on the "
            "depth"),
        )
    ),
    *(
        claim(
            id, "fig1c", f"{EVERY}, {text}: {ALG} recovers the matrix.", _each(depths, _test),
            high=1e-4, what="test / test(0) at the end", tolerance="other targets had 1.5e-7",
            evidence=evidence,
        )
        for id, text, depths, evidence in (
            ("A22", "L = 4", (4,), OTHERS),
            ("A23", "L = 2, 3", (2, 3), "derived, as the end at the true rank"),
        )
    ),
    claim(
        "A24", "fig1c", f"{EVERY}, L = 4: the saddles' costs C_1, C_2 do not depend on eps.",
        _two_epsilons((4,), False), high=1e-5, what=SAME, tolerance="six digits, on other targets",
        evidence=OTHERS,
    ),
    claim(
        "A25", "fig1c", f"{EVERY}, L = 2, 3, 4, {REST}: C_1, C_2 do not depend on eps.",
        _two_epsilons(DEPTHS, True), high=1e-5, what=SAME, tolerance="six digits",
        evidence="derived; weaker, since a saddle of rank 2 may lie at infinity",
    ),
    claim(
        "A26", "fig1c", f"{SETTING}, N = 80, eps = .1: L = 2, 3 and 4 find saddles of the same "
        "costs.",
        _three_depths(False), high=1e-3, what="|C_k / C_k at L = 4 - 1|",
        tolerance="four digits were seen", evidence="measured on another target, wide networks",
    ),
    claim(
        "A27", "fig1c", f"{SETTING}, N = 80, eps = .1, {REST}: L = 2, 3 and 4 find saddles of the "
        f"same costs.",
        _three_depths(True), high=1e-5, what="|C_k / C_k at L = 4 - 1|", tolerance="six digits",
        evidence="derived: where no weight is dead, critical points of rank k are those of C on "
        "matrices of rank k",
    ),
)  # fmt: skip
