"""Figure 2: gradient descent fails above eta* = 1/(L a), at every depth and for every data draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from spectral_atlas.papers.marion2024.figures.frames import (
    data_name,
    outcome_shares,
    run_frame,
)
from spectral_atlas.plotting.intervals import mean_interval, share_interval
from spectral_atlas.plotting.outcomes import OUTCOME_COLORS, outcome_handles
from spectral_atlas.plotting.panels import letter, means, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MARGIN = 0.1  # facts speak of step sizes this far, relatively, from the threshold
DISTANCE = r"$|W_{\mathrm{prod}}-w^\star|^2$"
RELATIVE = r"relative learning rate $\eta/\eta^\star=\eta L a$"


def fig2(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Squared distance to w* against the learning rate, and what became of the runs.

    Panel a: the first data draw, against eta. b: every draw, against eta/eta*. c: outcomes of the
    runs of panel a. d: shares that failed and that diverged, all draws, against eta/eta*.
    """
    runs = run_frame(inputs, "depth_sweep")
    runs["relative"] = runs["learning_rate"] * runs["bound"] / 2
    curves = _curves(runs)
    pooled = _pooled(runs)
    depths = sorted(runs["depth"].unique())
    colors = dict(zip(depths, ordered_colors(len(depths)), strict=True))
    fig, axes = plt.subplots(
        2, 2, figsize=size(style, 0.88), height_ratios=[3, 2], sharex="col", squeeze=False
    )
    _distances(axes[0, 0], curves[curves["draw"] == curves["draw"].min()], colors)
    _relative_distances(axes[0, 1], curves, colors)
    _strips(axes[1, 0], curves[curves["draw"] == curves["draw"].min()], depths)
    _shares(axes[1, 1], pooled, colors)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels), columnspacing=1.2)
    parts = (
        curves.drop(columns="edges").assign(panel="a, b, c"),
        pooled.assign(panel="d"),
    )
    table = pd.concat(parts, ignore_index=True)
    facts = {"data": data_name(inputs), **_facts(runs, curves)}
    return Drawing(fig, table, facts)


def _curves(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each draw, depth and learning rate: means over the runs that did not diverge."""
    rows = []
    for (draw, depth, eta), part in runs.groupby(["draw", "depth", "learning_rate"]):
        alive = part.loc[part["outcome"] != "diverged", "squared_distance"].to_numpy(float)
        mean, low, high = mean_interval(alive)
        rows.append(
            {
                "draw": draw,
                "depth": depth,
                "learning_rate": eta,
                "relative": part["relative"].iloc[0],
                "critical": eta / part["relative"].iloc[0],
                "runs": len(part),
                "n": alive.size,
                "mean": mean,
                "low": low,
                "high": high,
                "median": float(np.median(alive)) if alive.size else np.nan,
                **{f"share_{name}": v for name, v in outcome_shares(part).items()},
            }
        )
    curves = pd.DataFrame(rows)
    grid = np.sort(curves["learning_rate"].unique())
    edges = dict(zip(grid, _cell_edges(grid), strict=True))
    return curves.assign(edges=curves["learning_rate"].map(edges))


def _cell_edges(grid: np.ndarray) -> list[tuple[float, float]]:
    """Lower and upper end of the cell around each value of a grid that is even in the logarithm."""
    half = np.sqrt(grid[1] / grid[0]) if grid.size > 1 else 1.2
    return [(float(g / half), float(g * half)) for g in grid]


def _pooled(runs: pd.DataFrame) -> pd.DataFrame:
    """Shares over all draws, in cells of eta/eta* none of which holds runs of both sides of 1."""
    grid = np.sort(runs["learning_rate"].unique())
    step = np.log(grid[1] / grid[0]) if grid.size > 1 else 0.2
    cells = runs.assign(cell=np.floor(np.log(runs["relative"]) / step))
    rows = []
    for (depth, _), part in cells.groupby(["depth", "cell"]):
        center = float(np.exp((part["cell"].iloc[0] + 0.5) * step))
        row = {"depth": depth, "relative": center, "runs": len(part)}
        for name, hits in (
            ("failed", int((part["outcome"] != "converged").sum())),
            ("diverged", int((part["outcome"] == "diverged").sum())),
        ):
            low, high = share_interval(hits, len(part))
            row |= {f"{name}": hits / len(part), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _distances(ax: Axes, curves: pd.DataFrame, colors: dict[Any, Any]) -> None:
    for marker, (depth, part) in zip(MARKERS, curves.groupby("depth"), strict=False):
        whole = (part["share_diverged"] == 0).to_numpy()
        x = part["learning_rate"].to_numpy()
        ax.plot([], [], color=colors[depth], marker=marker, label=f"depth $L={depth}$")
        ax.plot(x, part["mean"], color=colors[depth], linewidth=0.9)
        means(ax, x[whole], part[whole], colors[depth], fmt=marker)
        means(ax, x[~whole], part[~whole], colors[depth], fmt=marker, markerfacecolor="white")
        ax.axvline(part["critical"].iloc[0], color=colors[depth], linestyle="--", linewidth=0.9)
    ax.axhline(1, color="black", linestyle=":", linewidth=0.8, zorder=1)
    nothing_to_show(ax, curves["mean"])
    ax.set(xscale="log", ylim=(-0.04, 1.16), ylabel=f"squared distance {DISTANCE}")
    ax.text(
        0.02, 1.015, "zero map", transform=ax.get_yaxis_transform(), va="bottom", fontsize="small"
    )
    letter(ax, "a", r"first data draw; dashed: $\eta^\star$")


def _relative_distances(ax: Axes, curves: pd.DataFrame, colors: dict[Any, Any]) -> None:
    draws = sorted(curves["draw"].unique())
    for (draw, depth), part in curves.groupby(["draw", "depth"]):
        marker = MARKERS[draws.index(draw) % len(MARKERS)]
        ax.plot(
            part["relative"], part["median"], color=colors[depth], linewidth=0.6, marker=marker,
            markersize=2.4, alpha=0.85,
        )  # fmt: skip
    for draw, marker in zip(draws, MARKERS, strict=False):
        ax.plot([], [], color="0.3", linestyle="none", marker=marker, label=f"draw {draw}")
    ax.axvline(1, color="black", linestyle="--", linewidth=0.9, zorder=1)
    ax.set(xscale="log", yscale="log", ylabel=f"median {DISTANCE}")
    nothing_to_show(ax, curves["median"])
    ax.legend(loc="lower right", handletextpad=0.2)
    letter(ax, "b", "all data draws")


def _strips(ax: Axes, curves: pd.DataFrame, depths: list[int]) -> None:
    for row, depth in enumerate(depths):
        part = curves[curves["depth"] == depth]
        edges = np.array(part["edges"].tolist())
        x = np.append(edges[:, 0], edges[-1, 1])
        base = np.full(x.size, row - 0.4)
        for outcome, color in OUTCOME_COLORS.items():
            share = part[f"share_{outcome}"].to_numpy()
            top = base + 0.8 * np.append(share, share[-1])
            ax.fill_between(x, base, top, step="post", color=color, linewidth=0)
            base = top
        critical = part["critical"].iloc[0]
        ax.plot(
            [critical] * 2, [row - 0.45, row + 0.45], color="black", linestyle="--", linewidth=0.9
        )
    ax.set_yticks(range(len(depths)), [f"$L={depth}$" for depth in depths])
    ax.set(xlabel=r"learning rate $\eta$", ylabel="shares of the runs")
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False)
    ax.legend(
        handles=outcome_handles(),
        loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2, handlelength=1,
    )  # fmt: skip
    letter(ax, "c", "outcomes, first data draw")


def _shares(ax: Axes, pooled: pd.DataFrame, colors: dict[Any, Any]) -> None:
    for marker, (depth, part) in zip(MARKERS, pooled.groupby("depth"), strict=False):
        for name, line in (("failed", "-"), ("diverged", ":")):
            ax.plot(
                part["relative"], part[name], color=colors[depth], linestyle=line, marker=marker,
                markersize=2.4, linewidth=0.9,
            )  # fmt: skip
            ax.fill_between(
                part["relative"], part[f"{name}_low"], part[f"{name}_high"], color=colors[depth],
                alpha=0.15, linewidth=0,
            )  # fmt: skip
    ax.plot([], [], color="0.3", linestyle="-", label="not converged")
    ax.plot([], [], color="0.3", linestyle=":", label="diverged")
    ax.axvline(1, color="black", linestyle="--", linewidth=0.9, zorder=1)
    ax.set(xlabel=RELATIVE, ylabel="share of runs", ylim=(-0.03, 1.05))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
    letter(ax, "d", "failures, all data draws")


def _facts(runs: pd.DataFrame, curves: pd.DataFrame) -> dict[str, float | int | str]:
    below = runs[runs["relative"] < 1 - MARGIN]
    above = runs[runs["relative"] > 1 + MARGIN]
    alive = above.loc[above["outcome"] != "diverged", "squared_distance"]
    lost = runs.loc[runs["outcome"] == "diverged", "relative"]
    return {
        "draws": runs["draw"].nunique(),
        "depths": ", ".join(str(depth) for depth in sorted(runs["depth"].unique())),
        "repeats": int(curves["runs"].min()),
        "runs": len(runs),
        "steps": int(runs["steps"].max()),
        "scale": float(runs["scale"].iloc[0]),
        "d": int(runs["d"].iloc[0]),
        **{f"share_{name}": share for name, share in outcome_shares(runs).items()},
        "below_runs": len(below),
        "below_converged": outcome_shares(below)["converged"],
        "below_median_distance": below["squared_distance"].median(),
        "below_largest_distance": below["squared_distance"].max(),
        "above_runs": len(above),
        "above_converged": outcome_shares(above)["converged"],
        "above_alive": alive.size,
        "above_median_distance": alive.median(),
        "least_relative_diverged": lost.min(),
    }
