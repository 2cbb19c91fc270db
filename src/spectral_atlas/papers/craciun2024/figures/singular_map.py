"""A loss on the line, and an interval that one step of gradient descent sends to a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, MultipleLocator

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.figures.common import LETTERS, Inputs
from spectral_atlas.papers.craciun2024.figures.singular_facts import singular_facts
from spectral_atlas.papers.craciun2024.figures.small_shares import (
    Shares,
    share_panel,
    zeros,
)
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, MARKERS, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MOST, EVERY = 3, 4  # rates with panels of their own; places of the grid from one drawn to the next
ARROWS = 5  # points of the interval that one follows
START, IMAGE = COLORBLIND[3], COLORBLIND[0]


def singular_map(inputs: Inputs, style: Style) -> Drawing:
    """Above: the loss, an interval and where a step sends it; below: the map; the shares."""
    found = inputs["spectra/jacobian"].load()
    rates = found["singular_rate"].values
    order = np.argsort(-rates, kind="stable")
    shown = order[:MOST]
    figure = plt.figure(figsize=size(style, 0.62))
    rows = np.arange(2 * len(shown)).reshape(2, -1)
    axes = figure.subplot_mosaic([[*map(str, row), "share"] for row in rows])
    tables = []
    for column, i in enumerate(shown):
        one, eta = found.isel(singular_rate=int(i)), float(rates[i])
        above, below = axes[str(column)], axes[str(column + len(shown))]
        curve = _curve(one, eta).assign(panel=LETTERS[column] + ", " + LETTERS[column + len(shown)])
        _loss(above, curve, one, eta)
        _map(below, curve, one)
        tables += [curve, _sent(one, eta).assign(panel=LETTERS[column])]
        for ax, place, text in ((above, column, "loss"), (below, column + len(shown), "step")):
            letter(ax, LETTERS[place], rf"{text}, $\eta={eta:g}$")
        if column == 0:
            above.set_ylabel(r"$L(\theta)$")
            below.set_ylabel(r"$G(\theta)$")
    curves = [_shares(found, int(i)) for i in order]
    looks = [
        {"color": _tone(k), "marker": MARKERS[k % len(MARKERS)], "markersize": 3.5}
        for k in range(len(curves))
    ]
    share_panel(axes["share"], curves, looks)
    axes["share"].set_ylabel(r"$P(|G'|<\varepsilon)$")
    letter(axes["share"], LETTERS[2 * len(shown)], "flat points")
    tables += [c.frame().assign(panel=LETTERS[2 * len(shown)], kind="share") for c in curves]
    _legend(figure, zeros(curves) > 0)
    return Drawing(
        figure,
        pd.concat(tables, ignore_index=True),
        singular_facts(found, order, curves, len(shown)),
    )


def _tone(place: int) -> Any:
    return ("black", "0.5", "0.65")[min(place, 2)]


def _curve(one: xr.Dataset, eta: float) -> pd.DataFrame:
    """The loss and the map of one rate, thinned."""
    values = {"theta": "theta", "loss": "singular_loss", "map": "singular_map"}
    columns = {name: one[variable].values[::EVERY] for name, variable in values.items()}
    return pd.DataFrame(columns).assign(kind="curve", learning_rate=eta)


def _sent(one: xr.Dataset, eta: float) -> pd.DataFrame:
    """Points of the interval and where a step sends them; the measured ends of the image."""
    first, last = one["singular_interval"].values
    theta = np.linspace(first, last, ARROWS)
    moved = theory.singular_map(theta, eta)
    low, high = one["singular_image"].values
    return pd.DataFrame(
        {
            "kind": "arrow", "learning_rate": eta, "theta": theta, "map": moved,
            "loss": theory.singular_loss(theta), "loss_after": theory.singular_loss(moved),
            "image_low": low, "image_high": high,
        }
    )  # fmt: skip


def _loss(ax: Axes, curve: pd.DataFrame, one: xr.Dataset, eta: float) -> None:
    """The loss, the interval on it, and arrows to its image."""
    ax.plot(curve["theta"], curve["loss"], color="black", linewidth=1.0, zorder=2)
    low, high = one["singular_interval"].values
    inside = np.linspace(low, high, 50)
    ax.plot(inside, theory.singular_loss(inside), color=START, linewidth=2.4, zorder=3)
    image = one["singular_image"].values
    reached = np.linspace(image[0], image[1], 50)
    ax.plot(reached, theory.singular_loss(reached), color=IMAGE, linewidth=2.4, zorder=4)
    if np.ptp(image) == 0:
        ax.plot(
            image[:1], theory.singular_loss(image[:1]), "o", color=IMAGE, markersize=4.5, zorder=4
        )
    left, right = float(curve["theta"].min()), float(curve["theta"].max())
    if image[1] < left or image[0] > right:
        ax.text(0.5, 0.9, "sent beyond", transform=ax.transAxes, ha="center", fontsize="small")
    for row in _sent(one, eta).itertuples():
        if left <= row.map <= right:
            ax.annotate(
                "", (row.map, row.loss_after), (row.theta, row.loss), zorder=5,
                arrowprops={"arrowstyle": "->", "color": "0.4", "linewidth": 0.7, "shrinkA": 0,
                            "shrinkB": 1, "connectionstyle": "arc3,rad=0.25", "mutation_scale": 6},
            )  # fmt: skip
    ax.set(xlim=(left, right), xlabel=r"$\theta$")
    ax.set_ylim(0, 1.1 * float(curve["loss"].max()))
    ax.xaxis.set_major_locator(MultipleLocator(2))


def _map(ax: Axes, curve: pd.DataFrame, one: xr.Dataset) -> None:
    """Where a step goes, with the interval as a band across and its image as one along."""
    ax.plot(curve["theta"], curve["theta"], color="0.6", linestyle=":", linewidth=1.0, zorder=1.5)
    ax.plot(curve["theta"], curve["map"], color="black", linewidth=1.0, zorder=3)
    ax.axvspan(*one["singular_interval"].values, color=START, alpha=0.25, linewidth=0, zorder=1)
    low, high = one["singular_image"].values
    if high > low:
        ax.axhspan(low, high, color=IMAGE, alpha=0.25, linewidth=0, zorder=1)
    else:
        ax.axhline(low, color=IMAGE, linewidth=1.4, alpha=0.6, zorder=1)
    ax.set(xlim=(curve["theta"].min(), curve["theta"].max()), xlabel=r"$\theta$")
    ax.xaxis.set_major_locator(MultipleLocator(2))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _shares(found: xr.Dataset, place: int) -> Shares:
    share = found["singular_share"].transpose("singular_rate", "epsilon").values[place]
    name = rf"$\eta={found['singular_rate'].values[place]:g}$"
    return Shares.of(name, found["epsilon"].values, share, int(found.attrs["points"]))


def _legend(figure: Figure, zero: bool) -> None:
    handles: list[Any] = [
        Line2D([], [], color=START, linewidth=2.4, label="interval"),
        Line2D([], [], color=IMAGE, linewidth=2.4, marker="o", label="where a step sends it"),
        Line2D([], [], color="0.6", linestyle=":", label=r"$G(\theta)=\theta$"),
        Line2D([], [], color="0.8", linewidth=0.8, label="slope 1"),
    ]
    if zero:
        look: dict[str, Any] = {"linestyle": "", "marker": "v", "markerfacecolor": "white"}
        handles.append(Line2D([], [], color="0.3", label="no hit: 3/n", **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.4)
