"""Where regularized descent ends, by gamma (G14 to G19)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.ranked import NOISE, ranked
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Study, Where

Array = np.ndarray
RIDGE, WIDTH = 1e-3, 50
GAMMAS = (1.0, 1.5, 2.0)
SAME = 1e-4  # values that differ by less are one
LATE, STILL = 0.8, SAME / 10  # settled: after this share of its steps the loss falls by less
FLAT = 1e-4  # and |gradient| at the end is below this


def at(depth: int, gamma: float) -> Where:
    """Members of the regularized descents."""
    return Where("ridge_gd", depth, WIDTH, gamma, noise=NOISE, ridge=RIDGE)


def _ends(study: Study, depth: int, settled: bool = True) -> tuple[Array, Array, list[str]]:
    """Loss at the last record, (gamma, target); targets; labels.

    NaN for members that diverged and, if `settled`, for those whose loss was still falling, or
    whose gradient was not small.
    """
    values, targets, labels = [], None, []
    for gamma in GAMMAS:
        members = study.runs(at(depth, gamma))
        if targets is not None and not np.array_equal(targets, members.targets):
            raise Unmeasured("other targets at another gamma")
        targets, labels = members.targets, members.labels
        runs = members.runs
        loss = runs["train_cost"].values + RIDGE * runs["squared_norm"].values
        step, last = runs["step"].values, runs["n_records"].values - 1
        rows = np.arange(len(members))
        before = (step >= 0) & (step <= LATE * step[rows, last][:, None])
        late = before.shape[1] - 1 - np.argmax(before[:, ::-1], axis=1)
        end = loss[rows, last]
        flat = runs["gradient_norm"].values[rows, last] < FLAT
        still = (loss[rows, late] - end < STILL) & flat
        gone = members.lost | (settled & ~still)
        values.append(np.where(gone, np.nan, end))
    return np.array(values), np.asarray(targets), labels


def distinct(values: Array) -> int:
    """Number of values more than `SAME` apart, without NaN."""
    kept = np.sort(values[np.isfinite(values)])
    return int((np.diff(kept, prepend=-np.inf) > SAME).sum())


def _spread(study: Study) -> Sample:
    values, _, labels = _ends(study, 2, settled=False)
    return Sample(np.ptp(values, axis=0), labels)


def _counts(depth: int) -> Samples:
    def samples(study: Study) -> Sample:
        values, _, labels = _ends(study, depth)
        unsettled = int(np.isnan(values).sum())
        remark = f"{unsettled} of {values.size} paths not settled" if unsettled else ""
        return Sample(np.array([float(distinct(v)) for v in values.T]), labels, remark)

    return samples


def _several(study: Study) -> Sample:
    found = _counts(3)(study)
    return Sample(np.asarray(found.values) >= 2, found.labels, found.remark)


def _table(study: Study, depth: int, targets: Array, minima_only: bool) -> Array:
    """Value of the best critical point, or minimum, of each rank, (target, rank); NaN for none."""
    minima = ranked(study, "runs/landscape", depth, RIDGE)
    value = np.where(minima.minimum, minima.value, np.nan) if minima_only else minima.value
    rows = {int(t): v for t, v in zip(minima.targets, value, strict=True)}
    if missing := set(targets.tolist()) - set(rows):
        raise Unmeasured(f"no minima for the targets {', '.join(map(str, sorted(missing)))}")
    return np.array([rows[int(t)] for t in targets])


def _known(study: Study) -> Sample:
    """Distance of each end from the next of the minima found by search."""
    parts = []
    for L in (3, 4):
        values, targets, labels = _ends(study, L)
        table = _table(study, L, targets, minima_only=True)
        for gamma, row in zip(GAMMAS, values, strict=True):
            away = np.abs(table - row[:, None])
            gap = np.where(np.isnan(away), np.inf, away).min(axis=1)
            gap = np.where(np.isfinite(row), gap, np.nan)
            parts.append((f"L = {L}, gamma = {gamma:g},", Sample(gap, labels)))
    return joined(parts)


def _not_below(study: Study) -> Sample:
    """Loss at each end less the lowest value of the search, over the latter."""
    parts = []
    for L in (2, 3, 4):
        values, targets, labels = _ends(study, L, settled=False)
        table = _table(study, L, targets, minima_only=False)
        lowest = np.nanmin(table, axis=1)
        for gamma, row in zip(GAMMAS, values, strict=True):
            parts.append((f"L = {L}, gamma = {gamma:g},", Sample(row / lowest - 1, labels)))
    return joined(parts)


ALL = f"{SETTING}, N = 80, noise .3, lambda = .001, w = 50, gamma = 1, 1.5, 2"
FINISHED = (
    f"{SAME:g}; an end counts if the last fifth of the steps gains less than {STILL:g} and "
    f"|gradient| < {FLAT:g}"
)
VALUES = f"number of values more than {SAME:g} apart"
CHECKS: tuple[Check, ...] = (
    claim(
        "G14", "ridge_gd", f"{ALL}, L = 2: descent comes to one value.", _spread, high=SAME,
        what="spread of the loss", tolerance="finite steps", evidence="first abstract: shallow "
        "networks have no local minima; measured on another target",
    ),
    *(
        claim(
            id, "ridge_gd", f"{ALL}, L = {L}: descent ends in three different local minima.",
            _counts(L), low=3, what=VALUES, tolerance=FINISHED, evidence=evidence,
        )
        for id, L, evidence in (
            ("G15", 3, "first abstract: local minima appear; claimed for L >= 3, though one other "
             "target had two"),
            ("G16", 4, "first abstract: local minima appear; measured on another target"),
        )
    ),
    claim(
        "G17", "ridge_gd", f"{ALL}, L = 3: descent ends in different local minima for most "
        "targets.",
        _several, kind="share", low=0.5, high=1, what=f"the {VALUES} is two or three",
        tolerance="half of the targets", evidence="first abstract; another target had two",
    ),
    claim(
        "G18", "ridge_gd", f"{ALL}, L = 3, 4: every end is one of the minima that the search by "
        f"rank finds.",
        _known, high=SAME, what="distance to the next value", tolerance=FINISHED,
        evidence="measured on another target: to all printed digits",
    ),
    claim(
        "G19", "ridge_gd", f"{ALL}, L = 2, 3, 4: no descent ends below the lowest critical point "
        f"that the search by rank finds.",
        _not_below, low=-1e-9, what="loss at the end over the lowest value found, less 1",
        tolerance="rounding", evidence="derived, weaker: a rank can have several minima, of which "
        "the search keeps the best",
    ),
)  # fmt: skip
