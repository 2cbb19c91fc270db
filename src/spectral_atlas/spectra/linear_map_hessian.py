"""Hessian of L(theta) = sum_ij weights_ij (A_ij - observed_ij)^2 + ridge |theta|^2.

A = W_L ... W_1 with several outputs: matrix completion, where `weights` is the mask of the observed
entries over their number. Closed form: products, the dense matrix, the signs of its eigenvalues,
and the zeros that the rotations of the hidden layers account for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import _linear_map
from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    check_finite_members,
    check_members,
    check_rows,
)

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)
CACHE_NUMBERS = 2**16  # in the vectors that are worked on at once


class LinearMapHessian:
    """Hessians of an ensemble, as a `SymmetricOperator`; see `linear_map_hessian`."""

    dense_limit = 150  # up to here LAPACK is quicker than Lanczos

    def __init__(self, point: _linear_map.Point) -> None:
        self._point = point
        self.n_members, self.n_params = len(point.observed), point.arch.n_params

    def __call__(
        self, V: Float[Array, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A P"]:
        """Products H_m V, one per row of V."""
        check_rows(V, check_members(members, self.n_members), self)
        return self.block_product(V[:, None], members)[:, 0]

    def block_product(
        self, V: Float[Array, "A b P"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A b P"]:
        """b products for each member named; 12 i P operations each, for i inputs."""
        members = check_members(members, self.n_members)
        check_rows(V, members, self, 3)
        V = np.ascontiguousarray(V, dtype=np.float64)
        out, point = np.empty_like(V), self._of(members)
        group = max(1, CACHE_NUMBERS // max(1, V[:, :1].size))
        for first in range(0, V.shape[1], group):
            some = slice(first, first + group)
            _linear_map.products(point, V[:, some], out[:, some])
        return out

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Array, "A P P"]:
        """The matrices of the members named, exactly symmetric; from blocks, not by products."""
        return _linear_map.dense(self._of(check_members(members, self.n_members)))

    def _of(self, members: Array | None) -> _linear_map.Point:
        if members is None or np.array_equal(members, np.arange(self.n_members)):
            return self._point
        return self._point.pick(members)


def linear_map_hessian(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    observed: Float[Array, "*#B o i"],
    weights: Float[Array, "*#B o i"],
    ridge: float | Float[Array, " B"] = 0.0,
) -> LinearMapHessian:
    """Hessians of L at B parameter vectors, as an operator.

    Parameters
    ----------
    arch : DeepLinear
        Without readout; o rows in the last layer, i inputs.
    theta : (B, P)
        Flat parameters, copied. NaN and infinity stay in the rows of their member.
    observed, weights : (o, i) or (B, o, i)
        Data and their weights; 0 where an entry is not observed.
    ridge : float or (B,)
        Of ridge |theta|^2: 2 ridge on the diagonal of H.

    Raises
    ------
    ValueError
        On a readout, a shape that does not fit, data that are not finite, or negative weights or
        ridge.

    Examples
    --------
    At the origin of two layers of width 3 the eigenvalues are +-s_1 and +-s_2, each 3 times, with
    the singular values s of dC/dA = -2 weights observed: 4 and 1. `extreme_eigenvalues` finds both
    ends from products alone, also where no matrix fits in memory.

    >>> import numpy as np
    >>> from spectral_atlas.networks.deep_linear import DeepLinear
    >>> from spectral_atlas.spectra import extreme_eigenvalues, linear_map_hessian
    >>> arch = DeepLinear.plain(2, depth=2, width=3, outputs=2)
    >>> data, weights = np.diag([2.0, 0.5]), np.ones((2, 2))
    >>> H = linear_map_hessian(arch, np.zeros((1, arch.n_params)), data, weights)
    >>> np.linalg.eigvalsh(H.dense())[0].round(12)
    array([-4., -4., -4., -1., -1., -1.,  1.,  1.,  1.,  4.,  4.,  4.])
    >>> found = extreme_eigenvalues(H, np.random.default_rng(0), dense_limit=0)
    >>> found.smallest.round(10), found.largest.round(10), found.converged
    (array([-4.]), array([4.]), array([ True]))
    """
    if arch.readout:
        raise ValueError("arch.readout = True: must be False, all layers are trained")
    theta = np.array(theta, dtype=np.float64)
    if theta.ndim != 2 or theta.shape[1] != arch.n_params or not len(theta):
        raise ValueError(f"theta: expected (B, {arch.n_params}) with B >= 1, got {theta.shape}")
    shape = (arch.shapes[-1][0], arch.d)
    data = _linear_map.per_member("observed", observed, len(theta), shape)
    twice = 2 * _linear_map.per_member("weights", weights, len(theta), shape, least=0.0)
    twice_ridge = 2 * _linear_map.per_member("ridge", ridge, len(theta), (), least=0.0)
    layers = arch.unflatten(theta)
    return LinearMapHessian(_linear_map.Point(arch, layers, data, twice, twice_ridge))


@dataclass(frozen=True)
class Inertia:
    """How many eigenvalues of B matrices are below -tolerance, within it, and above it."""

    n_negative: Int[Array, " B"]
    n_zero: Int[Array, " B"]
    n_positive: Int[Array, " B"]
    smallest: Float[Array, " B"]
    largest: Float[Array, " B"]
    bound: Float[Array, " B"]  # on the error of each eigenvalue, absolute


def negative_directions(
    operator: SymmetricOperator, *, tolerance: float | Float[Array, " B"]
) -> Inertia:
    """Signs of all eigenvalues by LAPACK; for larger P `extreme_eigenvalues` has the smallest.

    `tolerance`, absolute, is what counts as zero: a float or (B,). The bound is LAPACK's backward
    error P eps max |eigenvalue|; the rounding of the matrix entries themselves is not in it.

    Raises
    ------
    ValueError
        Where counts are not certain: the bound is over tolerance / 10, or an eigenvalue lies within
        its bound of +-tolerance. And where a matrix is not finite.

    Notes
    -----
    Let Q_w be the spectrum of a `LinearMapHessian` at layers of width r padded with zeros to width
    w > r. New neurons are alike: Q_w is Q_r, w - r copies of N, and 2 ridge (L - 2)(w - r)^2 times,
    where Q_{r+1} is Q_r, N, and 2 ridge L - 2 times. Two small matrices so settle all widths.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, negative_directions
    >>> found = negative_directions(MatrixOperator(np.diag([-1.0, 0, 0, 3])[None]), tolerance=1e-9)
    >>> found.n_negative, found.n_zero, found.n_positive
    (array([1]), array([2]), array([1]))
    """
    limit = _linear_map.per_member("tolerance", tolerance, operator.n_members, (), least=0.0)
    values = np.full((operator.n_members, operator.n_params), np.nan)
    for m in range(operator.n_members):  # one matrix at a time
        matrix = operator.dense(np.array([m]))[0]
        if np.isfinite(matrix).all():
            values[m] = np.linalg.eigvalsh(matrix)
    check_finite_members(np.isfinite(values).all(axis=1))
    bound = operator.n_params * EPS * np.abs(values).max(axis=1)
    _linear_map.check_certain(values, bound, limit)
    low, high = (values < -limit[:, None]).sum(1), (values > limit[:, None]).sum(1)
    ends = values[:, 0].copy(), values[:, -1].copy()
    return Inertia(low, operator.n_params - low - high, high, *ends, bound)


def rotation_modes(layers: Sequence[Float[Array, "_ _"]], tolerance: float = 1e-8) -> int:
    """Zero modes of the Hessian that the rotations of the hidden layers account for.

    L is the same at O_l W_l O_{l-1}^T, with orthogonal O_1, ..., O_{L-1} and O_0 = O_L = I. At a
    stationary point the tangents (K_l W_l - W_l K_{l-1})_l of that orbit, K antisymmetric, are zero
    modes; at a minimum with ridge > 0 that is degenerate in no other way there are no more. Their
    dimension is the rank of K -> tangent, to `tolerance` in units of its largest singular value;
    for balanced layers of rank r, sum_l w_l (w_l - 1) / 2 - (w_l - r)(w_l - r - 1) / 2.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import rotation_modes
    >>> W = np.diag([2.0, 1.0, 0.0])
    >>> rotation_modes([W, W, W])
    6
    """
    s = np.linalg.svd(_linear_map.rotation_tangents(layers), compute_uv=False)
    return int((s > tolerance * s.max(initial=0.0)).sum())
