"""Greedy low-rank descent: a deep linear network grows by one neuron a layer at every saddle.

A width-k network is trained until it rests at a critical point of C(A), A = W_L ... W_1. The top
singular triple (s, u, v) of the gradient of C there is the direction that one more neuron gains
most from. It is added at the small size epsilon, and training goes on in width k + 1. As epsilon
-> 0 the stages are the paths of a wide network between saddles, started ever closer to the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, log1p, sqrt

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end, include
from spectral_atlas.training.linear_map_descent import MapPaths, train_linear_maps
from spectral_atlas.training.path_recorder import RecordRules

Array = np.ndarray


@dataclass(frozen=True)
class GreedyStage:
    """Descent in one width.

    Attributes
    ----------
    layers : list of (rows, columns), W_1 first, at the end
    singular_value : float, s of the gradient of C at the start
    needed : int, steps that the rule asked for, margin included
    paths : MapPaths of one member; diverged if the learning rate is too large
    """

    layers: list[Float[Array, "_ _"]]
    singular_value: float
    needed: int
    paths: MapPaths

    @property
    def width(self) -> int:
        """Neurons of a hidden layer, the number of the stage."""
        return len(self.layers[0])

    @property
    def n_steps(self) -> int:
        """Steps made."""
        return int(self.paths.last_step[0])

    @property
    def cost(self) -> float:
        """C at the end."""
        return float(self.paths.train_cost[0, self.paths.n_records[0] - 1])

    @property
    def gradient_norm(self) -> float:
        """|dC/dtheta| at the end: at a critical point, all but 0."""
        return float(self.paths.gradient_norm[0, self.paths.n_records[0] - 1])


@dataclass(frozen=True)
class GreedyPaths:
    """Stages of width 1, 2, ...; ``converged`` if the last cost (or C(0)) is below tolerance."""

    stages: tuple[GreedyStage, ...]
    converged: bool


def needed_steps(
    singular_value: float, epsilon: float, learning_rate: float, depth: int, *, reach: float = 1.0
) -> int:
    """Steps after which a neuron of size epsilon has grown up, and which fewer do not suffice for.

    Each of its L weights starts at epsilon and grows like x' = s x^{L-1}. For L > 2 that takes up
    to the time 1 / ((L-2) s epsilon^{L-2}); with 30 % more, T = 1.3 / ((L-2) s epsilon^{L-2} eta).

    For L = 2 a step multiplies x by 1 + eta s until x^2 is about `reach`, the singular value that
    ends the growth, and as many steps again bring the difference to it down to epsilon^2:
    T = 2 ln(sqrt(reach) / epsilon) / ln(1 + eta s).
    """
    if depth == 2:
        growth = max(log(sqrt(reach) / epsilon), 0.0)
        return ceil(2 * growth / log1p(learning_rate * singular_value))
    speed = (depth - 2) * singular_value * epsilon ** (depth - 2)
    return ceil(1.3 / (speed * learning_rate))


def top_triple(G: Float[Array, "n_out n_in"]) -> tuple[float, Array, Array]:
    """Largest singular value of G and its vectors u, v; the largest entry of u is positive."""
    U, s, Vt = np.linalg.svd(G)
    sign = 1.0 if U[np.abs(U[:, 0]).argmax(), 0] > 0 else -1.0
    return float(s[0]), sign * U[:, 0], sign * Vt[0]


def no_neurons(n_out: int, n_in: int, depth: int) -> list[Float[Array, "_ _"]]:
    """Layers of width 0, whose product is the zero matrix (n_out, n_in)."""
    return [np.zeros((0, n_in)), *[np.zeros((0, 0))] * (depth - 2), np.zeros((n_out, 0))]


def append_neuron(
    layers: list[Array], epsilon: float, u: Float[Array, " n_out"], v: Float[Array, " n_in"]
) -> list[Float[Array, "_ _"]]:
    """W_1 <- [W_1; -epsilon v^T], W_l <- diag(W_l, epsilon), W_L <- [W_L, epsilon u]; copies."""
    first, *middle, last = include(layers, len(layers[0]) + 1)
    first[-1], last[:, -1] = -epsilon * v, epsilon * u
    for w in middle:
        w[-1, -1] = epsilon
    return [first, *middle, last]


def greedy_low_rank(
    observed: Float[Array, "n_out n_in"],
    weights: Float[Array, "n_out n_in"],
    depth: int,
    *,
    epsilon: float,
    learning_rate: float,
    steps: int | None = None,
    margin: int = 2000,
    most_steps: int = 200_000,
    tolerance: float = 1e-8,
    stationary: float = 1e-5,
    max_width: int | None = None,
    rules: RecordRules | None = None,
) -> GreedyPaths:
    """Minimize C(A) = sum weights (A - observed)^2 in growing width, from `no_neurons`.

    Parameters
    ----------
    observed, weights : (n_out, n_in)
    depth : int >= 2
        L.
    epsilon : float > 0
    learning_rate : float > 0
    steps : int, optional
        Made in every stage but the last. By default one ends at its critical point, as soon as
        |dC/dtheta| < stationary s, or after `most_steps`; a second or later stage that would need
        more than these is not begun, and the paths have not converged.
    margin : int
        Added to `needed_steps` for what else has to settle.
    tolerance : float > 0
        The algorithm ends when C is below.
    stationary : float
        See `steps`; lowered where |dC/dtheta| is as small at the start, before the neuron grows.
    max_width : int, optional
        By default min(n_out, n_in): every A has a network of that width.
    rules : RecordRules, optional
        Which points of the paths are kept.

    Raises
    ------
    ValueError
        If a number is outside its range, or the first stage, with `steps` any, needs more steps
        than it may make.
    """
    _check(depth, epsilon=epsilon, learning_rate=learning_rate, tolerance=tolerance)
    n_out, n_in = observed.shape
    layers = no_neurons(n_out, n_in, depth)
    stages: list[GreedyStage] = []
    cost = float(np.sum(weights * observed**2))
    for width in range(1, 1 + (min(n_out, n_in) if max_width is None else max_width)):
        if cost < tolerance or (stages and stages[-1].paths.diverged[0]):
            break
        s, u, v = top_triple(2 * weights * (end_to_end(layers) - observed))
        reach = s / (2 * float(u**2 @ weights @ v**2))  # C is least there along -u v^T
        needed = margin + needed_steps(s, epsilon, learning_rate, depth, reach=reach)
        if steps is None and stages and needed > most_steps:
            break
        _check_steps(width, s, needed, steps, most_steps)
        arch = DeepLinear.plain(n_in, depth, width, n_out)
        paths = train_linear_maps(
            arch,
            arch.flatten(append_neuron(layers, epsilon, u, v))[None],
            learning_rate,
            most_steps if steps is None else steps,
            observed,
            weights,
            stop_below=tolerance,
            stop_gradient=min(stationary * s, start_slope(s, depth, epsilon) / 2)
            if steps is None
            else 0.0,
            rules=rules,
        )
        layers = arch.unflatten(paths.theta[0])
        stages.append(GreedyStage(layers, s, needed, paths))
        cost = stages[-1].cost
    return GreedyPaths(tuple(stages), cost < tolerance)


def start_slope(s: float, depth: int, epsilon: float) -> float:
    """|dC/dtheta| of a new neuron: s epsilon^{L-1} in each of L layers."""
    return s * sqrt(depth) * epsilon ** (depth - 1)


def _check(depth: int, **positive: float) -> None:
    if depth < 2:
        raise ValueError(f"depth = {depth}: must be at least 2")
    for name, value in positive.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} = {value}: must be finite and > 0")


def _check_steps(width: int, s: float, needed: int, steps: int | None, most_steps: int) -> None:
    name, value = ("most_steps", most_steps) if steps is None else ("steps", steps)
    if value < needed:
        stage = f"stage {width}, whose gradient has the singular value {s:.4g}"
        raise ValueError(f"{name} = {value}: must be at least {needed} in {stage}")
