"""Microseconds per member-step of the compiled kernels, and against an autograd loop beside them.

    PYTHONPATH=src python benchmarks/bench_training.py

The loop trains one member at a time with torch's autograd on one thread, as a straightforward
program would. Kernel and loop take turns, and the minimum over the turns counts, so that a busy
machine disturbs the ratio little. Recording is not timed: only the last parameters are kept.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

start = time.perf_counter()
from spectral_atlas.training import kernels_gelu, kernels_linear  # noqa: E402, F401

COMPILE_SECONDS = time.perf_counter() - start  # near 0.5 from the cache: numba's own import

import torch  # noqa: E402

from spectral_atlas.networks.deep_linear import DeepLinear, init_gaussian, init_residual  # noqa: E402
from spectral_atlas.networks.gelu_mlp import torch_risk  # noqa: E402
from spectral_atlas.training.gradient_descent import train_deep_linear, train_gelu_mlp  # noqa: E402

OUT = Path(__file__).parent / "results" / "training_throughput.csv"
TURNS = 5
MEMBERS = 64

CASES = {  # name: architecture, scale or residual s, samples, learning rate, kernel and loop steps
    "linear d=5 L=10": (DeepLinear.plain(5, 10), 0.25, 50, 0.02, 10_000, 200),
    "residual d=5 L=10": (DeepLinear.residual(5, 10), 0.25, 50, 0.02, 10_000, 200),
    "residual d=5 L=40": (DeepLinear.residual(5, 40), 0.25, 50, 0.01, 2_500, 60),
    "linear n<d d=20 L=5": (DeepLinear.plain(20, 5), 0.15, 15, 0.001, 1_500, 200),
    "gelu d=5 L=10 n=50": (DeepLinear.plain(5, 10), 0.5, 50, 0.02, 300, 100),
}


def linear_risk(arch: DeepLinear, X: torch.Tensor, y: torch.Tensor, p: torch.Tensor | None):
    def risk(theta: torch.Tensor) -> torch.Tensor:
        h, at = X.T, 0
        for rows, columns in arch.shapes:
            h = theta[at : at + rows * columns].reshape(rows, columns) @ h
            at += rows * columns
        return ((y - (h[0] if p is None else p @ h)) ** 2).mean()

    return risk


def autograd_loop(risk: Callable, theta: np.ndarray, eta: float, steps: int) -> None:
    weights = torch.tensor(theta, requires_grad=True)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(risk(weights), weights)
        with torch.no_grad():
            weights -= eta * gradient


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measure(name: str) -> dict[str, object]:
    arch, scale, n, eta, steps, loop_steps = CASES[name]
    rng = np.random.default_rng(0)
    init = init_residual if arch.readout else init_gaussian
    theta = np.array([init(rng, arch, scale) for _ in range(MEMBERS)])
    X, y = rng.standard_normal((n, arch.d)), rng.standard_normal(n)
    p = np.eye(arch.d)[0] if arch.readout else None
    rates = np.full(MEMBERS, eta)

    def kernel(threads: int) -> object:
        if name.startswith("gelu"):
            return train_gelu_mlp(arch, theta, rates, steps, X, y, threads=threads)
        Sigma, b = X.T @ X / n, X.T @ y / n
        return train_deep_linear(arch, theta, rates, steps, Sigma, b, readout=p, threads=threads)

    if name.startswith("gelu"):
        risk = torch_risk(arch, X, y)
    else:
        P = None if p is None else torch.tensor(p)
        risk = linear_risk(arch, torch.tensor(X), torch.tensor(y), P)
    best = [np.inf] * 3
    for _ in range(TURNS):
        turn = (
            seconds(lambda: kernel(1)) / (MEMBERS * steps),
            seconds(lambda: kernel(2)) / (MEMBERS * steps),
            seconds(lambda: autograd_loop(risk, theta[0], eta, loop_steps)) / loop_steps,
        )
        best = [min(old, new) for old, new in zip(best, turn, strict=True)]
    one, two, loop = (1e6 * t for t in best)
    return {
        "case": name,
        "us_per_member_step_1_thread": f"{one:.4g}",
        "us_per_member_step_2_threads": f"{two:.4g}",
        "us_per_member_step_autograd_loop": f"{loop:.4g}",
        "ratio_loop_to_1_thread": f"{loop / one:.0f}",
        "ratio_loop_to_2_threads": f"{loop / two:.0f}",
    }


def main() -> None:
    torch.set_num_threads(1)
    rows = [measure(name) for name in CASES]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items()), sep="  ")
    print(f"import and compilation: {COMPILE_SECONDS:.2f} s; {os.cpu_count()} cores")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
