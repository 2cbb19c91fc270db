"""Runs an ensemble in blocks of SIMD lanes: packing, checkpoints, threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from spectral_atlas.training.progress import Progress
from spectral_atlas.training.simd import LANES

Array = np.ndarray


@dataclass(frozen=True)
class Trajectory:
    """Recorded parameters of an ensemble.

    Attributes
    ----------
    steps : (C,), the checkpoints; step t is after t updates
    theta : (C, M, P), flat parameters; NaN from the step on at which a member diverged
    diverged_at : (M,), the first step at which a member was not finite, or -1
    """

    steps: Int64[Array, " C"]
    theta: Float[Array, "C M P"]
    diverged_at: Int64[Array, " M"]


def aligned(rows: int) -> Float[Array, "rows lanes"]:
    """Zeros (rows, LANES) that start on a 64-byte cache line."""
    raw = np.zeros(rows * LANES + 8)
    start = -raw.ctypes.data % 64 // 8
    return raw[start : start + rows * LANES].reshape(rows, LANES)


def lanes_of(values: Float[Array, "members rows"]) -> Float[Array, "rows lanes"]:
    """Up to LANES members as columns; lanes without a member are zero."""
    packed = aligned(values.shape[1])
    packed[:, : len(values)] = values.T
    return packed


def checked_steps(
    n_steps: int, checkpoints: Sequence[int] | Int[Array, " C"] | None, threads: int
) -> Int64[Array, " C"]:
    """The checkpoints as an array, by default the last step.

    Raises
    ------
    ValueError
        If they do not increase within 0 ... n_steps, or a count is out of range.
    """
    if n_steps < 0:
        raise ValueError(f"n_steps = {n_steps}: must be >= 0")
    if threads < 1:
        raise ValueError(f"threads = {threads}: must be >= 1")
    steps = np.asarray((n_steps,) if checkpoints is None else checkpoints, dtype=np.int64)
    if steps.ndim != 1 or np.any(np.diff(steps) <= 0) or np.any((steps < 0) | (steps > n_steps)):
        raise ValueError(f"checkpoints {steps.tolist()}: must increase within 0 ... {n_steps}")
    return steps


def run_blocks(
    theta0: Float[Array, "M P"],
    n_steps: int,
    checkpoints: Sequence[int] | Int[Array, " C"] | None,
    block: Callable[[slice], Callable[[Array, int, int, Array], int]],
    chunk: int,
    threads: int,
    progress: Progress | None,
) -> Trajectory:
    """Train every block of LANES members with the function that ``block(members)`` returns.

    That function advances weights (P, LANES) in place: ``advance(weights, first_step, n_steps,
    diverged_at)``. It must release the interpreter lock for threads to help, and repeat the same
    bits however the steps are cut. ``chunk`` is the most steps per call, so that progress shows.
    """
    steps = checked_steps(n_steps, checkpoints, threads)
    M, P = theta0.shape
    theta = np.full((len(steps), M, P), np.nan)
    diverged_at = np.full(M, -1, dtype=np.int64)
    stops = sorted({*steps.tolist(), *range(chunk, n_steps, chunk), n_steps})
    record = {step: i for i, step in enumerate(steps.tolist())}

    def run(start: int) -> None:
        members = slice(start, min(start + LANES, M))
        n = members.stop - members.start
        weights, advance = lanes_of(theta0[members]), block(members)
        died = np.full(LANES, -1, dtype=np.int64)
        died[n:] = 0  # empty lanes never keep a block running
        now = 0
        for stop in stops:
            if np.any(died < 0):
                advance(weights, now, stop - now, died)
            if stop in record:
                alive = np.flatnonzero(died[:n] < 0)
                theta[record[stop], start + alive] = weights[:, alive].T
            if progress is not None:
                progress.update(n * (stop - now))
            now = stop
        diverged_at[members] = died[:n]

    starts = range(0, M, LANES)
    if threads == 1:
        for start in starts:
            run(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, starts))
    return Trajectory(steps, theta, diverged_at)
