"""Runs: where a grid of starts of L = (1 - w_1 w_2)^2 ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024.two_parameter import FLAGS, run_ends
from spectral_atlas.training.endings import OUTCOMES

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Basins
    from spectral_atlas.stage import Inputs, Job

SADDLE = OUTCOMES.index("saddle")


def basins(config: Basins, inputs: Inputs, job: Job) -> xr.Dataset:
    """All starts (w_1, w_2) of a square grid, with every learning rate.

    The grid is symmetric, so that it holds points of the saddle's stable manifold w_2 = -w_1, which
    random starts miss: starts that end at the saddle run once more, with w_1 moved by ``nudge``.

    Returns
    -------
    Dataset with dimensions ``learning_rate, w2, w1``: ``outcome``, see its flag_meanings;
    ``nudged``, the same where it was the saddle, else -1; ``sharpness``, 2 |theta|^2 at the minima
    reached, else NaN.
    """
    axis = np.linspace(-config.box, config.box, config.side)
    axis = (axis - axis[::-1]) / 2  # to the last bit
    w1, w2 = np.meshgrid(axis, axis)
    etas = np.array(config.learning_rates)
    starts = np.tile(np.stack([w1.ravel(), w2.ravel()], axis=1), (len(etas), 1))
    rates = np.repeat(etas, w1.size)
    ends = run_ends(config, starts, rates, job)
    outcome = ends.outcomes(still=config.still)
    nudged = np.full(len(outcome), -1, dtype=np.int8)
    if (again := outcome == SADDLE).any():
        moved = starts[again] + [config.nudge, 0.0]
        nudged[again] = run_ends(config, moved, rates[again], job).outcomes(still=config.still)
    at_minimum = outcome == OUTCOMES.index("minimum")
    sharpness = np.where(at_minimum, 2 * np.sum(ends.theta**2, axis=1), np.nan)
    dims, shape = ("learning_rate", "w2", "w1"), (len(etas), *w1.shape)
    return xr.Dataset(
        {
            "outcome": (
                dims,
                outcome.reshape(shape),
                {"long_name": "where the start ends", **FLAGS},
            ),
            "nudged": (
                dims,
                nudged.reshape(shape),
                {"long_name": "where it ends when moved off the saddle's manifold"},
            ),
            "sharpness": (dims, sharpness.reshape(shape), {"long_name": "largest eigenvalue"}),
        },
        coords={"learning_rate": etas, "w1": axis, "w2": axis},
        attrs={"steps": config.steps, "nudge": config.nudge},
    )
