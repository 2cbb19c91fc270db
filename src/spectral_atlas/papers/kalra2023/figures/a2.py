"""Early loss and sharpness of the widest and the narrowest network on other training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.columns import octave_ticks, select
from spectral_atlas.papers.kalra2023.figures.data_names import DATA_NAMES, Family, families
from spectral_atlas.papers.kalra2023.figures.shared import NETWORKS, Inputs, runs_frame
from spectral_atlas.papers.kalra2023.figures.trajectories import (
    diverged_count,
    rate_color,
    rate_map,
    recorded,
    trajectory_panel,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("data_sets", "myrtle", "resnet")
QUANTITIES = {"relative": r"$L_t/L_0$", "ratio": r"$\lambda_t/\lambda_0$"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
COLUMNS = 4
DASHED: dict[str, Any] = {"linestyle": (0, (3, 1.5))}


def a2(inputs: Inputs, style: Style) -> Drawing:
    """For each family a panel of the loss and below it one of the sharpness, relative to t = 0."""
    frame = runs_frame(inputs, STUDIES)
    keys = shown_families(frame)
    blocks = -(-len(keys) // COLUMNS)
    multiples = sorted({float(c) for s in STUDIES for c in inputs[f"runs/{s}"]["multiple"].values})
    rates = rate_map(multiples)
    figure = plt.figure(figsize=size(style, 0.56 * blocks + 0.1))
    parts = figure.subfigures(blocks, 1, squeeze=False)[:, 0]
    tables: list[pd.DataFrame] = []
    for i, part in enumerate(parts):
        tables += _block(part, inputs, frame, keys[COLUMNS * i : COLUMNS * (i + 1)], i, rates)
    handles = [
        Line2D([], [], color=rate_color(rates, c), linewidth=1.6, label=f"$c={quoted(c)}$")
        for c in multiples
    ]
    handles += [
        Line2D([], [], color="0.3", linewidth=1.6, label="widest"),
        Line2D([], [], color="0.3", linewidth=1.6, label="narrowest", **DASHED),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    table = pd.concat(tables, ignore_index=True)
    lost, total = diverged_count(table.assign(row=table["study"] + table["row"].astype(str)))
    if lost:
        note(figure, f"{lost} of {counted(total, 'trajectory')} diverged (crosses)".replace("trajectorys", "trajectories"))  # fmt: skip  # noqa: E501
    return Drawing(figure, table, _facts(table) | {"diverged": lost, "trajectories": total})


def shown_families(frame: pd.DataFrame) -> list[Family]:
    """All architectures, but the fully connected ones of the smallest depth only."""
    keys = families(frame)
    least = min((depth for network, _, depth in keys if network == "fcn"), default=0)
    return [key for key in keys if key[0] != "fcn" or key[2] == least]


def _block(
    part: SubFigure,
    inputs: Inputs,
    frame: pd.DataFrame,
    keys: list[Family],
    index: int,
    rates: ScalarMappable,
) -> list[pd.DataFrame]:
    """Two rows of panels for up to four families."""
    axes = part.subplots(2, COLUMNS, sharex=True, sharey="row", squeeze=False)
    found = []
    for column in range(COLUMNS):
        if column >= len(keys):
            for ax in axes[:, column]:
                ax.set_visible(False)
            continue
        network, data, depth = keys[column]
        own = select(frame, network=network, data=data, depth=depth)
        table = extremes(inputs, own)
        for ax, quantity in zip(axes[:, column], QUANTITIES, strict=True):
            _panel(ax, table, quantity, rates)
        name = DATA_NAMES.get(data, data) if network == "fcn" else NETWORKS[network]
        letter(axes[0, column], LETTERS[COLUMNS * index + column], name)
        widths = " and ".join(str(w) for w in sorted(table["width"].unique()))
        head = f"$d={depth}$, $w$ = {widths}"
        axes[1, column].set_title(head, loc="left", fontsize="small", color="0.25")
        axes[0, column].set_xlabel("")
        axes[1, column].set_xlabel("step")
        found.append(table.assign(network=network, data=data, depth=depth))
    for ax, label in zip(axes[:, 0], QUANTITIES.values(), strict=True):
        ax.set_ylabel(label)
        octave_ticks(ax)
    return found


def extremes(inputs: Inputs, own: pd.DataFrame) -> pd.DataFrame:
    """`recorded` for the widest and the narrowest network of a family, with ``relative`` loss."""
    frames = []
    for width in sorted({own["width"].min(), own["width"].max()}):
        for study, rows in own[own["width"] == width].groupby("study"):
            runs = inputs[f"runs/{study}"]
            mask = np.zeros(runs.sizes["run"], dtype=bool)
            mask[rows["row"]] = True
            frames.append(recorded(runs, mask).assign(study=study, width=int(width)))
    table = pd.concat(frames, ignore_index=True)
    first = table.groupby(["study", "row", "multiple"])["loss"].transform("first").astype(float)
    return table.assign(relative=table["loss"].astype(float) / first)


def _panel(ax: Axes, table: pd.DataFrame, quantity: str, rates: ScalarMappable) -> None:
    """Medians and runs of both widths, the narrow one dashed."""
    ax.set_yscale("log", base=2)
    reference(ax, 1.0, style="-", color="0.6", zorder=1.6)
    for width, own in table.groupby("width"):
        before = len(ax.lines)
        trajectory_panel(ax, own, quantity, rates)
        if width < table["width"].max():
            for line in ax.lines[before:]:
                if line.get_linestyle() != "None":
                    line.set_linestyle(DASHED["linestyle"])
    ax.set_yscale("log", base=2)


def _facts(table: pd.DataFrame) -> dict[str, Any]:
    """Medians of the last sharpness at the smallest and of the highest loss at the largest c."""
    runs = table.groupby(["network", "data", "depth", "width", "multiple"])["row"].nunique()
    facts: dict[str, Any] = {
        "seeds": " to ".join(str(n) for n in sorted({runs.min(), runs.max()}))
        if len(runs)
        else "n/a",
        "panels": table.groupby(["network", "data", "depth"]).ngroups,
    }
    for which, pick in (("wide", "max"), ("narrow", "min")):
        kept = table[
            table["width"] == table.groupby(["network", "data", "depth"])["width"].transform(pick)
        ]
        last = kept[(kept["step"] == kept["step"].max()) & (kept["multiple"] == 1.0)]
        medians = last.groupby(["network", "data", "depth"])["ratio"].median().to_numpy(float)
        finite = medians[np.isfinite(medians)]
        facts[f"{which}_reduction"] = (
            f"{quoted(finite.min(), 2)} to {quoted(finite.max(), 2)}" if finite.size else "n/a"
        )
    return facts
