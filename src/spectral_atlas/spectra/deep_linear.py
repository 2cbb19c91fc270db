"""Closed-form gradient and Hessian of R(W) = |y - X w|^2 / n for deep linear networks.

The data enter through Sigma = X^T X / n and b = X^T y / n only: nothing here costs more with
more samples. The formulas stand in `_chains` and `_compression`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import _chains, _compression
from spectral_atlas.spectra._ensemble import Ensemble
from spectral_atlas.spectra.operators import check_rows

Array = np.ndarray


class DeepLinearHessian:
    """Hessians of the risk for an ensemble of deep linear networks; see `hessian_operator`."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self.n_members, self.n_params = ensemble.theta.shape

    def __call__(
        self, V: Float[Array, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A P"]:
        """Products H_m V, one per row of V."""
        V = np.ascontiguousarray(V, dtype=np.float64)
        out = np.empty_like(V)
        check_rows(V, members, self)
        _chains.all_products(*self._ensemble.packed(members).full, V, out)
        return out

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Array, "A P P"]:
        """Hessians of the members named; A P^2 numbers."""
        count = self.n_members if members is None else len(members)
        out = np.empty((count, self.n_params, self.n_params))
        _chains.all_dense(*self._ensemble.packed(members).full, out)
        return out

    def compressed(self) -> CompressedHessian:
        """The same Hessians on the space that contains their range; see `CompressedHessian`."""
        return CompressedHessian(self._ensemble)

    def restrict(
        self, V: Float[Array, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A D"]:
        """Coordinates Q^T V of the compressed space."""
        V = np.ascontiguousarray(V, dtype=np.float64)
        check_rows(V, members, self)
        packed = self._ensemble.packed(members)
        unit, house, _, v_norm = packed.frames
        out = np.empty((len(V), _compression.dimension(self._ensemble.arch.shapes)))
        _compression.all_restrictions(
            packed.shapes, packed.node, packed.left, unit, house, v_norm, V, out
        )
        return out


class CompressedHessian:
    """C of H = Q C Q^T: each layer block of H V lies in {a right^T + left c^T}.

    So the range has dimension D = sum_k (rows_k + columns_k - 1) at most: 85 in place of P = 230
    for d=5, L=10, and 176 in place of 1620 for d=20, L=5. Q is orthonormal layer by layer
    (a Householder reflection), so the eigenvalues are those of H but for P - D zeros.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self.n_members = len(ensemble.theta)
        self.n_params = _compression.dimension(ensemble.arch.shapes)

    def __call__(
        self, V: Float[Array, "A D"], members: Int[Array, " A"] | None = None
    ) -> Float[Array, "A D"]:
        """Products C_m V, one per row of V."""
        V = np.ascontiguousarray(V, dtype=np.float64)
        out = np.empty_like(V)
        check_rows(V, members, self)
        _compression.all_products(*self._ensemble.packed(members).compressed, V, out)
        return out

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Array, "A D D"]:
        """Matrices C of the members named."""
        count = self.n_members if members is None else len(members)
        out = np.empty((count, self.n_params, self.n_params))
        _compression.all_dense(*self._ensemble.packed(members).compressed, out)
        return out


def gradient(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    Sigma: Float[Array, "*#B d d"],
    b: Float[Array, "*#B d"],
    readout: Float[Array, "*#B m"] | None = None,
) -> Float[Array, "B P"]:
    """Gradient of R with respect to all weights: layer k is left_k right_{k-1}^T.

    Parameters
    ----------
    arch : DeepLinear
    theta : (B, P)
        Flat parameters of B members.
    Sigma, b : (d, d) and (d,), or one per member
        X^T X / n and X^T y / n.
    readout : (m,) or (B, m), optional
        The fixed vector p; exactly where ``arch.readout``.

    Returns
    -------
    (B, P)

    Raises
    ------
    ValueError
        On a shape that does not fit.
    """
    ensemble = Ensemble(arch, theta, Sigma, b, readout)
    packed = ensemble.packed()
    out = np.empty_like(ensemble.theta)
    _chains.all_gradients(packed.shapes, packed.node, packed.left, packed.right, out)
    return out


def hessian_operator(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    Sigma: Float[Array, "*#B d d"],
    b: Float[Array, "*#B d"],
    readout: Float[Array, "*#B m"] | None = None,
) -> DeepLinearHessian:
    """Hessians of R at B parameter vectors, as an operator; arguments as in `gradient`.

    Its ``compressed()`` is smaller and what `extreme_eigenvalues` uses. Parameters are copied
    into blocks: later changes of `theta` may or may not be seen. Members with NaN or infinite
    parameters give non-finite products in their own rows only.
    """
    return DeepLinearHessian(Ensemble(arch, theta, Sigma, b, readout))


def dense_hessian(
    arch: DeepLinear,
    theta: Float[Array, "B P"],
    Sigma: Float[Array, "*#B d d"],
    b: Float[Array, "*#B d"],
    readout: Float[Array, "*#B m"] | None = None,
) -> Float[Array, "B P P"]:
    """Hessian matrices of R; arguments as in `gradient`. Needs 8 B P^2 bytes."""
    return hessian_operator(arch, theta, Sigma, b, readout).dense()
