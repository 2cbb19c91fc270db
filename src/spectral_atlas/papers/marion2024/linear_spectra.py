"""Spectra stage of the deep linear networks: closed-form Hessians at every checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from spectral_atlas.papers.marion2024.ensemble import architecture, groups_of, readout_of
from spectral_atlas.papers.marion2024.measure import dataset, empty, measure
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.rng import generator
from spectral_atlas.spectra.deep_linear import hessian_operator
from spectral_atlas.spectra.minimizers import sharpness_at_minimizer
from spectral_atlas.spectra.rank_one import balancedness_gap, layer_alignment, rank_one_mass
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.marion2024.config import Spectra
    from spectral_atlas.stage import Inputs, Job


def extremes(config: Spectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Certified lambda_max and lambda_min of every run at every checkpoint."""
    runs, data = _split(inputs)
    values = empty(runs)
    total = runs.sizes["run"] * runs.sizes["checkpoint"]
    theta = runs["theta"].values
    with Progress("spectra", total, job.log) as progress:
        for (kind, depth, i), rows in groups_of(runs):
            problem = Problem.load(data, i)
            arch = architecture(kind, depth, problem.d)
            p = readout_of(runs, arch, rows)
            for c in range(runs.sizes["checkpoint"]):
                operator = hessian_operator(
                    arch, theta[c, rows, : arch.n_params], problem.Sigma, problem.b, p
                )
                rng = generator(job.seed, "marion2024", "lanczos", kind, depth, i, c)
                for name, found in measure(operator, config, rng).items():
                    values[name][c, rows] = found
                progress.update(len(rows))
    return dataset(runs, values)


def structure(config: Spectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """`extremes`, and the rank-one structure of the layers (Corollary 1).

    Adds ``rank_one_mass`` (max over layers of |W|_F^2 - sigma_1^2), ``alignment`` (least squared
    cosine between neighbouring top singular vectors), ``balancedness_gap`` (largest Frobenius norm
    of W_k W_k^T - W_{k+1}^T W_{k+1}, which the gradient flow conserves) and ``closed_form``, the
    sharpness by the formula that holds at minimizers.
    """
    result = extremes(config, inputs, job)
    runs, data = _split(inputs)
    values = empty(runs)
    names = ("rank_one_mass", "alignment", "balancedness_gap", "closed_form")
    arrays = {name: values["lambda_max"].copy() for name in names}
    for (kind, depth, i), rows in groups_of(runs):
        problem = Problem.load(data, i)
        arch = architecture(kind, depth, problem.d)
        for c in range(runs.sizes["checkpoint"]):
            # Diverged runs have no singular values; they stay NaN.
            alive = rows[runs["diverged_at"].values[rows] < 0] if c else rows
            theta = runs["theta"].values[c, alive, : arch.n_params]
            arrays["rank_one_mass"][c, alive] = rank_one_mass(arch, theta)
            arrays["alignment"][c, alive] = layer_alignment(arch, theta)
            arrays["balancedness_gap"][c, alive] = balancedness_gap(arch, theta).max(axis=1)
            p = readout_of(runs, arch, alive)
            arrays["closed_form"][c, alive] = sharpness_at_minimizer(arch, theta, problem.Sigma, p)
    return result.assign({n: (("checkpoint", "run"), v) for n, v in arrays.items()})


def _split(inputs: Inputs) -> tuple[xr.Dataset, xr.Dataset]:
    """The runs file and the data file among the inputs."""
    (runs,) = (v for ref, v in inputs.items() if ref.startswith("runs/"))
    (data,) = (v for ref, v in inputs.items() if ref.startswith("data/"))
    return runs, data
