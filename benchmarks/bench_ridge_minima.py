"""Newton's method with exact Hessians against L-BFGS-B on deep linear maps with a ridge.

    PYTHONPATH=src python benchmarks/bench_ridge_minima.py

C(A) + ridge |theta|^2 of 10 x 10 matrices of rank 3 with Gaussian factors and noise 0.3, 80 entries
observed, ridge 0.001: minima in networks of width r = 1, 3, 6 and depth L = 3, 4, two matrices.
Both methods start at the balanced factors of the r largest singular values of the observed matrix,
rescaled, and each time is the best of some turns; L-BFGS-B keeps 20 pairs and runs until its value
falls no more. `excess` is that over Newton's, less 1. One thread. Writes
benchmarks/results/ridge_minima.csv.
"""

from __future__ import annotations

import os

for variable in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from itertools import product  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from scipy.optimize import minimize  # noqa: E402

from spectral_atlas.networks.deep_linear import DeepLinear  # noqa: E402
from spectral_atlas.networks.linear_maps import balanced_factors  # noqa: E402
from spectral_atlas.training._ridge_loss import RidgeLoss  # noqa: E402
from spectral_atlas.training.ridge_minima import minimize_ridge  # noqa: E402

OUT = Path(__file__).parent / "results" / "ridge_minima.csv"
N, RANK, OBSERVED, NOISE, RIDGE, TURNS = 10, 3, 80, 0.3, 1e-3, 5
LBFGS = {"maxcor": 20, "ftol": 0.0, "gtol": 1e-12, "maxiter": 20000, "maxfun": 40000}


def matrix(seed):
    """Observed entries with noise, 0 elsewhere; weights of the cost; rescaled singular triples."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((N, RANK)) @ rng.standard_normal((RANK, N))
    mask = np.zeros(N * N)
    mask[rng.permutation(N * N)[:OBSERVED]] = 1
    mask = mask.reshape(N, N)
    observed = mask * (target + NOISE * rng.standard_normal((N, N)))
    return observed, mask / OBSERVED, np.linalg.svd(observed * N * N / OBSERVED)


def best_of(method):
    """What a method returns, and the least of its times in milliseconds."""
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        found = method()
        times.append(1e3 * (time.perf_counter() - start))
    return found, min(times)


def measure(seed, depth, rank):
    observed, weights, (U, s, V) = matrix(seed)
    arch = DeepLinear.plain(N, depth, rank, N)
    start = arch.flatten(balanced_factors((U[:, :rank] * s[:rank]) @ V[:rank], depth, rank))
    loss = RidgeLoss(arch, observed, weights, RIDGE)

    def of(theta):
        value, gradient = loss(theta)
        return value, gradient.copy()

    newton, newton_ms = best_of(lambda: minimize_ridge(arch, start, observed, weights, RIDGE))
    other, other_ms = best_of(
        lambda: minimize(of, start, jac=True, method="L-BFGS-B", options=LBFGS)
    )
    return {
        "seed": seed,
        "depth": depth,
        "rank": rank,
        "parameters": arch.n_params,
        "newton_ms": round(newton_ms, 2),
        "newton_gradient": f"{newton.gradient_norm:.1e}",
        "lbfgs_ms": round(other_ms, 2),
        "lbfgs_gradient": f"{np.linalg.norm(of(other.x)[1]):.1e}",
        "lbfgs_calls": other.nfev,
        "value": f"{newton.value:.9g}",
        "excess": f"{other.fun / newton.value - 1:.1e}",
    }


def main():
    rows = [measure(*case) for case in product((0, 1), (3, 4), (1, 3, 6))]
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
