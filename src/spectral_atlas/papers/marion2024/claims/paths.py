"""Trajectories of single runs, and the guards that keep claims to their regime."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.marion2024.claims.study import Study, demand

LONG = 400  # steps of the published trajectories: 400 of the residual, 450 of the Gaussian ones


@dataclass(frozen=True)
class Paths:
    """Trajectories of one initialization and learning rate; arrays are (records, runs)."""

    rows: np.ndarray
    steps: np.ndarray
    learning_rate: float
    rate: float
    depth: int
    scale: float
    sharpness: np.ndarray
    excess: np.ndarray
    distance: np.ndarray

    def part(self, runs: np.ndarray) -> Paths:
        """Some of the runs, by a mask."""
        kept = {name: getattr(self, name)[:, runs] for name in ("sharpness", "excess", "distance")}
        return replace(self, rows=self.rows[runs], **kept)

    @property
    def edge(self) -> np.ndarray:
        """S eta / 2."""
        return self.sharpness * self.learning_rate / 2


def paths(study: Study, initialization: str, which: str) -> Paths:
    """Trajectories at the smallest (``"slow"``) or the largest (``"fast"``) learning rate."""
    table = study.runs("evolution")
    table = table[table["initialization"] == initialization]
    demand(table, f"trajectories from {initialization} initialization")
    rate = table["learning_rate"].min() if which == "slow" else table["learning_rate"].max()
    return paths_of(study, table[table["learning_rate"] == rate])


def paths_of(study: Study, table: pd.DataFrame) -> Paths:
    """The trajectories of some rows of the table of runs, all with one learning rate and scale."""
    runs, spectra = study.dataset("runs/evolution"), study.dataset("spectra/evolution")
    rows = table.index.to_numpy()
    return Paths(
        rows=rows,
        steps=runs["checkpoint"].values,
        learning_rate=float(table["learning_rate"].iloc[0]),
        rate=float(table["rate"].iloc[0]),
        depth=int(table["depth"].iloc[0]),
        scale=float(table["scale"].iloc[0]),
        sharpness=spectra["lambda_max"].values[:, rows],
        excess=runs["excess_risk"].values[:, rows],
        distance=runs["squared_distance"].values[:, rows],
    )


def calm(path: Paths, scale: float) -> Paths:
    """Trajectories of at most eta*/4 from at most the scale; else `Unmeasured`."""
    if path.rate > 0.25:
        raise Unmeasured(f"the smallest learning rate is {path.rate:.2f} eta*")
    if path.scale > scale:
        raise Unmeasured(f"the trajectories start from the scale {path.scale:g} > {scale:g}")
    return path


def long_enough(path: Paths) -> Paths:
    """Trajectories as long as the published ones, in steps and, where slow, in eta times steps."""
    if path.steps[-1] < LONG:
        raise Unmeasured(f"trajectories of {path.steps[-1]} steps, {LONG} are needed")
    if path.learning_rate * path.steps[-1] < 0.02 * LONG:
        raise Unmeasured(
            f"eta times steps is {path.learning_rate * path.steps[-1]:.2g}, {0.02 * LONG:g} needed"
        )
    return path


def late_records(path: Paths, values: np.ndarray) -> np.ndarray:
    """The records of the last 100 steps, of the runs that survive."""
    late = values[path.steps > path.steps[-1] - 100]
    if len(late) < 5:
        raise Unmeasured("fewer than five records in the last 100 steps")
    alive = np.isfinite(late).all(axis=0)
    demand(pd.DataFrame(path.rows[alive]), "runs that survive")
    return late[:, alive]
