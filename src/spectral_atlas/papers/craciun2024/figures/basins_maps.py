"""Maps of where starts end, and the table of counts under them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.papers.craciun2024.figures.common import (
    OUTCOME_COLORS,
    OUTCOME_TEXT,
    outcome_names,
)
from spectral_atlas.papers.craciun2024.theory import saddle_reach, stable_interval

Array = np.ndarray
FLATTEST = 4.0  # sharpness at (1, 1)
FEW = 40  # bounded cells of a map that get a ring each
RAMP = LinearSegmentedColormap.from_list("minima", ["#b3dcf5", "#3a96cc", "#00263f"])
HYPERBOLA: dict[str, Any] = {"color": "black", "linewidth": 0.5, "zorder": 3}
STABLE: dict[str, Any] = {"color": "#f7f056", "linewidth": 1.3, "zorder": 3.2}
SADDLES: dict[str, Any] = {"color": OUTCOME_COLORS["saddle"], "linestyle": "", "marker": "s",
                           "markersize": 1.3, "markeredgewidth": 0, "zorder": 3.5}  # fmt: skip
REACH: dict[str, Any] = {"color": OUTCOME_COLORS["saddle"], "linestyle": "", "marker": "o",
                         "markersize": 4.5, "markerfacecolor": "none", "markeredgewidth": 0.8,
                         "zorder": 4}  # fmt: skip
RING: dict[str, Any] = {"color": "black", "linestyle": "", "marker": "o", "markersize": 4,
                        "markerfacecolor": "none", "markeredgewidth": 0.7, "zorder": 4}  # fmt: skip
COLUMNS = {
    "learning_rate": "η",
    "minimum": "minimum",
    "largest_ratio": "largest\nλη/2",
    "saddle": "saddle",
    "expected": "derived",
    "moved": "moved: min. / saddle\n/ bounded / div.",
    "bounded": "bounded",
    "diverged": "diverged",
}
PLACES = (0.03, 0.15, 0.27, 0.38, 0.485, 0.665, 0.845, 0.965)


def draw_map(ax: Axes, cells: xr.Dataset) -> None:
    """Colours of one rate, the minimizers, the starts that end at the saddle."""
    eta = float(cells["learning_rate"])
    w1, w2 = cells["w1"].values, cells["w2"].values
    names = outcome_names(cells["outcome"])
    reach, outcome = float(np.abs(w1).max()), cells["outcome"].values
    edge = reach * (1 + 1 / max(len(w1) - 1, 1))
    ax.imshow(
        _colors(cells, names, eta), origin="lower", extent=(-edge, edge, -edge, edge),
        interpolation="nearest", zorder=1,
    )  # fmt: skip
    x = np.geomspace(1 / max(edge, 1.0), max(edge, 1.0), 201)
    low, high = (float(end) for end in stable_interval(eta))
    for sign in (-1, 1):
        ax.plot(sign * x, sign / x, **HYPERBOLA)
        if np.isfinite(high):
            part = np.geomspace(low, high, 101)
            ax.plot(sign * part, sign / part, **STABLE)
    grid = np.stack(np.meshgrid(w1, w2))
    ax.plot(*grid[:, outcome == names.index("saddle")], **SADDLES)
    if np.isfinite(far := float(saddle_reach(eta))):
        ax.plot([-far, far], [far, -far], **REACH)
    rare = outcome == names.index("bounded")
    if rare.sum() <= FEW:
        ax.plot(*grid[:, rare], **RING)
    ax.set(xlim=(-edge, edge), ylim=(-edge, edge))
    ax.set_aspect("equal")
    ax.grid(False)


def _colors(cells: xr.Dataset, names: list[str], eta: float) -> Float[Array, "w2 w1 3"]:
    palette = np.array([to_rgb(OUTCOME_COLORS[name]) for name in names])
    outcome = cells["outcome"].values
    shown = palette[outcome]
    at_minimum = outcome == names.index("minimum")
    room = 2 / eta - FLATTEST
    above = cells["sharpness"].values[at_minimum] - FLATTEST
    place = np.clip(above / room, 0, 1) if room > 0 else np.ones(len(above))
    shown[at_minimum] = RAMP(place)[:, :3]
    return shown


def count_table(ax: Axes, counts: pd.DataFrame) -> None:
    """Starts of each outcome as text, a row for each rate."""
    rows = [list(COLUMNS.values())]
    for row in counts.to_dict("records"):
        moved = [row[f"moved_{name}"] for name in ("minimum", "saddle", "bounded", "diverged")]
        text = {name: f"{row[name]}" for name in COLUMNS if name in row} | {
            "learning_rate": f"{row['learning_rate']:.6g}",
            "largest_ratio": f"{row['largest_ratio']:.4f}" if row["minimum"] else "–",
            "moved": " / ".join(str(number) for number in moved) if row["saddle"] else "–",
        }
        rows.append([text[name] for name in COLUMNS])
    ax.set(xlim=(0, 1), ylim=(len(rows) + 0.1, -0.6))
    ax.set_axis_off()
    for k, row in enumerate(rows):
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": "small"}
        look["color"] = "black" if k else "0.25"
        for x, entry in zip(PLACES, row, strict=True):
            ax.text(x, k if k else -0.05, entry, **look)
    ax.axhline(0.55, color="black", linewidth=0.6)


def sharpness_bar(figure: SubFigure, axes: list[Axes]) -> None:
    """From the flattest minimizers to the limit of stability, whatever the rate."""
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), RAMP), ax=axes, shrink=0.85, aspect=22, pad=0.01
    )
    bar.set_ticks([0, 1], labels=["4", "2/η"])
    bar.set_label("sharpness", labelpad=-6)


def legend(figure: Figure | SubFigure) -> None:
    """Colours of outcomes, lines and marks."""
    handles = [
        Patch(facecolor=RAMP(0.5), label="minimum"),
        Patch(facecolor=OUTCOME_COLORS["bounded"], label=OUTCOME_TEXT["bounded"]),
        Patch(facecolor=OUTCOME_COLORS["diverged"], label="diverged"),
        Line2D([], [], label="saddle 0", **(SADDLES | {"markersize": 3})),
        Line2D([], [], label=r"$w_1=-w_2=\pm\sqrt{1/η-1}$", **REACH),
        Line2D([], [], label="bounded, where rare", **RING),
        Line2D([], [], label="$w_1 w_2=1$", **HYPERBOLA),
        Line2D([], [], label="stable part of it", **(STABLE | {"linewidth": 2.5})),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
