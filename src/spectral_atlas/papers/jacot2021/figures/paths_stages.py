"""Greedy paths put one after the other, and what holds at the saddles between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.paths_shared import no_positive, stages_table
from spectral_atlas.plotting.curves import dots, log_limits
from spectral_atlas.plotting.panels import jitter

Array = np.ndarray
GAP = 0.22  # between stages, in units of a stage


def stage_costs(greedy: xr.Dataset, member: int) -> pd.DataFrame:
    """Costs along the stages of one member: ```member, width, stage, step, steps, x, train, test``.

    ``x`` puts the stages one after the other, each one unit wide, with a gap between.
    """
    one = greedy[["step", "steps", "width", "train_cost", "test_cost"]].isel(member=member)
    frames = []
    for k in range(int(one["width"])):
        kept = one["step"].values[k] >= 0
        step = one["step"].values[k][kept]
        share = step / max(float(step[-1]), 1.0)
        frames.append(
            pd.DataFrame(
                {
                    "member": member, "width": int(one["width"]), "stage": k + 1,
                    "step": step, "steps": int(one["steps"][k]), "x": k * (1 + GAP) + share,
                    "train": one["train_cost"].values[k][kept],
                    "test": one["test_cost"].values[k][kept],
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def single_sequence(ax: Axes, costs: pd.DataFrame, tones: list[Any]) -> None:
    """One member in the colours of its stages, with the number of steps of each."""
    _axes(ax, costs)
    for stage, own in costs.groupby("stage"):
        tone = tones[int(stage) % len(tones)]
        ax.plot(own["x"], own["train"], color=tone, linewidth=1.5)
        ax.plot(own["x"], own["test"], color=tone, linewidth=1.2, linestyle="--")
        ax.annotate(
            f"{own['steps'].iloc[0]:,}".replace(",", "\u2009"),
            ((stage - 1) * (1 + GAP) + 0.5, 1), (0, -8), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", fontsize="small", color="0.35",
        )  # fmt: skip


def many_sequences(
    ax: Axes, found: dict[int, pd.DataFrame], settled: dict[int, pd.DataFrame], tones: list[Any]
) -> None:
    """All targets; a cross where a stage did not end at a critical point."""
    _axes(ax, pd.concat(found.values()))
    for member, costs in found.items():
        for stage, own in costs.groupby("stage"):
            tone = tones[int(stage) % len(tones)]
            ax.plot(own["x"], own["train"], color=tone, linewidth=0.7, alpha=0.8)
            ax.plot(own["x"], own["test"], color="0.55", linewidth=0.5, linestyle="--", zorder=1)
            table = settled[member]
            if not table.loc[table["stage"] == stage, "settled"].iloc[0]:
                last = own.iloc[-1]
                ax.plot(last["x"], last["train"], "x", color=tone, markersize=5, zorder=5)


def _axes(ax: Axes, costs: pd.DataFrame) -> None:
    count = int(costs["stage"].max())
    values = costs[["train", "test"]].to_numpy(float)
    ax.set_yscale("log")
    low, high = log_limits(values)
    ax.set_ylim(low, high * (high / low) ** 0.1)
    ax.set_xlim(-0.1, count * (1 + GAP) - GAP + 0.1)
    ax.set_xticks([k * (1 + GAP) + 0.5 for k in range(count)], [str(k + 1) for k in range(count)])
    ax.tick_params(axis="x", length=0)
    ax.set(xlabel="stage (width)", ylabel="cost")
    ax.grid(axis="x", visible=False)
    for (_, stage), own in costs.groupby(["member", "stage"]):
        if stage < own["width"].iloc[0]:
            x = stage * (1 + GAP) - GAP * np.array([0.75, 0.5, 0.25])
            for name in ("train", "test"):
                y = [own[name].iloc[-1]] * 3
                ax.plot(x, y, ".", color="0.4", markersize=2, markeredgewidth=0)


def saddle_table(greedy: xr.Dataset) -> pd.DataFrame:
    """Ends of all stages of all members, with those of the origin (stage 0).

    Returns
    -------
    DataFrame ``member, depth, target, epsilon``, the columns of `stages_table`, and ``width`` and
    ``deviation``, |C_k / C_k' - 1|, where C_k' is that of the deepest network with the first
    epsilon; NaN unless both are critical points before the last stage.
    """
    frames = []
    for i in range(greedy.sizes["member"]):
        one = greedy.isel(member=i)
        names = {name: one[name].item() for name in ("depth", "target", "epsilon")}
        frames.append(stages_table(one).assign(member=i, width=int(one["width"]), **names))
    table = pd.concat(frames, ignore_index=True)
    saddles = table[table["settled"] & (table["stage"] < table["width"])]
    first = greedy["epsilon"].values[0]
    named = saddles[(saddles["depth"] == table["depth"].max()) & (saddles["epsilon"] == first)]
    reference = named.set_index(["target", "stage"])["cost"]
    key = pd.MultiIndex.from_frame(table[["target", "stage"]])
    compared = np.abs(table["cost"].to_numpy() / reference.reindex(key).to_numpy() - 1)
    itself = (table["depth"] == table["depth"].max()) & (table["epsilon"] == first)
    usable = table.index.isin(saddles.index) & (table["stage"] > 0) & ~itself
    table["deviation"] = np.where(usable, compared, np.nan)
    return table


def deviations_panel(ax: Axes, table: pd.DataFrame, tones: list[Any]) -> None:
    """Spread of C_k over depths and epsilon, one dot each, by the rank k of the saddle."""
    ax.set(xlabel="rank $k$ of saddle", ylabel=r"$|C_k/C_k^{\mathrm{deepest}}-1|$")
    shown = table[np.isfinite(table["deviation"])]
    if no_positive(ax, shown["deviation"]):
        return
    ax.set_yscale("log")
    ax.set_ylim(*log_limits(np.maximum(shown["deviation"].to_numpy(float), 1e-15)))
    for stage, own in shown.groupby("stage"):
        x = stage + jitter(len(own), 0.5)
        dots(ax, x, own["deviation"].to_numpy(float), color=tones[int(stage) % len(tones)])
    ax.set_xticks(sorted(shown["stage"].unique()))
    ax.set_xlim(shown["stage"].min() - 0.6, shown["stage"].max() + 0.6)
    ax.grid(axis="x", visible=False)
