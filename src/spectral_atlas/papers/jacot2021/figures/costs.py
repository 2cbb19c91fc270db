"""Train and test cost against the step: a plateau for every saddle, and where they blur or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    at_end,
    choose,
    gamma_label,
    levels,
    loaded,
    members_frame,
    panel_letter,
    panel_letters,
)
from spectral_atlas.papers.jacot2021.figures.paths_costs import (
    costs_of,
    many_paths,
    single_path,
)
from spectral_atlas.papers.jacot2021.figures.paths_facts import (
    RECOVERED,
    agreement_facts,
    cost_table,
    start_and_share_facts,
)
from spectral_atlas.papers.jacot2021.figures.paths_plateaus import (
    RANK_MARKERS,
    deviation_panel,
    plateaus_of,
    recovery_panel,
    starts_panel,
)
from spectral_atlas.papers.jacot2021.figures.paths_shared import (
    gamma_colors,
    one_network,
    saddle_costs,
    shown_gamma,
)
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

PER_ROW = 3


def fig1b(inputs: Inputs, style: Style) -> Drawing:
    """One path between saddles; all targets by gamma; agreement, starts, and numbers of entries."""
    inputs = loaded(inputs)
    runs, spectra = inputs["runs/saddle_to_saddle"], inputs["spectra/saddle_to_saddle"]
    greedy = inputs["runs/greedy"]
    members = one_network(members_frame(runs))
    gammas = levels(members, "gamma")
    costs = costs_of(runs, spectra, members)
    shown = members[members["gamma"] == shown_gamma(gammas)].iloc[0]
    saddles = saddle_costs(
        greedy, shown["depth"], shown["target"], float(runs["cost_at_zero"][shown["member"]])
    )
    starts = inputs["runs/initializations"], inputs["spectra/initializations"]
    more = one_network(members_frame(starts[0]))
    tones = gamma_colors(style, [*gammas, *levels(more, "gamma")])
    figure, top, middle, bottom = _axes(style, len(gammas))
    path = costs[costs["member"] == shown["member"]]
    _, *saddle_tones = colors(style, max(len(saddles), 4))
    blue = colors(style, 4)[0]
    single_path(top, path, shown["fate"], saddles, blue, ["0.3", *saddle_tones])
    for ax, gamma in zip(middle, gammas, strict=True):
        own = choose(members, gamma=gamma)
        mine = costs[costs["member"].isin(own["member"])]
        many_paths(
            ax, mine, dict(zip(own["member"], own["fate"], strict=True)), shown["target"], blue
        )
    plateaus = plateaus_of(runs, spectra, members, greedy)
    deviation_panel(bottom[0], plateaus, {g: tones[g] for g in gammas})
    over_starts = plateaus_of(*starts, more, greedy)
    spreads = starts_panel(bottom[1], over_starts, tones)
    shares = _recovered(inputs)
    recovery_panel(bottom[2], shares, RECOVERED)
    title = f"{gamma_label(shown['gamma'])}, target {shown['target']}, {_network(members)}"
    titles = [title, *[gamma_label(g) for g in gammas], "", "", ""]
    for i, (ax, text) in enumerate(zip([top, *middle, *bottom], titles, strict=True)):
        letter(ax, panel_letter(i), text)
    _legends(bottom[0].figure, top, tones, sorted(plateaus["rank"].unique()))
    table = cost_table(path, costs, saddles, plateaus, over_starts, shares)
    facts = agreement_facts(members, shown, saddles, plateaus)
    facts |= start_and_share_facts(more, over_starts, spreads, shares)
    ends = [panel_letter(1 + len(gammas) + i) for i in range(3)]
    facts |= dict(zip(("agreement_letter", "starts_letter", "shares_letter"), ends, strict=True))
    facts["gammas_letters"] = panel_letters(range(1, 1 + len(gammas)))
    return Drawing(figure, table, facts)


def _network(members: pd.DataFrame) -> str:
    return f"L = {members['depth'].iloc[0]}, w = {members['width'].iloc[0]}"


def _axes(style: Style, n_gammas: int) -> tuple[Figure, Axes, list[Axes], list[Axes]]:
    """One wide panel, `PER_ROW` in a row for the gammas, three at the bottom."""
    rows = -(-n_gammas // PER_ROW)
    heights = [1.15] + [0.85] * rows + [1.1]
    figure = plt.figure(figsize=size(style, 0.36 * sum(heights)))
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    middle: list[Axes] = []
    for row, part in enumerate(parts[1:-1]):
        count = min(n_gammas - row * PER_ROW, PER_ROW)
        axes = part.subplots(1, count, squeeze=False, sharey=True)[0]
        axes[0].set_ylabel("cost")
        middle += list(axes)
    top, bottom = parts[0].subplots(), list(parts[-1].subplots(1, 3))
    return figure, top, middle, bottom


def _legends(part: Any, top: Axes, tones: dict[float, Any], ranks: list[int]) -> None:
    top.legend(loc="lower left", ncols=1)
    handles = [
        Line2D([], [], color=tone, marker="o", linestyle="", label=gamma_label(g))
        for g, tone in tones.items()
    ]
    handles += [
        Line2D([], [], color="0.3", marker=RANK_MARKERS[(k - 1) % len(RANK_MARKERS)], linestyle="",
               markerfacecolor="0.3" if k == ranks[0] else "none", label=f"saddle of rank {k}")
        for k in ranks
    ]  # fmt: skip
    part.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 5),
        columnspacing=1.2,
        handletextpad=0.2,
    )


def _recovered(inputs: Inputs) -> pd.DataFrame:
    """Final test error over that of zero for every member with other numbers of entries."""
    runs, spectra = inputs["runs/shares"], inputs["spectra/shares"]
    frame = members_frame(runs)
    frame["ratio"] = at_end(spectra, runs, "test_cost") / spectra["test_at_zero"].values
    first = frame.iloc[0]
    keep = choose(frame, depth=first["depth"], width=first["width"], gamma=first["gamma"])
    return keep[keep["initialization"] == first["initialization"]]
