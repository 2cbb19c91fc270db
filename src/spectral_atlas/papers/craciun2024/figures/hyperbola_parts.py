"""The minimizers w_1 w_2 = 1 in the plane, and curves beside their stable parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.figures.common import outcome_names

Array = np.ndarray
STEP, ROOM = 0.036, 0.9  # between curves over half the width of the plane; for all, in units of w
ALONG = 121  # points of a curve


def measured(spectra: xr.Dataset) -> pd.DataFrame:
    """One row for each learning rate and branch: the measured stable part, beside theory's."""
    rows, kinds = [], outcome_names(spectra["kind"])
    for i, eta in enumerate(spectra["learning_rate"].values):
        low, high = theory.stable_interval(eta)
        for k, branch in enumerate(spectra["branch"].values):
            ends = np.sort(np.abs(spectra["interval"].values[i, k]))
            rows.append(
                {
                    "learning_rate": float(eta),
                    "branch": int(branch),
                    "kind": kinds[int(spectra["kind"].values[i, k])],
                    "low": ends[0],
                    "high": ends[1],
                    "arclength": float(spectra["arclength"].values[i, k]),
                    "largest_norm": float(spectra["largest_norm"].values[i, k]),
                    "predicted_low": float(low),
                    "predicted_high": float(high),
                    "predicted_arclength": float(theory.stable_arclength(eta)),
                }
            )
    return pd.DataFrame(rows)


def beside(low: float, high: float, sign: int, offset: float) -> Float[Array, "n 2"]:
    """The minimizers between |w_1| = low and high, moved to the side where w_1 w_2 > 1."""
    u = np.linspace(np.log(low), np.log(high), ALONG if high > low else 1)
    point = np.stack([np.exp(u), np.exp(-u)], axis=1)
    return sign * (point + offset * point[:, ::-1] / np.linalg.norm(point, axis=1)[:, None])


def colored(
    ax: Axes, points: Float[Array, "n 2"], values: Float[Array, " n"], norm: Normalize
) -> LineCollection:
    """A line through points, in the colours of a value at each."""
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    line = LineCollection(
        list(pieces), norm=norm, cmap="viridis", linewidth=3.0, capstyle="round", zorder=3
    )
    line.set_array(np.sqrt(values[:-1] * values[1:]))
    ax.add_collection(line)
    return line


def visible(parts: pd.DataFrame) -> float:
    """Half the width of the plane: all stable parts, with some room."""
    widest = parts["high"].max()
    return 1.18 * max(float(widest) if np.isfinite(widest) else 0.0, 1.7)


def plane(
    ax: Axes, spectra: xr.Dataset, parts: pd.DataFrame, tones: dict[float, Any], norm: Normalize
) -> LineCollection:
    """Both branches, and beside them a curve along the stable part for each learning rate."""
    reach = visible(parts)
    step = min(STEP * reach, ROOM / max(len(tones), 1))
    for k in range(spectra.sizes["branch"]):
        line = colored(ax, spectra["w"].values[k], spectra["sharpness"].values[k], norm)
    for place, (eta, tone) in enumerate(tones.items(), start=1):
        for row in parts[parts["learning_rate"] == eta].itertuples():
            if row.kind == "empty":
                continue
            curve = beside(row.low, row.high, row.branch, step * (place + 0.3))
            ax.plot(*curve.T, color=tone, linewidth=1.6, solid_capstyle="butt", zorder=4)
            face = "white" if row.kind == "point" else tone
            ax.plot(
                *curve[[0, -1]].T, "o", color=tone, markersize=3, markerfacecolor=face, zorder=5
            )
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="$w_1$", ylabel="$w_2$")
    ax.set_aspect("equal")
    ax.xaxis.set_major_locator(ax.yaxis.get_major_locator())
    return line


def ends_of(
    ax: Axes, x: Sequence[float], y: Sequence[float], branch: int, color: Any, kind: str
) -> None:
    """Measured ends: dots for w_1 > 0, open for a point; crosses for w_1 < 0."""
    face = "white" if kind == "point" else color
    look: dict[str, Any] = {"marker": "o", "markersize": 3.4, "markerfacecolor": face}
    if branch < 0:
        look = {"marker": "x", "markersize": 6, "markeredgewidth": 0.8}
    ax.plot(x, y, color=color, linestyle="", zorder=5, **look)
