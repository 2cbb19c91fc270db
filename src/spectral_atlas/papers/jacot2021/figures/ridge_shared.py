"""What figures of the regularized loss have in common: minima by rank, colours, axes of lambda."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from spectral_atlas.papers.jacot2021.figures.common import Inputs
from spectral_atlas.papers.jacot2021.theory import lambda_critical, lambda_global
from spectral_atlas.plotting.style import MARKERS, colors, ordered_colors

if TYPE_CHECKING:
    from spectral_atlas.config import Style

CELL = ["target", "depth", "ridge"]  # where ranks compete for the lowest value
KEPT = ["value", "cost", "test_cost", "gradient_norm", "rank_found", "converged", "stable"]


def minima_frame(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each target, depth, rank and ridge of a file of `minima.minima`.

    Returns
    -------
    DataFrame with the numbers of the file and ``relative``, the test cost in units of that of
    A = 0; ``own``, whether the rank has a critical point of its own; ``kept``, whether that is
    also converged and stable; ``lowest``, whether its value is the smallest among the converged
    ones of all ranks; ``edge``, whether that is at the largest rank searched, so that a higher one
    might be lower still.
    """
    frame = runs[KEPT].to_dataframe().reset_index()
    at_zero = runs["test_at_zero"].to_series()
    frame["relative"] = frame["test_cost"] / frame["target"].map(at_zero)
    frame["own"] = frame["rank_found"] == frame["rank"]
    frame["kept"] = frame["own"] & frame["converged"] & frame["stable"]
    values = frame["value"].where(frame["own"] & frame["converged"])
    least = values.groupby([frame[name] for name in CELL]).transform("min")
    frame["lowest"] = values.notna() & (values == least)
    smaller = min(runs.sizes["row"], runs.sizes["column"])
    frame["edge"] = frame["lowest"] & (frame["rank"] == frame["rank"].max())
    frame["edge"] &= frame["rank"].max() < smaller
    return frame.sort_values([*CELL, "rank"], ignore_index=True)


def rank_colors(style: Style, ranks: Iterable[int]) -> dict[int, Any]:
    """A colour for each rank from 0 to the largest, dark to light."""
    name = "viridis" if style.palette == "colorblind" else style.palette
    return dict(enumerate(ordered_colors(int(max(ranks, default=0)) + 1, name)))


def rank_handles(tones: dict[int, Any], ranks: Iterable[int]) -> list[Line2D]:
    """Legend entries, one for each rank."""
    return [
        Line2D([], [], color=tones[r], marker="o", markersize=3, label=f"rank {r}")
        for r in sorted(set(ranks))
    ]


def depth_looks(style: Style, depths: Iterable[int]) -> dict[int, tuple[Any, str]]:
    """A colour and a marker for each depth from 2 to 8, the same in all of these figures."""
    tones = colors(style, 7)
    return {L: (tones[L - 2], MARKERS[L - 2]) for L in sorted({int(L) for L in depths})}


def ridge_axis(ax: Axes, ridges: np.ndarray) -> None:
    """A log axis of lambda; over less than a decade its ticks are plain numbers."""
    low, high = float(np.min(ridges)), float(np.max(ridges))
    ax.set_xscale("log")
    pad = max((high / low) ** 0.06, 1.05)
    ax.set_xlim(low / pad, high * pad)
    if high / low < 10:
        ticks = sorted({low, high, float(ridges[np.abs(ridges - (low * high) ** 0.5).argmin()])})
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())


def say(ax: Axes, text: str) -> None:
    """A line in the middle of a panel that has nothing to show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="0.35",
            fontsize="small")  # fmt: skip


def numbers(values: Iterable[Any]) -> str:
    """``"0, 1, 2"`` for captions."""
    return ", ".join(f"{value:g}" for value in values)


def window(inputs: Inputs, runs: xr.Dataset, target: int, depth: int) -> tuple[float, float] | None:
    """Between which ridges a target's minimum of the true rank is local but not global.

    Theory has an answer where all entries are observed, without noise, from L = 3 on; it needs the
    matrices, and None comes back where these are not among the inputs.
    """
    data = inputs.get(f"data/{runs.attrs['data']}")
    everything = runs.sizes["row"] * runs.sizes["column"]
    if data is None or runs.attrs["observed"] < everything or runs.attrs["noise"] or depth < 3:
        return None
    values = np.linalg.svd(data["matrix"].sel(target=target).values, compute_uv=False)
    a = values[int(runs.attrs["true_rank"]) - 1]
    return (
        float(lambda_global(a, 1 / everything, depth)),
        float(lambda_critical(a, 1 / everything, depth)),
    )


def example(runs: xr.Dataset) -> int:
    """The target that is drawn on its own: the first of the file, whatever it shows."""
    return int(runs["target"].values[0])


def heading(runs: xr.Dataset) -> str:
    """``"noise 0.3, N = 80 of 100"``; without the last where all are observed."""
    everything = runs.sizes["row"] * runs.sizes["column"]
    noise = f"noise {runs.attrs['noise']:g}" if runs.attrs["noise"] else "no noise"
    N = int(runs.attrs["observed"])
    return f"{noise}, N = {N}" + (f" of {everything}" if everything > N else "")
