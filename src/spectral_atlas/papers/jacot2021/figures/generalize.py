"""Test errors of the minima of every rank: local ones against the global one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.papers.jacot2021.figures.common import Inputs, panel_letter
from spectral_atlas.papers.jacot2021.figures.ridge_ratios import (
    MARGIN,
    count_panel,
    counts,
    ratio_panel,
    ratios,
)
from spectral_atlas.papers.jacot2021.figures.ridge_shared import (
    depth_looks,
    example,
    heading,
    minima_frame,
    rank_colors,
    rank_handles,
    ridge_axis,
    say,
    window,
)
from spectral_atlas.plotting.curves import log_limits, plain_log_ticks
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = {"noisy": "minima_noisy", "clean": "minima_clean", "full": "minima_full"}
OUTCOMES = ("better", "worse", "within", "same", "edge", "missing")
SHADE = "0.88"


def generalize(inputs: Inputs, style: Style) -> Drawing:
    """For each setting a column: one target by rank, then all targets' ratios, then counts."""
    runs = {name: inputs[f"runs/{file}"] for name, file in STUDIES.items()}
    frames = {name: minima_frame(one) for name, one in runs.items()}
    tables = {name: ratios(frames[name], one) for name, one in runs.items()}
    depths = sorted({int(L) for one in runs.values() for L in one["depth"].values})
    looks = depth_looks(style, depths)
    tones = rank_colors(style, [int(r) for one in runs.values() for r in one["rank"].values])
    rows = len(depths) + 2
    figure, axes = plt.subplots(
        rows, 3, figsize=size(style, 0.29 * rows + 0.16), sharex="col", squeeze=False
    )
    limits = log_limits(np.concatenate([[0.5, 1.5], *(t["ratio"] for t in tables.values())]))
    parts, shaded = [], False
    for column, (name, one) in enumerate(runs.items()):
        mine = frames[name][frames[name]["target"] == example(one)]
        for ax, L in zip(axes[:, column], depths, strict=False):
            parts.append(_by_rank(ax, mine[mine["depth"] == L], tones).assign(study=name))
            if found := window(inputs, one, example(one), L):
                ax.axvspan(*found, color=SHADE, linewidth=0, zorder=0)
                shaded = True
        outcomes = counts(tables[name])
        own = {L: looks[L] for L in depths if L in one["depth"].values}
        ratio_panel(axes[-2, column], tables[name], own, limits)
        count_panel(axes[-1, column], outcomes, own)
        ridge_axis(axes[-1, column], one["ridge"].values)
        parts += [
            tables[name].assign(panel="ratios", study=name),
            outcomes.assign(panel="counts", study=name),
        ]
    _label(axes, runs, depths)
    _legend(figure, tones, frames, looks, shaded)
    return Drawing(
        figure,
        pd.concat(parts, ignore_index=True),
        _facts(runs, frames, tables) | {"shaded": int(shaded)},
    )


def _by_rank(ax: Axes, frame: pd.DataFrame, tones: Mapping[int, Any]) -> pd.DataFrame:
    """Test error of one target against the ridge, a curve for each rank of stable minima."""
    own = frame[frame["kept"]]
    ax.set_yscale("log")
    if own.empty:
        say(ax, "no stable minimum")
    for rank, mine in own.groupby("rank"):
        ax.plot(
            mine["ridge"], mine["relative"], color=tones[int(rank)], marker="o", markersize=2.2,
            linewidth=1.0, zorder=3,
        )  # fmt: skip
    for edge, tone in ((False, "black"), (True, "0.6")):
        best = own[own["lowest"] & (own["edge"] == edge)]
        ax.plot(
            best["ridge"], best["relative"], linestyle="", marker="o", markersize=5, color=tone,
            markerfacecolor="none", markeredgewidth=0.9, zorder=4,
        )  # fmt: skip
    plain_log_ticks(ax)
    return own.assign(panel="by rank")


def _label(axes: Any, runs: Mapping[str, xr.Dataset], depths: list[int]) -> None:
    for i, ax in enumerate(axes.T.flat):
        row, one = i % len(axes), list(runs.values())[i // len(axes)]
        titles = [f"$L={L}$, target {example(one)}" for L in depths]
        titles += ["every target", f"of {counted(one.sizes['target'], 'target')}"]
        place = row * 3 + i // len(axes)
        letter(ax, panel_letter(place), titles[row])
    for ax, one in zip(axes[0], runs.values(), strict=True):
        ax.set_title(f"{heading(one)}\n{ax.get_title(loc='left')}", loc="left")
    for ax in axes[:-2, 0]:
        ax.set_ylabel("test error /\nthat of $A=0$")
    rank = next(iter(runs.values())).attrs["true_rank"]
    axes[-2, 0].set_ylabel(f"test error, rank {rank}\n/ lowest minimum")
    axes[-1, 0].set_ylabel("targets")
    for ax in axes[-1]:
        ax.set_xlabel(r"$\lambda$")


def _legend(
    figure: Figure,
    tones: dict[int, Any],
    frames: Mapping[str, pd.DataFrame],
    looks: Mapping[int, tuple[Any, str]],
    shaded: bool,
) -> None:
    shown = {int(r) for f in frames.values() for r in f.loc[f["kept"], "rank"]}
    ring: Any = {"linestyle": "", "marker": "o", "markersize": 5, "markerfacecolor": "none"}
    handles: list[Any] = rank_handles(tones, shown)
    handles.append(Line2D([], [], color="black", label="lowest minimum", **ring))
    if any(f["edge"].any() for f in frames.values()):
        handles.append(Line2D([], [], color="0.6", label="at edge of search", **ring))
    for L, (color, marker) in looks.items():
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="", label=f"$L={L}$"))
    handles.append(Line2D([], [], color="0.4", marker="o", label="true rank better"))
    open_: Any = {"markerfacecolor": "white", "linestyle": "--", "linewidth": 0.8}
    handles.append(Line2D([], [], color="0.4", marker="o", label="true rank worse", **open_))
    if shaded:
        handles.append(Patch(facecolor=SHADE, label="theory: only local"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=5, columnspacing=1.0, handlelength=1.6
    )


def _facts(
    runs: Mapping[str, xr.Dataset],
    frames: Mapping[str, pd.DataFrame],
    tables: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    unstable = sum(int((frame["own"] & ~frame["kept"]).sum()) for frame in frames.values())
    facts: dict[str, Any] = {"margin_percent": quoted(100 * MARGIN), "unstable": unstable}
    for name, one in runs.items():
        table = tables[name]
        found = counts(table)
        facts |= {f"{name}_{key}": int(found[key].sum()) for key in OUTCOMES}
        decided = table[table["outcome"].isin(["better", "worse", "within"])]
        facts |= {
            f"{name}_heading": heading(one),
            f"{name}_targets": one.sizes["target"],
            f"{name}_largest_rank": int(one["rank"].max()),
            f"{name}_cells": len(table),
            f"{name}_other": len(decided),
            f"{name}_median": quoted(float(decided["ratio"].median()), 2),
            f"{name}_spread": quoted(_spread(table), 2),
            f"{name}_by_ridge": _by_ridge(found),
        }
    return facts


def _spread(table: pd.DataFrame) -> float:
    """Largest relative difference of the ratio between targets, over depths and ridges."""
    grouped = table.dropna(subset=["ratio"]).groupby(["depth", "ridge"])["ratio"]
    return float((grouped.max() / grouped.min() - 1).max())


def _by_ridge(found: pd.DataFrame) -> str:
    """``"L = 3: 7/2 at 0.001, ..."``: targets better and worse at a ridge, where any is."""
    parts = []
    for L, mine in found.groupby("depth"):
        rows = mine[(mine["better"] > 0) | (mine["worse"] > 0)].sort_values("ridge")
        cells = [f"{r.better}/{r.worse} at {r.ridge:g}" for r in rows.itertuples()]
        parts.append(f"L = {L}: {', '.join(cells) or 'none'}")
    return "; ".join(parts)
