"""The share of starts that converge, below and above the critical step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.common import (
    Inputs,
    above_critical,
    below_critical,
    ending_handles,
    net_handles,
    net_looks,
    outcome_names,
    some_of,
)
from spectral_atlas.papers.craciun2024.figures.converging_panels import (
    ratio_panel,
    share_panel,
    stacked_panel,
)
from spectral_atlas.papers.craciun2024.figures.converging_table import net_table, rate_table
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.intervals import zero_bound
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def converging_fraction(inputs: Inputs, style: Style) -> Drawing:
    """Outcomes of two parameters over eta; networks over eta / eta_C; sharpness where they rest."""
    two, runs = inputs["runs/two_parameter"], inputs["runs/nets"]
    rates, nets = rate_table(two), net_table(runs, inputs["spectra/nets"])
    looks = net_looks(runs, style)
    figure = plt.figure(figsize=size(style, 0.98))
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.12))
    first = parts[0].subplots()
    second, third = parts[1].subplots(1, 2, width_ratios=(1.45, 1))
    stacked_panel(first, rates)
    share_panel(second, nets, looks)
    ratio_panel(third, nets, looks)
    starts = int(runs.sizes["start"])
    letter(first, "a", rf"$L = (1 - w_1 w_2)^2$, n = {two.sizes['start']} for each η")
    letter(second, "b", f"networks, n = {starts} for each η")
    letter(third, "c", "least stable minima reached")
    shown = [name for name in outcome_names(two["outcome"]) if rates[name].any()]
    parts[0].legend(handles=ending_handles(shown), loc="outside lower center", ncols=4)
    parts[1].legend(handles=[*net_handles(looks), *_kinds()], loc="outside lower center", ncols=4)
    if lines := _notes(nets):
        note(figure, lines)
    table = pd.concat([rates.assign(panel="a"), nets.assign(panel="b, c")], ignore_index=True)
    facts = _rate_facts(two, rates) | _net_facts(runs, nets)
    return Drawing(figure, table, facts | _critical_facts(runs, inputs["runs/critical"]))


def _notes(nets: pd.DataFrame) -> str:
    moving = int(nets["moving"].sum())
    tried = int(nets.loc[below_critical(nets["share_of_critical"]), "n"].sum())
    lines = []
    if moving:
        lines.append(f"b: still moving below $η_C$: {moving} of {tried} (ticks above the marks)")
    above = nets[above_critical(nets["share_of_critical"])]
    if len(above) and not above["minimum"].any():
        n = int(above["n"].max())
        bound = f"at most {zero_bound(n):.2g} (95 %)"
        lines.append(f"b: minima above $η_C$: 0 of {n} for each network and η, {bound}")
    return "\n".join(lines)


def _kinds() -> list[Line2D]:
    """Legend entries of what is drawn of each network."""
    return [
        Line2D([], [], color="0.3", marker="o", markersize=3, label="at a minimum (b)"),
        Line2D([], [], color="0.3", linestyle=(0, (1, 1.2)), label="bounded (b)"),
    ]


def _rate_facts(two: xr.Dataset, rates: pd.DataFrame) -> dict[str, Any]:
    a = rates["share_of_critical"].to_numpy(float)
    below, above = rates[below_critical(a)], rates[above_critical(a)]
    within = above[above["share_of_critical"] < 2 - 1e-9]
    beyond = above[above["share_of_critical"] >= 2 - 1e-9]
    at = rates[~below_critical(a) & ~above_critical(a)]
    last, first = below.tail(1), above.head(1)
    n = int(two.sizes["start"])
    return {
        "starts": n,
        "box": quoted(float(two.attrs["box"])),
        "steps": int(two.attrs["steps"]),
        "window": int(two.attrs["window"]),
        "rates": len(rates),
        "last_below": _quoted_of(last, "learning_rate"),
        "last_below_share": _quoted_of(last, "share"),
        "last_below_moving": _quoted_of(last, "moving"),
        "first_above": _quoted_of(first, "learning_rate"),
        "first_above_bounded": _quoted_of(first, "bounded_share"),
        "moving": int(below["moving"].sum()),
        "tried_below": int(below["n"].sum()),
        "minima_at": int(at["minimum"].sum()) if len(at) else "n/a",
        "minima_above": int(above["minimum"].sum()),
        "tried_above": int(above["n"].sum()),
        "zero_bound": quoted(zero_bound(n), 2),
        "saddles": int(rates["saddle"].sum()),
        "bounded_within": span(within["bounded_share"]),
        "beyond": span(beyond["learning_rate"]),
        "beyond_bounded": int(beyond["bounded"].sum()),
        "beyond_tried": int(beyond["n"].sum()),
    }


def _quoted_of(row: pd.DataFrame, name: str) -> float | int | str:
    return quoted(float(row[name].iloc[0])) if len(row) else "n/a"


def _net_facts(runs: xr.Dataset, nets: pd.DataFrame) -> dict[str, Any]:
    a = nets["share_of_critical"].to_numpy(float)
    below, above = nets[below_critical(a)], nets[above_critical(a)]
    moving = below[below["moving"] > 0]
    top = nets.loc[nets["largest_ratio"].idxmax()] if nets["largest_ratio"].notna().any() else None
    empty = above[(above["minimum"] + above["bounded"] + above["saddle"]) == 0]
    return {
        "nets": nets["net"].nunique(),
        "net_starts": int(runs.sizes["start"]),
        "net_steps": int(runs.attrs["steps"]),
        "net_window": int(runs.attrs["window"]),
        "net_below": span(below["share_of_critical"]),
        "net_above": span(above["share_of_critical"]),
        "net_shares": span(below["share"]),
        "net_nearest": span(below.groupby("net").tail(1)["share"]),
        "net_minima_above": int(above["minimum"].sum()),
        "net_tried_above": int(above["n"].sum()),
        "net_zero_bound": quoted(zero_bound(int(runs.sizes["start"])), 2),
        "net_moving": int(moving["moving"].sum()),
        "net_tried_below": int(below["n"].sum()),
        "net_moving_where": some_of(
            [f"{r.moving} of {r.net} at {r.share_of_critical:g}" for r in moving.itertuples()]
        ),
        "net_moving_loss": span(moving["moving_loss"], 2),
        "net_moving_gradient": span(moving["moving_gradient"], 2),
        "net_saddles": int(nets["saddle"].sum()),
        "left": int(nets["left"].sum()),
        "all_diverged": some_of(
            [
                f"{net} from {own['share_of_critical'].min():g}"
                for net, own in empty.groupby("net", sort=False)
            ]
        ),
        "largest_ratio": "n/a" if top is None else f"{top['largest_ratio']:.6g}",
        "largest_ratio_net": "n/a" if top is None else str(top["net"]),
        "largest_ratio_share": "n/a" if top is None else quoted(float(top["share_of_critical"])),
        "over": int(nets["over"].sum()),
        "minima": int(nets["minimum"].sum()),
    }


def _critical_facts(runs: xr.Dataset, critical: xr.Dataset) -> dict[str, Any]:
    """How far 2 / (the least sharpness found by minimization) is from the eta_C used."""
    found = dict(
        zip(critical["problem"].values.tolist(), critical["sharpness"].values, strict=True)
    )
    pairs = zip(runs["net"].values.tolist(), runs["critical_step"].values, strict=True)
    gaps = [abs(2 / found[net] / step - 1) for net, step in pairs if net in found]
    return {"compared": len(gaps), "critical_gap": quoted(max(gaps, default=np.nan), 2)}
