"""Gradient descent in the uv model: critical learning rates, first step, runs, saturation.

Scans run in the units g = eta f / sqrt(w), k = eta kappa of `spectral_atlas.networks.uv`, where a
start is a value of k and of s = f_0 / (sqrt(w) kappa_0): g_0 = k s.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import xarray as xr

from spectral_atlas.networks.uv import descend, sample, step, top_eigenvalue
from spectral_atlas.papers.kalra2023.uv_scan import (
    CRITERIA,
    constants_grid,
    exceeded,
    on_grid,
    saturation_grid,
)
from spectral_atlas.papers.kalra2023.uv_sections import (
    UV,
    Averages,
    Constants,
    Saturation,
    Trajectories,
)
from spectral_atlas.papers.kalra2023.uv_theory import c_over_k
from spectral_atlas.rng import generator
from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
Variables = dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]

QUARTILES = [0.25, 0.5, 0.75]
UNITS = {"c": "c = eta lambda_0", "k": "k = eta kappa_0"}


def uv(config: UV, inputs: Inputs, job: Job) -> xr.Dataset:
    """All studies of the uv model in one file; it has no inputs.

    Returns
    -------
    Dataset. Critical learning rates, dimensions ``width, run`` and nan where not on the grid:
    ``c_loss, c_trace, c_sharp, c_max`` in units of the largest eigenvalue, ``k_loss, ...`` in units
    of the trace, ``c_missing, k_missing`` (``criterion, width``) that count the nan. A run that
    diverges exceeds its start by every criterion. First step, ``avg_width, avg_multiple``.
    Runs, ``traj_width, traj_multiple, traj_run, traj_step``, nan once diverged. Saturation,
    ``sat_width, sat_multiple``.
    """
    return xr.Dataset(
        _constants(config.constants, job)
        | _averages(config.averages, job)
        | _trajectories(config.trajectories, job)
        | _saturation(config.saturation, job),
        coords={
            "width": config.constants.widths,
            "criterion": list(CRITERIA),
            "avg_width": config.averages.widths,
            "avg_multiple": config.averages.multiples,
            "traj_width": config.trajectories.widths,
            "traj_multiple": config.trajectories.multiples,
            "traj_step": np.arange(config.trajectories.steps + 1),
            "sat_width": config.saturation.widths,
            "sat_multiple": saturation_grid(config.saturation),
            "sat_quartile": QUARTILES,
        },
        attrs={
            "steps": config.constants.steps,
            "grid_step": config.constants.grid_step,
            "divergence": config.constants.divergence,
            "saturation_time": config.saturation.time,
        },
    )


def _starts(job: Job, purpose: str, width: int, n: int) -> tuple[Array, Array]:
    """(f_0, kappa_0) of n runs."""
    return sample(generator(job.seed, "kalra2023", "uv", purpose, width), width, n)


def _constants(config: Constants, job: Job) -> Variables:
    grid = constants_grid(config)
    found: dict[str, list[Array]] = {}
    for width in config.widths:  # one at a time, to bound the memory
        f0, kappa0 = _starts(job, "constants", width, config.runs)
        s = f0 / (np.sqrt(width) * kappa0)
        ratio = c_over_k(s**2)
        found.setdefault("a", []).append(s**2)
        found.setdefault("c_over_k", []).append(ratio)
        for unit, per_k in (("c", ratio), ("k", np.ones_like(ratio))):
            k0 = grid / per_k[:, None]
            largest = config.divergence / width * (k0 / kappa0[:, None]) ** 2
            hits = exceeded(k0 * s[:, None], k0, config.steps, largest)
            for name, hit in hits.items():
                found.setdefault(f"{unit}_{name}", []).append(on_grid(hit, grid, name == "max"))
    names = {
        "a": "f_0^2 / (w kappa_0^2)",
        "c_over_k": "lambda_0 / kappa_0",
        **{f"{u}_{n}": CRITERIA[n].format(what) for u, what in UNITS.items() for n in CRITERIA},
    }
    out = _described(("width", "run"), {n: np.stack(found[n]) for n in names}, names)
    for unit in UNITS:
        lost = np.stack([np.isnan(out[f"{unit}_{n}"][1]).sum(axis=1) for n in CRITERIA])
        about = {"long_name": f"runs whose critical {unit} is not on the grid"}
        out[f"{unit}_missing"] = (("criterion", "width"), lost, about)
    return out


def _averages(config: Averages, job: Job) -> Variables:
    k = np.array(config.multiples)[:, None]
    names = {
        "avg_a": "f_0^2 / (w kappa_0^2)",
        "avg_a_squared": "its square",
        "avg_trace_ratio": "kappa_1 / kappa_0",
        "avg_loss_ratio": "L_1 / L_0",
    }
    found: dict[str, list[tuple[Array, Array]]] = {name: [] for name in names}
    for width in config.widths:
        f0, kappa0 = _starts(job, "averages", width, config.samples)
        s = f0 / (np.sqrt(width) * kappa0)
        g1, k1 = step(k * s, np.broadcast_to(k, (len(k), len(s))))
        values = (s**2, s**4, k1 / k, (g1 / (k * s)) ** 2)
        for name, x in zip(names, values, strict=True):
            spread = x.std(axis=-1, ddof=1) / np.sqrt(config.samples)
            found[name].append((x.mean(axis=-1), spread))
    out: Variables = {}
    for name, pairs in found.items():
        dims = ("avg_width", "avg_multiple")[: 1 + pairs[0][0].ndim]
        for suffix, kind, x in zip(
            ("", "_error"), ("mean", "standard error"), zip(*pairs, strict=True), strict=True
        ):
            about = {"long_name": f"{kind} of {names[name]}"}
            out[name + suffix] = (dims, np.stack(x), about)
    return out


def _trajectories(config: Trajectories, job: Job) -> Variables:
    k = np.array(config.multiples)[:, None]
    shape = (len(k), config.runs)
    loss, traces, tops = [], [], []
    for width in config.widths:
        f0, kappa0 = (
            np.broadcast_to(x, shape) for x in _starts(job, "trajectories", width, config.runs)
        )
        steps = descend(f0, kappa0, config.steps, k / kappa0, width, config.divergence)
        f, kappa = (np.stack(x, axis=-1) for x in zip((f0, kappa0), *steps, strict=True))
        loss.append(f * f / 2)
        traces.append(kappa)
        tops.append(top_eigenvalue(f, kappa, width))
    return _described(
        ("traj_width", "traj_multiple", "traj_run", "traj_step"),
        {"traj_loss": loss, "traj_trace": traces, "traj_top": tops},
        {
            "traj_loss": "loss f^2 / 2",
            "traj_trace": "trace of the Hessian kappa",
            "traj_top": "largest Hessian eigenvalue",
        },
    )


def _saturation(config: Saturation, job: Job) -> Variables:
    starts = [(w, *_starts(job, "saturation", w, config.runs)) for w in config.widths]
    s = np.stack([f0 / (np.sqrt(w) * kappa0) for w, f0, kappa0 in starts])
    left: dict[str, list[Array]] = {"trace": [], "top": [], "loss": []}
    for multiple in saturation_grid(config):
        g0, k0 = multiple * s, np.full_like(s, multiple)
        g, k = deque(descend(g0, k0, round(config.time / multiple)), maxlen=1).pop()
        left["trace"].append(k / k0)
        left["top"].append(top_eigenvalue(g, k) / top_eigenvalue(g0, k0))
        left["loss"].append((g / g0) ** 2)
    ratios = {name: np.stack(x, axis=1) for name, x in left.items()}  # width, multiple, run
    dims = ("sat_width", "sat_multiple")
    out = _described(
        dims,
        {
            "sat_loss": np.nanmedian(ratios["loss"], axis=2),
            "sat_diverged": np.isnan(ratios["trace"]).sum(axis=2),
        },
        {"sat_loss": "median of L_tau / L_0", "sat_diverged": "runs that diverged"},
    )
    for name, what in (("trace", "kappa"), ("top", "lambda")):
        x, ratio = ratios[name], f"{what}_tau / {what}_0"
        out[f"sat_{name}"] = (dims, np.nanmean(x, axis=2), {"long_name": f"mean of {ratio}"})
        quartiles = np.moveaxis(np.nanquantile(x, QUARTILES, axis=2), 0, 2)
        about = {"long_name": f"quartiles of {ratio}"}
        out[f"sat_{name}_quartiles"] = ((*dims, "sat_quartile"), quartiles, about)
    return out


def _described(dims: tuple[str, ...], values: dict[str, Any], names: dict[str, str]) -> Variables:
    return {n: (dims, np.asarray(x), {"long_name": names[n]}) for n, x in values.items()}
