"""Runs as rows of a table, the constants' statistics for each network, and fits in 1/width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.plotting.facts import MISSING, counted, quoted
from spectral_atlas.plotting.intervals import LEVEL, RESAMPLES

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
MIN_FIT_WIDTH = 64
MIN_QUADRATIC = 5  # widths: fewer make the parabola an interpolation
MIN_FIT_RUNS = 2


def runs_frame(inputs: Inputs, names: Iterable[str]) -> pd.DataFrame:
    """One row for each run of the studies ``runs/<name>``.

    Returns
    -------
    DataFrame with the columns ``study, row`` (place in the file), all coordinates of the runs,
    ``ratio`` (depth over width), ``lambda0, loss0, undecided``, and for each constant:

    - ``c_...``: its value, NaN where not sought; at the end of the grid where it lies beyond it;
    - ``k_...``: its index on the grid;
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
    # No barrier was met below a c_max that itself lies beyond the grid.
    beyond = (frame["end_max"] == 1) & (frame["k_barrier"] == frame["k_max"])
    frame.loc[beyond, "end_barrier"] = 1
    return frame


def _ends(constant: str, k: np.ndarray, grid: int) -> np.ndarray:
    """Where only a bound is known: c_max is the last c that trains, the others are first ones."""
    first, last = (-1, grid - 1) if constant == "c_max" else (0, grid)
    return np.where(k < -1, 0, np.where(k <= first, -1, np.where(k >= last, 1, 0)))


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
    constant was sought, ``below`` and ``above`` have only the grid's first and last value as bound
    and enter with it. All NaN where n = 0.
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


@dataclass(frozen=True)
class WidthFit:
    """A least-squares polynomial in y = 1/w through a statistic of a constant at each width.

    Attributes
    ----------
    constant, statistic : str
    widths : the fitted ones, all at least `MIN_FIT_WIDTH`
    coefficients : (order + 1,), constant term (the limit of infinite width) first
    low, high : float
        95 % interval of the constant term: runs resampled within each width.
    """

    constant: str
    statistic: str
    widths: tuple[int, ...]
    coefficients: np.ndarray
    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether it goes through all points because there are no more than coefficients."""
        return len(self.widths) == len(self.coefficients)

    def at(self, y: np.ndarray) -> np.ndarray:
        """Values at y = 1/w."""
        return np.polynomial.polynomial.polyval(y, self.coefficients)

    def text(self) -> str:
        """``"1.93 + 165/w"``; what vanishes to rounding is 0."""
        c = np.where(np.abs(self.coefficients) < 1e-9 * np.abs(self.coefficients).max(), 0.0,
                     self.coefficients)  # fmt: skip
        terms = [
            f"{quoted(abs(float(v)))}{tail}" for v, tail in zip(c, ("", "/w", "/w²"), strict=False)
        ]
        signs = ["−" if v < 0 else "+" for v in c]
        first = f"−{terms[0]}" if c[0] < 0 else terms[0]
        rest = zip(signs[1:], terms[1:], strict=True)
        return " ".join([first, *(f"{sign} {term}" for sign, term in rest)])


def fit_in_width(frame: pd.DataFrame, constant: str, statistic: str = "mean") -> WidthFit | None:
    """Fit of one family (one network, depth and so on); None with fewer than two widths >= 64.

    Order 1 in 1/w, as in the authors' demonstrations; order 2 from five widths on.

    Parameters
    ----------
    frame : rows of `runs_frame` of one family
    statistic : "mean" or "median" of each width's runs, fitted with equal weights
    """
    used = frame[(frame["width"] >= MIN_FIT_WIDTH) & frame[constant].notna()]
    groups = {int(w): part[constant].to_numpy(float) for w, part in used.groupby("width")}
    if len(groups) < 2:
        return None
    order = 2 if len(groups) >= MIN_QUADRATIC else 1
    y = 1.0 / np.array(list(groups))
    center = np.mean if statistic == "mean" else np.median
    rng = np.random.default_rng(0)
    points = np.array([center(v) for v in groups.values()])
    drawn = [
        center(v[rng.integers(0, v.size, (RESAMPLES, v.size))], axis=1) for v in groups.values()
    ]
    solve = np.linalg.pinv(np.vander(y, order + 1, increasing=True))
    low, high = np.nan, np.nan
    if min(v.size for v in groups.values()) >= MIN_FIT_RUNS:
        limits = solve[0] @ np.array(drawn)
        low, high = np.percentile(limits, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return WidthFit(constant, statistic, tuple(groups), solve @ points, float(low), float(high))


def network_label(network: str, depth: int | None = None) -> str:
    """``"FCN, d = 4"``."""
    name = NETWORKS.get(network, network)
    return name if depth is None else f"{name}, d = {depth}"


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
