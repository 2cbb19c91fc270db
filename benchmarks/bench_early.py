"""Training steps and Hessian products of wide networks, and the search for critical constants.

    PYTHONPATH=src python benchmarks/bench_early.py [--device cuda]

Rates are shares of the rate of batched float32 matrix products of the same width, measured in turns
in the same run. The search is timed beside the scan of all c that it replaces, and its operations
are compared with those of the published notebooks' method for the same constants. The memory is the
peak of a process of its own, which searches for one network of width 2048.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from spectral_atlas.papers.kalra2023.constants import early
from spectral_atlas.papers.kalra2023.data import images
from spectral_atlas.papers.kalra2023.data_sections import Images
from spectral_atlas.papers.kalra2023.early import EarlyTraining
from spectral_atlas.papers.kalra2023.members import Members, build
from spectral_atlas.papers.kalra2023.sections import Early, Models
from spectral_atlas.papers.kalra2023.sharpness import hessians
from spectral_atlas.stage import Job

OUT = Path(__file__).parent / "results"
N, D = 512, 64
WIDTHS, DEPTHS = (128, 256, 512), (4, 8)
TURNS = 8
SEARCHED = ((4, 64), (4, 128), (8, 64))
WIDE = Models(depth=8, widths=[2048], batch=512, seeds=1)


def mixture(samples: int = N, dimension: int = D) -> xr.Dataset:
    return images(Images(samples=samples, dimension=dimension), {}, Job(seed=1))


def members_of(depth: int, width: int, seeds: int, device: str) -> Members:
    models = Models(depth=depth, widths=[width], seeds=seeds)
    return build(models, width, mixture(), 1, device)


def seconds(call: Callable[[], object], device: str) -> float:
    begin = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def rates(depth: int, width: int, device: str) -> dict[str, object]:
    """GFLOP/s of a step, a Hessian product and bare matrix products, best of turns."""
    seeds = max(1, 2048 // width) if device == "cpu" else 16
    members = members_of(depth, width, seeds, device)
    operator = hessians(members, members.parameters, N)
    V = torch.randn(seeds, members.n_params, device=device)
    A, B = (torch.randn(seeds, n, width, device=device) for n in (N, width))
    calls: dict[str, Callable[[], object]] = {
        "products": lambda: torch.bmm(A, B),
        "step": lambda: members.ensemble.gradients(members.parameters, members.x, members.y),
        "hvp": lambda: operator(V),
    }
    forward = members.flops_per_sample * N * seeds
    first = 2 * D * width * N * seeds  # no gradient with respect to the samples is needed
    flops = {
        "products": 2 * N * width**2 * seeds,
        "step": 3 * forward - first,
        "hvp": 6 * forward - 2 * first,
    }
    for call in calls.values():
        seconds(call, device)
    best = {name: min(seconds(call, device) for _ in range(TURNS)) for name, call in calls.items()}
    found = {name: flops[name] / best[name] / 1e9 for name in calls}
    return {
        "depth": depth,
        "width": width,
        "seeds": seeds,
        "products_gflops": round(found["products"], 1),
        "step_gflops": round(found["step"], 1),
        "hvp_gflops": round(found["hvp"], 1),
        "step_share": round(found["step"] / found["products"], 3),
        "hvp_share": round(found["hvp"] / found["products"], 3),
    }


def search(depth: int, width: int, device: str) -> dict[str, object]:
    """Seconds and operations of the search and of the scan, and whether they agree."""
    times, results = {}, {}
    for method in ("bisection", "scan"):
        config = Early(
            models=[Models(depth=depth, widths=[width], seeds=8)], method=method, device=device
        )
        begin = time.perf_counter()
        results[method] = early(config, {"data/images": mixture()}, Job(seed=1))
        times[method] = time.perf_counter() - begin
    names = ("c_loss", "c_sharp", "c_max")
    fast, slow = results["bisection"], results["scan"]
    return {
        "depth": depth,
        "width": width,
        "seconds": round(times["bisection"], 2),
        "scan_seconds": round(times["scan"], 2),
        "authors_flops_over_ours": round(float(fast["flops_scan"].sum() / fast["flops"].sum()), 1),
        "differing_constants": int(sum((fast[n] != slow[n]).sum() for n in names)),
        "constants": len(names) * fast.sizes["run"],
    }


def peak() -> None:
    """Run by a process of its own: lambda_0 and one early training at w = 2048; prints MB."""
    members = build(WIDE, 2048, mixture(1024, 3072), 1, "cpu")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    training = EarlyTraining.of(members, Early(models=[WIDE], steps=2))
    training.sharpens(np.array([0]), np.array([10]))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{4 * members.n_params / 1e6:.0f} {before:.0f} {after:.0f}")


def memory() -> dict[str, object]:
    command = [sys.executable, __file__, "--peak"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    weights, before, after = map(float, done.stdout.split())
    return {
        "depth": WIDE.depth,
        "width": WIDE.widths[0],
        "weights_mb": weights,
        "before_mb": before,
        "peak_mb": after,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def write(name: str, rows: list[dict[str, object]]) -> None:
    OUT.mkdir(exist_ok=True)
    with (OUT / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--peak", action="store_true")
    options = parser.parse_args()
    if options.peak:
        peak()
        sys.exit()
    suffix = "" if options.device == "cpu" else f"_{options.device}"
    grid = [(d, w) for d in DEPTHS for w in WIDTHS]
    write(f"early_rates{suffix}.csv", [rates(d, w, options.device) for d, w in grid])
    write(f"early_search{suffix}.csv", [search(d, w, options.device) for d, w in SEARCHED])
    if options.device == "cpu":
        write("early_memory.csv", [memory()])
