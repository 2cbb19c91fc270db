"""Trajectories of the ReLU chain beside its minimizers t_1 t_2 = 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.craciun2024.theory import gd_stable
from spectral_atlas.plotting.panels import nothing_to_show
from spectral_atlas.plotting.style import COLORBLIND

SHOWN = "half"  # the normalization of the loss with which the follow-up's figure comes out
JOINED = 40  # updates that lines join
WINDOW = (-0.5, 3.0)  # of the parameters, at most
TONES = (COLORBLIND[4], COLORBLIND[5], COLORBLIND[2], COLORBLIND[7])


def paths_panel(ax: Axes, runs: xr.Dataset) -> pd.DataFrame:
    """Draw one trajectory for each learning rate; what is drawn."""
    one = runs.sel(normalization=SHOWN)
    scale = float(runs.attrs["mean_square"]) ** 0.5
    ax.set(xlabel=r"$t_1$", ylabel=r"$t_2$")
    every = one["trajectory"].values.reshape(-1, 2)
    inside = every[np.isfinite(every).all(1)]
    inside = inside[((inside >= WINDOW[0]) & (inside <= WINDOW[1])).all(1)]
    if nothing_to_show(ax, inside):
        return pd.DataFrame()
    low, high = inside.min(0), inside.max(0)
    pad = 0.08 * np.maximum(high - low, 0.2)
    t = np.geomspace(0.05, 20, 800)
    ax.plot(t, 1 / t, color="0.6", linewidth=0.9, zorder=1.5, label=r"$t_1t_2=1$")
    frames = []
    for k, eta in enumerate(one["rate_eta"].values):
        path, tone = one["trajectory"].values[k], TONES[k % len(TONES)]
        for start, end in gd_stable(float(eta), (scale, scale), 0.5):
            part = np.geomspace(start, end, 200)
            ax.plot(part, 1 / part, color=tone, linewidth=3.5, alpha=0.35, zorder=1.4)
        first = path[: JOINED + 1]
        look: dict[str, Any] = {"color": tone, "zorder": 3}
        ax.plot(*first.T, linewidth=0.6, marker=".", markersize=2.2, alpha=0.8, **look)
        ax.plot(*path[JOINED:].T, ".", markersize=1.2, **look)
        end = one["cycle"].values[k]
        ax.plot(*end.T, "*", color=tone, markersize=7, markeredgecolor="black", zorder=5,
                markeredgewidth=0.5, label=rf"$\eta={float(eta):g}$")  # fmt: skip
        loss = one["loss"].values[k]
        frame = {"panel": "c", "eta": float(eta), "step": np.arange(len(path)), "loss": loss}
        frames.append(pd.DataFrame(frame | {"t_1": path[:, 0], "t_2": path[:, 1]}))
    ax.plot(*one["trajectory"].values[0, 0], "s", color="black", markersize=3.5, zorder=6)
    ax.set_xlim(low[0] - pad[0], high[0] + pad[0])
    ax.set_ylim(low[1] - pad[1], high[1] + pad[1])
    ax.legend(loc="lower left", fontsize="small", handlelength=1.2)
    return pd.concat(frames, ignore_index=True)
