"""Pieces of many figures: mean curves, dots of single runs, labelled lines, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

Array = np.ndarray
Label = tuple[float, str, Any]  # y in data units, text, colour
SMALLEST, LARGEST = 1e-307, 1e307  # ends of log axes: limits must be positive and finite


def spread(count: int, most: int) -> Int[Array, " n"]:
    """At most ``most`` of ``count`` places, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def cell_edges(x: Sequence[float]) -> np.ndarray:
    """Edges of the cells around sorted grid values, (n,) -> (n + 1,): midpoints, mirrored outside.

    A single value gets a cell of a tenth of its size (of 0.1 where it is 0).
    """
    grid = np.asarray(x, dtype=float)
    if grid.size == 1:
        half = 0.05 * abs(grid[0]) or 0.05
        return np.array([grid[0] - half, grid[0] + half])
    middle = (grid[1:] + grid[:-1]) / 2
    return np.concatenate([[2 * grid[0] - middle[0]], middle, [2 * grid[-1] - middle[-1]]])


def beside(x: np.ndarray, grid: Sequence[float], slot: int, slots: int) -> np.ndarray:
    """Grid values moved sideways inside their cells, so that ``slots`` curves do not overlap."""
    gaps = np.abs(cell_edges(grid)[:, None] - np.asarray(grid)[None, :])
    room = 2 * np.minimum(np.diagonal(gaps), np.diagonal(gaps, -1))  # to the nearer edge
    nearest = np.abs(np.asarray(x)[:, None] - np.asarray(grid)[None, :]).argmin(axis=1)
    return x + room[nearest] * 0.6 * ((slot + 0.5) / slots - 0.5)


def log_limits(
    values: np.ndarray, *, preferred: tuple[float, float] | None = None, floor: float = 0.0
) -> tuple[float, float]:
    """Limits of a log axis that hold all positive values, but none below ``floor``.

    Parameters
    ----------
    values : any shape; what is not positive or not finite does not count
    preferred : used where all values fit in
    floor : values below may leave the axis (`dots` marks them at its end)
    """
    flat = np.asarray(values, dtype=float).ravel()
    flat = flat[np.isfinite(flat) & (flat > 0)]
    if flat.size == 0:
        return preferred or (0.1, 10.0)
    low, high = max(flat.min(), min(floor, flat.max())), flat.max()
    if preferred and preferred[0] <= low and high <= preferred[1]:
        return preferred
    margin = max(high**0.05 / low**0.05, 1.25)  # the quotient itself could overflow
    bottom = max(low / margin, min(low, SMALLEST))
    return float(bottom), float(max(high, min(high, LARGEST / margin) * margin))


def mean_curve(
    ax: Axes,
    x: np.ndarray,
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    open_at: np.ndarray | None = None,
    color: Any,
    marker: str,
    label: str,
) -> Line2D:
    """A mean with its interval as a band; markers are open where ``open_at``."""
    ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0, zorder=2)
    (line,) = ax.plot(x, mean, color=color, marker=marker, label=label, zorder=4)
    if open_at is not None and open_at.any():
        ax.plot(
            x[open_at], mean[open_at], color=color, marker=marker, linestyle="", zorder=5,
            markerfacecolor="white",
        )  # fmt: skip
    return line


def dots(ax: Axes, x: np.ndarray, y: np.ndarray, *, color: Any) -> int:
    """Faint dots, one a run; what leaves a log axis downwards is a triangle on its lower end.

    Call after the limits are set. Returns how many are drawn as triangles.
    """
    bottom = ax.get_ylim()[0]
    below = np.isfinite(y) & (y < bottom)
    style: Any = {"color": color, "linestyle": "", "markeredgewidth": 0, "zorder": 1}
    ax.plot(x[~below], y[~below], marker=".", markersize=3.2, alpha=0.35, **style)
    if below.any():
        at = np.full(int(below.sum()), bottom)
        ax.plot(x[below], at, marker="v", markersize=4, alpha=0.7, clip_on=False, **style)
    return int(below.sum())


def reference(
    ax: Axes, y: float, *, color: Any = "black", style: str = ":", zorder: float = 3
) -> Line2D:
    """A horizontal line of theory: dotted for bounds, dashed for the edge of stability."""
    return ax.axhline(y, color=color, linestyle=style, linewidth=1.0, zorder=zorder)


def plain_log_ticks(ax: Axes, axis: Literal["x", "y"] = "y", *, most: float = 100.0) -> None:
    """Ticks 1, 2, 5, 10, ... without powers of ten, on a log axis of less than two decades.

    Call after the limits are set; ``most`` is how many times apart they may be.
    """
    own = _axis(ax, axis)
    low, high = sorted(own.get_view_interval())
    if high / low >= most:
        return
    own.set_major_locator(LogLocator(subs=(1, 2, 5)))
    own.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    own.set_minor_formatter(NullFormatter())


def few_ticks(ax: Axes, values: Sequence[float] | Array, axis: Literal["x", "y"] = "y") -> None:
    """Plain ticks of a log axis: at the least, middle and largest value if its ends are close.

    Call after the limits are set. Close is less than 4 times apart; from 20 times on, ticks stay.
    """
    own = _axis(ax, axis)
    low, high = sorted(own.get_view_interval())
    if high / low >= 4:
        plain_log_ticks(ax, axis, most=20.0)
        return
    at = np.unique(values)
    at = at[np.unique([0, at.size // 2, at.size - 1])]
    own.set_ticks(at.tolist(), labels=[f"{v:.4g}" for v in at])
    no_minor(ax, axis)


def no_minor(ax: Axes, axis: Literal["x", "y"] = "y") -> None:
    """No small ticks on one axis, labelled or not."""
    _axis(ax, axis).set_minor_locator(NullLocator())


def _axis(ax: Axes, name: Literal["x", "y"]) -> Axis:
    return ax.xaxis if name == "x" else ax.yaxis


def label_right(ax: Axes, labels: Sequence[Label], gap: float = 0.062) -> None:
    """Name lines at the right end of the axes, moved apart where they would overlap.

    Parameters
    ----------
    labels : (y in data units, text, colour); those outside the limits are left out
    gap : least distance of two labels as a share of the height of the axes
    """
    to_axes = (ax.transData + ax.transAxes.inverted()).transform
    left = ax.get_xlim()[0]
    placed = [(float(to_axes((left, y))[1]), text, color) for y, text, color in labels]
    placed = sorted((p for p in placed if -0.01 <= p[0] <= 1.01), key=lambda p: p[0])
    for (_, text, color), y in zip(placed, _apart([p[0] for p in placed], gap), strict=True):
        ax.annotate(
            text, (1, y), (3, 0), xycoords="axes fraction", textcoords="offset points",
            va="center", ha="left", color=color, fontsize="small", annotation_clip=False,
        )  # fmt: skip


def _apart(wanted: list[float], gap: float) -> np.ndarray:
    """Sorted positions at least ``gap`` apart, with the least sum of squared moves."""
    clusters: list[tuple[float, int]] = []  # mean of (wanted - rank gap), size
    for rank, y in enumerate(wanted):
        clusters.append((y - rank * gap, 1))
        while len(clusters) > 1 and clusters[-2][0] > clusters[-1][0]:
            (b, m), (a, k) = clusters.pop(), clusters.pop()
            clusters.append(((a * k + b * m) / (k + m), k + m))
    flat = [y for y, count in clusters for _ in range(count)]
    return np.array(flat) + gap * np.arange(len(wanted))
