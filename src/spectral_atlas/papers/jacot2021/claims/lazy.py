"""Large variance: deep networks are linear models of the entries (C1 to C8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.recovery import test_share
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Members, Study, Where
from spectral_atlas.papers.jacot2021.theory import smallest_gamma

Array = np.ndarray
DEPTHS, WIDTHS, WIDEST = (2, 3, 4), (100, 400, 1000), 1000


def lazy(depth: int, width: int) -> Where:
    """Members in the NTK parametrization."""
    return Where("lazy", depth, width, smallest_gamma(depth))


def _widest(values: Callable[[Study, Members], Array]) -> Samples:
    def samples(study: Study) -> Sample:
        parts = []
        for L in DEPTHS:
            members = study.members(lazy(L, WIDEST))
            parts.append(
                (f"L = {L},", Sample(members.finished(values(study, members)), members.labels))
            )
        return joined(parts)

    return samples


def _from_limit(study: Study, members: Members) -> Array:
    """|A - A_lin| over |A* - A_0| on observed entries, at the end."""
    limit = members.spectrum["limit"].values
    start = members.runs["map"].values[:, 0]
    # A_lin is A* on observed entries and A_0 on the others.
    moved = np.linalg.norm(limit - start, axis=(1, 2))
    end = members.last(members.runs["map"])
    return np.asarray(np.linalg.norm(end - limit, axis=(1, 2)) / moved)


def _test_ratio(study: Study, members: Members) -> Array:
    end = members.last(members.spectrum["test_cost"])
    return np.asarray(end / members.spectrum["test_of_limit"].values)


def _large_values(study: Study, members: Members) -> Array:
    s = members.last(members.spectrum["singular_values"])
    return np.asarray((s > 0.1 * s[:, :1]).sum(1).astype(float))


def _spectrum(study: Study, members: Members) -> Array:
    s = members.last(members.spectrum["singular_values"])[:, :6]
    limit = np.linalg.svd(members.spectrum["limit"].values, compute_uv=False)[:, :6]
    return np.asarray(np.abs(s / limit - 1).max(1))


def _errors(study: Study) -> dict[int, list[Members]]:
    found = {L: [study.members(lazy(L, w)) for w in WIDTHS] for L in DEPTHS}
    if any(not np.array_equal(m.targets, ms[0].targets) for ms in found.values() for m in ms):
        raise Unmeasured("other targets at other widths")
    return found


def _falls(study: Study) -> Sample:
    """Whether the error falls with each width, target by target."""
    parts = []
    for L, some in _errors(study).items():
        each = np.array([m.finished(_from_limit(study, m)) for m in some])
        held = np.where(np.isnan(each).any(0), np.nan, (np.diff(each, axis=0) < 0).all(0))
        parts.append((f"L = {L},", Sample(held, some[0].labels)))
    return joined(parts)


def _mean_falls(study: Study) -> Sample:
    values, labels = [], []
    for L, some in _errors(study).items():
        means = [float(m.finished(_from_limit(study, m)).mean()) for m in some]
        values += [means[i + 1] / means[i] for i in range(2)]
        labels += [f"L = {L} to w = {w}" for w in WIDTHS[1:]]
    return Sample(np.array(values), labels, "means over targets")


def _above_zero(study: Study, members: Members) -> Array:
    return test_share(members)


NTK = f"{SETTING}, N = 80, gamma = 1 - 1/L, L = 2, 3, 4"
FIRST = "first abstract: large variance is linear, no low-rank bias"
ONE = "measured on one other target"
CHECKS: tuple[Check, ...] = (
    claim(
        "C1", "lazy", f"{NTK}, w = 1000: descent ends where the linear model does.",
        _widest(_from_limit), high=0.08, what="|A - A_lin| / |A* - A_0| on observed entries",
        tolerance="another target had .028 to .052", evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C2", "lazy", f"{NTK}: it does so better at each larger width, 100, 400, 1000.", _falls,
        kind="share", low=1, high=1, what="the error falls twice", tolerance="none",
        evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C3", "lazy", f"{NTK}: the mean error over targets falls with each width, 100, 400, 1000.",
        _mean_falls, high=1 - 1e-9, what="mean error over that of the width before",
        tolerance="none", evidence="derived; weaker: a single start fluctuates",
    ),
    claim(
        "C4", "lazy", f"{NTK}, w = 1000: entries that are not observed are as wrong as those of "
        f"the linear model.",
        _widest(_test_ratio), low=0.9, high=1.1, what="test / test(A_lin)",
        tolerance="another target had .98 to 1.04", evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C5", "lazy", f"{NTK}, w = 1000: there is no low-rank bias, six singular values or more "
        f"are above a tenth of the first.",
        _widest(_large_values), low=6, what="number above s_1 / 10", tolerance="twice the true "
        "rank",
        evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C6", "lazy", f"{NTK}, w = 1000: the six largest singular values are those of A_lin.",
        _widest(_spectrum), high=0.06, what="largest relative distance",
        tolerance="that of another target, no room", evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C7", "lazy", f"{NTK}, w = 1000: no path predicts hidden entries better than zero does.",
        _widest(_above_zero), low=1.0, what="test / test(0)", tolerance="another target had 1.6 to "
        "2.1",
        evidence=f"{FIRST}; {ONE}",
    ),
    claim(
        "C8", "lazy", f"{NTK}, w = 1000: on average hidden entries are predicted worse than by "
        "zero.",
        _widest(_above_zero), kind="mean", low=1.0, what="test / test(0)", tolerance="none",
        evidence="derived: A_0 stays, of zero mean and variance 1, so that the mean is 1 + 1 / "
        "mean(A*^2); weaker, since 20 hidden entries fluctuate",
    ),
)  # fmt: skip
