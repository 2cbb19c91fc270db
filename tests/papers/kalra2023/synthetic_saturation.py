"""Made-up files of saturation studies, and small ones of the uv model and of linear networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.papers.kalra2023.uv import uv
from spectral_atlas.papers.kalra2023.uv_sections import UV
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style
from spectral_atlas.stage import Job

Array = np.ndarray
TIME = 50.0
GRID = TIME / np.array([200, 100, 50, 40, 34, 30, 28, 26, 25, 24, 22, 20, 18, 16, 14, 12, 10, 7])
FCN = {
    "data": "images", "network": "fcn", "activation": "relu", "parameterization": "standard",
    "output": "standard", "loss_name": "mse", "output_exponent": 0.0, "alpha": 1.0, "batch": 0,
}  # fmt: skip
UV_RAW: dict[str, dict[str, Any]] = {
    "constants": {"widths": [4, 16, 64], "runs": 40},
    "averages": {"widths": [8, 128], "multiples": [0.5, 2, 5], "samples": 5_000},
    "trajectories": {"widths": [8, 512], "multiples": [1, 2.5, 4.5], "runs": 3, "steps": 20},
    "saturation": {"widths": [8, 512], "runs": 30, "grid_step": 0.05, "grid_stop": 3.95},
}


def coordinates(networks: list[dict[str, Any]], seeds: int) -> dict[str, Any]:
    """Coordinates of runs: every network with every seed."""
    rows = [FCN | network | {"seed": seed} for network in networks for seed in range(seeds)]
    return {name: ("run", np.array([row[name] for row in rows])) for name in rows[0]}


def saturation_file(
    networks: list[dict[str, Any]],
    ratio: Callable[[Array, Array], Array],
    *,
    seeds: int = 3,
    grid: Array = GRID,
) -> xr.Dataset:
    """A study with r = ratio(c, number of the run), each (runs, M) after broadcasting."""
    coords = coordinates(networks, seeds)
    runs = len(coords["seed"][1])
    r = np.broadcast_to(ratio(grid[None], np.arange(runs)[:, None]), (runs, len(grid)))
    start = np.linspace(5, 9, runs)
    return xr.Dataset(
        {
            "sharpness": (("run", "multiple"), r * start[:, None]),
            "sharpness_bound": (("run", "multiple"), 0 * r),
            "loss": (("run", "multiple"), np.where(np.isnan(r), np.nan, 0.3)),
            "lambda0": ("run", start),
            "loss0": ("run", np.full(runs, 0.6)),
            "tau": ("multiple", np.round(TIME / grid).astype(int)),
        },
        {**coords, "multiple": grid},
        attrs={"time": TIME, "tolerance": 0.01},
    )


def step_at(position: float, sharp: float = 0.2) -> Callable[[Array, Array], Array]:
    """Ratios flat up to a c that differs a little from run to run, then falling linearly to 4."""

    def ratio(c: Array, run: Array) -> Array:
        bend = position + 0.01 * (run % 3 - 1)
        return 0.8 - sharp * np.clip(c - bend, 0, 4 - bend)

    return ratio


@cache
def uv_file() -> xr.Dataset:
    """Few starts of the uv model."""
    return uv(UV.model_validate(UV_RAW), {}, Job(seed=3))


def linear_file(
    values: Mapping[str, Array], widths: list[int], exponents: list[float]
) -> xr.Dataset:
    """Critical constants as grid indices k, (network, seed) for each constant; c = 2^(0.1 k)."""
    networks = [
        {"depth": 4, "width": w, "activation": "linear", "output_exponent": s}
        for s in exponents for w in widths
    ]  # fmt: skip
    count = next(iter(values.values())).shape[1]
    data: dict[str, Any] = {}
    for name, k in values.items():
        data[f"k_{name}"] = ("run", k.ravel())
        data[f"c_{name}"] = ("run", 2.0 ** (0.1 * k.ravel()))
    runs = len(networks) * count
    data["k_barrier"] = ("run", np.full(runs, -9))
    data["c_barrier"] = ("run", np.full(runs, np.nan))
    data |= {name: ("run", np.ones(runs)) for name in ("lambda0", "loss0", "undecided")}
    return xr.Dataset(data, coordinates(networks, count), attrs={"grid_step": 0.1, "grid": 71})


def draw(name: str, inputs: Mapping[str, xr.Dataset], *, arranged: bool = False) -> Drawing:
    """The figure, closed; ``arranged`` also checks that its panels fit, which takes a second."""
    function = getattr(import_module(f"spectral_atlas.papers.kalra2023.figures.{name}"), name)
    style = Style(dpi=72)
    with use_style(style):
        drawing: Drawing = function(inputs, style)
        engine = drawing.figure.get_layout_engine()
        assert engine is not None
        if arranged:
            engine.execute(drawing.figure)  # warns if they do not
    plt.close(drawing.figure)
    return drawing
