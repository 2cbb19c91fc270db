"""Estimates of the sharpness at initialization beside certified values and dense Hessians."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.kalra2023.authors import power
from spectral_atlas.papers.kalra2023.members import PAPER, each
from spectral_atlas.papers.kalra2023.sharpness import hessians
from spectral_atlas.rng import generator
from spectral_atlas.spectra.eigenpairs import top_eigenpairs

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.sections import Estimators
    from spectral_atlas.stage import Inputs, Job

TIGHT = 1e-5  # residual of the reference; its error is of the order of the square


def estimators(config: Estimators, inputs: Inputs, job: Job) -> xr.Dataset:
    """The sharpness at initialization by several means.

    Returns
    -------
    Dataset with a row for each initialization along ``run``: ``certified, certified_bound``;
    ``second``, the next eigenvalue; ``power``, the authors' 20 power iterations; ``lanczos`` (run,
    lanczos_steps), plain Lanczos stopped after so many products.
    """
    rows = []
    for members in each(config, inputs, job):
        n = min(config.sharpness_samples or len(members.x), len(members.x))
        operator = hessians(members, members.parameters, n)
        rng = generator(job.seed, PAPER, "estimators", members.name)
        best = top_eigenpairs(
            operator, 2, rng, tolerance=TIGHT, verify=False, on_unconverged="flag"
        )
        short = []
        for products in config.lanczos_steps:
            rng = generator(job.seed, PAPER, "estimators", members.name, "lanczos")
            found = top_eigenpairs(
                operator,
                1,
                rng,
                tolerance=TIGHT,
                max_products=products,
                dense_limit=0,
                memory_mb=8 * operator.n_params**2 / 2**20,  # too little to solve it densely
                on_unconverged="flag",
            )
            short.append(found.values[:, 0])
        start = generator(job.seed, PAPER, "power iteration").standard_normal(members.n_params)
        data = {
            "certified": ("run", np.asarray(best.values[:, 0], dtype=float)),
            "certified_bound": ("run", np.asarray(best.bounds[:, 0], dtype=float)),
            "second": ("run", np.asarray(best.values[:, 1], dtype=float)),
            "power": ("run", power(operator, np.tile(start, (len(members.seeds), 1)))),
            "lanczos": (("run", "lanczos_steps"), np.stack(short, axis=1).astype(float)),
        }
        rows.append(xr.Dataset(data, {k: ("run", v) for k, v in members.rows().items()}))
    return xr.concat(rows, dim="run").assign_coords(lanczos_steps=config.lanczos_steps)
