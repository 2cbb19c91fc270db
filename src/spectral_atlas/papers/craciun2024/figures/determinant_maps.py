"""det(I - eta H) over the plane of two weights, and the curve on which it is 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import SymLogNorm
from matplotlib.figure import SubFigure

from spectral_atlas.plotting.curves import no_minor, spread
from spectral_atlas.plotting.style import COLORBLIND

Array = np.ndarray
MOST, SIDE = 6, 121  # maps, and their points along each axis, that are drawn
LINEAR = 0.1  # |det| below which colours are linear
LARGEST = 1e6  # of the colours
MINIMIZERS: dict[str, Any] = {"color": COLORBLIND[2], "linestyle": (0, (3, 1.5)), "linewidth": 1.2}


def determinants(found: xr.Dataset) -> list[tuple[float, xr.DataArray]]:
    """The rates that are drawn, ascending, each with det (w2, w1) at the points that are drawn."""
    etas = found["learning_rate"].values
    order = np.argsort(etas)
    every = int(np.ceil((found.sizes["w1"] - 1) / (SIDE - 1))) or 1
    thin = found[["sign", "log_determinant"]].isel(
        w1=slice(None, None, every), w2=slice(None, None, every)
    )
    with np.errstate(over="ignore"):
        det = thin["sign"] * np.exp(thin["log_determinant"])
    det = det.transpose("learning_rate", "w2", "w1")
    chosen = order[spread(len(etas), MOST)]
    return [(float(etas[i]), det.isel(learning_rate=i, drop=True)) for i in chosen]


def color_norm(maps: Sequence[xr.DataArray]) -> SymLogNorm:
    """One scale for all maps: linear near 0, symmetric."""
    sizes = np.concatenate([np.abs(det.values).ravel() for det in maps])
    sizes = sizes[np.isfinite(sizes)]
    most = 10.0 ** np.ceil(np.log10(np.clip(sizes.max(initial=1.0), 1.0, LARGEST)))
    return SymLogNorm(LINEAR, vmin=-most, vmax=most, base=10)


def draw_map(ax: Axes, det: xr.DataArray, norm: SymLogNorm) -> tuple[QuadMesh, Float[Array, "n 2"]]:
    """Colours, zero curve and minimizers; returns vertices of the curve, NaN between its parts."""
    w1, w2 = det["w1"].values, det["w2"].values
    mesh = ax.pcolormesh(
        w1, w2, det.values, norm=norm, cmap="PuOr", shading="gouraud", rasterized=True
    )
    vertices = _zero_curve(ax, det)
    reach = float(np.abs(w1).max())
    x = np.geomspace(1 / max(reach, 1.0), max(reach, 1.0), 101)
    for sign in (-1, 1):
        ax.plot(sign * x, sign / x, **MINIMIZERS)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
    ax.set_aspect("equal")
    ax.grid(False)
    return mesh, vertices


def _zero_curve(ax: Axes, det: xr.DataArray) -> Float[Array, "n 2"]:
    """Linear interpolation between the points of the grid."""
    values = det.values
    finite = values[np.isfinite(values)]
    if not finite.size or finite.min() >= 0 or finite.max() <= 0:
        return np.full((0, 2), np.nan)
    lines = ax.contour(
        det["w1"].values, det["w2"].values, values, levels=[0.0], colors="black", linewidths=1.0
    )
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for one in lines.allsegs[0] for part in (one, gap)])


def color_bar(figure: SubFigure, mesh: QuadMesh, axes: Sequence[Axes], norm: SymLogNorm) -> None:
    """Signed powers of ten."""
    bar = figure.colorbar(mesh, ax=list(axes), shrink=0.9, aspect=20, pad=0.01, extend="both")
    powers = [
        10.0**k for k in range(round(np.log10(LINEAR)), round(np.log10(norm.vmax or 1.0)) + 1)
    ]
    powers = powers[:: 1 + len(powers) // 6]
    ticks = [-p for p in powers[::-1]] + [0.0] + powers
    bar.set_ticks(ticks, labels=[f"{t:g}".replace("-", "−") for t in ticks])
    no_minor(bar.ax)
    bar.set_label(r"$\det(I-\eta H)$")


def map_rows(eta: float, det: xr.DataArray, vertices: Float[Array, "n 2"]) -> pd.DataFrame:
    """Every coloured point and every vertex."""
    w2, w1 = np.meshgrid(det["w2"].values, det["w1"].values, indexing="ij")
    common: dict[str, Any] = {"learning_rate": eta}
    return pd.concat(
        [
            pd.DataFrame(
                {"kind": "map", "w_1": w1.ravel(), "w_2": w2.ravel(), "det": det.values.ravel()}
            ),
            pd.DataFrame({"kind": "zero curve", "w_1": vertices[:, 0], "w_2": vertices[:, 1]}),
        ],
        ignore_index=True,
    ).assign(**common)
