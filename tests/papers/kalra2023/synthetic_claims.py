"""Files of all studies, made up so that every claim holds; the uv model is the real one."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
import xarray as xr

from spectral_atlas.papers.kalra2023.claims import long_runs, reduction, regimes, saturation
from spectral_atlas.papers.kalra2023.claims.instruments import BATCH, NETS
from spectral_atlas.papers.kalra2023.claims.study import DATA, Nets
from spectral_atlas.papers.kalra2023.uv import uv
from spectral_atlas.papers.kalra2023.uv_sections import UV
from spectral_atlas.stage import Job

GRID, STEP = 141, 0.1
STEPS = 10
JITTER = np.array([0, 1, -1, 0, 1, -1, 0, 1])  # grid steps of the seeds
RELATIVE = {0.5: 1.06, 1.0: 1.0, 1.5: 0.94}  # lambda_10 / lambda_0 to that at c = 1
UV_SECTIONS = {
    "constants": {"widths": [4, 8, 16, 32, 64, 128, 256, 512, 1024, 8192], "runs": 500},
    "averages": {"widths": [8, 32, 128, 512], "multiples": [0.5, 1, 2, 3, 5], "samples": 200_000},
    "trajectories": {"widths": [8, 512], "multiples": [1.0, 2.5, 3.5, 4.2], "runs": 5},
    "saturation": {"widths": [8, 32, 128, 512, 4096], "runs": 400},
}
# (c_loss, c_sharp, c_barrier, c_max) and lambda_10 / lambda_0 at c = 1
FCN = {
    (4, 32): ((13.0, 15.0, 27.0, 27.0), 0.45),
    (4, 64): ((4.3, 6.9, 13.0, 16.0), 0.6),
    (4, 128): ((3.1, 4.6, 6.5, 13.6), 0.75),
    (4, 256): ((2.6, 3.5, 5.9, 13.6), 0.88),
    (8, 64): ((14.0, 19.0, 33.0, 33.0), 0.45),
    (8, 128): ((7.0, 11.0, 20.0, 20.0), 0.57),
    (8, 256): ((3.6, 5.3, 12.0, 13.9), 0.73),
    (16, 64): ((45.0, 55.0, np.nan, 60.0), 0.3),
    (16, 128): ((22.0, 29.0, np.nan, 40.0), 0.4),
}


def ideal_inputs() -> dict[str, xr.Dataset]:
    """Everything, by "stage/name"."""
    made = {f"data/{name}": data(name) for name in DATA}
    for depth, ref in regimes.FILES.items():
        made[ref] = joined(
            early(regimes.fcn(d, w), constants, {c: r * v for c, v in RELATIVE.items()})
            for (d, w), (constants, r) in FCN.items()
            if d == depth
        )
    wild = np.flatnonzero(made["runs/fcn_deeper"]["width"].values == 64)[:2]
    made["runs/fcn_deeper"]["k_loss"][wild] += 5  # an exception at large d / w
    made["runs/trajectories"] = joined(
        [
            early(Nets("runs/trajectories", 4, 256), FCN[4, 256][0], {4.0: 0.3}, peak=3.0, n=2),
            early(Nets("runs/trajectories", 8, 64), FCN[8, 64][0], {4.0: 0.3}, peak=0.6, n=4),
        ]
    )
    made["runs/output"] = joined(
        [
            *(
                early(regimes.output(d, w, kind), (2.2, 2.5, np.nan, 9.0), {1.0: 1.01}, n=6)
                for kind in ("zero", "centred")
                for d, w in reduction.AT_TWO[kind]
            ),
            *(
                early(regimes.output(8, 64, alpha=a), (c, 20.0, np.nan, 30.0), {1.0: 0.5})
                for a, c in ((3.0, 14.0), (0.1, 7.0), (0.01, 2.5))
            ),
        ]
    )
    made["runs/cross_entropy"] = joined(
        [
            *(
                early(regimes.entropy(d, w), (14.9, 16.0, np.nan, 27.0), {1.0: 0.9})
                for d, w in ((4, 64), (4, 128), (8, 64))
            ),
            *(
                early(regimes.entropy(d, w, "zero"), (4.0, 1e-9, np.nan, 9.0), {1.0: 1.5})
                for d, w in ((4, 64), (4, 128), (8, 64))
            ),
        ]
    )
    shrinking = {32: 13.0, 64: 4.5, 128: 3.1}
    made["runs/data_sets"] = joined(
        early(
            regimes.learning(name, 4, w),
            (2.2 if name == "teacher_scalar" else c, 15.0, np.nan, 20.0),
            {1.0: 0.8},
            n=6,
        )
        for name in ("isotropic", "steep", "teacher", "teacher_scalar", "random_labels")
        for w, c in shrinking.items()
    )
    changes = [{"activation": "tanh", "weight_variance": 1.0}, {"batch": 128}, {"batch": 32}]
    made["runs/variants"] = joined(
        [
            *(
                early(regimes.variant(4, w, **change), (c, 9.0, np.nan, 20.0), {1.0: 0.8})
                for change in changes
                for w, c in ((64, 4.5), (128, 3.1))
                if (w, change.get("batch")) != (128, 32)
            ),
            *(
                early(regimes.linear(4, w, s), (c, 9.0, np.nan, 20.0), {1.0: 0.8})
                for w, s, c in ((32, 0.0, 4.0), (128, 0.0, 2.4))
            ),
        ]
    )
    made["runs/authors"] = joined(
        early(Nets("runs/authors", 4, w, batch=BATCH), (c, 5.0, np.nan, 20.0), {})
        for w, c in ((64, 4.5), (128, 3.1))
    )
    made["runs/myrtle"] = joined(
        early(regimes.myrtle(5, w), (c, 1.2 * c, np.nan, 2 * c), {1.0: 0.5}, n=4)
        for w, c in ((16, 42.0), (32, 20.0), (64, 8.0))
    )
    made["runs/regimes"] = whole_trainings()
    made["runs/saturation"] = saturated()
    made["spectra/estimators"] = estimates()
    made["runs/uv"] = real_uv()
    return made


def data(name: str) -> xr.Dataset:
    """A training set of the claimed name and size."""
    claimed, samples = DATA[name]
    return xr.Dataset({"x": ("sample", np.zeros(samples))}, attrs={"name": claimed})


def coordinates(nets: Nets, n: int) -> dict[str, tuple[str, np.ndarray]]:
    names = [f.name for f in fields(nets) if f.name != "file"]
    found = {name: ("run", np.full(n, getattr(nets, name))) for name in names}
    return {**found, "seed": ("run", np.arange(n))}


def joined(parts) -> xr.Dataset:
    return xr.concat(list(parts), dim="run", combine_attrs="override")


def early(
    nets: Nets,
    constants: tuple[float, ...],
    ratios: dict[float, float],
    *,
    peak: float = 0.7,
    n: int = 8,
) -> xr.Dataset:
    """Runs with about these constants (NaN: not sought) and sharpnesses at t = 10.

    Sharpness and loss go evenly from 1 at t = 0 to where they end; the highest loss is `peak`.
    """
    made = {}
    for name, c in zip(("loss", "sharp", "barrier", "max"), constants, strict=True):
        k = np.full(n, -9)
        if np.isfinite(c):
            k = np.maximum(np.round(np.log2(c) / STEP).astype(int) + JITTER[:n], 0)
        made[f"k_{name}"] = ("run", k)
        made[f"c_{name}"] = ("run", np.where(k >= 0, 2.0 ** (STEP * k), np.nan))
    shape = (n, len(ratios), STEPS + 1)
    t = np.linspace(0, 1, STEPS + 1)
    ends = np.array([r + 0.005 * JITTER[:n] for r in ratios.values()]).T.reshape(n, -1)
    sharpness = 1 + (ends[..., None] - 1) * t
    loss = np.where(t > 0, peak, 1.0) * np.ones(shape)
    axes = ("run", "multiple", "step")
    made |= {"sharpness": (axes, sharpness), "loss": (axes, loss)}
    made["lambda0"] = ("run", 10.0 + np.arange(n))
    made |= {"flops": ("run", np.ones(n)), "flops_scan": ("run", np.full(n, 60.0))}
    coords = {**coordinates(nets, n), "step": np.arange(STEPS + 1), "multiple": list(ratios)}
    return xr.Dataset(made, coords, {"grid_step": STEP, "grid": GRID, "steps": STEPS})


def whole_trainings() -> xr.Dataset:
    """eta lambda from c down to .7 c and up to 2."""
    multiples, parts = np.array(long_runs.MULTIPLES), []
    times = np.arange(20)
    for nets in (long_runs.NET, long_runs.NARROW):
        edges = np.array([np.interp(times, [0, 8, 19], [c, 0.7 * c, 2.0]) for c in multiples])
        lambda0 = np.array([1.0, 2.0, 3.0])
        values = lambda0[:, None, None] * edges / multiples[:, None]
        coords = {**coordinates(nets, 3), "multiple": multiples, "time": times}
        made = {"sharpness": (("run", "multiple", "time"), values), "lambda0": ("run", lambda0)}
        parts.append(xr.Dataset(made, coords, {"steps": 2400}))
    return joined(parts)


def saturated() -> xr.Dataset:
    """r = 1 up to c = 2, then down, more slowly for narrow nets."""
    c = np.concatenate([[0.25, 0.5, 0.75], np.arange(1, 3.51, 0.125), [4, 5, 6]])
    parts = []
    for (d, w), slope in zip(saturation.NETS, (0.4, 0.2, 0.1), strict=True):
        n = 4
        r = 1 - slope * np.logaddexp(0, 8 * (c - 2)) / 8
        r = np.maximum(r, 0.05) * (1 + 0.004 * JITTER[:n, None])
        coords = {**coordinates(Nets("runs/saturation", d, w), n), "multiple": c}
        made = {"sharpness": (("run", "multiple"), 5 * r), "lambda0": ("run", np.full(n, 5.0))}
        parts.append(xr.Dataset(made, coords, {"time": 50}))
    return joined(parts)


def estimates() -> xr.Dataset:
    """Power iteration 1 % low, Lanczos right."""
    parts = []
    for nets in NETS:
        one = np.ones(8)
        lanczos = np.stack([0.99 * one, one, one], axis=1)
        made = {"certified": ("run", one), "second": ("run", 0.8 * one)}
        made |= {"power": ("run", 0.99 * one), "lanczos": (("run", "lanczos_steps"), lanczos)}
        coords = {**coordinates(nets, 8), "lanczos_steps": [6, 12, 30]}
        parts.append(xr.Dataset(made, coords))
    return joined(parts)


@cache
def real_uv() -> xr.Dataset:
    return uv(UV.model_validate(UV_SECTIONS), {}, Job(seed=2024))
