"""Microseconds per step of the descent of deep linear maps, and their share of the matrix rate.

    PYTHONPATH=src python benchmarks/bench_linear_map_steps.py

Maps of 10 x 10 with 80 entries observed, one member, one thread. "bare" is the step alone, "path"
is `train_linear_maps` with its checks every five steps, "numpy" a loop of plain products. They take
turns with a float64 product of 1024 x 1024, whose rate is the peak, and with reading and writing
two matrices of a million numbers, which is the memory's; the best of the turns counts.

The operations of a step are 6 n for each weight of W_2, ..., W_L, and its bytes, once these have
left the cache, 32 each (W R, W^T B and an update): `floor_us` is the longer of the two at the rates
measured. Writes benchmarks/results/linear_map_steps.csv.
"""

from __future__ import annotations

import os

for variable in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from scipy.linalg.blas import dgemm, dscal  # noqa: E402

from spectral_atlas.networks.deep_linear import DeepLinear  # noqa: E402
from spectral_atlas.training._linear_map_step import Step  # noqa: E402
from spectral_atlas.training.linear_map_descent import train_linear_maps  # noqa: E402

OUT = Path(__file__).parent / "results" / "linear_map_steps.csv"
N, TURNS, RATE = 10, 8, 1e-3
CACHE = 2**20  # bytes next to the core
CASES = (  # depth, width, steps of a turn
    *((4, 1, 2000), (4, 3, 2000), (4, 15, 2000)),
    *((2, 100, 1000), (3, 100, 600), (4, 100, 500), (4, 50, 1000)),
    *((4, 400, 25), (4, 1000, 10), (2, 1000, 300)),
)


def numpy_step(layers, observed, weights):
    R = [np.eye(N)]
    for W in layers:
        R.append(W @ R[-1])
    B, gradients = 2 * weights * (R[-1] - observed), []
    for W, r in zip(layers[::-1], R[-2::-1], strict=True):
        gradients.append(B @ r.T)
        B = W.T @ B
    for W, gradient in zip(layers[::-1], gradients, strict=True):
        W -= RATE * gradient


def measure(depth, width, steps):
    arch, rng = DeepLinear.plain(N, depth, width, outputs=N), np.random.default_rng(0)
    theta = width**-0.5 / 2 * rng.standard_normal(arch.n_params)
    observed, weights = rng.standard_normal((N, N)), np.zeros(N * N)
    weights[rng.permutation(N * N)[:80]] = 1 / 80
    weights = weights.reshape(N, N)
    step = Step(arch, theta, RATE, observed, weights, 0.0)
    layers = [W.copy() for W in arch.unflatten(theta)]
    square, product, big = (np.asfortranarray(rng.random((1024, 1024))) for _ in range(3))
    streamed = [big.ravel("K"), square.copy().ravel("K")]

    def plain():
        for _ in range(steps):
            numpy_step(layers, observed, weights)

    methods = {
        "bare": lambda: step.run(steps),
        "path": lambda: train_linear_maps(arch, theta[None], RATE, steps, observed, weights),
        "numpy": plain,
        "product": lambda: dgemm(1.0, square, square, 0.0, product, 0, 0, 1),
        "memory": lambda: [dscal(1.0001, x) for x in streamed],
    }
    best = dict.fromkeys(methods, np.inf)
    for _ in range(TURNS):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            best[name] = min(best[name], time.perf_counter() - start)
    bare, path, loop = (1e6 * best[name] / steps for name in ("bare", "path", "numpy"))
    peak = 2e-9 * 1024**3 / best["product"]
    memory = 2 * 16e-9 * 1024**2 / best["memory"]
    count = sum(rows * columns for rows, columns in arch.shapes[1:])
    operations, n_bytes = 6 * N * count, 32 * count if 8 * count > CACHE else 0
    return {
        "depth": depth,
        "width": width,
        "us_per_step": f"{bare:.4g}",
        "us_per_step_of_path": f"{path:.4g}",
        "us_per_step_numpy": f"{loop:.4g}",
        "ratio_numpy_to_step": f"{loop / bare:.2f}",
        "gflops": f"{1e-3 * operations / bare:.3g}",
        "peak_gflops": f"{peak:.3g}",
        "share_of_peak": f"{1e-3 * operations / bare / peak:.3f}",
        "memory_gb_per_s": f"{memory:.3g}",
        "floor_us": f"{max(operations / peak, n_bytes / memory) / 1e3:.3g}",
    }


def main():
    rows = [measure(*case) for case in CASES]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items()), sep="  ")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
