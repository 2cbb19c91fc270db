"""Plateaus of wide paths against the saddles of the greedy algorithm, over targets and starts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.paths_shared import no_positive, saddle_costs
from spectral_atlas.papers.jacot2021.readings import plateau
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.panels import jitter, nothing_to_show

Array = np.ndarray
COLUMNS = ["member", "target", "initialization", "gamma", "rank", "step", "cost", "greedy"]
CLOSE = 0.01  # a plateau and a saddle agree
RANK_MARKERS = ("o", "s", "D", "v", "P")


def plateaus_of(
    runs: xr.Dataset, spectra: xr.Dataset, members: pd.DataFrame, greedy: xr.Dataset
) -> pd.DataFrame:
    """One row for each member and saddle of rank 1, 2, ...: where its path is quietest.

    Returns
    -------
    DataFrame `COLUMNS` and ``deviation``, |cost / greedy - 1|. ``greedy`` is the cost of the
    saddle, NaN where there is none; ``cost`` is NaN where the path is never recorded with the rank.
    """
    rows: list[dict[str, Any]] = []
    for row in members.itertuples():
        run, s = runs.isel(member=row.member), spectra["singular_values"].values[row.member]
        saddles = saddle_costs(greedy, row.depth, row.target, float(run["cost_at_zero"]))
        common = {name: getattr(row, name) for name in COLUMNS[:4]}
        for rank in range(1, len(saddles)):
            found = plateau(run, rank, s)
            at = {"step": found.step, "cost": found.cost} if found else {"step": -1}
            rows.append({**common, "rank": rank, **at, "greedy": saddles[rank]})
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"cost": float, "greedy": float})
    table["deviation"] = np.abs(table["cost"] / table["greedy"] - 1)
    return table


def deviation_panel(ax: Axes, table: pd.DataFrame, tones: dict[float, Any]) -> None:
    """|C_k / C_k of the greedy algorithm - 1| by target: colours gamma, markers the rank k."""
    ax.set(xlabel="target seed", ylabel=r"$|C_k/C_k^{\mathrm{greedy}}-1|$")
    shown = table[np.isfinite(table["deviation"])]
    targets = sorted(table["target"].unique())
    ax.set_xticks(range(len(targets)), [str(t) for t in targets])
    if nothing_to_show(ax, shown["deviation"].to_numpy(float)):
        return
    ax.set_yscale("log")
    values = np.maximum(shown["deviation"].to_numpy(float), 1e-12)
    ax.set_ylim(*log_limits(np.append(values, CLOSE)))
    ax.axhline(CLOSE, color="black", linestyle=":", linewidth=0.9)
    ranks = sorted(shown["rank"].unique())
    slots = len(tones) * len(ranks)
    for i, (gamma, tone) in enumerate(sorted(tones.items())):
        for j, rank in enumerate(ranks):
            own = shown[np.isclose(shown["gamma"], gamma) & (shown["rank"] == rank)]
            x = own["target"].map(targets.index).to_numpy(float)
            shift = 0.72 * ((i * len(ranks) + j + 0.5) / slots - 0.5)
            ax.plot(
                x + shift, np.maximum(own["deviation"], 1e-12), linestyle="", color=tone,
                marker=RANK_MARKERS[(rank - 1) % len(RANK_MARKERS)], markersize=2.6,
                markerfacecolor=tone if rank == ranks[0] else "none", markeredgewidth=0.7,
            )  # fmt: skip
    ax.set_xlim(-0.6, len(targets) - 0.4)
    ax.grid(axis="x", visible=False)


def starts_panel(ax: Axes, table: pd.DataFrame, tones: dict[float, Any]) -> pd.DataFrame:
    """Deviation of C_1 from its median over starts, in percent: one dot a start.

    Returns
    -------
    DataFrame ``gamma, target, n, spread``: (largest - smallest) / median.
    """
    first = table[(table["rank"] == 1) & np.isfinite(table["cost"])]
    groups = list(first.groupby(["gamma", "target"]))
    ax.set(xlabel="target seed", ylabel=r"$C_1$ over median $-1$ [%]")
    if nothing_to_show(ax, first["cost"].to_numpy(float)):
        return pd.DataFrame(columns=["gamma", "target", "n", "spread"])
    rows = []
    for i, ((gamma, target), own) in enumerate(groups):
        cost = own["cost"].to_numpy(float)
        middle = float(np.median(cost))
        x = i + jitter(len(cost), 0.5)
        ax.plot(x, 100 * (cost / middle - 1), ".", color=tones[gamma], markersize=4)
        spread = float(np.ptp(cost) / middle)
        rows.append({"gamma": gamma, "target": target, "n": len(cost), "spread": spread})
    ax.set_xticks(range(len(groups)), [str(target) for (_, target), _ in groups])
    ax.set_xlim(-0.6, len(groups) - 0.4)
    ax.grid(axis="x", visible=False)
    return pd.DataFrame(rows)


def recovery_panel(ax: Axes, table: pd.DataFrame, threshold: float) -> None:
    """Final test error over that of zero against N; lines join a target's nested problems.

    ``table`` has the columns ``target, observed, ratio, fate``. At the top, the count of
    members below the threshold.
    """
    ax.set(xlabel="observed entries $N$", ylabel="test / test(0)")
    counts = sorted(table["observed"].unique())
    ax.set_xticks(range(len(counts)), [str(n) for n in counts])
    ax.set_xlim(-0.5, len(counts) - 0.5)
    ax.grid(axis="x", visible=False)
    if no_positive(ax, table["ratio"]):
        return
    ax.set_yscale("log")
    low, high = log_limits(table["ratio"].to_numpy(float))
    ax.set_ylim(low, high * (high / low) ** 0.12)  # room for the counts
    ax.axhline(threshold, color="black", linestyle=":", linewidth=0.9)
    targets = sorted(table["target"].unique())
    shift = dict(zip(targets, jitter(len(targets), 0.5), strict=True))
    for target, own in table.groupby("target"):
        x = own["observed"].map(counts.index).to_numpy(float) + shift[target]
        ax.plot(x, own["ratio"], color="0.8", linewidth=0.6, zorder=1)
        for fate, marker in (("stopped", "o"), ("unfinished", "x"), ("diverged", "^")):
            mine = (own["fate"] == fate).to_numpy()
            ax.plot(
                x[mine], own["ratio"][mine], linestyle="", marker=marker, markersize=2.8,
                color="black", markeredgewidth=0.7, zorder=3,
            )  # fmt: skip
    for i, n in enumerate(counts):
        own = table[table["observed"] == n]
        hits = int((own["ratio"] < threshold).sum())
        ax.annotate(
            f"{hits}/{len(own)}", (i, 1), (0, -7), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", fontsize="x-small", annotation_clip=False,
        )  # fmt: skip
