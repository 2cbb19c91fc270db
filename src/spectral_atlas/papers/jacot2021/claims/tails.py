"""What is left of the fourth singular value of maps of rank three (D12 to D15)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Members, Study
from spectral_atlas.papers.jacot2021.claims.sweep import LARGE, SMALL, THREE, at, same_targets

Array = np.ndarray


def _fourth(study: Study, depth: int, gamma: float) -> tuple[Array, Members]:
    """The fourth singular value over the first, at the end."""
    members = study.members(at(depth, gamma))
    s = members.last(members.spectrum["singular_values"])
    return members.finished(s[:, 3] / s[:, 0]), members


def _tail(depth: int, gamma: float) -> Samples:
    def samples(study: Study) -> Sample:
        values, members = _fourth(study, depth, gamma)
        return Sample(values, members.labels)

    return samples


def _shorter_tail(study: Study) -> Sample:
    """s_4 / s_1 of L = 4 over that of L = 2, gamma = 2."""
    (two, shallow), (four, deep) = (_fourth(study, L, 2.0) for L in (2, 4))
    same_targets(shallow, deep)
    return Sample(four / two, shallow.labels)


TAIL = "s_4 / s_1 at the end"
CHECKS: tuple[Check, ...] = (
    *(
        claim(
            id, "regimes_c", f"{SETTING}, {at(2, 2.0).text}: a shallow network keeps a fourth "
            f"singular value{more}.",
            _tail(2, 2.0), kind=kind, low=0.015, high=0.05, what=TAIL,
            tolerance="range of other targets, no room", evidence=evidence,
        )
        for id, kind, more, evidence in (
            ("D12", "worst", "", THREE),
            ("D12b", "median", " for the median target", f"{THREE}; weaker: targets differ"),
        )
    ),
    claim(
        "D13", "regimes_c", f"{SETTING}, {at(2, 0.5).text}: no low-rank bias in the NTK "
        f"parametrization.",
        _tail(2, 0.5), low=0.1, what=TAIL, tolerance="ours: far from low rank", evidence=LARGE,
    ),
    claim(
        "D14", "regimes_d", f"{SETTING}, {at(4, 0.75).text}: no low-rank bias in the NTK "
        f"parametrization.",
        _tail(4, 0.75), low=0.1, what=TAIL, tolerance="ours: far from low rank", evidence=LARGE,
    ),
    claim(
        "D15", "regimes_d", f"{SETTING}, w = 100, N = 80, gamma = 2: the fourth singular value "
        f"is small at L = 4 beside that at L = 2.",
        _shorter_tail, high=0.1, what="s_4 / s_1 at L = 4 over that at L = 2",
        tolerance="ours: a tenth", evidence=SMALL,
    ),
)  # fmt: skip
