"""The models and data of the comparison: seeded, float64, as torch modules and flat parameters.

A problem is an ensemble of models that share one architecture and one data set. The peers take
its modules one by one; this package takes them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.func import functional_call, grad, jvp, vmap

from spectral_atlas.networks.deep_linear import DeepLinear

DENSE_LIMIT = 2000  # up to this many parameters the reference is the whole dense Hessian
SEED = 0


class MeanSquare(nn.Module):
    """nn.MSELoss, written out: torch 2.13 cannot take the jvp of the gradient of its own."""

    reduction = "mean"

    def forward(self, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((output - y) ** 2).mean()


@dataclass(frozen=True)
class One:
    """One model with its loss and data: what every adapter in solvers.py takes."""

    module: nn.Module
    loss: nn.Module
    X: torch.Tensor
    y: torch.Tensor
    v0: np.ndarray  # start vector, for the solvers that take one


@dataclass(frozen=True)
class Problem:
    """An ensemble; `arch` and `theta` are there where the closed forms apply."""

    name: str
    modules: list[nn.Module]
    loss: nn.Module
    X: torch.Tensor
    y: torch.Tensor
    arch: DeepLinear | None = None
    theta: np.ndarray | None = None

    @property
    def n_params(self) -> int:
        return sum(p.numel() for p in self.modules[0].parameters())

    def first(self, count: int) -> Problem:
        """The same problem with fewer models."""
        theta = None if self.theta is None else self.theta[:count]
        return replace(self, modules=self.modules[:count], theta=theta)

    def one(self, m: int) -> One:
        v0 = np.random.default_rng([SEED, m]).standard_normal(self.n_params)
        return One(self.modules[m], self.loss, self.X, self.y, v0)

    def single(self) -> Problem:
        """The same problem in float32."""
        X, y = self.X.float(), self.y.float() if self.y.is_floating_point() else self.y
        copies = [rebuilt(m).float() for m in self.modules]
        return replace(self, modules=copies, X=X, y=y)


def rebuilt(module: nn.Module) -> nn.Module:
    """A copy of the module with its own parameters and no gradients."""
    copy = nn.Sequential(
        *(
            nn.Linear(m.in_features, m.out_features, bias=False, dtype=m.weight.dtype)
            if isinstance(m, nn.Linear)
            else type(m)()
            for m in module
        )
    )
    copy.load_state_dict(module.state_dict())
    return copy


def fully_connected(widths: list[int], activation: type[nn.Module] | None, seed: int) -> nn.Module:
    """Linear layers without bias in torch's own initialisation, float64."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for k, (above, below) in enumerate(pairwise(widths)):
        if k and activation is not None:
            layers.append(activation())
        layers.append(nn.Linear(above, below, bias=False, dtype=torch.float64))
    return nn.Sequential(*layers)


def deep_linear(members: int, d: int = 5, depth: int = 10, samples: int = 50) -> Problem:
    """Deep linear networks at Gaussian parameters, squared loss: those of bench_sharpness.py."""
    rng = np.random.default_rng(SEED)
    arch = DeepLinear.plain(d, depth)
    X, y = rng.standard_normal((samples, d)), rng.standard_normal(samples)
    theta = 0.45 * rng.standard_normal((members, arch.n_params))
    widths = [arch.d, *(rows for rows, _ in arch.shapes)]
    modules = []
    for t in theta:
        module = fully_connected(widths, None, SEED)
        for layer, weight in zip(module, arch.unflatten(t), strict=True):
            layer.weight.data = torch.from_numpy(weight.copy())
        modules.append(module)
    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    return Problem(f"deep linear d={d} L={depth}", modules, MeanSquare(), Xt, yt, arch, theta)


def classifier(members: int, width: int = 32, samples: int = 200) -> Problem:
    """Networks 20-w-w-3 with tanh and cross-entropy on labels of a random linear teacher."""
    rng = np.random.default_rng(SEED)
    X = torch.from_numpy(rng.standard_normal((samples, 20)))
    y = (X @ torch.from_numpy(rng.standard_normal((20, 3)))).argmax(1)
    modules = [fully_connected([20, width, width, 3], nn.Tanh, seed) for seed in range(members)]
    return Problem(f"softmax FCN 20-{width}-{width}-3", modules, nn.CrossEntropyLoss(), X, y)


def wide_classifier(samples: int = 2048, width: int = 256) -> Problem:
    """One ReLU network 784-w-w-w-10 on Gaussian inputs and random labels."""
    rng = np.random.default_rng(SEED)
    X = torch.from_numpy(rng.standard_normal((samples, 784)))
    y = torch.from_numpy(rng.integers(0, 10, samples))
    modules = [fully_connected([784, width, width, width, 10], nn.ReLU, SEED)]
    return Problem(f"softmax FCN 784-{width}x3-10", modules, nn.CrossEntropyLoss(), X, y)


def softmax_regression(d: int = 1000, classes: int = 10, samples: int = 10_000):
    """Inputs (n, d) and weights (k, d) of a softmax regression."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((samples, d)) / np.sqrt(np.arange(1, d + 1))  # a power-law spectrum
    return X, rng.standard_normal((classes, d))


def flat_product(one: One) -> Callable[[torch.Tensor], torch.Tensor]:
    """v -> H v on flat vectors, by forward over reverse of torch.func."""
    names = [name for name, _ in one.module.named_parameters()]
    point = tuple(p.detach() for p in one.module.parameters())
    sizes = [p.numel() for p in point]

    def risk(*params: torch.Tensor) -> torch.Tensor:
        output = functional_call(one.module, dict(zip(names, params, strict=True)), (one.X,))
        return one.loss(output, one.y)

    gradient = grad(risk, argnums=tuple(range(len(point))))

    def product(v: torch.Tensor) -> torch.Tensor:
        pieces = zip(v.split(sizes), point, strict=True)
        tangents = tuple(part.view_as(p) for part, p in pieces)
        return torch.cat([t.reshape(-1) for t in jvp(gradient, point, tangents)[1]])

    return product


def reference(problem: Problem, models: int, k: int = 1) -> tuple[np.ndarray, np.ndarray, str]:
    """The k largest eigenvalues of the first models, their max |lambda|, and how they were found.

    In float64 by autograd: LAPACK on the dense Hessian, or ARPACK at tol=0 with a large basis and
    another start vector where the Hessian is too large to write down.
    """
    top, scale = [], []
    for m in range(models):
        product, size = flat_product(problem.one(m)), problem.n_params
        if size <= DENSE_LIMIT:
            columns = torch.eye(size, dtype=torch.float64).split(256)
            H = torch.cat([vmap(product)(block) for block in columns]).numpy()
            values = np.linalg.eigvalsh((H + H.T) / 2)
        else:

            def matvec(v: np.ndarray, product: Callable = product) -> np.ndarray:
                return product(torch.from_numpy(v)).numpy()

            A = LinearOperator((size, size), matvec=matvec, dtype=float)
            v0 = np.random.default_rng([SEED, m, 1]).standard_normal(size)
            ncv = max(40, 3 * k)
            values = eigsh(A, k, which="LA", v0=v0, ncv=ncv, tol=0, return_eigenvectors=False)
            values.sort()
        top.append(values[::-1][:k])
        scale.append(np.abs(values).max())
    how = "dense float64" if problem.n_params <= DENSE_LIMIT else "ARPACK tol=0, float64"
    return np.array(top), np.array(scale), how
