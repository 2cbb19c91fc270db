"""The phase diagram of the uv model, with the means to first order in 1/w."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.diagram import phase_panel
from spectral_atlas.papers.kalra2023.figures.diagram_parts import LOOKS
from spectral_atlas.papers.kalra2023.figures.shared import SYMBOLS, summarize_constants
from spectral_atlas.papers.kalra2023.uv_theory import K_MAX, mean_c_loss, mean_c_max
from spectral_atlas.plotting.style import COLORBLIND

FORMULAS: dict[str, Callable[..., Any]] = {"c_loss": mean_c_loss, "c_max": mean_c_max}
THEORY: dict[str, Any] = {"color": COLORBLIND[0], "linewidth": 1.2, "zorder": 2.8}
EIGENVALUE: dict[str, Any] = {"color": COLORBLIND[4], "marker": "v", "linestyle": "none"}
TRACE: dict[str, Any] = {
    "color": LOOKS["c_sharp"]["color"], "marker": "^", "markerfacecolor": "none", "markersize": 8,
    "linestyle": "none", "zorder": 3.6,
}  # fmt: skip


def constants_frame(uv: xr.Dataset) -> pd.DataFrame:
    """Runs of the uv model as rows of a phase diagram; c_sharp is that of the trace.

    Returns
    -------
    DataFrame ``network, depth, width, run``, ``c_loss, c_sharp, c_top, c_max`` in units of the
    largest eigenvalue (c_top: by that eigenvalue; NaN if not on the grid) and ``end_...``, all 0.
    """
    names = {"c_loss": "c_loss", "c_sharp": "c_trace", "c_top": "c_sharp", "c_max": "c_max"}
    width, run = np.meshgrid(uv["width"].values, np.arange(uv.sizes["run"]), indexing="ij")
    frame = pd.DataFrame({"network": "uv", "depth": 2, "width": width.ravel(), "run": run.ravel()})
    for name, source in names.items():
        frame[name] = uv[source].transpose("width", "run").values.ravel()
        frame[f"end{name[1:]}"] = 0
    return frame


def uv_diagram(ax: Axes, uv: xr.Dataset) -> pd.DataFrame:
    """Critical learning rates in units of the largest eigenvalue, with the formulas' curves."""
    frame = constants_frame(uv)
    by = ["network", "depth", "width"]
    table = summarize_constants(frame, by, ["c_loss", "c_sharp", "c_top", "c_max"])
    phase_panel(
        ax, frame, constants=("c_loss", "c_sharp", "c_max"), fits=False, sizes=False,
        xlim=(1.4, 8.5),
    )  # fmt: skip
    for dots in ax.collections:
        if isinstance(dots, PathCollection):  # thousands of them
            dots.set(rasterized=True, alpha=0.1)
    ax.axvline(K_MAX, color="0.25", linestyle="--", linewidth=1, zorder=1.2)
    top = table[table["constant"] == "c_top"]
    y = 1 / top["width"].to_numpy(float)
    ax.hlines(y, top["q25"], top["q75"], color=EIGENVALUE["color"], linewidth=1.1, zorder=3)
    ax.plot(top["mean"], y, markersize=4, zorder=3.4, **EIGENVALUE)
    trace = table[table["constant"] == "c_sharp"]
    ax.plot(trace["mean"], y, **TRACE)  # around the markers of c_max, with which they coincide
    grid = np.geomspace(min(1 / y, default=4), max(1 / y, default=4), 100)
    for formula in FORMULAS.values():
        ax.plot(formula(grid), 1 / grid, **THEORY)
    ax.set(xlabel=r"$c=\eta\lambda_0$", ylabel=r"$1/w$")
    predicted = [
        FORMULAS[r.constant](r.width) if r.constant in FORMULAS else np.nan
        for r in table.itertuples()
    ]
    return table.assign(panel="e", predicted=predicted)


def uv_diagram_handles() -> list[Line2D]:
    """Legend entries of `uv_diagram`."""
    return [
        Line2D([], [], linestyle="none", label=SYMBOLS["c_loss"], **LOOKS["c_loss"]),
        Line2D([], [], label=r"$c_\mathrm{sharp}$ by trace", **TRACE | {"markersize": 6}),
        Line2D([], [], label=r"$c_\mathrm{sharp}$ by top eigenvalue", **EIGENVALUE),
        Line2D([], [], linestyle="none", label=SYMBOLS["c_max"], **LOOKS["c_max"]),
        Line2D(
            [],
            [],
            label=r"$\langle c_\mathrm{loss}\rangle$, $\langle c_\mathrm{max}\rangle$ to $1/w$",
            **THEORY,
        ),
        Line2D([], [], color="0.25", linestyle="--", linewidth=1, label="2 and 4"),
    ]
