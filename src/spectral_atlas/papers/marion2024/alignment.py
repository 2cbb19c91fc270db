"""Runs of the rank-one study: small initialization scales, trained until they converge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import table, train

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Alignment
    from spectral_atlas.stage import Inputs, Job


def alignment(config: Alignment, inputs: Inputs, job: Job) -> xr.Dataset:
    """Initialization scale x depth, Gaussian initialization (after Corollary 1)."""
    (data,) = inputs.values()
    members = [
        table(
            problem=range(data.sizes["problem"]),
            initialization=["gaussian"],
            depth=[ensemble.depth],
            scale=ensemble.scales.values,
            learning_rate=[ensemble.learning_rate],
            steps=[ensemble.steps],
            seed=range(config.repeats),
        )
        for ensemble in config.ensembles
    ]
    return train(pd.concat(members), data, config, job)
