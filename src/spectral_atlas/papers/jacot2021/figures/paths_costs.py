"""Train and test cost along wide paths, between the saddles of the greedy algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spectral_atlas.papers.jacot2021.figures.common import along_path, end_mark
from spectral_atlas.papers.jacot2021.figures.paths_shared import no_positive
from spectral_atlas.papers.jacot2021.plateaus import outstanding
from spectral_atlas.plotting.curves import Label, label_right, log_limits

Array = np.ndarray
BEFORE = 0.4  # of the step at which the first of many paths leaves the origin: start of the axis
FLOOR = 1e-9  # costs below this share of C(0) do not stretch the axis


def costs_of(runs: xr.Dataset, spectra: xr.Dataset, members: pd.DataFrame) -> pd.DataFrame:
    """Costs along the paths: ``member, target, initialization, gamma, step, train, test, rank``."""
    frames = []
    for row in members.itertuples():
        s = along_path(spectra, runs, row.member, "singular_values")
        frames.append(
            pd.DataFrame(
                {
                    "member": row.member, "target": row.target, "gamma": row.gamma,
                    "initialization": row.initialization,
                    "step": along_path(runs, runs, row.member, "step"),
                    "train": along_path(runs, runs, row.member, "train_cost"),
                    "test": along_path(spectra, runs, row.member, "test_cost"),
                    "rank": outstanding(s),
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def single_path(
    ax: Axes, path: pd.DataFrame, fate: str, saddles: Array, color: Any, tones: list[Any]
) -> None:
    """One path: train solid, test dashed, saddles' costs as lines, ranks as shades."""
    ax.set(xlabel="step", ylabel="cost")
    if no_positive(ax, path["train"]):
        return
    ax.set_yscale("log")
    last = float(path["step"].iloc[-1])
    ax.set_xlim(0, max(last, 1))
    shown = path[["train", "test"]].to_numpy(float)
    low, high = log_limits(shown, floor=FLOOR * np.nanmax(shown))
    ax.set_ylim(low, high * (high / low) ** 0.12)  # room for the ranks
    ax.plot(path["step"], path["train"], color=color, linewidth=1.6, label="train")
    ax.plot(path["step"], path["test"], color=color, linestyle="--", label="test")
    end_mark(ax, last, float(path["train"].iloc[-1]), fate, color)
    labels: list[Label] = []
    for k, cost in enumerate(saddles):
        tone = tones[k % len(tones)]
        if np.isfinite(cost):
            ax.axhline(cost, color=tone, linewidth=0.8, linestyle=":", zorder=1.5)
            labels.append((float(cost), rf"$C_{{{k}}}$", tone))
    label_right(ax, labels)
    shade_ranks(ax, path)


def shade_ranks(ax: Axes, path: pd.DataFrame) -> None:
    """Every other rank's steps shaded, the rank written at the top where there is room."""
    rank, step = path["rank"].to_numpy(int), path["step"].to_numpy(float)
    starts = np.flatnonzero(np.diff(rank, prepend=rank[0] - 1))
    ends = np.append(step[starts[1:]], step[-1])
    left, right = ax.get_xlim()
    for start, end in zip(starts, ends, strict=True):
        if rank[start] % 2:
            ax.axvspan(step[start], end, color="0.94", zorder=0, linewidth=0)
        if end - step[start] > 0.04 * (right - left):
            ax.annotate(
                f"rank {rank[start]}", ((step[start] + end) / 2, 1), (0, -9),
                xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
                fontsize="small", color="0.35",
            )  # fmt: skip


def many_paths(
    ax: Axes, costs: pd.DataFrame, fates: dict[int, str], bold: int | None, color: Any
) -> None:
    """Train costs of all members, those of the first on one target bold, its test cost dashed.

    The axis of steps is logarithmic and starts shortly before the first path leaves the origin.
    """
    ax.set_xlabel("steps [thousands]")
    if no_positive(ax, costs["train"]):
        return
    ax.set_yscale("log")
    first = costs.loc[costs["target"] == bold, "member"].min()
    for member, path in costs.groupby("member"):
        chosen = member == first
        look: dict[str, Any] = {"color": color, "zorder": 3} if chosen else {"color": "0.6"}
        ax.plot(path["step"], path["train"], linewidth=1.3 if chosen else 0.6, **look)
        if chosen:
            ax.plot(path["step"], path["test"], linewidth=1.0, linestyle="--", **look)
        last = path.iloc[-1]
        end_mark(ax, float(last["step"]), float(last["train"]), fates[int(member)], look["color"])
    left = costs.loc[costs["rank"] >= 1, "step"]
    last = max(float(costs["step"].max()), 2.0)
    start = min(max(BEFORE * float(left.min()), 1.0), last / 2) if len(left) else 1.0
    ax.set_xlim(start, 1.1 * last)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3) if last < 300 * start else (1,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
