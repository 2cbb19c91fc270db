"""The formulas around Theorem 1, for every problem and depth at hand (T2 to T5)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims.closed_form import (
    balanced_rank_one,
    grouped_layers,
    minimizer_sharpness,
    rescaled_sharpness,
)
from spectral_atlas.papers.marion2024.claims.study import Study, demand
from spectral_atlas.papers.marion2024.problem import Problem

FIGURE = "sharpness_vs_depth"
FACTORS = np.array([1.0, 1e3, 1e4])


def _formula_cases(study: Study) -> list[tuple[Problem, int]]:
    depths = sorted(set(study.runs("minimizers")["depth"]))
    problems = [*study.problems("linear"), *study.problems("ratio")]
    return [(p, int(depth)) for p in problems for depth in depths]


@check(
    "T2c", FIGURE,
    "The balanced aligned rank-one network with product w* has the sharpness "
    "2 |w*|^{2-2/L} lambda_max(Sigma + (L-1) Sigma^{1/2} u u^T Sigma^{1/2}).",
    expected="no relative difference", low=0, high=1e-9, tolerance="rounding",
    evidence="derived",
)  # fmt: skip
def _rank_one_formula(study: Study) -> tuple[float, str]:
    cases = _formula_cases(study)
    worst = max(
        abs(
            minimizer_sharpness(balanced_rank_one(p.w_star, depth), p.Sigma)[0]
            / theory.rank_one_limit(p.Sigma, p.w_star, depth)
            - 1
        )
        for p, depth in cases
    )
    return worst, f"{len(cases)} pairs of a problem and a depth, condition numbers 1 to 100"


@check(
    "T3", FIGURE,
    "2La <= least rank-one sharpness <= balanced rank-one sharpness <= 2 (Lambda + (L-1) a) <= "
    "upper end of Theorem 1, each for |w*| = 1.",
    expected="no quotient of neighbours above 1", low=0, high=1 + 1e-9, tolerance="rounding",
    evidence="Theorem 1; upper end recalled, middle derived",
)  # fmt: skip
def _chain(study: Study) -> tuple[float, str]:
    cases = _formula_cases(study)
    worst, tightest = 0.0, np.inf
    for p, depth in cases:
        Lambda = float(p.eigenvalues[-1])
        least = theory.lower_bound(depth, p.a)
        ordered = [
            least,
            theory.least_rank_one_sharpness(p.Sigma, p.w_star, depth),
            theory.rank_one_limit(p.Sigma, p.w_star, depth),
            2 * (Lambda + (depth - 1) * p.a),
            theory.upper_end(depth, p.a, Lambda),
        ]
        worst = max(worst, *(lower / upper for lower, upper in pairwise(ordered)))
        tightest = min(tightest, ordered[1] / least)
    return worst, (
        f"{len(cases)} pairs of a problem and a depth; the least rank-one sharpness comes "
        f"within a factor {tightest:.6f} of 2La"
    )


@check(
    "T4", FIGURE,
    "From L = 5 on, the balanced rank-one sharpness grows by 2a for each layer.",
    expected="increments within 1 % of 2a", low=0, high=0.01,
    tolerance="they fall short by about v / (a^2 (L-1)(L'-1)), v the variance of Sigma's spectrum "
    "as w* weighs it; below 1 % where v < 0.36 a^2",
    evidence="asymptotics recalled, remainder derived",
)  # fmt: skip
def _linear_in_depth(study: Study) -> tuple[float, str]:
    depths = [int(v) for v in sorted(set(study.runs("minimizers")["depth"])) if v >= 5]
    demand(pd.DataFrame(depths), "depths of 5 and more", 2)
    worst = 0.0
    for p in study.problems("linear"):
        values = [theory.rank_one_limit(p.Sigma, p.w_star, depth) for depth in depths]
        slopes = np.diff(values) / np.diff(depths)
        worst = max(worst, float(np.max(np.abs(slopes / (2 * p.a) - 1))))
    return worst, f"largest over {len(study.problems('linear'))} data draws, L = {depths}"


@check(
    "T5", FIGURE,
    "Multiplying one layer of a minimizer by t and dividing the next by t leaves the network's "
    "function alone and lets the sharpness grow like t^2, without an upper limit.",
    expected="d log S / d log t = 2 between t = 1e3 and 1e4", low=1.99, high=2.01,
    tolerance="terms of order t^-2 in the exponent, and rounding", evidence="derived",
)  # fmt: skip
def _no_upper_limit(study: Study) -> tuple[float, str]:
    table = study.runs("minimizers")
    exponents, growth = [], []
    for problem, _, layers, _ in grouped_layers(study, "minimizers", table):
        one = [layer[:1] for layer in layers]
        values = rescaled_sharpness(problem, one, FACTORS)
        exponents.append(np.log(values[2] / values[1]) / np.log(10))
        growth.append(values[2] / values[0])
    worst = max(exponents, key=lambda e: abs(e - 2))
    return worst, (
        f"the exponent farthest from 2 of {len(exponents)} minimizers (draws x depths); "
        f"S grows at least {min(growth):.2g}-fold up to t = 1e4"
    )


CHECKS: tuple[Check, ...] = (
    _rank_one_formula, _chain, _linear_in_depth, _no_upper_limit,
)  # fmt: skip
