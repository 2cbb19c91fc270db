"""One member's path: steps of gradient descent, checks, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg.blas import ddot

from spectral_atlas.training._linear_map_step import Step
from spectral_atlas.training.path_recorder import PathRecorder, Record
from spectral_atlas.training.progress import Progress

Array = np.ndarray

_TOLD_EVERY = 1000  # steps


@dataclass(frozen=True)
class Ends:
    """After so many steps, or at a check of a cost or a gradient norm below these."""

    n_steps: int
    cost: float
    gradient: float


@dataclass(frozen=True)
class Path:
    """What `spectral_atlas.training.linear_map_descent.MapPaths` has of one member."""

    records: list[Record]
    theta: Float[Array, " P"]
    last_step: int
    diverged_at: int
    kept: Float[Array, "K P"]


def follow(
    step: Step,
    recorder: PathRecorder,
    ends: Ends,
    check_every: int,
    probes: Float[Array, "D P"],
    keep_at: Int[Array, " K"],
    progress: Progress | None,
) -> Path:
    """Train one member to its end."""
    vectors = np.ascontiguousarray(probes[:, step.order])
    kept = np.full((len(keep_at), step.flat.size), np.nan)
    flat_map = step.map.ravel("K")
    stops = [*(int(s) for s in keep_at), ends.n_steps + 1]
    diverged_at, t, told, n_kept = -1, 0, 0, 0
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            step.evaluate()
            if not isfinite(ddot(flat_map, flat_map)):
                diverged_at = t
                break
            if stops[n_kept] == t:
                kept[n_kept] = step.theta()
                n_kept += 1
            cost, square, norm = step.numbers()
            gradient = square**0.5
            last = t == ends.n_steps or cost < ends.cost or gradient < ends.gradient
            check = Record(t, step.map, cost, gradient, norm, vectors[:, 0])
            recorder.see(check, lambda: vectors @ step.flat, last=last)
            if last:
                break
            step.update()
            t += 1
            until = min(t + -t % check_every, ends.n_steps)
            while stops[n_kept] < until:
                step.run(stops[n_kept] - t)
                t = stops[n_kept]
                kept[n_kept] = step.theta()
                n_kept += 1
            step.run(until - t)
            t = until
            if progress is not None and t >= told + _TOLD_EVERY:
                progress.update(t - told)
                told = t
    if progress is not None:
        progress.update(ends.n_steps - told)
    return Path(recorder.records, step.theta(), t, diverged_at, kept)
