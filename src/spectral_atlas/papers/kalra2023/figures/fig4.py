"""Relations between the critical constants: pairs of them, and violations of their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spectral_atlas.papers.kalra2023.figures.relations import (
    compare,
    ratio_bar,
    ratio_norm,
    relation_limits,
    relation_panel,
    violation_shares,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    CONSTANTS,
    NETWORKS,
    SYMBOLS,
    Inputs,
    runs_frame,
    searched_text,
    seeds_text,
)
from spectral_atlas.plotting.facts import MISSING, counted
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, MARKERS, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("fcn", "fcn_deep", "fcn_deeper", "myrtle", "resnet")
PAIRS = {
    "a": ("c_loss", "c_sharp"),
    "b": ("c_sharp", "c_max"),
    "c": ("c_sharp", "c_barrier"),
    "d": ("c_loss", "c_barrier"),
}
SMALL = 0.07  # d/w up to which the order should hold for nearly every run
NETWORK_MARKERS = dict(zip(NETWORKS, MARKERS, strict=False))
GAP = 0.06  # of the pairs' bars beside each other, in octaves of d/w


def fig4(inputs: Inputs, style: Style) -> Drawing:
    """Four pairs of constants, and the share of runs that violate their order against d/w."""
    frame = runs_frame(inputs, STUDIES)
    figure = plt.figure(figsize=size(style, 0.76))
    axes = figure.subplot_mosaic([list("abc"), list("dee")])
    norm, limits = ratio_norm(frame), relation_limits(frame[list(CONSTANTS)].to_numpy(float))
    tables = []
    for text, (x, y) in PAIRS.items():
        pairs = relation_panel(
            axes[text], frame, x, y, norm=norm, markers=NETWORK_MARKERS, limits=limits
        )
        pairs = pairs[
            ["network", "depth", "width", "seed", "x", "y", "decided", "violated", "by_one"]
        ]
        tables.append(pairs.assign(panel=text, first=x, second=y))
        letter(axes[text], text)
    tables.append(_shares(axes["e"], frame))
    letter(axes["e"], "e", "violations by shape")
    ratio_bar(figure, norm, [axes["c"], axes["e"]], aspect=35, pad=0.02)
    figure.legend(handles=_handles(frame), loc="outside lower center", ncols=6, columnspacing=1.2)
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(frame))


def _shares(ax: Axes, frame: pd.DataFrame) -> pd.DataFrame:
    """Share of runs with x > y at each d/w and kind of network, with Wilson intervals."""
    tables = []
    ax.set_xscale("log")
    for slot, (text, (x, y)) in enumerate(PAIRS.items()):
        found = violation_shares(compare(frame, x, y), ["network", "ratio"])
        tables.append(found.assign(panel="e", pair=text, first=x, second=y))
        for network, own in found.groupby("network"):
            bars = [own["share"] - own["low"], own["high"] - own["share"]]
            ax.errorbar(
                own["ratio"] * 2.0 ** (GAP * (slot - (len(PAIRS) - 1) / 2)),
                own["share"], np.maximum(bars, 0), color=COLORBLIND[slot],
                fmt=NETWORK_MARKERS.get(str(network), "o"), capsize=1.2, elinewidth=0.7,
                markersize=3.8, zorder=3,
            )  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    ax.set(xlabel=r"$d/w$", ylabel="share of runs, $x>y$")
    if nothing_to_show(ax, table["share"].to_numpy(float)):
        return table
    ax.set(ylim=(-0.04, 1.36), yticks=np.linspace(0, 1, 6))  # room for the legend
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    handles = [
        Line2D([], [], color=COLORBLIND[slot], linewidth=2, label=f"{SYMBOLS[x]} > {SYMBOLS[y]}")
        for slot, (x, y) in enumerate(PAIRS.values())
    ]
    ax.legend(handles=handles, loc="upper left", handlelength=1.0, ncols=2, columnspacing=1.0)
    return table


def _handles(frame: pd.DataFrame) -> list[Line2D]:
    common: dict[str, Any] = {"linestyle": "none", "color": "0.35"}
    present = set(frame["network"])
    handles = [
        Line2D([], [], marker=marker, label=NETWORKS[name], **common)
        for name, marker in NETWORK_MARKERS.items()
        if name in present
    ]
    if (frame[[f"end{c[1:]}" for c in CONSTANTS]] != 0).to_numpy().any():
        handles.append(
            Line2D([], [], marker="o", markerfacecolor="none", label="only a bound", **common)
        )
    violating = {"markeredgecolor": (0.8, 0, 0), "markerfacecolor": "0.7"}
    return [
        *handles,
        Line2D([], [], marker="o", label="violation", **common | violating),
        Line2D([], [], color="0.3", linestyle="--", linewidth=1, label="equal"),
    ]


def _facts(frame: pd.DataFrame) -> dict[str, float | int | str]:
    small = frame[frame["ratio"] <= SMALL]
    facts: dict[str, float | int | str] = {
        "runs": len(frame),
        "seeds": seeds_text(frame).removeprefix("n = "),
        "small_ratio": SMALL,
        "searched": searched_text(frame),
    }
    for x, y in PAIRS.values():
        pairs = compare(frame, x, y)
        name = f"{x[2:]}_{y[2:]}"
        facts[name] = _count(pairs)
        facts[f"{name}_small"] = _count(compare(small, x, y))
        facts[f"{name}_by_one"] = int(pairs["by_one"].sum())
        facts[f"{name}_undecided"] = int((~pairs["decided"]).sum())
    pairs = compare(frame, *PAIRS["a"])
    shapes = pairs[pairs["violated"]].groupby(["network", "depth", "width"]).size()
    facts["loss_sharp_where"] = "; ".join(_shape(k, int(n)) for k, n in shapes.items()) or MISSING
    return facts


def _shape(key: Any, count: int) -> str:
    network, depth, width = key
    return f"{NETWORKS.get(network, network)} ({depth}, {width}): {count}"


def _count(pairs: pd.DataFrame) -> str:
    """``"3 of 64 runs"``, of those whose order is decided."""
    return f"{int(pairs['violated'].sum())} of {counted(int(pairs['decided'].sum()), 'run')}"
