"""Phase diagrams with the output zero at initialization beside the standard ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.columns import (
    column_panel,
    paired,
    select,
    spread_text,
    with_reduction,
)
from spectral_atlas.papers.kalra2023.figures.diagram import (
    c_limits,
    diagram_handles,
    phase_panel,
    width_limits,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    SYMBOLS,
    Inputs,
    runs_frame,
    seeds_text,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("output", "fcn", "fcn_deep")
OUTPUTS = {"standard": "standard", "zero": "last layer zero", "centred": r"$f-f_0$"}
TONES: dict[str, dict[str, Any]] = {
    "standard": {"color": "black", "marker": "s", "markerfacecolor": "none"},
    "zero": {"color": COLORBLIND[0], "marker": "o"},
    "centred": {"color": COLORBLIND[3], "marker": "^"},
}
SHOWN = ["c_loss", "c_sharp", "c_max"]


def fig5(inputs: Inputs, style: Style) -> Drawing:
    """Diagrams for each depth and output; c_loss and lambda_T / lambda_0 at c = 1 side by side."""
    frame = output_runs(inputs)
    depths = sorted(int(d) for d in frame["depth"].unique()) or [4]
    figure = plt.figure(figsize=size(style, 0.32 + 0.27 * (len(depths) + 1)))
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(len(depths), 1.15))
    above, below = parts[:, 0]
    axes = above.subplots(len(depths), len(OUTPUTS), sharex=True, sharey="row", squeeze=False)
    tables, drawn = [], 0
    xlim = c_limits(frame, SHOWN) if len(frame) else None
    for row, depth in zip(axes, depths, strict=True):
        family = select(frame, depth=depth)
        ylim = width_limits(family) if len(family) else None
        for ax, output in zip(row, OUTPUTS, strict=True):
            own = select(family, output=output)
            table = phase_panel(ax, own, constants=SHOWN, xlim=xlim, ylim=ylim)
            tables.append(table.assign(panel="abcdefghijkl"[drawn], output=output))
            letter(ax, "abcdefghijkl"[drawn], OUTPUTS[output])
            drawn += 1
        row[0].set_ylabel(f"$d={depth}$;  $1/w$")
    for ax in axes[-1]:
        ax.set_xlabel(r"$c=\eta\lambda_0$")
    early = bool((frame["k_sharp"] < frame["k_loss"]).any())
    handles = diagram_handles(SHOWN, hatched=early)
    above.legend(handles=handles, loc="outside lower center", ncols=5)
    left, right = below.subplots(1, 2)
    tables += [
        _compared(left, frame, "c_loss", "abcdefghijkl"[drawn]),
        _compared(right, frame, "reduction", "abcdefghijkl"[drawn + 1]),
    ]
    below.legend(
        handles=[Line2D([], [], label=OUTPUTS[o], **{"linestyle": "none", **TONES[o]})
                 for o in OUTPUTS],
        loc="outside lower center", ncols=3,
    )  # fmt: skip
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(frame))


def output_runs(inputs: Inputs) -> pd.DataFrame:
    """Runs with zero or centred output, and the standard ones of the same depths and widths.

    Returns
    -------
    DataFrame of `runs_frame` with the column ``reduction``.
    """
    frame = with_reduction(
        runs_frame(inputs, STUDIES), {name: inputs[f"runs/{name}"] for name in STUDIES}
    )
    changed = frame[(frame["study"] == "output") & (frame["alpha"] == 1.0)]
    changed = changed[changed["output"].isin(["zero", "centred"])]
    if changed.empty:
        changed = changed.iloc[:0]
    sizes = set(zip(changed["depth"], changed["width"], strict=True))
    known = frame[frame["study"] != "output"]
    same = [size in sizes for size in zip(known["depth"], known["width"], strict=True)]
    return pd.concat([known[np.array(same, dtype=bool)], changed], ignore_index=True)


def _compared(ax: Axes, frame: pd.DataFrame, quantity: str, text: str) -> pd.DataFrame:
    """A quantity for all outputs side by side, networks in the order of d/w."""
    groups, looks, names = {}, {}, [f"{quantity} {output}" for output in OUTPUTS]
    for (_, depth, width), own in frame.groupby(["ratio", "depth", "width"]):
        wide = {}
        for name, output in zip(names, OUTPUTS, strict=True):
            part = select(own, output=output)
            wide[name] = part[quantity].reset_index(drop=True)
            looks[name] = TONES[output]
        groups[f"{depth}\n{width}"] = pd.DataFrame(wide)
    table = column_panel(ax, groups, names, looks, octaves=quantity == "c_loss")
    empty = nothing_to_show(ax, frame[quantity])
    if quantity == "c_loss":
        reference(ax, 2.0, style="--", color="0.25", zorder=1.6)
        letter(ax, text, "where the loss first rises")
        ax.set_ylabel(SYMBOLS["c_loss"])
        ax.set_ylim(bottom=min(ax.get_ylim()[0], 1.7))
    else:
        reference(ax, 1.0, style="-", color="0.5", zorder=1.6)
        letter(ax, text, r"sharpness after ten steps, $c=1$")
        ax.set_ylabel(r"$\lambda_{10}/\lambda_0$")
        if not empty:
            ax.set_ylim(bottom=0)
    ax.set_xlabel("networks, by $d/w$")
    ax.annotate(
        "$d$\n$w$", (0, 0), (-3, -3), xycoords="axes fraction", textcoords="offset points",
        ha="right", va="top", linespacing=1.2, annotation_clip=False,
    )  # fmt: skip
    table["output"] = table["quantity"].str.split(" ").str[-1]
    sizes = table["group"].str.split(", ", expand=True)
    table["depth"], table["width"] = (
        (sizes[0].astype(int), sizes[1].astype(int)) if len(table) else (0, 0)
    )
    return table.assign(panel=text, quantity=quantity).drop(columns="group")


def _facts(frame: pd.DataFrame) -> dict[str, Any]:
    """Sizes, ranges of c_loss and of the reduction, and the ratio for equal hidden weights."""
    facts: dict[str, Any] = {}
    for output in OUTPUTS:
        own = select(frame, output=output)
        facts[f"{output}_runs"] = len(own)
        facts[f"{output}_seeds"] = seeds_text(own)
        facts[f"{output}_loss"] = spread_text(own["c_loss"])
        facts[f"{output}_reduction"] = spread_text(own["reduction"])
        facts[f"{output}_recorded"] = int(own["reduction"].notna().sum())
        facts[f"{output}_early"] = int((own["k_sharp"] < own["k_loss"]).sum())
        facts[f"{output}_at_start"] = int((own["end_sharp"] == -1).sum())
    standard = select(frame, output="standard")
    parts = []
    for (_, depth, width), own in standard.groupby(["ratio", "depth", "width"]):
        both = paired(own, select(frame, output="zero"))
        factor = (both["c_loss_left"] / both["c_loss_right"]).median()
        parts.append(
            f"d = {depth}, w = {width}: {quoted(float(own['c_loss'].median()))}, "
            f"{quoted(float(factor))} times"
        )
    facts["factors"] = "; ".join(parts) or "n/a"
    return facts
