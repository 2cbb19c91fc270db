"""Figure 6b: the generalization gap against the final sharpness, and what the slope is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from spectral_atlas.papers.marion2024.figures.frames import (
    load_problems,
    outcome_shares,
    run_frame,
)
from spectral_atlas.plotting.outcomes import outcome_note
from spectral_atlas.plotting.panels import letter, members, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.regression import Line, fit_line, line_band
from spectral_atlas.plotting.style import MARKERS, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def fig6b(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Test minus training risk against lambda_max, both log10, at the smallest learning rate.

    Panel a: one least-squares line through all runs. b: a common slope within the initialization
    scales, on coordinates centred in each scale (and data draw).
    """
    everything = run_frame(inputs, "underdetermined_sweep")
    least = np.array([p.risk_min() for p in load_problems(inputs)])
    runs = everything[everything["learning_rate"] == everything["learning_rate"].min()].copy()
    runs["train_risk"] = runs["excess_risk"] + least[runs["problem"].to_numpy(int)]
    runs["gap"] = runs["test_risk"] - runs["train_risk"]
    usable = (runs["outcome"] != "diverged") & (runs["gap"] > 0) & (runs["lambda_max"] > 0)
    points = runs.loc[
        usable, ["draw", "scale", "seed", "outcome", "lambda_max", "power_estimate", "gap"]
    ].copy()
    points["x"], points["y"] = np.log10(points["lambda_max"]), np.log10(points["gap"])
    group = points.groupby(["draw", "scale"])
    points["group"] = group.ngroup()
    for axis in "xy":
        points[f"within_{axis}"] = points[axis] - group[axis].transform("mean")
    x, y = points["x"].to_numpy(), points["y"].to_numpy()
    fits = fit_line(x, y), fit_line(x, y, points["group"].to_numpy())

    fig, axes = plt.subplots(1, 2, figsize=size(style, 0.52), width_ratios=[1.35, 1])
    _cloud(axes[0], points, "x", "y")
    _cloud(axes[1], points, "within_x", "within_y")
    slopes = [_line(axes[0], x, y, fits[0])]
    slopes.append(
        _line(axes[1], points["within_x"].to_numpy(), points["within_y"].to_numpy(), fits[1])
    )
    axes[0].set(
        xlabel=r"$\log_{10}$ final sharpness $S$",
        ylabel=r"$\log_{10}$(test risk $-$ training risk)",
    )
    axes[1].set(
        xlabel=r"$\log_{10} S$, centred by scale", ylabel=r"$\log_{10}$ gap, centred by scale"
    )
    letter(axes[0], "a", "all scales")
    letter(axes[1], "b", "within scales")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="outside lower center", ncols=min(5, max(len(labels), 1)),
        title="scale of the initialization", handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip
    facts = _facts(runs, points, fits, slopes)
    text = outcome_note(runs["outcome"], "open")
    absent = facts["gap_not_positive"]
    note(fig, f"{text}; {absent} without a positive gap, not drawn" if absent else text)
    return Drawing(fig, points.drop(columns="group"), facts)


def _cloud(ax: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    scales = sorted(points["scale"].unique())
    draws = sorted(points["draw"].unique())
    for scale, color in zip(scales, ordered_colors(len(scales)), strict=True):
        ax.plot([], [], linestyle="none", marker="o", color=color, label=f"{scale:.3g}")
        for draw, marker in zip(draws, MARKERS, strict=False):
            part = points[(points["scale"] == scale) & (points["draw"] == draw)]
            whole = (part["outcome"] == "converged").to_numpy()
            members(ax, part[x].to_numpy(), part[y].to_numpy(), whole, color, marker, alpha=0.6)


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, fit: Line) -> tuple[float, float]:
    """Draw the line and its bootstrap band; the interval of the slope."""
    if nothing_to_show(ax, y) or not np.isfinite(fit.slope):
        return np.nan, np.nan
    at = np.linspace(x.min(), x.max(), 50)
    low, high, slope = line_band(x, y, at)
    center = y.mean() + fit.slope * (at - x.mean())
    ax.fill_between(at, low, high, color="black", alpha=0.2, linewidth=0, zorder=3)
    ax.plot(at, center, color="black", zorder=4)
    text = f"slope {fit.slope:.3f} $\\pm$ {fit.stderr:.3f}\n$R^2$ = {fit.r2:.3f}, n = {fit.n}"
    ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top")
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.25 * (top - bottom))
    return slope


def _facts(
    runs: pd.DataFrame,
    points: pd.DataFrame,
    fits: tuple[Line, Line],
    slopes: list[tuple[float, float]],
) -> dict[str, float | int | str]:
    pooled, within = fits
    published = points[points["power_estimate"] > 0]
    alive = runs["outcome"] != "diverged"
    return {
        "draws": runs["draw"].nunique(),
        "scales": runs["scale"].nunique(),
        "repeats": int(runs.groupby(["draw", "scale"]).size().min()),
        "learning_rate": float(runs["learning_rate"].iloc[0]),
        "runs": len(runs),
        "n": len(points),
        "diverged": int((~alive).sum()),
        "gap_not_positive": int((alive & ~(runs["gap"] > 0)).sum()),
        **{f"share_{name}": share for name, share in outcome_shares(runs).items()},
        "slope": pooled.slope,
        "slope_stderr": pooled.stderr,
        "slope_low": slopes[0][0],
        "slope_high": slopes[0][1],
        "intercept": pooled.intercept,
        "r2": pooled.r2,
        "within_slope": within.slope,
        "within_stderr": within.stderr,
        "within_low": slopes[1][0],
        "within_high": slopes[1][1],
        "within_r2": within.r2,
        "power_slope": fit_line(
            np.log10(published["power_estimate"].to_numpy()), published["y"].to_numpy()
        ).slope,
        "largest_train_risk": runs.loc[alive, "train_risk"].max(),
        "median_gap": points["gap"].median(),
    }
