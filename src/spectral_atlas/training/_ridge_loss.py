"""C(A_theta) + ridge |theta|^2 of one small deep linear network: value, gradient, Hessian.

C(A) = sum_ij weights_ij (A_ij - observed_ij)^2. Meant for hidden widths up to a dozen, where a
call costs more than its arithmetic: products go into buffers made once, by ``a.dot(b, out)``, the
cheapest product that numpy offers for such sizes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import dsyrk

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray


class RidgeLoss:
    """Loss of one network; each call overwrites what the one before returned."""

    def __init__(
        self,
        arch: DeepLinear,
        observed: Float[Array, "n_out n_in"],
        weights: Float[Array, "n_out n_in"],
        ridge: float,
    ) -> None:
        if arch.readout:
            raise ValueError("arch.readout = True: must be False, the cost is of the matrix A")
        n_out, n_in = arch.shapes[-1][0], arch.d
        for name, array in (("observed", observed), ("weights", weights)):
            if array.shape != (n_out, n_in):
                raise ValueError(f"{name}.shape = {array.shape}: must be {(n_out, n_in)}")
        check_data(observed, weights, ridge)
        self.arch, self.ridge = arch, float(ridge)
        self.observed = np.where(weights > 0, observed, 0.0)
        self.slope = 2.0 * weights
        self.rows, self.columns = np.nonzero(weights)
        self.root = np.sqrt(self.slope[self.rows, self.columns])
        self.theta, self.grad = np.zeros(arch.n_params), np.zeros(arch.n_params)
        self.layers, self.grads = arch.unflatten(self.theta), arch.unflatten(self.grad)
        self.starts = np.cumsum([0, *(w.size for w in self.layers)]).tolist()
        hidden = [np.zeros((rows, n_in)) for rows, _ in arch.shapes[1:]]
        self.forward: list[Array] = [self.layers[0], *hidden]  # W_l .. W_1
        self.back = [np.zeros((columns, n_in)) for _, columns in arch.shapes]  # (W_L .. W_l)^T M
        self.error, self.residual = np.zeros((n_out, n_in)), np.zeros((n_out, n_in))

    def __call__(self, theta: Float[Array, " P"]) -> tuple[float, Float[Array, " P"]]:
        """Value and gradient (P,)."""
        self.theta[:] = theta
        layers, forward, grads = self.layers, self.forward, self.grads
        A = layers[0]
        for layer in range(1, len(layers)):
            A = layers[layer].dot(A, forward[layer])
        np.subtract(A, self.observed, self.error)
        M = np.multiply(self.error, self.slope, self.residual)
        value = 0.5 * float(M.ravel().dot(self.error.ravel()))
        value += self.ridge * float(self.theta.dot(self.theta))
        for layer in range(len(layers) - 1, 0, -1):
            M.dot(forward[layer - 1].T, grads[layer])
            M = layers[layer].T.dot(M, self.back[layer])
        grads[0][:] = M
        self.grad += (2.0 * self.ridge) * self.theta
        return value, self.grad

    def hessian(self) -> Float[Array, "P P"]:
        """Lower triangle (Fortran order) of the Hessian at the theta of the last call.

        The curvature of C goes through J = dA/dtheta, whose entry for A_ij and W_l[a, b] is
        B_l[i, a] F_{l-1}[b, j] with B_l = W_L .. W_{l+1} and F_l = W_l .. W_1. The curvature of
        A_theta adds, for l < m, the block N[a, d] K[b, c] of dW_m[a, b] and dW_l[c, d], with
        N = B_m^T M F_{l-1}^T, M = dC/dA and K = W_{m-1} .. W_{l+1}. What is above the diagonal is
        undefined.
        """
        layers, starts, depth = self.layers, self.starts, len(self.layers)
        F = [np.eye(self.arch.d), *self.forward]
        B = [np.eye(len(self.observed))]
        for w in layers[:0:-1]:
            B.insert(0, B[0] @ w)
        J = np.empty((starts[-1], len(self.root)))
        for k, w in enumerate(layers):
            left = B[k].T.take(self.rows, axis=1) * self.root
            right = F[k].take(self.columns, axis=1)
            block = J[starts[k] : starts[k + 1]].reshape(*w.shape, -1)
            np.multiply(left[:, None], right[None], block)
        H = np.asarray(dsyrk(1.0, J.T, trans=1, lower=1))
        for m in range(1, depth):
            pulled, K = B[m].T @ self.residual, np.eye(layers[m].shape[1])
            for k in range(m - 1, -1, -1):
                N = pulled @ F[k].T
                block = H.T[starts[k] : starts[k + 1], starts[m] : starts[m + 1]]
                block = block.reshape(*layers[k].shape, *layers[m].shape)  # a view: c, d, a, b
                block += K.T[:, None, None, :] * N.T[None, :, :, None]
                K = K @ layers[k]
        diagonal(H)[:] += 2.0 * self.ridge
        return H


def diagonal(H: Float[Array, "P P"]) -> Float[Array, " P"]:
    """The diagonal of a contiguous matrix, to write on."""
    return H.ravel(order="K")[:: len(H) + 1]


def check_data(
    observed: Float[Array, "n_out n_in"], weights: Float[Array, "n_out n_in"], ridge: float
) -> None:
    """Raise ValueError for what is no cost; an unobserved entry may hold anything, NaN too."""
    if observed.ndim != 2 or observed.shape != weights.shape:
        raise ValueError(f"weights.shape = {weights.shape}: must be {observed.shape}, with 2 axes")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError("weights: must be finite and >= 0, one at least > 0")
    if not np.isfinite(observed[weights > 0]).all():
        raise ValueError("observed: must be finite wherever the weight is > 0")
    if not 0 <= ridge < np.inf:
        raise ValueError(f"ridge = {ridge}: must be finite and >= 0")
