"""Descents on white data, L = |A - W*|_F^2, with every step of their loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end
from spectral_atlas.papers.craciun2024.constants import FLOOR as FLOOR
from spectral_atlas.papers.craciun2024.constants import ROUNDING as ROUNDING
from spectral_atlas.training.linear_map_descent import train_linear_maps

Array = np.ndarray
CHUNK = 2000  # steps whose parameters are held at once


@dataclass(frozen=True)
class Descent:
    """Loss at every step (of a slowed one: at checkpoints), parameters at checkpoints.

    ``last_step``, of the divided learning rate, is where the run ended: the first step with a loss
    below the one to stop at or not finite, whose loss is kept; else the last one.
    """

    arch: DeepLinear
    target: Float[Array, "o i"]
    learning_rate: float
    loss: Float[Array, " T"]
    steps: Int[Array, " C"]
    theta: Float[Array, "C P"]
    last_step: int
    increases: int


def descend(
    arch: DeepLinear,
    theta0: Float[Array, " P"],
    learning_rate: float,
    target: Float[Array, "o i"],
    n_steps: int,
    *,
    checkpoints: Int[Array, " C"] | None = None,
    stop_loss: float = 0.0,
    slower: int = 1,
) -> Descent:
    """Gradient descent on white data; it ends at the first loss that is not finite.

    Parameters
    ----------
    checkpoints : increasing steps, by default all
    stop_loss : the run ends at the first step below
    slower : int
        The learning rate is divided and steps are multiplied by it; checkpoints stay in units of
        the undivided steps, and the loss is kept there only.
    """
    total, eta = n_steps * slower, learning_rate / slower
    wanted = np.arange(n_steps + 1) if checkpoints is None else np.asarray(checkpoints)
    losses, thetas = [np.empty(0)], [np.empty((0, arch.n_params))]
    at, theta, last = 0, np.asarray(theta0, dtype=np.float64), total
    while at < total or not len(losses[-1]):
        stop = min(at + CHUNK, total)
        kept = _steps(arch, theta, eta, target, stop - at)
        fresh = kept if at == 0 else kept[1:]
        first = 0 if at == 0 else at + 1
        with np.errstate(over="ignore", invalid="ignore"):  # of runs that diverge
            loss = np.sum((end_to_end(arch.unflatten(fresh)) - target) ** 2, axis=(-2, -1))
        ended = np.flatnonzero((loss < stop_loss) | ~np.isfinite(loss))
        end = len(loss) if not ended.size else int(ended[0]) + 1
        here = wanted * slower
        here = here[(here >= first) & (here < first + end)] - first
        losses.append(loss[:end])
        thetas.append(fresh[here])
        at, theta = stop, kept[-1]
        if ended.size or at >= total:
            last = first + end - 1
            break
    loss, steps = np.concatenate(losses), wanted[wanted * slower <= last]
    rises = loss[1:] > loss[:-1] * (1 + ROUNDING) + FLOOR
    return Descent(
        arch,
        target,
        eta,
        loss if slower == 1 else loss[steps * slower],
        steps,
        np.concatenate(thetas),
        last,
        int(rises.sum()),
    )


def _steps(
    arch: DeepLinear, theta: Float[Array, " P"], eta: float, target: Float[Array, "o i"], n: int
) -> Float[Array, "T P"]:
    """Parameters after 0 ... n steps."""
    paths = train_linear_maps(
        arch, theta[None], eta, n, target, np.ones_like(target),
        check_every=max(n, 1), keep_at=np.arange(n + 1),
    )  # fmt: skip
    return paths.kept[0]
