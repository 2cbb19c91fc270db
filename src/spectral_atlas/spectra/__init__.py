"""Certified, batched spectra of Hessians, Gauss-Newton and gradient matrices.

Operators give products with the symmetric matrices of a whole ensemble; solvers turn products into
eigenvalues with a bound beside each, densities, traces. Importing this loads no torch; the names
that need it load it when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spectral_atlas.spectra import softmax_regression, two_layer_relu
from spectral_atlas.spectra.deep_linear import dense_hessian, gradient, hessian_operator
from spectral_atlas.spectra.density import SpectralDensity, spectral_density
from spectral_atlas.spectra.eigenpairs import Eigenpairs, top_eigenpairs
from spectral_atlas.spectra.extremes import extreme_eigenvalues
from spectral_atlas.spectra.gram import (
    GramSpectrum,
    gradient_matrix_eigenvalues,
    gradient_matrix_spectrum,
)
from spectral_atlas.spectra.gram_pairs import GramPairs, GramSolver
from spectral_atlas.spectra.lanczos import Extremes, lanczos
from spectral_atlas.spectra.linear_map_hessian import (
    Inertia,
    LinearMapHessian,
    linear_map_hessian,
    negative_directions,
    rotation_modes,
)
from spectral_atlas.spectra.minimizers import sharpness_at_minimizer
from spectral_atlas.spectra.operators import (
    CompressibleOperator,
    MatrixOperator,
    SymmetricOperator,
)
from spectral_atlas.spectra.power_iteration import (
    power_iteration_norm,
    power_iteration_rayleigh,
)
from spectral_atlas.spectra.rank_one import balancedness_gap, layer_alignment, rank_one_mass
from spectral_atlas.spectra.softmax_hessian import SoftmaxHessian
from spectral_atlas.spectra.starts import start_vectors, warm_start
from spectral_atlas.spectra.subspaces import (
    alignment,
    orthonormal_basis,
    principal_angles,
    subspace_overlap,
)
from spectral_atlas.spectra.trace import (
    TraceEstimate,
    frobenius_norm_squared,
    hutch_plus_plus,
    hutchinson,
)
from spectral_atlas.spectra.unconverged import UnconvergedError
from spectral_atlas.spectra.weighted_gram import WeightedGram, weighted_gram

if TYPE_CHECKING:
    from spectral_atlas.spectra.autograd import torch_hessian_operator
    from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
    from spectral_atlas.spectra.torch_ggn import GGNOperator
    from spectral_atlas.spectra.torch_gradient_matrix import GradientMatrixOperator
    from spectral_atlas.spectra.torch_hessian import HessianOperator
    from spectral_atlas.spectra.torch_operators import BlockPair

_WITH_TORCH = {
    "BlockPair": "torch_operators",
    "EmpiricalRisk": "empirical_risk",
    "GGNOperator": "torch_ggn",
    "GradientMatrixOperator": "torch_gradient_matrix",
    "HessianOperator": "torch_hessian",
    "torch_hessian_operator": "autograd",
}

__all__ = [
    "BlockPair",
    "CompressibleOperator",
    "Eigenpairs",
    "EmpiricalRisk",
    "Extremes",
    "GGNOperator",
    "GradientMatrixOperator",
    "GramPairs",
    "GramSolver",
    "GramSpectrum",
    "HessianOperator",
    "Inertia",
    "LinearMapHessian",
    "MatrixOperator",
    "SoftmaxHessian",
    "SpectralDensity",
    "SymmetricOperator",
    "TraceEstimate",
    "UnconvergedError",
    "WeightedGram",
    "alignment",
    "balancedness_gap",
    "dense_hessian",
    "extreme_eigenvalues",
    "frobenius_norm_squared",
    "gradient",
    "gradient_matrix_eigenvalues",
    "gradient_matrix_spectrum",
    "hessian_operator",
    "hutch_plus_plus",
    "hutchinson",
    "lanczos",
    "layer_alignment",
    "linear_map_hessian",
    "negative_directions",
    "orthonormal_basis",
    "power_iteration_norm",
    "power_iteration_rayleigh",
    "principal_angles",
    "rank_one_mass",
    "rotation_modes",
    "sharpness_at_minimizer",
    "softmax_regression",
    "spectral_density",
    "start_vectors",
    "subspace_overlap",
    "top_eigenpairs",
    "torch_hessian_operator",
    "two_layer_relu",
    "warm_start",
    "weighted_gram",
]


def __getattr__(name: str) -> Any:
    if name in _WITH_TORCH:
        return getattr(import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
