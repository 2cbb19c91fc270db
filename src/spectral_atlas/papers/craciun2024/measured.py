"""What files of runs keep of `Endings`, by the names that it has there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spectral_atlas.training.endings import Endings

Array = np.ndarray
MEASURED = {
    "loss": "loss at the end",
    "loss_least": "smallest loss of the window",
    "loss_most": "largest loss of the window",
    "gradient_norm": "|gradient| at the end",
    "gradient_mean": "mean |gradient| over the window",
    "gradient_least": "smallest |gradient| of the window",
    "gradient_most": "largest |gradient| of the window",
    "period_two_gap": "|theta_T - theta_{T-2}|",
    "step_length": "|theta_T - theta_{T-1}|",
}


def measured(
    ends: Endings,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    names: Iterable[str] = tuple(MEASURED),
) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    """Variables over `dims` with these names, runs in the order of `shape`."""
    return {
        name: (dims, getattr(ends, name).reshape(shape), {"long_name": MEASURED[name]})
        for name in names
    }
