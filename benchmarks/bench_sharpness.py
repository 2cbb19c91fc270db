"""What one sharpness costs: closed form against autograd, dense against Lanczos, on one thread.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH=src python benchmarks/bench_sharpness.py

All methods run side by side on the same models; the time is the least of the repeats. Errors of
the largest eigenvalue are relative to max |lambda| of the dense P x P Hessian. Writes
benchmarks/results/sharpness_cost.csv.
"""

import csv
import time
from pathlib import Path

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import (
    extreme_eigenvalues,
    hessian_operator,
    lanczos,
    power_iteration_norm,
    start_vectors,
    torch_hessian_operator,
)

SAMPLES, SIZES = 50, {(5, 10): (200, 0.45), (20, 5): (64, 0.25), (5, 40): (64, 0.45)}


def least_ms(function, members, repeats):
    function()  # compile, warm
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times) / members


def one_size(d, depth, members, scale, rng):
    arch = DeepLinear.plain(d, depth)
    X, y = rng.standard_normal((SAMPLES, d)), rng.standard_normal(SAMPLES)
    Sigma, b = X.T @ X / SAMPLES, X.T @ y / SAMPLES
    theta = scale * rng.standard_normal((members, arch.n_params))
    operator, v0 = hessian_operator(arch, theta, Sigma, b), start_vectors(rng, *theta.shape)
    inner = operator.compressed()
    few = min(8, members)
    exact = np.linalg.eigvalsh(operator.dense(np.arange(few)))
    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)

    def risk(t):
        h, at = Xt, 0
        for rows, columns in arch.shapes:
            h = h @ t[at : at + rows * columns].reshape(rows, columns).T
            at += rows * columns
        return ((yt - h[:, 0]) ** 2).mean()

    def top(tolerance=1e-10, limit=0, which="LA"):
        settings = {"tolerance": tolerance, "dense_limit": limit, "which": which}
        return extreme_eigenvalues(operator, v0, **settings).largest

    def autograd_eigsh(count):
        found = []
        for t, v in zip(theta[:count], v0[:count], strict=True):
            one = torch_hessian_operator(risk, t[None])
            product = LinearOperator(
                (len(t), len(t)), matvec=lambda x, one=one: one(x[None])[0], dtype=float
            )
            settings = {"k": 1, "which": "LA", "v0": v, "return_eigenvectors": False}
            found.append(eigsh(product, **settings)[0])
        return np.array(found)

    def autograd_lanczos(count):
        batch = torch_hessian_operator(risk, theta[:count])
        return lanczos(batch, v0[:count], which="LA").largest

    methods = {
        "Lanczos, compressed, largest, tolerance 1e-10": (top, members, 5),
        "Lanczos, compressed, largest, tolerance 1e-6": (lambda: top(1e-6), members, 5),
        "Lanczos, compressed, both ends, tolerance 1e-10": (lambda: top(which="both"), members, 5),
        "Lanczos, all P parameters, largest": (
            lambda: lanczos(operator, v0, which="LA").largest,
            members,
            5,
        ),
        "dense, compressed": (lambda: top(limit=10**6), members, 3),
        "dense, all P parameters": (
            lambda: np.linalg.eigvalsh(operator.dense(np.arange(few)))[:, -1],
            few,
            2,
        ),
        "20-step estimator, closed-form product": (
            lambda: power_iteration_norm(operator, v0),
            members,
            5,
        ),
        "autograd vmap product + this Lanczos": (lambda: autograd_lanczos(members), members, 2),
        "autograd product + scipy eigsh, one by one": (lambda: autograd_eigsh(few), few, 2),
    }
    for name, (method, count, repeats) in methods.items():
        got = method()[:few]
        error = (np.abs(got - exact[:, -1]) / np.abs(exact).max(1)).max()
        ms = least_ms(method, count, repeats)
        print(f"d={d} L={depth} P={arch.n_params:5d}  {name:50s} {ms:9.4f} ms   error {error:.1e}")
        yield d, depth, arch.n_params, inner.n_params, count, name, f"{ms:.4f}", f"{error:.1e}"


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    target = Path(__file__).parent / "results" / "sharpness_cost.csv"
    target.parent.mkdir(exist_ok=True)
    rows = [
        row
        for (d, depth), (members, scale) in SIZES.items()
        for row in one_size(d, depth, members, scale, rng)
    ]
    with target.open("w", newline="") as file:
        out = csv.writer(file)
        names = "d,depth,parameters,compressed,models,method,ms_per_model,relative_error"
        out.writerow(names.split(","))
        out.writerows(rows)


if __name__ == "__main__":
    main()
