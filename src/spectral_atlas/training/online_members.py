"""Runs the members of an online ensemble: windows of fresh samples, checkpoints, threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Int64

from spectral_atlas.data.mixtures import SampleStream
from spectral_atlas.training.blocks import aligned, checked_steps
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.simd import LANES

Array = np.ndarray
Checkpoints = Sequence[int] | Int[Array, " C"]

_WINDOW = 65_536  # numbers in a window of samples: half a megabyte, most of a core's own cache


@dataclass(frozen=True)
class Member:
    """What can be done with the parameters of one member; samples and parameters are packed.

    Attributes
    ----------
    begin : begin(samples), whether the initial parameters are finite
        Computes the scores of sample 0.
    advance : advance(samples, components, first, n_steps), with samples from number ``first`` on
        Returns how many updates were made until a parameter was not finite, or -1. It must release
        the interpreter lock for threads to help, and repeat the same bits however steps are cut.
    keep : keep(i), records the parameters as checkpoint i
    """

    begin: Callable[[Array], bool]
    advance: Callable[[Array, Array, int, int], int]
    keep: Callable[[int], None]


def checked(
    streams: Sequence[SampleStream],
    M: int,
    r: int,
    d: int,
    rates: tuple[float, float],
    n_steps: int,
    checkpoints: Checkpoints | None,
    threads: int,
) -> Int64[Array, " C"]:
    """The checkpoints as an array, if everything fits."""
    if len(streams) != M:
        raise ValueError(f"streams: must be {M}, one per member, got {len(streams)}")
    for shape in {stream.mixture.means.shape for stream in streams} - {(r, d)}:
        raise ValueError(f"streams: must be of mixtures with means {(r, d)}, got {shape}")
    generators = {id(g.bit_generator) for s in streams for g in (s.component_rng, s.noise_rng)}
    if len(generators) != 2 * M:
        raise ValueError("streams: members must not share generators")
    for name, value in zip(("learning_rate", "ridge"), rates, strict=True):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} = {value}: must be finite and >= 0")
    return checked_steps(n_steps, checkpoints, threads)


def packed(parameters: Float64[Array, "rows d"]) -> Float64[Array, "vectors lanes"]:
    """Rows padded with zeros to whole SIMD vectors, as the kernels want them."""
    rows, d = parameters.shape
    vectors = aligned(rows * _blocks(d))
    vectors.reshape(rows, -1)[:, :d] = parameters
    return vectors


def unpacked(
    vectors: Float64[Array, "vectors lanes"], shape: tuple[int, int]
) -> Float64[Array, "rows d"]:
    """The rows again, as a view."""
    rows, d = shape
    return vectors.reshape(rows, -1)[:, :d]


def _blocks(d: int) -> int:
    """SIMD vectors that hold d numbers."""
    return -(-d // LANES)


def run_members(
    streams: Sequence[SampleStream],
    d: int,
    n_steps: int,
    steps: Int64[Array, " C"],
    member: Callable[[int], Member],
    threads: int,
    progress: Progress | None,
) -> Int64[Array, " M"]:
    """Train and record all members; return the steps at which they diverged."""
    diverged_at = np.full(len(streams), -1, dtype=np.int64)
    blocks = _blocks(d)
    window = max(1, _WINDOW // (blocks * LANES))
    stops = sorted({*steps.tolist(), *range(window, n_steps, window), n_steps})
    record = {step: i for i, step in enumerate(steps.tolist())}

    def run(m: int) -> None:
        this = member(m)
        # Sample `now` is in row now % window. The row after the last of a window is its first
        # again in the next: the kernel looks one sample ahead, wherever steps are cut. After the
        # very last sample any row will do: scores then tell only whether parameters are finite.
        samples, component = aligned((window + 1) * blocks), np.zeros(window + 1, dtype=np.int64)
        rows = samples.reshape(window + 1, -1)
        streams[m].draw_into(rows[: min(1, n_steps), :d], component[: min(1, n_steps)])
        if not this.begin(samples):
            diverged_at[m] = 0
        now = 0
        for stop in stops:
            if stop > now and diverged_at[m] < 0:
                if now % window == 0:
                    if now > 0:
                        rows[0], component[0] = rows[window], component[window]
                    end = 1 + min(window, n_steps - 1 - now)
                    streams[m].draw_into(rows[1:end, :d], component[1:end])
                made = this.advance(samples, component, now % window, stop - now)
                if made >= 0:
                    diverged_at[m] = now + made
            if stop in record and diverged_at[m] < 0:
                this.keep(record[stop])
            if progress is not None:
                progress.update(stop - now)
            now = stop

    if threads == 1:
        for m in range(len(streams)):
            run(m)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, range(len(streams))))
    return diverged_at
