"""The file of a study of early training: critical constants, trajectories, and what they cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from spectral_atlas.papers.kalra2023.barrier import barriers
from spectral_atlas.papers.kalra2023.early import EarlyTraining
from spectral_atlas.papers.kalra2023.members import each
from spectral_atlas.papers.kalra2023.search import Brackets, bisect, first_true

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.sections import Early
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
CONSTANTS = ("c_loss", "c_sharp", "c_barrier", "c_max")
NOT_SOUGHT = -9


def early(config: Early, inputs: Inputs, job: Job) -> xr.Dataset:
    """Critical constants of every run.

    Returns
    -------
    Dataset with a row for each initialization along ``run``, told apart by the coordinates `data`,
    `network`, `depth`, `width`, `seed` and so on:

    - ``c_loss, c_sharp, c_barrier, c_max``, NaN where not sought or not on the grid; ``k_...``
      their indices on the grid (`NOT_SOUGHT`; -1: below the grid; its size: beyond it);
    - ``lambda0, lambda0_bound, loss0``;
    - ``undecided``, sharpnesses that could not be told from the start's;
    - ``loss, sharpness, sharpness_bound`` (run, multiple, step) at the recorded c; the loss is
      infinite where a run diverged, NaN afterwards;
    - ``flops`` of the search for c_loss, c_sharp and c_max, ``flops_scan`` of the authors' full
      scan for the same ones, and ``flops_all`` of everything in this file.
    """
    rows = []
    for members in each(config, inputs, job):
        rows.append(_one(EarlyTraining.of(members, config)))
        if job.log is not None:
            job.log.write(f"{members.name}: {_medians(rows[-1])}\n")
    found = xr.concat(rows, dim="run")
    steps, grid = np.arange(config.steps + 1), rows[0].attrs["grid"]
    found = found.assign_coords(step=steps, multiple=np.array(config.recorded, dtype=float))
    found.attrs = {
        "grid_step": config.grid_step,
        "grid": grid,
        "method": config.method,
        "steps": config.steps,
        "tolerance": config.tolerance,
    }
    return found


def _one(training: EarlyTraining) -> xr.Dataset:
    config, members, meter = training.config, training.members, training.meter
    indices = _scanned(training) if config.method == "scan" else _sought(training)
    flops, grid = _flops(training), training.grid
    diverging = indices.pop("diverging")
    indices["c_max"] = last_trained(diverging, len(grid))
    indices["c_barrier"] = _barrier(training, diverging)
    data: dict[str, Any] = {
        "lambda0": ("run", meter.start.values),
        "lambda0_bound": ("run", meter.start.bounds),
        "loss0": ("run", training.first_losses),
        "undecided": ("run", training.undecided),
        "flops": ("run", flops),
        "flops_scan": ("run", _scan_flops(training, diverging)),
    }
    for name in CONSTANTS:
        k = indices[name]
        inside = (k >= 0) & (k < len(grid))
        data[name] = ("run", np.where(inside, grid[np.where(inside, k, 0)], np.nan))
        data[f"k{name[1:]}"] = ("run", k)
    data.update(_recorded(training))
    data["flops_all"] = ("run", _flops(training))
    coords = {name: ("run", values) for name, values in members.rows().items()}
    return xr.Dataset(data, coords, attrs={"grid": len(grid)})


def _sought(training: EarlyTraining) -> dict[str, Array]:
    loss, diverging = training.losses_by_bisection()
    sharp = np.full(training.count, NOT_SOUGHT)
    if training.config.sharp:
        sharp = training.sharp_by_bisection(loss, diverging)
    return {"c_loss": loss, "c_sharp": sharp, "diverging": diverging}


def _scanned(training: EarlyTraining) -> dict[str, Array]:
    """The authors' way: c upward, one by one, until the first that diverges."""
    count, grid = training.count, len(training.grid)

    def diverges(rows: Array, k: Array) -> Array:
        return training.run(rows, training.grid[k]).diverged

    first = first_true(diverges, count, grid, np.full(count, grid))
    sharp = np.full(count, NOT_SOUGHT)
    if training.config.sharp:
        sharp = first_true(training.sharpens, count, grid, first)
    loss = first_true(training.rises, count, grid, first)
    return {"c_loss": loss, "c_sharp": sharp, "diverging": first}


def _barrier(training: EarlyTraining, diverging: Array) -> Array:
    """Grid index of c_barrier; that of c_max where no c that trains shows a barrier."""
    config, count = training.config, training.count
    if not config.barrier:
        return np.full(count, NOT_SOUGHT)
    if config.method == "scan":
        found = first_true(partial(barriers, training), count, len(training.grid), diverging)
    else:
        brackets = Brackets(np.full(count, -1), diverging.copy())
        found = bisect(partial(barriers, training), brackets)
    return np.minimum(found, last_trained(diverging, len(training.grid)))


def last_trained(diverging: Array, grid: int) -> Array:
    """Grid index of the last c that trains; beyond the grid where none on it diverges."""
    return np.where(diverging < grid, diverging - 1, grid)


def _recorded(training: EarlyTraining) -> dict[str, Any]:
    """Loss and sharpness step by step at the c that are asked for."""
    config, count = training.config, training.count
    shape = (count, len(config.recorded), config.steps + 1)
    loss, sharpness, bound = (np.full(shape, np.nan) for _ in range(3))
    # By their numbers: parts of a study must record what the whole would.
    last = np.inf if config.recorded_seeds is None else config.recorded_seeds
    shown = np.flatnonzero(training.members.seeds < last)
    for i, c in enumerate(config.recorded if len(shown) else []):
        track = training.meter.track()

        def look(
            t: int, parameters: Any, here: Any, _: Any, i: int = i, track: Any = track
        ) -> None:
            rows = shown[here.cpu().numpy()]
            if t == 0:
                values, bounds = (
                    training.meter.start.values[rows],
                    training.meter.start.bounds[rows],
                )
            else:
                own = torch.from_numpy(rows)
                values, bounds = track.measure(parameters, own, config.tolerance)
            sharpness[rows, i, t], bound[rows, i, t] = values, bounds

        loss[shown, i] = training.run(shown, np.full(len(shown), c), look).losses
        training.work.product += track.products * training.meter.n_samples
    dims = ("run", "multiple", "step")
    return {
        "loss": (dims, loss.astype(np.float32)),
        "sharpness": (dims, sharpness.astype(np.float32)),
        "sharpness_bound": (dims, bound.astype(np.float32)),
    }


def _flops(training: EarlyTraining) -> Array:
    """Of matrix products: a gradient costs 3 forward passes, a product with the Hessian 6."""
    work, forward = training.work, training.members.flops_per_sample
    return np.asarray(forward * (work.forward + 3.0 * work.gradient + 6.0 * work.product))


def _scan_flops(training: EarlyTraining, diverging: Array) -> Array:
    """Of the authors' scan: T + 1 sharpnesses of 20 + 1 products and T + 1 losses for each c."""
    T, forward = training.config.steps, training.members.flops_per_sample
    sharpness = 21 * 6.0 * training.meter.n_samples
    one = (T + 1) * (sharpness + training.samples.n_shown) + 3.0 * T * training.samples.batch_size
    return np.asarray(forward * one * (diverging + 1.0))


def _medians(found: xr.Dataset) -> str:
    parts = [
        f"{n} {float(np.nanmedian(found[n])):.3g}" for n in CONSTANTS if found[n].notnull().any()
    ]
    flops = float(found["flops_scan"].sum() / found["flops"].sum())
    return f"{', '.join(parts)}; {flops:.0f} times fewer FLOP than a scan"
