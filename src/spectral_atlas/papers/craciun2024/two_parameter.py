"""Runs: gradient descent on L = (1 - w_1 w_2)^2 from random starts, over learning rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.measured import measured
from spectral_atlas.papers.craciun2024.problems import PAPER, linear
from spectral_atlas.rng import generator
from spectral_atlas.training.endings import OUTCOMES, Endings
from spectral_atlas.training.long_runs import run_linear_maps
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Ensemble, TwoParameter
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
ARCH = linear([1, 1, 1])
ONE = np.ones((1, 1))
FLAGS = {"flag_values": list(range(len(OUTCOMES))), "flag_meanings": " ".join(OUTCOMES)}


def two_parameter(config: TwoParameter, inputs: Inputs, job: Job) -> xr.Dataset:
    """The same starts, uniform in the square, with every learning rate.

    Returns
    -------
    Dataset with dimensions ``learning_rate, start, weight``: ``first``, the starts (start, weight);
    ``theta``, the last parameters; ``outcome``, see its flag_meanings; ``gradient_mean``, over the
    window; ``period_two_gap``, |theta_T - theta_{T-2}|, and ``step_length``,
    |theta_T - theta_{T-1}|. NaN where a run diverged.
    """
    rng = generator(job.seed, PAPER, "two-parameter")
    first = rng.uniform(-config.box, config.box, (config.starts, 2))
    etas = np.array(config.learning_rates)
    ends = run_ends(config, np.tile(first, (len(etas), 1)), np.repeat(etas, len(first)), job)
    dims, shape = ("learning_rate", "start"), (len(etas), len(first))
    kept = ("gradient_mean", "period_two_gap", "step_length")
    outcome = ends.outcomes(still=config.still)
    return xr.Dataset(
        {
            "first": (("start", "weight"), first, {"long_name": "start"}),
            "theta": (
                (*dims, "weight"),
                ends.theta.reshape(*shape, 2),
                {"long_name": "last parameters"},
            ),
            "outcome": (
                dims,
                outcome.reshape(shape),
                {"long_name": "where the run ends", **FLAGS},
            ),
            **measured(ends, dims, shape, kept),
        },
        coords={"learning_rate": etas},
        attrs={"steps": config.steps, "window": config.window, "box": config.box},
    )


def run_ends(config: Ensemble, theta0: Array, learning_rate: Array, job: Job) -> Endings:
    """Where runs of L = (1 - w_1 w_2)^2 end."""
    return run_maps(config, job, "two parameters", ARCH, ONE, ONE, theta0, learning_rate)


def run_maps(
    config: Ensemble,
    job: Job,
    label: str,
    arch: DeepLinear,
    observed: Array,
    weights: Array,
    theta0: Array,
    learning_rate: Array,
) -> Endings:
    """Where runs of a linear network end, with progress in the log under ``label``."""
    with Progress(label, len(theta0) * config.steps, job.log) as progress:
        return run_linear_maps(
            arch,
            theta0,
            learning_rate,
            observed,
            weights,
            config.steps,
            window=config.window,
            limit=config.limit,
            threads=job.threads,
            progress=progress,
        )
