"""Panels of the share of starts that converge."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.papers.craciun2024.figures.common import (
    LIMIT,
    OUTCOME_COLORS,
    NetLook,
    about_one,
    above_critical,
)
from spectral_atlas.plotting.panels import nothing_to_show

STACK = ("minimum", "saddle", "bounded", "diverged")
NEAR = 0.01  # |eta / eta_C - 1| within which axes are linear
MARGIN = 1e-4  # the same for ratios


def stacked_panel(ax: Axes, rates: pd.DataFrame) -> None:
    """Shares of the outcomes, a bar for each learning rate whatever their distance."""
    at, bottom = np.arange(len(rates)), np.zeros(len(rates))
    for name in STACK:
        share = (rates[name] / rates["n"]).to_numpy(float)
        ax.bar(at, share, 0.86, bottom=bottom, color=OUTCOME_COLORS[name], zorder=2)
        bottom = bottom + share
    hits = rates["minimum"].to_numpy() > 0
    ends = [
        (hits, "share", "low", "high", False),
        (rates["bounded"].to_numpy() > 0, "diverged_share", "diverged_low", "diverged_high", True),
    ]
    for kept, mean, low, high, from_top in ends:
        y = rates[[mean, low, high]].to_numpy(float)[kept]
        y = 1 - y if from_top else y
        bars = np.abs(y[:, 1:] - y[:, :1]).T
        bars = bars[::-1] if from_top else bars
        ax.errorbar(
            at[kept], y[:, 0], bars, fmt="none", color="black", elinewidth=0.7, capsize=1.5,
            capthick=0.7, zorder=4,
        )  # fmt: skip
    _critical_lines(ax, rates["learning_rate"].to_numpy(float))
    ax.set_xticks(at, [f"{eta:g}" for eta in rates["learning_rate"]], rotation=90)
    ax.set(xlabel="η", ylabel="share of starts", ylim=(0, 1), xlim=(-0.7, len(rates) - 0.3))
    ax.grid(False)


def _critical_lines(ax: Axes, etas: np.ndarray) -> None:
    """Lines at eta_C and 2 eta_C: through the bar of that rate, or between its neighbours."""
    at = np.arange(len(etas))
    for factor, text in ((1, r"$η_C$"), (2, r"$2 η_C$")):
        eta = factor * CRITICAL_STEP
        if not etas[0] <= eta <= etas[-1]:
            continue
        equal = np.flatnonzero(np.isclose(etas, eta))
        after = int(np.searchsorted(etas, eta))
        x = float(at[equal[0]]) if equal.size else after - 0.5
        ax.axvline(x, **(LIMIT | {"zorder": 3}))
        ax.annotate(
            text, (x, 1), (0, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom",
        )  # fmt: skip


def share_panel(ax: Axes, nets: pd.DataFrame, looks: Mapping[str, NetLook]) -> None:
    """Share of minima for each network, with those still moving below eta_C on top.

    Dotted, above eta_C: the share that stays bounded.
    """
    for net, look in looks.items():
        own = nets[nets["net"] == net]
        a, share = own["share_of_critical"].to_numpy(float), own["share"].to_numpy(float)
        face = look.color if look.linestyle == "-" else "white"
        common = {"color": look.color, "marker": look.marker, "markersize": 2.8, "zorder": 3}
        for part in (~above_critical(a), above_critical(a)):  # no line across eta_C
            ax.plot(
                a[part], share[part], linestyle=look.linestyle, linewidth=0.9,
                markerfacecolor=face, markeredgewidth=0.7, **common,
            )  # fmt: skip
            kept = (own["bounded"] / own["n"]).to_numpy(float)[part & above_critical(a)]
            ax.plot(
                a[part & above_critical(a)], kept, linestyle=(0, (1, 1.2)), linewidth=0.9,
                color=look.color, marker=look.marker, markersize=1.6, zorder=2.4,
                markerfacecolor=face, markeredgewidth=0.5,
            )  # fmt: skip
        ax.vlines(a, own["low"], own["high"], color=look.color, linewidth=0.6, zorder=2.5)
        slow = own["moving"].to_numpy() > 0
        top = share + (own["moving"] / own["n"]).to_numpy(float)
        ax.vlines(a[slow], share[slow], top[slow], color=look.color, linewidth=0.6, zorder=2.5)
        ax.plot(
            a[slow], top[slow], linestyle="", color=look.color, marker="_", markersize=6, zorder=3
        )
    ax.axvline(1, **LIMIT)
    about_one(ax, nets["share_of_critical"], NEAR)
    ax.set(xlabel=r"$η / η_C$", ylabel="share of starts", ylim=(-0.05, 1.05))


def ratio_panel(ax: Axes, nets: pd.DataFrame, looks: Mapping[str, NetLook]) -> None:
    """The largest sharpness at minima, over 2 / eta."""
    if nothing_to_show(ax, nets["largest_ratio"]):
        return
    for net, look in looks.items():
        own = nets[(nets["net"] == net) & nets["largest_ratio"].notna()]
        face = look.color if look.linestyle == "-" else "white"
        ax.plot(
            own["share_of_critical"], own["largest_ratio"], color=look.color, marker=look.marker,
            linestyle=look.linestyle, linewidth=0.8, markersize=2.8, markerfacecolor=face,
            markeredgewidth=0.7,
        )  # fmt: skip
    kept = nets[nets["largest_ratio"].notna()]
    about_one(ax, kept["share_of_critical"], NEAR, gap=0.12)
    about_one(ax, kept["largest_ratio"], MARGIN, axis="y", gap=0.06)
    ax.axhline(1, **LIMIT)
    ax.axvline(1, **LIMIT)
    ax.set(xlabel=r"$η / η_C$", ylabel=r"largest $λ_{\max} η / 2$")
