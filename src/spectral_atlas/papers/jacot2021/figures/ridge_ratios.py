"""The minimum of the true rank against the lowest minimum found, target by target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spectral_atlas.papers.jacot2021.figures.ridge_shared import CELL, say
from spectral_atlas.plotting.curves import plain_log_ticks, reference

MARGIN = 0.1  # a ratio below 1 - MARGIN counts as better, above 1 / (1 - MARGIN) as worse
APART = 1.03  # depths are drawn beside each other, this factor in lambda
Looks = Mapping[int, tuple[Any, str]]


def ratios(frame: pd.DataFrame, runs: xr.Dataset) -> pd.DataFrame:
    """For each target, depth and ridge: test error at the true rank over that at the lowest value.

    Returns
    -------
    DataFrame with ``true`` and ``lowest``, both test errors; ``lowest_rank``; ``ratio``; ``same``,
    whether both are one minimum; ``edge``, whether the lowest has the largest rank searched; and
    ``outcome``: better, worse, within, same, edge, or missing where either is not a stable minimum.
    """
    true_rank = int(runs.attrs["true_rank"])
    kept = frame[frame["kept"]]
    true = kept[kept["rank"] == true_rank].set_index(CELL)["test_cost"].rename("true")
    lowest = kept[kept["lowest"]].drop_duplicates(CELL).set_index(CELL)
    table = frame[[*CELL]].drop_duplicates().set_index(CELL)
    table = table.join(true).join(lowest["test_cost"].rename("lowest"))
    table = table.join(lowest["rank"].rename("lowest_rank")).join(lowest["edge"])
    table["ratio"] = table["true"] / table["lowest"].where(table["lowest"] > 0)
    table["same"] = table["lowest_rank"] == true_rank
    table["edge"] = table["edge"].eq(True) & ~table["same"]
    ratio, low = table["ratio"], 1 - MARGIN
    table["outcome"] = np.select(
        [ratio.isna(), table["edge"], table["same"], ratio < low, ratio > 1 / low],
        ["missing", "edge", "same", "better", "worse"],
        "within",
    )
    return table.reset_index()


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """How many targets have each outcome, for each depth and ridge."""
    found = table.groupby(["depth", "ridge"])["outcome"].value_counts().unstack(fill_value=0)
    names = ["better", "worse", "within", "same", "edge", "missing"]
    found = found.reindex(columns=names, fill_value=0)
    medians = table[table["outcome"] != "edge"].groupby(["depth", "ridge"])["ratio"].median()
    return found.assign(n=found.sum(axis=1), median=medians).reset_index()


def ratio_panel(ax: Axes, table: pd.DataFrame, looks: Looks, limits: tuple[float, float]) -> None:
    """One point for each target; open where the lowest minimum is at the edge of the search."""
    ax.set_yscale("log")
    ax.set_ylim(limits)
    own = table[table["ratio"].notna()]
    if own.empty:
        say(ax, "no target with both minima")
        return
    for place, (depth, (color, marker)) in enumerate(looks.items()):
        mine = own[own["depth"] == depth]
        x = mine["ridge"] * APART ** (2 * place - len(looks) + 1)
        common: dict[str, Any] = {"linestyle": "", "marker": marker}
        for chosen, look in (
            (mine["same"], {"color": "0.75", "markeredgewidth": 0, "zorder": 2}),
            (~mine["same"] & ~mine["edge"], {"color": color, "markeredgewidth": 0, "zorder": 4}),
            (mine["edge"], {"color": color, "markerfacecolor": "none", "zorder": 3}),
        ):
            ax.plot(
                x[chosen], mine["ratio"][chosen], alpha=0.85, markersize=2.6,
                **({"markeredgewidth": 0.6} | common | look),
            )  # fmt: skip
    reference(ax, 1.0, style="-", color="0.3", zorder=1.5)
    reference(ax, 1 - MARGIN, zorder=1.5)
    reference(ax, 1 / (1 - MARGIN), zorder=1.5)
    plain_log_ticks(ax)


def count_panel(ax: Axes, found: pd.DataFrame, looks: Looks) -> None:
    """Targets where the true rank is better (solid, filled) and worse (dashed, open)."""
    for depth, (color, marker) in looks.items():
        mine = found[found["depth"] == depth].sort_values("ridge")
        x = mine["ridge"]
        ax.plot(x, mine["better"], color=color, marker=marker, markersize=3, zorder=4)
        ax.plot(
            x, mine["worse"], color=color, marker=marker, markersize=3, markerfacecolor="white",
            linestyle="--", linewidth=0.8, zorder=3,
        )  # fmt: skip
    ax.set_ylim(-0.04 * found["n"].max(), 1.04 * found["n"].max())
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
