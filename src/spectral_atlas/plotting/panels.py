"""Parts that several figures share: panel letters, single runs, means with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

GOLDEN = 0.6180339887498949


def letter(ax: Axes, text: str, title: str = "") -> None:
    """A bold panel letter over the left end of the axes, and a plain title after it."""
    ax.set_title(rf"$\bf{{{text}}}$  {title}".rstrip(), loc="left")


def jitter(count: int, width: float) -> np.ndarray:
    """Evenly spread offsets in [-width/2, width/2], (count,), the same in every drawing."""
    return width * ((GOLDEN * np.arange(1, count + 1)) % 1.0 - 0.5)


def members(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    whole: np.ndarray,
    color: Any,
    marker: str = "o",
    alpha: float = 0.3,
) -> None:
    """Single runs, faint: filled where ``whole`` (converged), open where not."""
    common: dict[str, Any] = {
        "linestyle": "none",
        "marker": marker,
        "markersize": 2.2,
        "zorder": 1.5,
    }
    ax.plot(
        x[whole], y[whole], color=color, alpha=alpha, markeredgewidth=0, rasterized=True, **common
    )
    ax.plot(
        x[~whole], y[~whole], color=color, markerfacecolor="none", markeredgewidth=0.5,
        rasterized=True, **common,
    )  # fmt: skip


def means(
    ax: Axes, x: np.ndarray | pd.Series, table: pd.DataFrame, color: Any, **settings: Any
) -> None:
    """Means with the ends of their intervals, from a table with columns mean, low and high."""
    ends = np.abs(table[["low", "high"]].to_numpy(float).T - table["mean"].to_numpy(float))
    look = {"capsize": 1.8, "elinewidth": 0.9, "capthick": 0.9, "zorder": 3}
    ax.errorbar(x, table["mean"], yerr=ends, color=color, **(look | settings))


def nothing_to_show(ax: Axes, values: np.ndarray | pd.Series) -> bool:
    """Whether no value is finite; if so, say it on the axes and give them harmless limits.

    An axis that is shared keeps its limits: other panels may have something to show.
    """
    if np.isfinite(values).any():
        return False
    ax.text(0.5, 0.5, "no run to show", transform=ax.transAxes, ha="center", va="center")
    if len(ax.get_shared_x_axes().get_siblings(ax)) == 1:
        ax.set_xlim(0.1, 1)
    if len(ax.get_shared_y_axes().get_siblings(ax)) == 1:
        ax.set_ylim(0.1, 1)
    return True


def note(figure: Figure, text: str) -> None:
    """A small line over the figure, for what became of its runs."""
    figure.suptitle(text, fontsize="small", color="0.25")
