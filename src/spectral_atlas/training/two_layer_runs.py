"""Long runs of gradient descent of two-layer tanh and ELU networks, of which the ends are kept."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from spectral_atlas.networks.two_layer import TwoLayer
from spectral_atlas.training._long_group import Advance
from spectral_atlas.training.blocks import aligned
from spectral_atlas.training.endings import Endings
from spectral_atlas.training.long_runs import run_to_end
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.simd import LANES

Array = np.ndarray


def run_two_layer(
    net: TwoLayer,
    theta0: Float[Array, "M P"],
    learning_rate: Float[Array, " M"],
    x: Float[Array, "n d"],
    y: Float[Array, " n"],
    n_steps: int,
    *,
    window: int = 500,
    limit: float = 1e6,
    threads: int = 1,
    progress: Progress | None = None,
) -> Endings:
    """Descend the mean square (1/n) |f - y|^2 of M networks for ``n_steps`` updates.

    Parameters
    ----------
    net : TwoLayer
    theta0 : (M, P), flat initial parameters
    learning_rate : (M,), > 0
    x, y : (n, d) and (n,)
        Samples, the same for all members.
    n_steps : int >= 0
    window, limit, threads, progress
        As in `spectral_atlas.training.long_runs.run_to_end`: gradients and losses are collected at
        the last ``window`` parameters, and a member with a weight beyond ``limit`` has diverged.

    Returns
    -------
    Endings

    Raises
    ------
    ValueError
        If a shape does not fit or a number is out of its range.

    Notes
    -----
    Nearly all of a step's time goes to its n K activations, each with an exponential and a division
    of its own, accurate to a few units in the last place.
    """
    theta0, eta, x, y = (np.asarray(a, dtype=np.float64) for a in (theta0, learning_rate, x, y))
    if theta0.ndim != 2 or theta0.shape[1] != net.n_params:
        raise ValueError(f"theta0 {theta0.shape}: must be (members, {net.n_params})")
    if eta.shape != theta0.shape[:1]:
        raise ValueError(f"learning_rate {eta.shape}: must be ({len(theta0)},), one per member")
    if not np.all((eta > 0) & np.isfinite(eta)):
        wrong = eta[~((eta > 0) & np.isfinite(eta))][0]
        raise ValueError(f"learning_rate = {wrong}: must be finite and > 0")
    if x.ndim != 2 or x.shape[1] != net.d or len(x) < 1 or y.shape != x.shape[:1]:
        raise ValueError(f"x {x.shape}, y {y.shape}: must be (n, {net.d}) and (n,) with n >= 1")
    from spectral_atlas.training.kernels_two_layer import GROUP, descent  # compiles on first use

    descend = descent(net.activation)
    n = -(-len(x) // GROUP) * GROUP
    share = np.full((len(x), 1), 1 / len(x))
    samples = [_in_every_lane(values, n) for values in (x, y[:, None], share)]

    def block(members: Int64[Array, " n"]) -> Advance:
        rates = aligned(-(-len(members) // LANES))
        rates.reshape(-1)[: len(members)] = eta[members]
        work = aligned(n * (2 * net.width + 1))

        def advance(weights: Array, steps: int, tally: Array) -> None:
            descend(weights, rates, *samples, work, steps, tally)

        return advance

    return run_to_end(theta0, n_steps, window, limit, block, threads=threads, progress=progress)


def _in_every_lane(values: Float[Array, "samples k"], n: int) -> Float[Array, "n_k lanes"]:
    """A row of lanes for each number, sample by sample; zeros up to n samples."""
    rows = aligned(n * values.shape[1])
    rows[: values.size] = values.reshape(-1, 1)
    return rows
