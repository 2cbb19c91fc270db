"""How descents to the edge of stability are drawn: axes of steps, and lines of both parities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.axes import Axes

from spectral_atlas.papers.craciun2024.figures.edge_paths import Path
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.ticks import RAISED

Array = np.ndarray
EDGE: dict[str, Any] = {"color": "black", "linewidth": 0.8, "zorder": 1.6}
REFERENCE: dict[str, Any] = {"linestyle": (0, (3, 1.5)), "linewidth": 0.7, "alpha": 0.75}
FLOOR = 1e-32  # of losses on a log axis; below is rounding
SMALLEST, LARGEST = 1e-20, 1e6  # ends of an axis of losses, at most
ZIGZAG = 16  # behind this step even and odd steps are two lines


def thinned(count: int, most: int) -> Int[Array, " k"]:
    """At most about ``most`` of ``count`` places, as many in each decade."""
    if count <= most:
        return np.arange(count)
    chosen = np.geomspace(1, count, most).round().astype(int) - 1
    return np.unique(np.append(chosen, count - 1))


def branches(ax: Axes, steps: Array, y: Array, *, zigzag: int = ZIGZAG, **look: Any) -> None:
    """A line, and behind step ``zigzag`` two: of even and of odd steps.

    Across the edge a descent steps to the other side every time, which one line would fill.
    """
    early = steps <= zigzag
    ax.plot(steps[early], y[early], **look)
    for odd in (0, 1):
        some = (steps % 2 == odd) & (steps >= zigzag - 1)
        ax.plot(steps[some], y[some], **look)


def loss_axis(ax: Axes, losses: Sequence[Array], rows: int = 0) -> list[float]:
    """A log axis that holds all losses between `SMALLEST` and `LARGEST`.

    Returns the heights of ``rows`` rows below them, from the top.
    """
    shown = np.concatenate([np.zeros(0), *(np.maximum(y, FLOOR) for y in losses)])
    low, high = log_limits(shown[shown < LARGEST], floor=SMALLEST)
    room = (high / low) ** (0.08 * rows + 0.05) if rows else 1.0
    ax.set_ylim(low / room, high)
    return [low * room ** -((k + 0.4) / (rows + 0.3)) for k in range(rows)]


def rise_marks(ax: Axes, rises: Array, height: float, color: Any) -> None:
    """A row of ticks."""
    ax.plot(
        rises, np.full(len(rises), height), "|", color=color, markersize=3.5, zorder=3,
        markeredgewidth=0.4, rasterized=True,
    )  # fmt: skip


def path_rows(path: Path, chosen: Array) -> pd.DataFrame:
    """The numbers of one run that curves show."""
    return pd.DataFrame(
        {
            "run": path.name,
            "step": path.steps[chosen],
            "loss": path.loss[chosen],
            "reference_loss": path.reference_loss[chosen],
            "ratio": path.ratio[chosen],
            "reference_ratio": path.reference[chosen],
        }
    )


def rise_rows(path: Path) -> pd.DataFrame:
    """The steps that ticks mark."""
    return pd.DataFrame({"run": path.name, "step": path.rises, "quantity": "loss rose"})


def step_axis(
    ax: Axes, all_paths: Sequence[Path], label: bool = True, narrow: bool = False
) -> None:
    """Steps on a log scale from 1, with 0 on a short linear part before it."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.25)
    last = max((int(path.steps[-1]) for path in all_paths if len(path.steps)), default=1)
    ax.set_xlim(-0.1, max(1.15 * last, 2))
    ticks = {0: "0", 1: "1", 10: "10"}
    ticks |= {10**k: f"10{str(k).translate(RAISED)}" for k in range(2, len(str(max(last, 1))))}
    if narrow and last > 1:
        del ticks[1]
    shown = [at for at in ticks if at <= 1.15 * last]
    ax.set_xticks(shown, [ticks[at] for at in shown])
    if label:
        ax.set_xlabel("step")


def cross(ax: Axes, path: Path, y: Array, color: Any) -> None:
    """A cross at the last finite value of a run that diverged."""
    finite = np.flatnonzero(np.isfinite(y))
    if path.diverged_at >= 0 and finite.size:
        ax.plot(
            path.steps[finite[-1]], y[finite[-1]], "x", color=color, markersize=5, zorder=6,
            markeredgewidth=1.2,
        )  # fmt: skip
