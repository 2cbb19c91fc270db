"""One adapter per package: a model in, its k largest Hessian eigenvalues out.

Every adapter has the signature ``(one, k) -> (values, largest first, number of products or None)``
and builds all that it needs from the module, as a user of the package would. `peers` lists, for
each package, its defaults and the settings that reach its best accuracy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh

from .cases import One, Problem, flat_product
from .timing import Answer

Solver = Callable[[One, int], tuple[np.ndarray, int | None]]
PYHESSIAN_LIMIT = 5_000  # power iterations; where it is reached, the error says so


def arpack(
    product: Callable[[np.ndarray], np.ndarray], one: One, k: int, tol: float, dtype: type
) -> tuple[np.ndarray, int]:
    """SciPy's eigsh with a fixed start, its products counted."""
    count = 0

    def counted(v: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        return product(v.reshape(-1))

    size = len(one.v0)
    A = LinearOperator((size, size), matvec=counted, dtype=dtype)
    vectors = k > 1  # a sharpness needs no vector; top-k eigenpairs do
    found = eigsh(A, k, which="LA", v0=one.v0.astype(dtype), tol=tol, return_eigenvectors=vectors)
    return np.sort(found[0] if vectors else found)[::-1], count


def numpy_type(one: One) -> type:
    return np.float64 if one.X.dtype == torch.float64 else np.float32


def recipe_functional(tol: float) -> Solver:
    """No package: jvp of grad, and SciPy."""

    def solve(one: One, k: int) -> tuple[np.ndarray, int]:
        product, dtype = flat_product(one), numpy_type(one)
        return arpack(lambda v: product(torch.from_numpy(v)).numpy(), one, k, tol, dtype)

    return solve


def recipe_double_backward(tol: float) -> Solver:
    """No package: the gradient's graph kept, one backward pass a product, and SciPy."""

    def solve(one: One, k: int) -> tuple[np.ndarray, int]:
        params = list(one.module.parameters())
        sizes = [p.numel() for p in params]
        gradient = torch.autograd.grad(
            one.loss(one.module(one.X), one.y), params, create_graph=True
        )

        def product(v: np.ndarray) -> np.ndarray:
            pieces = zip(torch.from_numpy(v).split(sizes), params, strict=True)
            parts = [part.view_as(p) for part, p in pieces]
            found = torch.autograd.grad(gradient, params, parts, retain_graph=True)
            return torch.cat([f.reshape(-1) for f in found]).numpy()

        return arpack(product, one, k, tol, numpy_type(one))

    return solve


def curvlinops(check: bool, tol: float) -> Solver:
    """Its Hessian as a SciPy operator, in eigsh: the way its documentation shows."""

    def solve(one: One, k: int) -> tuple[np.ndarray, int]:
        from curvlinops import HessianLinearOperator

        params = [p for p in one.module.parameters()]
        data, dtype = [(one.X, one.y)], numpy_type(one)
        H = HessianLinearOperator(
            one.module, one.loss, params, data, check_deterministic=check
        ).to_scipy(dtype=dtype)
        return arpack(H.matvec, one, k, tol, dtype)

    return solve


def eigenthings(steps: int | None) -> Solver:
    """hessian-eigenthings' Lanczos: its defaults, or `steps` steps for the top k, reorthogonalised.

    Its defaults (k=10, 20 steps, largest magnitude) hold for whatever is asked; the k largest of
    what they return are compared.
    """

    def solve(one: One, k: int) -> tuple[np.ndarray, int]:
        from hessian_eigenthings import HessianOperator, lanczos, supervised_loss

        operator = HessianOperator(one.module, [(one.X, one.y)], supervised_loss(one.loss))
        if steps is None:
            found = lanczos(operator, seed=0) if k <= 10 else lanczos(operator, k=k, seed=0)
        else:
            size = min(steps, operator.size)
            found = lanczos(operator, k=k, max_iter=size, which="LA", reorthogonalize=True, seed=0)
        values = found.eigenvalues.numpy().astype(np.float64)
        return np.sort(values)[::-1][:k], found.iterations

    return solve


def fewest_steps(one: One, wanted: np.ndarray, scale: float, error: float) -> int:
    """Steps after which hessian-eigenthings' Lanczos is within `error`: it has no stopping rule.

    The least multiple of 5; found with the reference in hand, which favours that package.
    """
    from hessian_eigenthings import HessianOperator, supervised_loss
    from hessian_eigenthings.algorithms import lanczos_tridiagonal

    operator = HessianOperator(one.module, [(one.X, one.y)], supervised_loss(one.loss))
    start = torch.randn(
        operator.size, dtype=operator.dtype, generator=torch.Generator().manual_seed(0)
    )
    for most in (60, 300):
        run = lanczos_tridiagonal(operator, start, min(most, operator.size))
        alpha, beta, k = run.alphas.double().numpy(), run.betas.double().numpy(), len(wanted)
        for m in range(5 * -(-max(k, 5) // 5), len(alpha), 5):
            T = np.diag(alpha[:m]) + np.diag(beta[: m - 1], 1) + np.diag(beta[: m - 1], -1)
            if np.abs(np.linalg.eigvalsh(T)[::-1][:k] - wanted).max() <= error * scale:
                return m
    return len(alpha)


def steps_for(problem: Problem, known: np.ndarray, scale: np.ndarray, error: float = 1e-12) -> int:
    """`fewest_steps` for all models with a reference; a guess where the package is missing."""
    if "hessian_eigenthings" in missing_packages():
        return 60
    count = min(len(known), len(problem.modules))
    return max(fewest_steps(problem.one(m), known[m], scale[m], error) for m in range(count))


def pyhessian(tol: float | None, limit: int = PYHESSIAN_LIMIT) -> Solver:
    """PyHessian's power iteration: max |lambda|, which need not be lambda_max.

    Its unit vectors have length 1 - 1e-6 (it divides by norm + 1e-6), so that its eigenvalues are
    too small by a relative 2e-6, whatever the tolerance.
    """

    def solve(one: One, k: int) -> tuple[np.ndarray, None]:
        from pyhessian import hessian

        torch.manual_seed(0)
        settings = {} if tol is None else {"maxIter": limit, "tol": tol}
        with warnings.catch_warnings():  # of the reference cycle, which is broken below
            warnings.simplefilter("ignore", UserWarning)
            found = hessian(one.module, one.loss, data=(one.X, one.y), cuda=False)
        values = found.eigenvalues(top_n=k, **settings)[0]
        for p in one.module.parameters():
            p.grad = None
        return np.sort(np.array(values))[::-1], None

    return solve


def one_by_one(solver: Solver, problem: Problem, k: int = 1) -> Answer:
    """What a package without batching does with an ensemble: a loop."""
    found = [solver(problem.one(m), k) for m in range(len(problem.modules))]
    products = [p for _, p in found if p is not None]
    mean = float(np.mean(products)) if products else None
    return Answer(np.array([values for values, _ in found], dtype=np.float64), mean)


def missing_packages() -> dict[str, str]:
    """Import names of the peers that cannot be imported, with the reason."""
    missing = {}
    for package in ("curvlinops", "hessian_eigenthings", "pyhessian"):
        try:
            import_module(package)
        except ImportError as reason:
            missing[package] = str(reason)
    return missing


def peers(
    steps: int, tolerance: float = 1e-10, limit: int = PYHESSIAN_LIMIT
) -> dict[str, tuple[Solver, bool]]:
    """Method name -> (adapter, whether it is slow): every package twice, and the plain recipes.

    `tolerance` is ARPACK's, and this package's: both ask for a residual that small, relative. An
    eigenvalue needs less: the last rows also have 1e-6, which is good to about 1e-12.
    """
    tol = f"{tolerance:g}"
    loose = {"double backward, eigsh tol=1e-06": (recipe_double_backward(1e-6), False)}
    return {
        "curvlinops, defaults + eigsh": (curvlinops(True, 0.0), True),
        f"curvlinops, no check, eigsh tol={tol}": (curvlinops(False, tolerance), True),
        "hessian-eigenthings, defaults": (eigenthings(None), False),
        f"hessian-eigenthings, LA, {steps} steps": (eigenthings(steps), False),
        "PyHessian, defaults": (pyhessian(None), False),
        "PyHessian, tol=1e-10": (pyhessian(1e-10, limit), True),
        f"torch.func jvp of grad, eigsh tol={tol}": (recipe_functional(tolerance), True),
        f"double backward, eigsh tol={tol}": (recipe_double_backward(tolerance), False),
    } | (loose if tolerance < 1e-6 else {})
