"""Files of minima with L2, made up so that every claim on them holds."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import xarray as xr
from test_claims_ideal_paths import TEN, joined, member, named

from spectral_atlas.papers.jacot2021 import theory

NOISY_RIDGES = [1e-4, 1e-3, 3e-3, 8e-3, 0.02]
FULL_RIDGES = [0.01, 0.014, 0.017, 0.0188, 0.022, 0.03]
SPECTRUM, C = np.array([10.0, 6.0, 3.0]), 0.01
AXES = ("target", "depth", "rank", "ridge")
GLOBAL = {2: 8, 3: 6, 4: 5}


def values_of(best: int, ranks) -> np.ndarray:
    """Losses with the lowest at a rank."""
    return 0.05 + 0.02 * np.abs(np.array(ranks) - best)


def file(depths, ranks, ridges, best, has, test, data, noise) -> xr.Dataset:
    """Minima; functions of (target, depth, ridge) for the lowest rank and the largest one, and test
    costs by rank."""
    shape = (10, len(depths), len(ranks), len(ridges))
    value, tests, found = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=int)
    for (d, L), (j, ridge), t in product(enumerate(depths), enumerate(ridges), TEN):
        most, lowest = has(t, L, ridge), best(t, L, ridge)
        capped = np.minimum(ranks, most)
        found[t, d, :, j] = capped
        value[t, d, :, j] = values_of(lowest, capped)
        tests[t, d, :, j] = [test(r, lowest) for r in capped]
    good = np.ones(shape, dtype=bool)
    return xr.Dataset(
        {
            "rank_found": (AXES, found), "value": (AXES, value), "test_cost": (AXES, tests),
            "converged": (AXES, good), "stable": (AXES, good.copy()),
        },
        coords={"target": TEN, "depth": depths, "rank": ranks, "ridge": ridges},
        attrs={"data": data, "noise": noise, "true_rank": 3, "observed": 80 if noise else 100},
    )  # fmt: skip


def better_at_three(rank: int, best: int) -> float:
    return 0.1 if rank == 3 else 0.2


def minima() -> dict[str, xr.Dataset]:
    def noisy(t, L, ridge):
        return 5

    def clean(t, L, ridge):
        return 3 if ridge <= 0.005 or t else 2

    ranks = list(range(8))
    rest = {"test": better_at_three}
    return {
        "runs/minima_noisy": file(
            [3, 4], ranks, NOISY_RIDGES, noisy, lambda *_: 6, data="completion", noise=0.3, **rest
        ),
        "runs/minima_clean": file(
            [3, 4], ranks, NOISY_RIDGES, clean, lambda *_: 4, data="completion", noise=0.0, **rest
        ),
    }


def full() -> dict[str, xr.Dataset]:
    """All entries observed, as the thresholds of single singular values have it."""
    ranks = list(range(5))
    rng = np.random.default_rng(3)
    turns = [[np.linalg.qr(rng.standard_normal((10, 3)))[0] for _ in range(2)] for _ in TEN]
    dims = ("target", "row", "column")
    data = xr.Dataset(
        {"matrix": (dims, np.stack([(u * SPECTRUM) @ v.T for u, v in turns]))},
        coords={"target": TEN},
        attrs={"rank": 3, "observed": 100, "law": "chosen spectrum"},
    )

    def best(t, L, ridge):
        return int((ridge < theory.lambda_global(SPECTRUM, C, L)).sum())

    def has(t, L, ridge):
        return int((ridge < theory.lambda_critical(SPECTRUM, C, L)).sum())

    made = file([3, 4], ranks, FULL_RIDGES, best, has, better_at_three, "full", 0.0)
    maps = np.zeros((*made["value"].shape, 10, 10))
    for (d, L), (j, ridge), t in product(enumerate([3, 4]), enumerate(FULL_RIDGES), TEN):
        u, v = turns[t]
        s = np.nan_to_num(theory.stationary_values(SPECTRUM, ridge, C, L)[1])
        for r in ranks:
            kept = np.where(np.arange(3) < r, s, 0)
            maps[t, d, r, j] = (u * kept) @ v.T
    return {
        "data/full": data,
        "runs/minima_full": made.assign(map=((*AXES, "row", "column"), maps)),
    }


def landscape() -> dict[str, xr.Dataset]:
    ranks, ridges, depths = list(range(10)), [1e-3, 3e-3], [2, 3, 4]

    def best(t, L, ridge):
        return GLOBAL[L]

    runs = file(depths, ranks, ridges, best, best, better_at_three, "completion", 0.3)
    saddle = (runs["rank"] < GLOBAL[2]) & (runs["depth"] == 2)
    negative = saddle.broadcast_like(runs["value"]).transpose(*AXES) * 5
    runs["stable"] = (AXES, negative.values == 0)
    eigenvalues = np.ones((*negative.shape, 4)) * 2 * np.array(ridges)[:, None]
    spectra = xr.Dataset(
        {
            "negative": negative.drop_vars(("target", "depth", "rank", "ridge")),
            "zero": (AXES, np.full(negative.shape, 20.0)),
            "rotations": (AXES, np.full(negative.shape, 20.0)),
            "certain": (AXES, np.ones(negative.shape, dtype=bool)),
            "eigenvalues": ((*AXES, "index"), eigenvalues),
        },
        coords={"target": TEN, "depth": depths, "rank": ranks, "ridge": ridges},
        attrs={"width": 12},
    )
    return {"runs/landscape": runs, "spectra/landscape": spectra}


def ridge_descents() -> dict[str, xr.Dataset]:
    """Ends in minima of falling rank as gamma grows; at L = 2 in one."""
    parts = []
    for L, (i, g), t in product((2, 3, 4), enumerate((1.0, 1.5, 2.0)), TEN):
        rank = GLOBAL[L] - (0 if L == 2 else i)
        loss = float(values_of(GLOBAL[L], [rank])[0])
        norm = 10.0
        cost = loss - 1e-3 * norm
        path = member(
            [0, 700, 1000], np.zeros((3, 10, 10)), np.ones((3, 3)), [2.0, cost, cost], 1.0,
            gradient=np.full(3, 1e-6), squared=np.full(3, norm), stopped=False,
        )  # fmt: skip
        parts.append(named(path[0], L, 50, g, t))
    return {"runs/ridge_gd": joined(parts, noise=0.3, ridge=1e-3, stop_share=0.0)}


def schatten() -> dict[str, xr.Dataset]:
    L, t = (np.array(v) for v in zip(*product((2, 3, 4, 5), range(3)), strict=True))
    one = ("member", np.full(12, 30.0))
    identity = xr.Dataset(
        {
            "norm_at_minimum": one, "penalty_at_minimum": one,
            "imbalance": ("member", np.full(12, 1e-12)),
            "value": ("member", np.full(12, 0.04)), "convex_value": ("member", np.full(12, 0.04)),
        },
        coords={"depth": ("member", L), "target": ("member", t)},
        attrs={"ridge": 1e-3, "width": 15},
    )  # fmt: skip
    depths, ridges, a = [2, 3, 4, 5], [0.005, 0.01], np.linspace(0, 4, 41)[1:]
    pairs = list(product(depths, ridges))
    upper = [np.nan_to_num(theory.stationary_values(a, r, C, L)[1]) for L, r in pairs]
    edges = [[float(f(r, C, L)) for L, r in pairs] for f in (theory.a_critical, theory.a_global)]
    scan = xr.Dataset(
        {
            "minimizer": (("depth", "ridge", "a"), np.reshape(upper, (4, 2, -1))),
            "appears_at": (("depth", "ridge"), np.reshape(edges[0], (4, 2))),
            "wins_at": (("depth", "ridge"), np.reshape(edges[1], (4, 2))),
        },
        coords={"depth": depths, "ridge": ridges, "a": a}, attrs={"curvature": C},
    )  # fmt: skip
    axes = ("depth", "ridge", "factor", "target")
    ends = np.zeros((2, 2, 2, 3))
    ends[:, :, 1] = 10.0
    basin = xr.Dataset(
        {"end_norm": (axes, ends), "data_norm": (axes, np.full(ends.shape, 12.0))},
        coords={
            "depth": [3, 4], "ridge": [0.001, 0.005], "factor": [0.97, 1.03], "target": [0, 1, 2]
        },
    )  # fmt: skip
    return {"runs/identity": identity, "runs/thresholds": scan, "runs/basin": basin}


@cache
def ideal_ridge() -> dict[str, xr.Dataset]:
    """All of them, by "stage/name"."""
    return minima() | full() | landscape() | ridge_descents() | schatten()


def test_the_window_has_a_local_minimum_of_rank_three():
    made = full()["runs/minima_full"].sel(depth=3, ridge=0.0188, target=0)
    assert made["rank_found"].values.tolist() == [0, 1, 2, 3, 3]
    assert int(np.argmin(made["value"].values)) == 2
