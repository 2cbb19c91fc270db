"""Gradient descent of large ensembles for many steps, of which only the ends are kept, float64.

Members share nothing: a member's numbers are the same bits in any company, for any number of
threads. That allows two savings. A member that has diverged leaves its lane to others. And a member
whose parameters are bit for bit what they were so many steps before repeats itself for ever: it
rests until the last steps, and gives what it would have given on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial

import numpy as np
from jaxtyping import Float, Int64

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.training._long_group import Advance, Group
from spectral_atlas.training.blocks import aligned
from spectral_atlas.training.endings import Endings
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.simd import LANES

Array = np.ndarray

_CACHED = 2**15  # numbers in the weights of a group of members, a quarter of a megabyte


def run_to_end(
    theta0: Float[Array, "M P"],
    n_steps: int,
    window: int,
    limit: float,
    block: Callable[[Int64[Array, " n"]], Advance],
    *,
    tile: int = 1,
    threads: int = 1,
    progress: Progress | None = None,
) -> Endings:
    """Run M members to the end with the compiled updates that ``block`` returns.

    Parameters
    ----------
    theta0 : (M, P), flat initial parameters
    n_steps : int >= 0
    window : int, 1 ... n_steps + 1
        Gradients and losses are collected at so many last parameters.
    limit : float > 0
        Diverged is a member with a weight that is beyond this, or no finite number. It is looked
        for every 120 steps and at the end.
    block : block(members), where members (n,) are indices into theta0, returns ``advance``
        It is asked anew whenever lanes change hands. Member ``members[m]`` is in lane m % LANES of
        block m // LANES; what is left of the last blocks are zeros that nobody looks at.

        ``advance(weights, n_steps, tally)`` makes ``n_steps`` >= 1 updates of weights (B, P,
        LANES), C-contiguous, in place; B LANES >= n. The tally is (B, 5, LANES), to collect what
        there is at the parameters before each of the updates: the sum, least and most of
        |gradient| and the least and most loss are added to, or compared with, what is in it. A
        tally (B, 0, LANES) is to be left alone. Updates must be the same bits in any lane, with
        and without a tally and however steps are cut. Diverged lanes may contain anything. Several
        threads call different ``advance`` at once; it should release the interpreter lock.
    tile : int >= 1
        B is always a multiple of this, for kernels that take several blocks at once.
    threads : int >= 1
    progress : Progress, optional
        Told about every member-step, also about those that are saved.

    Returns
    -------
    Endings

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    if n_steps < 0:
        raise ValueError(f"n_steps = {n_steps}: must be >= 0")
    if not 1 <= window <= n_steps + 1:
        raise ValueError(f"window = {window}: must be within 1 ... n_steps + 1 = {n_steps + 1}")
    for name, value in (("limit", limit), ("tile", tile), ("threads", threads)):
        if not value > 0:
            raise ValueError(f"{name} = {value}: must be > 0")
    theta0 = np.asarray(theta0, dtype=np.float64)
    M, P = theta0.shape
    size = max(1, min(_CACHED // P, -(-M // (1 if threads == 1 else 4 * threads))))

    def run(start: int) -> Endings:
        group = Group(theta0[start : start + size], lambda lanes: block(start + lanes), tile)
        return group.run(n_steps, window, limit, progress)

    starts = range(0, max(M, 1), size)
    if threads == 1:
        parts = [run(start) for start in starts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run, starts))
    return Endings(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Endings)}
    )


def run_linear_maps(
    arch: DeepLinear,
    theta0: Float[Array, "M P"],
    learning_rate: float | Float[Array, " M"],
    observed: Float[Array, "o i"],
    weights: Float[Array, "o i"],
    n_steps: int,
    *,
    window: int = 200,
    limit: float = 1e6,
    threads: int = 1,
    progress: Progress | None = None,
) -> Endings:
    """Run M small linear maps A = W_H ... W_1 to the end.

    The loss is sum_ij weights_ij (A_ij - observed_ij)^2, and all layers move at once.

    Parameters
    ----------
    arch : DeepLinear
        At least two layers, no readout.
    theta0 : (M, P), flat initial parameters
    learning_rate : float > 0, or one for each member
    observed, weights : (o, i), the targets, and their weights >= 0 in the loss
    n_steps, window, limit, threads, progress : see `run_to_end`

    Returns
    -------
    Endings

    Raises
    ------
    ValueError
        If shapes do not fit, a number is out of its range, or the network has one layer or a
        readout.

    Notes
    -----
    A step costs 3 i multiply-adds a weight of W_2, ..., W_H, each for eight members at once. Made
    for weights that fit into the first-level cache, some hundred; for wide layers there is
    `spectral_atlas.training.linear_map_descent`.
    """
    if arch.depth < 2 or arch.readout:
        raise ValueError(f"arch = {arch}: must have two layers or more, and no readout")
    theta0 = np.asarray(theta0, dtype=np.float64)
    if theta0.ndim != 2 or theta0.shape[1] != arch.n_params:
        raise ValueError(f"theta0 {theta0.shape}: must be (members, {arch.n_params})")
    eta = _rates(learning_rate, len(theta0))
    shape = (arch.outputs, arch.d)
    targets = _matrix("observed", observed, shape, -np.inf)
    scales = _matrix("weights", weights, shape, 0.0)
    widths = np.array([arch.d, *[rows for rows, _ in arch.shapes]], dtype=np.int64)
    from spectral_atlas.training.kernels_maps import TILE  # compiles on first use

    def block(members: Int64[Array, " n"]) -> Advance:
        rates = aligned(-(-len(members) // (TILE * LANES)) * TILE)
        rates.reshape(-1)[: len(members)] = eta[members]
        return partial(_advance, rates, widths, targets, scales)

    return run_to_end(
        *(theta0, n_steps, window, limit, block), tile=TILE, threads=threads, progress=progress
    )


def _rates(value: object, M: int) -> Float[Array, " M"]:
    eta = np.asarray(value, dtype=np.float64)
    if eta.shape not in ((), (M,)):
        raise ValueError(f"learning_rate {eta.shape}: must be () or ({M},)")
    wrong = eta[~(np.isfinite(eta) & (eta > 0))]
    if wrong.size:
        raise ValueError(f"learning_rate = {wrong[0]}: must be finite and > 0")
    return np.broadcast_to(eta, M)


def _matrix(name: str, value: object, shape: tuple[int, int], low: float) -> Float[Array, " oi"]:
    matrix = np.array(value, dtype=np.float64)
    if matrix.shape != shape:
        raise ValueError(f"{name} {matrix.shape}: must be {shape}")
    if not (np.isfinite(matrix) & (matrix >= low)).all():
        bound = " and >= 0" if low == 0 else ""
        raise ValueError(f"{name} = {matrix.tolist()}: must be finite{bound}")
    return matrix.ravel()


def _advance(
    eta: Array, widths: Array, targets: Array, scales: Array, theta: Array, n: int, tally: Array
) -> None:
    from spectral_atlas.training.kernels_maps import TILE, descend_maps, descend_pair

    rows, tallies = theta.reshape(-1, LANES), tally.reshape(-1, LANES)
    if (widths == 1).all() and len(widths) == 3:
        descend_pair(rows, eta, targets[0], scales[0], n, tallies)
        return
    products = widths[0] * (widths[2:].sum() + 2 * widths.max())
    work = aligned(TILE * int(theta.shape[1] + products))
    descend_maps(rows, eta, widths, targets, scales, work, n, tallies)
