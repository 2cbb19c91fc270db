"""Spectra stage of the GELU network: Hessians by automatic differentiation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from spectral_atlas.networks.gelu_mlp import torch_risk
from spectral_atlas.papers.marion2024.ensemble import architecture
from spectral_atlas.papers.marion2024.measure import dataset, empty, measure
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.rng import generator
from spectral_atlas.spectra.autograd import torch_hessian_operator
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Spectra
    from spectral_atlas.stage import Inputs, Job


def extremes(config: Spectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Certified lambda_max and lambda_min of every GELU network before and after training."""
    import torch

    torch.set_num_threads(1)  # bits must not depend on the number of cores
    (runs,) = (v for ref, v in inputs.items() if ref.startswith("runs/"))
    (data,) = (v for ref, v in inputs.items() if ref.startswith("data/"))
    problem = Problem.load(data, 0)
    arch = architecture("gaussian", int(runs["depth"][0]), problem.d)
    risk = torch_risk(arch, problem.X, problem.y)
    values = empty(runs)
    total = runs.sizes["run"] * runs.sizes["checkpoint"]
    with Progress("spectra", total, job.log) as progress:
        for c in range(runs.sizes["checkpoint"]):
            operator = torch_hessian_operator(risk, runs["theta"].values[c])
            rng = generator(job.seed, "marion2024", "lanczos", "gelu", c)
            for name, found in measure(operator, config, rng).items():
                values[name][c] = found
            progress.update(runs.sizes["run"])
    return dataset(runs, values)
