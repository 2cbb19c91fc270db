"""Paths to the edge of stability, made up so that every claim on them holds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims import edge
from spectral_atlas.papers.craciun2024.claims.paths import SCALES, SPECTRUM, WIDTHS, drawn


def along(points, at, log=False):
    """A broken line through points, in the logarithm of the value where asked for."""
    x, y = np.array(sorted(points.items()), dtype=float).T
    return np.exp(np.interp(at, x, np.log(y))) if log else np.interp(at, x, y)


def path(name, share, eta_c, last, ratio, loss, increases, reference, start):
    """One run and its reference; broken lines are given by {step: value}."""
    dense = np.arange(min(300, last) + 1)
    steps = np.union1d(dense, np.append(np.arange(dense[-1], last, 5), last))
    eta = share * eta_c
    theta = np.zeros((len(steps), len(start)))
    theta[0] = start
    runs = xr.Dataset(
        {
            "loss": ("step", along(loss, np.arange(last + 1), log=True)),
            "checkpoint_step": ("checkpoint", steps),
            "theta": (("checkpoint", "weight"), theta),
            "reference_loss": ("checkpoint", along(reference[1], steps, log=True)),
            "learning_rate": ((), eta),
            "critical_step": ((), eta_c),
            "last_step": ((), last),
            "increases": ((), increases),
            "reference_increases": ((), 0),
        },
        coords={"step": np.arange(last + 1), "checkpoint": np.arange(len(steps))},
    )
    found = {
        f"{prefix}eigenvalues": (
            ("checkpoint", "value"),
            2 / eta * along(line, steps)[:, None] / np.arange(1, 4),
        )
        for prefix, line in (("", ratio), ("reference_", reference[0]))
    }
    return name, runs, xr.Dataset(found, coords={"checkpoint": runs["checkpoint"]})


def paths(each, target, widths):
    """Files of runs and spectra."""
    runs, spectra = (
        xr.concat(
            [one[k].expand_dims(run=[one[0]]) for one in each], "run", join="outer",
            fill_value={"checkpoint_step": -1},
        )
        for k in (1, 2)
    )  # fmt: skip
    runs["target"] = (("run", "output", "input"), np.stack([target] * len(each)))
    return runs.assign_attrs(slowdown=20, widths=list(widths)), spectra


def descents():
    """The letters, fresh seeds and the chain."""
    eta_c, target = 1 / (4 * 3**1.5), np.diag(SPECTRUM)
    slow = (
        {0: 0.287, 200: 1.173, 500: 1.173, 900: 1.207, 4000: 1.207},
        {0: 12.6, 200: 0.0625, 500: 0.0615, 900: 1e-14, 4000: 1e-28},
    )
    ratio, loss = edge.RATIOS | {7: 0.95, 8: 1.05, 24: 1.637}, edge.LOSSES | {4000: 4e-18}
    a = path("A", 0.92, eta_c, 4000, ratio, loss, 562, slow, drawn(2, SCALES["A"]))
    ratio, loss = edge.RATIOS_B | {11: 0.9, 12: 1.02}, {0: 12.8, 6000: 1e-13}
    b = path("B", 0.96, eta_c, 6000, ratio, loss, 365, slow, drawn(3, SCALES["B"]))
    fresh = []
    for seed in range(4):
        top, end = (1.5, 0.99) if seed < 3 else (0.98, 0.97)
        limit = ({0: 0.3, 300: 1.2 if seed < 3 else 0.97}, slow[1])
        line = {0: 0.3, 20: top, 1000: end}
        fresh.append(
            path(seed, 0.92, eta_c, 4000, line, {0: 12.0, 4000: 1e-20}, 100, limit, np.zeros(100))
        )
    chain = []
    for eta in (0.22, 0.24):
        flow = float(theory.chain_sharpness(theory.flow_limit((1.6, 1, 0.5, 0.3))) * eta / 2)
        limit = ({0: 1.0, 100: flow}, {0: 0.6, 100: 1e-30})
        line = {0: 0.9, 2: 1.5, 100: 0.998}
        chain.append(
            path(eta, eta * 4, 0.25, 1000, line, {0: 0.6, 1000: 9e-13}, 200, limit,
                 np.array([1.6, 1.0, 0.5, 0.3]))
        )  # fmt: skip
    files = {}
    for name, each, w_star, widths in (
        ("edge", [a, b], target, WIDTHS),
        ("edge_fresh", fresh, target, WIDTHS),
        ("chain", chain, np.ones((1, 1)), (1, 1, 1, 1, 1)),
    ):
        files[f"runs/{name}"], files[f"spectra/{name}"] = paths(each, w_star, widths)
    return files


def wide():
    """Two seeds, four checkpoints."""
    at = np.array([0, 10, 100, 12_000])
    loss = np.tile(along({0: 25.0, 12_000: 1e-14}, np.arange(12_001), log=True), (2, 1))
    top = np.array([0.1, 1.5, 1.2, 0.999])[:, None] * 45 / np.array([1, 2, 3])
    where = ("run", "checkpoint")
    runs = xr.Dataset(
        {
            "loss": (("run", "step"), loss),
            "increases": ("run", [1707, 2558]),
            "diverged_at": ("run", [-1, -1]),
        },
        coords={"run": [0, 1]},
        attrs={"widths": [10, 128, 128, 128, 128, 10], "share": 0.9},
    )
    spectra = xr.Dataset(
        {
            "eigenvalues": ((*where, "value"), np.stack([top, top])),
            "bound": ((*where, "value"), np.full((2, 4, 3), 1e-7)),
            "smallest": (where, np.full((2, 4), -0.1)),
            "converged": (where, np.ones((2, 4), dtype=bool)),
            "ratio": (where, np.tile([0.1, 1.5, 1.2, 0.999], (2, 1))),
            "checkpoint_step": ("checkpoint", at),
        },
        coords={"run": [0, 1]},
    )
    return {"runs/wide": runs, "spectra/wide": spectra}
