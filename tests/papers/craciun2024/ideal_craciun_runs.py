"""Files of runs, made up so that every claim on them holds."""

from __future__ import annotations

import numpy as np
import xarray as xr
from ideal_craciun import ideal_spectra
from ideal_craciun_follow_up import bifurcation, minibatch
from ideal_craciun_paths import descents, wide

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims import fractions, gradients, nonlinear
from spectral_atlas.papers.craciun2024.claims.study import REGRESSIONS

SHARES = np.array([0.5, 0.9, 0.95, 0.99, 1.01, 1.02, 1.05, 1.1, 1.15, 1.2, 1.22, 1.25, 1.3, 1.6])
MODES = {"flag_values": [0, 1, 2, 3], "flag_meanings": "minimum saddle bounded diverged"}
STARTS = 20_000


def mixed(count, size, first, rest):
    """The first `count` of one kind."""
    return np.where(np.arange(size) < count, first, rest)


def two_parameter():
    converged = {0.1: 1.0} | fractions.CONVERGED
    moving = fractions.OSCILLATING | {0.5: 0.3026, 0.501: 0.3017, 0.505: 0.2984, 1.0: 0.0, 1.1: 0.0}
    etas = np.array(sorted([*converged, *moving]))
    outcome = np.empty((len(etas), STARTS), dtype=np.int8)
    theta = np.zeros((len(etas), STARTS, 2))
    gradient = np.full((len(etas), STARTS), np.nan)
    for k, eta in enumerate(etas):
        share = converged.get(eta, moving.get(eta))
        count = round(share * STARTS)
        outcome[k] = mixed(count, STARTS, 0 if eta in converged else 2, 3)
        theta[k, :count, 0] = np.linspace(0.6, 0.997, count) / eta**0.5
        gradient[k, :count] = theory.asymptotic_gradient(2 * eta) if eta > 0.5 else 0.01
        if eta in converged:
            gradient[k, :count] = 1e-15
    found = xr.Dataset(
        {
            "theta": (("learning_rate", "start", "weight"), theta),
            "outcome": (("learning_rate", "start"), outcome, MODES),
            "gradient_mean": (("learning_rate", "start"), gradient),
        },
        coords={"learning_rate": etas},
        attrs={"steps": 5000, "window": 200, "box": 3.0},
    )
    return {"runs/two_parameter": found}


def nets(starts=400):
    """The first 92 % do not diverge."""
    names = list(REGRESSIONS)
    depth = np.array([len(r.widths) - 1 for r in REGRESSIONS.values()])
    sigma = np.array([max(r.singular_values, default=1.2656) for r in REGRESSIONS.values()])
    shape, count = (len(names), len(SHARES), starts), round(0.92 * starts)
    outcome = np.empty(shape, dtype=np.int8)
    gradient, gap, step, ratio = (np.full(shape, np.nan) for _ in range(4))
    multipliers = np.full((len(names), len(SHARES), 2, 4, 2), np.nan)
    for k, name in enumerate(names):
        for j, a in enumerate(SHARES):
            outcome[k, j] = mixed(count, starts, 0 if a < 1 else 2, 3)
            value = theory.asymptotic_gradient(a, sigma[k]) if a > 1 else 1e-14
            if name == "2-3-3-2":
                value = gradients.DEEP.get(a, value)
            last = 1.19 if len(set(REGRESSIONS[name].singular_values)) == 2 else 1.23
            last = 1.2 if a == 1.2 else last  # as one claim on both has it
            gradient[k, j, :count] = value
            gap[k, j, :count] = 1e-15 if a <= last else 0.1
            step[k, j, :count] = 0.3 if a > 1 else 1e-15
            if a < 1:
                ratio[k, j, :count] = 0.99
            elif a <= last:
                along, across = theory.period_two_multipliers(a)
                multipliers[k, j, :, :2, 0] = sorted([along, across], key=abs, reverse=True)
                multipliers[k, j, :, :2, 1] = 0
    each, coords = ("net", "share", "start"), {"net": names, "share": SHARES}
    runs = xr.Dataset(
        {
            "outcome": (each, outcome, MODES),
            "left": (each, np.zeros(shape, dtype=bool)),
            "gradient_mean": (each, gradient),
            "period_two_gap": (each, gap),
            "step_length": (each, step),
            "depth": ("net", depth),
            "std": ("net", [r.std for r in REGRESSIONS.values()]),
            "largest_singular_value": ("net", sigma),
        },
        coords=coords,
        attrs={"steps": 100_000, "window": 200},
    )
    spectra = xr.Dataset({"ratio": (each, ratio)}, coords=coords)
    orbits = xr.Dataset(
        {
            "multipliers": (("net", "share", "orbit", "value", "part"), multipliers),
            "found": (("net", "share"), ((gap < 1e-8) & (step > 1e-8)).sum(axis=-1)),
        },
        coords=coords | {"part": ["real", "imaginary"]},
        attrs={"gap": 1e-8},
    )
    return {"runs/nets": runs, "spectra/nets": spectra, "spectra/orbits": orbits}


def basins(side=40):
    axis = np.linspace(-3, 3, side)
    axis = (axis - axis[::-1]) / 2
    etas = np.array([0.25, 0.49, 0.51, 0.75])
    w1, w2 = np.meshgrid(axis, axis)
    shape = (4, side, side)
    outcome, nudged = np.empty(shape, dtype=np.int8), np.full(shape, -1, dtype=np.int8)
    sharpness = np.full(shape, np.nan)
    for k, eta in enumerate(etas):
        kept, saddle = np.hypot(w1, w2) < 2, (w2 == -w1) & (w1**2 < 1 / eta - 1)
        outcome[k] = np.where(kept & (w2 != -w1), 0 if eta < 0.5 else 2, 3)
        outcome[k][saddle], nudged[k][saddle] = 1, 0 if eta < 0.5 else 2
        sharpness[k][outcome[k] == 0] = 0.99 * 2 / eta
    where = ("learning_rate", "w2", "w1")
    found = xr.Dataset(
        {
            "outcome": (where, outcome, MODES),
            "nudged": (where, nudged),
            "sharpness": (where, sharpness),
        },
        coords={"learning_rate": etas, "w1": axis, "w2": axis},
        attrs={"steps": 4000, "nudge": 1e-10},
    )
    return {"runs/basins": found}


def two_layers(starts=60):
    etas = np.array([0.05, 0.2, 0.4, 0.5, 0.6])
    rest = {0.05: 60, 0.2: 50, 0.4: 2, 0.5: 0, 0.6: 0}
    shape = (2, len(etas), starts)
    outcome, ratio = np.full(shape, 2, dtype=np.int8), np.full(shape, np.nan)
    gradient, loss = np.full(shape, np.nan), np.full(shape, np.nan)
    for k, eta in enumerate(etas):
        outcome[:, k, : rest[eta]] = 0
        gradient[:, k, : rest[eta]], loss[:, k, : rest[eta]] = 1e-15, 1e-26
        ratio[:, k, : rest[eta]] = 0.99
    outcome[:, 3, :3], gradient[:, 3, :3], loss[:, 3, :3] = 1, 0.1, 0.01
    each, coords = ("activation", "learning_rate", "start"), {"learning_rate": etas}
    coords["activation"] = ["tanh", "elu"]
    runs = xr.Dataset(
        {
            "outcome": (each, outcome),
            "left": (each, np.zeros(shape, dtype=bool)),
            "gradient_mean": (each, gradient),
            "loss_most": (each, loss),
        },
        coords=coords,
        attrs={"width": 20, "steps": 100_000, "still": 1e-8},
    )
    points = xr.Dataset({"x": ("sample", list(nonlinear.X)), "y": ("sample", list(nonlinear.Y))})
    spectra = xr.Dataset({"ratio": (each, ratio)}, coords=coords)
    return {"data/points": points, "runs/nonlinear": runs, "spectra/nonlinear": spectra}


def ideal_files():
    """Every file that claims read."""
    parts = two_parameter(), nets(), basins(), two_layers(), bifurcation(), minibatch()
    parts = *parts, descents(), wide(), ideal_spectra()
    return {ref: ds for part in parts for ref, ds in part.items()}
