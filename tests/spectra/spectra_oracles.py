"""Independent oracles: the risk written out in torch, and random problems."""

import numpy as np
import torch

from spectral_atlas.networks.deep_linear import DeepLinear

RECTANGLES = ((4, 3), (2, 4), (5, 2), (1, 5))


def problem(seed, arch, members, scale=0.5, samples=12):
    """X, y, theta (B, P), readout or None."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((samples, arch.d)), rng.standard_normal(samples)
    p = rng.standard_normal(arch.shapes[-1][0]) if arch.readout else None
    return X, y, scale * rng.standard_normal((members, arch.n_params)), p


def statistics(X, y):
    return X.T @ X / len(y), X.T @ y / len(y)


def torch_risk(arch, X, y, p=None):
    """R(theta) = mean (y - p^T W_L ... W_1 x)^2 from the samples, as torch sees it."""
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    head = None if p is None else torch.from_numpy(p)

    def risk(theta):
        h, at = X, 0
        for rows, columns in arch.shapes:
            h = h @ theta[at : at + rows * columns].reshape(rows, columns).T
            at += rows * columns
        out = h[:, 0] if head is None else h @ head
        return ((y - out) ** 2).mean()

    return risk


def torch_derivatives(arch, X, y, theta, p=None):
    """Gradients (B, P) and Hessians (B, P, P) by float64 autograd."""
    risk = torch_risk(arch, X, y, p)
    points = [torch.from_numpy(t) for t in theta]
    g = [torch.func.grad(risk)(t).numpy() for t in points]
    H = [torch.autograd.functional.hessian(risk, t, vectorize=True).numpy() for t in points]
    return np.stack(g), np.stack(H)


def architectures():
    return {
        "plain": DeepLinear.plain(3, 4),
        "wide": DeepLinear.plain(3, 3, width=6),
        "rectangles": DeepLinear(RECTANGLES),
        "residual": DeepLinear.residual(3, 4),
        "rectangular readout": DeepLinear(((4, 3), (2, 4)), readout=True),
        "one layer": DeepLinear.plain(4, 1),
    }


class Dense:
    """Matrices as an operator, numpy's or torch's, that notes what is asked of it."""

    def __init__(self, matrices):
        self.matrices, self.asked = matrices, []
        self.n_members, self.n_params = matrices.shape[:2]

    @property
    def vectors(self):
        """Vectors multiplied so far."""
        return sum(shape[0] * shape[1] for shape in self.asked)

    def native(self, array):
        if isinstance(self.matrices, np.ndarray):
            return np.asarray(array, dtype=self.matrices.dtype)
        return torch.as_tensor(array, dtype=self.matrices.dtype)

    def __call__(self, V, members=None):
        return self.block_product(V[:, None], members)[:, 0]

    def block_product(self, V, members=None):
        assert type(V) is type(self.matrices)
        assert V.dtype == self.matrices.dtype
        self.asked.append(tuple(V.shape))
        return V @ self.dense(members)

    def dense(self, members=None):
        return self.matrices if members is None else self.matrices[members]


def with_spectrum(seed, values):
    """One member for each row of eigenvalues, in a random basis."""
    values = np.atleast_2d(values)
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((len(values), values.shape[1], values.shape[1])))[0]
    H = np.einsum("bij,bj,bkj->bik", Q, values, Q)
    return Dense((H + H.swapaxes(1, 2)) / 2)
