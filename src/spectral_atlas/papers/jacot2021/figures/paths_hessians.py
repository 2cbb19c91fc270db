"""Ways down from the saddles of the greedy algorithm: strict for two layers, flat for more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.paths_shared import depth_markers, no_positive
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.panels import jitter, nothing_to_show

FLOOR = 1e-8  # of the axis of eigenvalues, in units of s_1(dC/dA) at 0


def hessian_table(saddles: xr.Dataset, stages: pd.DataFrame, side: int) -> pd.DataFrame:
    """One row for the origin and each saddle of every member of the file of Hessians.

    A member's last stage is left out: what is left there of dC/dA decides the signs.

    Parameters
    ----------
    saddles : spectra/saddles
    stages : of `paths_stages.saddle_table`; says which stages end at critical points
    side : the smaller one of A

    Returns
    -------
    DataFrame ``depth, target, epsilon, stage, settled``, ``fall``, -lambda_min over s_1(dC/dA) at
    0, ``ways``, how many eigenvalues are certainly negative (NaN where one is too near the limit to
    tell), ``limit`` and ``slope``, s_1(dC/dA), in that unit, and ``free``: the ways down that two
    layers have at rank k, w - k for each of the side - k singular values of dC/dA, or fewer where
    its rank is less.
    """
    width = int(saddles.attrs["width"])
    rows: list[dict[str, Any]] = []
    names = ["depth", "target", "epsilon", "stage"]
    known = stages[stages["stage"] < stages["width"]].set_index(names)["settled"]
    for i in range(saddles.sizes["member"]):
        one = saddles.isel(member=i)
        member = {name: one[name].item() for name in names[:3]}
        unit = float(one["slope"][0])
        for j, stage in enumerate(one["stage"].values):
            values = one["eigenvalues"].values[j]
            values = values[np.isfinite(values)]
            key = (*member.values(), int(stage))
            if not values.size or key not in known.index:
                continue
            slopes = min(int(one["slope_rank"][j]), side - int(stage))
            rows.append(
                {
                    **member, "stage": int(stage), "settled": bool(known[key]),
                    "fall": -float(values[0]) / unit,
                    "ways": float(one["negative"][j]) if bool(one["certain"][j]) else np.nan,
                    "limit": float(one["limit"][j]) / unit,
                    "slope": float(one["slope"][j]) / unit,
                    "free": (width - int(stage)) * slopes,
                }
            )  # fmt: skip
    columns = ["stage", "settled", "fall", "ways", "limit", "slope", "free"]
    return pd.DataFrame(rows, columns=[*names[:3], *columns])


def fall_panel(ax: Axes, table: pd.DataFrame, tones: dict[int, Any]) -> None:
    """-lambda_min by stage, colours the depth; a bar at s_1(dC/dA), where it is for two layers."""
    ax.set(xlabel="stage", ylabel=r"$-\lambda_{\min}/s_1(\nabla C(0))$")
    shown = table[table["settled"]]
    if no_positive(ax, shown["fall"]):
        return
    ax.set_yscale("log")
    ax.set_ylim(*log_limits(shown["fall"].to_numpy(float), floor=FLOOR, preferred=(FLOOR, 3.0)))
    bottom = ax.get_ylim()[0]
    for (depth, stage), own in shown.groupby(["depth", "stage"]):
        x = stage + _place(tones, depth) + jitter(len(own), 0.12)
        y = np.maximum(own["fall"], bottom)
        flat = (own["fall"] <= bottom).to_numpy()
        _marks(ax, x[~flat], y[~flat], depth_markers(tones)[depth], tones[depth])
        _marks(ax, x[flat], y[flat], "v", tones[depth])
    for stage, own in shown.groupby("stage"):
        ends = [stage - 0.42, stage + 0.42]
        for slope in own["slope"]:
            ax.plot(ends, [slope] * 2, color="black", linewidth=0.4, alpha=0.5, zorder=1)
    _stage_axis(ax, shown)


def ways_panel(ax: Axes, table: pd.DataFrame, tones: dict[int, Any]) -> None:
    """How many ways down, by stage; bars at what two layers have. Crosses: no critical point."""
    ax.set(xlabel="stage", ylabel="ways down")
    if nothing_to_show(ax, table["ways"].to_numpy(float)):
        return
    ax.set_yscale("symlog", linthresh=10)
    for (depth, stage), own in table.groupby(["depth", "stage"]):
        x = stage + _place(tones, depth) + jitter(len(own), 0.12)
        still = own["settled"].to_numpy()
        y = own["ways"].to_numpy()
        _marks(ax, x[still], y[still], depth_markers(tones)[depth], tones[depth])
        _marks(ax, x[~still], y[~still], "x", tones[depth])
    for (stage, free), _ in table.groupby(["stage", "free"]):
        ax.plot([stage - 0.42, stage + 0.42], [free] * 2, color="black", linewidth=0.8, zorder=1)
    ax.set_ylim(-1, 2 * max(10, int(table["ways"].max())))
    _stage_axis(ax, table)


def _marks(ax: Axes, x: np.ndarray, y: np.ndarray, marker: str, tone: Any) -> None:
    if len(x):  # a line without points, not clipped, would count as one in the corner
        ax.plot(
            x, y, linestyle="", marker=marker, markersize=2.8, markerfacecolor="none", color=tone,
            markeredgewidth=0.7, clip_on=False,
        )  # fmt: skip


def _place(tones: dict[int, Any], depth: int) -> float:
    return 0.56 * ((list(tones).index(depth) + 0.5) / len(tones) - 0.5)


def _stage_axis(ax: Axes, table: pd.DataFrame) -> None:
    stages = sorted(table["stage"].unique())
    ax.set_xticks(stages, ["origin" if stage == 0 else str(stage) for stage in stages])
    ax.set_xlim(stages[0] - 0.6, stages[-1] + 0.6)
    ax.grid(axis="x", visible=False)
