"""Whole trainings: the four regimes, and the sharpness after equal times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from spectral_atlas.papers.kalra2023.members import PAPER, each
from spectral_atlas.papers.kalra2023.sharpness import SharpnessMeter, SharpnessTrack
from spectral_atlas.rng import generator
from spectral_atlas.training.descent import Observe, descend
from spectral_atlas.training.ensembles import select

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.members import Members
    from spectral_atlas.papers.kalra2023.sections import Long, Measured, Saturation
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def regimes(config: Long, inputs: Inputs, job: Job) -> xr.Dataset:
    """Loss and sharpness at steps that are even in their logarithm.

    Returns
    -------
    Dataset with a row for each initialization along ``run`` (coordinates as in `constants.early`):
    ``loss, sharpness, sharpness_bound`` (run, multiple, time); infinite loss where a run diverged,
    NaN afterwards; ``lambda0``.
    """
    times = record_steps(config.steps, config.records)
    multiples = np.array(config.multiples, dtype=float)
    rows = []
    for members in each(config, inputs, job):
        meter = meter_of(members, config)
        # All c at once: a wider batch of products.
        row, c = (g.ravel() for g in np.meshgrid(np.arange(len(members.seeds)), multiples))
        chosen = torch.from_numpy(row)
        track = meter.track(chosen)
        values, bounds = (np.full((len(row), len(times)), np.nan) for _ in range(2))
        look = _at_times(times, track, config.tolerance, values, bounds)
        run = descend(
            members.ensemble,
            select(members.parameters, chosen),
            c / meter.start.values[row],
            members.samples(config.steps, config.loss_samples).of(chosen),
            config.steps,
            divergence=config.divergence,
            observe=look,
        )
        losses = _recorded(run.losses, run.diverged_at, times)
        shape = (len(multiples), len(members.seeds), len(times))
        found = {"sharpness": values, "sharpness_bound": bounds, "loss": losses}
        found = {name: v.reshape(shape).swapaxes(0, 1) for name, v in found.items()}
        rows.append(_dataset(members, meter, found, ("run", "multiple", "time")))
        _log(job, members)
    joined = xr.concat(rows, dim="run")
    joined = joined.assign_coords(time=times, multiple=multiples)
    joined.attrs = {"steps": config.steps, "tolerance": config.tolerance}
    return joined


def saturation(config: Saturation, inputs: Inputs, job: Job) -> xr.Dataset:
    """Sharpness and loss after tau steps at c = time / tau.

    Returns
    -------
    Dataset with a row for each initialization along ``run``: ``sharpness, sharpness_bound, loss``
    (run, multiple) at tau, NaN where a run diverged; ``lambda0``, ``loss0``; ``tau`` (multiple).
    """
    taus = np.array(config.steps)
    multiples = config.time / taus
    rows = []
    for members in each(config, inputs, job):
        meter = meter_of(members, config)
        shape = (len(members.seeds), len(multiples))
        found = {name: np.full(shape, np.nan) for name in ("sharpness", "sharpness_bound", "loss")}
        first = np.full(len(members.seeds), np.nan)
        for i, (c, tau) in enumerate(zip(multiples, taus, strict=True)):
            run = descend(
                members.ensemble,
                members.parameters,
                c / meter.start.values,
                members.samples(int(tau), config.loss_samples),
                int(tau),
                divergence=config.divergence,
            )
            first = run.losses[:, 0]
            rows_left = run.members.cpu()
            if len(rows_left):
                values, bounds = meter.track().measure(run.parameters, rows_left, config.tolerance)
                found["sharpness"][rows_left.numpy(), i] = values
                found["sharpness_bound"][rows_left.numpy(), i] = bounds
                found["loss"][rows_left.numpy(), i] = run.losses[rows_left.numpy(), -1]
        data = _dataset(members, meter, found, ("run", "multiple"))
        rows.append(data.assign(loss0=("run", first)))
        _log(job, members)
    joined = xr.concat(rows, dim="run").assign_coords(multiple=multiples)
    joined["tau"] = ("multiple", taus)
    joined.attrs = {"time": config.time, "tolerance": config.tolerance}
    return joined


def record_steps(steps: int, records: int) -> Array:
    """0, then whole numbers up to `steps`, about `records` in all, evenly in the logarithm."""
    spread = np.unique(np.round(np.geomspace(steps, 1, max(records - 1, 1))).astype(int))
    return np.concatenate([[0], spread])


def meter_of(members: Members, config: Measured) -> SharpnessMeter:
    """Certified sharpness with the section's settings."""
    rng = generator(members.job_seed, PAPER, "lanczos", members.name)
    return SharpnessMeter(members, config.sharpness_samples, config.tolerance, rng)


def _at_times(
    times: Array, track: SharpnessTrack, tolerance: float, values: Array, bounds: Array
) -> Observe:
    """An observer that fills in the sharpness (member, time) and its bound at some steps."""

    def look(t: int, parameters: dict[str, Tensor], here: Tensor, losses: Tensor) -> None:
        if t in times:
            at, rows = int(np.searchsorted(times, t)), here.cpu().numpy()
            values[rows, at], bounds[rows, at] = track.measure(parameters, here.cpu(), tolerance)

    return look


def _recorded(losses: Array, diverged_at: Array, times: Array) -> Array:
    """Losses at the recorded steps; an infinite one moves to the next of them."""
    shown = losses[:, times].copy()
    for row in np.flatnonzero(diverged_at >= 0):
        at = min(int(np.searchsorted(times, diverged_at[row])), len(times) - 1)
        shown[row, at] = np.inf
    return shown


def _dataset(
    members: Members, meter: SharpnessMeter, found: dict[str, Array], dims: tuple[str, ...]
) -> xr.Dataset:
    data: dict[str, Any] = {name: (dims, v.astype(np.float32)) for name, v in found.items()}
    data["lambda0"] = ("run", meter.start.values)
    return xr.Dataset(data, {name: ("run", v) for name, v in members.rows().items()})


def _log(job: Job, members: Members) -> None:
    if job.log is not None:
        job.log.write(f"{members.name}: {len(members.seeds)} runs done\n")
