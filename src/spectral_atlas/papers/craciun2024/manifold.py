"""Spectra: Hessians at random minimizers, by automatic differentiation and in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from spectral_atlas.papers.craciun2024.problems import PAPER, Problem, load
from spectral_atlas.rng import generator
from spectral_atlas.spectra.linear_map_minima import minimizer_spectrum, random_minimizer

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import Manifold
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
SPECTRA = {
    "eigenvalues": "Hessian eigenvalues by automatic differentiation",
    "closed": "Hessian eigenvalues in closed form",
}
FACTS = {
    "n_params": "weights",
    "inputs": "d_0",
    "outputs": "d_H",
    "data_rank": "rank of X",
    "noise": "loss at minimizers",
}


def manifold(config: Manifold, inputs: Inputs, job: Job) -> xr.Dataset:
    """Spectra at minimizers with Gaussian layers, for every network of the data.

    Returns
    -------
    Dataset with dimensions ``net, point, value``: ``eigenvalues`` of the Hessian of the loss on
    X and Y by automatic differentiation, of the largest size first, signed; ``closed``, those in
    closed form, largest first; NaN behind the last of a net. ``gradient_norm`` (net, point). For
    each net ``n_params``, ``inputs``, ``outputs``, ``data_rank``, the rank of X, and ``noise``, the
    loss at minimizers.
    """
    data = inputs["data/regressions"].load()
    names = data["net"].values.tolist()
    cases = [load(data, name) for name in names]
    most = max(max(p.arch.n_params, p.widths[0] * p.widths[-1]) for p in cases)
    shape = (len(cases), config.points)
    found = {name: np.full((*shape, most), np.nan) for name in SPECTRA}
    gradients, facts = np.full(shape, np.nan), []
    for k, problem in enumerate(cases):
        arch = problem.arch
        rng = generator(job.seed, PAPER, "manifold", config.seed, problem.name)
        rank = int(np.linalg.matrix_rank(problem.X, tol=1e-9))
        for j in range(config.points):
            theta = random_minimizer(rng, arch, problem.target, std=config.std)
            values, gradients[k, j] = _by_autograd(problem, theta)
            found["eigenvalues"][k, j, : len(values)] = values
            closed = minimizer_spectrum(arch.unflatten(theta), problem.S)[::-1]
            found["closed"][k, j, : len(closed)] = closed
        sizes = (arch.n_params, problem.widths[0], problem.widths[-1])
        facts.append((*sizes, rank, problem.smallest_loss))
    columns = np.array(facts).T
    return xr.Dataset(
        {
            **{
                name: (("net", "point", "value"), v, {"long_name": SPECTRA[name]})
                for name, v in found.items()
            },
            "gradient_norm": (("net", "point"), gradients, {"long_name": "|gradient|"}),
            **{
                n: ("net", c if n == "noise" else c.astype(np.int64), {"long_name": about})
                for (n, about), c in zip(FACTS.items(), columns, strict=True)
            },
        },
        coords={"net": names, "value": np.arange(1, most + 1)},
    )


def _by_autograd(problem: Problem, theta: Array) -> tuple[Array, float]:
    """Eigenvalues of the Hessian of |Y - A X|_F^2, the largest size first, and |gradient|."""
    x, y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
    shapes = problem.arch.shapes

    def loss(flat: Tensor) -> Tensor:
        out, at = x, 0
        for rows, columns in shapes:
            out = flat[at : at + rows * columns].reshape(rows, columns) @ out
            at += rows * columns
        return ((y - out) ** 2).sum()

    point = torch.from_numpy(theta)
    hessian = torch.func.hessian(loss)(point).numpy()
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    gradient = torch.func.grad(loss)(point)
    return values[np.argsort(-np.abs(values))], float(torch.linalg.vector_norm(gradient))
