"""The greedy algorithm: its paths one after the other, and the saddles that it visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import Inputs
from spectral_atlas.papers.jacot2021.figures.paths_hessians import (
    fall_panel,
    hessian_table,
    ways_panel,
)
from spectral_atlas.papers.jacot2021.figures.paths_shared import depth_colors, depth_markers
from spectral_atlas.papers.jacot2021.figures.paths_stages import (
    deviations_panel,
    many_sequences,
    saddle_table,
    single_sequence,
    stage_costs,
)
from spectral_atlas.plotting.facts import counted, listed, quoted, span
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def fig1c(inputs: Inputs, style: Style) -> Drawing:
    """Costs of one target and of all; spread over depths; how steep and how wide the ways down."""
    greedy, hessians = inputs["runs/greedy"], inputs["spectra/saddles"]
    stages = saddle_table(greedy)
    hessian = hessian_table(hessians, stages, min(greedy.sizes["row"], greedy.sizes["column"]))
    depth, epsilon = int(stages["depth"].max()), float(greedy["epsilon"].values[0])
    named = stages[(stages["depth"] == depth) & (stages["epsilon"] == epsilon)]
    found = {int(i): stage_costs(greedy, int(i)) for i in named["member"].unique()}
    shown = next(iter(found))
    depths = sorted(int(L) for L in stages["depth"].unique())
    tones = colors(style, max(int(stages["stage"].max()) + 1, 4))
    depth_tones, markers = depth_colors(style, depths), depth_markers(depths)

    figure = plt.figure(figsize=size(style, 0.78))
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.0, 0.95))
    first, second = parts[0].subplots(1, 2)
    single_sequence(first, found[shown], tones)
    many_sequences(second, found, {i: named[named["member"] == i] for i in found}, tones)
    second.set_ylabel("")
    third, fourth, fifth = parts[1].subplots(1, 3)
    deviations_panel(third, stages, tones)
    fall_panel(fourth, hessian, depth_tones)
    ways_panel(fifth, hessian, depth_tones)
    target = int(named.loc[named["member"] == shown, "target"].iloc[0])
    titles = (f"target {target}, L = {depth}", f"{len(found)} targets, L = {depth}", "", "", "")
    for ax, text, title in zip((first, second, third, fourth, fifth), "abcde", titles, strict=True):
        letter(ax, text, title)
    dashes: Any = {"train": "-", "test": "--"}
    lines = [
        Line2D([], [], color="0.2", linestyle=dash, label=label) for label, dash in dashes.items()
    ]
    first.legend(handles=lines, loc="lower left")
    marks = [
        Line2D(
            [], [], linestyle="", marker=markers[L], color=tone,
            markerfacecolor="none", label=f"L = {L}",
        )
        for L, tone in depth_tones.items()
    ]  # fmt: skip
    parts[1].legend(handles=marks, loc="outside lower center", ncols=len(marks))
    rows = [costs.assign(panel="costs") for costs in found.values()]
    table = pd.concat(
        [*rows, stages.assign(panel="saddles"), hessian.assign(panel="hessians")],
        ignore_index=True,
    )
    facts: dict[str, Any] = {
        "depth": depth,
        "epsilon": quoted(epsilon),
        "target": target,
        "targets": len(found),
        "shown_widths": _widths(found[shown]),
    }
    return Drawing(
        figure, table, facts | _saddle_facts(stages) | _hessian_facts(hessian, hessians.attrs)
    )


def _widths(costs: pd.DataFrame) -> str:
    stages = span(costs["stage"])
    return f"width{'s' if costs['stage'].nunique() > 1 else ''} {stages}"


def _saddle_facts(stages: pd.DataFrame) -> dict[str, Any]:
    last = stages[stages["stage"] == stages["width"]]
    zero = stages[stages["stage"] == 0].set_index("member")["test"]
    ratio = last["test"].to_numpy() / zero.reindex(last["member"]).to_numpy()
    counts = last["width"].value_counts().sort_index()
    moving = stages[~stages["settled"] & (stages["stage"] < stages["width"])]
    values = stages["deviation"].to_numpy(float)
    values = values[np.isfinite(values)]
    return {
        "runs": len(last),
        "depths": listed([str(L) for L in sorted(stages["depth"].unique())]),
        "epsilons": listed([f"{e:g}" for e in sorted(stages["epsilon"].unique())]),
        "widths": ", ".join(f"{n} at width {w}" for w, n in counts.items()),
        "test_median": quoted(float(np.median(ratio)), 2),
        "test_worst": quoted(float(ratio.max()), 2),
        "moving": len(moving),
        "moving_stages": counted(len(moving), "stage"),
        "moving_targets": listed([str(t) for t in sorted(moving["target"].unique())]),
        "deviation_median": quoted(float(np.median(values)) if values.size else np.nan, 2),
        "deviation_worst": quoted(float(values.max()) if values.size else np.nan, 2),
        "compared": int(values.size),
    }  # fmt: skip


def _hessian_facts(hessian: pd.DataFrame, attrs: dict[Any, Any]) -> dict[str, Any]:
    saddles = hessian[hessian["settled"] & hessian["ways"].notna()]
    shallow, deep = saddles[saddles["depth"] == 2], saddles[saddles["depth"] > 2]
    error = np.abs(shallow["fall"] / shallow["slope"] - 1)
    return {
        "hessian_width": int(attrs["width"]),
        "limit": quoted(float(saddles["limit"].max()) if len(saddles) else np.nan, 2),
        "uncertain": int((hessian["settled"] & hessian["ways"].isna()).sum()),
        "shallow": len(shallow),
        "shallow_as_counted": int((shallow["ways"] == shallow["free"]).sum()),
        "shallow_error": quoted(float(error.max()) if len(error) else np.nan, 2),
        "deep": len(deep),
        "deep_flat": int((deep["ways"] == 0).sum()),
        "deep_fall": quoted(float(deep["fall"].max()) if len(deep) else np.nan, 2),
        "ways": "; ".join(
            f"stage {k}: {span(own['ways'].to_numpy(float))}" for k, own in shallow.groupby("stage")
        )
        or "none",
    }
