"""Probability of divergence against the initialization scale (Figures 3 and 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from spectral_atlas.papers.marion2024.figures import layout
from spectral_atlas.papers.marion2024.figures.members import (
    Inputs,
    members,
    outcome_facts,
    setting,
)
from spectral_atlas.plotting.curves import beside
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.intervals import share_interval
from spectral_atlas.plotting.outcomes import OUTCOMES, count_outcomes
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spectral_atlas.config import Style

FAILED = "failed in any way"


def fig3(inputs: Inputs, style: Style) -> Drawing:
    """Gaussian initialization."""
    return _draw(inputs, style, "gaussian")


def fig5(inputs: Inputs, style: Style) -> Drawing:
    """Residual initialization."""
    return _draw(inputs, style, "residual")


def _draw(inputs: Inputs, style: Style, initialization: str) -> Drawing:
    frame = members(inputs)
    first = frame["problem"].min()
    look = layout.Look(tuple(sorted(frame["learning_rate"].unique())))
    table = pd.concat([_shares(frame, "diverged"), _shares(frame, FAILED)], ignore_index=True)

    figure, axes = plt.subplots(1, 2, figsize=size(style, 0.5), sharex=True, sharey=True)
    titles = ("diverged", "not converged, for any reason")
    for ax, event, title in zip(axes, ("diverged", FAILED), titles, strict=True):
        part = table[table["event"] == event]
        _curves(ax, part[part["problem"] == first], look)
        layout.draw_draws(
            ax, part[part["problem"] != first], "share", look, look.rates, thick=False
        )
        ax.set(title=title, xlabel=layout.X_LABELS[initialization], ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of the runs")
    handles, names = axes[0].get_legend_handles_labels()
    own = table[table["problem"] == first].groupby("learning_rate")["runs"]
    counts = [dict.fromkeys([f"{low}", f"{high}"]) for low, high in own.agg(["min", "max"]).values]
    labels = [f"{name} (n = {'–'.join(n)})" for name, n in zip(names, counts, strict=True)]
    if table["problem"].nunique() > 1:
        handles.append(Line2D([], [], color="0.4", linewidth=0.6))
        labels.append("other data draws")
    figure.legend(handles, labels, loc="outside upper center", ncols=3, columnspacing=1.5)
    return Drawing(figure, table, _facts(frame, look, table) | setting(inputs, int(first)).facts())


def _shares(frame: pd.DataFrame, event: str) -> pd.DataFrame:
    """Share of the runs with an event for each point, its Wilson interval, and all counts."""
    by = ["problem", "learning_rate", "scale"]
    counts = count_outcomes(frame, by)
    runs = counts[list(OUTCOMES)].sum(axis=1)
    hits = counts["diverged"] if event == "diverged" else runs - counts["converged"]
    ends = [share_interval(int(h), int(n)) for h, n in zip(hits, runs, strict=True)]
    low, high = zip(*ends, strict=True)
    return counts.assign(event=event, runs=runs, share=hits / runs, low=low, high=high)


def _curves(ax: Axes, shares: pd.DataFrame, look: layout.Look) -> None:
    """One data draw, moved sideways a little so that intervals do not hide each other."""
    grid = sorted(shares["scale"].unique())
    for rate, part in shares.groupby("learning_rate"):
        slot = look.rates.index(rate)
        x = beside(part["scale"].to_numpy(), grid, slot, len(look.rates))
        share = part["share"].to_numpy()
        ends = np.abs([part["low"].to_numpy() - share, part["high"].to_numpy() - share])
        ax.errorbar(
            x, share, yerr=ends, color=look.color(rate), marker=look.marker(rate), capsize=1.5,
            elinewidth=0.8, capthick=0.8, label=look.name(rate), zorder=3,
        )  # fmt: skip


def _facts(
    frame: pd.DataFrame, look: layout.Look, table: pd.DataFrame
) -> dict[str, float | int | str]:
    """What the captions quote, of the first data draw."""
    own = table[(table["problem"] == table["problem"].min()) & (table["event"] == "diverged")]
    safe = []
    for rate, part in own.groupby("learning_rate"):
        clean = part.loc[part["diverged"] == 0, "scale"]
        safe.append(f"{quoted(clean.max()) if len(clean) else 'none'} (η = {rate:g})")
    totals = own.groupby("learning_rate")[["diverged", "runs"]].sum()
    lost = [f"{int(t.diverged)} of {int(t.runs)} (η = {t.Index:g})" for t in totals.itertuples()]
    return {
        **outcome_facts(frame),
        "rates": listed([f"{r:g}" for r in look.rates]),
        "largest_safe_scale": listed(safe),
        "lost": listed(lost),
    }
