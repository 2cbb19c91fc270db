"""In which minima regularized descent ends, by the variance of its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    levels,
    networks_text,
    panel_letter,
)
from spectral_atlas.papers.jacot2021.figures.ridge_ends import (
    COUNTS,
    MARKS,
    NEAR,
    ends_frame,
    excess,
    searched,
)
from spectral_atlas.papers.jacot2021.figures.ridge_shared import (
    numbers,
    rank_colors,
    rank_handles,
    say,
)
from spectral_atlas.papers.jacot2021.plateaus import STANDS_OUT
from spectral_atlas.plotting.curves import label_right
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ink, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

ROUNDING = 1e-9
LINEAR = 1e-4  # excesses below are drawn on a linear scale
ENDS = {
    "minimum": "at a minimum of the search",
    "other": "at rest elsewhere",
    "cut": "cut off",
}
Tones = Mapping[int, Any]


def ridge_gd(inputs: Inputs, style: Style) -> Drawing:
    """A column for each depth: one target's losses among its minima, then those of all targets."""
    runs, landscape = inputs["runs/ridge_gd"], inputs["runs/landscape"]
    ends = ends_frame(runs, inputs["spectra/ridge_gd"], landscape)
    minima = searched(runs, landscape)
    minima = minima[minima["own"]]
    depths, target = levels(ends, "depth"), int(ends["target"].iloc[0])
    tones = rank_colors(style, [*ends["rank"], *minima["rank"]])
    figure, axes = plt.subplots(
        2, len(depths), figsize=size(style, 0.95), sharex="col", sharey=True, squeeze=False
    )
    lines = minima[minima["target"] == target]
    for i, L in enumerate(depths):
        mine = ends[ends["depth"] == L]
        _one_target(axes[0, i], mine[mine["target"] == target], lines[lines["depth"] == L], tones)
        _all_targets(axes[1, i], mine, tones)
        letter(axes[0, i], panel_letter(i), f"$L={L}$, target {target}")
        letter(axes[1, i], panel_letter(i + len(depths)), networks_text(mine))
        gammas = levels(mine, "gamma")
        axes[1, i].set_xticks(gammas, [f"{g:.3g}" for g in gammas])
        axes[1, i].xaxis.set_minor_locator(NullLocator())
        axes[1, i].set_xlabel(r"$\gamma$")
    _scale(axes, ends, lines)
    for i, L in enumerate(depths):
        _names(axes[0, i], lines[lines["depth"] == L], tones)
    _legend(figure, ends, minima, tones)
    shown = minima[minima["target"].isin(ends["target"]) & minima["depth"].isin(depths)]
    table = pd.concat([ends.assign(kind="run"), shown.assign(kind="critical point")])
    return Drawing(figure, table.reset_index(drop=True), _facts(inputs, ends, target))


def _points(ax: Axes, x: np.ndarray, ends: pd.DataFrame, tones: Tones) -> None:
    """Runs by the rank and the kind of their end."""
    for place, row in zip(x, ends.itertuples(), strict=True):
        if np.isfinite(row.excess):
            color = tones[int(row.rank)]
            ax.plot(
                place, row.excess, linestyle="", marker=MARKS[row.end], color=color, zorder=4,
                markersize=3.8, markerfacecolor="white" if row.end == "cut" else color,
                markeredgewidth=0.9,
            )  # fmt: skip


def _one_target(ax: Axes, ends: pd.DataFrame, lines: pd.DataFrame, tones: Tones) -> None:
    """Losses at the end, and a line at the best critical point of every rank."""
    if not np.isfinite(ends["loss"]).any():
        say(ax, "no run to show")
    for line, y in zip(lines.itertuples(), excess(lines), strict=True):
        color, style = tones[int(line.rank)], "-" if line.stable else ":"
        ax.axhline(y, color=color, linestyle=style, linewidth=0.9, zorder=2)
        if line.lowest:
            ax.axhline(y, color="black", linewidth=2.6, zorder=1)
            ax.annotate(
                f"lowest: {line.value:.4g}", (0.03, y), (0, -2.5), va="top", fontsize="small",
                xycoords=ax.get_yaxis_transform(), textcoords="offset points",
            )  # fmt: skip
    _points(ax, ends["gamma"].to_numpy(), ends, tones)


def _names(ax: Axes, lines: pd.DataFrame, tones: Tones) -> None:
    """Ranks at the right end of their lines; the lowest is black."""
    label_right(
        ax,
        [
            (y, f"{line.rank}", "black" if line.lowest else ink(tones[int(line.rank)]))
            for line, y in zip(lines.itertuples(), excess(lines), strict=True)
        ],
    )


def _all_targets(ax: Axes, ends: pd.DataFrame, tones: Tones) -> None:
    """How far above the lowest minimum every run ends; a line for each target and start."""
    if not np.isfinite(ends["excess"]).any():
        say(ax, "no run to show")
        return
    starts = ends.groupby(["target", "initialization", "width", "observed"], sort=True)
    gaps = np.diff(levels(ends, "gamma"))
    room = 0.5 * float(gaps.min()) if gaps.size else 0.1
    for place, (_, mine) in enumerate(starts):
        own = mine.sort_values("gamma")
        x = own["gamma"].to_numpy() + room * ((place + 0.5) / starts.ngroups - 0.5)
        ax.plot(x, own["excess"], color="0.75", linewidth=0.5, zorder=1.5)
        _points(ax, x, own, tones)


def _scale(axes: Any, ends: pd.DataFrame, lines: pd.DataFrame) -> None:
    """One linear and logarithmic axis for all panels."""
    values = np.concatenate([ends["excess"], excess(lines), [10 * LINEAR]])
    for ax in axes.flat:
        ax.set_yscale("symlog", linthresh=LINEAR, linscale=0.7)
        ax.yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylim(min(-LINEAR, 2 * np.nanmin(values)), 2 * np.nanmax(values))
    what = "lowest minimum" if ends["lowest"].notna().any() else "least loss of the runs"
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$C+\lambda|\theta|^2$ at the end" + f"\n/ {what} $-$ 1")


def _legend(figure: Figure, ends: pd.DataFrame, minima: pd.DataFrame, tones: Any) -> None:
    shown = {int(r) for r in [*ends["rank"], *minima["rank"]] if r >= 0}
    handles: list[Any] = rank_handles(tones, shown)
    for end, text in ENDS.items():
        face = "white" if end == "cut" else "0.3"
        look: Any = {"marker": MARKS[end], "markerfacecolor": face, "linestyle": ""}
        handles.append(Line2D([], [], color="0.3", label=text, **look))
    handles.append(Line2D([], [], color="black", linewidth=2.6, label="lowest minimum"))
    if len(minima) and not minima["stable"].all():
        handles.append(Line2D([], [], color="0.3", linestyle=":", label="not stable"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)


def _facts(inputs: Inputs, ends: pd.DataFrame, target: int) -> dict[str, Any]:
    runs = inputs["runs/ridge_gd"]
    facts: dict[str, Any] = {
        "n": len(ends),
        "networks": networks_text(ends),
        "ridge": quoted(float(runs.attrs["ridge"])),
        "noise": quoted(float(runs.attrs["noise"])),
        "observed": numbers(levels(ends, "observed")),
        "widths": numbers(levels(ends, "width")),
        "steps": span(runs["last_step"].values, 5),
        "most": int(runs.attrs["max_steps"]),
        "stop": quoted(float(runs.attrs["stop_gradient"])),
        "settled": int(ends["settled"].sum()),
        "example": target,
        "counts": COUNTS,
        "counts_on_paths": STANDS_OUT,
        "near": NEAR,
        "largest_rank": int(inputs["runs/landscape"]["rank"].max()),
        "beaten": int((ends["loss"] < ends["lowest"] * (1 - ROUNDING)).sum()),
        "compared": int((ends["loss"].notna() & ends["lowest"].notna()).sum()),
    }
    facts |= {f"n_{end}": int((ends["end"] == end).sum()) for end in MARKS}
    texts = []
    for L, deep in ends[ends["end"] != "diverged"].groupby("depth"):
        found = []
        for gamma, mine in deep.groupby("gamma"):
            lowest = int(((mine["loss"] / mine["lowest"] - 1).abs() < NEAR).sum())
            found.append(f"{gamma:.3g}: rank {span(mine['rank'])}, {lowest}/{len(mine)}")
        texts.append(f"L = {L} ({'; '.join(found)})")
    return facts | {"by_gamma": listed(texts)}
