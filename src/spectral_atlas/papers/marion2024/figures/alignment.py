"""Small initializations end in rank-one, aligned layers, at the sharpness of their limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from spectral_atlas.papers.marion2024.figures.frames import (
    load_problems,
    outcome_shares,
    run_frame,
)
from spectral_atlas.papers.marion2024.theory import rank_one_limit
from spectral_atlas.plotting.facts import counted
from spectral_atlas.plotting.intervals import summarize
from spectral_atlas.plotting.outcomes import outcome_note
from spectral_atlas.plotting.panels import letter, means, members, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.regression import fit_line
from spectral_atlas.plotting.style import MARKERS, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

PANELS = {
    "mass": (r"$\max_k\,(|W_k|_F^2-\sigma_1^2)$", "rank-one mass"),
    "misalignment": (r"$1-\min_k\,\langle v_{k+1},u_k\rangle^2$", "misalignment"),
    "deviation": (r"$|S/S_{\mathrm{GF0}}-1|$", "sharpness"),
}
# Misalignment: squared angles, and the angles are O(scale^2) like W_k W_k^T - W_{k+1}^T W_{k+1},
# which the gradient flow conserves.
PREDICTED = {"mass": 2, "misalignment": 4}
TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def rank_one_alignment(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Rank-one mass, misalignment and S/S_GF0 - 1 at the end of training against the scale."""
    runs = _runs(inputs)
    depths = sorted(runs["depth"].unique())
    tones = dict(zip(depths, ordered_colors(len(depths) + 1), strict=False))
    fig, axes = plt.subplots(1, 3, figsize=size(style, 0.56))
    # Means and slopes are those of minimizers: of converged runs.
    whole = runs["outcome"] == "converged"
    kept = runs.assign(**{quantity: runs[quantity].where(whole) for quantity in PANELS})
    tables, slopes = [], {}
    for ax, text, quantity in zip(axes, "abc", PANELS, strict=True):
        table = summarize(kept, ["depth", "scale"], quantity, log=True, cluster="draw")
        tables.append(table.assign(panel=text, quantity=quantity))
        for depth in depths:
            slopes[quantity, depth] = _slope(kept[kept["depth"] == depth], quantity)
        _panel(ax, quantity, runs, table, tones, slopes)
        letter(ax, text, PANELS[quantity][1])
    handles, labels = axes[0].get_legend_handles_labels()
    for handle, label in zip(*axes[1].get_legend_handles_labels(), strict=True):
        if label not in labels:
            handles, labels = [*handles, handle], [*labels, label]
    fig.legend(handles, labels, loc="outside lower center", ncols=2, columnspacing=1.5)
    note(fig, outcome_note(runs["outcome"], "crosses; not in means and slopes"))
    return Drawing(fig, pd.concat(tables, ignore_index=True), _facts(kept, slopes))


def _runs(inputs: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    runs = run_frame(inputs, "alignment")
    problems = load_problems(inputs)
    limits = {
        (i, depth): rank_one_limit(problems[i].Sigma, problems[i].w_star, depth)
        for i, depth in set(zip(runs["problem"], runs["depth"], strict=True))
    }
    keys = zip(runs["problem"], runs["depth"], strict=True)
    runs["over_limit"] = runs["lambda_max"] / np.array([limits[key] for key in keys]) - 1
    runs["mass"] = runs["rank_one_mass"]
    runs["misalignment"] = 1 - runs["alignment"]
    runs["deviation"] = runs["over_limit"].abs()
    for quantity in PANELS:  # a log axis has no place for what vanishes to rounding
        runs[quantity] = runs[quantity].where(runs[quantity] > 0)
    return runs


def _slope(runs: pd.DataFrame, quantity: str) -> tuple[float, float, float]:
    """Log-log slope over the smaller half of the scales (at least two), its standard error, top."""
    scales = np.sort(runs["scale"].unique())
    top = float(scales[: max((len(scales) + 1) // 2, 2)][-1])
    used = runs[(runs["scale"] <= top) & np.isfinite(runs[quantity])]
    fit = fit_line(np.log(used["scale"].to_numpy()), np.log(used[quantity].to_numpy()))
    return fit.slope, fit.stderr, top


def _panel(
    ax: Axes,
    quantity: str,
    runs: pd.DataFrame,
    table: pd.DataFrame,
    tones: dict[int, tuple],
    slopes: dict[tuple[str, int], tuple[float, float, float]],
) -> None:
    lines = []
    for (depth, tone), marker in zip(tones.items(), MARKERS, strict=False):
        part = runs[(runs["depth"] == depth) & np.isfinite(runs[quantity])]
        x = part["scale"] * (1 + 0.05 * (part["draw"] % 3 - 1))
        # Filled: at or above the limit; open: below it (panel c only); cross: not converged.
        above = (part["over_limit"] >= 0) | (quantity != "deviation")
        failed = part["outcome"] != "converged"
        x_whole, y_whole, above = (v[~failed].to_numpy() for v in (x, part[quantity], above))
        members(ax, x_whole, y_whole, above, tone, marker)
        ax.plot(x[failed], part[quantity][failed], color=tone, linestyle="none", marker="x")
        own = table[table["depth"] == depth]
        means(
            ax, own["scale"], own, "black", fmt=marker, markerfacecolor=tone,
            label=f"depth $L={depth}$: geometric mean",
        )  # fmt: skip
        slope, stderr, _ = slopes[quantity, depth]
        if np.isfinite(slope):
            lines.append(f"L = {depth}: slope {slope:.2f} ± {stderr:.2f}")
    absent = int((~np.isfinite(runs[quantity])).sum())
    if absent:
        lines.append(f"{counted(absent, 'run')} without a value")
    if quantity in PREDICTED:
        _prediction(ax, quantity, runs)
    ax.set(xscale="log", yscale="log", xlabel="initialization scale", ylabel=PANELS[quantity][0])
    low, high = runs["scale"].min() * 0.99, runs["scale"].max() * 1.01
    shown = [tick for tick in TICKS if low <= tick <= high] or [runs["scale"].min()]
    ax.set_xticks(shown, [f"{tick:.3g}" for tick in shown])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.text(0.03, 0.98, "\n".join(lines), transform=ax.transAxes, va="top", fontsize="small")
    if nothing_to_show(ax, runs[quantity]):
        return
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top * (top / bottom) ** (0.08 + 0.06 * len(lines)))


def _prediction(ax: Axes, quantity: str, runs: pd.DataFrame) -> None:
    """The predicted power of the scale: for the mass with its constant, else through the data."""
    power = PREDICTED[quantity]
    scales = np.array([runs["scale"].min(), runs["scale"].max()])
    if quantity == "mass":
        constant, look = float(runs["d"].iloc[0]) ** 2, "k--"
        label = r"initial mass $\mathrm{E}|W_k(0)|_F^2=(d\cdot\mathrm{scale})^2$"
    else:
        smallest = runs.loc[runs["scale"] == scales[0], quantity]
        constant, look = float(np.exp(np.log(smallest).mean()) / scales[0] ** power), "k:"
        label = "slope 4, through the smallest scale"
    ax.plot(scales, constant * scales**power, look, linewidth=0.9, zorder=1.6, label=label)


def _facts(
    runs: pd.DataFrame, slopes: dict[tuple[str, int], tuple[float, float, float]]
) -> dict[str, float | int | str]:
    depths = sorted(runs["depth"].unique())
    shallow, deep = depths[0], depths[-1]
    facts: dict[str, float | int | str] = {
        "draws": runs["draw"].nunique(),
        "repeats": int(runs.groupby(["draw", "depth", "scale"]).size().min()),
        "runs": len(runs),
        "depths": ", ".join(str(depth) for depth in depths),
        "learning_rate": float(runs["learning_rate"].max()),
        **{f"share_{name}": share for name, share in outcome_shares(runs).items()},
        "not_converged": int((runs["outcome"] != "converged").sum()),
        "below_limit": int((runs["over_limit"] < 0).sum()),
    }
    for name, depth in (("shallow", shallow), ("deep", deep)):
        own = runs[runs["depth"] == depth]
        small = own[own["scale"] == own["scale"].min()]
        facts |= {
            f"{name}_depth": int(depth),
            f"{name}_scale": float(small["scale"].iloc[0]),
            f"{name}_fit_top": slopes["mass", depth][2],
            f"{name}_mass_constant": float((small["mass"] / small["scale"] ** 2).mean()),
            f"{name}_least_alignment": small["alignment"].min(),
            f"{name}_largest_deviation": small["deviation"].max(),
        }
        for quantity in PANELS:
            slope, stderr, _ = slopes[quantity, depth]
            facts |= {f"{name}_{quantity}_slope": slope, f"{name}_{quantity}_stderr": stderr}
    return facts
