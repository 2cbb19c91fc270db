"""Sharpness before and after training against the initialization scale (Figures 1b, 4b, 6a, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spectral_atlas.papers.marion2024.figures import layout
from spectral_atlas.papers.marion2024.figures.members import (
    Inputs,
    Setting,
    beginnings,
    by_rate,
    members,
    outcome_facts,
    setting,
)
from spectral_atlas.papers.marion2024.theory import edge_of_stability
from spectral_atlas.plotting.curves import (
    Label,
    label_right,
    log_limits,
    plain_log_ticks,
    reference,
)
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spectral_atlas.config import Style

# Within a tenth of the critical rate, and above it, every run ends at 2 / eta: the paper leaves the
# curves out, and a panel of their own shows S eta / 2.
MARGIN = 0.9


def fig1b(inputs: Inputs, style: Style) -> Drawing:
    """Gaussian initialization; bounds of Theorem 1 and Corollary 2."""
    return _draw(inputs, style, "gaussian", upper=True)


def fig4b(inputs: Inputs, style: Style) -> Drawing:
    """Residual initialization; the lower bound only, as in the paper."""
    return _draw(inputs, style, "residual", upper=False)


def fig6a(inputs: Inputs, style: Style) -> Drawing:
    """Fewer samples than dimensions; the lower bound only, as in the paper."""
    return _draw(inputs, style, "gaussian", upper=False)


def fig7(inputs: Inputs, style: Style) -> Drawing:
    """GELU network; the bounds are those of the linear network."""
    return _draw(inputs, style, "gaussian", upper=True)


def _draw(inputs: Inputs, style: Style, initialization: str, *, upper: bool) -> Drawing:
    frame = members(inputs)
    settings = {i: setting(inputs, i) for i in sorted(frame["problem"].unique())}
    first = min(settings)
    theory = settings[first]
    look = layout.Look(tuple(sorted(frame["learning_rate"].unique())))
    shown = [r for r in look.rates if r < MARGIN * theory.critical] or list(look.rates)
    table = _table(frame, settings, shown, upper=upper)
    means = table[table["kind"] == "mean"]

    figure, main, strip, side = layout.canvas(
        style, 1 + (len(settings) > 1), len(look.rates), aspect=0.72
    )
    own = table[(table["problem"] == first) & table["main_panel"]]
    _main(main, own, look, shown, theory.lower)
    layout.draw_strip(
        strip, means[means["problem"] == first], look, layout.X_LABELS[initialization]
    )
    if len(settings) > 1:
        layout.draw_draws(side[0], means, "per_lower_bound", look, shown)
        reference(side[0], 1.0)
        side[0].set(yscale="log", ylabel=r"$S\,/\,2La$ after training")
        plain_log_ticks(side[0])
        side[0].set_title(layout.draws_title(means), fontsize="small")
    _edge(side[-1], means, look)
    layout.legends(figure, main, open_markers=bool((own["n"] < own["runs"]).any()))
    label_right(main, _labels(own, look))
    return Drawing(figure, table, _facts(frame, theory, shown, look.rates))


def _table(
    frame: pd.DataFrame, settings: dict[int, Setting], shown: list[float], *, upper: bool
) -> pd.DataFrame:
    """Every plotted number; ``main_panel`` says which are in the main panel."""
    first, start = min(settings), beginnings(frame)
    by = ["problem", "learning_rate", "scale"]
    estimates = frame.groupby(by, as_index=False)["estimate"].mean()
    means = layout.curves(frame, "sharpness", start).merge(estimates, on=by, how="left")
    lines = [
        {"curve": f"2 / eta, eta = {r:g}", "learning_rate": r, "value": edge_of_stability(r)}
        for r in shown
    ]
    lines.append({"curve": "2 L a", "value": settings[first].lower})
    if upper:
        lines.append({"curve": "8 L Lambda", "value": settings[first].upper})
    bounds = pd.DataFrame(lines).assign(kind="line", problem=first)
    runs = layout.single_runs(frame[frame["problem"] == first], "sharpness", start)
    table = pd.concat([means, runs, bounds], ignore_index=True)
    in_main = table["learning_rate"].isna() | table["learning_rate"].isin(shown)
    table["main_panel"] = in_main & (table["problem"] == first)
    table["per_lower_bound"] = table["value"] / [settings[i].lower for i in table["problem"]]
    table["per_edge"] = table["value"] * table["learning_rate"] / 2
    return table[(table["kind"] != "run") | table["main_panel"]].rename(
        columns={"estimate": "published_estimator"}
    )


def _main(ax: Axes, own: pd.DataFrame, look: layout.Look, shown: list[float], lower: float) -> None:
    """Curves, lines and dots of one data draw."""
    layout.draw_means(ax, own[own["kind"] == "mean"], look, shown)
    for line in own[own["kind"] == "line"].itertuples():
        bound = np.isnan(line.learning_rate)
        color, dashes = ("black", ":") if bound else (look.color(line.learning_rate), "--")
        reference(ax, line.value, color=color, style=dashes)
    ax.set_yscale("log")
    ax.set_ylim(log_limits(own["value"].to_numpy(), floor=1e-4 * lower))
    layout.draw_dots(ax, own[own["kind"] == "run"], look, shown)
    ax.set_ylabel(r"sharpness $S = \lambda_{\max}(\nabla^2 R)$")


def _edge(ax: Axes, means: pd.DataFrame, look: layout.Look) -> None:
    """S eta / 2 for all learning rates, those too that the main panel leaves out."""
    layout.draw_draws(ax, means, "per_edge", look, look.rates)
    reference(ax, 1.0, color="0.3", style="--")
    own = means[means["problem"] == means["problem"].min()]
    ends = own["high"] * own["learning_rate"] / 2
    top = np.nanmax([1.1, 1.05 * means["per_edge"].max(), 1.05 * ends.max()])
    ax.set(ylim=(0, top), ylabel=r"$S\,\eta\,/\,2$ after training", xlabel="scale")


def _labels(own: pd.DataFrame, look: layout.Look) -> list[Label]:
    """Name and value of every horizontal line of the main panel."""
    symbols = {"2 L a": "$2La$", "8 L Lambda": r"$8L\Lambda$"}
    return [
        (line.value, f"{symbols[line.curve]} = {line.value:.4g}", "black")
        if line.curve in symbols
        else (line.value, rf"$2/\eta$ = {line.value:.4g}", ink(look.color(line.learning_rate)))
        for line in own[own["kind"] == "line"].itertuples()
    ]


def _facts(
    frame: pd.DataFrame, theory: Setting, shown: list[float], rates: tuple[float, ...]
) -> dict[str, float | int | str]:
    """What the captions quote; the numbers are those of the first data draw."""
    one = frame[frame["problem"] == frame["problem"].min()]
    edge = one["sharpness"] * one["learning_rate"] / 2
    one = one.assign(ratio=one["sharpness"] / theory.lower, edge=edge)
    drawn = one[one["learning_rate"].isin(shown)]
    hidden = one[~one["learning_rate"].isin(shown)]
    scales = sorted(one["scale"].unique())
    converged = drawn[drawn["outcome"] == "converged"]
    ended = one[~one["diverged"]]
    shortfall = 1 - ended["estimate"] / ended["sharpness"]
    beyond = ended["start_sharpness"] > 2 / ended["learning_rate"]
    return {
        **outcome_facts(frame),
        **theory.facts(),
        "shown_rates": listed([f"{r:g}" for r in shown]),
        "hidden_rates": listed([f"{r:g}" for r in rates if r not in shown]),
        "scale_smallest": quoted(scales[0]),
        "scale_largest": quoted(scales[-1]),
        "start_smallest": quoted(one.loc[one["scale"] == scales[0], "start_sharpness"].mean()),
        "start_largest": quoted(one.loc[one["scale"] == scales[-1], "start_sharpness"].mean()),
        "ratio_smallest": by_rate(drawn[drawn["scale"] == scales[0]], "ratio"),
        "ratio_largest": by_rate(drawn[drawn["scale"] == scales[-1]], "ratio"),
        "least_ratio": quoted(converged["ratio"].min(), 4),
        "largest_edge": quoted(drawn["edge"].max(), 4),
        "hidden_edge": by_rate(hidden, "edge"),
        "n_started_beyond_edge": int(beyond.sum()),
        "n_above_upper": int((drawn["sharpness"] > theory.upper).sum()),
        "percent_estimator_low": quoted(100 * shortfall.max()),
    }
