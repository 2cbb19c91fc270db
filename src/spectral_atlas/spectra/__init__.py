"""Certified, batched Hessian spectra; importing this loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectral_atlas.spectra.deep_linear import dense_hessian, gradient, hessian_operator
from spectral_atlas.spectra.extremes import UnconvergedError, extreme_eigenvalues
from spectral_atlas.spectra.lanczos import Extremes, lanczos
from spectral_atlas.spectra.minimizers import sharpness_at_minimizer
from spectral_atlas.spectra.operators import (
    CompressibleOperator,
    MatrixOperator,
    SymmetricOperator,
    start_vectors,
)
from spectral_atlas.spectra.power_iteration import (
    power_iteration_norm,
    power_iteration_rayleigh,
)
from spectral_atlas.spectra.rank_one import alignment, balancedness_gap, rank_one_mass

if TYPE_CHECKING:
    from spectral_atlas.spectra.autograd import torch_hessian_operator

__all__ = [
    "CompressibleOperator",
    "Extremes",
    "MatrixOperator",
    "SymmetricOperator",
    "UnconvergedError",
    "alignment",
    "balancedness_gap",
    "dense_hessian",
    "extreme_eigenvalues",
    "gradient",
    "hessian_operator",
    "lanczos",
    "power_iteration_norm",
    "power_iteration_rayleigh",
    "rank_one_mass",
    "sharpness_at_minimizer",
    "start_vectors",
    "torch_hessian_operator",
]


def __getattr__(name: str) -> Any:
    if name == "torch_hessian_operator":
        from spectral_atlas.spectra.autograd import torch_hessian_operator

        return torch_hessian_operator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
