"""The GELU network of Figure 7, for which no theorem is claimed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.marion2024.claims.setting import as_published, with_all_scales
from spectral_atlas.papers.marion2024.claims.study import Study, demand

TRAINED_BELOW = 0.01  # training risk over R(0)


def _trained(study: Study) -> pd.DataFrame:
    table = study.runs("gelu_sweep")
    zero = np.array([np.mean(p.y**2) for p in study.of_experiment("gelu_sweep")])
    risk = study.dataset("runs/gelu_sweep")["risk"].values[-1] / zero[table["problem"]]
    return demand(table.assign(risk=risk)[risk <= TRAINED_BELOW], "runs below 1 % of R(0)", 10)


@check(
    "F7a", "fig7",
    "GELU networks that learned (risk below 1 % of R(0)) end at most slightly above 2 / eta: nine "
    "of ten have S eta / 2 <= 1.05, at every learning rate.",
    expected="90 % quantile of S eta / 2 at most 1.05", low=0, high=1.05,
    tolerance="the runs still move, so 2 / eta is no strict limit; single published runs reach 1.5",
    evidence="Fig. 7",
)  # fmt: skip
def _below_edge(study: Study) -> tuple[float, str]:
    table = _trained(study)
    quantiles = table.groupby("learning_rate")["edge"].quantile(0.9)
    return quantiles.max(), (
        f"{len(table)} of {len(study.runs('gelu_sweep'))} runs learned; largest "
        f"{table['edge'].max():.2f}"
    )


def _mean_of_scales(study: Study, rate: float) -> tuple[float, str]:
    table = as_published(study, "gelu_sweep")
    block = demand(table[np.isclose(table["learning_rate"], rate)], f"runs at eta = {rate:g}")
    alive = with_all_scales(block[block["finite"]], "gelu_sweep")
    means = alive.groupby("scale")["sharpness"].mean()
    return means.mean(), (
        f"{len(alive)} of {len(block)} runs survived; means at the scales {means.min():.1f} to "
        f"{means.max():.1f}, single runs to {alive['sharpness'].max():.1f}"
    )


@check(
    "F7b", "fig7",
    "On the published data and grid the final sharpness of the GELU network at eta = 0.02, "
    "averaged over the scales, is that of the published initializations.",
    expected="means at the scales 41 to 75", low=41, high=75,
    tolerance="the range of published means of 3 runs each: an order of magnitude",
    evidence="measured by re-running 3 of 20 published initializations",
)  # fmt: skip
def _medium_rate(study: Study) -> tuple[float, str]:
    return _mean_of_scales(study, 0.02)


@check(
    "F7c", "fig7",
    "At eta = 0.07 it is so, too.",
    expected="means at the scales 22 to 29", low=22, high=29,
    tolerance="the range of published means of 3 runs each",
    evidence="measured by re-running 3 of 20 published initializations",
)  # fmt: skip
def _large_rate(study: Study) -> tuple[float, str]:
    return _mean_of_scales(study, 0.07)


@check(
    "F7d", "fig7",
    "The lower dotted line, 2La of linear networks, does not bound GELU networks that learned: "
    "some end below it.",
    expected="least S / 2La below 1", low=0, high=1, tolerance="only existence is claimed",
    evidence="found here; the line is borrowed from the linear theory",
)  # fmt: skip
def _borrowed_line(study: Study) -> tuple[float, str]:
    table = _trained(study)
    below = int((table["ratio"] < 1).sum())
    return table["ratio"].min(), f"{below} of {len(table)} runs that learned end below the line"


CHECKS: tuple[Check, ...] = (_below_edge, _medium_rate, _large_rate, _borrowed_line)
