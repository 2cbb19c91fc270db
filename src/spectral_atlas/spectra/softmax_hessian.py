"""The whole Hessian of multi-class logistic regression, never formed unless asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from spectral_atlas.spectra.operators import as_like, check_members, check_memory
from spectral_atlas.spectra.softmax_regression import class_probabilities
from spectral_atlas.spectra.weighted_gram import check_vectors, pick, two_gemms, weighted_gram

Array = np.ndarray


class SoftmaxHessian:
    """The whole kd x kd Hessian of B checkpoints, as a `SymmetricOperator`.

    Parameters
    ----------
    Y, x
        As in `class_probabilities`; vectors are in the order x.reshape(-1). Copies only p.
    ridge : float
        beta.
    memory_mb : float
        Bound on the work space of a product.

    Notes
    -----
    A product costs 4 n k d operations; the matrix, n k^2 d^2 / 2 and 8 k^2 d^2 bytes. With its
    extreme eigenvalues it is the cheaper way for kd = 100 and the dearer for kd = 300.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import SoftmaxHessian
    >>> Y = np.array([[2.0], [2.0]])
    >>> SoftmaxHessian(Y, np.zeros((2, 1))).dense()  # (diag p - p p^T) (x) Y Y^T, p = 1/2
    array([[[ 1., -1.],
            [-1.,  1.]]])
    """

    dense_limit = 200

    def __init__(
        self,
        Y: Float[Any, "n d"],
        x: Float[Any, "*B k d"],
        ridge: float = 0.0,
        memory_mb: float = 64.0,
    ) -> None:
        check_memory(memory_mb)
        p = class_probabilities(Y, x)
        self._xp = array_namespace(Y)
        # (B, k, n): a class's probabilities are contiguous
        self._p = self._xp.matrix_transpose(p if x.ndim == 3 else p[None])
        self._p = self._xp.asarray(self._p, copy=True)
        self.Y, self.ridge, self.memory_mb = Y, ridge, memory_mb
        self.n_members, self.n_classes = self._p.shape[:2]
        self.n_params = self.n_classes * Y.shape[1]

    def native(self, array: Any) -> Any:
        """An array with the kind, dtype and device of Y."""
        return as_like(array, self.Y)

    def __call__(
        self, V: Float[Any, "A P"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A P"]:
        """Products H_m V, one per row of V."""
        members = check_vectors(V, members, self, 2)
        return self.block_product(V[:, None, :], members)[:, 0]

    def block_product(
        self, V: Float[Any, "A b P"], members: Int[Array, " A"] | None = None
    ) -> Float[Any, "A b P"]:
        """b products for each member named, in two GEMMs over all of them."""
        members = check_vectors(V, members, self, 3)
        xp, V = self._xp, self.native(V)
        p = pick(self._p, members)[:, None]

        def covariance(Z: Any, rows: slice) -> Any:
            q = p[..., rows]
            return q * (Z - xp.sum(q * Z, axis=2, keepdims=True))

        by_class = xp.reshape(V, (*V.shape[:2], self.n_classes, self.Y.shape[1]))
        vectors = V.shape[0] * V.shape[1] * self.n_classes
        out = two_gemms(self.Y, by_class, covariance, 3 * vectors, self.memory_mb)
        return xp.reshape(out / self.Y.shape[0], tuple(V.shape)) + self.ridge * V

    def dense(self, members: Int[Array, " A"] | None = None) -> Float[Any, "A P P"]:
        """The matrices, exactly symmetric.

        Only the blocks off the diagonal are computed: p_a (1 - p_a) = sum_{b != a} p_a p_b.
        """
        p, d = pick(self._p, check_members(members, self.n_members)), self.Y.shape[1]
        shape = (p.shape[0], self.n_params, self.n_params)
        out = self._xp.zeros(shape, dtype=self.Y.dtype, device=device(self.Y))
        out += self.ridge * self.native(np.eye(self.n_params))
        at = [slice(a * d, (a + 1) * d) for a in range(self.n_classes)]
        for m in range(p.shape[0]):
            for b in range(self.n_classes):
                for a in range(b):
                    part = weighted_gram(self.Y, p[m, a] * p[m, b], memory_mb=self.memory_mb)
                    out[m, at[a], at[a]] += part
                    out[m, at[b], at[b]] += part
                    out[m, at[a], at[b]] = out[m, at[b], at[a]] = -part
        return out
