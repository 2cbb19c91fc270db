"""Where the Jacobian of the gradient-descent map, I - eta H, is singular, and how rarely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024.figures.common import LETTERS, Inputs
from spectral_atlas.papers.craciun2024.figures.determinant_maps import (
    MINIMIZERS,
    color_bar,
    color_norm,
    determinants,
    draw_map,
    map_rows,
)
from spectral_atlas.papers.craciun2024.figures.small_shares import (
    Shares,
    described,
    share_panel,
    zeros,
)
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

ROW = 3  # maps side by side
CHECKED = 4096  # parameters that the spectra draw at each rate that is singular at 0


def gd_jacobian(inputs: Inputs, style: Style) -> Drawing:
    """Maps of the determinant; shares of points where it is small, two weights and networks."""
    found = inputs["spectra/jacobian"].load()
    maps = determinants(found)
    rows = -(-len(maps) // ROW)
    figure = plt.figure(figsize=size(style, 0.35 * rows + 0.49))
    parts = figure.subfigures(2, 1, height_ratios=(0.38 * rows, 0.43), squeeze=False)
    upper, lower = parts[:, 0]
    tables = _maps(upper, maps)
    two, line, nets = _two(found), _line(found), _networks(found)
    panels = (
        (two + line, _looks(style, len(two), len(line)), "two weights; example on the line"),
        (nets, _net_looks(style, len(nets)), "networks, weights N(0, 1)"),
    )
    pair = lower.subplots(1, 2)
    for name, ax, (curves, looks, title) in zip(LETTERS[len(maps) :], pair, panels, strict=False):
        share_panel(ax, curves, looks)
        ax.set_ylabel(r"$P(|\det|<\varepsilon)$")
        letter(ax, name, title)
        tables += [curve.frame().assign(panel=name, kind="share") for curve in curves]
    _legend(figure, zeros([*two, *line, *nets]) > 0)
    facts = _facts(found, maps, two, line) | _net_facts(found, nets)
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _maps(figure: SubFigure, maps: list[tuple[float, xr.DataArray]]) -> list[pd.DataFrame]:
    norm, tables = color_norm([det for _, det in maps]), []
    columns = min(ROW, len(maps))
    axes = figure.subplots(-(-len(maps) // ROW), columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(maps) :]:
        ax.remove()
    for place, (eta, det) in enumerate(maps):
        ax = axes.flat[place]
        mesh, vertices = draw_map(ax, det, norm)
        letter(ax, LETTERS[place], rf"$\eta={eta:.4g}$")
        if place + ROW >= len(maps):
            ax.set_xlabel("$w_1$")
            ax.tick_params(labelbottom=True)
        if place % ROW == 0:
            ax.set_ylabel("$w_2$")
        tables.append(map_rows(eta, det, vertices).assign(panel=LETTERS[place]))
    color_bar(figure, mesh, list(axes.flat[: len(maps)]), norm)
    return tables


def _two(found: xr.Dataset) -> list[Shares]:
    n, epsilon = int(found.attrs["points"]), found["epsilon"].values
    rates = found["learning_rate"].values
    share = found["share"].transpose("learning_rate", "epsilon").values
    return [Shares.of(f"η = {rates[i]:.4g}", epsilon, share[i], n) for i in np.argsort(rates)]


def _line(found: xr.Dataset) -> list[Shares]:
    """The example on the line."""
    n, epsilon = int(found.attrs["points"]), found["epsilon"].values
    rates = found["singular_rate"].values
    share = found["singular_share"].transpose("singular_rate", "epsilon").values
    order = np.argsort(rates)
    return [Shares.of(f"line, η = {rates[i]:.4g}", epsilon, share[i], n) for i in order]


def _networks(found: xr.Dataset) -> list[Shares]:
    n, epsilon = int(found.attrs["draws"]), found["epsilon"].values
    names = [
        f"{net}, η = {rate:.4g}"
        for net, rate in zip(found["net"].values, found["net_rate"].values, strict=True)
    ]
    share = found["net_share"].transpose("net", "epsilon").values
    return [Shares.of(name, epsilon, row, n) for name, row in zip(names, share, strict=True)]


def _looks(style: Style, two: int, line: int) -> list[dict[str, Any]]:
    """Colours for two weights, grey for the example."""
    looks: list[dict[str, Any]] = [
        {"color": tone, "marker": MARKERS[k % len(MARKERS)], "markersize": 3.5}
        for k, tone in enumerate(colors(style, two))
    ]
    for k in range(line):
        mark = MARKERS[(two + k) % len(MARKERS)]
        looks.append({"color": "0.35", "marker": mark, "markersize": 3.5, "linestyle": "--"})
    return looks


def _net_looks(style: Style, count: int) -> list[dict[str, Any]]:
    return [
        {"color": tone, "marker": MARKERS[k % len(MARKERS)], "markersize": 3.5}
        for k, tone in enumerate(colors(style, count + 3)[3:])
    ]


def _legend(figure: Figure, zero: bool) -> None:
    handles = [
        Line2D([], [], color="black", linewidth=1.0, label=r"$\det(I-\eta H)=0$"),
        Line2D([], [], label="minimizers $w_1w_2=1$", **MINIMIZERS),
        Line2D([], [], color="0.8", linewidth=0.8, label="slope 1"),
    ]
    if zero:
        look: dict[str, Any] = {"linestyle": "", "marker": "v", "markerfacecolor": "white"}
        handles.append(Line2D([], [], color="0.3", label="no hit: 3/n", **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _facts(
    found: xr.Dataset,
    maps: list[tuple[float, xr.DataArray]],
    two: list[Shares],
    line: list[Shares],
) -> dict[str, Any]:
    order = np.argsort(found["learning_rate"].values)
    smallest = found["smallest"].values[order]
    return {
        "points": f"{int(found.attrs['points']):,}".replace(",", " "),
        "box": quoted(float(found.attrs["box"])),
        "side": maps[0][1].sizes["w1"],
        "drawn": len(maps),
        "rates": len(two),
        "epsilons": listed([f"{e:g}" for e in two[0].epsilon]),
        "shares": described(two),
        "smallest": "; ".join(
            f"{curve.name}: {value:.2g}" for curve, value in zip(two, smallest, strict=True)
        ),
        "vanished": int((smallest == 0).sum()),
        "closed_form": quoted(float(found["closed_form_error"].max()), 1),
        "checked": int(found.attrs["checked"]),
        "line": "; ".join(f"{c.name.split(', ')[1]}: {span(c.share)}" for c in line),
        "zeros": zeros([*two, *line]),
        "panels": f"{LETTERS[0]}–{LETTERS[len(maps) - 1]}" if len(maps) > 1 else LETTERS[0],
        "first": LETTERS[len(maps)],
        "second": LETTERS[len(maps) + 1],
    }


def _net_facts(found: xr.Dataset, nets: list[Shares]) -> dict[str, Any]:
    smallest, singular = found["net_smallest"].values, found["coincidence_rate"]
    there = np.isfinite(singular.values)
    at_zero = [
        f"{c.name}: {sign * np.exp(log):.3g}"
        for c, sign, log in zip(
            nets, found["origin_sign"].values, found["origin_log_determinant"].values, strict=True
        )
    ]
    elsewhere = found["coincidence_elsewhere"].values[there]
    gap = found["coincidence_gap"].values[there]
    return {
        "draws": f"{int(found.attrs['draws']):,}".replace(",", " "),
        "net_shares": described(nets),
        "net_smallest": "; ".join(
            f"{c.name}: {value:.2g}" for c, value in zip(nets, smallest, strict=True)
        ),
        "exact_zeros": int(found["net_exact_zeros"].sum()),
        "negative": span(found["net_negative"]),
        "origin": "; ".join(at_zero),
        "net_zeros": zeros(nets),
        "coincidences": int(there.sum()),
        "checked_draws": CHECKED,
        "coincidence_rates": ", ".join(f"{eta:.4g}" for eta in singular.values[there]),
        "coincidence_gap": quoted(float(gap.max()) if gap.size else None, 1),
        "elsewhere": quoted(float(elsewhere.min()) if elsewhere.size else None, 2),
    }
