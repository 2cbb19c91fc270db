"""What the figures of paths have in common: which members they show, and the saddles to compare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.plateaus import AT_REST, at_rest
from spectral_atlas.plotting.panels import nothing_to_show
from spectral_atlas.plotting.style import colors, ordered_colors

if TYPE_CHECKING:
    from spectral_atlas.config import Style

Array = np.ndarray
SHOWN_GAMMA = 2.0  # where one has to be chosen, the gamma next to this
SETTLED = AT_REST
DEPTH_PLACES, DEPTH_MARKERS = (4, 5, 7, 6), ("o", "s", "D", "v")


def gamma_colors(style: Style, gammas: Iterable[float]) -> dict[float, Any]:
    """A colour for each gamma, in their order."""
    name = "viridis" if style.palette == "colorblind" else style.palette
    ordered = sorted(set(gammas))
    return dict(zip(ordered, ordered_colors(len(ordered), name), strict=True))


def depth_colors(style: Style, depths: Iterable[int]) -> dict[int, Any]:
    """A colour for each depth, none of those that stages have."""
    pool = colors(style, 8)
    ordered = sorted(set(depths))
    return {L: pool[DEPTH_PLACES[i % len(DEPTH_PLACES)]] for i, L in enumerate(ordered)}


def depth_markers(depths: Iterable[int]) -> dict[int, str]:
    """A marker for each depth."""
    return {L: DEPTH_MARKERS[i % len(DEPTH_MARKERS)] for i, L in enumerate(sorted(set(depths)))}


def shown_gamma(gammas: Iterable[float]) -> float:
    """The one next to `SHOWN_GAMMA`, the larger of two as near."""
    return min(gammas, key=lambda g: (abs(g - SHOWN_GAMMA), -g))


def one_network(frame: pd.DataFrame) -> pd.DataFrame:
    """Members of the first depth, width and number of observed entries in a file."""
    kept = frame
    for name in ("depth", "width", "observed"):
        kept = kept[kept[name] == frame[name].iloc[0]]
    return kept


def no_positive(ax: Axes, values: Any) -> bool:
    """`nothing_to_show` for a log axis: whether no value is finite and positive."""
    flat = np.asarray(values, dtype=float).ravel()
    return nothing_to_show(ax, np.where(flat > 0, flat, np.nan))


def greedy_member(
    greedy: xr.Dataset,
    depth: int,
    target: int,
    cost_at_zero: float | None = None,
    epsilon: float | None = None,
) -> xr.Dataset | None:
    """The greedy run of a depth and target, by default the first in the file; None without one.

    With ``cost_at_zero``, only if C(0) agrees: runs may observe other entries, or add noise.
    """
    mine = (greedy["depth"].values == depth) & (greedy["target"].values == target)
    if cost_at_zero is not None:
        mine &= np.isclose(greedy["cost_at_zero"].values, cost_at_zero, rtol=1e-9)
    if epsilon is not None:
        mine &= np.isclose(greedy["epsilon"].values, epsilon)
    found = np.flatnonzero(mine)
    return (
        greedy.drop_vars("theta", errors="ignore").isel(member=int(found[0]))
        if found.size
        else None
    )


def stages_table(one: xr.Dataset) -> pd.DataFrame:
    """The stages of one greedy run: ``stage, cost, test, steps, slope, gradient_norm, settled``.

    Stage 0 is the origin. ``settled``: whether the stage ends at a critical point. It may not, if a
    rank has no minimum: then the path goes on to infinity.
    """
    count = int(one["width"])
    names = ("cost", "test", "steps", "slope", "gradient_norm")
    table = pd.DataFrame({name: one[name].values[:count] for name in names})
    table["settled"] = at_rest(table["gradient_norm"].to_numpy(), table["slope"].to_numpy())
    if bool(one["converged"]):  # to C = 0: slowly, but to a minimum
        table.loc[count - 1, "settled"] = True
    table.insert(0, "stage", np.arange(1, count + 1))
    origin = {"stage": 0, "cost": float(one["cost_at_zero"]), "test": float(one["test_at_zero"])}
    start = pd.DataFrame([origin | {"steps": 0, "gradient_norm": 0.0, "settled": True}])
    return pd.concat([start, table], ignore_index=True)


def saddle_costs(
    greedy: xr.Dataset, depth: int, target: int, cost_at_zero: float
) -> Float[Array, " rank"]:
    """C_0, C_1, ... at the origin and at the ends of greedy stages before the last.

    NaN where a stage did not end at a critical point; only C_0 without a greedy run.
    """
    one = greedy_member(greedy, depth, target, cost_at_zero)
    if one is None:
        return np.array([cost_at_zero])
    table = stages_table(one)
    return np.asarray(table["cost"].where(table["settled"]).to_numpy(float)[:-1])
