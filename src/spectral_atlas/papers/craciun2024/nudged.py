"""Runs that came to rest are moved a little and run again: what is stable comes back to rest.

Rounding lets runs rest at minimizers that are slightly unstable. Where the sharpness rises past
2 / eta late, when an oscillation has already decayed to the last bit of the weights, a multiplier
of -1.003 turns one unit of the last place into one again, for ever. In exact arithmetic it grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
from jaxtyping import Bool, Float

from spectral_atlas.training.endings import OUTCOMES, Endings

Array = np.ndarray
Run = Callable[[Float[Array, "M P"], Float[Array, " M"]], Endings]
REST = tuple(OUTCOMES.index(name) for name in ("minimum", "saddle"))


def run_nudged(
    run: Run,
    theta0: Float[Array, "M P"],
    learning_rate: Float[Array, " M"],
    rng: np.random.Generator,
    *,
    nudge: float,
    still: float,
) -> tuple[Endings, Bool[Array, " M"]]:
    """Run, and run those at rest once more from a point ``nudge`` away in a random direction.

    Returns
    -------
    Endings
        Of the second run where there was one.
    (M,)
        Which runs were at rest before they were moved, and not after it.
    """
    first = run(theta0, learning_rate)
    resting = np.isin(first.outcomes(still=still), REST)
    directions = rng.standard_normal(theta0.shape)  # of all, so that a run's own is always the same
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moved = first.theta[resting] + nudge * directions[resting]
    second = run(moved, learning_rate[resting])
    values = {}
    for f in fields(Endings):
        values[f.name] = getattr(first, f.name).copy()
        values[f.name][resting] = getattr(second, f.name)
    ends = Endings(**values)
    return ends, resting & ~np.isin(ends.outcomes(still=still), REST)
