"""Panels of the figure of lazy networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.papers.jacot2021.figures.common import FATES, choose, end_mark, levels
from spectral_atlas.plotting.curves import log_limits, plain_log_ticks
from spectral_atlas.plotting.panels import jitter, nothing_to_show
from spectral_atlas.plotting.style import MARKERS

SPREAD = 0.035  # of points of one width, in decades
ASIDE = 0.07  # between depths, in decades
GUIDE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.0, "zorder": 1.7}


def width_axis(ax: Axes, widths: np.ndarray) -> None:
    """Widths on a logarithmic axis, a tick at each."""
    found = np.unique(widths)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(found)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(found.min() / 1.35, found.max() * 1.35)
    ax.set_xlabel("width w")


def against_width(
    ax: Axes,
    table: pd.DataFrame,
    name: str,
    tones: dict,
    *,
    log: bool = False,
    level: float | None = None,
) -> None:
    """Points of all members beside their width, medians of the stopped ones joined.

    Parameters
    ----------
    table : with the columns ``depth, width, fate`` and ``name``
    tones : colour of each depth
    log : logarithmic, with a guide of slope -1/2 under the points
    level : a horizontal line
    """
    if nothing_to_show(ax, table[name]):
        return
    width_axis(ax, table["width"].to_numpy(float))
    if log:
        ax.set_yscale("log")
        ax.set_ylim(*log_limits(table[name].to_numpy(float)))
        plain_log_ticks(ax)
        guide(ax, table, name)
    if level is not None:
        ax.axhline(level, **GUIDE)
    for k, (L, tone) in enumerate(tones.items()):
        own = choose(table, depth=L)
        shift = 10 ** (ASIDE * (k - (len(tones) - 1) / 2))
        marker = MARKERS[k % 5]
        for (width, fate), group in own.groupby(["width", "fate"]):
            ax.plot(
                width * shift * 10 ** jitter(len(group), SPREAD), group[name], linestyle="",
                color=tone, alpha=0.5, marker=marker if fate == "stopped" else FATES[str(fate)],
                markersize=2.2 if fate == "stopped" else 4, markeredgewidth=0.5, zorder=2,
            )  # fmt: skip
        middle = own[own["fate"] == "stopped"].groupby("width")[name].median()
        ax.plot(middle.index * shift, middle, color=tone, marker=marker, markersize=4.5, zorder=4)


def guide(ax: Axes, table: pd.DataFrame, name: str) -> None:
    """A line of slope -1/2, through the least median of the smallest width."""
    first = table[table["width"] == table["width"].min()].groupby("depth")[name].median().min()
    ends = np.array(ax.get_xlim())
    ax.plot(ends, 0.8 * first * np.sqrt(table["width"].min() / ends), **GUIDE)


def spectrum(ax: Axes, table: pd.DataFrame, tones: dict) -> None:
    """Singular values: lines with markers for the networks, crosses for A_lin, bars for A*."""
    for L, own in table.groupby("depth"):
        k = list(tones).index(L)
        x = own["index"] + 0.22 * (k - (len(tones) - 1) / 2)
        ax.plot(x, own["value"], color=tones[L], marker=MARKERS[k % 5], linestyle="", zorder=3)
        ax.plot(
            x, own["linear"], color="black", marker="_", markersize=5, linestyle="", zorder=4,
            markeredgewidth=0.9,
        )  # fmt: skip
    star = table.drop_duplicates("index")
    ax.bar(star["index"], star["star"], width=0.85, color="0.88", zorder=0.6)
    ax.set(xlabel="$i$", ylabel=r"$s_i$", xlim=(0.3, star["index"].max() + 0.7))
    ax.set_xticks(star["index"] if len(star) <= 12 else star["index"][::5])
    ax.grid(visible=False, axis="x")


def decay(ax: Axes, table: pd.DataFrame, tones: dict) -> None:
    """Train cost on the scale of the law, all members; the first target of each depth bold."""
    ax.set_yscale("log")
    ax.set_ylim(*log_limits(table["cost"].to_numpy(float)))
    for L, own in table.groupby("depth"):
        bold = own.sort_values(["target", "initialization"])["member"].iloc[0]
        for member, path in own.groupby("member"):
            first = member == bold
            ax.plot(
                path["scaled_step"], path["cost"], color=tones[L], linewidth=1.4 if first else 0.5,
                alpha=1 if first else 0.5, zorder=3 if first else 2,
            )  # fmt: skip
            end = path.iloc[-1]
            end_mark(ax, end["scaled_step"], end["cost"], end["fate"], tones[L])
    x = np.array([0, np.nanmax(table["scaled_step"].to_numpy(float))])
    ax.plot(x, np.exp(-x), **(GUIDE | {"zorder": 5}))
    ax.set(xlabel=r"step $\times\,2\,|\ln(1-2\eta\Theta/N)|$", ylabel=r"$C(A)\,/\,C(A_0)$")


def kernel(ax: Axes, table: pd.DataFrame, tones: dict) -> None:
    """Deviation of the kernel from Theta I, and those of its largest and smallest eigenvalue."""
    parts = table.assign(above=table["largest"] - 1, below=1 - table["smallest"])
    width_axis(ax, parts["width"].to_numpy(float))
    ax.set_yscale("log")
    names = ("deviation", "above", "below")
    ax.set_ylim(*log_limits(parts[list(names)].to_numpy(float)))
    plain_log_ticks(ax)
    guide(ax, parts, "deviation")
    for k, (L, tone) in enumerate(tones.items()):
        own = choose(parts, depth=L)
        shift = 10 ** (ASIDE * (k - (len(tones) - 1) / 2))
        for name, marker in zip(names, (MARKERS[k % 5], "^", "v"), strict=True):
            face = tone if name == "deviation" else "white"
            ax.plot(
                own["width"] * shift, own[name], color=tone, marker=marker, linestyle="",
                markersize=2.8, markerfacecolor=face, markeredgewidth=0.6, zorder=3,
            )  # fmt: skip
        middle = own.groupby("width")["deviation"].median()
        ax.plot(middle.index * shift, middle, color=tone, zorder=2)
    ax.set_ylabel(r"$K/\Theta$ against identity")


def legend(figure: Figure, tones: dict, members: pd.DataFrame) -> None:
    """Depths, what is theory, and fates where there are any."""
    handles = [
        Line2D([], [], color=tone, marker=MARKERS[k % 5], label=f"L = {L:g}")
        for k, (L, tone) in enumerate(tones.items())
    ]
    look: dict[str, Any] = {"color": "black", "linestyle": ""}
    handles += [
        Line2D([], [], marker="_", markersize=6, label=r"$s_i(A_\mathrm{lin})$ (c)", **look),
        Line2D([], [], color="0.85", linewidth=5, label=r"$s_i(A^\ast)$ (c)"),
        Line2D([], [], **{k: v for k, v in GUIDE.items() if k != "zorder"},
               label=r"$w^{-1/2}$ (a, f); law (d, e); $A_\mathrm{lin}$ (b)"),
        Line2D([], [], marker="^", markerfacecolor="white", color="0.3", linestyle="",
               label=r"$\lambda_\mathrm{max}-1$ (f)"),
        Line2D([], [], marker="v", markerfacecolor="white", color="0.3", linestyle="",
               label=r"$1-\lambda_\mathrm{min}$ (f)"),
    ]  # fmt: skip
    for fate in ("unfinished", "diverged"):
        if fate in levels(members, "fate"):
            handles.append(
                Line2D([], [], marker=FATES[fate], color="0.3", linestyle="", label=fate)
            )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.6)
