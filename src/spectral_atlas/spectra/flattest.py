"""Flattest and widest minimizers of deep linear maps: constructed, and found by optimization.

Minimizers of L = |(A - W*) S^{1/2}|_F^2, A = W_H ... W_1; what is the least sharpness among them,
and why, is in `spectral_atlas.spectra.least_sharpness`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import balanced_factors
from spectral_atlas.spectra._minimizer_program import Program
from spectral_atlas.spectra.least_sharpness import LeastSharpness, critical_step, least_sharpness
from spectral_atlas.spectra.linear_map_minima import (
    check_target,
    minimizer_sharpness,
    random_minimizer,
)
from spectral_atlas.spectra.stable_minimizers import stable_norm_bound

__all__ = [
    "LeastSharpness",
    "Minimizer",
    "critical_step",
    "flattest_in_closed_form",
    "flattest_minimizer",
    "least_sharpness",
    "widest_stable",
]

Array = np.ndarray
DRAWS = 5  # random minimizers, the flattest of which is a start
MARGINS = (1e-6, 1e-5, 1e-4)  # of the level: what is stable must be so in spite of rounding


def flattest_in_closed_form(
    arch: DeepLinear, target: Float[Array, "o i"], S: Float[Array, "i i"], idle: float = 0.0
) -> Float[Array, " P"]:
    """A minimizer, W_H ... W_1 = W*, of the least sharpness: the one that proves the formula.

    Only r = rank W* neurons of each hidden layer are in use. With `idle` != 0 a weight of this size
    joins two others, in the first pair of neighbouring hidden layers that have more: it changes no
    product that begins at the input or ends at the output, so neither A nor the spectrum.

    Raises
    ------
    ValueError
        As `least_sharpness`; if a hidden layer is narrower than r; if `idle` is asked for and
        there is no such pair.
    """
    target, rank = check_target(arch, target)
    t, depth = least_sharpness(target, S, arch.depth).scale, arch.depth
    roomy = [h for h, shape in enumerate(arch.shapes[1:-1], 1) if min(shape) > rank]
    if idle and not roomy:
        raise ValueError(f"idle = {idle}: no two neighbouring hidden layers exceed {rank}")
    if depth == 1:
        return target.ravel().copy()
    U, s, Vt = np.linalg.svd(target, full_matrices=False)
    layers = [np.zeros(shape) for shape in arch.shapes]
    q = t ** (1 / (2 * (depth - 1)))
    layers[0][:rank] = t**-0.5 * s[:rank, None] * Vt[:rank]
    for w in layers[1:-1]:
        w[range(rank), range(rank)] = q
    layers[-1][:, :rank] = q * U[:, :rank]
    if idle:
        layers[roomy[0]][rank, rank] = idle
    return arch.flatten(layers)


class Minimizer(NamedTuple):
    """What `flattest_minimizer` returns."""

    theta: Float[Array, " P"]
    sharpness: float
    misfit: float  # |A - W*|_F, on the range of S


def flattest_minimizer(
    arch: DeepLinear,
    target: Float[Array, "o i"],
    S: Float[Array, "i i"],
    rng: np.random.Generator,
    restarts: int = 4,
) -> Minimizer:
    """The least sharpness over minimizers by numerical optimization, which knows no formula.

    Augmented Lagrangians for the constraints (A - W*) S = 0 and lambda_max <= level, from balanced
    layers and from `random_minimizer`; the last points are moved onto the minimizers, and the
    flattest of them is returned with its own sharpness. `least_sharpness` is what it should find.

    Parameters
    ----------
    restarts : int >= 1
        Starts; the first is the balanced one.

    Raises
    ------
    ValueError
        As `least_sharpness`; if a hidden layer is narrower than the rank of W*, or restarts < 1.
    """
    starts = _starts(arch, target, S, rng, restarts)
    search = Program(arch, target, S)
    found = []
    for start in starts:
        theta = search.onto_minimizers(search.flattest(start))
        sharpness = float(minimizer_sharpness(arch.unflatten(theta), S))
        found.append(Minimizer(theta, sharpness, search.misfit(theta)))
    return min(found, key=lambda one: np.inf if np.isnan(one.sharpness) else one.sharpness)


def widest_stable(
    arch: DeepLinear,
    target: Float[Array, "o i"],
    S: Float[Array, "i i"],
    eta: float,
    rng: np.random.Generator,
    restarts: int = 4,
) -> float:
    """The largest |theta|^2 found among minimizers of lambda_max <= 2 / eta, for two layers.

    By numerical optimization: |theta|^2 of a minimizer that is stable, some 1e-6 below a local
    maximum. There are several of these, so that narrow nets need several starts.

    `stable_norm_bound` is what it cannot exceed.

    Raises
    ------
    ValueError
        As `flattest_minimizer`; if there are not two layers, S is singular (the supremum is
        infinite then), or eta is not below the critical step.
    RuntimeError
        If no start ends at a stable minimizer.
    """
    if arch.depth != 2:
        raise ValueError(f"depth = {arch.depth}: must be 2")
    starts = _starts(arch, target, S, rng, restarts)
    if not eta > 0:
        raise ValueError(f"eta = {eta}: must be > 0")
    if eta >= (limit := critical_step(target, S, 2)):
        raise ValueError(f"eta = {eta}: must be below the critical step {limit:.6g}")
    stable_norm_bound(arch, S, eta)  # refuses a singular S
    search, largest = Program(arch, target, S), -np.inf
    for start in starts:
        for margin in MARGINS:
            theta = search.onto_minimizers(search.widest(start, 2 / eta * (1 - margin)))
            if minimizer_sharpness(arch.unflatten(theta), S) <= 2 / eta:
                largest = max(largest, float(theta @ theta))
                break
    if largest < 0:
        raise RuntimeError(f"eta = {eta}: none of {restarts} starts ended at a stable minimizer")
    return largest


def _starts(
    arch: DeepLinear,
    target: Float[Array, "o i"],
    S: Float[Array, "i i"],
    rng: np.random.Generator,
    restarts: int,
) -> list[Float[Array, " P"]]:
    """Balanced layers, and random minimizers."""
    if restarts < 1:
        raise ValueError(f"restarts = {restarts}: must be an integer >= 1")
    target, rank = check_target(arch, target)
    least_sharpness(target, S, arch.depth)  # for its ValueErrors
    layers = [np.zeros(shape) for shape in arch.shapes]
    for w, small in zip(layers, balanced_factors(target, arch.depth, rank), strict=True):
        w[: small.shape[0], : small.shape[1]] = small
    starts = [arch.flatten(layers)]
    for _ in range(restarts - 1):
        drawn = [random_minimizer(rng, arch, target) for _ in range(DRAWS)]
        starts.append(min(drawn, key=lambda x: minimizer_sharpness(arch.unflatten(x), S)))
    return starts
