"""Theorem 1 at the minimizers themselves, random and trained ones (T1, T2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims.closed_form import grouped_layers, minimizer_sharpness
from spectral_atlas.papers.marion2024.claims.study import AT_MINIMUM, Study, demand, draws

FIGURE = "sharpness_vs_depth"
LINEAR = ("mlp_sweep", "residual_sweep", "depth_sweep", "alignment", "ratio")


@check(
    "T1a", FIGURE,
    "No random factorization of w* has a sharpness below 2 L a |w*|^{2-2/L}.",
    expected="least S / 2La at least 1", low=1 - 1e-9, high=np.inf,
    tolerance="residual bound of the eigenvalues, 1e-9", evidence="Theorem 1 (caption of Fig. 2)",
)  # fmt: skip
def _random_minimizers(study: Study) -> tuple[float, str]:
    table = study.runs("minimizers")
    depths = ", ".join(str(v) for v in sorted(table["depth"].unique()))
    return table["ratio"].min(), (
        f"{len(table)} minimizers on {draws(table)} data draws, L = {depths}, log-normal spreads "
        f"{', '.join(f'{v:g}' for v in sorted(table['spread'].unique()))}; "
        f"{int((table['ratio'] < 1 - 1e-9).sum())} violations"
    )


@check(
    "T1b", FIGURE,
    "The lower bound keeps its form for |w| = 1/2 and |w| = 2: 2 L a |w|^{2-2/L}, with the last "
    "layers of the random minimizers multiplied by |w|.",
    expected="least S / (2 L a |w|^{2-2/L}) at least 1", low=1 - 1e-9, high=np.inf,
    tolerance="rounding of the closed form", evidence="Theorem 1 (caption of Fig. 2)",
)  # fmt: skip
def _other_norms(study: Study) -> tuple[float, str]:
    table = study.runs("minimizers")
    least = {}
    for norm in (0.5, 2.0):
        found = []
        for problem, depth, layers, _ in grouped_layers(study, "minimizers", table):
            scaled = [*layers[:-1], layers[-1] * norm / np.linalg.norm(problem.w_star)]
            bound = theory.lower_bound(depth, problem.a, norm)
            found.append(minimizer_sharpness(scaled, problem.Sigma).min() / bound)
        least[norm] = min(found)
    shown = ", ".join(f"{value:.4f} at |w| = {norm:g}" for norm, value in least.items())
    return min(least.values()), f"least: {shown}; n = {len(table)} for each norm"


@check(
    "T1c", "fig1b",
    "No trained linear network sits at a minimizer with a sharpness below 2 L a |w*|^{2-2/L}, "
    "for Gaussian and residual initialization at every scale and learning rate.",
    expected="least S / 2La at least 1", low=1 - 1e-5, high=np.inf,
    tolerance=f"the runs are within a relative excess risk of {AT_MINIMUM:g} of a minimizer",
    evidence="Theorem 1; for residual networks with |p| = 1 inferred",
)  # fmt: skip
def _trained_minimizers(study: Study) -> tuple[float, str]:
    table = study.linear(*LINEAR)
    there = demand(table[table["excess"] <= AT_MINIMUM], "runs at a minimizer")
    least = there.iloc[int(there["ratio"].argmin())]
    return least["ratio"], (
        f"{len(there)} of {len(table)} runs are at a minimizer, the others diverged or are still "
        f"on their way; least in {least['experiment']}, L = {least['depth']:.0f}, "
        f"eta/eta* = {least['rate']:.3f}, S / 2La - 1 = {least['ratio'] - 1:.1e}"
    )


@check(
    "T2a", FIGURE,
    "At random minimizers the Hessian's largest eigenvalue is "
    "2 lambda_max(Sigma^{1/2} K Sigma^{1/2}), a d x d problem.",
    expected="no relative difference", low=0, high=1e-6,
    tolerance="1e-9 from the eigenvalue solver, the rest from the rounding of ill-conditioned "
    "factorizations",
    evidence="derived; Lanczos on the Hessian against a separate numpy implementation",
)  # fmt: skip
def _closed_form_at_random(study: Study) -> tuple[float, str]:
    return _closed_form(study, "minimizers", study.runs("minimizers"))


@check(
    "T2b", "fig1b",
    "The same closed form holds where gradient descent from Gaussian initialization has converged.",
    expected="no relative difference", low=0, high=1e-6,
    tolerance="relative excess risk below 1e-20, so that predictors differ from w* by 1e-10",
    evidence="derived",
)  # fmt: skip
def _closed_form_at_trained(study: Study) -> tuple[float, str]:
    table = study.runs("mlp_sweep")
    there = demand(table[table["excess"] <= 1e-20], "runs within 1e-20 of the least risk")
    return _closed_form(study, "mlp_sweep", there)


def _closed_form(study: Study, experiment: str, rows: pd.DataFrame) -> tuple[float, str]:
    worst = 0.0
    for problem, _, layers, part in grouped_layers(study, experiment, rows):
        closed = minimizer_sharpness(layers, problem.Sigma)
        worst = max(worst, float(np.max(np.abs(part["sharpness"] / closed - 1))))
    return worst, f"largest over {len(rows)} networks on {draws(rows)} data draws"


CHECKS: tuple[Check, ...] = (
    _random_minimizers, _other_norms, _trained_minimizers, _closed_form_at_random,
    _closed_form_at_trained,
)  # fmt: skip
