"""Matrices to complete: the data stage, and the problems that are made of its files.

The file of a data node holds matrices, the order in which entries are observed, and standard normal
noise. How many entries are observed and how strong the noise is belongs to the run: the first 50,
60 and 70 entries of one order make nested problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.data.matrix_completion import (
    MatrixCompletion,
    chosen_spectrum,
    entry_order,
    gaussian_factors,
)
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.jacot2021.sections import Matrices
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
PAPER = "jacot2021"
ENTRIES = ("row", "column")


def matrices(config: Matrices, inputs: Inputs, job: Job) -> xr.Dataset:
    """One matrix for each target seed.

    Returns
    -------
    Dataset with dimensions ``target, row, column``: ``matrix``, A*; ``order``, the place of an
    entry among those that are observed one after the other; ``noise``, standard normal.
    """
    found = [_one(config, job.seed, seed) for seed in config.target_seeds]
    dims = ("target", *ENTRIES)
    A, order, noise = (np.stack(values) for values in zip(*found, strict=True))
    return xr.Dataset(
        {
            "matrix": (dims, A, {"long_name": "A*"}),
            "order": (dims, order),
            "noise": (dims, noise),
        },
        coords={"target": ("target", np.array(config.target_seeds, dtype=np.int64))},
        attrs={
            "rank": config.rank,
            "observed": config.observed,
            "law": "Gaussian factors" if config.spectrum is None else "chosen spectrum",
        },
    )


def _one(config: Matrices, root: int, seed: int) -> tuple[Array, Array, Array]:
    shape = (config.rows, config.columns)
    rng = generator(root, PAPER, "target", seed)
    if config.spectrum is None:
        A = gaussian_factors(rng, *shape, config.rank)
    else:
        A = chosen_spectrum(rng, *shape, np.array(config.spectrum))
    order = entry_order(generator(root, PAPER, "mask", config.mask_seed, seed), *shape)
    noise = generator(root, PAPER, "noise", config.noise_seed, seed).standard_normal(shape)
    return A, order, noise


def data_of(inputs: Inputs, name: str) -> xr.Dataset:
    """The data file of that name among the inputs."""
    return inputs[f"data/{name}"]


def problem(
    data: xr.Dataset,
    target: int,
    *,
    observed: int | None = None,
    noise: float = 0.0,
    scale: float = 1.0,
) -> MatrixCompletion:
    """One matrix to complete.

    Parameters
    ----------
    data : a file of the data stage
    target : target seed
    observed : N; by default that of the data
    noise : standard deviation, added to observed entries
    scale : factor on A*, not on the noise
    """
    one = data.sel(target=target)
    count = int(data.attrs["observed"]) if observed is None else observed
    added = noise * one["noise"].values if noise else None
    return MatrixCompletion.observe(scale * one["matrix"].values, one["order"].values, count, added)


def stacked(
    problems: list[MatrixCompletion],
) -> tuple[Float[Array, "M o i"], Float[Array, "M o i"]]:
    """Observed entries and weights of several problems."""
    return np.stack([p.observed for p in problems]), np.stack([p.weights for p in problems])
