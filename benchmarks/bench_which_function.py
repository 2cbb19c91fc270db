"""What the calls of docs/spectra-which-function.md cost: products, processor seconds, one thread.

    PYTHONPATH=src python benchmarks/bench_which_function.py

Every row of a torch module builds its operator anew, so that what a first product prepares is in
the time. Products are those of one member. Writes benchmarks/results/which_function.csv.
"""

import os

for variable in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from itertools import pairwise  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from spectral_atlas.networks.deep_linear import DeepLinear  # noqa: E402
from spectral_atlas.spectra import (  # noqa: E402
    EmpiricalRisk,
    MatrixOperator,
    SoftmaxHessian,
    extreme_eigenvalues,
    gradient_matrix_spectrum,
    hessian_operator,
    hutch_plus_plus,
    sharpness_at_minimizer,
    softmax_regression,
    spectral_density,
    top_eigenpairs,
    two_layer_relu,
    warm_start,
)

ROWS: list[list[str]] = []


def row(problem, question, function, products=lambda result: ""):
    start = time.process_time()
    result = function()
    seconds = time.process_time() - start
    count = products(result)
    ROWS.append([problem, question, str(count), f"{seconds:.3g}"])
    print("{:34s} {:44s} {:>14s} {:>9s} s".format(*ROWS[-1]), flush=True)
    return result


def spent(result):
    counts = getattr(result, "products", getattr(result, "steps", None))
    low, high = int(np.min(counts)), int(np.max(counts))
    return low if low == high else f"{low} to {high}"


def mlp(widths, seed=0, steps=50, samples=256):
    torch.manual_seed(0)
    y = torch.arange(samples) % widths[-1]
    X = torch.randn(widths[-1], widths[0])[y] + torch.randn(samples, widths[0])
    torch.manual_seed(1 + seed)
    layers = []
    for rows, columns in pairwise(widths):
        layers += [nn.Linear(rows, columns), nn.GELU()]
    model = nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimiser.step()
    return model, (X, y)


def make_risk(model, data, **settings):
    return EmpiricalRisk(model, nn.functional.cross_entropy, data, **settings)


def one_network(name, widths, dense):
    model, data = mlp(widths)
    risk = make_risk(model, data)
    name = f"{name}, P = {risk.n_params}, n = 256"
    rng = np.random.default_rng(0)
    risk.gradient()  # warm
    row(name, "gradient of the risk", risk.gradient)
    row(name, "one product", lambda: risk.hessian()(torch.ones(1, risk.n_params).double()))
    row(
        name,
        "largest: extreme_eigenvalues, LA",
        lambda: extreme_eigenvalues(risk.hessian(), rng, which="LA"),
        spent,
    )
    row(
        name,
        "smallest: extreme_eigenvalues, SA",
        lambda: extreme_eigenvalues(risk.hessian(), rng, which="SA"),
        spent,
    )
    row(name, "top_eigenpairs, k = 10", lambda: top_eigenpairs(risk.hessian(), 10, rng), spent)
    row(
        name,
        "top_eigenpairs, k = 10, tolerance 1e-4",
        lambda: top_eigenpairs(risk.hessian(), 10, rng, tolerance=1e-4),
        spent,
    )
    row(
        name,
        "GGN: top_eigenpairs, k = 10",
        lambda: top_eigenpairs(risk.ggn(), 10, rng),
        spent,
    )
    row(
        name,
        "gradient matrix: top_eigenpairs, k = 10",
        lambda: top_eigenpairs(risk.gradient_matrix(), 10, rng),
        spent,
    )
    row(
        name,
        "gradient matrix: all, gradient_matrix_spectrum",
        lambda: gradient_matrix_spectrum(risk.per_sample_gradients()),
    )
    row(
        name,
        "spectral_density, 4 probes, 40 steps",
        lambda: spectral_density(risk.hessian(), rng, probes=4, steps=40),
        lambda found: int(found.steps.sum()),
    )
    row(name, "hutch_plus_plus, 30 products", lambda: hutch_plus_plus(risk.hessian(), rng), spent)
    if dense:
        for k in (50, 200):
            question = f"top_eigenpairs, k = {k}, dense_limit=0"
            settings = {"k": k, "start": rng, "dense_limit": 0}
            row(name, question, lambda s=settings: top_eigenpairs(risk.hessian(), **s), spent)
        row(
            name,
            "whole spectrum: dense and eigvalsh",
            lambda: torch.linalg.eigvalsh(risk.hessian().dense()),
            lambda _: risk.n_params,
        )


def huge():
    model, data = mlp([1000, 2500, 2500, 500, 10], steps=5, samples=32)
    risk = make_risk(model, data, dtype=torch.float32)
    name, rng = f"one network, P = {risk.n_params}, n = 32, float32", np.random.default_rng(0)
    risk.gradient()  # warm
    row(name, "gradient of the risk", risk.gradient)
    row(
        name,
        "largest: top_eigenpairs, k = 1, basis = 16",
        lambda: top_eigenpairs(risk.hessian(), 1, rng, basis=16),
        spent,
    )


def ensemble():
    found = [mlp([8, 12, 12, 4], seed) for seed in range(64)]
    models, data = [model for model, _ in found], found[0][1]
    risk = make_risk(models, data)
    name, rng = f"64 networks, P = {risk.n_params}, n = 256", np.random.default_rng(0)
    row(
        name,
        "largest of all at once",
        lambda: extreme_eigenvalues(risk.hessian(), rng, which="LA"),
        spent,
    )
    row(
        name,
        "largest, one by one",
        lambda: [
            extreme_eigenvalues(make_risk(m, data).hessian(), rng, which="LA") for m in models
        ],
    )
    row(name, "top 10 of all at once", lambda: top_eigenpairs(risk.hessian(), 10, rng), spent)
    row(
        name,
        "whole spectra: dense and eigvalsh",
        lambda: torch.linalg.eigvalsh(risk.hessian().dense()),
    )


def trajectory():
    """Checkpoints of one descent, solved from scratch and from the checkpoint before."""
    for gap in (1, 10):
        points = [mlp([20, 32, 32, 4], steps=100 + gap * i) for i in range(6)]
        name = f"6 checkpoints, {gap} steps apart, P = 1860, tolerance 1e-4"
        for k, label in ((1, "random"), (1, "warm"), (5, "random"), (5, "block 5"), (5, "warm")):
            rng, before, seconds, counts = np.random.default_rng(0), None, 0.0, []
            for model, data in points:
                hessian = make_risk(model, data).hessian()
                start = time.process_time()
                begin = rng if before is None else warm_start(rng, before)
                block = 5 if label == "block 5" else None
                found = top_eigenpairs(hessian, k, begin, block=block, tolerance=1e-4)
                seconds += time.process_time() - start
                counts.append(int(found.products[0]))
                before = found.vectors if label == "warm" else None
            later = f"{min(counts[1:])} to {max(counts[1:])}"
            ROWS.append([name, f"top {k}, {label} start", later, f"{seconds:.3g}"])
            print("{:34s} {:44s} {:>14s} {:>9s} s".format(*ROWS[-1]), flush=True)


def closed_forms():
    rng, n, d, k = np.random.default_rng(0), 5000, 200, 10
    Y, x = rng.standard_normal((n, d)), rng.standard_normal((k, d)) / d**0.5
    name = f"softmax regression, n = {n}, d = {d}, k = {k}"
    blocks = softmax_regression.class_block_operator(Y, x)
    row(name, "10 class blocks, all eigenvalues", lambda: np.linalg.eigvalsh(blocks.dense()))
    row(
        name,
        "10 class blocks, top 3 by Lanczos",
        lambda: top_eigenpairs(blocks, 3, rng, dense_limit=0),
        spent,
    )
    row(
        name,
        "whole Hessian (2000), largest: SoftmaxHessian",
        lambda: extreme_eigenvalues(SoftmaxHessian(Y, x), rng, which="LA"),
        spent,
    )
    W, v = rng.standard_normal((k, d)) / d**0.5, rng.standard_normal(k)
    name = f"two-layer ReLU, n = {n}, d = {d}, K = {k}"

    def neurons():
        fwd = two_layer_relu.forward(Y, np.arange(n) % 2, W, v)
        return np.linalg.eigvalsh(two_layer_relu.neuron_block_operator(fwd).dense())

    row(name, "10 neuron blocks, all eigenvalues", neurons)
    gradients = rng.standard_normal((300, 3000))
    row("gradient matrix, n = 300, p = 3000", "all: Gram", lambda: _gram(gradients))
    row("gradient matrix, n = 3000, p = 300", "all: second moment", lambda: _gram(gradients.T))
    for d, depth, members in ((5, 10, 200), (20, 5, 64)):
        arch = DeepLinear.plain(d, depth)
        theta = rng.standard_normal((members, arch.n_params)) * (0.45 if d == 5 else 0.25)
        operator = hessian_operator(arch, theta, np.eye(d), np.ones(d))
        extreme_eigenvalues(operator, rng)  # compiles
        name = f"{members} deep linear networks, d = {d}, L = {depth}"
        row(name, "largest", lambda o=operator: extreme_eigenvalues(o, rng, which="LA"), spent)
        row(
            name,
            "whole spectra: compressed, dense, eigvalsh",
            lambda o=operator: np.linalg.eigvalsh(o.compressed().dense()),
        )
        row(
            name,
            "sharpness_at_minimizer",
            lambda a=arch, t=theta: sharpness_at_minimizer(a, t, np.eye(a.d)),
        )


def _gram(gradients):
    return gradient_matrix_spectrum(np.ascontiguousarray(gradients))


def main():
    torch.set_num_threads(1)
    spectral_density(MatrixOperator(np.eye(9)[None]), np.random.default_rng(0))  # compiles
    one_network("one network", [20, 32, 32, 8], dense=True)
    one_network("one network", [100, 256, 256, 10], dense=False)
    ensemble()
    trajectory()
    closed_forms()
    huge()
    target = Path(__file__).parent / "results" / "which_function.csv"
    with target.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("problem", "question", "products", "seconds"))
        out.writerows(ROWS)


if __name__ == "__main__":
    main()
