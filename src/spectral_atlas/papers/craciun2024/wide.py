"""Runs: wide and deep linear networks at the edge of stability, every step of their loss.

No parameters are kept: `wide_spectra` starts the same descents again, and finds the same losses up
to the rounding of |A - W*|.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.constants import FLOOR, ROUNDING
from spectral_atlas.papers.craciun2024.problems import PAPER, linear
from spectral_atlas.papers.craciun2024.theory import white_critical_step
from spectral_atlas.rng import generator
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.path_recorder import RecordRules
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024 import sections
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
EVERY_STEP = RecordRules(later=1 + 1e-9, most=2**62)  # each check is a record


@dataclass(frozen=True)
class WideProblem:
    """L = |A - W*|_F^2, W* diagonal; layer h starts from N(0, scale_h^2 / d_{h-1})."""

    arch: DeepLinear
    target: Float[Array, "o i"]
    scales: tuple[float, ...]

    @classmethod
    def of(
        cls, widths: list[int], singular_values: list[float], scales: list[float]
    ) -> WideProblem:
        """With these singular values of W*."""
        target = np.zeros((widths[-1], widths[0]))
        np.fill_diagonal(target[: len(singular_values), : len(singular_values)], singular_values)
        return cls(linear(widths), target, tuple(scales))

    @property
    def weights(self) -> Float[Array, "o i"]:
        """Of the entries of A - W*: white data."""
        return np.ones_like(self.target)

    @property
    def critical_step(self) -> float:
        """eta_C."""
        sigma = np.linalg.svd(self.target, compute_uv=False)[0]
        return float(white_critical_step(sigma, self.arch.depth))

    def start(self, root: int, seed: int) -> Float[Array, " P"]:
        """Initial parameters that belong to a seed."""
        rng = generator(root, PAPER, "wide", seed)
        return self.arch.flatten(
            [
                scale / columns**0.5 * rng.standard_normal((rows, columns))
                for scale, (rows, columns) in zip(self.scales, self.arch.shapes, strict=True)
            ]
        )


def wide(config: sections.Wide, inputs: Inputs, job: Job) -> xr.Dataset:
    """One descent for each seed, at ``share`` of the critical step.

    Returns
    -------
    Dataset with dimensions ``run`` (the seeds) and ``step`` (updates made): ``loss`` and
    ``gradient_norm`` at every step, NaN behind the end of a run that diverged; ``increases``, steps
    that raised the loss by more than rounding; ``diverged_at``, the first step at which the map was
    not finite, else -1; ``checkpoint_step`` (checkpoint), increasing steps, 0 and then about even
    in their logarithm, the last one included; ``target`` (output, input), W*; ``learning_rate`` and
    ``critical_step``; attributes ``widths``, ``singular_values``, ``scales``, ``share``.
    """
    task = WideProblem.of(config.widths, config.singular_values, config.scales)
    theta0 = np.stack([task.start(job.seed, seed) for seed in config.initialization_seeds])
    eta = config.share * task.critical_step
    with Progress("wide networks", len(theta0) * config.steps, job.log) as progress:
        paths = train_linear_maps(
            task.arch,
            theta0,
            eta,
            config.steps,
            task.target,
            task.weights,
            check_every=1,
            rules=EVERY_STEP,
            progress=progress,
        )
    shape = (len(theta0), config.steps + 1)
    loss, gradient = np.full(shape, np.nan), np.full(shape, np.nan)
    for m, count in enumerate(paths.n_records):
        at = paths.step[m, :count]
        loss[m, at], gradient[m, at] = paths.train_cost[m, :count], paths.gradient_norm[m, :count]
    rises = loss[:, 1:] > loss[:, :-1] * (1 + ROUNDING) + FLOOR
    return xr.Dataset(
        {
            "loss": (("run", "step"), loss, {"long_name": "loss"}),
            "gradient_norm": (("run", "step"), gradient, {"long_name": "|gradient|"}),
            "increases": ("run", rises.sum(axis=1), {"long_name": "steps that raised the loss"}),
            "diverged_at": ("run", paths.diverged_at, {"long_name": "first step not finite"}),
            "checkpoint_step": (
                "checkpoint",
                checkpoints(config.steps, config.checkpoints),
                {"long_name": "steps at which the sharpness is measured"},
            ),
            "target": (("output", "input"), task.target, {"long_name": "W*"}),
            "learning_rate": ((), eta, {"long_name": "eta"}),
            "critical_step": ((), task.critical_step, {"long_name": "eta_C"}),
        },
        coords={"run": config.initialization_seeds, "step": np.arange(shape[1])},
        attrs={
            "widths": config.widths,
            "singular_values": config.singular_values,
            "scales": config.scales,
            "share": config.share,
        },
    )


def checkpoints(steps: int, count: int) -> Array:
    """0 and `count` steps at most, log-spaced from 1 to the last, each once."""
    spaced = np.unique(np.round(np.geomspace(1, steps, count)).astype(np.int64))
    return np.concatenate([[0], spaced])
