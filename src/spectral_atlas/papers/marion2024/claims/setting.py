"""Whether the caches hold what the printed numbers were measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from spectral_atlas.checks import Unmeasured
from spectral_atlas.data import threefry
from spectral_atlas.data.regression import threefry_regression
from spectral_atlas.papers.marion2024.claims import published
from spectral_atlas.papers.marion2024.claims.study import Study


@dataclass(frozen=True)
class Setting:
    """One experiment of the published code.

    Attributes
    ----------
    data, initialization : str
    depths, scales : the grid
    steps : number of steps by learning rate; None where the runs were trained until they converged
    readouts : position of the readout vector in the chain of random keys, by depth
    """

    data: str
    initialization: str
    depths: Sequence[int]
    scales: Sequence[float]
    steps: Mapping[float, int | None]
    readouts: Mapping[int, int] = field(default_factory=dict)


def _residual(depths: Mapping[int, int], scales: Sequence[float], steps: Mapping) -> Setting:
    return Setting("linear", "residual", tuple(depths), scales, steps, depths)


SETTINGS = {
    "mlp_sweep": Setting("linear", "gaussian", (10,), published.MLP_SCALES, published.STEPS),
    "residual_sweep": _residual(
        {10: 5},
        published.RESIDUAL_GRID,
        dict.fromkeys(published.RESIDUAL_RATES, published.RESIDUAL_STEPS),
    ),
    "evolution/gaussian": Setting("linear", "gaussian", (10,), (0.35,), {0.02: 450, 0.1: 450}),
    "evolution/residual": _residual({10: 5}, (0.5,), {0.02: 450, 0.1: 450}),
    "depth_sweep": _residual(
        {5: 9, 10: 12, 20: 15, 40: 18}, (0.25,), dict.fromkeys(published.DEPTH_RATES, 1000)
    ),
    "underdetermined_sweep": Setting(
        "underdetermined", "gaussian", (5,), published.UNDERDETERMINED_SCALES,
        {0.001: 40_000, 0.004: 10_000, 0.01: 4000},
    ),
    "gelu_sweep": Setting(
        "noiseless", "gaussian", (10,), published.GELU_SCALES,
        {0.005: 160_000, 0.02: 40_000, 0.07: 16_000},
    ),
    "alignment": Setting("linear", "gaussian", (3, 5), (0.3, 0.07), {0.02: None}),
}  # fmt: skip


def on_published(study: Study, name: str) -> None:
    """Return only if problem 0 of a data file is the published one; else `Unmeasured`."""
    n, d, noise, position = published.DATA[name]
    reference = threefry_regression(n, d, noise, position=position)
    found = study.problems(name)[0]
    for part in ("X", "y", "X_test", "y_test", "w_star"):
        ours, theirs = getattr(found, part), getattr(reference, part)
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=1e-5):
            raise Unmeasured(f"problem 0 of data/{name} is not the published data set")


def as_published(study: Study, experiment: str, kind: str | None = None) -> pd.DataFrame:
    """The runs of an experiment that are runs of the published code, but for their initial weights.

    Data, initialization, depth, scale, learning rate, steps and readout are the published ones. All
    claims that compare with printed numbers of runs take them from here.

    Parameters
    ----------
    kind : initialization, for experiments with two of them

    Raises
    ------
    Unmeasured
        If data or readouts are others, or if no run lies on the published grid.
    """
    setting = SETTINGS[experiment if kind is None else f"{experiment}/{kind}"]
    on_published(study, setting.data)
    table = study.runs(experiment)
    same = (table["problem"] == 0) & (table["initialization"] == setting.initialization)
    for what, allowed in (("depth", setting.depths), ("scale", setting.scales)):
        same &= _any_of(table[what].to_numpy(), allowed)
        if not same.any():
            raise Unmeasured(f"no run of {experiment} has a published {what}")
    on_grid = np.zeros(len(table), dtype=bool)
    for rate, steps in setting.steps.items():
        here = np.isclose(table["learning_rate"], rate, rtol=1e-6)
        on_grid |= here if steps is None else here & (table["steps"] == steps).to_numpy()
    table = table[same & on_grid]
    if table.empty:
        raise Unmeasured(f"no run of {experiment} has a published learning rate and its steps")
    _check_readouts(study, experiment, setting, table)
    return table


def with_all_scales(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The runs, or `Unmeasured` where a scale of the published grid is missing."""
    scales = SETTINGS[experiment].scales
    missing = int((~_any_of(np.asarray(scales), table["scale"].to_numpy())).sum())
    if missing:
        raise Unmeasured(f"{missing} of the {len(scales)} published scales are missing")
    return table


def _any_of(values: np.ndarray, allowed: Sequence[float] | np.ndarray) -> np.ndarray:
    close = np.isclose(values[:, None], np.asarray(allowed)[None], rtol=0, atol=1e-6)
    return np.any(close, axis=1)


def _check_readouts(study: Study, experiment: str, setting: Setting, table: pd.DataFrame) -> None:
    runs = study.dataset(f"runs/{experiment}")
    for depth, position in setting.readouts.items():
        rows = table.index[table["depth"] == depth].to_numpy()
        if not len(rows):
            continue
        if "readout" not in runs:
            raise Unmeasured(f"no readout is kept in runs/{experiment}")
        found = runs["readout"].values[rows]
        reference = threefry.normal(threefry.subkey(0, position), found.shape[1:])
        if not np.allclose(found, reference / np.linalg.norm(reference), atol=1e-5):
            raise Unmeasured(f"the readout at L = {depth} is not the published one")
