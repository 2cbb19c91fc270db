"""Runs: flattest minimizers, by constrained minimization beside the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024.problems import PAPER, linear, load
from spectral_atlas.rng import generator
from spectral_atlas.spectra.flattest import flattest_minimizer
from spectral_atlas.spectra.least_sharpness import least_sharpness

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Critical
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
ABOUT = {
    "bound": "what no minimizer is flatter than",
    "sharpness": "least sharpness found",
    "misfit": "|A - W*| there",
    "depth": "layers",
    "white": "whether the data are white",
    "random": "whether the problem is random",
    "widths": "d_0-...-d_H",
}


def critical(config: Critical, inputs: Inputs, job: Job) -> xr.Dataset:
    """Minimize the sharpness over the minimizers of every network, and of random problems.

    Random problems have Gaussian W*, and S = G G^T / d_0 with Gaussian G.

    Returns
    -------
    Dataset with dimension ``problem``: ``bound``, what no minimizer is flatter than;
    ``sharpness``, the least that the minimization found; ``misfit``, |A - W*|_F there; ``depth``;
    ``white``; ``random``, whether the problem is one of the random ones; ``widths``, as text.
    """
    data = inputs["data/nets"].load()
    cases = []
    for name in data["net"].values.tolist():
        problem = load(data, name)
        cases.append((name, problem.widths, problem.target, problem.S, False))
    for widths in config.random_widths:
        label = "-".join(map(str, widths))
        for k in range(config.random_problems):
            rng = generator(job.seed, PAPER, "critical", label, k)
            target = rng.standard_normal((widths[-1], widths[0]))
            G = rng.standard_normal((widths[0], widths[0]))
            cases.append((f"{label} random {k}", widths, target, G @ G.T / widths[0], True))
    rows = []
    for name, widths, target, S, drawn in cases:
        arch = linear(widths)
        rng = generator(job.seed, PAPER, "flattest", name)
        found = flattest_minimizer(arch, target, S, rng, restarts=config.restarts)
        bound = least_sharpness(target, S, arch.depth).value
        white = bool(np.abs(S - S[0, 0] * np.eye(len(S))).max() < 1e-9 * S[0, 0])
        rows.append((bound, found.sharpness, found.misfit, arch.depth, white, drawn))
        if job.log:
            print(f"{name}: {found.sharpness:.6g}, bound {bound:.6g}", file=job.log, flush=True)
    texts = ["-".join(map(str, widths)) for _, widths, *_ in cases]
    columns = *zip(*rows, strict=True), texts
    variables = {
        name: ("problem", np.array(column), {"long_name": about})
        for (name, about), column in zip(ABOUT.items(), columns, strict=True)
    }
    return xr.Dataset(variables, coords={"problem": [c[0] for c in cases]})
