"""Runs: tanh and ELU networks from random starts, over learning rates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.two_layer import TwoLayer, initialize
from spectral_atlas.papers.craciun2024.measured import measured
from spectral_atlas.papers.craciun2024.nudged import run_nudged
from spectral_atlas.papers.craciun2024.problems import PAPER
from spectral_atlas.rng import generator
from spectral_atlas.training.endings import OUTCOMES, Endings
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.two_layer_runs import run_two_layer

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Nonlinear
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
AT_REST = ("at_rest", "bounded", "diverged")


def nonlinear(config: Nonlinear, inputs: Inputs, job: Job) -> xr.Dataset:
    """The same starts for every activation and learning rate.

    Whether a point of rest is a minimum is not known here: outcomes are "at_rest" (every gradient
    norm of the window is below ``still``), "bounded" and "diverged". Runs at rest are moved by
    ``nudge`` and run once more, and that is what counts.

    Returns
    -------
    Dataset with dimensions ``activation, learning_rate, start, weight``: ``outcome``, see its
    flag_meanings; ``left``, whether a run was at rest before it was moved and not after it;
    ``theta``, the last parameters; ``loss``, ``gradient_norm`` at the end; ``loss_least, loss_most,
    gradient_mean, gradient_least, gradient_most`` over the window; ``period_two_gap``,
    ``step_length``. NaN where a run diverged.
    """
    data = inputs["data/points"].load()
    x, y = data["x"].values[:, None], data["y"].values
    etas = np.array(config.learning_rates)
    parts = []
    for activation in config.activations:
        net = TwoLayer(1, config.width, activation)
        rng = generator(job.seed, PAPER, "nonlinear")
        first = np.stack([initialize(rng, net) for _ in range(config.starts)])
        starts, rates = np.tile(first, (len(etas), 1)), np.repeat(etas, config.starts)
        run = partial(_run, config, job, net, x, y)
        ends, left = run_nudged(run, starts, rates, rng, nudge=config.nudge, still=config.still)
        dims, shape = ("learning_rate", "start"), (len(etas), config.starts)
        found = ends.outcomes(still=config.still)
        outcome = np.select(
            [found == OUTCOMES.index("bounded"), found == OUTCOMES.index("diverged")], [1, 2], 0
        ).astype(np.int8)
        flags = {
            "long_name": "where the run ends",
            "flag_values": [0, 1, 2],
            "flag_meanings": " ".join(AT_REST),
        }
        parts.append(
            xr.Dataset(
                {
                    "outcome": (dims, outcome.reshape(shape), flags),
                    "left": (dims, left.reshape(shape), {"long_name": "whether it left rest"}),
                    "theta": (
                        (*dims, "weight"),
                        ends.theta.reshape(*shape, -1),
                        {"long_name": "last parameters"},
                    ),
                    **measured(ends, dims, shape),
                }
            )
        )
    full = xr.concat(parts, "activation").assign_coords(
        activation=("activation", list(config.activations)), learning_rate=etas
    )
    return full.assign_attrs(
        width=config.width, steps=config.steps, window=config.window, still=config.still
    )


def _run(
    config: Nonlinear,
    job: Job,
    net: TwoLayer,
    x: Array,
    y: Array,
    theta0: Array,
    learning_rate: Array,
) -> Endings:
    with Progress(net.activation, len(theta0) * config.steps, job.log) as progress:
        return run_two_layer(
            net,
            theta0,
            learning_rate,
            x,
            y,
            config.steps,
            window=config.window,
            limit=config.limit,
            threads=job.threads,
            progress=progress,
        )
