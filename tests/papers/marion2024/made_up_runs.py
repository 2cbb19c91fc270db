"""Small made-up inputs of the figures, with known answers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024 import data, theory
from spectral_atlas.papers.marion2024.config import RatioData, RegressionData
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.stage import Job

WORDS = ["converged", "unconverged", "collapsed", "diverged"]


def make(members: pd.DataFrame, values: dict[str, np.ndarray]) -> tuple[xr.Dataset, xr.Dataset]:
    """Runs and spectra files of a table of members; ``values`` hold for the final checkpoint."""
    coords = {name: ("run", members[name].to_numpy()) for name in members}
    coords["checkpoint"] = ["initial", "final"]
    both = {n: (("checkpoint", "run"), np.stack([0 * v, v])) for n, v in values.items()}
    spectral = ("lambda_max", "power_estimate", "rank_one_mass", "alignment")
    runs = {n: v for n, v in both.items() if n not in spectral}
    outcome = values["outcome"].astype(np.int8)
    runs["outcome"] = ("run", outcome, {"flag_meanings": " ".join(WORDS)})
    spectra = {n: both[n] for n in spectral if n in both}
    certified = np.ones((2, len(members)), dtype=np.int8)
    spectra["certified"] = (("checkpoint", "run"), certified)
    return xr.Dataset(runs, coords), xr.Dataset(spectra, coords)


def table(**columns: list) -> pd.DataFrame:
    frame = pd.DataFrame(list(product(*columns.values())), columns=list(columns))
    return frame.assign(steps=100, d=3)


def bounds(sets: xr.Dataset, members: pd.DataFrame) -> np.ndarray:
    a = np.array([Problem.load(sets, i).a for i in range(sets.sizes["problem"])])
    return 2 * members["depth"].to_numpy() * a[members["problem"].to_numpy()]


def inputs_of(broken: bool = False) -> dict[str, xr.Dataset]:
    """Every input of the five figures; ``broken``: all trained runs diverged."""
    rng = np.random.default_rng(0)
    linear = data.regression(RegressionData(n=20, d=3, draws=2), {}, Job(seed=1))
    wide = data.regression(RegressionData(n=4, d=6, draws=1), {}, Job(seed=1))
    scans = RatioData(n=20, d=3, condition_numbers=[1, 5], dimensions=[2, 3], draws=2)
    ratio = data.ratio(scans, {}, Job(seed=1))
    out = {"data/linear": linear, "data/underdetermined": wide, "data/ratio": ratio}

    def add(name: str, sets: xr.Dataset, members: pd.DataFrame, **values: np.ndarray) -> None:
        values.setdefault("outcome", np.zeros(len(members)))
        values.setdefault(
            "lambda_max", bounds(sets, members) * (1 + rng.exponential(size=len(members)))
        )
        if broken:
            values = {n: np.full(len(members), np.nan) for n in values} | {
                "outcome": np.full(len(members), 3)
            }
        out[f"runs/{name}"], out[f"spectra/{name}"] = make(members, values)

    members = table(
        problem=[0, 1], initialization=["residual"], depth=[2, 4], scale=[0.25],
        learning_rate=[0.05, 0.1, 0.2, 0.4, 0.8], seed=[0, 1, 2],
    )  # fmt: skip
    relative = members["learning_rate"].to_numpy() * bounds(linear, members) / 2
    add(
        "depth_sweep", linear, members,
        squared_distance=np.where(relative < 1, 1e-9, 0.5) * rng.uniform(1, 2, len(members)),
        outcome=np.select([relative < 1, members["seed"] == 0], [0, 3], 1),
    )  # fmt: skip
    members = table(
        problem=[0], initialization=["gaussian"], depth=[3], scale=[0.1, 0.2, 0.4],
        learning_rate=[0.001, 0.01], seed=[0, 1, 2, 3, 4],
    )  # fmt: skip
    sharpness = 100 * members["scale"].to_numpy() * np.exp(0.3 * rng.standard_normal(len(members)))
    add(
        "underdetermined_sweep", wide, members,
        lambda_max=sharpness, power_estimate=1.01 * sharpness,
        excess_risk=np.full(len(members), 1e-3), test_risk=0.05 * sharpness**0.5,
    )  # fmt: skip
    members = table(
        problem=[0, 1], initialization=["gaussian"], depth=[3, 5], scale=[0.01, 0.03, 0.1],
        learning_rate=[0.02], seed=[0, 1],
    )  # fmt: skip
    scale = members["scale"].to_numpy()
    problems = [Problem.load(linear, i) for i in (0, 1)]
    pairs = members[["problem", "depth"]].to_numpy()
    limits = np.array(
        [theory.rank_one_limit(problems[i].Sigma, problems[i].w_star, depth) for i, depth in pairs]
    )
    add(
        "alignment", linear, members,
        lambda_max=limits * (1 + 2 * scale**3), rank_one_mass=7 * scale**2, alignment=1 - scale**4,
    )  # fmt: skip
    members = table(problem=[0, 1], depth=[2, 4], spread=[0.0, 1.0], seed=[0, 1, 2])
    sharpness = bounds(linear, members) * rng.uniform(1.5, 9, len(members))
    runs, spectra = make(members, {"lambda_max": sharpness, "outcome": np.zeros(len(members))})
    out["runs/minimizers"] = runs.drop_vars("outcome").isel(checkpoint=[1])
    out["spectra/minimizers"] = spectra.isel(checkpoint=[1])
    everything, base = (
        list(range(ratio.sizes["problem"])),
        np.flatnonzero(ratio["base"].values).tolist(),
    )
    common = {"scale": [0.1], "learning_rate": [0.01], "seed": [0, 1]}
    parts = [
        table(problem=which, initialization=[kind], depth=[depth], **common)
        for kind, depths in (("gaussian", (2, 3)), ("residual", (4, 8)))
        for which, depth in zip((everything, base), depths, strict=True)
    ]
    members = pd.concat(parts, ignore_index=True)
    add("ratio", ratio, members.assign(d=ratio["d"].values[members["problem"]]))
    return out


def members_of(runs: xr.Dataset) -> pd.DataFrame:
    """Coordinates of the runs as a table."""
    return pd.DataFrame({n: c.values for n, c in runs.coords.items() if c.dims == ("run",)})
