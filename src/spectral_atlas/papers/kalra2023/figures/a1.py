"""One phase diagram for each training set, architecture and depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.kalra2023.figures.columns import select
from spectral_atlas.papers.kalra2023.figures.data_names import DATA_NAMES, families, family_label
from spectral_atlas.papers.kalra2023.figures.diagram import (
    c_limits,
    diagram_handles,
    phase_panel,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    NETWORKS,
    Inputs,
    censored_text,
    runs_frame,
    searched_text,
)
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("data_sets", "fcn", "fcn_deep", "fcn_deeper", "myrtle", "resnet")
COLUMNS = 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def a1(inputs: Inputs, style: Style) -> Drawing:
    """Diagrams with a common axis of c."""
    frame = runs_frame(inputs, STUDIES)
    keys = families(frame)
    rows = -(-len(keys) // COLUMNS)
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=size(style, 0.25 * rows + 0.1), sharex=True, squeeze=False
    )
    xlim = c_limits(frame)
    tables = []
    for text, ax, (network, data, depth) in zip(LETTERS, axes.ravel(), keys, strict=False):
        own = select(frame, network=network, data=data, depth=depth)
        table = phase_panel(ax, own, xlim=xlim)
        tables.append(table.assign(panel=text, data=data))
        name = DATA_NAMES.get(data, data)
        head = f"{name}, $d={depth}$" if network == "fcn" else f"{NETWORKS[network]}, $d={depth}$"
        letter(ax, text, head)
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$1/w$")
    free = axes.ravel()[len(keys) :]
    for ax in free:
        ax.set_axis_off()
    for column in range(COLUMNS):
        shown = [ax for ax in axes[:, column] if ax.axison]
        if shown:
            shown[-1].set_xlabel(r"$c=\eta\lambda_0$")
            shown[-1].tick_params(labelbottom=True)
    early = bool((frame["k_sharp"] < frame["k_loss"]).any())
    handles = diagram_handles(hatched=early)
    if len(free) > 1:  # room for the legend among the panels
        free[0].legend(handles=handles, loc="center left", ncols=2).set_in_layout(False)
    else:
        figure.legend(handles=handles, loc="outside lower center", ncols=5)
    table = pd.concat(tables, ignore_index=True)
    if bounds := censored_text(table):
        note(figure, bounds)
    return Drawing(figure, table, _facts(frame, keys))


def _facts(frame: pd.DataFrame, keys: list[tuple[str, str, int]]) -> dict[str, Any]:
    """How c_loss changes from the narrowest to the widest network of each family."""
    parts, grows = [], 0
    for network, data, depth in keys:
        own = select(frame, network=network, data=data, depth=depth)
        medians = own.groupby("width")["c_loss"].median()
        first, last = float(medians.iloc[0]), float(medians.iloc[-1])
        if len(medians) > 1:
            grows += int(first > last)
            parts.append(
                f"{family_label(network, data, depth)}: {quoted(first)} (w = {medians.index[0]}) "
                f"and {quoted(last)} (w = {medians.index[-1]})"
            )
    return {
        "runs": len(frame),
        "panels": len(keys),
        "loss": "; ".join(parts) or "n/a",
        "grows": grows,
        "families": len(parts),
        "searched": searched_text(frame),
        "early": int((frame["k_sharp"] < frame["k_loss"]).sum()),
        "bounds": int((frame[["end_loss", "end_sharp", "end_max"]] != 0).to_numpy().sum()),
    }
