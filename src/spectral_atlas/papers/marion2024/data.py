"""Data stage: regression problems, several draws of each.

Layout: dimension ``problem`` with coordinates ``draw``, ``d`` and ``condition_number``; features
beyond a problem's own d are zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.data.regression import Regression, linear_regression, threefry_regression
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import RatioData, RegressionData
    from spectral_atlas.stage import Inputs, Job


def regression(config: RegressionData, inputs: Inputs, job: Job) -> xr.Dataset:
    """Gaussian regression problems; draw 0 is the published code's own, where asked."""
    problems = []
    for draw in range(config.draws):
        if draw == 0 and config.published:
            position = config.published_position
            problems.append(
                threefry_regression(config.n, config.d, config.noise, position=position)
            )
        else:
            # Named by shape only: the noiseless problem has the X of the noisy one, as published.
            rng = generator(job.seed, "marion2024", "data", config.n, config.d, draw)
            problems.append(linear_regression(rng, config.n, config.d, noise=config.noise))
    published = [config.published and draw == 0 for draw in range(config.draws)]
    return _dataset(problems, list(range(config.draws))).assign_coords(
        published=("problem", published)
    )


def ratio(config: RatioData, inputs: Inputs, job: Job) -> xr.Dataset:
    """Problems with chosen condition number: a scan of it, and a scan of the dimension."""
    wanted = [(config.d, kappa) for kappa in config.condition_numbers]
    wanted += [(d, config.condition_number) for d in config.dimensions]
    wanted += [(config.d, config.condition_number)]
    problems, draws, base = [], [], []
    for d, kappa in dict.fromkeys(wanted):
        for draw in range(config.draws):
            rng = generator(job.seed, "marion2024", "ratio", d, f"{kappa:g}", draw)
            problems.append(
                linear_regression(
                    rng, config.n, d, noise=config.noise, condition_number=float(kappa)
                )
            )
            draws.append(draw)
            base.append((d, kappa) == (config.d, config.condition_number))
    return _dataset(problems, draws).assign_coords(base=("problem", base))


def _dataset(problems: list[Regression], draws: list[int]) -> xr.Dataset:
    width = max(p.X.shape[1] for p in problems)

    def pad(x: np.ndarray) -> np.ndarray:
        return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, width - x.shape[-1])])

    return xr.Dataset(
        {
            "X": (("problem", "sample", "feature"), np.stack([pad(p.X) for p in problems])),
            "y": (("problem", "sample"), np.stack([p.y for p in problems])),
            "X_test": (("problem", "test", "feature"), np.stack([pad(p.X_test) for p in problems])),
            "y_test": (("problem", "test"), np.stack([p.y_test for p in problems])),
            "w_star": (("problem", "feature"), np.stack([pad(p.w_star) for p in problems])),
        },
        coords={
            "draw": ("problem", np.array(draws)),
            "d": ("problem", np.array([p.X.shape[1] for p in problems])),
            "condition_number": ("problem", [condition_number(p.Sigma) for p in problems]),
        },
    )


def condition_number(Sigma: np.ndarray) -> float:
    """Lambda / lambda; infinite where Sigma is singular to rounding."""
    eigenvalues = np.linalg.eigvalsh(Sigma)
    singular = eigenvalues[0] <= len(Sigma) * np.finfo(float).eps * eigenvalues[-1]
    return float("inf") if singular else float(eigenvalues[-1] / eigenvalues[0])
