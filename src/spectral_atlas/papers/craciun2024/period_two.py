"""Which runs end in an orbit of period two."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool

Array = np.ndarray
GAP = 1e-8  # |theta_T - theta_{T-2}| of what has closed
SHARE = 1e-6  # of the last step; next to a fixed point of multiplier m it is 1 + m


def at_period_two(runs: xr.Dataset, gap: float = GAP) -> Bool[Array, "*runs"]:
    """Whether runs are bounded, not at rest, and back where they were two steps before.

    A run that still converges with a multiplier close to -1 comes back to almost where it was, too,
    but its steps are then as small as the gap.

    Parameters
    ----------
    runs : Dataset with ``outcome`` and its flag_meanings, ``period_two_gap`` and ``step_length``
    gap : float > 0
    """
    bounded = str(runs["outcome"].attrs["flag_meanings"]).split().index("bounded")
    distance, step = runs["period_two_gap"].values, runs["step_length"].values
    closed = (distance < gap) & (distance < SHARE * step)
    return (runs["outcome"].values == bounded) & closed
