"""The four regimes of training: early transient, saturation, sharpening, edge of stability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.papers.kalra2023.figures.shared import NETWORK, Inputs, network_label
from spectral_atlas.papers.kalra2023.figures.trajectories import (
    diverged_count,
    log_steps,
    rate_color,
    rate_map,
    recorded,
    trajectory_panel,
)
from spectral_atlas.plotting.facts import MISSING, counted, quoted
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ink, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MARGIN = 0.05  # of the least sharpness, and of 2/eta
REGIMES = {
    "transient": ("early transient", "#d9d9d9"),
    "saturation": ("saturation", "#a6cee3"),
    "sharpening": ("progressive sharpening", "#fdbf6f"),
    "edge": ("edge of stability", "#b2a1cf"),
}
ENDS = ("settled", "leaves", "edge")  # first steps of the second, third and fourth regime


def fig1(inputs: Inputs, style: Style) -> Drawing:
    """Loss and sharpness over whole trainings; below, which regime each c is in."""
    runs = inputs["runs/regimes"]
    frame = pd.DataFrame({name: runs[name].values for name in NETWORK})
    frame["ratio"] = frame["depth"] / frame["width"]
    groups = sorted(frame.groupby(NETWORK), key=lambda g: (g[1]["ratio"].iloc[0], g[0]))
    multiples = [float(c) for c in runs["multiple"].values]
    rates = rate_map(multiples)
    figure, axes = plt.subplots(
        3, len(groups), figsize=size(style, 0.95), sharex=True, sharey="row", squeeze=False,
        gridspec_kw={"height_ratios": (1, 1, 0.42)},
    )  # fmt: skip
    tables, facts = [], {}
    for column, ((network, depth, width), own) in enumerate(groups):
        table = recorded(runs, np.isin(np.arange(len(frame)), own.index), "time")
        found = regime_steps(table)
        top, middle, bottom = axes[:, column]
        trajectory_panel(top, table, "loss", rates, log=True)
        trajectory_panel(middle, table, "ratio", rates, log=True)
        for c in multiples:
            middle.axhline(
                2 / c, color=rate_color(rates, c), linestyle="--", linewidth=0.9, zorder=1.6
            )
        _strip(bottom, table, found, multiples)
        for ax in axes[:2, column]:
            ax.set_xlabel("")
        title = f"{network_label(network, depth)}, w = {width}"
        n = counted(int(table["row"].nunique()), "run")
        for row, text in enumerate((f"{title} ({n})", "", "")):
            letter(axes[row, column], "abcdefghijkl"[row * len(groups) + column], text)
        name = {"network": network, "depth": depth, "width": width}
        tables += [table.assign(kind="curve", **name), found.assign(kind="regimes", **name)]
        facts[title] = _described(table, found)
    axes[0, 0].set_ylabel("training loss")
    axes[1, 0].set_ylabel(r"sharpness $\lambda_t/\lambda_0$")
    _rate_rows(axes[2, 0], rates, multiples)
    log_steps(axes[0, 0])
    figure.legend(handles=_handles(rates, multiples), loc="outside lower center", ncols=4)
    table = pd.concat(tables, ignore_index=True)
    return Drawing(figure, table, _facts(runs.attrs, table, facts))


def regime_steps(table: pd.DataFrame) -> pd.DataFrame:
    """When each run changes its regime, at the recorded steps.

    Saturated: from the first to the last step at which the sharpness is within 5 % of its least
    value after the start. Edge of stability: from the first step after that on at which it is
    within 5 % of 2/eta or above.

    Parameters
    ----------
    table : of `recorded`

    Returns
    -------
    DataFrame ``row, seed, multiple, settled, leaves, edge, last``: first steps of saturation, of
    sharpening (NaN where the run ends saturated) and of the edge (NaN where not reached), and the
    last recorded step. Runs that diverged are left out.
    """
    rows = []
    for (row, c), own in table.groupby(["row", "multiple"]):
        steps, ratio = own["step"].to_numpy(float), own["ratio"].to_numpy(float)
        if own["diverged"].any() or len(steps) < 2 or not np.isfinite(ratio).all():
            continue
        low = np.flatnonzero(ratio <= (1 + MARGIN) * ratio[1:].min())
        low = low[low >= 1]
        after = np.arange(low[-1] + 1, len(steps))
        edge = after[ratio[after] >= (1 - MARGIN) * 2 / c]
        rows.append(
            {"row": row, "seed": own["seed"].iloc[0], "multiple": c, "settled": steps[low[0]]}
            | {"leaves": steps[after[0]] if after.size else np.nan}
            | {"edge": steps[edge[0]] if edge.size else np.nan, "last": steps[-1]}
        )
    return pd.DataFrame(rows, columns=["row", "seed", "multiple", *ENDS, "last"])


def _strip(ax: Axes, table: pd.DataFrame, found: pd.DataFrame, multiples: list[float]) -> None:
    """For each c a bar of its regimes, with a row for each run; those that diverged are named."""
    ax.grid(False)
    ax.set_xlabel("step")
    if nothing_to_show(ax, table["ratio"].to_numpy(float)):
        return
    members = sorted(table["row"].unique())
    height = 0.84 / len(members)
    places = {(row, c): multiples.index(c) - 0.42 + height * i
              for i, row in enumerate(members) for c in multiples}  # fmt: skip
    for row, c in sorted(set(places) - set(zip(found["row"], found["multiple"], strict=True))):
        ax.text(
            1, places[row, c] + height / 2, "diverged", fontsize="xx-small", va="center", ha="left"
        )
    for r in found.itertuples():
        bottom = places[r.row, r.multiple]
        starts = [0.0, r.settled, r.leaves, r.edge]
        known = [(s, name) for s, name in zip(starts, REGIMES, strict=True) if np.isfinite(s)]
        stops = [s for s, _ in known[1:]] + [r.last]
        for (start, name), stop in zip(known, stops, strict=True):
            ax.broken_barh(
                [(start, stop - start)], (bottom, height * 0.92), facecolor=REGIMES[name][1],
                linewidth=0,
            )  # fmt: skip


def _rate_rows(ax: Axes, rates: ScalarMappable, multiples: list[float]) -> None:
    ax.set(ylabel=r"$c$", ylim=(len(multiples) - 0.5, -0.5) if multiples else (0, 1))
    ax.set_yticks(range(len(multiples)), [str(quoted(c)) for c in multiples])
    for tick, c in zip(ax.get_yticklabels(), multiples, strict=True):
        tick.set_color(ink(rate_color(rates, c)))


def _handles(rates: ScalarMappable, multiples: list[float]) -> list[Any]:
    curves = [
        Line2D([], [], color=rate_color(rates, c), linewidth=1.6, label=rf"$c={quoted(c)}$")
        for c in multiples
    ]
    edge = Line2D([], [], color="0.4", linestyle="--", linewidth=0.9, label=r"$2/\eta$")
    return [*curves, edge, *(Patch(facecolor=tone, label=name) for name, tone in REGIMES.values())]


def _described(table: pd.DataFrame, found: pd.DataFrame) -> str:
    """Least and final eta lambda and the boundaries, as medians over runs, for each c."""
    parts = []
    for c, own in table.groupby("multiple"):
        runs = own[own["step"] > 0].groupby("row")["scaled"]
        least, last = float(runs.min().median()), float(runs.last().median())
        ends = found[found["multiple"] == c][list(ENDS)].median()
        when = "/".join(str(quoted(float(v))) for v in ends)
        parts.append(f"c = {quoted(float(c))}: {quoted(least, 2)}, {quoted(last)} ({when})")
    return "; ".join(parts) or MISSING


def _facts(attrs: dict, table: pd.DataFrame, described: dict) -> dict[str, float | int | str]:
    curves = table[table["kind"] == "curve"]
    gone, total = diverged_count(curves) if len(curves) else (0, 0)
    return {
        "steps": quoted(int(attrs["steps"])),
        "trajectories": total,
        "diverged": gone,
        "margin_percent": quoted(100 * MARGIN),
        "networks": ". ".join(f"{name}: {text}" for name, text in described.items()),
    }
