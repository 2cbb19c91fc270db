"""How far float64 and float32 results are from dense float64 LAPACK, beside the bounds they state.

    PYTHONPATH=src python benchmarks/bench_precision.py

A GELU network with 1108 parameters, trained in float32, so that parameters and samples are the same
numbers in both dtypes; each spectrum has the float64 matrix as its reference. `error` and `bound`
are relative to max |eigenvalue| (traces: to the sum of |eigenvalues|; moments: to max^degree),
`held` says whether every error is within its own bound. Seconds are processor time, one thread.
Writes benchmarks/results/precision.csv.
"""

import os

for variable in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import csv  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from spectral_atlas.spectra import (  # noqa: E402
    EmpiricalRisk,
    MatrixOperator,
    gradient_matrix_spectrum,
    hutch_plus_plus,
    softmax_regression,
    spectral_density,
    start_vectors,
    top_eigenpairs,
)

SAMPLES, INPUTS, WIDTH, CLASSES = 200, 16, 24, 4
COLUMNS = ("quantity", "method", "dtype", "products", "error", "bound", "held", "seconds")
ROWS: list[list[str]] = []


def network(steps=300, activation=nn.GELU):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(INPUTS, WIDTH),
        activation(),
        nn.Linear(WIDTH, WIDTH),
        activation(),
        nn.Linear(WIDTH, CLASSES),
    )
    y = torch.arange(SAMPLES) % CLASSES
    X = torch.randn(CLASSES, INPUTS)[y] + torch.randn(SAMPLES, INPUTS)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimiser.step()
    return model, X, y


def note(quantity, method, dtype, products, error, bound, held, seconds):
    row = [quantity, method, dtype, str(products), f"{error:.1e}", f"{bound:.1e}", held, seconds]
    row[-1] = f"{seconds:.3f}"
    ROWS.append(row)
    print(("{:28s} {:38s} {:8s}" + " {:>9s}" * 5).format(*row), flush=True)


def timed(function):
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def compare(quantity, method, dtype, products, values, bounds, exact, seconds):
    values, bounds = np.asarray(values, dtype=float), np.asarray(bounds, dtype=float)
    scale = np.abs(exact).max()
    best = np.sort(exact)[::-1][: len(values)] if len(values) > 1 else exact
    error = np.abs(values - best[: len(values)])
    held = "yes" if (error <= bounds).all() else "no"
    worst = error.max() / scale, np.max(bounds) / scale
    note(quantity, method, dtype, products, *worst, held, seconds)


def eigenvalues(name, make, exact, dtype):
    """Largest, smallest, top 10 by Lanczos, and the largest by the dense solver."""
    rng, scale = np.random.default_rng(0), np.abs(exact).max()
    for label, which, value in (("largest", "LA", exact[-1]), ("smallest", "SA", exact[0])):
        settings = {
            "which": which,
            "dense_limit": 0,
            "on_unconverged": "flag",
            "memory_mb": 2.0,
        }  # no room for LAPACK
        found, s = timed(lambda k=settings: top_eigenpairs(make(), 1, rng, **k))
        error, bound = abs(found.values[0, 0] - value), found.bounds[0, 0]
        held = "yes" if error <= bound else "no"
        count = found.products[0]
        note(f"{name}: {label}", "Lanczos", dtype, count, error / scale, bound / scale, held, s)
    found, s = timed(lambda: top_eigenpairs(make(), 10, rng, dense_limit=0))
    pairs = found.values[0], found.bounds[0]
    compare(f"{name}: top 10", "Lanczos", dtype, found.products[0], *pairs, exact, s)
    values, s = timed(lambda: torch.linalg.eigvalsh(make().dense())[0])
    bounds = np.full(len(exact), len(exact) * torch.finfo(values.dtype).eps * scale)
    values = values.flip(0).double().numpy()
    compare(f"{name}: all", "dense, LAPACK", dtype, 0, values, bounds, exact, s)


def loose(make, exact):
    """What a loose tolerance costs and saves."""
    scale = np.abs(exact).max()
    for tolerance in (1e-10, 1e-6, 1e-4, 1e-2):
        for label, which, value in (("largest", "LA", exact[-1]), ("smallest", "SA", exact[0])):
            settings = {"tolerance": tolerance, "which": which, "dense_limit": 0}
            rng = np.random.default_rng(0)
            found, s = timed(lambda r=rng, k=settings: top_eigenpairs(make(), 1, r, **k))
            error, bound = abs(found.values[0, 0] - value), found.bounds[0, 0]
            held = "yes" if error <= bound else "no"
            row = (found.products[0], error / scale, bound / scale, held, s)
            note(f"H: {label}", f"tolerance {tolerance:.0e}", "float64", *row)


def clusters():
    """Eigenvalue 1 four times, then 0.9, 0.8, ...: which of the top 6 are found."""
    exact = np.sort(np.concatenate([np.ones(4), np.linspace(0.9, -0.5, 396)]))
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((400, 400)))[0]
    near = exact + 1e-9 * np.arange(400) * (exact == 1.0)
    for label, values in (("4 copies", exact), ("4 within 3e-9", near)):
        operator = MatrixOperator(((Q * values) @ Q.T)[None])
        for method, settings in (
            ("block 1, no verify", {"verify": False}),
            ("block 1, verify (default)", {}),
            ("block 4, verify", {"block": 4}),
        ):
            rng = np.random.default_rng(0)
            found, s = timed(
                lambda o=operator, r=rng, k=settings: top_eigenpairs(o, 6, r, dense_limit=0, **k)
            )
            pairs = found.values[0], found.bounds[0]
            compare(f"top 6, {label}", method, "float64", found.products[0], *pairs, values, s)


def gradient_matrices(risk, exact, dtype):
    def spectrum():
        return gradient_matrix_spectrum(risk.per_sample_gradients())

    found, s = timed(spectrum)
    values, bound = found.values[0].double().numpy(), float(found.bound[0])
    compare("G: all", "Gram", dtype, 0, values, np.full(len(values), bound), exact, s)


def small_eigenvalues():
    """Gradients with singular values 1 .. 1e-12: down to where are eigenvalues good to 1 %."""
    rng, n, p = np.random.default_rng(0), 60, 300
    s = np.logspace(0, -12, n)
    U = np.linalg.qr(rng.standard_normal((n, n)))[0]
    V = np.linalg.qr(rng.standard_normal((p, n)))[0]
    gradients = np.sqrt(n) * (U * s) @ V.T
    for kind in (np.float64, np.float32):
        g = torch.from_numpy(gradients.astype(kind))  # numpy's solvers take float32 in float64
        exact = torch.linalg.svdvals(g.double()).numpy() ** 2 / n
        dtype = np.dtype(kind).name
        gram, t = timed(lambda a=g: gradient_matrix_spectrum(a))
        svd, t_svd = timed(lambda a=g: torch.linalg.svdvals(a).double().numpy() ** 2 / n)
        for method, got, bound, seconds in (
            ("Gram", gram.values.double().numpy(), float(gram.bound), t),
            ("singular values", svd, np.nan, t_svd),
        ):
            wrong = np.abs(got - exact) > 0.01 * exact
            least = exact[: int(np.argmax(wrong)) if wrong.any() else n][-1]
            row = ("least eigenvalue good to 1 %", method, dtype, 0, least, bound)
            note(*row, "", seconds)


def moments_and_trace(risks, dense, exact):
    spectral_density(MatrixOperator(dense[None]), np.random.default_rng(0), probes=1)  # compiles
    for dtype, risk in risks.items():
        H, rng = risk.hessian(), np.random.default_rng(5)
        found, s = timed(lambda o=H, r=rng: spectral_density(o, r, probes=4, steps=30))
        v = start_vectors(np.random.default_rng(5), 4, len(exact))
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        power = v
        for degree in (1, 2, 3):
            power = power @ dense
            value, stated = (float(part[0]) for part in found.moment(degree))
            scale = np.abs(exact).max() ** degree
            error = abs(value - (power * v).sum(1).mean()) / scale
            far = abs(value - (exact**degree).mean()) / scale
            name = f"SLQ moment {degree}"
            note(f"{name}, of the probes", "4 probes, 30 steps", dtype, 120, error, np.nan, "", s)
            note(f"{name}, of H", "s.e. as bound", dtype, 120, far, stated / scale, "", s)
    values = {}
    mass = np.abs(exact).sum()
    for dtype, risk in risks.items():
        rng = np.random.default_rng(7)
        found, s = timed(lambda o=risk, r=rng: hutch_plus_plus(o.hessian(), r, products=90))
        values[dtype] = float(found.value[0])
        error, stated = abs(values[dtype] - exact.sum()) / mass, found.standard_error[0] / mass
        note("trace of H", "Hutch++, s.e. as bound", dtype, 90, error, stated, "", s)
    gap = abs(values["float32"] - values["float64"]) / mass
    note("trace of H, rounding alone", "Hutch++, equal probes", "float32", 90, gap, np.nan, "", 0.0)


def softmax_block():
    rng, n, d, k = np.random.default_rng(0), 2000, 200, 10
    Y, x = rng.standard_normal((n, d)), rng.standard_normal((k, d)) / d**0.5
    Y, x = Y.astype(np.float32), x.astype(np.float32)
    exact = None

    def first_block(Y, x):
        return softmax_regression.class_block_operator(Y, x, [(0, 0)])

    for kind in (np.float64, np.float32):
        Yk, xk = Y.astype(kind), x.astype(kind)
        block, s = timed(lambda Y=Yk, x=xk: first_block(Y, x).dense()[0])
        if exact is None:
            p = softmax_regression.class_probabilities(Yk, xk)[:, 0]
            exact = np.linalg.eigvalsh((Yk * (p * (1 - p) / n)[:, None]).T @ Yk)
        dtype, values = np.dtype(kind).name, np.linalg.eigvalsh(block.astype(float))[::-1]
        error = np.abs(values - exact[::-1]).max() / exact[-1]
        note("softmax block: all", "weighted_gram", dtype, 0, error, np.nan, "", s)
        rng = np.random.default_rng(0)
        found, s = timed(
            lambda Y=Yk, x=xk, r=rng: top_eigenpairs(first_block(Y, x), 10, r, dense_limit=0)
        )
        pairs = found.values[0], found.bounds[0]
        name = "softmax block: top 10"
        compare(name, "Lanczos", dtype, found.products[0], *pairs, exact, s)


def kinks():
    """Second differences of the risk along a random line against v^T H v."""
    for activation in (nn.GELU, nn.ReLU):
        risk = EmpiricalRisk(*_with_loss(*network(activation=activation)))
        rng = np.random.default_rng(3)
        V = torch.from_numpy(rng.standard_normal((16, risk.n_params)))
        V /= torch.linalg.vector_norm(V, dim=1, keepdim=True)
        curve = (risk.hessian().block_product(V[None])[0] * V).sum(1).numpy()
        scale = np.abs(curve).max()
        for h in (1e-3, 1e-2, 1e-1):
            steps = torch.cat([risk.theta + h * V, risk.theta - h * V, risk.theta])
            model, loss, data = _with_loss(*network(activation=activation))
            named = risk.block.split(steps)
            at = EmpiricalRisk(model, loss, data, parameters=named).value().numpy()
            second = (at[:16] + at[16:32] - 2 * at[32]) / h**2
            error = np.abs(second - curve).max() / scale
            name = f"v^T H v, {activation.__name__}"
            note(name, f"second difference, step {h:g}", "float64", 16, error, np.nan, "", 0.0)


def _with_loss(model, X, y):
    return model, nn.functional.cross_entropy, (X, y)


def main():
    torch.set_num_threads(1)
    data = _with_loss(*network())
    risks = {
        "float64": EmpiricalRisk(*data),
        "float32": EmpiricalRisk(*data, dtype=torch.float32),
    }
    reference = risks["float64"]
    exact, matrices = {}, {}
    makers = {
        "H": lambda risk: risk.hessian(),
        "GGN": lambda risk: risk.ggn(),
        "G": lambda risk: risk.gradient_matrix(),
    }
    for name, make in makers.items():
        A = make(reference).dense()[0].numpy()
        matrices[name] = (A + A.T) / 2
        exact[name] = np.linalg.eigvalsh(matrices[name])
    for dtype, risk in risks.items():
        for name, make in makers.items():
            eigenvalues(name, lambda r=risk, m=make: m(r), exact[name], dtype)
        gradient_matrices(risk, exact["G"], dtype)
    loose(lambda: reference.hessian(), exact["H"])
    clusters()
    small_eigenvalues()
    moments_and_trace(risks, matrices["H"], exact["H"])
    softmax_block()
    kinks()
    target = Path(__file__).parent / "results" / "precision.csv"
    with target.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(ROWS)


if __name__ == "__main__":
    main()
