"""How paths leave the origin: how long it holds, along which direction, how close to width one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import Inputs, gamma_label, loaded
from spectral_atlas.papers.jacot2021.figures.paths_escape import (
    direction_tables,
    distance_tables,
    radius_tables,
    time_table,
)
from spectral_atlas.papers.jacot2021.figures.paths_escape_facts import (
    direction_facts,
    radius_facts,
    time_facts,
)
from spectral_atlas.papers.jacot2021.figures.paths_escape_panels import (
    against_height,
    deep_times,
    distances,
    radii,
    shallow_times,
)
from spectral_atlas.papers.jacot2021.figures.paths_shared import (
    depth_colors,
    depth_markers,
    gamma_colors,
    one_network,
)
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def escape_law(inputs: Inputs, style: Style) -> Drawing:
    """Times for L > 2 and L = 2, radii in width one; direction, rank and distance by gamma."""
    inputs = loaded(inputs)
    first = inputs["runs/first_path"]
    times = time_table(inputs)
    wide = one_network(times[times["file"] == "saddle_to_saddle"])
    curves, laws = radius_tables(first)
    heights, directions = direction_tables(inputs, wide)
    aligned, closest = distance_tables(inputs, wide)
    by_depth = depth_colors(style, [*times["depth"], *laws["depth"]])
    by_gamma = gamma_colors(style, wide["gamma"])

    figure, axes = plt.subplots(3, 2, figsize=size(style, 1.12))
    (a, b), (c, d), (e, f) = axes
    constants = deep_times(a, times, by_depth)
    shallow_times(b, times, by_depth)
    radii(c, curves, by_depth)
    against_height(d, heights, "off", by_gamma)
    against_height(e, heights, "second", by_gamma)
    distances(f, aligned, by_gamma)
    network = f"L = {wide['depth'].iloc[0]}, w = {wide['width'].iloc[0]}"
    titles = ("deep", "L = 2", "width 1", network, network, network)
    for ax, text, title in zip(axes.flat, "abcdef", titles, strict=True):
        letter(ax, text, title)
    _legend(figure, by_depth, by_gamma)
    parts = {
        "times": times, "constants": constants, "radii": curves, "laws": laws,
        "heights": heights, "directions": directions, "distances": aligned, "closest": closest,
    }  # fmt: skip
    table = pd.concat([p.assign(panel=name) for name, p in parts.items()], ignore_index=True)
    facts = time_facts(times, constants) | radius_facts(laws) | direction_facts(directions, closest)
    return Drawing(figure, table, facts | {"network": network})


def _legend(figure: Figure, by_depth: dict[int, Any], by_gamma: dict[float, Any]) -> None:
    markers = depth_markers(by_depth)
    handles = [
        Line2D([], [], color=tone, marker=markers[L], markerfacecolor="none", label=f"L = {L}")
        for L, tone in by_depth.items()
    ]
    handles += [Line2D([], [], color=tone, label=gamma_label(g)) for g, tone in by_gamma.items()]
    handles.append(Line2D([], [], color="black", linestyle="--", label="law"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 7),
        columnspacing=1.2, handlelength=1.6,
    )  # fmt: skip
