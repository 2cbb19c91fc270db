"""Microseconds per step of online SGD, beside its BLAS calls and the normal numbers that it needs.

    PYTHONPATH=src python benchmarks/bench_online_sgd.py

A step needs one product with the parameters and one update of rank one: a dgemv and a dger. They
are timed "bare", called from compiled code through scipy's pointers, and as called from Python. The
kernel does more (softmax or gates, ridge, check for overflow), in one sweep. All methods of a case
read the same samples, take turns, and the minimum over the turns counts.
"""

from __future__ import annotations

import csv
import ctypes
import time
from collections.abc import Callable
from pathlib import Path

import numba as nb
import numpy as np
from numba.extending import get_cython_function_address
from scipy.linalg import blas

from spectral_atlas.data.mixtures import (
    XOR_LABELS,
    GaussianMixture,
    SampleStream,
    orthonormal_means,
    xor_means,
)
from spectral_atlas.training.kernels_online import (
    descend_softmax,
    descend_two_layer,
    first_scores,
)
from spectral_atlas.training.online_members import packed
from spectral_atlas.training.online_sgd import train_softmax, train_two_layer_relu

OUT = Path(__file__).parent / "results" / "online_sgd.csv"
TURNS = 40  # short ones: some of them find the machine quiet
RIDGE, PRECISION = 0.01, 10.0
CASES = {  # name: neurons or classes, d, members, steps, steps of the Python loops
    "softmax k=10 d=1000": (10, 1000, 1, 3_000, 500),
    "xor K=20 d=1000": (20, 1000, 1, 3_000, 500),
    "xor K=4 d=250": (4, 250, 8, 2_000, 500),
}
WINDOW = 64  # samples in the cache


def pointer(name: str, arguments: int) -> Callable:
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(address)


dgemv, dger = pointer("dgemv", 11), pointer("dger", 9)


@nb.njit
def bare_blas(x, Y, g, z, sizes, numbers, transposed, steps):
    """For x (k, d): z = x Y and x -= delta g Y^T; sizes are d, k, 1 and numbers 1, 0, -delta."""
    d, k, one = sizes.ctypes.data, sizes.ctypes.data + 4, sizes.ctypes.data + 8
    unit, null, delta = numbers.ctypes.data, numbers.ctypes.data + 8, numbers.ctypes.data + 16
    a, out, coef, t = x.ctypes.data, z.ctypes.data, g.ctypes.data, transposed.ctypes.data
    for step in range(steps):
        y = Y.ctypes.data + 8 * Y.shape[1] * (step % Y.shape[0])
        dgemv(t, d, k, unit, a, d, y, one, null, out, one)
        dger(d, k, delta, y, one, coef, one, a, d)


def python_blas(A: np.ndarray, Y: np.ndarray, g: np.ndarray, z: np.ndarray, steps: int) -> None:
    rows = list(Y)
    for step in range(steps):
        y = rows[step % WINDOW]
        blas.dgemv(1.0, A, y, 0.0, z, 0, 1, 0, 1, 1, 1)
        blas.dger(-1e-9, y, g, 1, 1, A, 1, 1, 1)


def softmax_loop(x: np.ndarray, Y: np.ndarray, c: np.ndarray, delta: float, steps: int) -> None:
    for step in range(steps):
        y = Y[step % WINDOW]
        g = x @ y
        g = np.exp(g - g.max())
        g /= g.sum()
        g[c[step % WINDOW]] -= 1
        x = (1 - delta * RIDGE) * x - delta * np.outer(g, y)


def two_layer_loop(
    W: np.ndarray, v: np.ndarray, X: np.ndarray, labels: np.ndarray, delta: float, steps: int
) -> None:
    decay = 1 - delta * RIDGE
    for step in range(steps):
        x = X[step % WINDOW]
        h = W @ x
        a = np.maximum(h, 0)
        s = 1 / (1 + np.exp(-v @ a)) - labels[step % WINDOW]
        W, v = decay * W - delta * np.outer(s * v * (h > 0), x), decay * v - delta * s * a


def draw_normals(rng: np.random.Generator, count: int) -> None:
    buffer = np.empty(16_384)
    for _ in range(0, count, len(buffer)):
        rng.standard_normal(out=buffer)


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measure(name: str) -> list[dict[str, object]]:
    K, d, M, steps, loop_steps = CASES[name]
    softmax = name.startswith("softmax")
    delta, total = 1 / d, M * steps
    means = orthonormal_means(K, d) if softmax else xor_means(d)
    mixture = GaussianMixture(means, np.full(len(means), 1 / len(means)), PRECISION)
    rng = np.random.default_rng(0)
    W0, v0 = rng.standard_normal((M, K, d)) / np.sqrt(d), rng.standard_normal((M, K))

    def streams() -> list[SampleStream]:
        seeds = np.random.SeedSequence(1).spawn(2 * M)
        pairs = [[np.random.default_rng(s) for s in seeds[2 * m : 2 * m + 2]] for m in range(M)]
        return [SampleStream(mixture, *pair) for pair in pairs]

    def train(threads: int) -> object:
        if softmax:
            return train_softmax(W0, streams(), delta, RIDGE, steps, threads=threads)
        return train_two_layer_relu(
            W0, v0, XOR_LABELS, streams(), delta, RIDGE, steps, threads=threads
        )

    Y, component = streams()[0].draw(WINDOW + 1)
    labels = component if softmax else np.array(XOR_LABELS)[component]
    samples = packed(Y)

    def kernel() -> None:
        x, v, scores = packed(W0[0]), v0[0].copy(), np.empty(K)
        first_scores(x, scores, samples)
        for _ in range(0, total, WINDOW):
            rates = 0, WINDOW, delta, 1 - delta * RIDGE
            if softmax:
                descend_softmax(x, scores, samples, labels, *rates)
            else:
                descend_two_layer(x, v, scores, samples, labels, *rates)

    def loop() -> None:
        if softmax:
            softmax_loop(W0[0], Y, labels, delta, loop_steps)
        else:
            two_layer_loop(W0[0], v0[0], Y, labels, delta, loop_steps)

    x, z, g = np.array(W0[0]), np.empty(K), np.full(K, 0.1)
    sizes, numbers = np.array([d, K, 1], dtype=np.int32), np.array([1.0, 0.0, -1e-9])
    constants = sizes, numbers, np.frombuffer(b"T", dtype=np.uint8)
    methods: dict[str, tuple[int, Callable[[], object]]] = {
        "bare BLAS": (total, lambda: bare_blas(x, Y[:WINDOW], g, z, *constants, total)),
        "BLAS from Python": (loop_steps, lambda: python_blas(x.T, Y, g, z, loop_steps)),
        "kernel": (total, kernel),
        "normal numbers": (total, lambda: draw_normals(rng, total * d)),
        "kernel and sampling": (total, lambda: train(1)),
        "kernel and sampling, 2 threads": (total, lambda: train(2)),
        "numpy loop": (loop_steps, loop),
    }
    if M == 1:
        del methods["kernel and sampling, 2 threads"]
    check(x, Y, g, constants)
    best = {method: np.inf for method in methods}
    for turn in range(TURNS + 1):
        for method, (count, call) in methods.items():
            taken = 1e6 * seconds(call) / count
            if turn:  # the first one compiles and warms up
                best[method] = min(best[method], taken)
    return [
        {
            "case": name,
            "method": method,
            "us_per_step": f"{taken:.4g}",
            "steps_per_second": f"{1e6 / taken:.3g}",
            "ratio_to_bare_blas": f"{taken / best['bare BLAS']:.3g}",
            "ns_per_normal": f"{1e3 * taken / d:.3g}" if method == "normal numbers" else "",
        }
        for method, taken in best.items()
    ]


def check(x: np.ndarray, Y: np.ndarray, g: np.ndarray, constants: tuple) -> None:
    """The pointers do what the comparison says they do, and so does the Python loop."""
    for run in ("bare", "python"):
        own, z = x.copy(), np.empty(len(x))
        if run == "bare":
            bare_blas(own, Y, g, z, *constants, 1)
        else:
            python_blas(own.T, Y, g, z, 1)
        assert np.allclose(z, x @ Y[0], atol=1e-13)
        assert np.allclose(own - x, -1e-9 * np.outer(g, Y[0]), atol=1e-16)
        assert np.abs(own - x).max() > 1e-12


def main() -> None:
    rows = [row for name in CASES for row in measure(name)]
    for row in rows:
        print(*(f"{key}={value}" for key, value in row.items()), sep="  ")
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
