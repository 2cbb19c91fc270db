"""Phase diagrams with the cross-entropy, for standard and for zero output at initialization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.kalra2023.figures.columns import select, spread_text
from spectral_atlas.papers.kalra2023.figures.diagram import (
    c_limits,
    diagram_handles,
    phase_panel,
    width_limits,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    Inputs,
    censored_text,
    runs_frame,
    seeds_text,
    summarize_constants,
)
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

OUTPUTS = {"standard": "standard output", "zero": "last layer zero"}
SHOWN = ["c_loss", "c_sharp", "c_max"]


def fig6(inputs: Inputs, style: Style) -> Drawing:
    """A row of diagrams for each output, a column for each depth; no fits, they would mislead."""
    frame = runs_frame(inputs, ["cross_entropy"])
    depths = sorted(int(d) for d in frame["depth"].unique()) or [4]
    figure, axes = plt.subplots(
        2, len(depths), figsize=size(style, 0.82), sharex=True, sharey="col", squeeze=False
    )
    xlim = c_limits(frame, SHOWN) if len(frame) else None
    tables: list[pd.DataFrame] = []
    for row, output in zip(axes, OUTPUTS, strict=True):
        for ax, depth in zip(row, depths, strict=True):
            family = select(frame, depth=depth)
            own = select(family, output=output)
            text = "abcdefghijkl"[len(tables)]
            ylim = width_limits(family) if len(family) else None
            table = phase_panel(ax, own, constants=SHOWN, fits=False, xlim=xlim, ylim=ylim)
            tables.append(table.assign(panel=text, output=output))
            letter(ax, text, f"{OUTPUTS[output]}, $d={depth}$")
        row[0].set_ylabel(r"$1/w$")
    for ax in axes[-1]:
        ax.set_xlabel(r"$c=\eta\lambda_0$")
    early = bool((frame["k_sharp"] < frame["k_loss"]).any())
    figure.legend(
        handles=diagram_handles(SHOWN, hatched=early), loc="outside lower center", ncols=5
    )
    bounds = censored_text(summarize_constants(frame, ["depth", "width", "output"], SHOWN))
    if bounds:
        note(figure, bounds)
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(frame))


def _facts(frame: pd.DataFrame) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for output in OUTPUTS:
        own = select(frame, output=output)
        facts[f"{output}_runs"] = len(own)
        facts[f"{output}_seeds"] = seeds_text(own)
        facts[f"{output}_early"] = int((own["k_sharp"] < own["k_loss"]).sum())
        facts[f"{output}_sharp_at_start"] = int((own["end_sharp"] == -1).sum())
        facts[f"{output}_sharp_bounds"] = int((own["end_sharp"] != 0).sum())
        for name in SHOWN:
            facts[f"{output}_{name[2:]}"] = "; ".join(
                f"d = {depth}, w = {width}: {spread_text(part[name])}"
                for (depth, width), part in own.groupby(["depth", "width"])
            ) or "n/a"  # fmt: skip
    return facts
