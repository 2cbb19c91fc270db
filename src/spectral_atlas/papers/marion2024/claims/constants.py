"""Numbers that follow from the published data alone (T17, and the table of formulas of T3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims import published, setting
from spectral_atlas.papers.marion2024.claims.study import Study

DIGITS: dict[str, Any] = {
    "expected": "no difference beyond the last printed digit",
    "low": 0,
    "high": 1.1,
    "tolerance": "half a unit of the last printed digit, and 10 % of it for float32 inputs",
    "evidence": "computed from the published code's data",
}


def _constants(study: Study, name: str) -> tuple[float, str]:
    setting.on_published(study, name)
    depth, expected = published.QUANTITIES[name]
    problem = study.problems(name)[0]
    Lambda = float(problem.eigenvalues[-1])
    found = {
        "a": problem.a,
        "2La": theory.lower_bound(depth, problem.a),
        "8L Lambda": theory.small_scale_bound(depth, Lambda),
        "R_min": problem.risk_min(),
        "R(0)": float(np.mean(problem.y**2)),
        "eta*": theory.critical_learning_rate(depth, problem.a),
    }
    off = {key: abs(found[key] - value) / half for key, (value, half) in expected.items()}
    return max(off.values()), ", ".join(f"{key} = {value:.6g}" for key, value in found.items())


@check(
    "T17a", "fig1b",
    "The data of Figures 1 to 5 are the published ones: a, 2La, 8 L Lambda, R_min, R(0) and eta* "
    "for L = 10, in units of half the last printed digit.",
    **DIGITS,
)  # fmt: skip
def _linear(study: Study) -> tuple[float, str]:
    return _constants(study, "linear")


@check(
    "T17b", "fig6a",
    "The data of Figure 6 are the published ones: the same numbers for L = 5.",
    **DIGITS,
)  # fmt: skip
def _underdetermined(study: Study) -> tuple[float, str]:
    return _constants(study, "underdetermined")


@check(
    "T17c", "fig7",
    "The data of Figure 7 are the published ones: the same numbers for L = 10, without noise.",
    **DIGITS,
)  # fmt: skip
def _noiseless(study: Study) -> tuple[float, str]:
    return _constants(study, "noiseless")


@check(
    "T17d", "sharpness_vs_depth",
    "On the published data 2La, the balanced rank-one sharpness, its least value over |W_1| and "
    "the upper end of Theorem 1 have the tabulated values for L = 2 to 40.",
    expected="no relative difference", low=0, high=1e-4,
    tolerance="printed digits: four to six",
    evidence="derived, tabulated from an independent implementation",
)  # fmt: skip
def _formulas(study: Study) -> tuple[float, str]:
    setting.on_published(study, "linear")
    p = study.problems("linear")[0]
    worst = 0.0
    for depth, expected in published.FORMULAS.items():
        found = (
            theory.lower_bound(depth, p.a),
            theory.rank_one_limit(p.Sigma, p.w_star, depth),
            theory.least_rank_one_sharpness(p.Sigma, p.w_star, depth),
            theory.upper_end(depth, p.a, float(p.eigenvalues[-1])),
        )
        pairs = zip(found, expected, strict=True)
        worst = max(worst, *(abs(value / other - 1) for value, other in pairs))
    return worst, f"{4 * len(published.FORMULAS)} numbers"


CHECKS: tuple[Check, ...] = (_linear, _underdetermined, _noiseless, _formulas)
