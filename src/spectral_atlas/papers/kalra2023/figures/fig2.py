"""The first steps of a wide and of a deep, narrow network at several learning rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.kalra2023.figures.shared import (
    NETWORK,
    Inputs,
    network_label,
    runs_frame,
)
from spectral_atlas.papers.kalra2023.figures.trajectories import (
    diverged_count,
    rate_bar,
    rate_map,
    recorded,
    trajectory_panel,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import MISSING, counted, quoted
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

QUANTITIES = {"loss": "training loss", "ratio": r"sharpness $\lambda_t/\lambda_0$"}


def fig2(inputs: Inputs, style: Style) -> Drawing:
    """Loss and lambda_t / lambda_0 against the step; a column for each network, by d/w."""
    runs = inputs["runs/trajectories"]
    frame = runs_frame(inputs, ["trajectories"])
    groups = sorted(frame.groupby(NETWORK), key=lambda g: (g[1]["ratio"].iloc[0], g[0]))
    multiples = [float(c) for c in runs["multiple"].values]
    rates = rate_map(multiples)
    figure, axes = plt.subplots(
        2, len(groups), figsize=size(style, 0.72), sharex=True, sharey="row", squeeze=False
    )
    tables, facts = [], {}
    for column, ((network, depth, width), own) in enumerate(groups):
        chosen = np.isin(np.arange(len(frame)), own["row"])
        table = recorded(runs, chosen)
        for row, (quantity, label) in enumerate(QUANTITIES.items()):
            ax, text = axes[row, column], "abcdefghijkl"[row * len(groups) + column]
            trajectory_panel(ax, table, quantity, rates, log=True)
            if column == 0:
                ax.set_ylabel(label)
            ax.set_xlabel("step" if row else "")
            n = counted(int(table["row"].nunique()), "run")
            letter(
                ax, text, f"{network_label(network, depth)}, w = {width} ({n})" if not row else ""
            )
        reference(axes[1, column], 1.0, color="0.4", style="--", zorder=1.5)
        tables.append(table.assign(network=network, depth=depth, width=width))
        facts[(network, depth, width)] = _described(table)
    rate_bar(figure, rates, axes, multiples)
    table = pd.concat(tables, ignore_index=True)
    return Drawing(figure, table, _facts(table, facts))


def _facts(table: pd.DataFrame, described: dict) -> dict[str, float | int | str]:
    gone, total = diverged_count(table) if len(table) else (0, 0)
    return {
        "multiples": ", ".join(str(quoted(float(c))) for c in sorted(table["multiple"].unique())),
        "steps": quoted(float(table["step"].max()) if len(table) else None),
        "trajectories": total,
        "diverged": gone,
        "networks": "; ".join(
            f"{network_label(n, d)}, w = {w}: {text}" for (n, d, w), text in described.items()
        ),
    }


def _described(table: pd.DataFrame) -> str:
    """Final sharpness and highest loss, each over its start, as medians over runs for each c."""
    parts = []
    for c, own in table.groupby("multiple"):
        runs = own.groupby("row")
        last = runs["ratio"].last().median()
        peak = (runs["loss"].max() / runs["loss"].first()).median()
        parts.append(f"c = {quoted(float(c))}: {quoted(float(last), 2)}/{quoted(float(peak), 2)}")
    return ", ".join(parts) or MISSING
