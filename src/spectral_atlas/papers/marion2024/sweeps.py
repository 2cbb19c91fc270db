"""Runs of the sweeps: which members each figure trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import table, train

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import DepthSweep, Evolution, Sweep
    from spectral_atlas.stage import Inputs, Job


def gaussian(config: Sweep, inputs: Inputs, job: Job) -> xr.Dataset:
    """Initialization scale x learning rate, all weights N(0, scale^2) (Figures 1a, 1b, 3, 6)."""
    return _sweep("gaussian", config, inputs, job)


def residual(config: Sweep, inputs: Inputs, job: Job) -> xr.Dataset:
    """Initialization scale x learning rate, residual initialization (Figures 4a, 4b, 5)."""
    return _sweep("residual", config, inputs, job)


def _sweep(initialization: str, config: Sweep, inputs: Inputs, job: Job) -> xr.Dataset:
    (data,) = inputs.values()
    blocks = [
        table(
            problem=range(data.sizes["problem"]),
            initialization=[initialization],
            depth=[config.depth],
            scale=config.scales.values,
            learning_rate=[block.learning_rate],
            steps=[block.steps],
            seed=range(block.repeats),
        )
        for block in config.blocks
    ]
    return train(pd.concat(blocks), data, config, job)


def evolution(config: Evolution, inputs: Inputs, job: Job) -> xr.Dataset:
    """Trajectories kept every few steps, for both initializations (Figures 1c, 1d, 4c, 4d)."""
    (data,) = inputs.values()
    scales = {"gaussian": config.gaussian_scale, "residual": config.residual_scale}
    members = [
        table(
            problem=[0],
            initialization=[kind],
            depth=[config.depth],
            scale=[scale],
            learning_rate=config.learning_rates,
            steps=[config.steps],
            seed=range(config.repeats),
        )
        for kind, scale in scales.items()
    ]
    kept = sorted({*range(0, config.steps + 1, config.record_every), config.steps})
    return train(pd.concat(members), data, config, job, checkpoints=kept)


def depths(config: DepthSweep, inputs: Inputs, job: Job) -> xr.Dataset:
    """Learning rate x depth, residual initialization (Figure 2)."""
    (data,) = inputs.values()
    members = table(
        problem=range(data.sizes["problem"]),
        initialization=["residual"],
        depth=config.depths,
        scale=[config.scale],
        learning_rate=config.learning_rates.values,
        steps=[config.steps],
        seed=range(config.repeats),
    )
    return train(members, data, config, job, study="depths")
