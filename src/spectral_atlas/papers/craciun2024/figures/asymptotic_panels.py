"""Panels of the asymptotic gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.asymptotic_table import ENSEMBLE
from spectral_atlas.papers.craciun2024.figures.balanced_orbits import (
    balanced_gradient,
    balanced_multipliers,
    doubling,
)
from spectral_atlas.papers.craciun2024.figures.common import (
    LIMIT,
    NetLook,
    above_critical,
    below_critical,
)
from spectral_atlas.plotting.panels import jitter, nothing_to_show

LEAST = 1e-17  # gradients below are drawn here
SHOWN_FROM = 0.85  # eta / eta_C from which the linear panel is drawn
STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), "-.")
GREY = "0.6"
COUNTED = 14  # learning rates up to which counts are written
THEORY: dict[str, Any] = {"color": "#d55e00", "linewidth": 2.0, "solid_capstyle": "butt"}
FIELD = "cividis"


def depth_styles(depths: Sequence[int]) -> dict[int, Any]:
    """Dashes of theory lines."""
    return {depth: STYLES[i % len(STYLES)] for i, depth in enumerate(sorted(set(depths)))}


def theory_handles(depths: Sequence[int]) -> list[Line2D]:
    """Legend entries of theory lines, the ensemble and complex pairs."""
    lines = [
        Line2D([], [], color="black", linewidth=0.9, linestyle=dash, label=f"theory, H = {depth}")
        for depth, dash in depth_styles(depths).items()
    ]
    return [
        *lines,
        Line2D([], [], linestyle="", marker=".", color=GREY, label=f"{ENSEMBLE} (a)"),
        Line2D([], [], linestyle="", marker="_", color="black", label="complex, |μ| (c)"),
    ]


def below_panel(ax: Axes, members: pd.DataFrame, looks: Mapping[str, NetLook]) -> None:
    """Below eta_C on a log axis, the networks side by side at each rate; runs not at rest open."""
    own = members[below_critical(members["share_of_critical"]) & members["net"].isin(looks)]
    if nothing_to_show(ax, own["gradient"]):
        return
    ax.set_yscale("log")
    shares = np.unique(own["share_of_critical"])
    width = 0.86 / len(looks)
    for i, (net, look) in enumerate(looks.items()):
        for resting in (True, False):
            mine = own[(own["net"] == net) & (own["resting"] == resting)]
            at = np.searchsorted(shares, mine["share_of_critical"]) - 0.43 + width * (i + 0.5)
            ax.plot(
                at + jitter(len(mine), 0.7 * width), mine["gradient"].clip(lower=LEAST),
                linestyle="", color=look.color, rasterized=True,
                marker="." if resting else look.marker, markersize=1.6 if resting else 4,
                markerfacecolor=look.color if resting else "none", markeredgewidth=0.7,
                alpha=0.6 if resting else 1, zorder=2 if resting else 3,
            )  # fmt: skip
    turn = 90 if len(shares) > 6 else 0
    ax.set_xticks(range(len(shares)), [f"{a:g}" for a in shares], rotation=turn)
    ax.set(xlim=(-0.6, len(shares) - 0.4), xlabel=r"$η / η_C$", ylabel=r"mean $|\nabla L|$")
    ax.grid(False, axis="x")


def above_panel(
    ax: Axes, members: pd.DataFrame, looks: Mapping[str, NetLook], depths: Sequence[int]
) -> None:
    """About and above eta_C on a linear axis, in units in which networks of a depth agree.

    Beyond all theory, networks stand side by side at each rate.
    """
    ax.set(xlabel=r"$η / η_C$", ylabel=r"mean $|\nabla L|\;H η_C\,/\,σ_1^{1/H}$")
    own = members[members["share_of_critical"] >= SHOWN_FROM]
    if nothing_to_show(ax, own["scaled"]):
        return
    mine = own[own["net"] == ENSEMBLE]
    ax.plot(
        mine["share_of_critical"], mine["scaled"], linestyle="", marker=".", markersize=2.5,
        color=GREY, markeredgewidth=0, rasterized=True, zorder=1.5,
    )  # fmt: skip
    shares = np.unique(own.loc[own["net"].isin(looks), "share_of_critical"])
    steps = np.diff(shares, prepend=-np.inf, append=np.inf)
    room = np.minimum(0.6 * np.minimum(steps[:-1], steps[1:]), 0.06)
    room[shares <= max(doubling(depth) for depth in depths)] = 0
    widths = dict(zip(shares, room, strict=True))
    for i, (net, look) in enumerate(looks.items()):
        mine = own[own["net"] == net]
        a = mine["share_of_critical"]
        ax.plot(
            a + a.map(widths) * ((i + 0.5) / len(looks) - 0.5), mine["scaled"], linestyle="",
            marker=look.marker, markersize=2.6, color=look.color, markeredgewidth=0.5,
            markerfacecolor=look.color if look.linestyle == "-" else "white", zorder=3,
            rasterized=True,
        )  # fmt: skip
    for depth, dash in depth_styles(depths).items():
        a = 1 + (doubling(depth) - 1) * np.linspace(0, 1, 120) ** 2
        ax.plot(a, balanced_gradient(a, depth), color="black", linewidth=0.9, linestyle=dash)
    ax.axvline(1, **LIMIT)
    ax.set_xlim(SHOWN_FROM, max(1.06, float(own["share_of_critical"].max()) + 0.03))
    ax.set_ylim(bottom=-0.04 * float(np.nanmax(own["scaled"])))


def period_panel(ax: Axes, table: pd.DataFrame, looks: Mapping[str, NetLook]) -> None:
    """Share of bounded runs at period two, a field for each network and rate, with counts."""
    own = table[above_critical(table["share_of_critical"]) & table["net"].isin(looks)]
    if nothing_to_show(ax, own["share"]):
        return
    wide = own.pivot_table(index="net", columns="share_of_critical", values="share", dropna=False)
    wide = wide.reindex(list(looks))
    ax.set_facecolor("0.88")
    ax.imshow(
        np.ma.masked_invalid(wide.to_numpy(float)), cmap=FIELD, vmin=0, vmax=1.15, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    columns = {a: j for j, a in enumerate(wide.columns)}
    lines = {net: i for i, net in enumerate(wide.index)}
    for row in own.itertuples():
        if wide.shape[1] <= COUNTED:
            text = f"{row.period_two}/{row.n}" if row.n else "–"
            ax.text(
                columns[row.share_of_critical], lines[row.net], text, ha="center", va="center",
                fontsize=5, color="white" if row.n and row.share < 0.5 else "black",
            )  # fmt: skip
    shares = wide.columns.to_numpy(float)
    for net, depth in own.groupby("net")["depth"].first().items():
        at, line = int(np.searchsorted(shares, doubling(int(depth)))), lines[net]
        if 0 < at < len(shares):
            ax.plot([at - 0.5] * 2, [line - 0.5, line + 0.5], **THEORY)
    ax.set_xticks(
        range(len(shares)), [f"{a:g}" for a in shares], rotation=90 if len(shares) > COUNTED else 0
    )
    ax.set_yticks(range(len(wide)), [looks[net].label for net in wide.index], fontsize="small")
    ax.set_xlabel(r"$η / η_C$")
    ax.grid(False)
    ax.tick_params(length=0)


def multiplier_panel(
    ax: Axes, multipliers: pd.DataFrame, looks: Mapping[str, NetLook], depths: Sequence[int]
) -> None:
    """Longitudinal and transverse multipliers against theory, and the largest complex modulus."""
    ax.set(xlabel=r"$η / η_C$", ylabel="multiplier")
    kinds = ["longitudinal", "transverse", "complex_modulus"]
    if nothing_to_show(ax, multipliers[kinds].to_numpy(float)):
        return
    for depth, dash in depth_styles(depths).items():
        a = 1 + (doubling(depth) - 1) * np.linspace(1e-6, 1, 60)
        for line in balanced_multipliers(a, depth):
            ax.plot(a, line, color="black", linewidth=0.8, linestyle=dash, zorder=2)
    for net, look in looks.items():
        mine = multipliers[multipliers["net"] == net]
        face = look.color if look.linestyle == "-" else "white"
        for kind in kinds[:2]:
            ax.plot(
                mine["share_of_critical"], mine[kind], linestyle="", marker=look.marker,
                markersize=2.8, color=look.color, markerfacecolor=face, markeredgewidth=0.6,
                zorder=3, rasterized=True,
            )  # fmt: skip
        most = mine.groupby("share_of_critical")["complex_modulus"].max()
        ax.plot(
            most.index, most, linestyle="", marker="_", markersize=6, color=look.color,
            markeredgewidth=1.1, zorder=2.5,
        )  # fmt: skip
    ax.text(1.125, 0.5, "transverse", ha="center", fontsize="small")
    ax.text(1.09, -0.1, "longitudinal", ha="right", fontsize="small")
    for edge in (-1, 1):
        ax.axhline(edge, **LIMIT)
    ax.set(ylim=(-1.15, 1.15), xlim=(1, max(1.26, multipliers["share_of_critical"].max() + 0.01)))
