"""Runs: the greedy low-rank algorithm, which visits the saddles one after the other."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import include
from spectral_atlas.papers.jacot2021.problems import ENTRIES, data_of, problem
from spectral_atlas.training.greedy_low_rank import GreedyPaths, greedy_low_rank
from spectral_atlas.training.path_recorder import RecordRules

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.sections import Greedy
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
MOST = 150  # records of a stage, more where it oscillates


def greedy(config: Greedy, inputs: Inputs, job: Job) -> xr.Dataset:
    """A_{epsilon, T, eta} for every depth, target and epsilon.

    Returns
    -------
    Dataset with dimensions ``member, stage, record, row, column, parameter``. For each stage, which
    is the path in width ``stage``, counted from 1: ``step``, ``train_cost`` and ``test_cost``
    along it; ``end`` (A), ``cost``, ``test``, ``gradient_norm``, ``steps``, ``slope``
    (s_1(dC/dA) at its start) and ``theta``, padded to the largest width. Stages that were not
    needed are NaN, ``steps`` 0. For each member ``width``, at which it ended, ``converged``,
    ``diverged`` (then its last stage is not finite) and ``test_at_zero``.
    """
    data = data_of(inputs, "completion")
    found, tasks, coords = [], [], []
    for L, target, epsilon in product(config.depths, config.targets, config.epsilons):
        task = problem(data, target)
        found.append(
            greedy_low_rank(
                task.observed,
                task.weights,
                L,
                epsilon=epsilon,
                learning_rate=config.learning_rate,
                steps=config.steps,
                tolerance=config.tolerance,
                rules=RecordRules(most=MOST),
            )
        )
        tasks.append(task)
        coords.append({"depth": L, "target": target, "epsilon": epsilon})
    stages = max(len(paths.stages) for paths in found)
    records = max(stage.paths.step.shape[1] for paths in found for stage in paths.stages)
    members = [
        _member(paths, task, one, (stages, records, _largest(config, stages, task)))
        for paths, task, one in zip(found, tasks, coords, strict=True)
    ]
    joined = xr.concat(members, "member").assign_attrs(learning_rate=config.learning_rate)
    names = ("depth", "target", "epsilon")  # along the members, though they be all the same
    return joined.assign_coords({n: ("member", [one[n] for one in coords]) for n in names})


def _largest(config: Greedy, width: int, task: MatrixCompletion) -> int:
    """Parameters of the deepest network."""
    rows, columns = task.target.shape
    return DeepLinear.plain(columns, max(config.depths), width, rows).n_params


def _member(
    paths: GreedyPaths,
    task: MatrixCompletion,
    coords: dict[str, Any],
    sizes: tuple[int, int, int],
) -> xr.Dataset:
    L, (rows, columns), (stages, records, parameters) = coords["depth"], task.target.shape, sizes
    arch = DeepLinear.plain(columns, L, stages, rows)
    zero = np.zeros_like(task.target)
    dims: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
        "train_cost": (("record",), (records,)),
        "test_cost": (("record",), (records,)),
        "end": (ENTRIES, (rows, columns)),
        "theta": (("parameter",), (parameters,)),
        **{name: ((), ()) for name in ("cost", "test", "gradient_norm", "slope")},
    }
    values = {name: np.full((stages, *shape), np.nan) for name, (_, shape) in dims.items()}
    step = np.full((stages, records), -1, dtype=np.int64)
    steps = np.zeros(stages, dtype=np.int64)
    for k, stage in enumerate(paths.stages):
        count = int(stage.paths.n_records[0])
        A = stage.paths.maps[0, :count]
        step[k, :count], steps[k] = stage.paths.step[0, :count], stage.n_steps
        values["train_cost"][k, :count] = task.cost(A)
        values["test_cost"][k, :count] = task.test_cost(A)
        values["end"][k] = A[-1]
        values["cost"][k], values["test"][k] = task.cost(A[-1]), task.test_cost(A[-1])
        values["gradient_norm"][k], values["slope"][k] = stage.gradient_norm, stage.singular_value
        values["theta"][k, : arch.n_params] = arch.flatten(include(stage.layers, stages))
    return xr.Dataset(
        {
            **{name: (("stage", *dims[name][0]), values[name]) for name in dims},
            "step": (("stage", "record"), step),
            "steps": ("stage", steps),
            "width": len(paths.stages),
            "converged": bool(paths.converged),
            "diverged": any(stage.paths.diverged[0] for stage in paths.stages),
            "test_at_zero": float(task.test_cost(zero)),
            "cost_at_zero": float(task.cost(zero)),
        },
        coords={"stage": np.arange(1, stages + 1)},
    )
