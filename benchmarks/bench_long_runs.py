"""Nanoseconds per member-step of long runs of small linear maps, beside batched numpy and a floor.

    PYTHONPATH=src python benchmarks/bench_long_runs.py

"runs" is `run_linear_maps` with its looks at the weights and its last steps, one thread, at rates
so small that no member diverges or comes to rest; "numpy" makes the same updates of as many members
with batched products. They take turns with two loops that measure what the processor can do:
512-bit multiply-adds that do not depend on each other, and ones with two loads each from the
first-level cache. The best of the turns counts. The floor of a step of eight members is the longer
of

    operations: 3 i multiply-adds for each weight of W_2, ..., W_H, two operations for each weight,
                four for each entry of A; for 1-1-1, which has a loop of its own, four in all,
    loads:      two for each multiply-add of a product; none for 1-1-1, which stays in registers.

In 1-1-1 each step waits for three operations one after the other. `ns_latency` is what a step would
take with one block of eight members at a time: the kernel has four in flight.

The job is L = (1 - w_1 w_2)^2 from 20000 starts in [-3, 3]^2, 5000 steps, 27 learning rates, on one
thread and on two. There members do come to rest or diverge, which saves most of it.
Writes benchmarks/results/long_runs.csv.
"""

from __future__ import annotations

import os

for variable in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numba as nb  # noqa: E402
import numpy as np  # noqa: E402

from spectral_atlas.networks.deep_linear import DeepLinear  # noqa: E402
from spectral_atlas.training.blocks import aligned  # noqa: E402
from spectral_atlas.training.long_runs import run_linear_maps  # noqa: E402
from spectral_atlas.training.simd import LANES, add, fma, load, splat, store  # noqa: E402

OUT = Path(__file__).parent / "results" / "long_runs.csv"
TURNS, RATE, COUNT = 7, 1e-5, 20_000
CASES = {  # widths: members, steps, steps of numpy
    "1-1-1": (20_000, 6000, 60),
    "1-1-1-1": (4096, 2400, 60),
    "1-4-1": (4096, 2400, 40),
    "2-3-2": (4096, 720, 20),
    "3-4-2": (2048, 720, 20),
    "2-3-3-2": (2048, 720, 20),
    "3-5-5-5-3": (512, 480, 20),
    "5-5-5-5-5": (512, 480, 20),
}
RATES = (
    *(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.48, 0.49, 0.495, 0.5, 0.501, 0.505),
    *(0.51, 0.53, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 0.95, 1.0, 1.1),
)


@nb.njit
def multiply_adds(x, count):
    """12 chains, each ``count`` long."""
    y = load(x, 0)
    a, b, c, d, e, f = y, y, y, y, y, y
    g, h, i, j, k, m = y, y, y, y, y, y
    for _ in range(count):
        a, b, c, d = fma(a, y, y), fma(b, y, y), fma(c, y, y), fma(d, y, y)
        e, f, g, h = fma(e, y, y), fma(f, y, y), fma(g, y, y), fma(h, y, y)
        i, j, k, m = fma(i, y, y), fma(j, y, y), fma(k, y, y), fma(m, y, y)
    a, e, i = add(add(a, b), add(c, d)), add(add(e, f), add(g, h)), add(add(i, j), add(k, m))
    store(x, 1, add(add(a, e), i))


@nb.njit
def chain(x, count):
    """Multiply-adds one after the other."""
    y = load(x, 0)
    a = y
    for _ in range(count):
        a = fma(a, y, y)
    store(x, 1, a)


@nb.njit
def loads(x, count):
    """``count`` times 64 multiply-adds, each with two loads."""
    a, b, c, d = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for _ in range(count):
        for i in range(0, 64, 4):
            a = fma(load(x, i), load(x, i + 64), a)
            b = fma(load(x, i + 1), load(x, i + 65), b)
            c = fma(load(x, i + 2), load(x, i + 66), c)
            d = fma(load(x, i + 3), load(x, i + 67), d)
    store(x, 128, add(add(a, b), add(c, d)))


def numpy_steps(layers, target, n_steps):
    for _ in range(n_steps):
        products = [layers[0]]
        for W in layers[1:]:
            products.append(W @ products[-1])
        B, new = -2 * RATE * (products[-1] - target), []
        for W, below in zip(layers[:0:-1], products[-2::-1], strict=True):
            new.append(W + B @ below.swapaxes(1, 2))
            B = W.swapaxes(1, 2) @ B
        layers = [layers[0] + B, *new[::-1]]
    return layers


def numpy_pair(layers, target, n_steps):
    a, b = (W[:, 0, 0].copy() for W in layers)
    for _ in range(n_steps):
        pull = (2 * RATE) * (target[0, 0] - a * b)
        a, b = a + pull * b, b + pull * a


def best_of(methods):
    best = dict.fromkeys(methods, np.inf)
    for _ in range(TURNS):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(name, members, steps, slow_steps):
    d = [int(width) for width in name.split("-")]
    arch = DeepLinear(tuple(zip(d[1:], d, strict=False)), outputs=d[-1])
    rng = np.random.default_rng(0)
    theta = 0.5 * rng.standard_normal((members, arch.n_params))
    target, ones = rng.standard_normal((d[-1], d[0])), np.ones((d[-1], d[0]))
    layers, x = arch.unflatten(theta), aligned(129)
    x[:] = 0.5
    plain = numpy_pair if name == "1-1-1" else numpy_steps
    best = best_of(
        {
            "runs": lambda: run_linear_maps(arch, theta, RATE, target, ones, steps, window=1),
            "numpy": lambda: plain(layers, target, slow_steps),
            "multiply_adds": lambda: multiply_adds(x, COUNT),
            "chain": lambda: chain(x, COUNT),
            "loads": lambda: loads(x, COUNT // 16),
        }
    )
    ns = 1e9 * best["runs"] / (members * steps)
    slow = 1e9 * best["numpy"] / (members * slow_steps)
    operation, load_pair = 1e9 * best["multiply_adds"] / (12 * COUNT), best["loads"] / (4 * COUNT)
    products = 3 * d[0] * (arch.n_params - d[0] * d[1])
    pair = name == "1-1-1"
    operations = 4 if pair else products + 2 * arch.n_params + 4 * d[0] * d[-1]
    by_operations = operations * operation / LANES
    by_loads = 0.0 if pair else products * 1e9 * load_pair / LANES
    floor = max(by_operations, by_loads)
    return {
        "case": name,
        "threads": 1,
        "member_steps_per_s": f"{1e9 / ns:.3g}",
        "ns_per_member_step": f"{ns:.4g}",
        "ns_numpy": f"{slow:.4g}",
        "ratio_numpy": f"{slow / ns:.3g}",
        "ns_operations": f"{by_operations:.3g}",
        "ns_loads": f"{by_loads:.3g}",
        "ns_latency": f"{3e9 * best['chain'] / COUNT / LANES:.3g}" if pair else "",
        "share_of_floor": f"{floor / ns:.3g}",
        "seconds": "",
    }


def job(threads):
    theta = np.random.default_rng(0).uniform(-3, 3, (20_000, 2))
    arch, one = DeepLinear.plain(1, 2), np.ones((1, 1))
    everyone, rates = np.tile(theta, (len(RATES), 1)), np.repeat(RATES, len(theta))
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        run_linear_maps(arch, everyone, rates, one, one, 5000, threads=threads)
        best = min(best, time.perf_counter() - start)
    member_steps = 5000 * len(everyone)
    return {
        "case": "job",
        "threads": threads,
        "member_steps_per_s": f"{member_steps / best:.3g}",
        "ns_per_member_step": f"{1e9 * best / member_steps:.4g}",
        "seconds": f"{best:.3g}",
    }


def main():
    for warm in (multiply_adds, chain, loads):
        warm(aligned(129), 1)
    run_linear_maps(
        DeepLinear.plain(1, 2), np.zeros((1, 2)), 0.1, np.eye(1), np.eye(1), 1, window=1
    )
    rows = [*(measure(name, *sizes) for name, sizes in CASES.items()), job(1), job(2)]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items() if value), sep="  ")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
