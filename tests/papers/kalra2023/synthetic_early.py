"""Made-up whole trainings, and runs with chosen grid indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from synthetic_variants import early, rows, with_constants

TIMES = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])


def course(c: float, times: np.ndarray = TIMES) -> np.ndarray:
    """eta lambda of a run that is at 0.6 from step 5 to step 50, and at 2 from step 500 on."""
    falling = np.interp(times, [0, 5], [c, 0.6])
    return np.where(times <= 50, falling, np.interp(times, [50, 500], [0.6, 2.0]))


def regimes(
    models: Sequence[dict[str, Any]], multiples: Sequence[float] = (1.0, 2.0, 4.0), seeds: int = 3
) -> xr.Dataset:
    """A study of whole trainings that pass through all four regimes."""
    coords = rows(models, seeds)
    n, c = len(coords["seed"][1]), np.array(multiples, dtype=float)
    rng = np.random.default_rng(8)
    lambda0 = rng.uniform(5, 30, n)
    scaled = np.array([course(value) for value in c]).reshape(len(c), len(TIMES))
    sharpness = lambda0[:, None, None] * scaled / c[:, None]
    loss = rng.uniform(0.9, 1.1, sharpness.shape) / (1 + TIMES)
    dims = ("run", "multiple", "time")
    data = {
        "loss": (dims, loss), "sharpness": (dims, sharpness),
        "sharpness_bound": (dims, 0.01 * sharpness), "lambda0": ("run", lambda0),
    }  # fmt: skip
    attrs = {"steps": int(TIMES[-1]), "tolerance": 0.01}
    return xr.Dataset(data, coords | {"multiple": c, "time": TIMES}, attrs)


def chosen(widths: Sequence[int], seeds: int = 1, **indices: Any) -> xr.Dataset:
    """A study of one depth, d = 4, with given grid indices, one for each run or for all."""
    runs = early([{"width": list(widths)}], seeds=seeds)
    return with_constants(runs, **{f"k_{name}": k for name, k in indices.items()})
