"""Distance to the optimal regressor against the initialization scale (Figures 1a and 4a)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spectral_atlas.papers.marion2024.figures import layout
from spectral_atlas.papers.marion2024.figures.members import (
    Inputs,
    beginnings,
    by_rate,
    members,
    outcome_facts,
    setting,
)
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.publish import Drawing

if TYPE_CHECKING:
    from spectral_atlas.config import Style

LABEL = r"squared distance $|W_{\mathrm{prod}} - w^\star|^2$"
FLOOR = 1e-33  # rounding in float64 leaves about this much


def fig1a(inputs: Inputs, style: Style) -> Drawing:
    """Gaussian initialization."""
    return _draw(inputs, style, "gaussian")


def fig4a(inputs: Inputs, style: Style) -> Drawing:
    """Residual initialization."""
    return _draw(inputs, style, "residual")


def _draw(inputs: Inputs, style: Style, initialization: str) -> Drawing:
    frame = members(inputs)
    first = frame["problem"].min()
    theory = setting(inputs, int(first))
    look = layout.Look(tuple(sorted(frame["learning_rate"].unique())))
    start = beginnings(frame)
    means = layout.curves(frame, "distance", start)
    runs = layout.single_runs(frame[frame["problem"] == first], "distance", start)
    table = pd.concat([means, runs[runs["problem"] == first]], ignore_index=True)
    table["mean_over_coordinates"] = table["value"] / theory.d  # what the published code plots

    draws = frame["problem"].nunique()
    figure, main, strip, side = layout.canvas(style, int(draws > 1), len(look.rates), aspect=0.66)
    own = table[table["problem"] == first]
    layout.draw_means(main, own[own["kind"] == "mean"], look, look.rates)
    main.set_yscale("log")
    main.set_ylim(log_limits(own["value"].to_numpy(), floor=FLOOR))
    layout.draw_dots(main, own[own["kind"] == "run"], look, look.rates)
    main.set_ylabel(LABEL)
    layout.draw_strip(
        strip, means[means["problem"] == first], look, layout.X_LABELS[initialization]
    )
    if side:
        layout.draw_draws(side[0], means, "value", look, look.rates)
        side[0].set(yscale="log", ylabel="mean after training", xlabel="scale")
        side[0].set_ylim(log_limits(means["value"].to_numpy(), floor=FLOOR))
        side[0].set_title(layout.draws_title(means), fontsize="small")
    layout.legends(figure, main, open_markers=bool((own["n"] < own["runs"]).any()))
    return Drawing(figure, table, _facts(frame, theory.critical, look) | theory.facts())


def _facts(frame: pd.DataFrame, critical: float, look: layout.Look) -> dict[str, float | int | str]:
    """What the captions quote, of the first data draw."""
    one = frame[frame["problem"] == frame["problem"].min()]
    learned = one.assign(share=100.0 * (one["outcome"] == "converged"))
    below = one[(one["learning_rate"] < 0.9 * critical) & (one["outcome"] == "converged")]
    above = one[(one["learning_rate"] > critical) & ~one["diverged"]]
    ratios = [f"{quoted(r / critical)} (η = {r:g})" for r in look.rates]
    return {
        **outcome_facts(frame),
        "rates": listed([f"{r:g}" for r in look.rates]),
        "relative_rates": listed(ratios),
        "percent_learned": by_rate(learned, "share", unit=" %"),
        "n_learned_above": int((above["outcome"] == "converged").sum()),
        "n_above": len(above),
        "largest_distance_below": quoted(below["distance"].max()),
        "least_distance_above": quoted(above["distance"].min()),
        "start_distance": quoted(np.mean(one["start_distance"])),
    }
