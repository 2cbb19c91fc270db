"""Leading eigenpairs of class blocks: float32 first and float64 last, beside float64 throughout.

    PYTHONPATH=src python benchmarks/bench_gram_pairs.py

The block (1, 1) of Hessian and gradient matrix of softmax regression near the end of its training,
d = 1000, k = 10, n = 10 d, with a gap behind the k-th eigenvalue (precision 1000) and without one
(precision 10). Methods take turns and the minimum over the turns counts; milliseconds a block, one
thread. Errors are relative to the largest eigenvalue; `rho_difference` is that of the alignment of
x^1 with the k leading eigenvectors. Writes benchmarks/results/gram_pairs.csv.
"""

from __future__ import annotations

import os

for variable in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from scipy.linalg import eigh  # noqa: E402

from spectral_atlas.data.mixtures import (  # noqa: E402
    GaussianMixture,
    SampleStream,
    orthonormal_means,
)
from spectral_atlas.spectra.gram_pairs import GramSolver  # noqa: E402
from spectral_atlas.spectra.softmax_regression import class_block_operator  # noqa: E402

OUT = Path(__file__).parent / "results" / "gram_pairs.csv"
K, D, COUNT, TURNS = 10, 1000, 15, 5
TRAINED = (2.8, -0.31)  # products of x^c with its own mean and with the others


def rho(x, vectors):
    return np.linalg.norm(vectors[:K] @ x) / np.linalg.norm(x)


def measure(precision, matrix):
    mixture = GaussianMixture(orthonormal_means(K, D), np.full(K, 1 / K), float(precision))
    rngs = np.random.default_rng(1), np.random.default_rng(2)
    Y, labels = SampleStream(mixture, *rngs).draw(10 * D)
    x = 0.1 * np.random.default_rng(3).standard_normal((K, D)) / D**0.5
    x[:, :K] += TRAINED[1] + (TRAINED[0] - TRAINED[1]) * np.eye(K)
    operator = class_block_operator(Y, x, [(0, 0)], labels=labels, matrix=matrix)
    w, solver = operator.weights[0], GramSolver(Y)

    def bare():
        values, V = eigh((Y * w[:, None]).T @ Y / len(Y), check_finite=False)
        return values[::-1][:COUNT], V.T[::-1][:COUNT]

    def float64():
        A = operator.dense()[0]
        values, V = eigh(A, subset_by_index=[D - COUNT, D - 1], check_finite=False)
        return values[::-1], V.T[::-1]

    def mixed():
        found = solver.leading(operator, 0, COUNT)
        return found.values, found.vectors

    methods = {"gemm and eigh": bare, "syrk and upper end": float64, "GramSolver": mixed}
    best, found = dict.fromkeys(methods, np.inf), {}
    for _ in range(TURNS):
        for name, method in methods.items():
            start = time.perf_counter()
            found[name] = method()
            best[name] = min(best[name], time.perf_counter() - start)
    values, vectors = found["gemm and eigh"]
    return [
        {
            "precision": precision,
            "matrix": matrix,
            "method": name,
            "ms": f"{1e3 * best[name]:.4g}",
            "ratio": f"{best[name] / best['gemm and eigh']:.3g}",
            "error": f"{np.abs(found[name][0] - values).max() / values[0]:.1e}",
            "rho_difference": f"{abs(rho(x[0], found[name][1]) - rho(x[0], vectors)):.1e}",
        }
        for name in methods
    ]


def main():
    rows = [row for p in (1000, 10) for m in ("hessian", "gradient") for row in measure(p, m)]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items()), sep="  ")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
