"""Distributions over runs beside each other, one column for each group of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.papers.kalra2023.figures.trajectories import recorded
from spectral_atlas.plotting.facts import MISSING, quoted
from spectral_atlas.plotting.panels import jitter

Groups = Mapping[str, pd.DataFrame]  # label below a column: its rows of `shared.runs_frame`
SHARE = 0.8  # of a column's width that is used


def select(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Rows whose columns have the given values; a list allows any of its members."""
    kept = np.ones(len(frame), dtype=bool)
    for name, value in values.items():
        allowed = value if isinstance(value, (list, tuple, set)) else [value]
        kept &= frame[name].isin(list(allowed)).to_numpy()
    return frame[kept]


def distribution(
    ax: Axes,
    x: float,
    values: np.ndarray,
    look: Mapping[str, Any],
    *,
    ends: np.ndarray | None = None,
    width: float = 0.2,
) -> dict[str, float | int]:
    """Draw the runs of one group at x: faint dots, quartile bar, tick at the median, mean marker.

    Parameters
    ----------
    values : (n,), NaN left out
    look : marker, color and so on of the mean
    ends : (n,), optional; -1 and 1 where the value is only an upper or a lower bound, drawn as
        arrow heads down and up
    width : over which the dots are spread

    Returns
    -------
    ``n, mean, q25, median, q75, below, above``; NaN where n = 0.
    """
    ends = np.zeros(values.size) if ends is None else ends
    kept = np.isfinite(values)
    values, ends = values[kept], ends[kept]
    at, color = x + jitter(values.size, width), look["color"]
    for end, marker, room in ((-1, "v", 9), (0, "o", 5), (1, "^", 9)):
        if (own := ends == end).any():
            ax.scatter(
                at[own], values[own], s=room, marker=marker, color=color, alpha=0.45, linewidths=0,
                zorder=2,
            )  # fmt: skip
    found: dict[str, float | int] = {"n": values.size}
    names = ("mean", "q25", "median", "q75")
    if not values.size:
        return found | dict.fromkeys(names, np.nan) | {"below": 0, "above": 0}
    q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75])
    ax.vlines(x, q25, q75, color=color, linewidth=1.1, zorder=3)
    ax.plot(x, median, marker="_", markersize=6, color=color, linestyle="none", zorder=3.2)
    ax.plot(x, values.mean(), linestyle="none", zorder=3.5, **{"markersize": 4.0, **look})
    numbers = (float(v) for v in (values.mean(), q25, median, q75))
    counts = {"below": int((ends == -1).sum()), "above": int((ends == 1).sum())}
    return found | dict(zip(names, numbers, strict=True)) | counts


def column_panel(
    ax: Axes,
    groups: Groups,
    quantities: Sequence[str],
    looks: Mapping[str, Mapping[str, Any]],
    *,
    octaves: bool = True,
) -> pd.DataFrame:
    """One column for each group, in it one distribution for each quantity.

    Parameters
    ----------
    quantities : columns of the frames; a constant's bounds are marked
    looks : of each quantity
    octaves : log axis with ticks at powers of two

    Returns
    -------
    DataFrame ``group, quantity`` and what `distribution` returns; quantities that no run of a group
    has are left out.
    """
    rows = []
    if octaves:
        ax.set_yscale("log", base=2)
    for place, (label, frame) in enumerate(groups.items()):
        for slot, name in enumerate(quantities):
            values = frame[name].to_numpy(float) if name in frame else np.zeros(0)
            if not np.isfinite(values).any():
                continue
            ends = f"end{name[1:]}"
            found = distribution(
                ax, place + SHARE * ((slot + 0.5) / len(quantities) - 0.5), values, looks[name],
                ends=frame[ends].to_numpy() if ends in frame else None,
                width=0.5 * SHARE / len(quantities),
            )  # fmt: skip
            rows.append({"group": label.replace("\n", ", "), "quantity": name} | found)
    ax.set_xticks(range(len(groups)), list(groups))
    ax.set_xlim(-0.5, max(len(groups), 1) - 0.5)
    ax.grid(False, axis="x")
    for place in range(1, len(groups)):
        ax.axvline(place - 0.5, color="0.88", linewidth=0.6, zorder=0.5)
    if octaves and rows:
        octave_ticks(ax)
    elif octaves:
        ax.set_ylim(1, 4)
    columns = ["group", "quantity", "n", "mean", "q25", "median", "q75", "below", "above"]
    return pd.DataFrame(rows, columns=columns)


def octave_ticks(ax: Axes) -> None:
    """Ticks at powers of two on the vertical axis; of ten where it spans more than ten octaves."""
    low, high = np.log2(ax.get_ylim())
    if high - low > 10:
        ax.set_yscale("log")
        return
    powers = range(int(np.ceil(low)), int(np.floor(high)) + 1)
    ax.yaxis.set_major_locator(FixedLocator([2.0**k for k in powers][:: 1 + len(powers) // 8]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))


def with_reduction(frame: pd.DataFrame, studies: Mapping[str, xr.Dataset], c: float = 1.0) -> Any:
    """The frame with the column ``reduction``: lambda_T / lambda_0 at c, T the last step.

    Parameters
    ----------
    frame : of `shared.runs_frame` (columns ``study, row``)
    studies : name of a study: its file

    Returns
    -------
    DataFrame; NaN where the run was not recorded at c or diverged.
    """
    found = pd.Series(np.nan, index=frame.index)
    for name, runs in studies.items():
        table = recorded(runs, np.ones(runs.sizes["run"], dtype=bool))
        at, ratio = (table[column].to_numpy(float) for column in ("multiple", "ratio"))
        table = table[np.isclose(at, c) & np.isfinite(ratio)]
        last = table[table["step"] == runs["step"].values[-1]].set_index("row")["ratio"]
        own = frame["study"] == name
        found[own] = frame.loc[own, "row"].map(last).astype(float)
    return frame.assign(reduction=found)


def paired(left: pd.DataFrame, right: pd.DataFrame, on: Sequence[str] = ()) -> pd.DataFrame:
    """Runs of the same depth, width and seed in both frames, columns ending in _left and _right."""
    keys = [*on, "depth", "width", "seed"]
    return left.merge(right, on=keys, suffixes=("_left", "_right"))


def spread_text(values: np.ndarray | pd.Series, digits: int = 3) -> str:
    """``"2.3 (2.1 to 2.6)"``: median and range of the finite values."""
    flat = np.asarray(values, dtype=float)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return MISSING
    low, high = quoted(float(flat.min()), digits), quoted(float(flat.max()), digits)
    return f"{quoted(float(np.median(flat)), digits)} ({low} to {high})"
