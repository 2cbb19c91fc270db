"""Grids of learning rates in the uv model, and where on them something happens first.

Runs are in the units g = eta f / sqrt(w), k = eta kappa of `spectral_atlas.networks.uv`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.networks.uv import descend, top_eigenvalue
from spectral_atlas.papers.kalra2023.uv_sections import Constants, Saturation

Array = np.ndarray

CRITERIA = {
    "loss": "smallest {} with a loss above its start",
    "trace": "smallest {} with a trace of the Hessian above its start",
    "sharp": "smallest {} with a largest eigenvalue above its start",
    "max": "largest {} before the first that diverges",
}


def constants_grid(config: Constants) -> Float[Array, " G"]:
    """2^0, 2^grid_step, ..., up to 2^grid_stop."""
    return 2.0 ** (config.grid_step * _indices(0, config.grid_step, config.grid_stop))


def saturation_grid(config: Saturation) -> Float[Array, " G"]:
    """grid_step, 2 grid_step, ..., up to grid_stop."""
    return config.grid_step * _indices(1, config.grid_step, config.grid_stop)


def _indices(first: int, grid_step: float, grid_stop: float) -> Int[Array, " G"]:
    return np.arange(first, int(grid_stop / grid_step + 1e-9) + 1)


def exceeded(
    g0: Float[Array, "R G"], k0: Float[Array, "R G"], n_steps: int, largest: Float[Array, "R G"]
) -> dict[str, Bool[Array, "R G"]]:
    """Which runs are ever above their start within ``n_steps``, and which diverge, under "max".

    Start and steps are compared with the same roundings, so that a quantity that only falls never
    counts. ``largest`` is the g^2 / 2 above which a run has diverged; such a run exceeds by all.
    """
    squared0, top0 = g0 * g0, top_eigenvalue(g0, k0)
    hits = {name: np.zeros(g0.shape, dtype=bool) for name in CRITERIA}
    for g, k in descend(g0, k0, n_steps, divergence=largest):
        hits["loss"] |= g * g > squared0
        hits["trace"] |= k > k0
        hits["sharp"] |= top_eigenvalue(g, k) > top0
    hits["max"] |= np.isnan(g)
    return {name: hit | hits["max"] for name, hit in hits.items()}


def on_grid(
    hit: Bool[Array, "R G"], grid: Float[Array, " G"], before: bool = False
) -> Float[Array, " R"]:
    """The first grid value that is hit, or the last ``before`` it; nan where there is none."""
    first = hit.argmax(axis=1)
    there = hit.any(axis=1) & (first >= int(before))
    return np.where(there, grid[first - int(before)], np.nan)
