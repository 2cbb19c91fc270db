"""Training of deep linear ensembles from a table of members; every experiment only fills the table.

A table has one row for each member and the columns ``problem, initialization, depth, scale,
learning_rate, steps, seed``. Members with equal seed, problem and architecture start from the same
weights whatever their learning rate, so that learning rates are compared on paired runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.data import threefry
from spectral_atlas.networks.deep_linear import (
    DeepLinear,
    excess_risk,
    init_gaussian,
    init_residual,
    predictor,
    unit_vector,
)
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.rng import generator
from spectral_atlas.training.gradient_descent import train_deep_linear
from spectral_atlas.training.outcomes import Outcome, classify
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Outcomes
    from spectral_atlas.stage import Job

MEANINGS = " ".join(outcome.name.lower() for outcome in Outcome)
# Where the published code draws the readouts of its residual networks: the position in its chain of
# random keys, by study and depth.
PUBLISHED_READOUTS = {"sweep": {10: 5}, "depths": {5: 9, 10: 12, 20: 15, 40: 18}}
COLUMNS = ("problem", "initialization", "depth", "scale", "learning_rate", "steps", "seed")


def table(**columns: Sequence) -> pd.DataFrame:
    """Cartesian product of columns as a table, the first column slowest."""
    return pd.DataFrame(list(product(*columns.values())), columns=list(columns))


def architecture(initialization: str, depth: int, d: int) -> DeepLinear:
    """The network that an initialization belongs to."""
    make = DeepLinear.plain if initialization == "gaussian" else DeepLinear.residual
    return make(d, depth)


def draw_readout(
    seed: int, data: xr.Dataset, problem: int, study: str, depth: int, d: int
) -> np.ndarray:
    """The fixed readout p of residual networks, (d,): one for each study, problem and depth.

    On the published data set it is the published code's own.
    """
    position = PUBLISHED_READOUTS.get(study, {}).get(depth)
    if position is not None and "published" in data and bool(data["published"][problem]):
        p = threefry.normal(threefry.subkey(0, position), (d,)).astype(float)
        return p / np.linalg.norm(p)
    return unit_vector(generator(seed, "marion2024", "readout", study, problem, depth, d), d)


def initialize(
    seed: int, arch: DeepLinear, initialization: str, problem: int, scale: float, member: int
) -> np.ndarray:
    """Initial weights of one member, (P,)."""
    rng = generator(
        seed, "marion2024", initialization, arch.depth, arch.d, problem, f"{scale:.9g}", member
    )
    draw = init_gaussian if initialization == "gaussian" else init_residual
    return draw(rng, arch, scale)


def train(
    members: pd.DataFrame,
    data: xr.Dataset,
    outcomes: Outcomes,
    job: Job,
    checkpoints: Sequence[int] | None = None,
    study: str = "sweep",
) -> xr.Dataset:
    """Train all members by gradient descent.

    Parameters
    ----------
    members : table as described above
    data : dataset of the data stage
    outcomes : thresholds
    job : Job
    checkpoints : steps to keep, the same for all; default: the first and the last
    study : name of the family of readouts

    Returns
    -------
    Dataset with dimensions ``checkpoint, run, param`` and the table's columns as coordinates of
    ``run``; ``theta`` beyond a member's own parameters is NaN, and so is ``readout`` where
    the network has none.
    """
    members = members.reset_index(drop=True)
    problems = {i: Problem.load(data, i) for i in sorted(set(members["problem"]))}
    members["d"] = [problems[i].d for i in members["problem"]]
    groups = list(members.groupby(["initialization", "depth", "d", "steps"], sort=False))
    widest = max(architecture(k[0], k[1], k[2]).n_params for k, _ in groups)
    n_checkpoints = 2 if checkpoints is None else len(checkpoints)
    theta = np.full((n_checkpoints, len(members), widest), np.nan)
    diverged_at = np.empty(len(members), dtype=np.int64)
    readouts = np.full((len(members), data.sizes["feature"]), np.nan)
    total = int(members["steps"].sum())
    with Progress("training", total, job.log) as progress:
        for (kind, depth, d, steps), group in groups:
            arch = architecture(kind, depth, d)
            rows = group.index.to_numpy()
            own = [problems[i] for i in group["problem"]]
            if arch.readout:
                drawn = {
                    i: draw_readout(job.seed, data, i, study, depth, d)
                    for i in set(group["problem"])
                }
                readouts[rows, :d] = [drawn[i] for i in group["problem"]]
            start = [
                initialize(job.seed, arch, kind, *row)
                for row in group[["problem", "scale", "seed"]].itertuples(index=False)
            ]
            trajectory = train_deep_linear(
                arch,
                np.stack(start),
                group["learning_rate"].to_numpy(float),
                int(steps),
                np.stack([p.Sigma for p in own]),
                np.stack([p.b for p in own]),
                readout=readouts[rows, :d] if arch.readout else None,
                checkpoints=(0, int(steps)) if checkpoints is None else checkpoints,
                threads=job.threads,
                progress=progress,
            )
            theta[:, rows, : arch.n_params] = trajectory.theta
            diverged_at[rows] = trajectory.diverged_at
    labels = ["initial", "final"] if checkpoints is None else list(checkpoints)
    raw = _runs(members, theta, diverged_at, labels)
    raw["readout"] = (("run", "feature"), readouts, {"long_name": "fixed readout p"})
    return raw.merge(_measure(raw, problems, outcomes))


def _runs(
    members: pd.DataFrame, theta: np.ndarray, diverged_at: np.ndarray, labels: list
) -> xr.Dataset:
    coords = {c: ("run", members[c].to_numpy()) for c in [*COLUMNS, "d"]}
    coords["initialization"] = ("run", members["initialization"].to_numpy(dtype=str))
    return xr.Dataset(
        {
            "theta": (("checkpoint", "run", "param"), theta),
            "diverged_at": ("run", diverged_at, {"long_name": "first non-finite step, -1: never"}),
        },
        coords={**coords, "checkpoint": labels},
    )


def _measure(raw: xr.Dataset, problems: dict[int, Problem], outcomes: Outcomes) -> xr.Dataset:
    """Predictor-level quantities of every checkpoint, and the outcome of every run."""
    shape = raw["theta"].shape[:2]
    excess, distance, test, norm = (np.full(shape, np.nan) for _ in range(4))
    outcome = np.empty(shape[1], dtype=np.int8)
    for (kind, depth, i), rows in groups_of(raw):
        problem = problems[i]
        arch = architecture(kind, depth, problem.d)
        p = readout_of(raw, arch, rows)
        w = predictor(arch, raw["theta"].values[:, rows, : arch.n_params], p)
        with np.errstate(invalid="ignore", over="ignore"):
            excess[:, rows] = excess_risk(w, problem.Sigma, problem.w_star)
            distance[:, rows] = np.sum((w - problem.w_star) ** 2, axis=-1)
            test[:, rows] = problem.test_risk(w)
            norm[:, rows] = np.linalg.norm(w, axis=-1) / np.linalg.norm(problem.w_star)
        outcome[rows] = classify(
            raw["diverged_at"].values[rows],
            excess[-1, rows],
            problem.zero_map_excess,
            norm[-1, rows],
            tolerance=outcomes.converged_below,
            collapse_tolerance=outcomes.collapsed_below,
        )
    dims = ("checkpoint", "run")
    return xr.Dataset(
        {
            "excess_risk": (dims, excess, {"long_name": "R(W) - R_min"}),
            "squared_distance": (dims, distance, {"long_name": "|W_prod - w*|^2"}),
            "test_risk": (dims, test, {"long_name": "mean squared error on fresh data"}),
            "outcome": ("run", outcome, {"flag_meanings": MEANINGS}),
        }
    )


def groups_of(runs: xr.Dataset) -> list[tuple[tuple[str, int, int], np.ndarray]]:
    """Row numbers of the runs that share initialization, depth and problem."""
    names = ["initialization", "depth", "problem"]
    frame = pd.DataFrame({name: runs[name].values for name in names})
    found = frame.groupby(names, sort=False).indices
    return [((str(k), int(depth), int(i)), rows) for (k, depth, i), rows in found.items()]


def readout_of(runs: xr.Dataset, arch: DeepLinear, rows: np.ndarray) -> np.ndarray | None:
    """The readouts of some runs, (rows, d); None where the architecture has none."""
    return runs["readout"].values[rows, : arch.d] if arch.readout else None
