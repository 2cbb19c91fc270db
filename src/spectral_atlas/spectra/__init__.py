"""Certified, batched spectra of Hessians, Gauss-Newton and gradient matrices.

Operators give products with the symmetric matrices of a whole ensemble; solvers turn products into
eigenvalues with a bound beside each, densities, traces. Importing this loads neither torch nor
scipy.optimize; the names that need one load it when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spectral_atlas.spectra import softmax_regression, two_layer_relu
from spectral_atlas.spectra.deep_linear import dense_hessian, gradient, hessian_operator
from spectral_atlas.spectra.density import SpectralDensity, spectral_density
from spectral_atlas.spectra.eigenpairs import Eigenpairs, top_eigenpairs
from spectral_atlas.spectra.extremes import extreme_eigenvalues
from spectral_atlas.spectra.gd_map import log_determinant, orbit_multipliers
from spectral_atlas.spectra.gram import (
    GramSpectrum,
    gradient_matrix_eigenvalues,
    gradient_matrix_spectrum,
)
from spectral_atlas.spectra.gram_pairs import GramPairs, GramSolver
from spectral_atlas.spectra.lanczos import Extremes, lanczos
from spectral_atlas.spectra.least_sharpness import (
    LeastSharpness,
    critical_step,
    least_sharpness,
)
from spectral_atlas.spectra.linear_map_hessian import (
    Inertia,
    LinearMapHessian,
    linear_map_hessian,
    negative_directions,
    rotation_modes,
)
from spectral_atlas.spectra.linear_map_minima import (
    minimizer_sharpness,
    minimizer_spectrum,
    random_minimizer,
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
from spectral_atlas.spectra.stable_minimizers import stable_norm_bound, stable_set_is_bounded
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
    from spectral_atlas.spectra.flattest import (
        flattest_in_closed_form,
        flattest_minimizer,
        widest_stable,
    )
    from spectral_atlas.spectra.torch_ggn import GGNOperator
    from spectral_atlas.spectra.torch_gradient_matrix import GradientMatrixOperator
    from spectral_atlas.spectra.torch_hessian import HessianOperator
    from spectral_atlas.spectra.torch_operators import BlockPair

_ON_FIRST_USE = {
    "BlockPair": "torch_operators",
    "EmpiricalRisk": "empirical_risk",
    "GGNOperator": "torch_ggn",
    "GradientMatrixOperator": "torch_gradient_matrix",
    "HessianOperator": "torch_hessian",
    "flattest_in_closed_form": "flattest",
    "flattest_minimizer": "flattest",
    "torch_hessian_operator": "autograd",
    "widest_stable": "flattest",
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
    "LeastSharpness",
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
    "critical_step",
    "dense_hessian",
    "extreme_eigenvalues",
    "flattest_in_closed_form",
    "flattest_minimizer",
    "frobenius_norm_squared",
    "gradient",
    "gradient_matrix_eigenvalues",
    "gradient_matrix_spectrum",
    "hessian_operator",
    "hutch_plus_plus",
    "hutchinson",
    "lanczos",
    "layer_alignment",
    "least_sharpness",
    "linear_map_hessian",
    "log_determinant",
    "minimizer_sharpness",
    "minimizer_spectrum",
    "negative_directions",
    "orbit_multipliers",
    "orthonormal_basis",
    "power_iteration_norm",
    "power_iteration_rayleigh",
    "principal_angles",
    "random_minimizer",
    "rank_one_mass",
    "rotation_modes",
    "sharpness_at_minimizer",
    "softmax_regression",
    "spectral_density",
    "stable_norm_bound",
    "stable_set_is_bounded",
    "start_vectors",
    "subspace_overlap",
    "top_eigenpairs",
    "torch_hessian_operator",
    "two_layer_relu",
    "warm_start",
    "weighted_gram",
    "widest_stable",
]


def __getattr__(name: str) -> Any:
    if name in _ON_FIRST_USE:
        return getattr(import_module(f"{__name__}.{_ON_FIRST_USE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
