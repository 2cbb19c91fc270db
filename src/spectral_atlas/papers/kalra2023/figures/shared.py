"""Runs as rows of a table, and the constants' statistics for each network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.plotting.facts import MISSING, counted, listed, quoted

Inputs = Mapping[str, xr.Dataset]
CONSTANTS = ("c_loss", "c_sharp", "c_barrier", "c_max")
SYMBOLS = {
    "c_loss": r"$c_\mathrm{loss}$",
    "c_sharp": r"$c_\mathrm{sharp}$",
    "c_barrier": r"$c_\mathrm{barrier}$",
    "c_max": r"$c_\mathrm{max}$",
}
NETWORKS = {"fcn": "FCN", "myrtle": "Myrtle CNN", "resnet": "ResNet"}
NETWORK = ["network", "depth", "width"]  # what tells networks of one family apart
MIN_RUNS = 5  # of a group: fewer are shown one by one, without a bootstrap interval or a null


def runs_frame(inputs: Inputs, names: Iterable[str]) -> pd.DataFrame:
    """One row for each run of the studies ``runs/<name>``.

    Returns
    -------
    DataFrame with the columns ``study, row`` (place in the file), all coordinates of the runs,
    ``ratio`` (depth over width), ``lambda0, loss0, undecided``, and for each constant:

    - ``c_...``: 2^(grid_step k), NaN where not sought; what lies beyond the grid is counted as the
      next grid point;
    - ``k_...``: its index on the grid (its size: beyond the last point);
    - ``end_...``: -1 where it is the given value *or less*, 1 where it is that *or more*, else 0.

    Select groups with masks: ``frame[frame["depth"] == 4]``.
    """
    return pd.concat([_study_frame(name, inputs[f"runs/{name}"]) for name in names]).reset_index(
        drop=True
    )


def _study_frame(name: str, runs: xr.Dataset) -> pd.DataFrame:
    columns = {c: runs[c].values for c in runs.coords if runs[c].dims == ("run",)}
    frame = pd.DataFrame(columns).assign(study=name, row=np.arange(runs.sizes["run"]))
    frame["ratio"] = frame["depth"] / frame["width"]
    for extra in ("lambda0", "loss0", "undecided"):
        frame[extra] = runs[extra].values
    step, grid = float(runs.attrs["grid_step"]), int(runs.attrs["grid"])
    for constant in CONSTANTS:
        short = constant[1:]
        k = runs[f"k{short}"].values.astype(int)
        value = 2.0 ** (step * np.clip(k, -1, grid))
        frame[constant] = np.where(k < -1, np.nan, value)
        frame[f"k{short}"] = k
        frame[f"end{short}"] = _ends(constant, k, grid)
    return frame


def _ends(constant: str, k: np.ndarray, grid: int) -> np.ndarray:
    """Where only a bound is known; index ``grid`` says that no c of the grid was found.

    c_max is the last c that trains, known also where that is the first of the grid; c_barrier is at
    most c_max. The others are the first c of their kind.
    """
    first = -1 if constant == "c_max" else 0
    return np.where(k < -1, 0, np.where(k <= first, -1, np.where(k >= grid, 1, 0)))


def summarize_constants(
    frame: pd.DataFrame,
    by: Sequence[str] = NETWORK,
    constants: Sequence[str] = CONSTANTS,
) -> pd.DataFrame:
    """Mean, median and quartiles of the constants over the runs of each group.

    Parameters
    ----------
    frame : of `runs_frame`
    by : columns; groups without a run do not appear

    Returns
    -------
    DataFrame ``by``, ``constant, n, mean, q25, median, q75, below, above``: of the n runs where the
    constant was sought, ``below`` and ``above`` are only known to lie at or below the grid's first
    point and beyond its last; the latter are counted as the next grid point. All NaN where n = 0.
    """
    rows = []
    for key, part in frame.groupby(list(by), sort=True):
        for constant in constants:
            sought = part[part[constant].notna()]
            values, ends = sought[constant].to_numpy(float), sought[f"end{constant[1:]}"]
            q = np.quantile(values, [0.25, 0.5, 0.75]) if values.size else np.full(3, np.nan)
            rows.append(
                dict(zip(by, key, strict=True))
                | {"constant": constant, "n": values.size}
                | {"mean": values.mean() if values.size else np.nan}
                | {"q25": q[0], "median": q[1], "q75": q[2]}
                | {"below": int((ends == -1).sum()), "above": int((ends == 1).sum())}
            )
    columns = [*by, "constant", "n", "mean", "q25", "median", "q75", "below", "above"]
    return pd.DataFrame(rows, columns=columns)


def network_label(network: str, depth: int | None = None) -> str:
    """``"FCN, d = 4"``."""
    name = NETWORKS.get(network, network)
    return name if depth is None else f"{name}, d = {depth}"


def searched_text(frame: pd.DataFrame) -> str:
    """Networks where c_barrier was sought, ``"FCN, d = 4 and FCN, d = 8"``."""
    sought = frame[frame["c_barrier"].notna()]
    keys = sought[["network", "depth"]].drop_duplicates().sort_values(["network", "depth"])
    return listed([network_label(r.network, r.depth) for r in keys.itertuples()])


def seeds_text(frame: pd.DataFrame, by: Sequence[str] = NETWORK) -> str:
    """``"n = 8"``, or ``"n = 3–8"`` where groups differ."""
    sizes = frame.groupby(list(by)).size() if len(frame) else pd.Series(dtype=int)
    if not len(sizes):
        return "n = 0"
    low, high = int(sizes.min()), int(sizes.max())
    return f"n = {low}" if low == high else f"n = {low}–{high}"


def censored_text(summary: pd.DataFrame) -> str:
    """How many values are only bounds; empty where none."""
    parts = [
        f"{counted(int(n), 'value')} {where} the grid"
        for where, n in (
            ("at or below", summary["below"].sum()),
            ("beyond", summary["above"].sum()),
        )
        if n
    ]
    return f"arrow heads: {'; '.join(parts)}" if parts else ""


def values_text(summary: pd.DataFrame, constant: str, statistic: str = "mean") -> str:
    """Statistic of one family by width, ``"w = 64: 4.4 [3.7, 4.8]; ..."`` with quartiles."""
    own = summary[(summary["constant"] == constant) & (summary["n"] > 0)]
    parts = [
        f"w = {r.width}: {quoted(getattr(r, statistic))} [{quoted(r.q25)}, {quoted(r.q75)}]"
        for r in own.itertuples()
    ]
    return "; ".join(parts) or MISSING
