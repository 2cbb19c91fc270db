"""Below the critical learning rate: success, edge of stability, divergence (T10, T12 to T14)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.marion2024.claims.statistics import stratified_rank
from spectral_atlas.papers.marion2024.claims.study import (
    AT_MINIMUM,
    RESIDUAL_SMALL,
    Study,
    demand,
    draws,
)

REACHED = 1e-12  # relative squared distance to the regressor
SWEEPS = ("mlp_sweep", "residual_sweep", "depth_sweep", "underdetermined_sweep")


@check(
    "T10a", "fig4a",
    "Residual networks with s <= 0.57 and eta <= eta*/4 all reach the optimal regressor within "
    "4000 steps.",
    expected="share of runs with |W_prod - w*|^2 / |w*|^2 at most 1e-12, diverged ones counted: 1",
    low=1, high=1, tolerance="1e-12: published for |.|^2 / d in float32; float64 reaches 1e-29",
    evidence="Theorem 4 and Fig. 4a, number inferred",
)  # fmt: skip
def _residual_converges(study: Study) -> tuple[float, str]:
    table = study.runs("residual_sweep")
    here = (table["scale"] <= RESIDUAL_SMALL) & (table["rate"] <= 0.25) & (table["steps"] >= 4000)
    table = demand(table[here], "runs of 4000 steps and more", 20)
    there = table["distance"] <= REACHED
    return there.mean(), (
        f"{int(there.sum())} of {len(table)} runs on {draws(table)} data draws, "
        f"{int((~table['finite']).sum())} diverged; largest distance of the others "
        f"{table['distance'].max():.2g}"
    )


@check(
    "T12a", "fig4b",
    "Where gradient descent has come to rest at a minimizer, the sharpness is at most 2 / eta.",
    expected="largest S eta / 2 at most 1.01", low=0, high=1.01,
    tolerance="at S eta / 2 = 1.01 an error grows by 2 % a step: what is at rest is below",
    evidence="linear stability; Figs. 1b and 4b, published maximum 1.009",
)  # fmt: skip
def _below_edge(study: Study) -> tuple[float, str]:
    table = study.linear(*SWEEPS)
    there = demand(table[table["excess"] <= AT_MINIMUM], "runs at a minimizer")
    above = int((there["edge"] > 1).sum())
    return there["edge"].max(), (
        f"{len(there)} of {len(table)} runs are at a minimizer (relative excess risk below "
        f"{AT_MINIMUM:g}), {above} of them with S eta / 2 above 1: repelled too slowly to have left"
    )


@check(
    "T12b", "fig4b",
    "Just below eta* (0.9 to 1) training of 4000 steps ends at the edge: S eta / 2 averages 1 over "
    "the surviving runs.",
    expected="mean 1.006 in the published runs", low=0.95, high=1.05,
    tolerance="the published standard deviation of one run, 0.044",
    evidence="measured by re-running the published initializations",
)  # fmt: skip
def _at_edge(study: Study) -> tuple[float, str]:
    table = study.linear("mlp_sweep", "residual_sweep")
    here = table["rate"].between(0.9, 1, inclusive="left") & (table["steps"] >= 4000)
    table = demand(table[here], "runs of 4000 steps at 0.9 to 1 eta*", 20)
    alive = table[table["finite"]]
    return alive["edge"].mean(), (
        f"{len(alive)} of {len(table)} runs survived, standard deviation "
        f"{alive['edge'].std():.3f}; a minimizer leaves only [{alive['rate'].min():.3f}, 1] open"
    )


@check(
    "T12c", "fig1b",
    "Where the minimizer that a small learning rate finds would be unstable at a larger one "
    "(S eta / 2 > 1.05), the larger one takes the same weights to a flatter minimizer just "
    "inside 2 / eta.",
    expected="median S eta / 2 from 0.95 to 1", low=0.95, high=1,
    tolerance="a selection at the edge, for which no rate is known: a twentieth",
    evidence="Fig. 1b and Fig. 4b (caption: the final sharpness stays below 2 / eta)",
)  # fmt: skip
def _pushed_to_edge(study: Study) -> tuple[float, str]:
    table = study.linear("mlp_sweep", "residual_sweep")
    table = table[table["learned"] & (table["rate"] < 0.9)]
    keys = ["experiment", "problem", "scale", "seed"]
    flow = table[table["learning_rate"] == table["learning_rate"].min()][[*keys, "sharpness"]]
    pairs = table.merge(flow, on=keys, suffixes=("", "_flow"))
    pairs = pairs[pairs["sharpness_flow"] * pairs["learning_rate"] / 2 > 1.05]
    demand(pairs, "paired runs whose small-rate minimizer is unstable at the larger rate", 10)
    return pairs["edge"].median(), (
        f"{len(pairs)} pairs from the same weights that have learned at both rates, quartiles "
        f"{pairs['edge'].quantile(0.25):.4f} to {pairs['edge'].quantile(0.75):.4f}"
    )


@check(
    "T13a", "fig5",
    "Residual networks with s <= 0.76 train although they start at twice 2 / eta or more, for "
    "eta < eta*.",
    expected="none of 80 published runs diverged", low=0, high=0.05,
    tolerance="0 of 80 is compatible with a share of up to 0.045 (95 %)",
    evidence="measured by re-running the published initializations",
)  # fmt: skip
def _sharp_starts(study: Study) -> tuple[float, str]:
    table = study.runs("residual_sweep")
    here = (table["scale"] <= 0.76) & (table["rate"] < 1) & (table["initial_edge"] >= 2)
    table = demand(table[here], "runs that start at 4 / eta or above", 20)
    lost = int((~table["finite"]).sum())
    return lost / len(table), (
        f"{lost} of {len(table)} runs on {draws(table)} data draws diverged; median start at "
        f"S eta / 2 = {table['initial_edge'].median():.2f}"
    )


@check(
    "T13b", "fig1b",
    "On every data draw some Gaussian networks learn although they start with a sharpness of 4 / "
    "eta or more.",
    expected="largest S eta / 2 at the start of a run that learned at least 2", low=2, high=np.inf,
    tolerance="only existence is claimed", evidence="Fig. 1b (text of Section 5)",
)  # fmt: skip
def _sharp_gaussian_starts(study: Study) -> tuple[float, str]:
    table = study.runs("mlp_sweep")
    sharp = table[(table["initial_edge"] >= 2) & (table["rate"] < 1)]
    demand(sharp, "runs that start at 4 / eta or above, eta < eta*", 20)
    there = demand(table[table["converged"]], "converged runs")
    largest = there.groupby("problem")["initial_edge"].max()
    count = int((there["initial_edge"] >= 2).sum())
    return (
        largest.min(),
        f"least over {len(largest)} draws; {count} of {len(sharp)} such starts lead to w*",
    )


@check(
    "T13c", "fig1a",
    "Below 0.7 eta* whether a Gaussian network learns does not depend on the scale: those that "
    "survive learn, from every scale.",
    expected="share of survivors at the regressor at least 0.99", low=0.99, high=1,
    tolerance="454 of 454 published runs learned, which is compatible with 0.993 and more (95 %)",
    evidence="Fig. 1a",
)  # fmt: skip
def _survivors_learn(study: Study) -> tuple[float, str]:
    table = study.runs("mlp_sweep")
    alive = table[table["finite"] & (table["rate"] <= 0.7) & (table["steps"] >= 4000)]
    demand(alive, "surviving runs of 4000 steps and more below 0.7 eta*", 20)
    learned = alive["converged"]
    by_scale = learned.groupby(alive["scale"]).mean()
    return learned.mean(), (
        f"{int(learned.sum())} of {len(alive)} survivors on {draws(alive)} data draws; least "
        f"share at one scale {by_scale.min():.3f}"
    )


@check(
    "T14h", "fig3",
    "Means over surviving runs are biased: at equal scale and learning rate the runs that diverge "
    "started sharper.",
    expected="stratified Mann-Whitney z at least 3", low=3, high=np.inf,
    tolerance="z = 3 has a one-sided p of 0.001", evidence="derived from the published divergences",
)  # fmt: skip
def _survivors_bias(study: Study) -> tuple[float, str]:
    table = study.linear("mlp_sweep", "residual_sweep")
    groups = []
    for _, part in table[table["rate"] < 1].groupby(
        ["experiment", "problem", "scale", "learning_rate"]
    ):
        lost, kept = (
            part.loc[part["finite"] == flag, "initial_sharpness"] for flag in (False, True)
        )
        if len(lost) and len(kept):
            groups.append((lost.to_numpy(), kept.to_numpy()))
    if len(groups) < 20:
        raise Unmeasured(f"{len(groups)} of 20 cells needed have both diverged and surviving runs")
    z, share = stratified_rank(groups)
    return z, f"{len(groups)} cells; in {share:.2f} of the pairs the diverged run started sharper"


CHECKS: tuple[Check, ...] = (
    _residual_converges, _below_edge, _at_edge, _pushed_to_edge, _sharp_starts,
    _sharp_gaussian_starts, _survivors_learn, _survivors_bias,
)  # fmt: skip
