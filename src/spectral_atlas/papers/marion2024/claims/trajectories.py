"""Along single runs: exponential decay and the edge of stability (T10, T15)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.marion2024.claims.paths import (
    Paths,
    calm,
    late_records,
    long_enough,
    paths,
)
from spectral_atlas.papers.marion2024.claims.statistics import slope
from spectral_atlas.papers.marion2024.claims.study import RESIDUAL_SMALL, SMALL, Study, demand

LEFT = 0.1  # excess risk over its first value, below which a run has left the zero map


@check(
    "T10c", "fig4c",
    "From residual initialization with s <= 0.57 at eta <= eta*/4 the excess risk decays "
    "exponentially: its "
    "logarithm is straight in time from a hundredth of its first value down to 1e-20 of it.",
    expected="least R^2 of the straight lines at least 0.99", low=0.99, high=1,
    tolerance="the modes of Sigma decay at rates of their own, so the line bends at its start",
    evidence="Theorem 4 (exponential convergence)",
)  # fmt: skip
def _exponential_decay(study: Study) -> tuple[float, str]:
    path = calm(paths(study, "residual", "slow"), RESIDUAL_SMALL)
    found = []
    for excess in path.excess.T:
        window = (excess < 1e-2 * excess[0]) & (excess > 1e-20 * excess[0])
        if window.sum() >= 5:
            found.append(slope(path.steps[window], np.log(excess[window])))
    if not found:
        raise Unmeasured("no run has five records in the window")
    rates = [-value for value, _, _ in found]
    return min(r2 for _, _, r2 in found), (
        f"{len(found)} of {path.excess.shape[1]} runs at eta = {path.learning_rate:g}; decay rates "
        f"{min(rates):.3f} to {max(rates):.3f} a step"
    )


@check(
    "T15a", "fig1c",
    "From Gaussian scales up to 0.367 at eta <= eta*/4 there is no edge of stability: the "
    "sharpness stays below 2 / eta on the whole path, of 400 steps and more.",
    expected="largest S eta / 2 below 1", low=0, high=1, tolerance="none: an inequality",
    evidence="Fig. 1c",
)  # fmt: skip
def _no_edge(study: Study) -> tuple[float, str]:
    path = long_enough(calm(paths(study, "gaussian", "slow"), SMALL))
    return np.nanmax(path.edge), _count(path)


@check(
    "T15b", "fig1d",
    "From Gaussian initialization just below eta* (0.9 to 1) the sharpness first overshoots 2 / "
    "eta in every run of 400 steps and more that leaves the zero map.",
    expected="least peak of S eta / 2 above 1", low=1, high=np.inf,
    tolerance="none; the published run peaks at 1.9", evidence="Fig. 1d",
)  # fmt: skip
def _overshoot(study: Study) -> tuple[float, str]:
    path = _near_threshold(paths(study, "gaussian", "fast"))
    return np.nanmax(path.edge, axis=0).min(), _count(path)


@check(
    "T15c", "fig1d",
    "... and then oscillates around it: over the last 100 steps of those that survive S eta / 2 "
    "averages about 1.",
    expected="1.03 in the published run", low=0.95, high=1.05,
    tolerance="the published standard deviation of one late run at this rate, 0.044",
    evidence="measured by re-running the published initializations",
)  # fmt: skip
def _gaussian_edge(study: Study) -> tuple[float, str]:
    return _late_mean(_near_threshold(paths(study, "gaussian", "fast")))


@check(
    "T15d", "fig4d",
    "The same oscillation around 2 / eta appears from residual initialization, after 400 steps and "
    "more.",
    expected="1.03 in the published run", low=0.95, high=1.05,
    tolerance="as for Gaussian initialization",
    evidence="measured by re-running the published initializations",
)  # fmt: skip
def _residual_edge(study: Study) -> tuple[float, str]:
    return _late_mean(_near_threshold(paths(study, "residual", "fast")))


@check(
    "T15e", "fig4c",
    "From residual initialization with s <= 0.57 at eta <= eta*/4 the sharpness settles: it moves "
    "by less than 0.1 % over the last 100 of 400 steps and more.",
    expected="largest relative range below 1e-3", low=0, high=1e-3,
    tolerance="published: 30.470, flat after about 50 steps", evidence="Fig. 4c, number inferred",
)  # fmt: skip
def _residual_settles(study: Study) -> tuple[float, str]:
    path = long_enough(calm(paths(study, "residual", "slow"), RESIDUAL_SMALL))
    late = late_records(path, path.sharpness)
    spread = (np.nanmax(late, axis=0) - np.nanmin(late, axis=0)) / np.nanmin(late, axis=0)
    return spread.max(), _count(path)


def _near_threshold(path: Paths) -> Paths:
    if not 0.9 <= path.rate < 1:
        raise Unmeasured(f"the largest learning rate is {path.rate:.2f} eta*, not 0.9 to 1")
    if not np.any(np.diff(path.steps) % 2):
        raise Unmeasured(
            "records of even steps only see one phase of the oscillation of period two"
        )
    left = np.isnan(path.excess[-1]) | (path.excess[-1] < LEFT * path.excess[0])
    demand(pd.DataFrame(path.rows[left]), "runs that have left the zero map")
    return long_enough(path.part(left))


def _late_mean(path: Paths) -> tuple[float, str]:
    late = late_records(path, path.edge)
    above = np.nanmean(path.edge > 1, axis=0)
    each = np.nanmean(late, axis=0)
    return float(np.nanmean(each)), (
        f"{_count(path)}; single runs {np.nanmin(each):.3f} to {np.nanmax(each):.3f}; above 2 / "
        f"eta in {np.mean(above):.2f} of all records"
    )


def _count(path: Paths) -> str:
    lost = int((~np.isfinite(path.sharpness[-1])).sum())
    return (
        f"{path.sharpness.shape[1]} runs, eta = {path.learning_rate:g} = {path.rate:.3f} eta*, "
        f"{len(path.steps)} records, {lost} diverged"
    )


CHECKS: tuple[Check, ...] = (
    _exponential_decay, _no_edge, _overshoot, _gaussian_edge, _residual_edge, _residual_settles,
)  # fmt: skip
