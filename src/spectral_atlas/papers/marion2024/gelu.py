"""Runs of the GELU network (Figure 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.networks.gelu_mlp import risk
from spectral_atlas.papers.marion2024.ensemble import (
    COLUMNS,
    MEANINGS,
    architecture,
    initialize,
    table,
)
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.training.gradient_descent import train_gelu_mlp
from spectral_atlas.training.outcomes import Outcome
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Sweep
    from spectral_atlas.stage import Inputs, Job


def gelu_sweep(config: Sweep, inputs: Inputs, job: Job) -> xr.Dataset:
    """Initialization scale x learning rate for the GELU network, Gaussian initialization.

    The linear predictor means nothing here, so outcomes go by the risk alone: converged where it is
    below ``converged_below`` times R(0), collapsed where the network is constant to
    ``collapsed_below`` in the sense |R - R(0)| <= collapsed_below R(0).
    """
    (data,) = inputs.values()
    problem = Problem.load(data, 0)
    arch = architecture("gaussian", config.depth, problem.d)
    blocks = [
        table(
            problem=[0],
            initialization=["gaussian"],
            depth=[config.depth],
            scale=config.scales.values,
            learning_rate=[block.learning_rate],
            steps=[block.steps],
            seed=range(block.repeats),
        )
        for block in config.blocks
    ]
    members = pd.concat(blocks, ignore_index=True)
    theta = np.empty((2, len(members), arch.n_params))
    diverged_at = np.empty(len(members), dtype=np.int64)
    total = int(members["steps"].sum())
    with Progress("training", total, job.log) as progress:
        for steps, group in members.groupby("steps", sort=False):
            rows = group.index.to_numpy()
            start = [
                initialize(job.seed, arch, "gaussian", 0, scale, seed)
                for scale, seed in group[["scale", "seed"]].itertuples(index=False)
            ]
            trajectory = train_gelu_mlp(
                arch,
                np.stack(start),
                group["learning_rate"].to_numpy(float),
                int(steps),
                problem.X,
                problem.y,
                checkpoints=(0, int(steps)),
                threads=job.threads,
                progress=progress,
            )
            theta[:, rows] = trajectory.theta
            diverged_at[rows] = trajectory.diverged_at
    with np.errstate(all="ignore"):
        train_risk = risk(arch, theta, problem.X, problem.y)
        test_risk = risk(arch, theta, problem.X_test, problem.y_test)
    zero = float(np.mean(problem.y**2))
    outcome = _outcomes(train_risk[-1], diverged_at, zero, config)
    dims = ("checkpoint", "run")
    coords = {c: ("run", members[c].to_numpy()) for c in COLUMNS}
    coords["initialization"] = ("run", members["initialization"].to_numpy(dtype=str))
    return xr.Dataset(
        {
            "theta": ((*dims, "param"), theta),
            "diverged_at": ("run", diverged_at),
            "risk": (dims, train_risk, {"long_name": "training risk"}),
            "test_risk": (dims, test_risk, {"long_name": "mean squared error on fresh data"}),
            "outcome": ("run", outcome, {"flag_meanings": MEANINGS}),
        },
        coords={**coords, "checkpoint": ["initial", "final"]},
    )


def _outcomes(final: np.ndarray, diverged_at: np.ndarray, zero: float, config: Sweep) -> np.ndarray:
    lost = (diverged_at >= 0) | ~np.isfinite(final)
    with np.errstate(invalid="ignore"):
        good = final <= config.converged_below * zero
        flat = np.abs(final - zero) <= config.collapsed_below * zero
    return np.select(
        [lost, good, flat],
        [np.int8(Outcome.DIVERGED), np.int8(Outcome.CONVERGED), np.int8(Outcome.COLLAPSED)],
        np.int8(Outcome.UNCONVERGED),
    )
