"""Runs of multi-class logistic regression by one-pass SGD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024.schedule import check_outcomes, schedule
from spectral_atlas.papers.benarous2024.study import Study
from spectral_atlas.spectra.subspaces import alignment, orthonormal_basis
from spectral_atlas.training.online_sgd import train_softmax
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import SoftmaxTraining
    from spectral_atlas.stage import Inputs, Job


def softmax(config: SoftmaxTraining, inputs: Inputs, job: Job) -> xr.Dataset:
    """Train all seeds; keep x at the checkpoints, and where it stands to the means.

    Returns
    -------
    Dataset with dimensions ``run, time, class, feature, component``: ``x``; ``on_means``, the inner
    products <x^c, mu_a>; ``in_span``, rho(x^c, span of the means); ``diverged_at``, the first
    step that was not finite, or -1.
    """
    (data,) = inputs.values()
    study = Study.load(data, job)
    k, d = len(study.labels), study.d
    times = schedule(config, d)
    start = [study.generator("start", run).standard_normal((k, d)) for run in range(config.seeds)]
    with Progress("training", config.seeds * times.n_steps, job.log) as progress:
        found = train_softmax(
            np.stack(start) / np.sqrt(d),
            [study.stream(run) for run in range(config.seeds)],
            times.learning_rate,
            config.ridge,
            times.n_steps,
            times.steps,
            threads=job.threads,
            progress=progress,
        )
    check_outcomes(study.name, found.diverged_at)
    x = np.swapaxes(found.x, 0, 1)
    basis = orthonormal_basis(study.mixture.means)
    per_class = ("run", "time", "class")
    return xr.Dataset(
        {
            "x": ((*per_class, "feature"), x),
            "on_means": ((*per_class, "component"), x @ study.mixture.means.T),
            "in_span": (per_class, alignment(x, basis), {"long_name": "rho(x^c, span of means)"}),
            "diverged_at": ("run", found.diverged_at),
        },
        coords={"run": np.arange(config.seeds), **times.coordinates()},
        attrs={"ridge": config.ridge, "step": config.step},
    )
