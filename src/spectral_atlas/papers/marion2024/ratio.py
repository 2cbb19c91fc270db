"""Runs of the study of S / S_min: three one-dimensional scans around one base problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import table, train
from spectral_atlas.papers.marion2024.problem import Problem

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Ratio
    from spectral_atlas.stage import Inputs, Job


def ratio(config: Ratio, inputs: Inputs, job: Job) -> xr.Dataset:
    """Near-gradient-flow runs against condition number, dimension and depth.

    The step size is ``relative_learning_rate / (L Lambda)``, a fixed small share of every problem's
    own stability limit. All problems are trained at the base depth, the base problems
    at the scanned depths too.
    """
    (data,) = inputs.values()
    everything = list(range(data.sizes["problem"]))
    base = [int(i) for i in np.flatnonzero(data["base"].values)]
    members = []
    for kind, arm in (("gaussian", config.gaussian), ("residual", config.residual)):
        for depth in dict.fromkeys([arm.depth, *arm.depths]):
            members.append(
                table(
                    problem=everything if depth == arm.depth else base,
                    initialization=[kind],
                    depth=[depth],
                    scale=[arm.scale],
                    steps=[arm.steps],
                    seed=range(config.repeats),
                )
            )
    frame = pd.concat(members, ignore_index=True)
    largest = np.array([Problem.load(data, i).eigenvalues[-1] for i in everything])
    limit = frame["depth"].to_numpy() * largest[frame["problem"].to_numpy()]
    frame["learning_rate"] = config.relative_learning_rate / limit
    return train(frame, data, config, job)
