"""Runs of two-layer ReLU networks on the XOR mixture by one-pass SGD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectral_atlas.papers.benarous2024.basins import basin_count, neuron_types
from spectral_atlas.papers.benarous2024.schedule import Schedule, check_outcomes, schedule
from spectral_atlas.papers.benarous2024.study import Study
from spectral_atlas.spectra.subspaces import alignment
from spectral_atlas.training.online_sgd import train_two_layer_relu
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import TwoLayerTraining, WidthsTraining
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def two_layer(config: TwoLayerTraining, inputs: Inputs, job: Job) -> xr.Dataset:
    """Train all runs; keep the weights at the checkpoints and what has been learned.

    Returns
    -------
    Dataset with dimensions ``run, time, neuron, feature, mean``: ``W``, ``v``; ``f_means``, the
    network on mu, -mu, nu, -nu; ``in_span``, rho(W_i, span(mu, nu)); ``basin``, the number of the
    mean that a neuron is drawn to from its start; ``diverged_at``, the first step that was not
    finite, or -1.
    """
    (data,) = inputs.values()
    study = Study.load(data, job)
    times = schedule(config, study.d)
    runs, W0, v0 = starts(config, study)
    W, v, diverged_at = train(study, times, config.ridge, runs, W0, v0, job)
    plane = study.mixture.means[[0, 2]]
    return xr.Dataset(
        {
            "W": (("run", "time", "neuron", "feature"), W),
            "v": (("run", "time", "neuron"), v),
            "f_means": (("run", "time", "mean"), on_means(study, W, v)),
            "in_span": (("run", "time", "neuron"), alignment(W, plane)),
            "basin": (("run", "neuron"), neuron_types(W0, v0, study.mixture.means)),
            "diverged_at": ("run", diverged_at),
        },
        coords={"run": runs, **times.coordinates()},
        attrs={"ridge": config.ridge, "step": config.step},
    )


def widths(config: WidthsTraining, inputs: Inputs, job: Job) -> xr.Dataset:
    """Train many runs for each number of neurons; keep only what has been learned.

    Returns
    -------
    Dataset with dimensions ``neurons, run, time, mean``: ``f_means`` as in `two_layer`;
    ``basins``, how many of the means have a neuron that starts in their basin; ``diverged_at``.
    """
    (data,) = inputs.values()
    study = Study.load(data, job)
    times = schedule(config, study.d)
    runs = np.arange(config.runs)
    learned, basins, lost = [], [], []
    for K in config.neurons:
        W0, v0 = start(study, K, runs)
        W, v, diverged_at = train(study, times, config.ridge, runs, W0, v0, job, f"K={K}")
        learned.append(on_means(study, W, v))
        basins.append(basin_count(neuron_types(W0, v0, study.mixture.means)))
        lost.append(diverged_at)
    return xr.Dataset(
        {
            "f_means": (("neurons", "run", "time", "mean"), np.stack(learned)),
            "basins": (("neurons", "run"), np.stack(basins)),
            "diverged_at": (("neurons", "run"), np.stack(lost)),
        },
        coords={"neurons": config.neurons, "run": runs, **times.coordinates()},
        attrs={"ridge": config.ridge, "step": config.step},
    )


def start(
    study: Study, K: int, runs: Int[Array, " M"]
) -> tuple[Float[Array, "M K d"], Float[Array, "M K"]]:
    """W_i ~ N(0, I/d) and v ~ N(0, I), from one generator for each run."""
    drawn = [study.generator("start", f"K={K}", int(run)) for run in runs]
    W0 = np.stack([rng.standard_normal((K, study.d)) for rng in drawn]) / np.sqrt(study.d)
    return W0, np.stack([rng.standard_normal(K) for rng in drawn])


def starts(
    config: TwoLayerTraining, study: Study
) -> tuple[Int[Array, " M"], Float[Array, "M K d"], Float[Array, "M K"]]:
    """Numbers and weights of the runs to train: all, or the first of each number of basins.

    Raises
    ------
    ValueError
        If there are not enough of a kind among the first ``runs``.
    """
    runs = np.arange(config.runs)
    W0, v0 = start(study, config.neurons, runs)
    if config.per_count:
        counts = basin_count(neuron_types(W0, v0, study.mixture.means))
        chosen = [np.flatnonzero(counts == n)[: config.per_count] for n in range(1, 5)]
        if min(map(len, chosen)) < config.per_count:
            found = ", ".join(str(len(c)) for c in chosen)
            raise ValueError(
                f"per_count = {config.per_count}: among runs = {config.runs} starts there are only "
                f"{found} with neurons in the basins of 1, 2, 3, 4 means; ask for more runs"
            )
        runs = np.concatenate(chosen)
    return runs, W0[runs], v0[runs]


def train(
    study: Study,
    times: Schedule,
    ridge: float,
    runs: Int[Array, " M"],
    W0: Float[Array, "M K d"],
    v0: Float[Array, "M K"],
    job: Job,
    *names: str,
) -> tuple[Float[Array, "M C K d"], Float[Array, "M C K"], Int[Array, " M"]]:
    """Weights at the checkpoints, run by run, and where runs were lost."""
    with Progress("training", len(runs) * times.n_steps, job.log) as progress:
        found = train_two_layer_relu(
            W0,
            v0,
            study.labels,
            [study.stream(int(run), *names) for run in runs],
            times.learning_rate,
            ridge,
            times.n_steps,
            times.steps,
            threads=job.threads,
            progress=progress,
        )
    check_outcomes(study.name, found.diverged_at)
    return np.swapaxes(found.W, 0, 1), np.swapaxes(found.v, 0, 1), found.diverged_at


def on_means(
    study: Study, W: Float[Array, "M C K d"], v: Float[Array, "M C K"]
) -> Float[Array, "M C 4"]:
    """f(mu), f(-mu), f(nu), f(-nu)."""
    hidden = np.maximum(W @ study.mixture.means.T, 0)
    return np.einsum("mck,mckr->mcr", v, hidden)
