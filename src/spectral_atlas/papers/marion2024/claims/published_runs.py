"""Single published numbers against ours: trajectories, slopes, distances (T7, T14 to T16)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.marion2024 import theory
from spectral_atlas.papers.marion2024.claims import published, underdetermined
from spectral_atlas.papers.marion2024.claims.paths import Paths, paths_of
from spectral_atlas.papers.marion2024.claims.setting import as_published, with_all_scales
from spectral_atlas.papers.marion2024.claims.statistics import (
    FEWEST,
    SAME,
    decided,
    one_more,
    same_sd,
    welch,
)
from spectral_atlas.papers.marion2024.claims.study import Study, demand


@check(
    "T14f", "fig2",
    "On the published data and readouts the mean squared distance at the first two rates above "
    "eta* is the published one at every depth.",
    **SAME,
)  # fmt: skip
def _distances_above(study: Study) -> tuple[float, str]:
    table = as_published(study, "depth_sweep")
    square = study.problems("linear")[0].d
    p_values = {}
    for depth, cells in published.DEPTHS_ABOVE.items():
        for rate, mean in cells:
            near = np.isclose(table["learning_rate"], rate, rtol=2e-3) & (table["depth"] == depth)
            values = table.loc[near & table["finite"], "distance"].to_numpy() / square
            if len(values) >= FEWEST:
                label = f"L = {depth}, eta {rate:g}, {values.mean():.3g} against {mean:g}"
                p_values[label] = _rounded(values, mean)
    return decided(p_values, "means")


def _rounded(values: np.ndarray, mean: float) -> float:
    """p-value against the nearest number that prints as ``mean`` with two digits."""
    half = 0.05 * 10 ** np.floor(np.log10(mean))
    return same_sd(values, float(np.clip(values.mean(), mean - half, mean + half)), 50)


@check(
    "T15f", "fig1c",
    "On the published data the published run at scale 0.35, eta = 0.02 is one of ours: where "
    "its sharpness starts, the largest one, and where it ends.",
    **SAME,
)  # fmt: skip
def _calm_run(study: Study) -> tuple[float, str]:
    path = _published_path(study, "gaussian", "slow")
    top = np.log(np.nanmax(path.sharpness, axis=0))
    p_values = {
        "start, S = 2.70": one_more(np.log(path.sharpness[0]), np.log(2.70)),
        "largest, S = 24.870": one_more(top, np.log(24.870)),
        "end, S = 24.869": one_more(np.log(path.sharpness[-1]), np.log(24.869)),
    }
    return decided(p_values, "numbers")


@check(
    "T15g", "fig1d",
    "On the published data the published run at scale 0.35, eta = 0.1 is one of ours: peak of the "
    "sharpness, share above 2 / eta, late mean, final distance.",
    **SAME,
)  # fmt: skip
def _edge_run(study: Study) -> tuple[float, str]:
    path = _published_path(study, "gaussian", "fast")
    late = path.sharpness[path.steps > path.steps[-1] - 100]
    p_values = {
        "peak, S = 38.4": one_more(np.log(np.nanmax(path.sharpness, axis=0)), np.log(38.4)),
        "share above 2 / eta, 0.48": one_more(np.mean(path.edge > 1, axis=0), 0.48),
        "late mean, S = 20.6": one_more(np.nanmean(late, axis=0), 20.6),
        "final distance / d, 3.4e-3": one_more(np.log(path.distance[-1] / 5), np.log(3.4e-3)),
    }
    return decided(p_values, "numbers")


@check(
    "T15h", "fig4d",
    "On the published data and readout the published residual run at s = 0.5 is one of ours: "
    "where it starts, where it ends at eta = 0.02, its late mean at eta = 0.1.",
    **SAME,
)  # fmt: skip
def _residual_run(study: Study) -> tuple[float, str]:
    slow = _published_path(study, "residual", "slow")
    fast = _published_path(study, "residual", "fast")
    late = fast.sharpness[(fast.steps > 300) & (fast.steps <= 400)]
    p_values = {
        "start, S = 40.77": one_more(np.log(slow.sharpness[0]), np.log(40.77)),
        "end, S = 30.470": one_more(np.log(slow.sharpness[-1]), np.log(30.470)),
        "late mean, S = 20.6": one_more(np.nanmean(late, axis=0), 20.6),
    }
    return decided(p_values, "numbers")


def _published_path(study: Study, kind: str, which: str) -> Paths:
    """Surviving trajectories at the smaller or the larger of the two published learning rates."""
    table = as_published(study, "evolution", kind)
    rate = {"slow": 0.02, "fast": 0.1}[which]
    same = table[np.isclose(table["learning_rate"], rate) & table["finite"]]
    demand(same, f"published trajectories at eta = {rate:g}", FEWEST)
    return paths_of(study, same)


@check(
    "T16a", "fig6b",
    "On the published data the regression of log10(test - train) on log10(S) has the slope 0.42.",
    expected="within three standard errors of 0.4191 +- 0.0130", low=-3, high=3,
    tolerance="standard errors of both slopes, as if runs of one scale were independent",
    evidence="Fig. 6b; slope re-measured as 0.4191",
)  # fmt: skip
def _generalization_slope(study: Study) -> tuple[float, str]:
    table = as_published(study, "underdetermined_sweep")
    slow = table[np.isclose(table["learning_rate"], 0.001)]
    slow = with_all_scales(underdetermined.gaps(study, slow), "underdetermined_sweep")
    value, error, r2, n = underdetermined.generalization(slow)
    mean, spread = published.GENERALIZATION_SLOPE
    return (value - mean) / np.hypot(error, spread), (
        f"slope {value:.4f} +- {error:.4f}, R^2 = {r2:.3f} (published .535), n = {n}"
    )


@check(
    "T7d", "rank_one_alignment",
    "On the published data S over its rank-one limit is what re-runs of the published problem "
    "gave.",
    **SAME,
)  # fmt: skip
def _rank_one_limit(study: Study) -> tuple[float, str]:
    table = as_published(study, "alignment")
    problem = study.problems("linear")[0]
    p_values = {}
    for (depth, scale), (mean, sd) in published.RANK_ONE.items():
        here = (table["depth"] == depth) & np.isclose(table["scale"], scale, atol=1e-6)
        part = table[here & table["converged"] & (table["excess"] < 1e-9)]
        if len(part) >= FEWEST:
            values = part["sharpness"] / theory.rank_one_limit(problem.Sigma, problem.w_star, depth)
            label = f"L = {depth}, scale {scale:g}, {values.mean():.4f} against {mean}"
            p_values[label] = welch(values.to_numpy(), mean, sd, 10)
    return decided(p_values, "means")


CHECKS: tuple[Check, ...] = (
    _distances_above, _calm_run, _edge_run, _residual_run, _generalization_slope, _rank_one_limit,
)  # fmt: skip
