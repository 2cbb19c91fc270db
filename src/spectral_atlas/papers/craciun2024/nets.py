"""Runs: linear networks from random starts, at shares of their critical step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024.measured import measured
from spectral_atlas.papers.craciun2024.nudged import run_nudged
from spectral_atlas.papers.craciun2024.problems import PAPER, load
from spectral_atlas.papers.craciun2024.two_parameter import FLAGS, run_maps
from spectral_atlas.rng import generator
from spectral_atlas.spectra.least_sharpness import critical_step

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import NetRuns
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def nets(config: NetRuns, inputs: Inputs, job: Job) -> xr.Dataset:
    """The same Gaussian starts of each network, at every share of its critical step.

    The loss leaves out what no linear map fits. Networks learn in the eigenbasis of S. Runs at rest
    are moved by ``nudge`` and run once more, and that is what counts.

    Returns
    -------
    Dataset with dimensions ``net, share, start``: ``outcome``, see its flag_meanings;
    ``left``, whether a run was at rest before it was moved and not after it;
    ``loss``, ``gradient_norm`` at the end; ``loss_least, loss_most, gradient_mean, gradient_least,
    gradient_most`` over the window; ``period_two_gap``, |theta_T - theta_{T-2}|, and
    ``step_length``, |theta_T - theta_{T-1}|; NaN where a run
    diverged. For each net ``critical_step``, ``depth``, ``std``, ``largest_singular_value`` of W*,
    ``white``, and ``theta_<net>`` (share, start, weight_<net>).
    """
    data = inputs["data/nets"].load()
    shares, parts = np.array(config.shares), []
    for one in config.nets:
        problem = load(data, one.net)
        arch, (observed, weights, _) = problem.arch, problem.in_eigenbasis()
        rng = generator(job.seed, PAPER, "nets", one.net)
        first = one.std * rng.standard_normal((config.starts, arch.n_params))
        step = critical_step(observed, np.diag(weights[0]), arch.depth)
        starts, rates = np.tile(first, (len(shares), 1)), np.repeat(shares * step, config.starts)
        run = partial(run_maps, config, job, one.net, arch, observed, weights)
        ends, left = run_nudged(run, starts, rates, rng, nudge=config.nudge, still=config.still)
        dims, shape = ("share", "start"), (len(shares), config.starts)
        outcome = ends.outcomes(still=config.still).reshape(shape)
        part = xr.Dataset(
            {
                "outcome": (dims, outcome, {"long_name": "where the run ends", **FLAGS}),
                "left": (dims, left.reshape(shape), {"long_name": "whether it left rest"}),
                **measured(ends, dims, shape),
                "critical_step": ((), step, {"long_name": "eta_C"}),
                "depth": ((), arch.depth, {"long_name": "layers"}),
                "std": ((), one.std, {"long_name": "standard deviation of the starts"}),
                "largest_singular_value": (
                    (), np.linalg.norm(observed, 2), {"long_name": "sigma_1(W*)"}
                ),
                "white": (
                    (), bool(np.ptp(weights) <= 1e-9 * weights.max()),
                    {"long_name": "whether the data are white"},
                ),
            }
        )  # fmt: skip
        theta = ends.theta.reshape(*shape, -1)
        part = part.expand_dims("net").assign_coords(net=[one.net])
        own = ((*dims, f"weight_{one.net}"), theta, {"long_name": "last parameters"})
        parts.append((part, {f"theta_{one.net}": own}))
    full = xr.concat([part for part, _ in parts], "net")
    full = full.assign({k: v for _, kept in parts for k, v in kept.items()})
    attrs = {"steps": config.steps, "window": config.window}
    return full.assign_coords(share=shares).assign_attrs(attrs)
