"""Made-up files of the studies that the figures on variants read, and drawings from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve

HERE = "spectral_atlas.papers.kalra2023.figures"
GRID, STEP, NOT_SOUGHT = 71, 0.1, -9
CONSTANTS = ("loss", "sharp", "barrier", "max")
PLAIN: dict[str, Any] = {
    "data": "images", "network": "fcn", "activation": "relu", "parameterization": "standard",
    "output": "standard", "loss_name": "mse", "weight_variance": 2.0, "depth": 4, "width": 64,
    "alpha": 1.0, "output_exponent": 0.0, "batch": 0,
}  # fmt: skip
Files = dict[str, xr.Dataset]


def rows(models: Sequence[dict[str, Any]], seeds: int) -> dict[str, tuple[str, np.ndarray]]:
    """Coordinates of the runs: `seeds` of each model and width (a number or a list)."""
    each = []
    for model in models:
        one = PLAIN | model
        for width in np.atleast_1d(one["width"]):
            each += [one | {"width": int(width), "seed": s} for s in range(seeds)]
    names = [*PLAIN, "seed"]
    found = {name: ("run", np.array([row[name] for row in each])) for name in names}
    size = found["width"][1] ** 2 * found["depth"][1]
    return found | {"parameters": ("run", size)}


def early(
    models: Sequence[dict[str, Any]],
    multiples: Sequence[float] = (1.0,),
    *,
    seeds: int = 3,
    shown: int | None = None,
    barrier: bool = False,
    random: int = 0,
) -> xr.Dataset:
    """A study of early training: constants in their order, and trajectories of `shown` seeds."""
    coords = rows(models, seeds)
    rng, n = np.random.default_rng(random), len(coords["seed"][1])
    ks = np.sort(rng.integers(3, 60, (n, 4)), axis=1).astype(np.int64)
    if not barrier:
        ks[:, 2] = NOT_SOUGHT
    data: dict[str, Any] = {f"k_{name}": ("run", ks[:, i]) for i, name in enumerate(CONSTANTS)}
    lambda0 = rng.uniform(5, 30, n)
    shape = (n, len(multiples), 11)
    sharpness = lambda0[:, None, None] * np.exp(-0.02 * np.arange(11) * rng.random(shape))
    loss = 0.5 * rng.random(shape) + 0.1
    hidden = coords["seed"][1] >= (seeds if shown is None else shown)
    sharpness[hidden], loss[hidden] = np.nan, np.nan
    dims = ("run", "multiple", "step")
    data |= {
        "lambda0": ("run", lambda0), "lambda0_bound": ("run", 1e-3 * lambda0),
        "loss0": ("run", np.full(n, 0.4)), "undecided": ("run", np.zeros(n, dtype=np.int64)),
        "flops": ("run", np.full(n, 1e9)), "flops_scan": ("run", np.full(n, 1e11)),
        "loss": (dims, loss), "sharpness": (dims, sharpness),
        "sharpness_bound": (dims, np.full(shape, 0.01)),
    }  # fmt: skip
    steps = {"multiple": np.array(multiples, dtype=float), "step": np.arange(11)}
    attrs = {"grid_step": STEP, "grid": GRID, "method": "bisection", "steps": 10, "tolerance": 0.01}
    return with_constants(xr.Dataset(data, coords | steps, attrs))


def with_constants(runs: xr.Dataset, **indices: Any) -> xr.Dataset:
    """The runs with other grid indices (k_loss, ...), and all c that belong to theirs."""
    runs = runs.copy(deep=True)
    for name, k in indices.items():
        runs[name] = ("run", np.broadcast_to(np.asarray(k), runs.sizes["run"]).astype(np.int64))
    for name in CONSTANTS:
        k = runs[f"k_{name}"].values
        inside = (k >= 0) & (k < runs.attrs["grid"])
        c = 2.0 ** (runs.attrs["grid_step"] * np.where(inside, k, 0))
        runs[f"c_{name}"] = ("run", np.where(inside, c, np.nan))
    return runs


def saturated(models: Sequence[dict[str, Any]], multiples: Sequence[float], seeds: int = 3) -> Any:
    """A study of saturation."""
    coords = rows(models, seeds)
    n, c = len(coords["seed"][1]), np.array(multiples, dtype=float)
    rng = np.random.default_rng(5)
    lambda0 = rng.uniform(5, 30, n)
    sharpness = lambda0[:, None] / (1 + c) * rng.uniform(0.8, 1.2, (n, len(c)))
    data = {
        "sharpness": (("run", "multiple"), sharpness),
        "sharpness_bound": (("run", "multiple"), 0.01 * sharpness),
        "loss": (("run", "multiple"), rng.random((n, len(c)))),
        "lambda0": ("run", lambda0), "loss0": ("run", np.full(n, 0.4)),
        "tau": ("multiple", np.round(50 / c).astype(int)),
    }  # fmt: skip
    return xr.Dataset(data, coords | {"multiple": c}, {"time": 50.0, "tolerance": 0.01})


def estimated(models: Sequence[dict[str, Any]], seeds: int = 3) -> xr.Dataset:
    """A study of estimators."""
    coords = rows(models, seeds)
    rng, n = np.random.default_rng(6), len(coords["seed"][1])
    best = rng.uniform(5, 30, n)
    data = {
        "certified": ("run", best), "certified_bound": ("run", 1e-6 * best),
        "second": ("run", best * rng.uniform(0.5, 0.99, n)),
        "power": ("run", best * (1 - 0.03 * rng.random(n))),
        "lanczos": (("run", "lanczos_steps"), best[:, None] * (1 - np.array([0.02, 1e-4, 0.0]))),
    }  # fmt: skip
    return xr.Dataset(data, coords | {"lanczos_steps": [6, 12, 30]})


def files(seeds: int = 3) -> Files:
    """Everything the figures read, about as in the configuration."""
    return dict(_files(seeds))


@cache
def _files(seeds: int) -> Files:
    outputs = [
        {"depth": d, "width": w, "output": kind}
        for kind in ("zero", "centred")
        for d, w in ((4, [32, 64, 128]), (8, [64, 128]))
    ]
    scaled = [{"depth": 8, "alpha": a} for a in (0.01, 0.1, 3.0)]
    entropy = [
        {"depth": d, "width": w, "output": kind, "loss_name": "cross_entropy"}
        for kind in ("standard", "zero")
        for d, w in ((4, [64, 128]), (8, [64]))
    ]
    sets = ("isotropic", "steep", "teacher", "teacher_scalar", "random_labels")
    data = [{"data": name, "width": [32, 64, 128]} for name in sets]
    data += [{"data": name, "depth": 8, "width": [64, 128]} for name in sets[2::2]]
    two = [64, 128]
    variants = [
        {"activation": "tanh", "width": two}, {"output_exponent": 0.5, "width": two},
        *({"batch": b, "width": two} for b in (256, 128, 32)),
        {"activation": "linear", "parameterization": "neural_tangent", "width": [32, *two]},
    ]  # fmt: skip
    entropy_runs = early(entropy, (1.0, 4.0, 8.0), seeds=seeds, shown=2, random=6)
    entropy_runs.attrs["grid"] = 141
    late = [{"data": "teacher"}, {"loss_name": "cross_entropy", "width": two}]
    fields: dict[str, Any] = {"data": "fields", "network": "myrtle"}
    return {
        "runs/fcn": early(
            [{"width": [32, *two, 256]}], (0.5, 1.0, 1.5), seeds=seeds, barrier=True, random=1
        ),
        "runs/fcn_deep": early(
            [{"depth": 8, "width": [*two, 256]}], seeds=seeds, barrier=True, random=2
        ),
        "runs/fcn_deeper": early([{"depth": 16, "width": two}], seeds=seeds, random=3),
        "runs/myrtle": early(
            [fields | {"depth": 5, "width": [16, 32]}], (1.0, 4.0), seeds=seeds, random=4
        ),
        "runs/resnet": early(
            [{"data": "fields_large", "network": "resnet", "depth": 18, "width": [8, 16]}],
            (1.0, 4.0), seeds=seeds,
        ),
        "runs/output": early([*outputs, *scaled], seeds=seeds, random=5),
        "runs/cross_entropy": entropy_runs,
        "runs/data_sets": early(data, (1.0, 2.0, 4.0), seeds=seeds, shown=2, random=7),
        "runs/variants": early(variants, seeds=seeds, random=8),
        "runs/authors": early([{"batch": 128, "width": two}], (), seeds=seeds, random=9),
        "runs/saturation_variants": saturated(late, (0.5, 1, 2, 4), seeds),
        "spectra/estimators": estimated([{"width": two}, {"depth": 8}], seeds),
    }  # fmt: skip


def draw(name: str, inputs: Files) -> Drawing:
    """One figure."""
    with use_style(Style(dpi=72)):
        drawing: Drawing = resolve(f"{HERE}.{name}:{name}")(inputs, Style(dpi=72))
    plt.close(drawing.figure)
    return drawing
