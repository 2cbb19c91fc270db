"""From cached files to a table with one row for each run, which every figure starts from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.papers.marion2024.theory import lower_bound
from spectral_atlas.plotting.outcomes import OUTCOMES


def load_problems(inputs: Mapping[str, xr.Dataset]) -> list[Problem]:
    """All problems of the one data file among the inputs."""
    (data,) = (dataset for ref, dataset in inputs.items() if ref.startswith("data/"))
    return [Problem.load(data, i) for i in range(data.sizes["problem"])]


def run_frame(
    inputs: Mapping[str, xr.Dataset], name: str, checkpoint: int | str = "final"
) -> pd.DataFrame:
    """One row for each run of experiment ``name``, at one checkpoint.

    Columns are the coordinates of the runs; ``outcome`` as a word; every variable of the runs and
    spectra files that has no further dimension; and, from the run's problem, ``draw``, ``a``,
    ``Lambda``, ``bound`` = 2 L a |w*|^{2-2/L} and ``ratio`` = lambda_max / bound. Weights stay on
    the disk.
    """
    (data,) = (dataset for ref, dataset in inputs.items() if ref.startswith("data/"))
    columns: dict[str, np.ndarray] = {}
    for ref in (f"runs/{name}", f"spectra/{name}"):
        chosen = inputs[ref].sel(checkpoint=checkpoint)
        for key, variable in chosen.variables.items():
            if variable.dims == ("run",):
                columns.setdefault(str(key), variable.values)
    frame = pd.DataFrame(columns)
    if "outcome" in frame:
        words = np.array(inputs[f"runs/{name}"]["outcome"].attrs["flag_meanings"].split())
        frame["outcome"] = words[frame["outcome"].to_numpy(int)]
    own = frame["problem"].to_numpy(int)
    problems = load_problems(inputs)
    frame["draw"] = data["draw"].values[own]
    frame["a"] = np.array([p.a for p in problems])[own]
    frame["Lambda"] = np.array([p.eigenvalues[-1] for p in problems])[own]
    norms = np.array([np.linalg.norm(p.w_star) for p in problems])[own]
    depths = frame["depth"].to_numpy(int)
    frame["bound"] = [lower_bound(*row) for row in zip(depths, frame["a"], norms, strict=True)]
    frame["ratio"] = frame["lambda_max"] / frame["bound"]
    return frame


def outcome_shares(frame: pd.DataFrame) -> dict[str, float]:
    """Share of each outcome among all rows, 0 where there is none: converged, unconverged, ..."""
    outcomes, total = frame["outcome"].to_list(), max(len(frame), 1)
    return {word: outcomes.count(word) / total for word in OUTCOMES}


def data_name(inputs: Mapping[str, xr.Dataset]) -> str:
    """How captions call the first data draw."""
    (data,) = (dataset for ref, dataset in inputs.items() if ref.startswith("data/"))
    published = "published" in data and bool(data["published"].values[0])
    return "the data set of the published code" if published else "a fresh data set"
