"""Nanoseconds per member-step of two-layer tanh and ELU runs, beside batched numpy and two floors.

    PYTHONPATH=src python benchmarks/bench_two_layer_runs.py

Networks 1-20-1 with four samples, 80 activations a step. "runs" is `run_two_layer` with all its
looks at the weights, "numpy" the same updates of as many members at once. "activations" is the
compiled activation with its derivative alone, 80 times, from and to the first-level cache.

The floor counts operations on vectors of eight members. A step takes, for each activation, 14
multiply-adds or products of its own (10 of them the exponential's), 5 on the way through the
network and one division, and 8 more for each neuron's norm and update. The rates of independent
multiply-adds and divisions are measured beside the rest; `ns_floor` is the longer of the two
totals: the need of a processor that overlaps everything else. All take short turns, of which some
find the machine quiet, and the best counts. Writes benchmarks/results/two_layer_runs.csv.
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

from spectral_atlas.networks.two_layer import ACTIVATIONS, TwoLayer, gradient, initialize  # noqa: E402
from spectral_atlas.training.blocks import aligned  # noqa: E402
from spectral_atlas.training.simd import LANES, add, div, fma, load, splat, store  # noqa: E402
from spectral_atlas.training.simd_activations import elu, tanh  # noqa: E402
from spectral_atlas.training.two_layer_runs import run_two_layer  # noqa: E402

OUT = Path(__file__).parent / "results" / "two_layer_runs.csv"
X = np.array([[-1.0], [-0.3], [0.4], [1.0]])
Y = np.array([0.8, -0.5, 0.3, -0.6])
WIDTH, MEMBERS, STEPS, NUMPY_STEPS, TURNS = 20, 64, 480, 10, 60
VECTORS = len(X) * WIDTH  # activations a step
RATE, REPEATS = 0.02, 500  # a rate at which nobody diverges
PRODUCTS = VECTORS * (14 + 5) + 8 * WIDTH


def activations_of(function):
    @nb.njit
    def loop(x, y, slope, repeats):
        for _ in range(repeats):
            for i in range(x.shape[0]):
                h, g = function(load(x, i))
                store(y, i, h)
                store(slope, i, g)

    return loop


@nb.njit
def multiply_adds(x, count):
    """12 independent chains, each ``count`` long."""
    a, b = load(x, 0), splat(0.5)
    c0, c1, c2, c3, c4, c5 = a, a, a, a, a, a
    c6, c7, c8, c9, c10, c11 = b, b, b, b, b, b
    for _ in range(count):
        c0, c1, c2, c3 = fma(c0, b, a), fma(c1, b, a), fma(c2, b, a), fma(c3, b, a)
        c4, c5, c6, c7 = fma(c4, b, a), fma(c5, b, a), fma(c6, b, a), fma(c7, b, a)
        c8, c9, c10, c11 = fma(c8, b, a), fma(c9, b, a), fma(c10, b, a), fma(c11, b, a)
    total = add(add(add(c0, c1), add(c2, c3)), add(add(c4, c5), add(c6, c7)))
    store(x, 1, add(total, add(add(c8, c9), add(c10, c11))))


@nb.njit
def divisions(x, y, repeats):
    for _ in range(repeats):
        for i in range(x.shape[0]):
            store(y, i, div(splat(1.0), load(x, i)))


def numpy_steps(net, theta, steps):
    for _ in range(steps):
        theta = theta - RATE * gradient(net, theta, X, Y)


def measure(phi):
    net, rng = TwoLayer(1, WIDTH, phi), np.random.default_rng(0)
    theta = np.array([initialize(rng, net) for _ in range(MEMBERS)])
    rates, x, y, slope = np.full(MEMBERS, RATE), *(aligned(VECTORS) for _ in range(3))
    x[:] = 1 + rng.random(x.shape)
    function = activations_of(tanh if phi == "tanh" else elu)
    chain = 10_000

    def runs():
        return run_two_layer(net, theta, rates, X, Y, STEPS, window=1)

    methods = {  # name: the call, and what to divide its seconds by
        "runs": (runs, MEMBERS * STEPS),
        "numpy": (lambda: numpy_steps(net, theta, NUMPY_STEPS), MEMBERS * NUMPY_STEPS),
        "activations": (lambda: function(x, y, slope, REPEATS), REPEATS * LANES),
        "products": (lambda: multiply_adds(x, chain), 12 * chain * LANES / PRODUCTS),
        "divisions": (lambda: divisions(x, y, REPEATS), REPEATS * LANES),
    }
    for call, _ in methods.values():
        call()  # compiles
    assert np.all(runs().diverged_at < 0)
    best = dict.fromkeys(methods, np.inf)
    for _ in range(TURNS):
        for name, (call, count) in methods.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], 1e9 * (time.perf_counter() - start) / count)
    floor = max(best["products"], best["divisions"])
    return {
        "activation": phi,
        "ns_per_member_step": f"{best['runs']:.1f}",
        "ns_per_member_step_numpy": f"{best['numpy']:.0f}",
        "ratio_to_numpy": f"{best['numpy'] / best['runs']:.0f}",
        "ns_activations": f"{best['activations']:.1f}",
        "ns_products": f"{best['products']:.1f}",
        "ns_divisions": f"{best['divisions']:.1f}",
        "ns_floor": f"{floor:.1f}",
        "share_of_floor": f"{floor / best['runs']:.2f}",
    }


def main():
    rows = [measure(phi) for phi in ACTIVATIONS]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items()), sep="  ")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
