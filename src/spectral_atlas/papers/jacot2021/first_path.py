"""Runs: the path of width 1 out of the origin, against the law of its radius."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.jacot2021.descent import path_dataset
from spectral_atlas.papers.jacot2021.problems import data_of, problem
from spectral_atlas.training.greedy_low_rank import (
    append_neuron,
    needed_steps,
    no_neurons,
    start_slope,
    top_triple,
)
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.path_recorder import RecordRules

if TYPE_CHECKING:
    from spectral_atlas.papers.jacot2021.sections import FirstPath
    from spectral_atlas.stage import Inputs, Job

AFTER = 6000.0  # time, steps times eta, at most, to arrive at the saddle once the origin is left
SETTLED = 1e-5  # |gradient| in units of s_1 at which it has arrived
MOST = 400  # records of a path, more where it oscillates


def first_path(config: FirstPath, inputs: Inputs, job: Job) -> xr.Dataset:
    """Descend in width 1 from (-epsilon v, epsilon, ..., epsilon u), (s, u, v) on top of dC/dA(0).

    Returns
    -------
    Dataset with dimensions ``member, record, row, column`` like those of `descent.descend`; a
    member is a ``depth`` and a ``target``, ``slope`` its s_1.
    """
    data = data_of(inputs, "completion")
    parts = []
    for L, target in product(config.depths, config.targets):
        task = problem(data, target)
        s, u, v = top_triple(task.gradient(np.zeros_like(task.target)))
        arch = DeepLinear.plain(len(v), L, 1, len(u))
        start = arch.flatten(append_neuron(no_neurons(len(u), len(v), L), config.epsilon, u, v))
        start, eta = start[None], config.learning_rate
        steps = needed_steps(s, config.epsilon, eta, L) + round(AFTER / eta)
        paths = train_linear_maps(
            arch,
            start,
            np.array([eta]),
            np.array([steps]),
            task.observed,
            task.weights,
            stop_gradient=min(SETTLED * s, start_slope(s, L, config.epsilon) / 2),
            check_every=max(1, round(0.2 / eta)),
            rules=RecordRules(most=MOST),
        )
        found = path_dataset(paths, arch, start).assign(slope=("member", [s]))
        parts.append(found.assign_coords(depth=("member", [L]), target=("member", [target])))
    joined = xr.concat(parts, "member", join="outer", fill_value={"step": -1})
    return joined.assign_attrs(epsilon=config.epsilon, learning_rate=config.learning_rate)
