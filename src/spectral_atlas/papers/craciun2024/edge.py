"""Runs: descents of deep linear networks to the edge of stability, every step of their loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.descents import Descent, descend
from spectral_atlas.papers.craciun2024.problems import PAPER, linear
from spectral_atlas.papers.craciun2024.theory import white_critical_step
from spectral_atlas.rng import generator
from spectral_atlas.spectra.least_sharpness import critical_step

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024 import sections
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
Start = tuple[Float[Array, " P"], Float[Array, "o i"]]


def edge(config: sections.Edge, inputs: Inputs, job: Job) -> xr.Dataset:
    """One descent for each start of the configuration, and one with a small step from the same.

    Returns
    -------
    Dataset as `joined` says; ``run`` are the letters of the starts.
    """
    arch, found = linear(config.widths), []
    for start in config.starts:
        rng = np.random.default_rng(start.numpy_seed)
        drawn = draw(rng, arch, config.singular_values, start.scales)
        found.append(_pair(config, arch, drawn, start.share, start.steps))
    return joined(found, [start.name for start in config.starts], config.slowdown)


def edge_fresh(config: sections.EdgeFresh, inputs: Inputs, job: Job) -> xr.Dataset:
    """The same from seeds of our own; ``run`` are the seeds."""
    arch, found = linear(config.widths), []
    for seed in config.initialization_seeds:
        rng = generator(job.seed, PAPER, "edge", seed)
        drawn = draw(rng, arch, config.singular_values, config.scales)
        found.append(_pair(config, arch, drawn, config.share, config.steps))
    return joined(found, config.initialization_seeds, config.slowdown)


def chain(config: sections.Chain, inputs: Inputs, job: Job) -> xr.Dataset:
    """Descents of L = (1 - w_1 ... w_H)^2; ``run`` are the learning rates, every step is kept."""
    arch = linear([1] * (len(config.start) + 1))
    theta0, target = np.array(config.start), np.ones((1, 1))
    found = []
    for eta in config.learning_rates:
        fast = descend(arch, theta0, eta, target, config.max_steps, stop_loss=config.stop_loss)
        kept = np.arange(fast.last_step + 1)
        slow = descend(
            arch, theta0, eta, target, fast.last_step, checkpoints=kept, slower=config.slowdown
        )
        found.append((fast, slow))
    return joined(found, config.learning_rates, config.slowdown)


def draw(
    rng: np.random.Generator,
    arch: DeepLinear,
    singular_values: Sequence[float],
    scales: Sequence[float],
) -> Start:
    """(theta, W*): W* = U diag(s) V^T with random U and V, then Gaussian layers."""
    outputs, inputs = arch.shapes[-1][0], arch.d
    U = np.linalg.qr(rng.standard_normal((outputs, outputs)))[0]
    V = np.linalg.qr(rng.standard_normal((inputs, inputs)))[0]
    k = len(singular_values)
    layers = [
        scale / np.sqrt(columns) * rng.standard_normal((rows, columns))
        for scale, (rows, columns) in zip(scales, arch.shapes, strict=True)
    ]
    return arch.flatten(layers), U[:, :k] * np.array(singular_values) @ V[:, :k].T


def _pair(
    config: sections.EdgeBase, arch: DeepLinear, start: Start, share: float, steps: int
) -> tuple[Descent, Descent]:
    theta0, target = start
    eta = share * critical_step(target, np.eye(arch.d), arch.depth)
    dense = np.arange(min(config.every_step_until, steps) + 1)
    kept = np.union1d(dense, np.append(np.arange(dense[-1], steps, config.every), steps))
    fast = descend(arch, theta0, eta, target, steps, checkpoints=kept)
    slow = descend(
        arch, theta0, eta, target, fast.last_step, checkpoints=kept, slower=config.slowdown
    )
    return fast, slow


def joined(
    pairs: Sequence[tuple[Descent, Descent]], names: Sequence[object], slowdown: int
) -> xr.Dataset:
    """One dataset of all descents and their references.

    Returns
    -------
    Dataset with dimensions ``run, step, checkpoint, weight, output, input``: ``loss`` at every
    step; ``theta`` at ``checkpoint_step``; ``target``, W*; ``learning_rate``, ``critical_step``,
    ``last_step``, that of the first loss that is not finite in a run that diverged; ``increases``,
    steps that raised the loss by more than rounding. And of a descent with the learning rate over
    ``slowdown``, until its time (rate times step) is that of the run's end, looked at when it is
    that of the checkpoint, after ``slowdown`` times as many steps: ``reference_theta``,
    ``reference_loss``, and over all of its steps ``reference_increases``. NaN (-1 in
    ``checkpoint_step``) behind the end of a run, and of a reference that diverged.
    """
    parts = []
    for (fast, slow), name in zip(pairs, names, strict=True):
        part = xr.Dataset(
            _variables(fast, slow),
            coords={
                "step": np.arange(len(fast.loss)),
                "checkpoint": np.arange(len(fast.steps)),
            },
        )
        parts.append(part.expand_dims("run").assign_coords(run=("run", [name])))
    full = xr.concat(parts, "run", join="outer", fill_value={"checkpoint_step": -1})
    widths = pairs[0][0].arch
    return full.assign_attrs(
        slowdown=slowdown, widths=[widths.d, *(rows for rows, _ in widths.shapes)]
    )


def _variables(fast: Descent, slow: Descent) -> dict[str, tuple[object, ...]]:
    """Of one run: dims, values, attributes."""
    sigma = np.linalg.svd(fast.target, compute_uv=False)[0]
    behind = len(fast.steps) - len(slow.steps)  # where the reference has diverged
    slow_loss = np.pad(slow.loss, (0, behind), constant_values=np.nan)
    slow_theta = np.pad(slow.theta, ((0, behind), (0, 0)), constant_values=np.nan)
    at, weights = ("checkpoint",), ("checkpoint", "weight")
    about: dict[str, tuple[tuple[str, ...], object, str]] = {
        "loss": (("step",), fast.loss, "loss"),
        "checkpoint_step": (at, fast.steps, "steps at which parameters are kept"),
        "theta": (weights, fast.theta, "parameters"),
        "reference_loss": (at, slow_loss, "loss of the reference"),
        "reference_theta": (weights, slow_theta, "parameters of the reference"),
        "target": (("output", "input"), fast.target, "W*"),
        "learning_rate": ((), fast.learning_rate, "eta"),
        "critical_step": ((), white_critical_step(sigma, fast.arch.depth), "eta_C"),
        "last_step": ((), fast.last_step, "step at which the run ended"),
        "increases": ((), fast.increases, "steps that raised the loss"),
        "reference_increases": ((), slow.increases, "steps of the reference that raised its loss"),
    }
    return {name: (dims, values, {"long_name": n}) for name, (dims, values, n) in about.items()}
