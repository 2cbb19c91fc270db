"""Pairs of critical constants for each training set, and how often their order is violated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from spectral_atlas.papers.kalra2023.figures.columns import select
from spectral_atlas.papers.kalra2023.figures.data_names import DATA_NAMES, data_sets
from spectral_atlas.papers.kalra2023.figures.relations import (
    compare,
    ratio_bar,
    ratio_norm,
    relation_limits,
    relation_panel,
    violation_shares,
)
from spectral_atlas.papers.kalra2023.figures.shared import SYMBOLS, Inputs, runs_frame, seeds_text
from spectral_atlas.plotting.facts import counted
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, MARKERS, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("data_sets", "fcn", "fcn_deep")
PAIRS = (("c_loss", "c_sharp"), ("c_sharp", "c_max"))
BARRIER = (("c_sharp", "c_barrier"), ("c_barrier", "c_max"))
COLUMNS = 4
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def a3(inputs: Inputs, style: Style) -> Drawing:
    """Scatter plots with y = x, two for each training set, more where barriers were sought."""
    frame = runs_frame(inputs, STUDIES)
    sets = data_sets(frame)
    barred = [d for d in sets if select(frame, data=d)["c_barrier"].notna().any()]
    panels = [(data, pair) for data in sets for pair in PAIRS]
    panels += [(data, pair) for data in barred for pair in BARRIER]
    rows = -(-len(panels) // COLUMNS)
    figure = plt.figure(figsize=size(style, 0.31 * rows + 0.42))
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(0.31 * rows, 0.42))
    above, below = parts[:, 0]
    axes = above.subplots(rows, COLUMNS, squeeze=False)
    norm, markers = ratio_norm(frame), dict(zip(sorted(frame["depth"].unique()), MARKERS))  # noqa: B905
    names = [c for pair in (*PAIRS, *BARRIER) for c in pair]
    limits = relation_limits(frame[names].to_numpy(float))
    tables = []
    for text, ax, (data, (x, y)) in zip(LETTERS, axes.ravel(), panels, strict=False):
        own = select(frame, data=data)
        pairs = relation_panel(
            ax, own, x, y, norm=norm, markers=markers, by="depth", limits=limits, counts=False
        )
        _sparse(ax)
        tables.append(pairs.assign(panel=text, first=x, second=y))
        letter(ax, text, DATA_NAMES.get(data, data))
    for ax in axes.ravel()[len(panels) :]:
        ax.set_visible(False)
    ratio_bar(above, norm, axes, location="bottom", aspect=60, pad=0.01, fraction=0.03)
    handles = [
        Line2D([], [], color="0.3", linestyle="none", marker=m, label=f"$d={d}$")
        for d, m in markers.items()
    ]
    above.legend(handles=handles, loc="outside lower center", ncols=len(handles) or 1)
    ax = below.subplots()
    shares = _shares(ax, frame)
    letter(ax, LETTERS[len(panels)], "share of runs that violate the order")
    columns = [
        "panel", "data", "depth", "width", "seed", "first", "second", "x", "y", "decided",
        "violated", "by_one",
    ]  # fmt: skip
    points = pd.concat(tables, ignore_index=True)[columns]
    shares = shares.assign(panel=LETTERS[len(panels)])
    table = pd.concat([points, shares], ignore_index=True)
    return Drawing(figure, table, _facts(frame, shares))


def _sparse(ax: Axes) -> None:
    """Every other power of two as a tick, from 2 on: the panels are small."""
    low, high = np.log2(ax.get_xlim())
    ticks = [2.0**k for k in range(1, 21, 2) if low <= k <= high]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(ticks))
        axis.labelpad = 1.0


def _shares(ax: Axes, frame: pd.DataFrame) -> pd.DataFrame:
    """Violations of each pair on each training set, with 95 % Wilson intervals."""
    sets, pairs = data_sets(frame), (*PAIRS, *BARRIER)
    found = []
    for slot, (x, y) in enumerate(pairs):
        own = violation_shares(compare(frame, x, y), ["data"]).assign(first=x, second=y)
        found.append(own)
        at = np.array([sets.index(d) for d in own["data"]]) + 0.8 * ((slot + 0.5) / 4 - 0.5)
        share = own["share"].to_numpy(float)
        ends = [
            np.maximum(share - own["low"].to_numpy(float), 0),
            np.maximum(own["high"].to_numpy(float) - share, 0),
        ]
        ax.errorbar(
            at, 100 * share, 100 * np.array(ends), fmt=MARKERS[slot], color=COLORBLIND[slot],
            capsize=2, linewidth=1.0, label=f"{SYMBOLS[x]} > {SYMBOLS[y]}",
        )  # fmt: skip
        for place, row in zip(at, own.itertuples(), strict=True):
            ax.annotate(
                f"{row.violated}/{row.n}", (place, 100 * row.high), (0, 2), ha="center",
                va="bottom", textcoords="offset points", fontsize="x-small", rotation=90,
            )  # fmt: skip
    shares = pd.concat(found, ignore_index=True)
    nothing_to_show(ax, shares["share"].to_numpy(float))
    ax.set_xticks(range(len(sets)), [DATA_NAMES.get(d, d) for d in sets])
    ax.set_xlim(-0.5, max(len(sets), 1) - 0.5)
    ax.grid(False, axis="x")
    ax.set_ylabel("violations (%)")
    ax.margins(y=0.2)
    ax.set_ylim(bottom=-2)
    ax.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, -0.16), borderaxespad=0.0)
    return shares


def _facts(frame: pd.DataFrame, shares: pd.DataFrame) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "runs": len(frame),
        "seeds": seeds_text(frame, ["data", "depth", "width"]),
    }
    for x, y in (*PAIRS, *BARRIER):
        own = shares[(shares["first"] == x) & (shares["second"] == y)]
        key = f"{x[2:]}_{y[2:]}"
        hits, n = int(own["violated"].sum()), int(own["n"].sum())
        facts[key] = f"{hits} of {counted(n, 'run')}"
        facts[f"{key}_by_one"] = int(own["by_one"].sum())
    return facts
